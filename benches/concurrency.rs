//! Wall-clock time of small calls at concurrency 32 over loopback, against bare hyper-util, in turns within one run: the
//! ratio is what counts, as these machines are noisy.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot run has nothing to report"
)]

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;

mod support;

const CONCURRENCY: usize = 32;
const CALLS: usize = 2_000;
const ROUNDS: usize = 31;

fn main() {
    let runtime = support::runtime();
    // The server has a thread and a runtime of its own, so that the client's runtime has the client alone.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let server = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        support::runtime()
            .block_on(async { support::serve(TcpListener::from_std(listener).unwrap()).await });
    });
    let (sdk, raw) = (&support::sdk(server), &support::Raw::new(server));
    let mut ratios = Vec::new();
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        for round in 0..=ROUNDS {
            let with_sdk =
                time(|| async move { drop(sdk.get_repository("lake").await.unwrap()) }).await;
            let with_raw = time(|| async move { drop(raw.repository().await) }).await;
            // The first round connects.
            if round > 0 {
                ratios.push(with_sdk.as_secs_f64() / with_raw.as_secs_f64());
                ours.push(with_sdk);
                floor.push(with_raw);
            }
        }
    });
    ratios.sort_by(f64::total_cmp);
    ours.sort();
    floor.sort();
    let each = |times: &[Duration]| times[ROUNDS / 2] / u32::try_from(CALLS).unwrap();
    println!(
        "{CALLS} small calls, {CONCURRENCY} at a time, medians of {ROUNDS} rounds: {:?} against {:?} a call, ratio {:.3} (goal 1.10), quartiles {:.3} to {:.3}",
        each(&ours),
        each(&floor),
        ratios[ROUNDS / 2],
        ratios[ROUNDS / 4],
        ratios[ROUNDS * 3 / 4],
    );
}

async fn time<F: Future<Output = ()>>(call: impl Fn() -> F) -> Duration {
    let begun = Instant::now();
    stream::iter(0..CALLS)
        .map(|_| call())
        .buffer_unordered(CONCURRENCY)
        .for_each(async |()| ())
        .await;
    begun.elapsed()
}
