//! Credentials are fetched once for all, ahead of their expiry, and a failure of that is no dead end.

use std::error::Error as _;

use futures_util::future::join_all;
use lakefs_sdk::{Client, Credentials};
use tokio::time::advance;

use super::{Provider, SECOND, Step, VaultIsSealed, answering, authorizations, client};

/// O18: a refresh that failed once was remembered for an hour, though the old token was good.
#[tokio::test(start_paused = true)]
async fn a_failed_refresh_neither_hurts_while_the_old_token_is_good_nor_sticks() {
    let provider = Provider::new([
        Step::Token("t1", 60),
        Step::Fails,
        Step::Fails,
        Step::Token("t2", 60),
    ]);
    let transport = answering(10);
    let client = client(&provider, &transport);
    client.get_repository("lake").await.unwrap();

    advance(50 * SECOND).await;
    for _ in 0..3 {
        client.get_repository("lake").await.unwrap();
    }
    assert_eq!(authorizations(&transport), ["Bearer t1"; 4]);
    assert_eq!(
        provider.asked(),
        2,
        "the failure is not tried again at once"
    );

    advance(11 * SECOND).await;
    let error = client.get_repository("lake").await.unwrap_err();
    assert!(error.is_auth() && error.is_unauthenticated(), "{error}");
    assert!(error.source().unwrap().is::<VaultIsSealed>());
    assert!(!error.may_have_taken_effect());
    assert_eq!(transport.sent().len(), 4, "nothing was sent");
    assert_eq!(
        format!("{error:#}"),
        "getRepository: there are no valid credentials, and new ones could not be had: the vault is sealed"
    );

    client.get_repository("lake").await.unwrap();
    assert_eq!(authorizations(&transport)[4], "Bearer t2");
    assert_eq!(provider.asked(), 4);
}

/// O18: a service that starts under load must not ask the vault a hundred times.
#[tokio::test(start_paused = true)]
async fn a_hundred_calls_at_once_ask_the_provider_once() {
    for step in [Step::Slow("t1", 5), Step::Token("t1", 0)] {
        let provider = Provider::new([step]);
        let transport = answering(100);
        let client = client(&provider, &transport);

        let calls = (0..100).map(|_| client.get_repository("lake").send());
        let answers = join_all(calls).await;

        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(provider.asked(), 1);
        assert_eq!(authorizations(&transport), ["Bearer t1"; 100]);
    }
}

/// O18: the one who asked first gives up, and the others must not wait for ever, or fail with it.
#[tokio::test(start_paused = true)]
async fn dropping_the_leader_leaves_the_others_served() {
    let provider = Provider::new([Step::Slow("t1", 5)]);
    let transport = answering(99);
    let client = client(&provider, &transport);
    let leader = tokio::spawn(client.get_repository("lake").send());
    tokio::task::yield_now().await;
    let others: Vec<_> = (0..99)
        .map(|_| tokio::spawn(client.get_repository("lake").send()))
        .collect();
    tokio::task::yield_now().await;

    leader.abort();

    for other in others {
        other.await.unwrap().unwrap();
    }
    assert!(leader.await.unwrap_err().is_cancelled());
    assert_eq!(provider.asked(), 1);
}

/// A hundred calls that fail for one reason must not ask for it a hundred times either.
#[tokio::test(start_paused = true)]
async fn a_hundred_calls_share_a_failure() {
    let provider = Provider::new([Step::FailsLate(5)]);
    let transport = answering(0);
    let client = client(&provider, &transport);
    let calls = (0..100).map(|_| client.get_repository("lake").send());

    let answers = join_all(calls).await;

    for answer in answers {
        let error = answer.unwrap_err();
        assert!(error.source().unwrap().is::<VaultIsSealed>(), "{error:?}");
    }
    assert_eq!(provider.asked(), 1);
    assert_eq!(transport.sent().len(), 0);
}

