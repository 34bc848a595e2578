//! A URI in place of a repository, a branch and a path.

use std::future::IntoFuture as _;

use lakefs_sdk::LakeFsUri;
use tokio::io::AsyncWriteExt as _;

use super::lake::{Fate, Lake};

/// O4: what people paste should do, and be the object that they see, with its spaces and percent signs.
#[tokio::test]
async fn an_upload_goes_where_its_uri_says() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer();
    let text = "lakefs://lake/main/tables/a b%2Fc.csv";
    let uri: LakeFsUri = text.parse().unwrap();
    let path = uri.path().to_owned();
    let uploads = [
        transfer.upload_to(text),
        transfer.upload_to(text.to_owned()),
        transfer.upload_to(&uri),
        transfer.upload_to(uri.clone()),
    ];
    for (number, upload) in uploads.into_iter().enumerate() {
        let content = number.to_string();
        assert_eq!(upload.body(content.clone()).await.unwrap().path, path);
        assert_eq!(lake.object(&path).await, content);
    }
    let mut writer = transfer.writer_to(&uri);
    writer.write_all(b"bit by bit").await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(lake.object(&path).await, "bit by bit");
}

/// O4: what is no URI, or one of no object, must be refused with the form that is expected, before anything is sent.
#[tokio::test]
async fn a_uri_that_is_none_is_told_when_it_is_awaited() {
    let (lake, client) = Lake::new(|_| Fate::Arrives).await;
    let transfer = client.transfer();
    for (uri, problem) in [
        ("lakefs://lake", "has no ref"),
        ("s3://lake/main/a", "lakefs://repository/ref/path"),
        ("lakefs://lake/main/", "`path` is empty"),
    ] {
        let upload = transfer.upload_to(uri);
        let error = upload.body("x").into_future().await.unwrap_err();
        assert!(error.is_invalid_input());
        assert!(error.to_string().contains(problem), "{error}");

        let error = transfer.writer_to(uri).finish().await.unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
    }
    let shown = format!("{:?}", transfer.upload_to("s3://lake/main/a?signature=x"));
    assert!(!shown.contains("signature"), "{shown}");
    assert_eq!(lake.operations(), [""; 0]);
}
