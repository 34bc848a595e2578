//! Which fault comes when.

use std::{collections::BTreeSet, panic::catch_unwind, time::Duration};

use http::{Request, Response, StatusCode};
use lakefs_sdk::{
    Body, BoxError,
    models::BranchCreation,
    testing::{
        Fault, FaultLayer, MemoryLakeFs,
        fault::{Injection, Rule},
    },
};
use tower::{Layer as _, ServiceExt as _};

use super::lakefs;

async fn history(seed: u64, concurrent: bool) -> (BTreeSet<String>, usize) {
    let faults = FaultLayer::new(seed)
        .chance(0.3, Fault::latency(Duration::from_secs(1)))
        .chance(0.1, Fault::Refuse)
        .chance(0.1, Fault::ResetAfter)
        .chance(0.1, Fault::status(500))
        .chance(0.1, Fault::cut_body());
    let (_, client) = lakefs(&faults).await;
    let calls = (0..40).map(|number| {
        let client = client.clone();
        async move {
            let name = format!("b{number}");
            let _ = client
                .create_branch("lake", BranchCreation::new(&name, "main"))
                .await;
            let _ = client.get_branch("lake", name).await;
        }
    });
    if concurrent {
        futures_util::future::join_all(calls).await;
    } else {
        for call in calls {
            call.await;
        }
    }
    let injected = faults.injected();
    let of = |one: &Injection| format!("{:?} {:?}", one.operation, one.fault);
    (injected.iter().map(of).collect(), injected.len())
}

/// A failure that cannot be brought back cannot be mended.
#[tokio::test(start_paused = true)]
async fn a_seed_brings_the_same_faults_back_in_whatever_order_tasks_run() {
    let first = history(7, false).await;
    assert!(first.1 > 40, "{first:?}");
    assert_eq!(history(7, false).await, first);
    assert_eq!(history(7, true).await, first);
    assert_ne!(history(8, false).await.0, first.0);
}

/// A probability is one: too few faults prove nothing, too many never end.
#[tokio::test(start_paused = true)]
async fn faults_come_as_often_as_their_probability_says() {
    let faults = FaultLayer::new(3).chance(0.25, Fault::status(503));
    let below = faults.layer(tower::service_fn(async |_: Request<Body>| {
        Ok::<_, BoxError>(Response::new(Body::empty()))
    }));
    for _ in 0..2000 {
        below
            .clone()
            .oneshot(Request::new(Body::empty()))
            .await
            .unwrap();
    }
    let hits = faults.counts()["status"];
    assert!((420..580).contains(&hits), "{hits}");
}

/// An overload hits many requests in a row, and only those of what is overloaded.
#[tokio::test]
async fn rules_limit_a_fault_to_operations_storms_and_a_number() {
    let faults = FaultLayer::new(1)
        .rule(
            Rule::new(Fault::status(503))
                .only(["getBranch"])
                .except(["commit"])
                .at_most(5),
        )
        .rule(
            Rule::new(Fault::status(500))
                .except(["getBranch"])
                .probability(0.02)
                .burst(10),
        );
    let below = faults.layer(tower::service_fn(async |_: Request<Body>| {
        Ok::<_, BoxError>(Response::new(Body::empty()))
    }));
    let status = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        below.clone().oneshot(request).await.unwrap().status()
    };
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(status("/api/v1/repositories/lake/branches/main").await);
    }
    let busy = statuses
        .iter()
        .filter(|status| **status == StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (busy.count(), statuses[4], statuses[5].as_u16()),
        (5, StatusCode::SERVICE_UNAVAILABLE, 200)
    );

    let mut runs = Vec::new();
    for _ in 0..1000 {
        match (
            status("/api/v1/repositories").await.is_success(),
            runs.last_mut(),
        ) {
            (false, Some(run)) => *run += 1,
            (false, None) => runs.push(1),
            (true, Some(0)) => {}
            (true, _) => runs.push(0),
        }
    }
    runs.retain(|run| *run > 0);
    assert!(
        !runs.is_empty() && runs.iter().all(|run| run % 10 == 0),
        "{runs:?}"
    );
    faults.set_enabled(false);
    for _ in 0..100 {
        assert!(status("/api/v1/repositories").await.is_success());
    }
}

/// A script for one operation is not used up by the others.
#[tokio::test(start_paused = true)]
async fn a_script_is_for_its_operation() {
    let faults = FaultLayer::new(1).script_on("getBranch", [None, Some(Fault::Refuse)]);
    let (_, client) = lakefs(&faults).await;
    client.get_repository("lake").await.unwrap();
    client.get_branch("lake", "main").await.unwrap();
    client.get_repository("lake").await.unwrap();
    let second = client
        .get_branch("lake", "main")
        .send_response()
        .await
        .unwrap();
    assert_eq!(second.attempts, 2);
    let [injection] = &faults.injected()[..] else {
        panic!("one")
    };
    assert_eq!(
        (injection.request, injection.operation),
        (3, Some("getBranch"))
    );
}

/// The seed of a failure in the night is in the log, and printing it does not end the process.
#[test]
fn a_panic_with_faults_around_is_an_ordinary_one() {
    let panic = catch_unwind(|| {
        let faults = FaultLayer::new(7);
        let _service = faults.layer(MemoryLakeFs::new());
        panic!("the test failed");
    });
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the test failed"));
}
