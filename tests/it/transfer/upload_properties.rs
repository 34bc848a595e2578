//! Any data, in any pieces, on a bad way: the same bytes or an error, never silence.

use std::time::Duration;

use bytes::Bytes;
use lakefs_sdk::{
    Body, BoxError, Client,
    models::RepositoryCreation,
    testing::{BlockStore, Fault, FaultLayer, MemoryLakeFs},
    transfer::Mode,
};
use proptest::prelude::*;
use tower::Layer as _;

use super::lake::{PART, data};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Bytes that get lost or swapped between parts, retries or ways would be found by a reader, if at all.
    #[test]
    fn bytes_arrive_identical_or_there_is_an_error(
        size in prop_oneof![0..200_000_usize, PART - 2..PART + 3, 0..3 * PART],
        chunk in 1_000..3 * PART,
        part_size in PART as u64..2 * PART as u64,
        concurrency in 1..5_usize,
        mode in prop_oneof![Just(Mode::Auto), Just(Mode::Direct), Just(Mode::Presigned)],
        stream in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let content = data(size);
        let (outcome, found) = runtime.block_on(async {
            let lakefs = MemoryLakeFs::builder().block_store(BlockStore::S3).build();
            let plain = Client::new(lakefs.clone());
            plain.create_repository(RepositoryCreation::new("lake", "s3://bucket/lake")).await.unwrap();
            let faults = FaultLayer::new(seed)
                .chance(0.05, Fault::ResetBefore)
                .chance(0.05, Fault::ResetAfter)
                .chance(0.08, Fault::status(503))
                .chance(0.05, Fault::latency(Duration::from_secs(40)));
            let client = Client::new(faults.layer(lakefs.clone()));
            let transfer = client.transfer().part_size(part_size).concurrency(concurrency).mode(mode);
            let upload = transfer.upload("lake", "main", "a");
            let upload = match stream {
                true => {
                    let chunks: Vec<_> = content.chunks(chunk).map(Bytes::copy_from_slice).collect();
                    let chunks = chunks.into_iter().map(Ok::<_, BoxError>);
                    upload.body(Body::from_stream(futures_util::stream::iter(chunks)))
                }
                false => upload.body(content.clone()),
            };
            let outcome = upload.await;
            let found = match plain.get_object("lake", "main", "a").await {
                Ok(object) => Some(object.bytes().await.unwrap()),
                Err(_) => None,
            };
            (outcome, found)
        });
        match outcome {
            Ok(stats) => {
                prop_assert_eq!(stats.size_bytes, i64::try_from(size).ok());
                prop_assert!(found == Some(content));
            }
            // Nothing, or all of it: its answer was lost, and so was the look at it.
            Err(_) => prop_assert!(found.is_none_or(|found| found == content)),
        }
    }
}
