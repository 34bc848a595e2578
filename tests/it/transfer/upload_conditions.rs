//! Two writers who want to be first, and write the same.
#![expect(clippy::unwrap_used, reason = "helpers of tests may fail them")]

use std::time::{Duration, SystemTime};

use http::Response;
use lakefs_sdk::{Body, Client, Result, models::ObjectStats, transfer::Mode};

use super::lake::{Fate, Lake, response};

const CLAIM: &str = "the lock is taken";

async fn claim(client: &Client, mode: Mode) -> Result<ObjectStats> {
    let transfer = client.transfer().mode(mode);
    let upload = transfer.upload("lake", "main", "lock").if_none_match("*");
    upload.body(CLAIM).await
}

/// A 412, by a server whose clock is so far ahead of when the lock was written.
fn refused(ahead: Duration) -> Response<Body> {
    let mut refused = response(412, r#"{"message":"precondition failed"}"#);
    let date = httpdate::fmt_http_date(SystemTime::now() + ahead);
    refused.headers_mut().insert("date", date.parse().unwrap());
    refused
}

/// Both were told that they have the lock: its content is the same, whoever wrote it.
#[tokio::test(start_paused = true)]
async fn a_small_claim_is_won_once() {
    let mut lost = false;
    let (lake, client) = Lake::new(move |sent| match sent.operation {
        "linkPhysicalAddress" if !std::mem::replace(&mut lost, true) => {
            Fate::Answered(response(503, ""))
        }
        _ => Fate::Arrives,
    })
    .await;
    let other = Client::new(lake.memory.clone());
    claim(&other, Mode::Auto).await.unwrap();

    let error = claim(&client, Mode::Auto).await.unwrap_err();

    assert!(error.is_precondition_failed(), "{error}");
    assert_eq!(lake.count("uploadObject"), 0);
}

/// Through lakeFS there is no address to tell by, but what was there before this upload began is another writer's.
#[tokio::test(start_paused = true)]
async fn a_claim_through_lakefs_is_not_won_by_what_was_there_before() {
    for (ahead, is_theirs) in [(Duration::from_secs(60), true), (Duration::ZERO, false)] {
        let mut requests = 0;
        let (lake, client) = Lake::new(move |sent| match sent.operation {
            "uploadObject" => {
                requests += 1;
                Fate::Answered(match requests {
                    1 => response(503, ""),
                    _ => refused(ahead),
                })
            }
            _ => Fate::Arrives,
        })
        .await;
        let other = Client::new(lake.memory.clone());
        claim(&other, Mode::Direct).await.unwrap();

        let outcome = claim(&client, Mode::Direct).await;

        match is_theirs {
            true => {
                let error = outcome.unwrap_err();
                assert!(error.is_precondition_failed() && error.may_have_taken_effect());
            }
            false => assert!(outcome.is_ok()),
        }
        assert_eq!(lake.count("statObject"), 1);
    }
}
