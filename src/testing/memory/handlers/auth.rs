//! Logging in, and who is logged in.

use std::time::{Duration, SystemTime};

use http::StatusCode;
use http::header::{LOCATION, SET_COOKIE};
use jiff::{SignedDuration, Timestamp};

use super::accounts::describe_user;
use super::{Answer, ok};
use crate::models;
use crate::testing::memory::accounts::{SESSION_COOKIE, TOKEN_LIFE};
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// The cookie outlives the token in it.
const COOKIE_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(super) fn login(server: &Server, call: &Call) -> Answer {
    let information: models::LoginInformation = call.json()?;
    let user = server
        .accounts
        .by_key(&information.access_key_id, &information.secret_access_key)?;
    let now = server.now();
    let id = server.ids.uuid();
    let token = server.accounts.issue(&user.name, &id, now, TOKEN_LIFE);
    let cookie = format!(
        "{SESSION_COOKIE}={}; Path=/; Expires={}; Max-Age={}; HttpOnly; SameSite=Lax",
        token.text,
        http_date(now.saturating_add(COOKIE_LIFE).unwrap_or(now)),
        COOKIE_LIFE.as_secs(),
    );
    let body = models::AuthenticationToken {
        token: token.text,
        token_expiration: Some(token.expires),
    };
    Ok(ok(&body)?.text_header(SET_COOKIE, &cookie))
}

/// Nobody is a user too: one without a name.
pub(super) fn current_user(server: &Server, call: &Call) -> Answer {
    let user = match &call.user {
        Some(user) => describe_user(&user.name, server.accounts.read().user(&user.name)?),
        None => models::User {
            id: String::new(),
            creation_date: Timestamp::UNIX_EPOCH,
            friendly_name: None,
            email: None,
        },
    };
    ok(&models::CurrentUser { user })
}

pub(super) fn capabilities(server: &Server) -> Answer {
    ok(&models::AuthCapabilities {
        invite_user: Some(server.accounts.access.is_enforced()),
        forgot_password: None,
    })
}

/// Where a browser comes back from single sign-on: nobody sent it here.
pub(super) fn oauth_callback(server: &Server) -> Answer {
    if !server.accounts.access.has_policies() {
        return Ok(Reply::empty(StatusCode::OK));
    }
    let page = "<a href=\"/auth/login\">Not Implemented</a>.\n\n";
    let reply = Reply::bytes(
        StatusCode::NOT_IMPLEMENTED,
        "text/html; charset=utf-8",
        page,
    );
    Ok(reply.header(LOCATION, "/auth/login"))
}

/// A time before 1970 or after 9999 cannot be written: the nearest that can is.
pub(in crate::testing::memory) fn http_date(time: Timestamp) -> String {
    let seconds = u64::try_from(time.as_second()).unwrap_or(0);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
