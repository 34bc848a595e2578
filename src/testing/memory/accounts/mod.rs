//! Who may call, and what they may do: users, access keys, tokens and policies.

mod access;
mod builtin;
mod condition;
mod directory;
mod policy;
mod tokens;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};

use self::policy::Asker;
use self::tokens::{Presented, Signer};
use super::error::Failure;
use super::ids::Ids;

pub(super) use self::access::Plan;
pub use self::access::{AccessControl, MemoryUser};
pub(super) use self::builtin::{ACL_PREFIX, acl_policy, acl_statements};
pub(super) use self::directory::{Account, Directory, Error, Key, Policy};
pub(super) use self::policy::{ALL, Permission, allows, allows_somewhere};
pub(super) use self::tokens::{SESSION_COOKIE, Token, session};

/// How long a token from `login` lives.
pub(super) const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The first user.
pub(super) const ADMIN: &str = "admin";

/// Where a caller is said to come from that does not say so itself: behind a service there is no socket.
const LOCAL_ADDRESS: &str = "127.0.0.1";

/// Somebody who was recognized.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) email: String,
}

/// The accounts of a server. Without any access key, everybody is the admin.
pub(super) struct Accounts {
    pub(super) access: AccessControl,
    /// Nobody is asked who they are.
    open: bool,
    directory: RwLock<Directory>,
    signer: Signer,
    sts_codes: BTreeMap<String, String>,
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts")
            .field("access", &self.access)
            .field("directory", &self.read())
            .finish_non_exhaustive()
    }
}

impl Accounts {
    pub(super) fn new(plan: Plan, signing_key: [u8; 32], now: Timestamp) -> Self {
        let access = plan.access;
        let open = plan.is_open();
        Self {
            access,
            open,
            sts_codes: plan.sts_codes.iter().cloned().collect(),
            directory: RwLock::new(plan.carry_out(now)),
            signer: Signer::new(signing_key),
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.directory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Directory> {
        self.directory
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Who sends these headers: `None` is nobody, an error somebody who is not who they say.
    pub(super) fn recognize(
        &self,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Option<User>, Failure> {
        if self.open {
            return Ok(Some(User {
                name: ADMIN.into(),
                email: String::new(),
            }));
        }
        let refused = Failure::unauthenticated;
        match Presented::by(headers) {
            Presented::Bearer(token) => self.by_token(token, now).ok_or_else(refused).map(Some),
            Presented::Key(id, secret) => self.by_key(&id, &secret).map(Some),
            // A cookie that does not decode is no session, rather than a bad one.
            Presented::Session(token) => Ok(self.by_token(token, now)),
            Presented::Nothing => Ok(None),
        }
    }

    pub(super) fn by_key(&self, id: &str, secret: &str) -> Result<User, Failure> {
        let directory = self.read();
        let name = if self.open {
            Some(ADMIN)
        } else {
            directory.by_key(id, secret)
        };
        name.and_then(|name| known(&directory, name))
            .ok_or_else(Failure::unauthenticated)
    }

    fn by_token(&self, token: &str, now: Timestamp) -> Option<User> {
        let name = self.signer.verify(token, now)?;
        known(&self.read(), &name)
    }

    /// Makes a token that says who somebody is.
    pub(super) fn issue(
        &self,
        user: &str,
        id: &str,
        now: Timestamp,
        life: SignedDuration,
    ) -> Token {
        self.signer.issue(user, id, now, life)
    }

    /// Whose login an authorization code of single sign-on is.
    pub(super) fn by_sts_code(&self, code: &str) -> Option<&str> {
        self.sts_codes.get(code).map(String::as_str)
    }

    /// Refuses what is not all allowed.
    pub(super) fn authorize(
        &self,
        user: &User,
        headers: &HeaderMap,
        wanted: &[Permission],
    ) -> Result<(), Failure> {
        let Some(policies) = self.policies_of(user) else {
            return Ok(());
        };
        let address = client_address(headers);
        for permission in wanted {
            let statements = policies.iter().flat_map(|policy| &policy.statements);
            let asker = Asker {
                user: &user.name,
                address: &address,
            };
            policy::check(statements, asker, permission).map_err(|refusal| {
                let message = format!("insufficient permissions: {refusal}");
                Failure::new(StatusCode::UNAUTHORIZED, message)
            })?;
        }
        Ok(())
    }

    /// What somebody's permissions are, in the order of the policies' names; `None` when they may do everything.
    pub(super) fn policies_of(&self, user: &User) -> Option<Vec<Arc<Policy>>> {
        if self.open || !self.access.is_enforced() {
            return None;
        }
        let directory = self.read();
        let policies = directory.effective_policies(&user.name).unwrap_or_default();
        Some(policies.into_values().cloned().collect())
    }

    /// Makes and keeps an access key.
    pub(super) fn create_key(
        &self,
        directory: &mut Directory,
        user: &str,
        ids: &Ids,
        now: Timestamp,
    ) -> (String, Key) {
        let id = ids.access_key(directory.next_key_number());
        let key = Key {
            user: user.to_owned(),
            secret: ids.secret_key(),
            created: now,
        };
        directory.add_key(&id, key.clone());
        (id, key)
    }
}

fn known(directory: &Directory, name: &str) -> Option<User> {
    let account = directory.user(name).ok()?;
    Some(User {
        name: name.to_owned(),
        email: account.email.clone(),
    })
}

/// Where a request comes from: what the nearest proxy says.
fn client_address(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let forwarded = text("x-forwarded-for").and_then(|list| list.split(',').next());
    let named = forwarded.filter(|first| !first.is_empty());
    let named = named.or_else(|| text("x-real-ip").filter(|address| !address.is_empty()));
    named.unwrap_or(LOCAL_ADDRESS).trim().to_owned()
}
