//! Credentials that are fetched: when, how often, and what happens when that fails.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test may fail it"
)]

mod aws;
mod cache;
mod layer;
mod login;
mod refused;
mod sources;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Response;
use lakefs_sdk::{
    Body, BoxError, Client, Credentials, auth::CredentialsProvider, middleware::retry::RetryPolicy,
};
use serde_json::json;
use tokio::time::sleep;

use crate::support::scripted::{Scripted, Sent};

const SECOND: Duration = Duration::from_secs(1);

/// What a provider does when it is asked.
enum Step {
    /// Gives a token that lives so many seconds; zero: nobody knows how long.
    Token(&'static str, u64),
    /// Gives a token after so many seconds.
    Slow(&'static str, u64),
    Fails,
    /// Fails after so many seconds.
    FailsLate(u64),
    Hangs,
    Panics,
    Gives(Credentials),
}

/// Does its steps in order, and then fails.
#[derive(Clone)]
struct Provider {
    steps: Arc<Mutex<VecDeque<Step>>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct VaultIsSealed;

impl std::fmt::Display for VaultIsSealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the vault is sealed")
    }
}

impl std::error::Error for VaultIsSealed {}

impl Provider {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: Arc::new(Mutex::new(steps.into_iter().collect())),
            asked: Arc::default(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait::async_trait]
impl CredentialsProvider for Provider {
    async fn credentials(&self) -> Result<Credentials, BoxError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let step = self.steps.lock().unwrap().pop_front();
        match step.unwrap_or(Step::Fails) {
            Step::Token(token, 0) => Ok(Credentials::bearer_token(token)),
            Step::Token(token, life) => {
                Ok(Credentials::bearer_token(token).expires_in(Duration::from_secs(life)))
            }
            Step::Slow(token, wait) => {
                sleep(Duration::from_secs(wait)).await;
                Ok(Credentials::bearer_token(token))
            }
            Step::Fails => Err(VaultIsSealed.into()),
            Step::FailsLate(wait) => {
                sleep(Duration::from_secs(wait)).await;
                Err(VaultIsSealed.into())
            }
            Step::Hangs => std::future::pending().await,
            Step::Panics => panic!("planted"),
            Step::Gives(credentials) => Ok(credentials),
        }
    }
}

fn client(provider: &Provider, transport: &Scripted) -> Client {
    Client::builder()
        .credentials(Credentials::provider(provider.clone()))
        .transport(transport.clone())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

/// A transport that answers so many calls of `get_repository`.
fn answering(calls: usize) -> Scripted {
    let repository = json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" });
    (0..calls).fold(Scripted::new(), |transport, _| transport.json(&repository))
}

fn answer() -> Response<Body> {
    let repository = json!({ "id": "lake", "creation_date": 0, "default_branch": "main", "storage_namespace": "mem://r" });
    Response::new(Body::from(repository.to_string()))
}

fn unauthorized(transport: Scripted, message: &str) -> Scripted {
    transport.status(401, json!({ "message": message }).to_string())
}

/// What was sent to authenticate with.
fn authorizations(transport: &Scripted) -> Vec<String> {
    transport.sent().iter().map(authorization).collect()
}

fn authorization(sent: &Sent) -> String {
    let value = sent.headers.get("authorization");
    value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}