/// A token that is renewed only when it is refused costs a failed request, and a wait, each time.
#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_ahead_of_its_expiry_while_calls_go_on() {
    let provider = Provider::new([Step::Token("t1", 1000), Step::Slow("t2", 10)]);
    let transport = answering(20);
    let client = client(&provider, &transport);
    client.get_repository("lake").await.unwrap();
    advance(790 * SECOND).await;
    client.get_repository("lake").await.unwrap();
    assert_eq!(provider.asked(), 1, "too early");

    advance(70 * SECOND).await;
    let begun = tokio::time::Instant::now();
    client.get_repository("lake").await.unwrap();
    assert_eq!(provider.asked(), 2);
    assert_eq!(begun.elapsed().as_secs(), 0, "nobody waits for it");

    advance(11 * SECOND).await;
    client.get_repository("lake").await.unwrap();
    client.get_repository("lake").await.unwrap();
    assert_eq!(provider.asked(), 2);
    assert_eq!(
        authorizations(&transport),
        ["t1", "t1", "t1", "t1", "t2"].map(|token| format!("Bearer {token}"))
    );
}

/// A fleet that was started together must not log in together for ever after.
#[tokio::test(start_paused = true)]
async fn clients_renew_at_different_times() {
    let transport = answering(1000);
    let mut renewed = 0;
    for _ in 0..40 {
        let provider = Provider::new([Step::Token("t1", 1000), Step::Token("t2", 1000)]);
        let client = client(&provider, &transport);
        client.get_repository("lake").await.unwrap();
        // Refreshes begin between 800 s and 850 s.
        advance(825 * SECOND).await;
        client.get_repository("lake").await.unwrap();
        renewed += provider.asked() - 1;
    }
    assert!(0 < renewed && renewed < 40, "{renewed}");
}

/// A provider that never answers must not take the client with it.
#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_given_up_and_asked_anew() {
    let provider = Provider::new([Step::Hangs, Step::Token("t1", 0)]);
    let transport = answering(2);
    let client = client(&provider, &transport);
    let begun = tokio::time::Instant::now();

    let error = client
        .get_repository("lake")
        .timeout(5 * SECOND)
        .await
        .unwrap_err();

    assert!(error.is_timeout(), "{error}");
    assert_eq!(begun.elapsed(), 5 * SECOND);
    assert_eq!(transport.sent().len(), 0);

    // It has 30 s; who asks in that time waits with it, and then for a new one.
    advance(20 * SECOND).await;
    client.get_repository("lake").await.unwrap();
    assert_eq!(begun.elapsed(), 30 * SECOND);
    assert_eq!(provider.asked(), 2);

    // Who comes much later finds it hanging still, and does not wait for it.
    let provider = Provider::new([Step::Hangs, Step::Token("t1", 0)]);
    let client = super::client(&provider, &transport);
    let call = client.get_repository("lake").timeout(5 * SECOND);
    assert!(call.await.unwrap_err().is_timeout());
    advance(3600 * SECOND).await;
    let begun = tokio::time::Instant::now();
    client.get_repository("lake").await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 0);
}

/// A bug in a provider must not spoil every call that ever follows.
#[tokio::test(start_paused = true)]
async fn a_provider_that_panics_fails_one_call_only() {
    let provider = Provider::new([Step::Panics, Step::Token("t1", 0)]);
    let transport = answering(1);
    let client = client(&provider, &transport);

    let error = client.get_repository("lake").await.unwrap_err();

    assert!(error.is_auth(), "{error}");
    assert!(!format!("{error:#}{error:?}").contains("planted"));
    client.get_repository("lake").await.unwrap();
}

