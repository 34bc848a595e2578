//! Users, groups, policies and external principals.

pub(super) mod groups;
pub(super) mod policies;
pub(super) mod principals;
pub(super) mod users;

use super::{Answer, created, no_content, ok};
use crate::models;
use crate::testing::memory::accounts::{Account, Error};
use crate::testing::memory::error::Failure;
use crate::testing::memory::request::Call;
use crate::testing::memory::server::Server;

/// How a list is cut into pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paging {
    /// As everybody would.
    Plain,
    /// As the open-source access-control server reads its store: a full page promises more, whether there is any or
    /// not, and where to go on is told, and asked for, without the prefix.
    Store,
    /// The same, but names are told whole.
    Collected,
}

/// Part of a list of names.
struct Page<'a> {
    names: Vec<&'a str>,
    pagination: models::Pagination,
}

impl<'a> Page<'a> {
    fn whole(names: impl IntoIterator<Item = &'a String>) -> Self {
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        let pagination = pagination(&names, "");
        Self { names, pagination }
    }
}

fn pagination(names: &[&str], next: &str) -> models::Pagination {
    models::Pagination {
        has_more: !next.is_empty(),
        next_offset: next.to_owned(),
        results: names.len().try_into().unwrap_or(i64::MAX),
        max_per_page: 0,
    }
}

impl Paging {
    /// How the server at hand pages what the access-control server keeps.
    fn of(server: &Server) -> Self {
        if server.accounts.access.has_acls() {
            Self::Store
        } else {
            Self::Plain
        }
    }

    /// The part of some sorted names that a call asks for.
    fn page<'a>(self, call: &Call, names: impl IntoIterator<Item = &'a String>) -> Page<'a> {
        let window = call.window();
        let start = match self {
            _ if window.after.is_empty() => Vec::new(),
            Self::Store => [window.prefix, window.after].concat(),
            Self::Plain | Self::Collected => window.after.to_vec(),
        };
        let in_window = |name: &&str| {
            let name = name.as_bytes();
            name.starts_with(window.prefix) && (start.is_empty() || name > start.as_slice())
        };
        let names = names.into_iter().map(String::as_str).filter(in_window);
        let mut names: Vec<&str> = names.take(window.amount + 1).collect();
        let is_full = names.len() >= window.amount;
        let has_rest = names.len() > window.amount;
        names.truncate(window.amount);
        let last = names.last().copied().unwrap_or_default();
        let next = match self {
            Self::Plain if has_rest => last,
            Self::Store if is_full => last.get(window.prefix.len()..).unwrap_or_default(),
            Self::Collected if is_full => last,
            _ => "",
        };
        let pagination = pagination(&names, next);
        Page { names, pagination }
    }
}

/// Refuses what a server without access control does not have.
fn need_groups(server: &Server) -> Result<(), Failure> {
    if server.accounts.access.is_enforced() {
        Ok(())
    } else {
        Err(Failure::not_implemented())
    }
}

/// Refuses what only a server with policies has.
fn need_policies(server: &Server) -> Result<(), Failure> {
    if server.accounts.access.has_policies() {
        Ok(())
    } else {
        Err(Failure::not_implemented())
    }
}

/// Names stand in URLs, where a percent sign means something else.
fn check_name(kind: &str, name: &str) -> Result<(), Failure> {
    if name.contains('%') {
        return Err(Failure::bad_request(format!(
            "{kind} name cannot contain '%'"
        )));
    }
    Ok(())
}

/// What is missing has a name in some messages.
fn missing(what: &'static str) -> impl Fn(Error) -> Failure {
    move |error| match error {
        Error::NotFound => Failure::not_found(format!("{what} not found")),
        error => error.into(),
    }
}

pub(super) fn describe_user(name: &str, account: &Account) -> models::User {
    models::User {
        id: name.to_owned(),
        creation_date: account.created,
        friendly_name: Some(String::new()),
        email: Some(account.email.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::memory::request::Query;

    #[test]
    fn pages_are_cut_as_the_server_at_hand_cuts_them() {
        use Paging::{Collected, Plain, Store};
        let names = ["ann", "bob", "bob.two", "carl"].map(str::to_owned);
        let cases: &[(Paging, &str, &[&str], &str)] = &[
            (Plain, "", &["ann", "bob", "bob.two", "carl"], ""),
            (Plain, "amount=2", &["ann", "bob"], "bob"),
            (Plain, "amount=2&after=bob", &["bob.two", "carl"], ""),
            (Plain, "prefix=bob&amount=1", &["bob"], "bob"),
            (Plain, "prefix=bob&after=bob", &["bob.two"], ""),
            // A full last page is not known to be the last.
            (Store, "amount=2&after=bob", &["bob.two", "carl"], "carl"),
            (Store, "amount=3&after=bob", &["bob.two", "carl"], ""),
            // The prefix is cut off, and put before what comes back.
            (Store, "prefix=bo&amount=1", &["bob"], "b"),
            (Store, "prefix=bo&amount=1&after=b", &["bob.two"], "b.two"),
            (Store, "prefix=bob&amount=1", &["bob"], ""),
            (
                Collected,
                "prefix=bo&amount=2",
                &["bob", "bob.two"],
                "bob.two",
            ),
            (Collected, "prefix=bo&amount=3", &["bob", "bob.two"], ""),
        ];
        for (paging, query, expected, next) in cases {
            let call = Call {
                variables: Vec::new(),
                query: Query::parse(query),
                headers: http::HeaderMap::new(),
                body: bytes::Bytes::new(),
                user: None,
                object_store: Default::default(),
                max_page_size: 1000,
            };
            let page = paging.page(&call, &names);
            assert_eq!(page.names, *expected, "{paging:?} {query}");
            assert_eq!(page.pagination.next_offset, *next, "{paging:?} {query}");
            assert_eq!(page.pagination.has_more, !next.is_empty());
        }
    }
}
