//! Compares a request with what `spec/lakefs.yaml` says of its operation, and with what the caller gave.
//!
//! It decodes with code of its own, not with what the crate encodes with.

use http::{HeaderMap, Request};
use lakefs_sdk::{
    Body, Call, Result as SdkResult,
    operation::OperationMeta,
    testing::{self, Mockable},
};
use serde_json::Value;

use super::{
    schema::validate,
    spec::{Described, Parameter, Spec},
};

/// How much of what the operation takes a call gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// What is required, nothing more.
    Required,
    /// Every parameter, and every field of the body.
    Everything,
}

/// A request, with what the caller gave for it.
pub(crate) struct Sent {
    pub(crate) id: &'static str,
    pub(crate) fill: Fill,
    pub(crate) request: SdkResult<Request<Body>>,
    /// Reads the operation out of a request, and writes it again.
    pub(crate) again: fn(&testing::Sent) -> SdkResult<Request<Body>>,
    parameters: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, &'static str)>,
    content: Content,
}

enum Content {
    None,
    Json(Value),
    Data(&'static [u8]),
}

type Checked = Result<(), String>;

/// The text that stands for `name` where every awkward character is to be tried; each name has its own.
///
/// `%2F` tells a value encoded twice from one encoded once.
macro_rules! odd {
    ($name:literal) => {
        concat!($name, " a+b%2F&c/d?e#f=g;ü/日本\"~")
    };
}

pub(crate) use odd;

/// What [`odd!`] adds to a name.
pub(crate) const ODD: &str = odd!("");

// ===== impl Sent =====

/// A call with its required inputs only.
pub(crate) fn required<Op: Mockable>(id: &'static str, call: Call<Op>) -> Sent {
    Sent::new(id, Fill::Required, call)
}

/// A call with everything that it can take.
pub(crate) fn everything<Op: Mockable>(id: &'static str, call: Call<Op>) -> Sent {
    Sent::new(id, Fill::Everything, call)
}

impl Sent {
    fn new<Op: Mockable>(id: &'static str, fill: Fill, call: Call<Op>) -> Self {
        Self {
            id,
            fill,
            request: call.into_request(),
            again: |sent| sent.decode::<Op>()?.into_request(),
            parameters: Vec::new(),
            headers: Vec::new(),
            content: Content::None,
        }
    }

    /// The parameter, by its name in the document, was given this value. One that takes a list is given several times.
    pub(crate) fn given(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((name, value.into()));
        self
    }

