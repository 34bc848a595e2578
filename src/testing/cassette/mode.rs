use std::{env, ffi::OsStr};

use crate::{Error, Result};

/// Whether a cassette is recorded or played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Answers from the file; nothing is sent.
    #[default]
    Replay,
    /// Sends everything, and writes the file anew.
    Record,
    /// Replays where the file is there, records where it is not.
    Auto,
    /// Sends everything, and writes nothing.
    Off,
}

// ===== impl Mode =====

impl Mode {
    /// The environment variable that says which: `LAKEFS_CASSETTE`.
    pub const VARIABLE: &'static str = "LAKEFS_CASSETTE";

    /// The mode that the environment names; [`Replay`](Self::Replay) where it names none.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn from_env() -> Result<Self> {
        Self::parse(env::var_os(Self::VARIABLE).as_deref())
    }

    /// The mode that a value of the variable names.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when it names none.
    pub fn parse(value: Option<&OsStr>) -> Result<Self> {
        let value = value.unwrap_or_default().to_string_lossy();
        match value.trim() {
            "" | "replay" => Ok(Self::Replay),
            "record" => Ok(Self::Record),
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            other => Err(Error::invalid_input(format!(
                "`{}` is {other:?}; it must be record, replay, auto or off",
                Self::VARIABLE
            ))),
        }
    }
}
