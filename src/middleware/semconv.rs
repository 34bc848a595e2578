//! How OpenTelemetry's conventions for HTTP clients name what spans and metrics both tell.
//!
//! <https://opentelemetry.io/docs/specs/semconv/http/>

use http::{Method, Uri};

use crate::{BoxError, error::classify};

/// `http.request.method`: methods that nobody has heard of are one value, lest a caller make up any number of them.
pub(super) fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "_OTHER",
    }
}

/// `server.address`: an IPv6 address stands in brackets in a URL, and without them here.
pub(super) fn address(uri: &Uri) -> Option<&str> {
    let host = uri.host()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Some(bare.unwrap_or(host))
}

/// `server.port`: the scheme's where the URL names none.
pub(super) fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

/// `error.type` of a request that got no answer.
pub(super) fn failure(error: &BoxError) -> &'static str {
    classify::kind_of_failure(&**error).as_str()
}
