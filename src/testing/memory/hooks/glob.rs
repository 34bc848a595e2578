//! Branch filters: shell patterns, as Go's `path.Match` reads them.

/// A pattern that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadPattern;

/// Whether a pattern matches the whole of a name. `*` and `?` do not match a slash.
pub(super) fn matches(pattern: &str, name: &str) -> Result<bool, BadPattern> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // As in Go, what lies behind the point where the match fails is read too: it may be broken.
    let found = match_from(&pattern, &name)?;
    check(&pattern)?;
    Ok(found)
}

fn match_from(mut pattern: &[char], mut name: &[char]) -> Result<bool, BadPattern> {
    while let Some(first) = pattern.first() {
        if *first == '*' {
            let rest = &pattern[1..];
            let reach = name.iter().take_while(|c| **c != '/').count();
            for skipped in 0..=reach {
                if match_from(rest, &name[skipped..])? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        let Some(c) = name.first() else {
            return Ok(false);
        };
        let (accepted, length) = element(pattern, *c)?;
        if !accepted {
            return Ok(false);
        }
        pattern = &pattern[length..];
        name = &name[1..];
    }
    Ok(name.is_empty())
}

/// Reads all of a pattern, whatever it is matched with.
fn check(mut pattern: &[char]) -> Result<(), BadPattern> {
    while let Some(first) = pattern.first() {
        let length = if *first == '*' {
            1
        } else {
            element(pattern, 'a')?.1
        };
        pattern = &pattern[length..];
    }
    Ok(())
}

/// Whether the first element of a pattern accepts a character, and how long the element is.
fn element(pattern: &[char], c: char) -> Result<(bool, usize), BadPattern> {
    match pattern {
        ['?', ..] => Ok((c != '/', 1)),
        ['[', ..] => class(pattern, c),
        ['\\', escaped, ..] => Ok((c == *escaped, 2)),
        ['\\'] | [] => Err(BadPattern),
        [literal, ..] => Ok((c == *literal, 1)),
    }
}

fn class(pattern: &[char], c: char) -> Result<(bool, usize), BadPattern> {
    let negated = pattern.get(1) == Some(&'^');
    let mut at = if negated { 2 } else { 1 };
    let first = at;
    let mut found = false;
    loop {
        if pattern.get(at) == Some(&']') && at > first {
            return Ok((found != negated, at + 1));
        }
        let low = bound(pattern, &mut at)?;
        let high = if pattern.get(at) == Some(&'-') {
            at += 1;
            bound(pattern, &mut at)?
        } else {
            low
        };
        found |= (low..=high).contains(&c);
    }
}

fn bound(pattern: &[char], at: &mut usize) -> Result<char, BadPattern> {
    if pattern.get(*at) == Some(&'\\') {
        *at += 1;
    } else if matches!(pattern.get(*at), Some('-' | ']')) {
        return Err(BadPattern);
    }
    let c = pattern.get(*at).copied().ok_or(BadPattern)?;
    *at += 1;
    Ok(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        let cases = [
            ("main", "main", Ok(true)),
            ("main", "mainly", Ok(false)),
            ("f*", "feature-1", Ok(true)),
            ("*-prod", "eu-prod", Ok(true)),
            ("*a*b", "xaxxb", Ok(true)),
            ("", "", Ok(true)),
            ("*", "", Ok(true)),
            ("*", "a/b", Ok(false)),
            ("v?", "v1", Ok(true)),
            ("v?", "v12", Ok(false)),
            ("v[0-9]", "v7", Ok(true)),
            ("v[^0-9]", "v7", Ok(false)),
            ("v[0-9", "v7", Err(BadPattern)),
            ("x[]", "y", Err(BadPattern)),
            ("x\\", "y", Err(BadPattern)),
            ("\\*", "*", Ok(true)),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
