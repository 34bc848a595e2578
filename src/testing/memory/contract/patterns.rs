//! The three patterns of the API document, by hand: a regex engine would be the largest dependency of the testing kit.

/// A pattern and the text of its regular expression, which error messages quote.
pub(super) struct NamedPattern {
    pub(super) text: &'static str,
    pub(super) matches: fn(&str) -> bool,
}

pub(super) static REPOSITORY_NAME: NamedPattern = NamedPattern {
    text: "^[a-z0-9][a-z0-9-]{2,62}$",
    matches: is_repository_name,
};

pub(super) static NAMESPACE_URI: NamedPattern = NamedPattern {
    text: "^(s3|gs|https?|mem|local|transient)://.*$",
    matches: is_namespace_uri,
};

pub(super) static BYTE_RANGE: NamedPattern = NamedPattern {
    text: r"^bytes=((\d*-\d*,? ?)+)$",
    matches: is_byte_range,
};

impl std::fmt::Debug for NamedPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.text)
    }
}

fn is_repository_name(text: &str) -> bool {
    crate::testing::memory::state::names::is_repository(text)
}

fn is_namespace_uri(text: &str) -> bool {
    const SCHEMES: [&str; 7] = ["s3", "gs", "http", "https", "mem", "local", "transient"];
    // `.` does not match a line break.
    text.split_once("://")
        .is_some_and(|(scheme, rest)| SCHEMES.contains(&scheme) && !rest.contains('\n'))
}

fn is_byte_range(text: &str) -> bool {
    let Some(mut rest) = text.strip_prefix("bytes=") else {
        return false;
    };
    let digits = |text: &mut &str| *text = text.trim_start_matches(|c: char| c.is_ascii_digit());
    while !rest.is_empty() {
        digits(&mut rest);
        let Some(after) = rest.strip_prefix('-') else {
            return false;
        };
        rest = after;
        digits(&mut rest);
        rest = rest.strip_prefix(',').unwrap_or(rest);
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    text != "bytes="
}

/// RFC 3339 as the API document wants it: with a time, and with or without a zone.
pub(super) static DATE_TIME: &str = r"^[0-9]{4}-(0[1-9]|10|11|12)-(0[1-9]|[12][0-9]|3[01])T([0-1][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?(Z|(\+|-)[0-9]{2}:[0-9]{2})?$";

pub(super) fn is_date_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        let part = text.get(from..to)?;
        part.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse().ok())?
    };
    let between = |from, to, low, high| number(from, to).is_some_and(|n| (low..=high).contains(&n));
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let fixed = bytes.len() >= 19
        && separators.iter().all(|&(at, byte)| bytes[at] == byte)
        && number(0, 4).is_some()
        && between(5, 7, 1, 12)
        && between(8, 10, 1, 31)
        && between(11, 13, 0, 23)
        && between(14, 16, 0, 59)
        && between(17, 19, 0, 60);
    let Some(mut rest) = text.get(19..).filter(|_| fixed) else {
        return false;
    };
    if let Some(fraction) = rest.strip_prefix('.') {
        let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        if after.len() == fraction.len() {
            return false;
        }
        rest = after;
    }
    let zone = rest.as_bytes();
    matches!(zone, b"" | b"Z")
        || (zone.len() == 6
            && matches!(zone[0], b'+' | b'-')
            && zone[3] == b':'
            && [1, 2, 4, 5].iter().all(|&at| zone[at].is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_ranges_follow_the_document() {
        for good in [
            "bytes=0-9",
            "bytes=-",
            "bytes=-4",
            "bytes=10-",
            "bytes=0-1,3-4",
            "bytes=0-1, 3-4",
            "bytes=0--1",
        ] {
            assert!(is_byte_range(good), "{good}");
        }
        for bad in [
            "",
            "bytes=",
            "bytes=a-b",
            "items=0-1",
            "bytes 0-1",
            "bytes= 0-3",
            "bytes=5",
        ] {
            assert!(!is_byte_range(bad), "{bad}");
        }
    }

    #[test]
    fn date_times_need_a_time() {
        for good in [
            "2020-09-15T12:00:00Z",
            "2020-09-15T14:00:00+02:00",
            "2020-09-15T12:00:00.5Z",
            "2020-09-15T12:00:00",
        ] {
            assert!(is_date_time(good), "{good}");
        }
        for bad in [
            "bad",
            "2020-09-15",
            "2020-13-15T12:00:00Z",
            "2020-09-15T12:00:00.Z",
            "2020-09-15T24:00:00Z",
            "2020-09-15 12:00:00Z",
        ] {
            assert!(!is_date_time(bad), "{bad}");
        }
    }
}
