//! The adaptive throttle: what lowers and raises the number of requests under way, and what never happens to it.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use futures_util::{FutureExt as _, future::join_all, stream};
use http::{Request, Response};
use lakefs_sdk::{
    Body, BoxError, Client,
    middleware::{retry::RetryPolicy, throttle::ThrottleLayer},
};
use proptest::{collection::vec, prelude::*};
use tokio::sync::oneshot;
use tower::{Layer as _, Service, ServiceExt as _, util::BoxCloneSyncService};

type Answered = Result<Response<Body>, BoxError>;
type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

/// A server whose answers wait until the test gives them.
#[derive(Clone, Default)]
struct Server {
    asked: Arc<Mutex<VecDeque<oneshot::Sender<Answered>>>>,
}

impl Server {
    fn under(&self, layer: &ThrottleLayer) -> Stack {
        let asked = self.asked.clone();
        let inner = tower::service_fn(move |_: Request<Body>| {
            let (answer, answered) = oneshot::channel();
            asked.lock().unwrap().push_back(answer);
            async move { answered.await.map_err(BoxError::from)? }
        });
        BoxCloneSyncService::new(layer.layer(inner))
    }

    /// How many requests are waiting for an answer.
    fn waiting(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn answer(&self, answer: Result<Response<Body>, BoxError>) {
        if let Some(waiting) = self.asked.lock().unwrap().pop_front() {
            let _ = waiting.send(answer);
        }
    }
}

fn status(status: u16) -> Result<Response<Body>, BoxError> {
    Ok(Response::builder().status(status).body(Body::empty())?)
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

fn send(stack: &Stack) -> Answer {
    Box::pin(stack.clone().oneshot(Request::new(Body::empty())))
}

fn poll(future: &mut Answer) -> Poll<Result<Response<Body>, BoxError>> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

/// Sends so many requests at a time, and answers each as said.
fn round(server: &Server, stack: &Stack, answers: &[u16]) {
    let mut sent: Vec<_> = answers.iter().map(|_| send(stack)).collect();
    sent.iter_mut()
        .for_each(|future| assert!(poll(future).is_pending()));
    assert_eq!(server.waiting(), answers.len());
    for code in answers {
        server.answer(status(*code));
    }
    sent.iter_mut()
        .for_each(|future| assert!(poll(future).is_ready()));
}

/// A limit that is halved for every refused request of a burst is at one after the first burst.
#[test]
fn a_burst_of_refusals_counts_once() {
    for refusal in [429, 503] {
        let (server, layer) = (Server::default(), ThrottleLayer::new(64));
        let stack = server.under(&layer);

        round(&server, &stack, &[refusal; 64]);
        assert_eq!(layer.limit(), 32);
        round(&server, &stack, &[&[200; 5][..], &[refusal; 27]].concat());
        assert_eq!(
            layer.limit(),
            13,
            "half of what was still under way at the first refusal"
        );
    }
}

/// A server that was never sent more than a few at a time is not helped by a limit of half of many.
#[test]
fn half_of_what_is_under_way_is_what_counts() {
    let (server, layer) = (Server::default(), ThrottleLayer::new(1000));
    let stack = server.under(&layer);

    round(&server, &stack, &[429; 8]);

    assert_eq!(layer.limit(), 4);
}

/// With a limit of zero, nothing would ever find out that the server is well again.
#[test]
fn one_is_always_let_through() {
    let (server, layer) = (Server::default(), ThrottleLayer::new(2));
    let stack = server.under(&layer);
    for _ in 0..5 {
        round(&server, &stack, &[429]);
        assert_eq!(layer.limit(), 1);
    }
    let mut both = [send(&stack), send(&stack)];
    both.iter_mut()
        .for_each(|future| assert!(poll(future).is_pending()));
    assert_eq!(server.waiting(), 1);
}

/// A client that is slowed down for good by one bad minute is worse than one that is not slowed down.
#[test]
fn a_window_of_successes_raises_it_by_one_up_to_the_most() {
    let (server, layer) = (Server::default(), ThrottleLayer::new(6));
    let stack = server.under(&layer);
    round(&server, &stack, &[429; 6]);
    assert_eq!(layer.limit(), 3);

    let mut limits = Vec::new();
    for _ in 0..15 {
        round(&server, &stack, &[404]);
        limits.push(layer.limit());
    }

    // After three answers four, after four more five, after five more six, and no further.
    assert_eq!(limits, [3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6]);
}

/// What says nothing about how much the server can do must change nothing.
#[test]
fn failures_and_late_answers_neither_lower_nor_raise_it() {
    let (server, layer) = (Server::default(), ThrottleLayer::new(4));
    let stack = server.under(&layer);
    round(&server, &stack, &[429, 200, 200, 200]);
    assert_eq!(
        layer.limit(),
        2,
        "the answers of the round that lowered it do not raise it"
    );

    for _ in 0..5 {
        round(&server, &stack, &[500, 504]);
        let mut lost = send(&stack);
        assert!(poll(&mut lost).is_pending());
        server.answer(Err("reset".into()));
        assert!(matches!(poll(&mut lost), Poll::Ready(Err(_))));
    }

    assert_eq!(layer.limit(), 2);
}

/// The setting of the builder does what the layer does, over all clones, and retries see it too.
#[tokio::test(start_paused = true)]
async fn a_client_sends_less_at_a_time_after_refusals() {
    // Requests in all, those under way, and the most of those after the refusals.
    let counts = Arc::new(Mutex::new((0, 0, 0)));
    let seen = counts.clone();
    let transport = tower::service_fn(move |_: Request<Body>| {
        let seen = seen.clone();
        {
            let mut seen = seen.lock().unwrap();
            seen.0 += 1;
            seen.1 += 1;
            if seen.0 > 8 {
                seen.2 = seen.1.max(seen.2);
            }
        }
        async move {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let mut seen = seen.lock().unwrap();
            seen.1 -= 1;
            let status = if seen.0 <= 8 { 429 } else { 200 };
            let branch = r#"{"id":"main","commit_id":"c"}"#;
            Response::builder().status(status).body(Body::from(branch))
        }
    });
    let client = Client::builder()
        .transport(transport)
        .adaptive_throttle(8)
        .retry(RetryPolicy::standard())
        .build()
        .unwrap();

    let calls = (0..8).map(|_| {
        let client = client.clone();
        async move { client.get_branch("lake", "main").await }
    });
    for call in join_all(calls).await {
        call.unwrap();
    }

    let (all, now, most) = *counts.lock().unwrap();
    assert_eq!((all, now), (16, 0));
    assert!(
        (4..=5).contains(&most),
        "{most}: half, and one more after four successes"
    );
}

#[derive(Clone, Debug)]
enum Step {
    Send,
    /// The oldest request is answered.
    Answer(u16),
    /// The oldest request fails.
    Fail,
    /// That call is dropped: one that waits for a permit, for its answer, or that has it.
    Drop(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        4 => prop_oneof![3 => Just(200_u16), 2 => Just(429), 1 => Just(503), 1 => Just(500)].prop_map(Step::Answer),
        1 => Just(Step::Fail),
        2 => any::<usize>().prop_map(Step::Drop),
    ]
}

proptest! {
    /// Whatever the server answers and whoever gives up: never below one, never above the most, and no permit is lost.
    #[test]
    fn no_history_breaks_the_limits(max in 0_usize..12, steps in vec(step(), 0..150)) {
        let (server, layer) = (Server::default(), ThrottleLayer::new(max));
        let stack = server.under(&layer);
        // With each call, whether its request was sent.
        let mut calls: Vec<(Answer, bool)> = Vec::new();
        let mut bodies = Vec::new();
        for step in steps {
            match step {
                Step::Send => calls.push((send(&stack), false)),
                Step::Answer(code) => {
                    let body = Body::from_stream(stream::pending::<Result<&str, BoxError>>());
                    server.answer(Ok(Response::builder().status(code).body(body).unwrap()));
                }
                Step::Fail => server.answer(Err("reset".into())),
                Step::Drop(number) if number % 2 == 0 && !bodies.is_empty() => {
                    bodies.swap_remove(number % bodies.len());
                }
                Step::Drop(number) if !calls.is_empty() => {
                    drop(calls.swap_remove(number % calls.len()));
                }
                Step::Drop(_) => {}
            }
            server.asked.lock().unwrap().retain(|waiting| !waiting.is_closed());
            let mut under_way = bodies.len() + calls.iter().filter(|(_, sent)| *sent).count();
            let mut over = None;
            calls.retain_mut(|(call, sent)| {
                let before = server.waiting();
                let answer = poll(call);
                if server.waiting() > before {
                    *sent = true;
                    under_way += 1;
                    if under_way > layer.limit() {
                        over = Some(layer.limit());
                    }
                }
                match answer {
                    Poll::Ready(Ok(response)) => bodies.push(response.into_body()),
                    Poll::Ready(Err(_)) => under_way -= 1,
                    Poll::Pending => return true,
                }
                false
            });
            prop_assert_eq!(over, None, "a request was sent beyond the limit");
            prop_assert!((1..=max.max(1)).contains(&layer.limit()), "{} of {max}", layer.limit());
        }
        calls.clear();
        bodies.clear();
        server.asked.lock().unwrap().clear();
        let limit = layer.limit();
        let mut all: Vec<_> = (0..limit + 3).map(|_| send(&stack)).collect();
        all.iter_mut().for_each(|future| assert!(poll(future).is_pending()));
        prop_assert_eq!(server.waiting(), limit);
    }
}

/// Dropping the layer's service while calls are under way must not disturb them.
#[test]
fn it_is_ready_at_once_and_waits_in_the_call() {
    let (server, layer) = (Server::default(), ThrottleLayer::new(1));
    let mut stack = server.under(&layer);
    for _ in 0..3 {
        assert!(
            stack.ready().now_or_never().is_some(),
            "readiness holds no permit"
        );
    }
    let first = stack.call(Request::new(Body::empty()));
    drop(stack);
    let mut first: Answer = Box::pin(first);
    assert!(poll(&mut first).is_pending());
    server.answer(status(200));
    assert!(poll(&mut first).is_ready());
}
