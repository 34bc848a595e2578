//! What an upload tells while it runs.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests may fail them"
)]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use lakefs_sdk::{
    Body, BoxError,
    testing::MemoryLakeFs,
    transfer::{Mode, Transfer, progress::Event},
};
use tokio::io::AsyncWriteExt as _;

use super::lake::{Fate, Lake, MIB, PART, Sent, data, refusal};

/// What was heard, with bytes that follow each other added up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Heard {
    Started(Option<u64>),
    Bytes(u64),
    Retried(u64),
    Done(u64),
    Failed(String),
}

#[derive(Clone, Default)]
struct Ear {
    heard: Arc<Mutex<Vec<Heard>>>,
    largest: Arc<Mutex<u64>>,
}

// ===== impl Ear =====

impl Ear {
    fn listen(&self, transfer: Transfer) -> Transfer {
        let this = self.clone();
        transfer.progress(move |event| this.hear(event))
    }

    fn hear(&self, event: &Event<'_>) {
        let heard = match *event {
            Event::ObjectStarted { path: "a", bytes } => Heard::Started(bytes),
            Event::Retried { path: "a", bytes } => Heard::Retried(bytes),
            Event::ObjectDone { path: "a", bytes } => Heard::Done(bytes),
            Event::ObjectFailed { error, .. } => Heard::Failed(error.to_string()),
            Event::Bytes { path: "a", bytes } => {
                let mut largest = self.largest.lock().unwrap();
                *largest = bytes.max(*largest);
                if let Some(Heard::Bytes(sum)) = self.heard.lock().unwrap().last_mut() {
                    *sum += bytes;
                    return;
                }
                Heard::Bytes(bytes)
            }
            ref other => panic!("not expected: {other:?}"),
        };
        self.heard.lock().unwrap().push(heard);
    }

    fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// The bytes counted, without those taken back.
    fn counted(heard: &[Heard]) -> u64 {
        heard.iter().fold(0, |sum, heard| match heard {
            Heard::Bytes(bytes) => sum + bytes,
            Heard::Retried(bytes) => sum - bytes,
            _ => sum,
        })
    }
}

fn stream(size: usize) -> Body {
    let chunks: Vec<_> = data(size)
        .chunks(MIB)
        .map(|chunk| Ok::<_, BoxError>(Bytes::copy_from_slice(chunk)))
        .collect();
    Body::from_stream(futures_util::stream::iter(chunks))
}

fn whole(size: u64) -> [Heard; 3] {
    [
        Heard::Started(Some(size)),
        Heard::Bytes(size),
        Heard::Done(size),
    ]
}

/// A bar that waits for an event which one of the ways does not tell would never end.
#[tokio::test]
async fn every_way_tells_its_beginning_its_bytes_and_its_end() {
    let (_, presigning) = Lake::new(|_| Fate::Arrives).await;
    let memory = MemoryLakeFs::builder().presign(false).build();
    let (_, direct) = Lake::over(memory, "mem://lake", |_| Fate::Arrives).await;
    let ear = Ear::default();
    for client in [&presigning, &direct] {
        let transfer = ear.listen(client.transfer().part_size(PART as u64));
        for size in [10, MIB, 2 * PART + 1] {
            for verify in [true, false] {
                let upload = transfer.clone().verify(verify).upload("lake", "main", "a");
                upload.body(data(size)).await.unwrap();
                assert_eq!(ear.take(), whole(size as u64));
            }
        }
        let upload = transfer.upload("lake", "main", "a");
        upload.body(Bytes::new()).await.unwrap();
        assert_eq!(ear.take(), [Heard::Started(Some(0)), Heard::Done(0)]);

        // The end of a stream is known there only.
        for size in [10, 2 * PART + 1] {
            let upload = transfer.upload("lake", "main", "a");
            upload.body(stream(size)).await.unwrap();
            let mut expected = whole(size as u64);
            expected[0] = Heard::Started(None);
            assert_eq!(ear.take(), expected);
            let mut writer = transfer.writer("lake", "main", "a");
            writer.write_all(&data(size)).await.unwrap();
            writer.finish().await.unwrap();
            assert_eq!(ear.take(), expected);
        }
    }
}

/// On a slow line a part takes minutes: a bar that waits for its end looks stuck.
#[tokio::test]
async fn a_part_is_counted_as_it_goes_out() {
    let (_, client) = Lake::new(|_| Fate::Arrives).await;
    let ear = Ear::default();
    let transfer = ear.listen(client.transfer().part_size(PART as u64));
    for size in [MIB, 2 * PART] {
        let upload = transfer.upload("lake", "main", "a");
        upload.body(data(size)).await.unwrap();
    }
    assert_eq!(*ear.largest.lock().unwrap(), 64 * 1024);
}

/// Two requests of an operation, from the `n`th on, read their bodies and are refused.
fn busy(operation: &'static str, n: usize) -> impl FnMut(&Sent) -> Fate + Send {
    let mut seen = 0;
    move |sent| {
        seen += usize::from(sent.operation == operation);
        match sent.operation == operation && (n..n + 2).contains(&seen) {
            true => refusal(503, "SlowDown", "Please reduce your request rate."),
            false => Fate::Arrives,
        }
    }
}

