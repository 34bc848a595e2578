//! [`MockTransport`]: a transport that knows what it will be asked, and complains where that does not come true.
//!
//! It is under the whole stack of a client, so that the code under test runs with its real retries, time limits,
//! authentication and decoding.
//!
//! ```
//! use lakefs_sdk::{Client, api::branches::{CreateBranch, GetBranch}, models::{BranchCreation, Ref}, testing::MockTransport};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
//! let lakefs = MockTransport::new();
//! // Any branch of this repository; first the server is busy.
//! lakefs.on::<GetBranch>().matching(|op| op.repository == "lake").reply_error(503, "busy").reply(Ref::new("main", "c0ffee"));
//! // Exactly this call.
//! lakefs.expect(CreateBranch::new("lake", BranchCreation::new("draft", "main"))).reply("c0ffee".to_owned()).times(1);
//!
//! let client = Client::new(lakefs.clone());
//! assert_eq!(client.get_branch("lake", "main").await?.commit_id, "c0ffee");
//! client.create_branch("lake", BranchCreation::new("draft", "main")).await?;
//!
//! assert_eq!(lakefs.requests().len(), 3);
//! assert_eq!(lakefs.calls::<CreateBranch>()[0].body.name, "draft");
//! # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
//! // Dropping `lakefs` checks that everything came true.
//! ```

use std::{
    convert::identity,
    fmt,
    future::Future,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    thread,
};

use bytes::Bytes;
use http::{Request, Response};
use tower::Service;

use crate::{Body, BoxError, Operation, Result};

mod contents;
pub(crate) mod encode;
mod expectation;
mod expected;
mod other;
mod reply;
mod sent;
pub(super) mod shape;
mod state;

use self::state::Shared;
pub use self::{
    expectation::{Expectation, Verdict},
    other::Other,
    reply::Reply,
    sent::Sent,
};

/// A transport that knows what it will be asked. See the [module](self).
///
/// A request is taken by the first expectation that it meets and that is not exhausted, in the order in which they were made.
/// One that meets none fails the call with [`is_invalid_input`](crate::Error::is_invalid_input), which no layer retries, and is remembered.
///
/// **Checked when it is dropped**: an expectation that was not met, or a call that was not expected, panics with a report that
/// names operation, field, expected and actual value. While the thread panics already, the report is only printed. Copies
/// share everything with the mock that [`new`](Self::new) made, and check nothing when they are dropped; so keep that one in
/// the test, and give a copy to the client. Two mocks share nothing.
pub struct MockTransport {
    shared: Arc<Shared>,
    /// Whether this is what `new` made.
    original: bool,
}

/// An [`Operation`] that a mock can be asked: it can be read out of a request, and its answer can be written.
///
/// All operations of lakeFS are. For one of your own, implement it next to [`Operation`]:
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Method, Request, Response, response::Parts};
/// # use lakefs_sdk::{Body, Client, Operation, Result, codec::{Encoder, decode}, operation::OperationMeta};
/// # #[derive(Debug)]
/// # struct GetLicense;
/// # impl Operation for GetLicense {
/// #     type Output = serde_json::Value;
/// #     const META: &'static OperationMeta = &OperationMeta::new("getLicense", Method::GET, "/license");
/// #     fn into_request(self) -> Result<Request<Body>> { Encoder::new(Self::META).empty() }
/// #     fn decode(parts: Parts, body: Bytes) -> Result<Self::Output> { decode::json(&parts, &body) }
/// # }
/// use lakefs_sdk::testing::{MockTransport, Mockable, Sent};
///
/// impl Mockable for GetLicense {
///     fn read(_: &Sent) -> Result<Self> {
///         Ok(Self)
///     }
///
///     fn answer(output: Self::Output) -> Result<Response<Body>> {
///         Ok(Response::new(output.to_string().into()))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let lakefs = MockTransport::new();
/// lakefs.expect(GetLicense).reply(serde_json::json!({ "token": "…" }));
/// assert_eq!(Client::new(lakefs.clone()).execute(GetLicense).await?["token"], "…");
/// # Ok::<_, lakefs_sdk::Error>(()) }).unwrap();
/// ```
pub trait Mockable: Operation + 'static {
    /// The status of an answer that succeeds. Default: 200.
    const STATUS: u16 = 200;

    /// Reads the operation out of a request.
    ///
    /// # Errors
    ///
    /// [`is_decode`](crate::Error::is_decode) when something is missing or malformed.
    fn read(sent: &Sent) -> Result<Self>;

    /// Writes an answer as the server does.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](crate::Error::is_invalid_input) when it cannot be written.
    fn answer(output: Self::Output) -> Result<Response<Body>>;
}

