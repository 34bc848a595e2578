//! All calls of a client share one budget of retries.

use lakefs_sdk::middleware::retry::RetryBudget;

use super::*;

/// Answers everything with 503, for ever.
fn outage() -> (Arc<AtomicU32>, impl lakefs_sdk::transport::HttpTransport) {
    let sent = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&sent);
    let transport = tower::service_fn(move |_: Request<Body>| {
        counter.fetch_add(1, Ordering::Relaxed);
        async {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, io::Error>(response)
        }
    });
    (sent, transport)
}

/// Three attempts a call would make the load on a server that is down three times what it was.
#[tokio::test(start_paused = true)]
async fn an_outage_is_not_multiplied() {
    let (sent, transport) = outage();
    let client = Client::new(transport);

    for _ in 0..1_000 {
        // A clone shares the budget.
        let error = client.clone().get_repository("lake").await.unwrap_err();
        assert_eq!(error.status(), Some(StatusCode::SERVICE_UNAVAILABLE));
    }

    assert_eq!(sent.load(Ordering::Relaxed), 1_100);
}

/// The size is the program's to choose, also none at all.
#[tokio::test(start_paused = true)]
async fn the_budget_is_as_large_as_asked() {
    for (budget, expected) in [
        (Some(RetryBudget::new(5, 0)), 55),
        (Some(RetryBudget::new(0, 0)), 50),
        (None, 150),
    ] {
        let (sent, transport) = outage();
        let client = Client::builder()
            .transport(transport)
            .retry_budget(budget.clone())
            .build()
            .unwrap();
        for _ in 0..50 {
            client.get_repository("lake").await.unwrap_err();
        }
        assert_eq!(sent.load(Ordering::Relaxed), expected, "{budget:?}");
    }
}

/// Throttling that passes is what retries are for: a long job must not run out of them.
#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_in_the_end_gives_back_what_it_took() {
    let budget = RetryBudget::new(2, 0);
    for _ in 0..100 {
        let transport = Scripted::new()
            .status(429, "")
            .status(429, "")
            .json(&repository());
        let client = Client::builder()
            .transport(transport)
            .retry_budget(budget.clone())
            .build()
            .unwrap();
        client.get_repository("lake").await.unwrap();
    }
    assert_eq!(budget.left(), 2);
}

/// After an outage the budget must come back, or every later hiccup reaches the caller.
#[tokio::test(start_paused = true)]
async fn calls_that_succeed_fill_it_again() {
    let budget = RetryBudget::new(1, 25);
    let build = |transport| {
        Client::builder()
            .transport(transport)
            .retry_budget(budget.clone())
            .build()
            .unwrap()
    };
    let failing = (0..3).fold(Scripted::new(), |script, _| script.status(503, ""));
    build(failing).get_repository("lake").await.unwrap_err();
    assert_eq!(budget.left(), 0);

    for expected in [0, 0, 0, 1, 1] {
        build(Scripted::new().json(&repository()))
            .get_repository("lake")
            .await
            .unwrap();
        assert_eq!(budget.left(), expected);
    }
}
