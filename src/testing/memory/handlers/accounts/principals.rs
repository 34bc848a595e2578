//! Identities of other systems that log in as users, such as AWS IAM roles, and single sign-on.

use http::StatusCode;
use jiff::SignedDuration;

use super::{Answer, Paging, need_policies, no_content, ok};
use crate::models;
use crate::testing::memory::accounts::{Error, TOKEN_LIFE};
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// A longer life is not given, whatever is asked for.
const LONGEST_LIFE: SignedDuration = SignedDuration::from_hours(14 * 24);
const STS_LIFE_SECONDS: i64 = 3600;
const LONGEST_STS_LIFE_SECONDS: i64 = 12 * 3600;

pub(in crate::testing::memory::handlers) fn create(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let (user, principal) = (call.variable("userId"), principal(call));
    let mut directory = server.accounts.write();
    directory.user(user)?;
    if directory.principals.contains_key(&principal) {
        return Err(Error::AlreadyExists.into());
    }
    directory.principals.insert(principal, user.to_owned());
    Ok(Reply::empty(StatusCode::CREATED))
}

pub(in crate::testing::memory::handlers) fn delete(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let (user, principal) = (call.variable("userId"), principal(call));
    let mut directory = server.accounts.write();
    if directory.principals.get(&principal).map(String::as_str) != Some(user) {
        return Err(Error::NotFound.into());
    }
    directory.principals.remove(&principal);
    no_content()
}

pub(in crate::testing::memory::handlers) fn get(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let id = principal(call);
    let directory = server.accounts.read();
    let user = directory.principals.get(&id).ok_or(Error::NotFound)?;
    ok(&describe(&id, user))
}

pub(in crate::testing::memory::handlers) fn list(server: &Server, call: &Call) -> Answer {
    need_policies(server)?;
    let user = call.variable("userId");
    let directory = server.accounts.read();
    let principals = directory.principals.iter();
    let own = principals.filter(|(_, owner)| *owner == user);
    let page = Paging::Plain.page(call, own.map(|(id, _)| id));
    ok(&models::ExternalPrincipalList {
        results: page.names.iter().map(|id| describe(id, user)).collect(),
        pagination: page.pagination,
    })
}

fn principal(call: &Call) -> String {
    call.query
        .text("principalId")
        .unwrap_or_default()
        .into_owned()
}

fn describe(id: &str, user: &str) -> models::ExternalPrincipal {
    models::ExternalPrincipal {
        id: id.to_owned(),
        user_id: user.to_owned(),
        settings: None,
    }
}

/// Believes what an identity request says, and checks no signature: the field `arn` names the principal, and in a
/// signed request of AWS's, which has none, `access_key_id`.
pub(in crate::testing::memory::handlers) fn log_in(server: &Server, call: &Call) -> Answer {
    let information: models::ExternalLoginInformation = call.json()?;
    need_policies(server)?;
    let request = information.identity_request;
    if request.is_empty() {
        return Err(Error::Invalid.into());
    }
    let named = request.get("arn").or_else(|| request.get("access_key_id"));
    let Some(id) = named.and_then(serde_json::Value::as_str) else {
        return Err(Failure::new(StatusCode::FORBIDDEN, "session expired"));
    };
    let directory = server.accounts.read();
    let user = directory.principals.get(id).ok_or(Error::NotFound)?;
    let asked = information.token_expiration_duration;
    let life = match asked.filter(|seconds| *seconds > 0) {
        Some(seconds) => SignedDuration::from_secs(seconds).min(LONGEST_LIFE),
        None => TOKEN_LIFE,
    };
    token(server, user, life)
}

/// Trades an authorization code of single sign-on for a token.
pub(in crate::testing::memory::handlers) fn sts_login(server: &Server, call: &Call) -> Answer {
    let request: models::StsAuthRequest = call.json()?;
    need_policies(server)?;
    let user = server
        .accounts
        .by_sts_code(&request.code)
        .ok_or_else(|| Failure::new(StatusCode::UNAUTHORIZED, "Unauthorized"))?;
    server.accounts.read().user(user)?;
    let seconds = request.ttl_seconds.unwrap_or(STS_LIFE_SECONDS);
    let seconds = seconds.min(LONGEST_STS_LIFE_SECONDS);
    token(server, user, SignedDuration::from_secs(seconds))
}

fn token(server: &Server, user: &str, life: SignedDuration) -> Answer {
    let id = server.ids.uuid();
    let token = server.accounts.issue(user, &id, server.now(), life);
    ok(&models::AuthenticationToken {
        token: token.text,
        token_expiration: Some(token.expires),
    })
}
