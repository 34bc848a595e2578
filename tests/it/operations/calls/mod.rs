//! The calls, a file a tag or two: each operation twice, with what is required and with everything.
//!
//! The values are as different as can be, so that two that were mixed up show.

use lakefs_sdk::Client;

use super::checker::Sent;

mod auth_groups;
mod auth_users;
mod branches;
mod experimental;
mod internal;
mod internal_deprecated;
mod objects;
mod pulls;
mod refs;
mod repositories;
mod staging;

pub(crate) fn all(client: &Client) -> Vec<Sent> {
    let groups = [
        auth_groups::calls,
        auth_users::calls,
        branches::calls,
        experimental::calls,
        internal::calls,
        internal_deprecated::calls,
        objects::calls,
        pulls::calls,
        refs::calls,
        repositories::calls,
        staging::calls,
    ];
    groups.iter().flat_map(|calls| calls(client)).collect()
}
