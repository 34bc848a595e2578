use std::{fmt, path::Path, sync::Arc};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Nothing set it.
    Default,
    /// lakectl's file.
    File {
        /// The file.
        path: Arc<Path>,
        /// The key in it, such as `server.endpoint_url`.
        key: &'static str,
    },
    /// A variable of the environment, by its name.
    Environment(&'static str),
    /// The program itself: a setter of the loader or of the client's builder.
    Explicit,
}

/// A value, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub source: Source,
}

// ===== impl Source =====

impl Source {
    /// What wins over what: a higher one over a lower one.
    #[cfg(feature = "config")]
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File { .. } => 1,
            Self::Environment(_) => 2,
            Self::Explicit => 3,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, key } => write!(f, "{key} in {}", path.display()),
            Self::Environment(name) => f.write_str(name),
            Self::Explicit => f.write_str("set in code"),
        }
    }
}

// ===== impl Sourced =====

impl<T> Sourced<T> {
    pub(crate) fn new(value: T, source: Source) -> Self {
        Self { value, source }
    }

    /// Another value of the same source.
    #[cfg(feature = "config")]
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced::new(change(self.value), self.source)
    }
}
