//! Metadata that one way could carry and another could not.

use lakefs_sdk::transfer::Mode;

use super::lake::{Fate, Lake, MIB, PART, data};

/// What works with a small file in a test must not fail with a large one in production, or the other way around.
#[tokio::test]
async fn what_no_header_holds_is_refused_whatever_the_size() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer().part_size(PART as u64);
    for mode in [Mode::Auto, Mode::Direct, Mode::Presigned] {
        for size in [10, MIB, 2 * PART] {
            for (key, value) in [
                ("no key", "v"),
                ("schl\u{fc}ssel", "v"),
                ("", "v"),
                ("lines", "a\nb"),
                ("padded", " v"),
                ("::lakefs::no key", "v"),
            ] {
                let transfer = transfer.clone().mode(mode);
                let upload = transfer.upload("lake", "main", "a").body(data(size));
                let error = upload.metadata(key, value).await.unwrap_err();
                let name = key.trim_start_matches("::lakefs::");
                assert!(
                    error.is_invalid_input() && error.to_string().contains(name),
                    "{error}"
                );
            }
            let upload = transfer.clone().mode(mode).upload("lake", "main", "a");
            let upload = upload.body(data(size)).content_type("text/\n");
            let error = upload.await.unwrap_err();
            assert!(error.to_string().contains("content-type"), "{error}");
        }
    }
    assert_eq!(lake.operations(), [""; 0]);

    for size in [10, MIB, 2 * PART] {
        let upload = transfer.upload("lake", "main", "a").body(data(size));
        let upload = upload.metadata("Greeting", "gr\u{fc}\u{df}e");
        let upload = upload.metadata("::lakefs::client-mtime", "7");
        let found = upload.await.unwrap().metadata.unwrap();
        assert_eq!(found["greeting"], "gr\u{fc}\u{df}e");
        assert_eq!(found["::lakefs::client-mtime"], "7");
    }
}
