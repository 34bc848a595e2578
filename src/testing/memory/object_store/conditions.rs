//! Reading on condition (RFC 9110, 13.2.2).

use http::StatusCode;
use http::header::{
    HeaderMap, HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_UNMODIFIED_SINCE,
};
use jiff::Timestamp;

use crate::testing::memory::storage::StoreError;

/// Whether an object is to be sent; `false` says that the reader has it already.
pub(super) fn hold(
    headers: &HeaderMap,
    etag: &str,
    modified: Timestamp,
) -> Result<bool, StoreError> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let names_it = |tags: &str| {
        tags.split(',').map(str::trim).any(|tag| {
            tag == "*" || tag.trim_start_matches("W/").trim_matches('"') == etag.trim_matches('"')
        })
    };
    let changed_since = |date: &str| {
        let date = httpdate::parse_http_date(date).ok()?;
        Timestamp::try_from(date)
            .ok()
            .map(|date| modified.as_second() > date.as_second())
    };
    match (text(IF_MATCH), text(IF_UNMODIFIED_SINCE)) {
        (Some(tags), _) if !names_it(tags) => return Err(failed()),
        (None, Some(date)) if changed_since(date) == Some(true) => return Err(failed()),
        _ => {}
    }
    Ok(match (text(IF_NONE_MATCH), text(IF_MODIFIED_SINCE)) {
        (Some(tags), _) => !names_it(tags),
        (None, Some(date)) => changed_since(date).unwrap_or(true),
        (None, None) => true,
    })
}

pub(super) fn failed() -> StoreError {
    StoreError::new(
        StatusCode::PRECONDITION_FAILED,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_tag_and_date() {
        let cases: [(HeaderName, &str, Option<bool>); 8] = [
            (IF_MATCH, "\"tag\"", Some(true)),
            (IF_MATCH, "*", Some(true)),
            (IF_MATCH, "\"other\"", None),
            (IF_NONE_MATCH, "\"other\", \"tag\"", Some(false)),
            (IF_NONE_MATCH, "\"other\"", Some(true)),
            (
                IF_MODIFIED_SINCE,
                "Thu, 01 Jan 1970 00:00:00 GMT",
                Some(false),
            ),
            (
                IF_UNMODIFIED_SINCE,
                "Thu, 01 Jan 1970 00:00:00 GMT",
                Some(true),
            ),
            (IF_MODIFIED_SINCE, "yesterday", Some(true)),
        ];
        for (name, value, expected) in cases {
            let headers = HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]);
            let found = hold(&headers, "\"tag\"", Timestamp::UNIX_EPOCH).ok();
            assert_eq!(found, expected, "{name}: {value}");
        }
    }
}
