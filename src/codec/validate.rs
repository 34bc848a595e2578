//! The bounds that the API document sets, checked before anything is sent.

use std::borrow::Cow;

/// A model that has bounds, itself or in what it holds.
pub(crate) trait Validate {
    /// Names the first field that is out of its bounds.
    fn validate(&self) -> Result<(), Invalid>;
}

impl<T: Validate> Validate for Vec<T> {
    fn validate(&self) -> Result<(), Invalid> {
        self.iter().enumerate().try_for_each(|(at, value)| {
            value
                .validate()
                .map_err(|invalid| invalid.within(&format!("[{at}]")))
        })
    }
}

/// A field of a request's body that is out of its bounds.
#[derive(Debug)]
pub(crate) struct Invalid {
    pub(crate) field: String,
    pub(crate) problem: Cow<'static, str>,
}

// ===== impl Invalid =====

impl Invalid {
    /// The same, for the holder of the model: `message` → `commit.message`.
    pub(crate) fn within(mut self, holder: &str) -> Self {
        let dot = if self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{holder}{dot}{}", self.field);
        self
    }
}

/// Runs a check on a field.
pub(crate) fn field(name: &str, checked: Result<(), Cow<'static, str>>) -> Result<(), Invalid> {
    checked.map_err(|problem| Invalid {
        field: name.to_owned(),
        problem,
    })
}

/// `minLength` and `minItems` of 1, which is all that the document has.
pub(crate) fn not_empty(length: usize) -> Result<(), Cow<'static, str>> {
    if length == 0 {
        Err("must not be empty".into())
    } else {
        Ok(())
    }
}

/// `minimum` and `maximum`.
pub(crate) fn within(value: i64, minimum: i64, maximum: i64) -> Result<(), Cow<'static, str>> {
    if (minimum..=maximum).contains(&value) {
        Ok(())
    } else {
        Err(format!("is {value}; it must be from {minimum} to {maximum}").into())
    }
}

/// The pattern `^[a-z0-9][a-z0-9-]{2,62}$`.
pub(crate) fn repository_name(name: &str) -> Result<(), Cow<'static, str>> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let valid = (3..=63).contains(&name.len())
        && name
            .bytes()
            .enumerate()
            .all(|(at, byte)| allowed(byte) || (byte == b'-' && at > 0));
    if valid {
        Ok(())
    } else {
        Err(format!(
            "is {name:?}; a repository's name has 3 to 63 characters, lower-case letters, digits and `-`, and does not start with `-`"
        )
        .into())
    }
}

/// The pattern `^(s3|gs|https?|mem|local|transient)://.*$`.
pub(crate) fn storage_namespace(namespace: &str) -> Result<(), Cow<'static, str>> {
    const SCHEMES: [&str; 7] = ["s3", "gs", "http", "https", "mem", "local", "transient"];
    // `.` of the pattern is anything but a line break.
    let valid = namespace
        .split_once("://")
        .is_some_and(|(scheme, rest)| SCHEMES.contains(&scheme) && !rest.contains('\n'));
    if valid {
        Ok(())
    } else {
        Err(format!("is {namespace:?}; a storage namespace looks like s3://bucket/prefix (s3, gs, http, https, mem, local, transient)").into())
    }
}

/// The pattern `^bytes=((\d*-\d*,? ?)+)$`.
pub(crate) fn byte_range(range: &str) -> Result<(), Cow<'static, str>> {
    fn ranges(list: &str) -> Option<()> {
        let mut rest = list;
        loop {
            rest = rest
                .trim_start_matches(|c: char| c.is_ascii_digit())
                .strip_prefix('-')?;
            rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            rest = rest.strip_prefix(',').unwrap_or(rest);
            rest = rest.strip_prefix(' ').unwrap_or(rest);
            if rest.is_empty() {
                return Some(());
            }
        }
    }
    match range.strip_prefix("bytes=").and_then(ranges) {
        Some(()) => Ok(()),
        None => Err(format!(
            "is {range:?}; a range looks like bytes=0-99, bytes=100- or bytes=-50"
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    type Check = fn(&str) -> Result<(), Cow<'static, str>>;

    const CHECKS: [(&str, Check); 3] = [
        (r"^[a-z0-9][a-z0-9-]{2,62}$", repository_name),
        (
            r"^(s3|gs|https?|mem|local|transient)://.*$",
            storage_namespace,
        ),
        (r"^bytes=((\d*-\d*,? ?)+)$", byte_range),
    ];

    fn agree(text: &str) {
        for (pattern, check) in CHECKS {
            let pattern = pattern.replace(r"\d", "[0-9]");
            assert_eq!(
                check(text).is_ok(),
                Regex::new(&pattern).unwrap().is_match(text),
                "{pattern} on {text:?}"
            );
        }
    }

    /// A check that is stricter than the server refuses what works; a laxer one sends what fails.
    #[test]
    fn checks_agree_with_the_patterns_at_their_edges() {
        let long = "a".repeat(63);
        for text in [
            "",
            "ab",
            "abc",
            "-abc",
            "a-b",
            "Abc",
            "abc\n",
            &long,
            &format!("{long}a"),
            "s3://",
            "s3:/x",
            "ftp://x",
            "https://b/\n",
            "mem://lake",
            "bytes=0-9",
            "bytes=-1",
            "bytes=5-",
            "bytes=-",
            "bytes=a-b",
            "bytes=0-1, 5-6",
            "bytes=0-1,5-6 ",
            "bytes=",
            "bytes=1",
            "bytes=1-2-3",
            "bytes=1-2 3-4",
        ] {
            agree(text);
        }
    }

    proptest! {
        #[test]
        fn checks_agree_with_the_patterns(text in r"(bytes=|s3://|mem:/)?[a-z0-9\-, =\n]{0,12}") {
            agree(&text);
        }
    }
}
