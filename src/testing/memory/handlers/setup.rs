//! Setting up a server that nobody has set up yet, and how much it was used.

use http::StatusCode;
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, EXPIRES, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use jiff::tz::Offset;
use serde_json::json;

use super::accounts::users::{check_only_user, with_secret};
use super::{Answer, emails, ok};
use crate::models;
use crate::testing::memory::accounts::{Key, SESSION_COOKIE};
use crate::testing::memory::error::Failure;
use crate::testing::memory::reply::Reply;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// The group that the first user is put into.
const ADMINS: &str = "Admins";

pub(super) fn state(server: &Server) -> Answer {
    let directory = server.accounts.read();
    let state = if directory.initialized {
        "initialized"
    } else {
        "not_initialized"
    };
    ok(&json!({
        "state": state,
        "comm_prefs_missing": !directory.comm_prefs_set,
        "login_config": {
            "RBAC": server.accounts.access.name(),
            "login_cookie_names": [SESSION_COOKIE],
            "login_failed_message": "The credentials don't match.",
            "login_url": "",
            "login_url_method": "none",
            "logout_url": "",
        },
    }))
}

/// Makes the first user, once.
pub(super) fn set_up(server: &Server, call: &Call) -> Answer {
    let wanted: models::Setup = call.json()?;
    if wanted.username.is_empty() {
        return Err(Failure::bad_request("empty user display name"));
    }
    let mut directory = server.accounts.write();
    if directory.initialized {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "lakeFS already initialized",
        ));
    }
    let email = wanted.email.filter(|email| !email.is_empty());
    check_email(email.as_deref())?;
    let access = server.accounts.access;
    let now = server.now();
    if !access.is_enforced() {
        check_only_user(&wanted.username).map_err(|failure| {
            Failure::bad_request(format!("create user - {}", failure.message()))
        })?;
    } else if !access.has_acls() {
        directory.set_base_groups(access, now);
    }
    directory
        .add_user(&wanted.username, "", now)
        .map_err(|error| {
            let failure = Failure::from(error);
            Failure::new(
                failure.status(),
                format!("create user - {}", failure.message()),
            )
        })?;
    if access.is_enforced() {
        directory.add_member(ADMINS, &wanted.username)?;
    }
    let (id, key) = match wanted.key {
        Some(given) => {
            let key = Key {
                user: wanted.username,
                secret: given.secret_access_key,
                created: now,
            };
            directory.add_key(&given.access_key_id, key.clone());
            (given.access_key_id, key)
        }
        None => server
            .accounts
            .create_key(&mut directory, &wanted.username, &server.ids, now),
    };
    directory.initialized = true;
    directory.comm_prefs_set = email.is_some();
    ok(&with_secret(&id, &key))
}

/// What somebody wants to be written about is checked, and not kept.
pub(super) fn set_comm_prefs(server: &Server, call: &Call) -> Answer {
    let wanted: models::CommPrefsInput = call.json()?;
    let mut directory = server.accounts.write();
    if !directory.initialized {
        return Err(Failure::new(
            StatusCode::PRECONDITION_FAILED,
            "lakeFS is not initialized",
        ));
    }
    if directory.comm_prefs_set {
        return Err(Failure::new(
            StatusCode::CONFLICT,
            "communication preferences already set",
        ));
    }
    check_email(Some(wanted.email.as_deref().unwrap_or_default()))?;
    directory.comm_prefs_set = true;
    Ok(Reply::empty(StatusCode::OK))
}

fn check_email(email: Option<&str>) -> Result<(), Failure> {
    match email.and_then(emails::fault) {
        Some(fault) => Err(Failure::bad_request(fault)),
        None => Ok(()),
    }
}

/// How many requests were served, all of them counted to the present month.
pub(super) fn usage(server: &Server, call: &Call) -> Answer {
    let today = Offset::UTC.to_datetime(server.now()).date();
    let count = server.requests();
    if call.header(ACCEPT.as_str()).as_deref() == Some("text/plain") {
        let text = format!(
            "Usage for installation ID: {}\n{}-{:02}: {count:12}\n",
            server.installation,
            today.year(),
            today.month()
        );
        return Ok(Reply::text(StatusCode::OK, text)
            .header(CACHE_CONTROL, "no-store, must-revalidate")
            .header(CONTENT_SECURITY_POLICY, "default-src 'none'")
            .header(EXPIRES, "0")
            .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
            .header(X_FRAME_OPTIONS, "SAMEORIGIN"));
    }
    ok(&models::InstallationUsageReport {
        installation_id: server.installation.clone(),
        reports: vec![models::UsageReport {
            year: today.year().into(),
            month: today.month().into(),
            count: count.try_into().unwrap_or(i64::MAX),
        }],
    })
}
