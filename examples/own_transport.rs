//! A transport of your own: any tower service from `http::Request<Body>` to `http::Response`.
//!
//! Here an axum router plays the server, with a handler that fails twice: the client's retries are above every transport.
//! No socket is opened. In your program the service may as well be the hyper client or the tower stack that it already has.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use axum::{Router, extract::Path, routing::get};
use http::{Request, StatusCode};
use lakefs_sdk::{Body, BoxError, Client};
use tower::ServiceBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let attempts = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&attempts);
    let router = Router::new().route(
        "/api/v1/repositories/{repository}/branches/{branch}",
        get(
            move |Path((repository, branch)): Path<(String, String)>| async move {
                if counter.fetch_add(1, Ordering::Relaxed) < 2 {
                    return (StatusCode::SERVICE_UNAVAILABLE, String::new());
                }
                (
                    StatusCode::OK,
                    format!(r#"{{"id":"{branch}","commit_id":"c0ffee-of-{repository}"}}"#),
                )
            },
        ),
    );

    // Middleware of your own, below the client's: it sees every attempt.
    let transport = ServiceBuilder::new()
        .map_request(|request: Request<Body>| {
            println!("{} {}", request.method(), request.uri());
            request.map(axum::body::Body::new)
        })
        .service(router);

    let client = Client::builder().transport(transport).build()?;
    let branch = client.get_branch("lake", "main").await?;
    println!(
        "{} is at {}, after {} attempts",
        branch.id,
        branch.commit_id,
        attempts.load(Ordering::Relaxed)
    );
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
    Ok(())
}
