//! The API as plain structs: what the emitter needs, with every name and type settled.

use std::collections::BTreeMap;

/// The whole API.
#[derive(Debug)]
pub struct Api {
    pub groups: Vec<Group>,
    pub enums: BTreeMap<String, Enum>,
}

/// The operations under one tag, and the models that they are the first to use.
#[derive(Debug)]
pub struct Group {
    pub tag: String,
    pub module: String,
    pub doc: String,
    pub operations: Vec<Operation>,
    pub models: Vec<Model>,
}

#[derive(Debug)]
pub struct Operation {
    pub id: String,
    pub tag: String,
    pub method_name: String,
    pub type_name: String,
    pub summary: String,
    pub description: String,
    pub http_method: String,
    pub path: String,
    pub repeat: Repeat,
    pub authenticated: bool,
    pub stability: &'static str,
    pub deprecated: bool,
    /// In the order of the method's arguments and setters: required before optional.
    pub inputs: Vec<Input>,
    pub output: Output,
    /// The status of an answer that succeeds.
    pub status: u16,
    pub paging: Option<Paging>,
    /// Status, meaning; 4xx only.
    pub failures: Vec<(u16, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    Safe,
    Idempotent,
    Once,
}

/// An argument or a setter of an operation.
#[derive(Clone, Debug)]
pub struct Input {
    pub wire: String,
    pub rust: String,
    pub doc: String,
    pub place: Place,
    pub ty: Type,
    pub required: bool,
    pub checks: Checks,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    Path,
    Query {
        allow_empty: bool,
    },
    Header {
        allow_empty: bool,
        default: Option<String>,
    },
    /// Headers that start with this, one an entry of a map.
    HeaderPrefix(String),
    JsonBody {
        validated: bool,
    },
    DataBody,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    pub minimum: Option<i64>,
    pub maximum: Option<i64>,
    pub not_empty: bool,
    /// A function of `codec::validate`.
    pub pattern: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Text,
    Integer,
    Boolean,
    /// RFC 3339 on the wire.
    DateTime,
    /// Seconds on the wire.
    UnixSeconds,
    /// Any JSON object.
    Json,
    Data,
    List(Box<Type>),
    Map(Box<Type>),
    Enum(String),
    Model(String),
}

#[derive(Clone, Debug)]
pub enum Output {
    Nothing,
    Json(Type),
    /// A hand-written type, read by a function of `codec::decode`; `stream` says that its body is not read whole.
    Own {
        rust: String,
        decode: String,
        stream: bool,
        doc: Option<String>,
    },
}

#[derive(Clone, Debug)]
pub struct Paging {
    pub cursor: String,
    pub item: Type,
}

#[derive(Debug)]
pub struct Model {
    pub name: String,
    pub doc: String,
    pub shape: Shape,
    /// Sent in a request: has `new` and setters.
    pub request: bool,
    /// Has bounds, itself or in what it holds.
    pub validated: bool,
}

#[derive(Debug)]
pub enum Shape {
    Fields(Vec<Field>),
    /// A name for a list or a map.
    Alias(Type),
}

#[derive(Clone, Debug)]
pub struct Field {
    pub wire: String,
    pub rust: String,
    pub doc: String,
    pub ty: Type,
    pub required: bool,
    /// Required, but real servers leave it out.
    pub lenient: bool,
    pub shown: Shown,
    pub checks: Checks,
    /// A model that has bounds stands in it.
    pub validated: bool,
}

/// How much of a field Debug shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    All,
    WithoutQuery,
    Nothing,
}

#[derive(Debug)]
pub struct Enum {
    pub name: String,
    pub doc: String,
    /// The group whose models it stands with.
    pub tag: String,
    /// Wire value, variant, meaning.
    pub values: Vec<(String, String, String)>,
}
