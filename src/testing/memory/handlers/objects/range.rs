//! One byte range of an object.

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// The bytes from the first to the second, both included.
    Bytes(u64, u64),
    /// The end of an object that has no bytes. The real server stumbles over it.
    EndOfNothing,
    /// It could be had from a longer object.
    Unsatisfiable,
    /// It makes no sense, or is more than one.
    Bad,
}

/// Reads a header for an object of this length.
pub(super) fn parse(header: &str, length: u64) -> Range {
    let Some((from, to)) = header
        .strip_prefix("bytes=")
        .and_then(|spec| spec.split_once('-'))
    else {
        return Range::Bad;
    };
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        digits => digits
            .parse::<u64>()
            .ok()
            .filter(|number| i64::try_from(*number).is_ok())
            .map(Some),
    };
    match (number(from), number(to)) {
        (Some(None), Some(Some(0))) => Range::Unsatisfiable,
        (Some(None), Some(Some(_))) if length == 0 => Range::EndOfNothing,
        (Some(None), Some(Some(suffix))) => Range::Bytes(length.saturating_sub(suffix), length - 1),
        (Some(Some(start)), Some(end)) => match end.unwrap_or(u64::MAX) {
            end if start > end => Range::Bad,
            _ if start >= length => Range::Unsatisfiable,
            end => Range::Bytes(start, end.min(length - 1)),
        },
        _ => Range::Bad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_sixteen_bytes() {
        let cases = [
            ("bytes=0-9", Range::Bytes(0, 9)),
            ("bytes=0-0", Range::Bytes(0, 0)),
            ("bytes=10-", Range::Bytes(10, 15)),
            ("bytes=-4", Range::Bytes(12, 15)),
            ("bytes=-100", Range::Bytes(0, 15)),
            ("bytes=15-20", Range::Bytes(15, 15)),
            ("bytes=-0", Range::Unsatisfiable),
            ("bytes=16-", Range::Unsatisfiable),
            ("bytes=99-100", Range::Unsatisfiable),
            ("bytes=5-2", Range::Bad),
            ("bytes=0-1,3-4", Range::Bad),
            ("bytes=-", Range::Bad),
            ("bytes=0--1", Range::Bad),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header, 16), expected, "{header}");
        }
    }

    #[test]
    fn ranges_of_nothing() {
        assert_eq!(parse("bytes=0-0", 0), Range::Unsatisfiable);
        assert_eq!(parse("bytes=-1", 0), Range::EndOfNothing);
    }
}