/// What a provider gives is checked like what a builder is given.
#[tokio::test(start_paused = true)]
async fn what_a_provider_gives_is_checked() {
    let line_break = Credentials::bearer_token("planted\nsecret");
    for (given, expected) in [
        (line_break, "a character in the bearer token"),
        (Credentials::login("id", "secret"), "another provider"),
        (
            Credentials::access_key("id", ""),
            "lack the access key id or its secret",
        ),
        (
            Credentials::bearer_token("t").expires_in(std::time::Duration::ZERO),
            "have expired already",
        ),
        (
            Credentials::bearer_token("t").expires_at("2001-01-01T00:00:00Z".parse().unwrap()),
            "have expired already",
        ),
    ] {
        let provider = Provider::new([Step::Gives(given)]);
        let transport = answering(1);

        let error = client(&provider, &transport)
            .get_repository("lake")
            .await
            .unwrap_err();

        assert!(error.is_auth());
        let text = format!("{error:#} {error:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("planted"), "{text}");
        assert_eq!(transport.sent().len(), 0);
    }
}

/// Credentials may be looked at again though nobody said when they end, as those of a file are.
#[tokio::test(start_paused = true)]
async fn credentials_are_fetched_again_when_they_ask_for_it() {
    let first = Credentials::bearer_token("t1").refresh_after(60 * SECOND);
    let provider = Provider::new([Step::Gives(first), Step::Fails, Step::Token("t2", 0)]);
    let transport = answering(10);
    let client = client(&provider, &transport);

    for wait in [0, 59, 2, 6, 0] {
        advance(wait * SECOND).await;
        client.get_repository("lake").await.unwrap();
    }

    assert_eq!(provider.asked(), 3);
    assert_eq!(
        authorizations(&transport),
        ["t1", "t1", "t1", "t1", "t2"].map(|token| format!("Bearer {token}"))
    );
}

/// Outside of any runtime no clock runs, and a client of a simple test works all the same.
#[test]
fn credentials_are_fetched_without_a_runtime() {
    let provider = Provider::new([Step::Token("t1", 60)]);
    let transport = answering(1);
    let client = client(&provider, &transport);

    futures_util::FutureExt::now_or_never(client.get_repository("lake").send())
        .unwrap()
        .unwrap();

    assert_eq!(authorizations(&transport), ["Bearer t1"]);
}

/// A client that is shared by runtimes, one of which ends during a fetch, must work in the other.
#[test]
fn a_fetch_whose_runtime_ended_is_begun_anew() {
    let provider = Provider::new([Step::Slow("lost", 5), Step::Token("t1", 0)]);
    let transport = answering(1);
    let client = client(&provider, &transport);
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
    };
    runtime().block_on(async {
        let call = client.get_repository("lake").timeout(SECOND);
        assert!(call.await.unwrap_err().is_timeout());
    });

    runtime().block_on(async { client.get_repository("lake").await.unwrap() });

    assert_eq!(authorizations(&transport), ["Bearer t1"]);
}

/// A struct that holds a client is printed sooner or later.
#[test]
fn no_provider_shows_what_it_keeps() {
    #[derive(Debug)]
    struct Keeper {
        _secret: &'static str,
    }
    #[async_trait::async_trait]
    impl lakefs_sdk::auth::CredentialsProvider for Keeper {
        async fn credentials(&self) -> Result<Credentials, lakefs_sdk::BoxError> {
            Ok(Credentials::none())
        }
    }
    let keeper = Keeper { _secret: "planted" };
    let aws = lakefs_sdk::auth::AwsIam::new().access_key("id", "planted", Some("planted".into()));
    for (credentials, expected) in [
        (Credentials::provider(keeper), "Keeper"),
        (Credentials::login("AKIA", "planted"), "AKIA"),
        (Credentials::token_file("/etc/token"), "/etc/token"),
        (Credentials::command("helper", ["planted"]), "helper"),
        (Credentials::aws_iam(aws), "AwsIam"),
        (
            Credentials::prefixed_session_cookie("sid", "planted", "planted"),
            "sid",
        ),
    ] {
        let client = Client::builder()
            .endpoint("http://h")
            .credentials(credentials.clone())
            .build()
            .unwrap();
        let text = format!("{credentials:?} {credentials:#?} {client:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("planted"), "{text}");
    }
}
