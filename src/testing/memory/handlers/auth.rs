//! Logging in, and who is logged in.

use std::time::{Duration, SystemTime};

use http::header::SET_COOKIE;
use jiff::{SignedDuration, Timestamp};

use super::{Answer, ok};
use crate::models;
use crate::testing::memory::accounts::SESSION_COOKIE;
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
    let token = server.accounts.issue(&user, &server.ids.uuid(), now);
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
        Some(user) => models::User {
            id: user.name.clone(),
            creation_date: server.started,
            friendly_name: Some(String::new()),
            email: Some(String::new()),
        },
        None => models::User {
            id: String::new(),
            creation_date: Timestamp::UNIX_EPOCH,
            friendly_name: None,
            email: None,
        },
    };
    ok(&models::CurrentUser { user })
}

pub(super) fn capabilities() -> Answer {
    ok(&models::AuthCapabilities {
        invite_user: Some(false),
        forgot_password: None,
    })
}

/// A time before 1970 or after 9999 cannot be written: the nearest that can is.
pub(in crate::testing::memory) fn http_date(time: Timestamp) -> String {
    let seconds = u64::try_from(time.as_second()).unwrap_or(0);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
