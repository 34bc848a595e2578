//! How long it waits between attempts.

use super::*;

fn http_date(format: &str, from_now: Duration) -> String {
    let time = jiff::Timestamp::try_from(SystemTime::now() + from_now).unwrap();
    time.strftime(format).to_string()
}

/// O12: a server that says when to come back is overrun by clients that come earlier.
#[tokio::test(start_paused = true)]
async fn the_wait_is_at_least_what_the_server_asks() {
    let half_minute = Duration::from_secs(30);
    // A date has whole seconds, and the clock goes on while the test runs.
    let about_half_a_minute = (Duration::from_secs(20), Duration::from_millis(30_200));
    let exactly = |seconds| {
        (
            Duration::from_secs(seconds),
            Duration::from_millis(seconds * 1_000 + 100),
        )
    };
    let own = exactly(0);
    for (value, (least, most)) in [
        ("2", exactly(2)),
        ("0", own),
        (" 2 ", exactly(2)),
        ("02", exactly(2)),
        (
            &http_date("%a, %d %b %Y %H:%M:%S GMT", half_minute),
            about_half_a_minute,
        ),
        (
            &http_date("%A, %d-%b-%y %H:%M:%S GMT", half_minute),
            about_half_a_minute,
        ),
        (
            &http_date("%a %b %e %H:%M:%S %Y", half_minute),
            about_half_a_minute,
        ),
        ("Thu, 01 Jan 1970 00:00:00 GMT", own),
        ("-1", own),
        ("1.5", own),
        ("abc", own),
        ("2s", own),
        ("", own),
        ("Thu, 99 Foo 2026 99:99:99 GMT", own),
    ] {
        for status in [429, 503] {
            let transport = Scripted::new()
                .status_with(status, &[("retry-after", value)], "")
                .json(&repository());

            Client::new(transport.clone())
                .get_repository("lake")
                .await
                .unwrap();

            let sent = transport.sent();
            let waited = sent[1].at - sent[0].at;
            assert!(least <= waited && waited <= most, "{value:?}: {waited:?}");
        }
    }
}

/// O12: two different demands are none: a guess could be wrong by hours.
#[tokio::test(start_paused = true)]
async fn several_retry_after_headers_count_as_none() {
    let transport = Scripted::new()
        .status_with(429, &[("retry-after", "50"), ("retry-after", "2")], "")
        .json(&repository());

    Client::new(transport.clone())
        .get_repository("lake")
        .await
        .unwrap();

    let sent = transport.sent();
    assert!(sent[1].at - sent[0].at <= Duration::from_millis(100));
}

/// O12: a sleep that ends in a timeout hides what the server said, and costs the time of the whole limit.
#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_gives_the_answer_at_once() {
    for (value, least) in [
        ("11", 11),
        ("10", 10),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1 << 32),
        ("99999999999999999999", u64::from(u32::MAX)),
        ("18446744073709551615", u64::MAX),
    ] {
        let transport = Scripted::new().status_with(
            429,
            &[("retry-after", value)],
            r#"{"message":"slow down"}"#,
        );
        let begun = Instant::now();

        let error = Client::new(transport.clone())
            .get_repository("lake")
            .timeout(Duration::from_secs(10))
            .await
            .unwrap_err();

        assert_eq!(begun.elapsed(), Duration::ZERO, "{value}");
        assert!(error.is_throttled(), "{value}: {error}");
        assert_eq!(error.message(), "slow down");
        assert_eq!(error.attempts(), 1);
        assert!(
            error.retry_after().unwrap() >= Duration::from_secs(least),
            "{value}: {error:?}"
        );
        assert_eq!(transport.sent().len(), 1);
    }
}

/// O12: where nothing limits the call, a far year would put it to sleep for ever.
#[tokio::test(start_paused = true)]
async fn a_wait_of_more_than_an_hour_gives_the_answer_at_once_also_without_a_deadline() {
    for (value, waits) in [
        ("3600", true),
        ("3601", false),
        ("Fri, 31 Dec 9999 23:59:59 GMT", false),
    ] {
        let transport = Scripted::new()
            .status_with(429, &[("retry-after", value)], "")
            .json(&repository());
        let client = Client::builder().transport(transport).timeout(None);
        let begun = Instant::now();

        let answer = client.build().unwrap().get_repository("lake").await;

        assert_eq!(answer.is_ok(), waits, "{value}");
        let waited = begun.elapsed();
        assert_eq!(waited >= Duration::from_secs(3600), waits, "{waited:?}");
        if let Err(error) = answer {
            assert!(error.is_throttled(), "{error}");
            assert_eq!(waited, Duration::ZERO);
        }
    }
}

/// An attempt that comes when the limit of the call is nearly over has only what is left.
#[tokio::test(start_paused = true)]
async fn attempts_and_waits_together_stay_within_the_limit_of_the_call() {
    let transport = Scripted::new()
        .status_with(503, &[("retry-after", "6")], "")
        .status_with(503, &[("retry-after", "6")], "");
    let begun = Instant::now();

    let error = Client::new(transport)
        .get_repository("lake")
        .timeout(Duration::from_secs(10))
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.attempts(), 2);
    assert!(
        begun.elapsed() < Duration::from_secs(7),
        "{:?}",
        begun.elapsed()
    );
}

/// Without jitter, all clients that a restart threw out come back at the same moment.
#[tokio::test(start_paused = true)]
async fn waits_differ_and_stay_below_their_ceilings() {
    let mut waits = Vec::new();
    for _ in 0..20 {
        let (transport, client) = Event::Status(503).always();
        let policy = RetryPolicy::standard()
            .backoff(Duration::from_secs(1), Duration::from_secs(2))
            .max_attempts(4);

        client
            .get_repository("lake")
            .retry(policy)
            .await
            .unwrap_err();

        let sent = transport.sent();
        for (attempt, ceiling) in [1, 2, 2].into_iter().enumerate() {
            let waited = sent[attempt + 1].at - sent[attempt].at;
            assert!(
                waited <= Duration::from_millis(ceiling * 1_000 + 1),
                "{waited:?}"
            );
            waits.push(waited);
        }
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 20, "{waits:?}");
}
