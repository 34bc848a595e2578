//! What operations are written and read with: [`Encoder`] makes a request, [`decode`] reads an answer.
//!
//! The operations of [`api`](crate::api) use nothing else, and an [`Operation`](crate::Operation) of your own can do the
//! same.

use serde::{Deserialize, Deserializer};

mod debug;
pub mod decode;
mod encode;
mod open_enum;
pub(crate) mod time;
pub(crate) mod validate;

pub use self::encode::{Encoder, QueryValue};
pub(crate) use self::{
    debug::{Redacted, WithoutQuery},
    open_enum::open_enum,
};

/// Reads `null` as the default: servers write empty lists so.
pub(crate) fn null_is_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
