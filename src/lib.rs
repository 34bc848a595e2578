//! lakeFS from Rust: branch, commit and merge a data lake, over the HTTP stack you already run.
//!
//! ```
//! use lakefs_sdk::{Client, models::{BranchCreation, CommitCreation, RepositoryCreation}, testing::MemoryLakeFs};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! // A lakeFS in memory; `Client::from_env()?` reaches a real one.
//! let client = Client::new(MemoryLakeFs::new());
//! client.create_repository(RepositoryCreation::new("lake", "mem://lake")).await?;
//! client.create_branch("lake", BranchCreation::new("draft", "main")).await?;
//! client.upload_object("lake", "draft", "events.csv").body("id,kind\n1,click\n").content_type("text/csv").await?;
//! client.commit("lake", "draft", CommitCreation::new("add events")).await?;
//! client.merge_into_branch("lake", "draft", "main").await?;
//! assert_eq!(client.get_object("lake", "main", "events.csv").await?.text().await?, "id,kind\n1,click\n");
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! ```
//!
//! # How it fits together
//!
//! - [`Client`] has a method for each of the 134 operations of lakeFS's API. A method makes a [`Call`]; setters fill in what
//!   is optional; awaiting it sends it. Listings also give [`pages`](Call::pages) and [`items`](Call::items).
//! - What is sent and what comes back are [`models`]; the calls themselves are plain data in [`api`], behind the trait
//!   [`Operation`], which you can implement for an endpoint of your own.
//! - A client runs over any [`HttpTransport`](transport::HttpTransport), which is any [`tower::Service`]: the built-in one
//!   over hyper, your own stack, an axum router, a closure in a test, or [`testing`]'s lakeFS in memory. The same layers
//!   (retry, deadlines, authentication, tracing) are above each of them: see [`middleware`].
//! - All settings, from one line to everything: [`guide::configuration`].
//! - Everything that fails is an [`Error`] whose predicates say what happened, whether anything may have changed, and what
//!   to do.
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `config` | yes | `Client::from_env`, `ConfigLoader`: settings from the environment and lakectl's file |
//! | `hyper` | yes | the built-in transport: hyper-util, HTTP/1.1, a connection pool, proxies |
//! | `rustls` | yes | https for it: rustls with ring and the platform's certificate roots |
//! | `tracing` | yes | a span a call and an attempt, events for retries |
//! | `tokio` | with `hyper` | time limits and back-off on tokio's clock, limits of what is under way, credentials from a file or a program |
//! | `http2` | | HTTP/2 for the built-in transport, by ALPN or prior knowledge |
//! | `reqwest` | | `transport::Reqwest`: a transport over a `reqwest::Client` that a program holds already |
//! | `blocking` | | the same calls without async: `send_blocking`, iterators, `Read` |
//! | `aws` | | `Credentials::aws_iam`: login as an AWS role |
//! | `metrics` | | `ClientBuilder::metrics`: counts and times of calls and requests, through the crate `metrics` |
//! | `opentelemetry` | | `ClientBuilder::propagate_trace_context`: W3C trace context sent with every attempt |
//! | `transfer` | | `Client::transfer`: objects in and out, fast, verified, resumable |
//! | `testing` | | `testing::MemoryLakeFs`, `MockTransport`, `Cassette`, `FaultLayer`: a lakeFS in memory, mocks, recorded traffic, faults |
//!
//! Without default features the crate is http, tower and serde: no hyper, no runtime, no TLS. What needs a clock (time limits,
//! retries) then wants a [`Timer`](timer::Timer) of yours.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod auth;
#[cfg(feature = "blocking")]
pub mod blocking;
mod body;
mod call;
mod client;
pub mod codec;
pub mod config;
mod error;
mod generated;
pub mod guide;
pub mod middleware;
pub mod models;
pub mod operation;
pub mod paging;
#[cfg(feature = "testing")]
pub mod testing;
pub mod timer;
#[cfg(feature = "transfer")]
pub mod transfer;
pub mod transport;
mod uri;

pub use self::{
    auth::Credentials,
    body::Body,
    call::{ApiResponse, Call, CallFuture},
    client::{Client, ClientBuilder},
    error::{Error, ErrorKind, Result},
    generated::api,
    operation::Operation,
    uri::LakeFsUri,
};

/// Any error that can travel between threads.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
