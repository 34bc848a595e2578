//! [`Credentials`]: who is calling.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use http::{
    HeaderMap, HeaderValue,
    header::{AUTHORIZATION, COOKIE, HeaderName},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{Error, Result};

/// Who is calling. Kept secret: neither `Debug` nor any error or span shows them.
///
/// ```
/// # use lakefs_sdk::Credentials;
/// let credentials = Credentials::access_key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
/// assert_eq!(format!("{credentials:?}"), r#"AccessKey { id: "AKIAIOSFODNN7EXAMPLE", secret: [redacted] }"#);
/// ```
#[derive(Clone)]
pub struct Credentials {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    None,
    AccessKey { id: String, secret: SecretString },
    BearerToken(SecretString),
    SessionCookie { name: String, value: SecretString },
}

// ===== impl Credentials =====

impl Credentials {
    /// No credentials: for a server without authentication, and for a transport that adds its own.
    #[must_use]
    pub fn none() -> Self {
        Self { kind: Kind::None }
    }

    /// An access key id and its secret, as lakeFS's user page gives them; sent with HTTP Basic (RFC 7617).
    #[must_use]
    pub fn access_key(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            kind: Kind::AccessKey {
                id: id.into(),
                secret: secret.into().into(),
            },
        }
    }

    /// A token of a login, sent as a bearer token (RFC 6750). It is not refreshed.
    #[must_use]
    pub fn bearer_token(token: impl Into<String>) -> Self {
        Self {
            kind: Kind::BearerToken(token.into().into()),
        }
    }

    /// The cookie of a login in a browser, such as `internal_auth_session`, `oidc_auth_session` or `saml_auth_session`.
    #[must_use]
    pub fn session_cookie(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            kind: Kind::SessionCookie {
                name: name.into(),
                value: value.into().into(),
            },
        }
    }

    /// The header to send, encoded once.
    pub(crate) fn header(&self) -> Result<Option<Arc<AuthHeader>>> {
        let (name, value, what) = match &self.kind {
            Kind::None => return Ok(None),
            Kind::AccessKey { id, secret } => {
                if id.is_empty() || secret.expose_secret().is_empty() {
                    return Err(Error::invalid_input(
                        "`credentials` lack the access key id or its secret",
                    ));
                }
                if id.contains(':') {
                    return Err(Error::invalid_input(
                        "`credentials` have an access key id with a `:`; are id and secret swapped?",
                    ));
                }
                let pair = BASE64.encode(format!("{id}:{}", secret.expose_secret()));
                (AUTHORIZATION, format!("Basic {pair}"), "access key")
            }
            Kind::BearerToken(token) => (
                AUTHORIZATION,
                format!("Bearer {}", token.expose_secret()),
                "bearer token",
            ),
            Kind::SessionCookie { name, value } => {
                let odd = |text: &str| text.contains([';', ',', ' ', '"']);
                if name.is_empty() || name.contains('=') || odd(name) || odd(value.expose_secret())
                {
                    return Err(Error::invalid_input(format!(
                        "`credentials` have a session cookie {name:?} that is no cookie"
                    )));
                }
                (
                    COOKIE,
                    format!("{name}={}", value.expose_secret()),
                    "session cookie",
                )
            }
        };
        let mut value = HeaderValue::try_from(value).map_err(|_| {
            Error::invalid_input(format!("`credentials` have a character in the {what} that a header cannot hold, such as a line break"))
        })?;
        value.set_sensitive(true);
        Ok(Some(Arc::new(AuthHeader { name, value })))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redacted = format_args!("[redacted]");
        match &self.kind {
            Kind::None => f.write_str("None"),
            Kind::AccessKey { id, .. } => f
                .debug_struct("AccessKey")
                .field("id", id)
                .field("secret", &redacted)
                .finish(),
            Kind::BearerToken(_) => f.debug_tuple("BearerToken").field(&redacted).finish(),
            Kind::SessionCookie { name, .. } => f
                .debug_struct("SessionCookie")
                .field("name", name)
                .field("value", &redacted)
                .finish(),
        }
    }
}

/// The header that credentials are sent in.
pub(crate) struct AuthHeader {
    name: HeaderName,
    value: HeaderValue,
}

impl AuthHeader {
    /// Sets it, unless the caller has set that header for this call.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        headers
            .entry(&self.name)
            .or_insert_with(|| self.value.clone());
    }
}
