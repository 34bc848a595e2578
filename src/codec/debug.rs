//! How secrets look in `Debug`.

use std::fmt;

/// Stands for a value that must not be shown.
pub(crate) struct Redacted;

/// A URL, an optional one or a list of them, without the query, in which a presigned URL has its signature.
pub(crate) struct WithoutQuery<'v, T>(pub(crate) &'v T);

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl fmt::Debug for WithoutQuery<'_, String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('?') {
            Some((address, _)) => write!(f, "\"{address}?[redacted]\""),
            None => fmt::Debug::fmt(self.0, f),
        }
    }
}

impl fmt::Debug for WithoutQuery<'_, Option<String>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(WithoutQuery))
            .finish()
    }
}

impl fmt::Debug for WithoutQuery<'_, Option<Vec<String>>> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().flatten().map(WithoutQuery))
            .finish()
    }
}
