//! Who may call: access keys, tokens and session cookies.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::error::Failure;

/// The cookie that carries a session.
pub(super) const SESSION_COOKIE: &str = "internal_auth_session";

/// How long a token from `login` lives.
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The one user an open-source lakeFS has.
const ADMIN: &str = "admin";

/// Somebody who was recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
}

/// The access keys of a server. Without any, everybody is the admin.
pub(super) struct Accounts {
    keys: Vec<AccessKey>,
    signing_key: [u8; 32],
}

struct AccessKey {
    id: String,
    secret: String,
}

/// A token, as `login` hands it out.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) expires: Timestamp,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Accounts")
            .field("access_key_ids", &ids)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    pub(super) fn new(keys: Vec<(String, String)>, signing_key: [u8; 32]) -> Self {
        let keys = keys
            .into_iter()
            .map(|(id, secret)| AccessKey { id, secret })
            .collect();
        Self { keys, signing_key }
    }

    /// Who sends these headers: `None` is nobody, an error somebody who is not who they say.
    pub(super) fn recognize(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<User>, Failure> {
        if self.keys.is_empty() {
            return Ok(Some(User { name: ADMIN.into() }));
        }
        let authorization = headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (scheme, credentials) = authorization.split_once(' ').unwrap_or((authorization, ""));
        if scheme.eq_ignore_ascii_case("bearer") && !credentials.trim().is_empty() {
            return self.by_token(credentials.trim(), now).map(Some);
        }
        if let Some((id, secret)) = basic(scheme, credentials) {
            return self.by_key(&id, &secret).map(Some);
        }
        match session(headers) {
            // A cookie that does not decode is no session, rather than a bad one.
            Some(token) => Ok(self.by_token(token, now).ok()),
            None => Ok(None),
        }
    }

    pub(super) fn by_key(&self, id: &str, secret: &str) -> Result<User, Failure> {
        let known = self
            .keys
            .iter()
            .any(|key| key.id == id && key.secret == secret);
        if known || self.keys.is_empty() {
            Ok(User { name: ADMIN.into() })
        } else {
            Err(Failure::unauthenticated())
        }
    }

    /// Makes a JWT, as the real server does.
    pub(super) fn issue(&self, user: &User, id: &str, now: Timestamp) -> Token {
        let expires = now.saturating_add(TOKEN_LIFE).unwrap_or(now);
        let claims = serde_json::json!({
            "aud": "login", "exp": expires.as_second(), "iat": now.as_second(), "jti": id, "sub": user.name,
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

    fn by_token(&self, token: &str, now: Timestamp) -> Result<User, Failure> {
        self.verify(token, now).ok_or_else(Failure::unauthenticated)
    }

    fn verify(&self, token: &str, now: Timestamp) -> Option<User> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        if signature != self.sign(signed) {
            return None;
        }
        let claims = URL_SAFE_NO_PAD.decode(signed.split_once('.')?.1).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        let alive = claims.get("exp")?.as_i64()? > now.as_second();
        let name = claims.get("sub")?.as_str()?.to_owned();
        alive.then_some(User { name })
    }

    /// HMAC-SHA256.
    fn sign(&self, text: &str) -> [u8; 32] {
        let mut block = [0_u8; 64];
        block[..32].copy_from_slice(&self.signing_key);
        let inner = Sha256::new()
            .chain_update(block.map(|byte| byte ^ 0x36))
            .chain_update(text)
            .finalize();
        Sha256::new()
            .chain_update(block.map(|byte| byte ^ 0x5c))
            .chain_update(inner)
            .finalize()
            .into()
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
pub(super) fn session(headers: &HeaderMap) -> Option<&str> {
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
