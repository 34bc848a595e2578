//! One byte range of an object, as S3 reads it: what it does not understand it overlooks.

use std::ops::Range as Bytes;

/// What a `Range` header asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Part(Bytes<usize>),
    Whole,
    Unsatisfiable,
}

/// Reads a header for an object of this length.
pub(super) fn parse(header: &str, length: usize) -> Range {
    let spec = header
        .strip_prefix("bytes=")
        .and_then(|spec| spec.split_once('-'));
    let number = |text: &str| text.trim().parse::<usize>().ok();
    match spec.map(|(from, to)| (from.trim(), to.trim())) {
        Some(("", to)) => match number(to) {
            Some(0) => Range::Unsatisfiable,
            Some(_) if length == 0 => Range::Unsatisfiable,
            Some(last) => Range::Part(length.saturating_sub(last)..length),
            None => Range::Whole,
        },
        Some((from, to)) => match (number(from), number(to)) {
            (Some(from), Some(to)) if from > to => Range::Whole,
            (Some(from), _) if to.is_empty() || number(to).is_some() => {
                let end = number(to).map_or(length, |to| length.min(to.saturating_add(1)));
                if from < length {
                    Range::Part(from..end)
                } else {
                    Range::Unsatisfiable
                }
            }
            _ => Range::Whole,
        },
        None => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ten_bytes_and_of_none() {
        let cases = [
            ("bytes=2-4", 10, Range::Part(2..5)),
            ("bytes=8-99", 10, Range::Part(8..10)),
            ("bytes=8-", 10, Range::Part(8..10)),
            ("bytes=-3", 10, Range::Part(7..10)),
            ("bytes=-30", 10, Range::Part(0..10)),
            ("bytes=10-", 10, Range::Unsatisfiable),
            ("bytes=-0", 10, Range::Unsatisfiable),
            ("bytes=0-", 0, Range::Unsatisfiable),
            ("bytes=-1", 0, Range::Unsatisfiable),
            ("bytes=5-2", 10, Range::Whole),
            ("bytes=0-1,3-4", 10, Range::Whole),
            ("lines=0-1", 10, Range::Whole),
        ];
        for (header, length, expected) in cases {
            assert_eq!(parse(header, length), expected, "{header} of {length}");
        }
    }
}
