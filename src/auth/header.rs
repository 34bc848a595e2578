use std::fmt;

use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, HeaderName},
};

use crate::{Error, Result};

/// The header that credentials are sent in, encoded once.
#[derive(PartialEq, Eq)]
pub(crate) struct AuthHeader {
    name: HeaderName,
    value: HeaderValue,
}

// ===== impl AuthHeader =====

impl AuthHeader {
    /// `what` names the credentials in an error.
    pub(super) fn new(name: HeaderName, value: String, what: &str) -> Result<Self> {
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            Error::invalid_input(format!("`credentials` have a character in the {what} that a header cannot hold, such as a line break"))
        })?;
        value.set_sensitive(true);
        Ok(Self { name, value })
    }

    /// Sets it, unless the caller has set that header for this call, or authenticates in a way of their own.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        if self.name != AUTHORIZATION && headers.contains_key(AUTHORIZATION) {
            return;
        }
        headers
            .entry(&self.name)
            .or_insert_with(|| self.value.clone());
    }
}

impl fmt::Debug for AuthHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AuthHeader").field(&self.name).finish()
    }
}
