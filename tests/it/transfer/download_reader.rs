//! Objects that are read here and there.

use std::io::SeekFrom;

use bytes::Bytes;
use lakefs_sdk::{
    Client, blocking,
    testing::{Fault, FaultLayer, MemoryLakeFs, fault::Rule},
};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tower::Layer as _;

use super::download::{pattern, put, with_object};

const MIB: u64 = 1024 * 1024;

/// A lakeFS that counts, by a fault that is none.
fn counted(lakefs: MemoryLakeFs) -> (Client, FaultLayer) {
    let nothing = Fault::Latency(std::time::Duration::ZERO..=std::time::Duration::ZERO);
    let counter = FaultLayer::new(1).rule(Rule::new(nothing).only(["getObject"]));
    (Client::new(counter.layer(lakefs)), counter)
}

async fn lakefs(content: &Bytes) -> MemoryLakeFs {
    let lakefs = MemoryLakeFs::new();
    with_object(&lakefs, "mem://lake", content).await;
    lakefs
}

/// Reading on must not cost a request a read.
#[tokio::test]
async fn reading_on_fetches_ahead_in_growing_blocks() {
    let content = pattern(10 * MIB as usize);
    let (client, counter) = counted(lakefs(&content).await);
    let mut object = client.transfer().reader("lake", "main", "a").await.unwrap();
    assert_eq!(counter.injected().len(), 0);

    let mut copy = Vec::new();
    object.read_to_end(&mut copy).await.unwrap();

    assert!(copy == content);
    assert!(
        counter.injected().len() <= 6,
        "{}",
        counter.injected().len()
    ); // 1/4, 1/2, 1, 2, 4, 8 MiB
    assert_eq!(object.read(&mut [0; 10]).await.unwrap(), 0);
}

/// A seek must cost nothing, and one back into what is there no request.
#[tokio::test]
async fn seeks_are_free_until_something_is_read() {
    let content = pattern(4 * MIB as usize);
    let (client, counter) = counted(lakefs(&content).await);
    let mut object = client.transfer().reader("lake", "main", "a").await.unwrap();
    let mut four = [0; 4];
    for at in [5, 1, 4 * MIB - 4, 100 * MIB] {
        object.seek(SeekFrom::Start(at)).await.unwrap();
    }
    assert_eq!(object.read(&mut four).await.unwrap(), 0); // beyond the end, as files do it
    assert_eq!(counter.injected().len(), 0);

    assert_eq!(object.seek(SeekFrom::End(-4)).await.unwrap(), 4 * MIB - 4);
    object.read_exact(&mut four).await.unwrap();
    assert_eq!(four, content[4 * MIB as usize - 4..]);
    object.seek(SeekFrom::Start(MIB)).await.unwrap();
    object.read_exact(&mut four).await.unwrap();
    object.seek(SeekFrom::Current(-2)).await.unwrap();
    object.read_exact(&mut four).await.unwrap();
    assert_eq!(four, content[MIB as usize + 2..MIB as usize + 6]);
    assert_eq!(counter.injected().len(), 2);
    assert!(
        object
            .seek(SeekFrom::Current(-(2 * MIB as i64)))
            .await
            .is_err()
    );
}

/// Column files are read in many small pieces: a request each would take for ever, and one for all would fetch the file.
#[tokio::test]
async fn ranges_that_are_near_share_a_request() {
    let content = pattern(8 * MIB as usize);
    let (client, counter) = counted(lakefs(&content).await);
    let object = client.transfer().reader("lake", "main", "a").await.unwrap();
    let ranges = [
        7 * MIB..7 * MIB + 5,
        0..10,
        MIB..MIB + 10,    // less than 1 MiB behind the last
        5..3000,          // overlaps
        4 * MIB..4 * MIB, // nothing
        0..1,
    ];

    let parts = object.read_ranges(&ranges).await.unwrap();

    for (part, range) in parts.iter().zip(&ranges) {
        assert_eq!(
            part,
            &content.slice(range.start as usize..range.end as usize)
        );
    }
    assert_eq!(counter.injected().len(), 2);
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is refused")]
    let error = object.read_ranges(&[5..3, 0..1]).await.unwrap_err();
    assert!(error.is_invalid_input());
    assert!(
        object
            .read_ranges(&[0..1, 0..8 * MIB + 1])
            .await
            .unwrap_err()
            .is_bad_request()
    );
    assert_eq!(object.read_ranges(&[]).await.unwrap(), Vec::<Bytes>::new());
}