    /// Each of these parameters was given its own name as its value.
    pub(crate) fn named<const N: usize>(self, names: [&'static str; N]) -> Self {
        names
            .into_iter()
            .fold(self, |sent, name| sent.given(name, name))
    }

    /// Each of these parameters was given [`odd!`] of its own name.
    pub(crate) fn odd<const N: usize>(self, names: [&'static str; N]) -> Self {
        names
            .into_iter()
            .fold(self, |sent, name| sent.given(name, format!("{name}{ODD}")))
    }

    /// A header that the document does not know was given.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body, as it must be on the wire.
    pub(crate) fn json(mut self, body: Value) -> Self {
        self.content = Content::Json(body);
        self
    }

    /// The body, where it is data.
    pub(crate) fn data(mut self, body: &'static [u8]) -> Self {
        self.content = Content::Data(body);
        self
    }
}

// ===== impl Spec: the checks =====

impl Spec {
    /// All that is wrong with the request; empty when nothing is.
    pub(crate) fn faults(&self, sent: &Sent) -> Vec<String> {
        let described = self
            .operations()
            .find(|described| described.operation["operationId"] == sent.id);
        let checked = match (described, &sent.request) {
            (None, _) => vec![Err("the document has no such operation".to_owned())],
            (_, Err(error)) => vec![Err(format!("was refused: {error}"))],
            (Some(described), Ok(request)) => match self.parameters(&described) {
                Err(fault) => vec![Err(fault)],
                Ok(parameters) => vec![
                    self.check_given(&parameters, sent),
                    check_method(&described, request),
                    check_path(&described, &parameters, sent, request),
                    check_query(&parameters, sent, request),
                    self.check_headers(&described, &parameters, sent, request.headers()),
                    self.check_body(&described, sent, request),
                    self.check_meta(&described, sent, request),
                ],
            },
        };
        checked.into_iter().filter_map(Result::err).collect()
    }

    /// What the call gave is what the document asks for, so that the tests leave no parameter out.
    fn check_given(&self, parameters: &[Parameter<'_>], sent: &Sent) -> Checked {
        for parameter in parameters {
            let wanted = parameter.required || sent.fill == Fill::Everything;
            let given = sent
                .parameters
                .iter()
                .any(|(name, _)| *name == parameter.name);
            if wanted != given {
                return Err(format!(
                    "the call should give {}: {wanted}, it does: {given}",
                    parameter.name
                ));
            }
        }
        for (name, text) in &sent.parameters {
            let parameter = parameters
                .iter()
                .find(|parameter| parameter.name == *name)
                .ok_or_else(|| format!("the document has no parameter {name}"))?;
            let mut schema = parameter.schema;
            if schema["type"] == "array" {
                schema = self.resolve(&schema["items"])?;
            }
            let value = match schema["type"].as_str() {
                Some("string") => Value::from(text.as_str()),
                _ => serde_json::from_str(text).map_err(|error| format!("{name}: {error}"))?,
            };
            validate(self, schema, &value, sent.fill, name)?;
        }
        Ok(())
    }

    fn check_headers(
        &self,
        described: &Described<'_>,
        parameters: &[Parameter<'_>],
        sent: &Sent,
        headers: &HeaderMap,
    ) -> Checked {
        let given = in_place(parameters, sent, "header").chain(sent.headers.iter().copied());
        let mut expected: Vec<(String, String)> = given
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        if !self.answers_data(described)? {
            expected.push(("accept".to_owned(), "application/json".to_owned()));
        }
        if let Content::Json(_) = sent.content {
            expected.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let mut found = Vec::new();
        for (name, value) in headers {
            let value = std::str::from_utf8(value.as_bytes())
                .map_err(|_| format!("the header {name} is not UTF-8"))?;
            found.push((name.to_string(), value.to_owned()));
        }
        found.sort();
        expected.sort();
        if found == expected {
            Ok(())
        } else {
            Err(format!("the headers are {found:?}, not {expected:?}"))
        }
    }

    fn check_body(
        &self,
        described: &Described<'_>,
        sent: &Sent,
        request: &Request<Body>,
    ) -> Checked {
        let bytes = request.body().as_bytes().ok_or("the body is a stream")?;
        let described = described.operation.get("requestBody");
        let required = described.is_some_and(|body| body["required"] == true);
        let content = match described {
            Some(body) => &self.resolve(body)?["content"],
            None => &Value::Null,
        };
        match &sent.content {
            Content::None if required => Err("the document asks for a body".to_owned()),
            Content::None if sent.fill == Fill::Everything && described.is_some() => {
                Err("the call should give a body".to_owned())
            }
            Content::None if !bytes.is_empty() => Err("a body is sent that nobody gave".to_owned()),
            Content::None => Ok(()),
            Content::Json(_) if sent.fill == Fill::Required && !required => {
                Err("the call gives a body that is optional".to_owned())
            }
            Content::Json(expected) => {
                let schema = &content["application/json"]["schema"];
                let body = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
                validate(self, schema, &body, sent.fill, "body")?;
                if body == *expected {
                    Ok(())
                } else {
                    Err(format!("the body is {body}, not {expected}"))
                }
            }
            Content::Data(_) if content.get("application/octet-stream").is_none() => {
                Err("the document does not take data".to_owned())
            }
            Content::Data(expected) if bytes != expected => {
                Err(format!("the body is {bytes:?}, not {expected:?}"))
            }
            Content::Data(_) => Ok(()),
        }
    }

    fn check_meta(
        &self,
        described: &Described<'_>,
        sent: &Sent,
        request: &Request<Body>,
    ) -> Checked {
        let meta = OperationMeta::of(request).ok_or("the request has no OperationMeta")?;
        let tagged = described.operation["tags"]
            .as_array()
            .is_some_and(|tags| tags.iter().any(|tag| tag == meta.tag));
        let agrees = meta.id == sent.id
            && described.method.to_uppercase() == meta.method.as_str()
            && described.path == meta.path
            && self.authenticated(described) == meta.authenticated
            && tagged;
        if agrees {
            Ok(())
        } else {
            Err(format!("OperationMeta says otherwise: {meta:?}"))
        }
    }
}

// ===== the checks that need nothing else of the document =====

fn check_method(described: &Described<'_>, request: &Request<Body>) -> Checked {
    if request.method().as_str() == described.method.to_uppercase() {
        Ok(())
    } else {
        Err(format!("the method is {}", request.method()))
    }
}

fn check_path(
    described: &Described<'_>,
    parameters: &[Parameter<'_>],
    sent: &Sent,
    request: &Request<Body>,
) -> Checked {
    let uri = request.uri();
    if uri.scheme().is_some() || uri.authority().is_some() {
        return Err(format!("the path has a host: {uri}"));
    }
    let path = uri
        .path()
        .strip_prefix("/api/v1")
        .ok_or_else(|| format!("the path is not below the API: {uri}"))?;
    if path.split('/').count() != described.path.split('/').count() {
        return Err(format!("the path has other segments: {path}"));
    }
    for (segment, template) in path.split('/').zip(described.path.split('/')) {
        let name = template
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        let (found, expected) = match name {
            Some(name) => {
                let declared = parameters
                    .iter()
                    .any(|parameter| (parameter.name, parameter.place) == (name, "path"));
                let given = sent.parameters.iter().find(|(given, _)| *given == name);
                let (_, given) = given
                    .filter(|_| declared)
                    .ok_or_else(|| format!("the path has {name}, which is not given"))?;
                (decode(segment)?, given.as_str())
            }
            None => (segment.to_owned(), template),
        };
        if found != expected {
            return Err(format!(
                "the path has {found:?} for {template:?}, not {expected:?}"
            ));
        }
    }
    Ok(())
}

fn check_query(parameters: &[Parameter<'_>], sent: &Sent, request: &Request<Body>) -> Checked {
    let mut found = Vec::new();
    if let Some(query) = request.uri().query() {
        for pair in query.split('&') {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("the query has {pair:?}"))?;
            found.push((decode(name)?, decode(value)?));
        }
    }
    let mut expected: Vec<(String, String)> = in_place(parameters, sent, "query")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    // Stable, so that the elements of a list stay in their order.
    found.sort_by(|one, other| one.0.cmp(&other.0));
    expected.sort_by(|one, other| one.0.cmp(&other.0));
    if found == expected {
        Ok(())
    } else {
        Err(format!("the query is {found:?}, not {expected:?}"))
    }
}

fn in_place<'p>(
    parameters: &'p [Parameter<'_>],
    sent: &'p Sent,
    place: &'p str,
) -> impl Iterator<Item = (&'static str, &'p str)> {
    let given = sent
        .parameters
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    given.filter(move |(name, _)| {
        parameters
            .iter()
            .any(|parameter| (parameter.name, parameter.place) == (*name, place))
    })
}

/// Percent-decodes a segment or a query value in which everything but RFC 3986's unreserved characters is encoded.
fn decode(text: &str) -> Result<String, String> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                decoded.push(byte)
            }
            b'%' => {
                let digit = |at: usize| {
                    let digit = char::from(*rest.get(at)?).to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                let (high, low) = digit(0)
                    .zip(digit(1))
                    .ok_or_else(|| format!("{text:?} has a % without two digits"))?;
                decoded.push(high * 16 + low);
                rest = &rest[2..];
            }
            _ => return Err(format!("{text:?} has {:?} as it is", char::from(byte))),
        }
    }
    String::from_utf8(decoded).map_err(|_| format!("{text:?} is not UTF-8"))
}