/// Bytes that go out twice must not make a bar overshoot, and whoever watches must learn why it goes back.
#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_told_and_taken_back() {
    let cases = [
        ("uploadObject", 1, Mode::Direct, 10, 10),
        ("uploadObject", 1, Mode::Direct, MIB, MIB),
        ("presignedPut", 1, Mode::Auto, MIB, MIB),
        ("presignedPut", 2, Mode::Auto, 3 * PART, PART),
    ];
    for (operation, n, mode, size, again) in cases {
        let (_, client) = Lake::new(busy(operation, n)).await;
        let ear = Ear::default();
        let transfer = client.transfer().part_size(PART as u64).mode(mode);
        let upload = ear.listen(transfer).upload("lake", "main", "a");
        upload.body(data(size)).await.unwrap();

        let heard = ear.take();
        let retries: Vec<_> = heard
            .iter()
            .filter(|heard| matches!(heard, Heard::Retried(_)))
            .collect();
        assert_eq!(retries, [&Heard::Retried(again as u64); 2], "{operation}");
        assert_eq!(Ear::counted(&heard), size as u64);
        assert_eq!(heard.last(), Some(&Heard::Done(size as u64)));
    }
}

/// A URL that expired makes a part go out again, as a busy store does.
#[tokio::test]
async fn a_part_with_a_fresh_url_is_told() {
    let mut seen = 0;
    let (_, client) = Lake::new(move |sent| {
        seen += usize::from(sent.part == 2);
        match sent.part == 2 && seen == 1 {
            true => refusal(403, "AccessDenied", "Request has expired"),
            false => Fate::Arrives,
        }
    })
    .await;
    let ear = Ear::default();
    let transfer = ear.listen(client.transfer().part_size(PART as u64));
    let upload = transfer.upload("lake", "main", "a");
    upload.body(data(3 * PART)).await.unwrap();
    let heard = ear.take();
    assert!(heard.contains(&Heard::Retried(PART as u64)), "{heard:?}");
    assert_eq!(Ear::counted(&heard), 3 * PART as u64);
}

/// An upload that changes its way half way counts from the start.
#[tokio::test(start_paused = true)]
async fn parts_that_go_through_lakefs_after_all_are_taken_back() {
    let mut begun = false;
    let (lake, client) = Lake::new(move |sent| match sent.operation {
        // Nothing is stored: what is would not be sent once more.
        "presignedPut" if !std::mem::replace(&mut begun, true) => {
            refusal(503, "SlowDown", "Please reduce your request rate.")
        }
        "presignedPut" => {
            Fate::Fails(lakefs_sdk::transport::ConnectError::new("no such host").into())
        }
        _ => Fate::Arrives,
    })
    .await;
    let ear = Ear::default();
    let transfer = client.transfer().part_size(PART as u64).concurrency(1);
    let upload = ear.listen(transfer).upload("lake", "main", "a");
    upload.body(data(3 * PART)).await.unwrap();

    assert_eq!(lake.operations().last(), Some(&"uploadObject"));
    let heard = ear.take();
    assert!(heard.contains(&Heard::Retried(PART as u64)), "{heard:?}");
    assert_eq!(Ear::counted(&heard), 3 * PART as u64);
}

/// A failure that is not told leaves a line on the screen that says it goes on.
#[tokio::test]
async fn a_failure_is_told_with_its_reason() {
    let (_, client) = Lake::new(|sent| match sent.operation {
        "presignedPut" => refusal(403, "AccessDenied", "Access Denied"),
        _ => Fate::Arrives,
    })
    .await;
    let ear = Ear::default();
    let transfer = ear.listen(client.transfer());
    let upload = transfer.upload("lake", "main", "a");
    upload.body(data(MIB)).await.unwrap_err();
    match &*ear.take() {
        [Heard::Started(Some(_)), .., Heard::Failed(why)] => {
            assert!(why.contains("AccessDenied"), "{why}");
        }
        other => panic!("{other:?}"),
    }

    let missing = transfer.upload("lake", "main", "a");
    missing.file("/no/such/file").await.unwrap_err();
    transfer.upload("lake", "main", "").await.unwrap_err();
    match &*ear.take() {
        [Heard::Failed(file), Heard::Failed(path)] => {
            assert!(file.contains("/no/such/file") && path.contains("`path`"));
        }
        other => panic!("{other:?}"),
    }
}

/// Objects of a directory are told by the directory: twice would count them twice.
#[tokio::test]
async fn one_of_many_is_told_once() {
    let (_, client) = Lake::new(|_| Fate::Arrives).await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a"), data(MIB)).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let transfer = client.transfer().progress(move |event: &Event<'_>| {
        if !matches!(event, Event::Bytes { .. }) {
            heard.lock().unwrap().push(format!("{event:?}"));
        }
    });
    let upload = transfer.upload_directory(directory.path(), "lakefs://lake/main");
    upload.await.unwrap().check().unwrap();

    let told = told.lock().unwrap();
    assert_eq!(told.len(), 3, "{told:?}");
    for (told, name) in told.iter().zip(["Planned", "ObjectStarted", "ObjectDone"]) {
        assert!(told.starts_with(name), "{told}");
    }
}
