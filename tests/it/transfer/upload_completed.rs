//! The last request of an upload in parts: all that was sent hangs on it.

use std::time::Duration;

use lakefs_sdk::{Client, Result, models::ObjectStats};

use super::lake::{Fate, Lake, PART, Sent, data, refusal, response};

const COMPLETE: &str = "completePresignMultipartUpload";

async fn upload(client: &Client) -> Result<ObjectStats> {
    let transfer = client.transfer().part_size(PART as u64);
    let upload = transfer.upload("lake", "main", "a");
    upload.body(data(2 * PART)).await
}

/// The fates of the requests of an operation, one after the other; the others arrive.
fn script(operation: &'static str, fates: Vec<Fate>) -> impl FnMut(&Sent) -> Fate + Send {
    let mut fates = fates.into_iter();
    move |sent| match sent.operation == operation {
        true => fates.next().unwrap_or(Fate::Arrives),
        false => Fate::Arrives,
    }
}

fn gateway() -> Fate {
    Fate::Answered(response(504, ""))
}

/// S3 may take minutes for thousands of parts.
#[tokio::test(start_paused = true)]
async fn parts_may_be_put_together_for_minutes() {
    let late = vec![Fate::Late(Duration::from_secs(500))];
    let (lake, client) = Lake::new(script(COMPLETE, late)).await;

    upload(&client).await.unwrap();

    assert_eq!(lake.count(COMPLETE), 1);
    assert_eq!(lake.count("statObject"), 0);
}

/// A balancer that does not wait for that long threw away a finished upload of hundreds of gigabytes.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_wait_is_asked_again() {
    let lost = vec![gateway(), gateway(), gateway()];
    let (lake, client) = Lake::new(script(COMPLETE, lost)).await;

    upload(&client).await.unwrap();

    assert_eq!(lake.count(COMPLETE), 4);
    assert_eq!(lake.count("abortPresignMultipartUpload"), 0);
    assert!(lake.object("a").await == data(2 * PART));
}

/// Where the first request did it after all, the second is told that there is no such upload: that is no failure.
#[tokio::test(start_paused = true)]
async fn an_upload_that_is_gone_is_looked_for() {
    let mut looks = 0;
    let mut completes = 0;
    let (lake, client) = Lake::new(move |sent| match sent.operation {
        COMPLETE => {
            completes += 1;
            match completes {
                1 => Fate::Replaced(response(504, "")),
                _ => refusal(500, "NoSuchUpload", "The specified upload does not exist."),
            }
        }
        // Not visible at once.
        "statObject" => {
            looks += 1;
            match looks {
                1..=3 => Fate::Answered(response(404, r#"{"message":"not found"}"#)),
                _ => Fate::Arrives,
            }
        }
        _ => Fate::Arrives,
    })
    .await;

    let stats = upload(&client).await.unwrap();

    assert_eq!(stats.size_bytes, i64::try_from(2 * PART).ok());
    assert_eq!(lake.count(COMPLETE), 2);
    assert_eq!(lake.count("statObject"), 4);
    assert_eq!(lake.count("abortPresignMultipartUpload"), 0);
}

/// It must end some time, with what went wrong first, and leave nothing behind.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_never_answers_ends_the_upload() {
    let (lake, client) = Lake::new(|sent| match sent.operation {
        COMPLETE => gateway(),
        _ => Fate::Arrives,
    })
    .await;

    let error = upload(&client).await.unwrap_err();

    assert_eq!(error.status().unwrap(), 504);
    assert!(error.may_have_taken_effect());
    assert_eq!(lake.count(COMPLETE), 7);
    assert_eq!(
        lake.operations().last(),
        Some(&"abortPresignMultipartUpload")
    );
    assert_eq!(lake.memory.pending_uploads(), []);
}

/// What can never be put together is not tried for minutes.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_repeated() {
    for code in ["NoSuchUpload", "EntityTooSmall", "InvalidPart"] {
        let refused = vec![refusal(500, code, "no")];
        let (lake, client) = Lake::new(script(COMPLETE, refused)).await;

        let error = upload(&client).await.unwrap_err();

        assert!(error.to_string().contains(code), "{error}");
        assert_eq!(lake.count(COMPLETE), 1);
        assert_eq!(lake.count("statObject"), 0);
        assert_eq!(lake.count("abortPresignMultipartUpload"), 1);
    }
}
