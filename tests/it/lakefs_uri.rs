//! Places as people paste them.

use std::collections::HashSet;

use lakefs_sdk::{Client, LakeFsUri, testing::MemoryLakeFs};
use proptest::prelude::*;

const FORM: &str = "lakefs://repository/ref/path";

/// O4: a link that the web page copied ends in a slash, and paths are what lakeFS stores, not what a URL library makes of
/// them.
#[test]
fn pasted_uris_are_taken_byte_for_byte() {
    let cases = [
        ("lakefs://repo/branch/", ("repo", "branch", "")),
        ("lakefs://repo/branch", ("repo", "branch", "")),
        ("lakefs://repo/main/a b%2Fc", ("repo", "main", "a b%2Fc")),
        ("lakefs://repo/main~1/../x", ("repo", "main~1", "../x")),
        ("lakefs://repo/main//p/", ("repo", "main", "/p/")),
        ("lakefs://repo/main/a?b#ü", ("repo", "main", "a?b#ü")),
    ];
    for (text, parts) in cases {
        let uri: LakeFsUri = text.parse().unwrap();
        assert_eq!((uri.repository(), uri.reference(), uri.path()), parts);
        assert_eq!(uri.to_string(), text);
        assert_eq!(serde_json::to_value(&uri).unwrap(), text);
        let read: LakeFsUri = serde_json::from_value(text.into()).unwrap();
        assert_eq!(read, uri);
    }
}

/// O4: the message has to say which part is wrong, and what would be right.
#[test]
fn errors_name_the_bad_part_and_the_form() {
    let cases = [
        ("lakefs://repo", "no ref"),
        ("lakefs://repo/", "no ref"),
        ("lakefs://", "no repository"),
        ("lakefs:///main/p", "no repository"),
        ("s5://r/b", "the scheme \"s5\""),
        ("LAKEFS://repo/main", "the scheme \"LAKEFS\""),
        ("repo/main/p", "does not begin with `lakefs://`"),
        ("lakefs://Repo/b/p", "the repository \"Repo\""),
        ("lakefs://r/b//p", "the repository \"r\""),
        ("lakefs://repo//p", "no ref"),
        ("lakefs://repo/my branch/p", "the ref \"my branch\""),
    ];
    for (text, problem) in cases {
        let error = LakeFsUri::try_from(text).unwrap_err();
        assert!(error.is_invalid_input());
        let message = error.to_string();
        assert!(
            message.contains(problem) && message.contains(FORM) && message.contains(text),
            "{message}"
        );
    }
    let error = serde_json::from_str::<LakeFsUri>("\"s5://r/b\"").unwrap_err();
    assert!(error.to_string().contains(FORM), "{error}");
}

/// A presigned URL in the wrong place must not end up in a log.
#[test]
fn a_pasted_secret_is_not_repeated() {
    let pasted = "https://me:hunter2@host/key?X-Amz-Signature=abcdef";
    let message = LakeFsUri::try_from(pasted).unwrap_err().to_string();
    assert!(
        !message.contains("hunter2") && !message.contains("abcdef"),
        "{message}"
    );
}

/// The same place, written with a slash and without, must not be worked on twice.
#[test]
fn the_root_is_one_place() {
    let all: HashSet<LakeFsUri> = ["lakefs://repo/main", "lakefs://repo/main/"]
        .map(|text| text.parse().unwrap())
        .into();
    assert_eq!(all.len(), 1);
    let uri = LakeFsUri::new("repo", "main", "a/b").unwrap();
    assert_eq!(uri.to_string(), "lakefs://repo/main/a/b");
    assert_eq!(uri.with_path("c").to_string(), "lakefs://repo/main/c");
    assert!(
        LakeFsUri::new("repo", "feat/x", "p")
            .unwrap_err()
            .is_invalid_input()
    );
}

/// O4: an object without a name would be made, and nobody could read it.
#[tokio::test]
async fn an_upload_to_an_empty_path_is_refused_before_it_is_sent() {
    let client = Client::new(MemoryLakeFs::new());
    let uri: LakeFsUri = "lakefs://repo/branch/".parse().unwrap();
    let error = client
        .upload_object(uri.repository(), uri.reference(), uri.path())
        .body("x")
        .await
        .unwrap_err();
    assert!(
        error.is_invalid_input() && error.message().contains("`path`"),
        "{error}"
    );
    assert_eq!(error.attempts(), 0);
}

proptest! {
    /// Whatever is shown can be read again.
    #[test]
    fn what_is_displayed_is_read_back(path in any::<String>(), reference in "[A-Za-z0-9_.~^@-]{1,20}") {
        let uri = LakeFsUri::new("lake", &reference, &path).unwrap();
        let again: LakeFsUri = uri.to_string().parse().unwrap();
        prop_assert_eq!(again.path(), path);
        prop_assert_eq!(again.reference(), reference);
        prop_assert_eq!(again.as_str(), uri.as_str());
    }

    /// No text makes it panic, and what is accepted is kept.
    #[test]
    fn any_text_is_kept_or_refused(text in "(lakefs://)?.{0,40}") {
        if let Ok(uri) = text.parse::<LakeFsUri>() {
            prop_assert_eq!(uri.to_string(), text);
        }
    }
}
