//! Which values of a request or an answer are secret, wherever the kit writes them: into files, into messages.

use http::HeaderMap;
use serde_json::Value;

use crate::error::classify::redact_signatures;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Headers that authenticate.
const HEADERS: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-amz-security-token",
    "x-amz-server-side-encryption-customer-key",
    "x-api-key",
    "x-auth-token",
];

/// Properties of JSON documents that authenticate, whatever operation they belong to.
const PROPERTIES: [&str; 9] = [
    "access_token",
    "client_secret",
    "id_token",
    "identityRequest",
    "password",
    "refresh_token",
    "secret_access_key",
    "secret_key",
    "token",
];

/// Properties and parameters that authenticate in one operation, and say something harmless in others.
const OF_OPERATIONS: [(&str, &str); 4] = [
    ("oauthCallback", "code"),
    ("oauthCallback", "state"),
    ("stsLogin", "code"),
    ("stsLogin", "state"),
];

/// What is secret, with what a test adds to it.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    headers: Vec<String>,
    properties: Vec<String>,
}

// ===== impl Secrets =====

impl Secrets {
    pub(super) fn add_header(&mut self, name: &str) {
        self.headers.push(name.to_ascii_lowercase());
    }

    pub(super) fn add_property(&mut self, name: &str) {
        self.properties.push(name.to_owned());
    }

    /// Whether no value of a header may be shown.
    pub(super) fn hides_header(&self, name: &str) -> bool {
        HEADERS.contains(&name) || self.headers.iter().any(|hidden| hidden == name)
    }

    /// Whether no value of a property may be shown.
    pub(super) fn hides_property(&self, operation: Option<&str>, name: &str) -> bool {
        let same = |hidden: &&str| hidden.eq_ignore_ascii_case(name);
        PROPERTIES.iter().any(same)
            || self.properties.iter().any(|hidden| hidden == name)
            || OF_OPERATIONS
                .iter()
                .any(|(of, hidden)| operation == Some(of) && same(hidden))
    }

    /// A document without its secrets, at any depth.
    pub(super) fn redact(&self, operation: Option<&str>, document: &mut Value) {
        match document {
            Value::Object(properties) => {
                for (name, value) in properties {
                    if !value.is_null() && self.hides_property(operation, name) {
                        *value = REDACTED.into();
                    } else {
                        self.redact(operation, value);
                    }
                }
            }
            Value::Array(values) => {
                for value in values {
                    self.redact(operation, value);
                }
            }
            Value::String(text) => *text = redact_signatures(text).into_owned(),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Path and query without secrets.
    pub(super) fn target(&self, operation: Option<&str>, target: &str) -> String {
        let target = redact_signatures(target);
        let Some((path, query)) = target.split_once('?') else {
            return target.into_owned();
        };
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if self.hides_property(operation, name) => {
                format!("{name}={REDACTED}")
            }
            _ => pair.to_owned(),
        });
        format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
    }

    /// A header's values as text, without secrets.
    pub(super) fn header(&self, headers: &HeaderMap, name: &str) -> Vec<String> {
        let values = headers.get_all(name).iter();
        let text = values.map(|value| {
            if value.is_sensitive() || self.hides_header(name) {
                return REDACTED.to_owned();
            }
            let text = String::from_utf8_lossy(value.as_bytes());
            redact_signatures(&text).into_owned()
        });
        text.collect()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_replaced_at_any_depth_and_nothing_else_is() {
        let mut document = json!({
            "token": "s", "secret_access_key": null, "code": "c",
            "results": [{ "secret_access_key": "s", "id": "token" }],
            "url": "https://h/a?x=1&X-Amz-Signature=s&y=2"
        });
        Secrets::default().redact(Some("getUser"), &mut document);
        assert_eq!(
            document,
            json!({
                "token": "[redacted]", "secret_access_key": null, "code": "c",
                "results": [{ "secret_access_key": "[redacted]", "id": "token" }],
                "url": "https://h/a?x=1&X-Amz-Signature=[redacted]&y=2"
            })
        );
        Secrets::default().redact(Some("stsLogin"), &mut document);
        assert_eq!(document["code"], "[redacted]");
    }

    #[test]
    fn a_url_loses_its_secrets_and_nothing_else() {
        let target = "/auth/oidc/callback?code=s&state=s&a=b&X-Amz-Signature=s&flag";
        assert_eq!(
            Secrets::default().target(Some("oauthCallback"), target),
            "/auth/oidc/callback?code=[redacted]&state=[redacted]&a=b&X-Amz-Signature=[redacted]&flag"
        );
        assert_eq!(Secrets::default().target(None, "/a?code=1"), "/a?code=1");
    }

    #[test]
    fn a_header_that_somebody_marked_as_sensitive_is_one() {
        let mut headers = HeaderMap::new();
        let mut value = HeaderValue::from_static("s");
        value.set_sensitive(true);
        headers.insert("x-own", value);
        headers.insert("x-other", HeaderValue::from_static("o"));
        let mut secrets = Secrets::default();
        assert_eq!(secrets.header(&headers, "x-own"), [REDACTED]);
        assert_eq!(secrets.header(&headers, "x-other"), ["o"]);
        secrets.add_header("X-Other");
        assert_eq!(secrets.header(&headers, "x-other"), [REDACTED]);
    }
}
