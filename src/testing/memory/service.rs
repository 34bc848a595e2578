//! The HTTP of the server: which handler a request reaches, and what is checked before.

use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderName, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use tower::Service;

use super::MemoryLakeFs;
use super::accounts::{SESSION_COOKIE, session};
use super::conduct::{self, OBJECT_STORE};
use super::contract::{self, Route};
use super::error::Failure;
use super::handlers;
use super::object_store::{self, Origin, Unannounced};
use super::permissions;
use super::reply::Reply;
use super::request::{Call, Query};
use super::server::Server;
use crate::Body;

const BASE_PATH: &str = "/api/v1";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The one operation that answers nobody in particular without being open.
const WHO_AM_I: &str = "getCurrentUser";

impl Service<Request<Body>> for MemoryLakeFs {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let lakefs = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let door = Door::of(&parts);
            if body.size().is_none() {
                parts.extensions.insert(Unannounced);
            }
            let response = lakefs.answer(parts, body.bytes(), door).await;
            Ok(response.map(Body::from))
        })
    }
}

/// Which server a request is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Door {
    LakeFs,
    ObjectStore,
}

impl Door {
    /// Without a socket, the host tells.
    fn of(parts: &Parts) -> Self {
        if object_store::is_addressed(parts) {
            Self::ObjectStore
        } else {
            Self::LakeFs
        }
    }
}

impl MemoryLakeFs {
    /// Answers a request when its body has arrived, as fast as it is told to, and lets those know who want to.
    pub(super) async fn answer<E: Display>(
        &self,
        parts: Parts,
        body: impl Future<Output = Result<Bytes, E>>,
        door: Door,
    ) -> Response<Bytes> {
        let conduct = &self.server.conduct;
        let watched = conduct.watch(&parts);
        let latency = conduct.half_latency();
        conduct::pass(latency).await;
        let (reply, operation) = match body.await {
            Ok(body) => self.respond(parts, body, door),
            Err(error) => (Failure::bad_request(error.to_string()).into_reply(), None),
        };
        conduct::pass(latency).await;
        let response = reply.into_response();
        if let Some(watched) = watched {
            watched.answered(response.status(), operation);
        }
        response
    }

    /// The answer, and the id of the operation.
    pub(super) fn respond(
        &self,
        parts: Parts,
        body: Bytes,
        door: Door,
    ) -> (Reply, Option<&'static str>) {
        let server = &self.server;
        let is_head = parts.method == Method::HEAD;
        let (reply, operation) = match door {
            Door::ObjectStore => (
                object_store::answer(server, &parts, body),
                Some(OBJECT_STORE),
            ),
            Door::LakeFs => {
                let (reply, operation) = lakefs(server, parts, body);
                let reply = reply.text_header(REQUEST_ID, &server.ids.uuid());
                (reply, operation)
            }
        };
        let reply = if is_head {
            reply.without_body()
        } else {
            reply.with_length()
        };
        (reply, operation)
    }
}

fn lakefs(server: &Server, parts: Parts, body: Bytes) -> (Reply, Option<&'static str>) {
    let below = parts.uri.path().strip_prefix(BASE_PATH);
    let Some(path) = below.filter(|below| below.is_empty() || below.starts_with('/')) else {
        return (outside(server, &parts), None);
    };
    server.count_request();
    match contract::route(&parts.method, path) {
        Some(route) => {
            let id = route.operation.id;
            let answer = api(server, route, parts, body);
            (answer.unwrap_or_else(Failure::into_reply), Some(id))
        }
        None => (
            Failure::not_found("invalid API endpoint").into_reply(),
            None,
        ),
    }
}

/// What is checked, and in which order, decides which of several faults a client sees.
fn api(server: &Server, route: Route, parts: Parts, body: Bytes) -> Result<Reply, Failure> {
    let operation = route.operation;
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    contract::check(operation, &route.variables, &query, &parts.headers, &body)?;
    let user = if operation.open {
        None
    } else {
        server.accounts.recognize(&parts.headers, server.now())?
    };
    contract::check_single_values(operation, &query)?;
    // The answer to a HEAD has no headers of an error either.
    let is_head = parts.method == Method::HEAD;
    let refuse = |failure: Failure| {
        Ok(if is_head {
            Reply::empty(failure.status())
        } else {
            failure.into_reply()
        })
    };
    if user.is_none() && !operation.open && operation.id != WHO_AM_I {
        return refuse(Failure::unauthenticated());
    }
    let call = Call {
        variables: route.variables,
        query,
        headers: parts.headers,
        body,
        user,
        object_store: parts
            .extensions
            .get::<Origin>()
            .cloned()
            .unwrap_or_default(),
        max_page_size: server.conduct.max_page_size,
    };
    if let Err(failure) = permissions::check(operation.id, server, &call) {
        return refuse(failure);
    }
    handlers::dispatch(operation.id, server, &call)
}

/// Whatever is not the API is the web interface: a client that forgot the base path gets a page and 200.
fn outside(server: &Server, parts: &Parts) -> Reply {
    match parts.uri.path() {
        "/_health" => Reply::text(StatusCode::OK, format!("alive! {}", server.ids.uuid())),
        "/logout" => {
            let token = session(&parts.headers).map_or_else(|| server.ids.short(), str::to_owned);
            let cookie = format!(
                "{SESSION_COOKIE}={token}; Path=/; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0; HttpOnly; SameSite=Lax"
            );
            let page = "<a href=\"/auth/login\">Temporary Redirect</a>.\n\n";
            Reply::bytes(
                StatusCode::TEMPORARY_REDIRECT,
                "text/html; charset=utf-8",
                page,
            )
            .header(LOCATION, "/auth/login")
            .text_header(SET_COOKIE, &cookie)
        }
        _ => Reply::page(),
    }
}
