//! Patterns of branch names: `*`, `?`, `[a-z]`, `[!a-z]`, `{release,stable}-*`, and `\` before a sign that means itself.

/// A parsed pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Char(char),
    /// `?`
    One,
    /// `*` and `**`
    Any,
    OneOf {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
    Alternatives(Vec<Glob>),
}

/// A pattern that cannot be read. The real server takes it, and fails when it first has to match it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Glob {
    pub(super) fn parse(pattern: &str) -> Result<Self, Malformed> {
        let mut rest = pattern.chars();
        let (glob, end) = Self::parse_until(&mut rest, false)?;
        // Outside of braces, the pattern ends where the text does.
        end.is_none().then_some(glob).ok_or(Malformed)
    }

    /// Reads to the end or, in braces, to the `,` or `}` that it returns.
    fn parse_until(
        rest: &mut std::str::Chars<'_>,
        in_braces: bool,
    ) -> Result<(Self, Option<char>), Malformed> {
        let mut parts = Vec::new();
        while let Some(c) = rest.next() {
            parts.push(match c {
                ',' | '}' if in_braces => return Ok((Self(parts), Some(c))),
                '*' if parts.last() == Some(&Part::Any) => continue,
                '*' => Part::Any,
                '?' => Part::One,
                '\\' => Part::Char(rest.next().ok_or(Malformed)?),
                '[' => parse_set(rest)?,
                '{' => {
                    let mut alternatives = Vec::new();
                    loop {
                        let (alternative, end) = Self::parse_until(rest, true)?;
                        alternatives.push(alternative);
                        match end {
                            Some(',') => {}
                            Some(_) => break,
                            None => return Err(Malformed),
                        }
                    }
                    Part::Alternatives(alternatives)
                }
                c => Part::Char(c),
            });
        }
        Ok((Self(parts), None))
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        self.ends(&[0], &name).contains(&name.len())
    }

    /// Where a match that begins at one of `starts` may end. Sets instead of backtracking: no pattern takes long.
    fn ends(&self, starts: &[usize], name: &[char]) -> Vec<usize> {
        self.0
            .iter()
            .fold(starts.to_vec(), |starts, part| part.ends(&starts, name))
    }
}

impl Part {
    fn ends(&self, starts: &[usize], name: &[char]) -> Vec<usize> {
        let one = |accepts: &dyn Fn(char) -> bool| {
            let accepted = |at: &&usize| name.get(**at).is_some_and(|c| accepts(*c));
            starts.iter().filter(accepted).map(|at| at + 1).collect()
        };
        match self {
            Self::Char(expected) => one(&|c| c == *expected),
            Self::One => one(&|_| true),
            Self::Any => starts
                .iter()
                .min()
                .map_or_else(Vec::new, |first| (*first..=name.len()).collect()),
            Self::OneOf { ranges, negated } => one(&|c| {
                let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                within != *negated
            }),
            Self::Alternatives(alternatives) => {
                let mut ends: Vec<usize> = alternatives
                    .iter()
                    .flat_map(|alternative| alternative.ends(starts, name))
                    .collect();
                ends.sort_unstable();
                ends.dedup();
                ends
            }
        }
    }
}

/// Reads what follows `[`, to the `]`.
fn parse_set(rest: &mut std::str::Chars<'_>) -> Result<Part, Malformed> {
    let mut ranges: Vec<(char, char)> = Vec::new();
    let mut c = rest.next().ok_or(Malformed)?;
    let negated = c == '!';
    if negated {
        c = rest.next().ok_or(Malformed)?;
    }
    loop {
        match (c, ranges.last_mut()) {
            (']', Some(_)) => return Ok(Part::OneOf { ranges, negated }),
            (']', None) => return Err(Malformed),
            ('-', Some((_, high))) => {
                *high = rest.next().filter(|c| *c != ']').ok_or(Malformed)?;
            }
            ('\\', _) => {
                let escaped = rest.next().ok_or(Malformed)?;
                ranges.push((escaped, escaped));
            }
            (c, _) => ranges.push((c, c)),
        }
        c = rest.next().ok_or(Malformed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        let cases = [
            ("main", "main", true),
            ("main", "main2", false),
            ("release-*", "release-1", true),
            ("release-*", "release", false),
            ("*", "", true),
            ("**", "anything", true),
            ("stable_?", "stable_1", true),
            ("stable_?", "stable_12", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[!a-c]x", "dx", true),
            ("{main,release-*}", "release-2", true),
            ("{main,release-*}x", "main", false),
            ("{a,ab}b*", "abb", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a,b", "a,b", true),
        ];
        for (pattern, name, expected) in cases {
            let matched = Glob::parse(pattern).map(|glob| glob.matches(name));
            assert_eq!(matched, Ok(expected), "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_that_never_close_are_malformed() {
        for pattern in ["[", "[a", "[]", "{a", "{a,b", "\\", "[!", "[a-"] {
            assert_eq!(Glob::parse(pattern), Err(Malformed), "{pattern}");
        }
    }

    /// A name is checked on every write: no pattern may take exponential time.
    #[test]
    fn many_stars_are_matched_at_once() {
        let glob = Glob::parse(&"*a".repeat(100)).expect("a pattern");
        assert!(!glob.matches(&"a".repeat(99)));
    }
}