// ===== impl MockTransport =====

impl MockTransport {
    /// A mock that expects nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
            original: true,
        }
    }

    /// Expects calls of an operation, whatever is in them.
    #[track_caller]
    pub fn on<Op: Mockable>(&self) -> Expectation<Op> {
        Expectation::new(Arc::clone(&self.shared), Location::caller())
    }

    /// Expects calls that are equal to this one; a report shows in which fields another one differs.
    ///
    /// # Panics
    ///
    /// When the call is one that is refused before it is sent.
    #[track_caller]
    pub fn expect<Op: Mockable>(&self, call: Op) -> Expectation<Op> {
        #[expect(
            clippy::panic,
            reason = "a test that is written wrong ends where it is wrong"
        )]
        let expected = match written(call) {
            Ok(sent) => sent.fields(),
            Err(error) => panic!("this call is never sent: {error}"),
        };
        self.on::<Op>().matched_by(move |sent| {
            // Written again, so that what the layers add does not count.
            match sent.decode::<Op>().and_then(written) {
                Ok(sent) => expected.differences(&sent.fields()),
                Err(_) => expected.differences(&sent.fields()),
            }
        })
    }

    /// What was sent so far, expected or not, in the order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<Sent> {
        let state = self.shared.state();
        state.calls.iter().map(|call| call.sent.clone()).collect()
    }

    /// The calls of an operation so far, in the order of arrival, attempt by attempt.
    #[must_use]
    pub fn calls<Op: Mockable>(&self) -> Vec<Op> {
        let decoded = self.requests();
        decoded
            .iter()
            .filter_map(|sent| sent.decode().ok())
            .collect()
    }

    /// Checks now what is checked on drop.
    ///
    /// # Panics
    ///
    /// When an expectation was not met so far, or a call was not expected.
    #[track_caller]
    #[expect(clippy::panic, reason = "it fails a test")]
    pub fn verify(&self) {
        if let Some(report) = self.shared.report() {
            panic!("{report}");
        }
    }

    async fn answer(
        shared: Arc<Shared>,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        let (parts, body) = request.into_parts();
        if body.as_bytes().is_none() {
            // A stream of which nothing was read can be sent again.
            if let Some(script) = shared.take_refusal(&parts) {
                return script.play(None).await;
            }
        }
        let sent = Sent::new(&parts, body.bytes().await?);
        let script = shared.take(&sent)?;
        script.play(Some(&sent)).await
    }
}

/// A call as it arrives where no layer added anything.
fn written<Op: Operation>(call: Op) -> Result<Sent> {
    let (mut parts, body) = call.into_request()?.into_parts();
    parts.extensions.insert(Op::META);
    // A stream is not compared.
    let body = body.as_bytes().map_or_else(Bytes::new, Bytes::clone);
    Ok(Sent::new(&parts, body))
}

impl Default for MockTransport {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MockTransport {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            original: false,
        }
    }
}

impl Drop for MockTransport {
    #[expect(clippy::panic, reason = "it fails a test")]
    fn drop(&mut self) {
        let report = self.original.then(|| self.shared.report());
        let Some(report) = report.and_then(identity) else {
            return;
        };
        // A panic during a panic would end the whole process, and hide what went wrong first.
        if thread::panicking() {
            eprintln!("{report}");
        } else {
            panic!("{report}");
        }
    }
}

impl Service<Request<Body>> for MockTransport {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(Self::answer(Arc::clone(&self.shared), request))
    }
}

impl fmt::Debug for MockTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.state();
        f.debug_struct("MockTransport")
            .field("expectations", &state.expectations.len())
            .field("calls", &state.calls.len())
            .finish()
    }
}
