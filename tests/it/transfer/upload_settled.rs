//! Answers that were lost: the server is asked what it has.

use lakefs_sdk::{Result, models::ObjectStats, testing::MemoryLakeFs, transfer::Mode};

use super::lake::{Fate, Lake, MIB, PART, data, response};

/// The answers to the first requests of an operation get lost, behind the work or before it.
fn lost(
    operation: &'static str,
    mut times: u32,
    done: bool,
) -> impl FnMut(&super::lake::Sent) -> Fate {
    move |sent| {
        if sent.operation != operation || times == 0 {
            return Fate::Arrives;
        }
        times -= 1;
        match done {
            true => Fate::Replaced(response(504, "")),
            false => Fate::Answered(response(504, "")),
        }
    }
}

async fn conditional(client: &lakefs_sdk::Client, mode: Mode, size: usize) -> Result<ObjectStats> {
    let transfer = client.transfer().mode(mode).part_size(PART as u64);
    let upload = transfer.upload("lake", "main", "a").if_none_match("*");
    upload.metadata("k", "v").body(data(size)).await
}

/// The repeat of a conditional write meets its own first attempt: a 412 for a write that succeeded.
#[tokio::test(start_paused = true)]
async fn a_condition_that_fails_on_the_upload_itself_is_a_success() {
    let (lake, client) = Lake::new(lost("uploadObject", 1, true)).await;
    let stats = conditional(&client, Mode::Direct, MIB).await.unwrap();
    assert_eq!(stats.size_bytes, Some(MIB as i64));
    assert_eq!(
        lake.operations(),
        ["uploadObject", "uploadObject", "statObject"]
    );

    let (lake, client) = Lake::new(lost("linkPhysicalAddress", 1, true)).await;
    conditional(&client, Mode::Presigned, MIB).await.unwrap();
    assert_eq!(
        lake.operations()[3..],
        ["linkPhysicalAddress", "statObject"]
    );
}

/// The same 412 after a lost attempt is true where another writer was first.
#[tokio::test(start_paused = true)]
async fn the_object_of_another_writer_is_no_success() {
    for (mode, operation) in [
        (Mode::Direct, "uploadObject"),
        (Mode::Presigned, "linkPhysicalAddress"),
    ] {
        let (lake, client) = Lake::new(lost(operation, 1, false)).await;
        let other = lakefs_sdk::Client::new(lake.memory.clone());
        other
            .upload_object("lake", "main", "a")
            .body("theirs")
            .await
            .unwrap();

        let error = conditional(&client, mode, MIB).await.unwrap_err();

        assert!(error.is_precondition_failed(), "{error}");
        assert_eq!(lake.object("a").await, "theirs");
    }
}

/// A gateway that gave up is no reason to fail, or to send gigabytes once more.
#[tokio::test(start_paused = true)]
async fn lost_answers_of_what_was_done_are_found_out() {
    let lose = |operation, times| Lake::new(lost(operation, times, true));
    for (operation, times, mode, size) in [
        ("uploadObject", 3, Mode::Direct, 10),
        ("linkPhysicalAddress", 1, Mode::Auto, MIB),
        ("completePresignMultipartUpload", 1, Mode::Auto, 2 * PART),
    ] {
        let (lake, client) = lose(operation, times).await;
        let transfer = client.transfer().mode(mode).part_size(PART as u64);

        let stats = transfer
            .upload("lake", "main", "a")
            .body(data(size))
            .await
            .unwrap();

        assert_eq!(stats.size_bytes, i64::try_from(size).ok());
        assert_eq!(lake.count(operation), times as usize);
        assert!(lake.object("a").await == data(size));
        assert_eq!(lake.count("abortPresignMultipartUpload"), 0);
    }
}

/// An object that was changed between here and the server must not pass for what was sent.
#[tokio::test]
async fn a_direct_upload_that_was_changed_on_the_way_is_noticed() {
    let memory = MemoryLakeFs::builder().presign(false).build();
    let (_, client) = Lake::over(memory, "mem://lake", |sent| match sent.operation {
        "uploadObject" => Fate::Replaced(response(
            201,
            r#"{"path":"a","path_type":"object","physical_address":"mem://x","checksum":"900150983cd24fb0d6963f7d28e17f72",
                "size_bytes":1048576,"mtime":1}"#,
        )),
        _ => Fate::Arrives,
    })
    .await;
    let error = client
        .transfer()
        .upload("lake", "main", "a")
        .body(data(MIB))
        .await
        .unwrap_err();
    assert!(
        error.is_body() && error.to_string().contains("MD5"),
        "{error}"
    );

    let unverified = client.transfer().verify(false);
    unverified
        .upload("lake", "main", "a")
        .body(data(MIB))
        .await
        .unwrap();
}
