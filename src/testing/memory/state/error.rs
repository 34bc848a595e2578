//! What the engine refuses, in the words of the real server.

/// Shorthand of the engine.
pub(in super::super) type Result<T> = std::result::Result<T, Error>;

/// A refusal: its kind decides the status, its message is what the client sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Error {
    pub(in super::super) kind: ErrorKind,
    pub(in super::super) message: String,
}

/// Why the engine refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ErrorKind {
    NotFound,
    Forbidden,
    Invalid,
    /// A path that has to be given is empty; deleting it quietly does nothing.
    MissingPath,
    Conflict,
    PreconditionFailed,
    /// Data that should be in the object store is not.
    Gone,
    Internal,
}

impl Error {
    pub(in super::super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(super) fn invalid_ref() -> Self {
        Self::invalid("ref: invalid value: validation error")
    }

    pub(super) fn conflict_found() -> Self {
        Self::new(ErrorKind::Conflict, "conflict found")
    }

    pub(super) fn no_changes() -> Self {
        Self::invalid("no changes")
    }

    pub(super) fn gone() -> Self {
        Self::new(ErrorKind::Gone, "No data")
    }

    pub(super) fn dirty() -> Self {
        Self::invalid("uncommitted changes (dirty branch)")
    }

    /// Says what was being done, before the message.
    pub(in super::super) fn context(mut self, doing: impl std::fmt::Display) -> Self {
        // The real server says of missing data only that it is missing.
        if self.kind != ErrorKind::Gone {
            self.message = format!("{doing}: {}", self.message);
        }
        self
    }
}
