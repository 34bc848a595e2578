//! The API as the server checks it before any handler runs: which operations exist and what they accept.

mod operations;
mod patterns;
mod schemas;
mod validate;

use http::Method;

pub(super) use operations::OPERATIONS;
pub(super) use validate::{check, check_single_values};

use patterns::NamedPattern;

/// One operation of the API.
#[derive(Debug)]
pub(super) struct Operation {
    /// The operationId.
    pub(super) id: &'static str,
    method: &'static str,
    template: &'static str,
    /// Answers without looking at credentials.
    pub(super) open: bool,
    parameters: &'static [Parameter],
    body: Option<RequestBody>,
}

#[derive(Debug)]
struct Parameter {
    name: &'static str,
    place: Place,
    kind: Kind,
    required: bool,
    may_be_empty: bool,
    has_default: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Header,
}

#[derive(Debug)]
struct RequestBody {
    kind: Kind,
    required: bool,
}

/// What a value must look like.
#[derive(Debug)]
enum Kind {
    Any,
    Text,
    NonEmptyText,
    Pattern(&'static NamedPattern),
    OneOf(&'static [&'static str]),
    DateTime,
    Integer,
    Between(Option<i64>, Option<i64>),
    Boolean,
    List(&'static Kind),
    NonEmptyList(&'static Kind),
    Map(&'static Kind),
    Object(&'static Fields),
}

/// The properties of an object; a schema's name appears in the error messages.
#[derive(Debug)]
struct Fields {
    name: &'static str,
    required: &'static [&'static str],
    properties: &'static [(&'static str, Kind)],
}

/// An operation found for a path, with the decoded values of the template's variables.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) operation: &'static Operation,
    pub(super) variables: Vec<(&'static str, String)>,
}

// ===== impl Operation =====

const fn op(id: &'static str, method: &'static str, template: &'static str) -> Operation {
    Operation {
        id,
        method,
        template,
        open: false,
        parameters: &[],
        body: None,
    }
}

impl Operation {
    const fn open(mut self) -> Self {
        self.open = true;
        self
    }

    const fn takes(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    const fn needs_body(mut self, kind: Kind) -> Self {
        self.body = Some(RequestBody {
            kind,
            required: true,
        });
        self
    }

    const fn may_have_body(mut self, kind: Kind) -> Self {
        self.body = Some(RequestBody {
            kind,
            required: false,
        });
        self
    }
}

// ===== impl Parameter =====

const fn query(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        place: Place::Query,
        kind,
        required: false,
        may_be_empty: false,
        has_default: false,
    }
}

const fn segment(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        place: Place::Path,
        ..query(name, kind)
    }
    .required()
}

const fn header(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        place: Place::Header,
        kind,
        required: false,
        may_be_empty: false,
        has_default: false,
    }
}

impl Parameter {
    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn may_be_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    const fn has_default(mut self) -> Self {
        self.has_default = true;
        self
    }
}

// ===== routing =====

/// Finds the operation for a path below the base path, `None` when there is none, or none with this method.
pub(super) fn route(method: &Method, path: &str) -> Option<Route> {
    let segments: Vec<&str> = path.strip_prefix('/')?.split('/').collect();
    // A literal beats a variable: `/refs/dump` is not a ref named `dump`.
    let operation = OPERATIONS
        .iter()
        .filter(|operation| operation.method == method.as_str())
        .filter(|operation| matches(operation.template, &segments))
        .max_by_key(|operation| {
            operation.template.matches('/').count() - operation.template.matches('{').count()
        })?;
    let variables = operation
        .template
        .split('/')
        .skip(1)
        .zip(&segments)
        .filter_map(|(part, segment)| Some((variable(part)?, decode_segment(segment))))
        .collect();
    Some(Route {
        operation,
        variables,
    })
}

fn matches(template: &str, segments: &[&str]) -> bool {
    let mut parts = template.split('/').skip(1);
    let all = segments.iter().all(|segment| match parts.next() {
        Some(part) if variable(part).is_some() => !segment.is_empty(),
        Some(part) => part == *segment,
        None => false,
    });
    all && parts.next().is_none()
}

fn variable(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

fn decode_segment(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: Method, path: &str) -> Option<(&'static str, Vec<String>)> {
        let route = route(&method, path)?;
        Some((
            route.operation.id,
            route
                .variables
                .into_iter()
                .map(|(_, value)| value)
                .collect(),
        ))
    }

    #[test]
    fn paths_find_their_operation() {
        type Routed<'a> = Option<(&'a str, &'a [&'a str])>;
        let cases: &[(Method, &str, Routed<'_>)] = &[
            (
                Method::GET,
                "/repositories",
                Some(("listRepositories", &[])),
            ),
            (
                Method::GET,
                "/repositories/a%2Fb",
                Some(("getRepository", &["a/b"])),
            ),
            (
                Method::PUT,
                "/repositories/r/refs/dump",
                Some(("dumpRefs", &["r"])),
            ),
            (
                Method::HEAD,
                "/repositories/r/refs/main/objects",
                Some(("headObject", &["r", "main"])),
            ),
            (
                Method::GET,
                "/repositories/r/refs/a~1/diff/b%5E",
                Some(("diffRefs", &["r", "a~1", "b^"])),
            ),
            (Method::PUT, "/repositories", None),
            (Method::GET, "/repositories/", None),
            (Method::GET, "//repositories", None),
            (Method::GET, "", None),
        ];
        for (method, path, expected) in cases {
            let expected =
                expected.map(|(id, values)| (id, values.iter().map(ToString::to_string).collect()));
            assert_eq!(routed(method.clone(), path), expected, "{method} {path}");
        }
    }
}