/// Pieces of two versions of a file are no file.
#[tokio::test]
async fn an_object_that_changes_while_it_is_read_is_an_error() {
    let client = Client::new(lakefs(&pattern(2 * MIB as usize)).await);
    let mut object = client.transfer().reader("lake", "main", "a").await.unwrap();
    object.read_u8().await.unwrap();
    put(&client, &pattern(2 * MIB as usize + 1).slice(1..)).await;

    object.seek(SeekFrom::Start(MIB)).await.unwrap();
    let error = object.read_u8().await.unwrap_err();

    let error = error
        .get_ref()
        .unwrap()
        .downcast_ref::<lakefs_sdk::Error>()
        .unwrap();
    assert!(
        error.is_precondition_failed() && error.to_string().contains("object changed"),
        "{error}"
    );
    assert!(
        object
            .read_ranges(&[0..1, 1..2])
            .await
            .unwrap_err()
            .is_precondition_failed()
    );
}

/// An empty object is at its end.
#[tokio::test]
async fn an_empty_object_has_nothing_to_read() {
    let client = Client::new(lakefs(&Bytes::new()).await);
    let mut object = client.transfer().reader("lake", "main", "a").await.unwrap();
    let mut all = Vec::new();
    object.read_to_end(&mut all).await.unwrap();
    assert_eq!((all.len(), object.size()), (0, 0));
    assert_eq!(object.etag(), Some("\"d41d8cd98f00b204e9800998ecf8427e\""));
}

/// What a reader does, on a line that breaks.
#[derive(Clone, Debug)]
enum Step {
    Read(usize),
    Seek(u64),
    Ranges(Vec<(u64, u64)>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (1_usize..400_000).prop_map(Step::Read),
        (0_u64..1_100_000).prop_map(Step::Seek),
        proptest::collection::vec((0_u64..1_000_000, 0_u64..50_000), 0..4).prop_map(Step::Ranges),
    ];
    proptest::collection::vec(step, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A reader is a file, whatever happens on the way.
    #[test]
    fn a_reader_reads_what_a_slice_has(steps in steps(), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let content = pattern(1_000_000);
            let faults = FaultLayer::new(seed)
                .rule(Rule::new(Fault::CutBody { after: 0..=300_000 }).only(["getObject"]).probability(0.2));
            let client = Client::new(faults.layer(lakefs(&content).await));
            let mut object = client.transfer().reader("lake", "main", "a").await.unwrap();
            let mut at = 0;
            for step in steps {
                match step {
                    Step::Read(count) => {
                        let mut read = vec![0; count];
                        // A line that breaks too often in a row is an error.
                        let Ok(got) = object.read(&mut read).await else {
                            return Ok(());
                        };
                        let here = at.min(content.len());
                        prop_assert!(got > 0 || here == content.len());
                        prop_assert!(read[..got] == content[here..here + got]);
                        at += got;
                    }
                    Step::Seek(to) => {
                        at = to as usize;
                        object.seek(SeekFrom::Start(to)).await.unwrap();
                    }
                    Step::Ranges(ranges) => {
                        let ranges: Vec<_> = ranges
                            .iter()
                            .map(|(start, length)| *start..(start + length).min(1_000_000))
                            .collect();
                        let Ok(parts) = object.read_ranges(&ranges).await else {
                            return Ok(());
                        };
                        for (part, range) in parts.iter().zip(&ranges) {
                            prop_assert!(*part == content[range.start as usize..range.end as usize]);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
}

/// Libraries without async want a file.
#[test]
fn without_async_it_is_a_file() {
    use std::io::{BufRead as _, Read as _, Seek as _};

    let content = pattern(2 * MIB as usize);
    let server = MemoryLakeFs::new();
    blocking::run({
        let (server, content) = (server.clone(), content.clone());
        async move {
            with_object(&server, "mem://lake", &content).await;
            Ok::<_, lakefs_sdk::Error>(())
        }
    })
    .unwrap();
    let (client, counter) = counted(server);
    let transfer = client.transfer();
    let object = blocking::run(async move { transfer.reader("lake", "main", "a").await });
    let mut object = object.unwrap().into_blocking();

    let mut all = Vec::new();
    object.read_to_end(&mut all).unwrap();
    assert!(all == content);
    let fetched = counter.injected().len();
    assert!(fetched <= 5, "{fetched}");
    object.seek(SeekFrom::End(-2)).unwrap();
    assert_eq!(object.fill_buf().unwrap(), &content[content.len() - 2..]);
    assert_eq!(
        object.seek(SeekFrom::Current(-1000)).unwrap(),
        2 * MIB - 1002
    );
    assert!(object.seek(SeekFrom::End(-(3 * MIB as i64))).is_err());
    let mut two = [0; 2];
    object.read_exact(&mut two).unwrap();
    assert_eq!(two, content[content.len() - 1002..content.len() - 1000]);
    assert_eq!(counter.injected().len(), fetched);
}
