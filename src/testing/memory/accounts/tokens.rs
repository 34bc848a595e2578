//! Login tokens: JWTs, as the real server makes them, and where requests carry credentials.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use jiff::{SignedDuration, Timestamp};

use crate::testing::memory::signing::hmac_sha256;

/// The cookie that carries a session.
pub(in super::super) const SESSION_COOKIE: &str = "internal_auth_session";

/// A token, as `login` hands it out.
#[derive(Debug)]
pub(in super::super) struct Token {
    pub(in super::super) text: String,
    pub(in super::super) expires: Timestamp,
}

/// Signs tokens, and knows its own again.
pub(super) struct Signer([u8; 32]);

/// What a request says about who sends it.
pub(super) enum Presented<'a> {
    Key(String, String),
    Bearer(&'a str),
    Session(&'a str),
    Nothing,
}

impl Signer {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(super) fn issue(
        &self,
        user: &str,
        id: &str,
        now: Timestamp,
        life: SignedDuration,
    ) -> Token {
        let expires = now.saturating_add(life).unwrap_or(now);
        let claims = serde_json::json!({
            "aud": "login", "exp": expires.as_second(), "iat": now.as_second(), "jti": id, "sub": user,
        });
        let encode = |value: &[u8]| URL_SAFE_NO_PAD.encode(value);
        let signed = format!(
            "{}.{}",
            encode(br#"{"alg":"HS256","typ":"JWT"}"#),
            encode(claims.to_string().as_bytes())
        );
        let text = format!("{signed}.{}", encode(&self.sign(&signed)));
        Token { text, expires }
    }

    /// Whose token it is, if it is one of ours and has not expired.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<String> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if signature != self.sign(signed) {
            return None;
        }
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        let alive = claims.get("exp")?.as_i64()? > now.as_second();
        let name = claims.get("sub")?.as_str()?.to_owned();
        alive.then_some(name)
    }

    fn sign(&self, text: &str) -> [u8; 32] {
        hmac_sha256(&self.0, text)
    }
}

impl<'a> Presented<'a> {
    /// Of several, the real server takes the first of these.
    pub(super) fn by(headers: &'a HeaderMap) -> Self {
        let authorization = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (scheme, credentials) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if scheme.eq_ignore_ascii_case("bearer") && !credentials.trim().is_empty() {
            return Self::Bearer(credentials.trim());
        }
        if let Some((id, secret)) = basic(scheme, credentials) {
            return Self::Key(id, secret);
        }
        session(headers).map_or(Self::Nothing, Self::Session)
    }
}

fn basic(scheme: &str, credentials: &str) -> Option<(String, String)> {
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The token of the session that a browser is in.
pub(in super::super) fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value)
}
