use std::{collections::HashMap, env, ffi::OsString, path::PathBuf};

use super::{Endpoint, Source, Sourced, key::Key};
use crate::{Error, Result};

/// The variables that a loader reads.
#[derive(Clone, Default)]
pub(super) enum Environment {
    /// Those of the process, as they are when the loader reads them.
    #[default]
    Process,
    /// These and no others.
    Given(HashMap<OsString, OsString>),
}

// ===== impl Environment =====

impl Environment {
    fn get(&self, name: &str) -> Option<OsString> {
        match self {
            Self::Process => env::var_os(name),
            Self::Given(variables) => variables.get(name.as_ref() as &std::ffi::OsStr).cloned(),
        }
    }

    /// A variable that is set to something.
    fn text(&self, name: &str) -> Result<Option<String>> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let Some(value) = value.to_str() else {
            return Err(Error::invalid_input(format!(
                "the variable {name} is not valid Unicode"
            )));
        };
        let value = value.trim();
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// Whether a variable is set, but to nothing.
    pub(super) fn is_blank(&self, name: &str) -> bool {
        self.get(name).is_some() && matches!(self.text(name), Ok(None))
    }

    /// What the variables say about a setting.
    pub(super) fn find(&self, key: Key) -> Result<Option<Sourced<String>>> {
        let mut found: Option<(&str, String)> = None;
        for name in key.variables() {
            let Some(value) = self.text(name)? else {
                continue;
            };
            match &found {
                None => found = Some((name, value)),
                Some((first, earlier)) if !same(key, earlier, &value) => {
                    return Err(conflict(key, (first, earlier), (name, &value)));
                }
                Some(_) => {}
            }
        }
        Ok(found.map(|(name, value)| Sourced::new(value, Source::Environment(name))))
    }

    /// The file that `$LAKECTL_CONFIG_FILE` names.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        let name = self.get(CONFIG_FILE)?;
        match name.to_str() {
            Some(text) => Some(text.trim())
                .filter(|text| !text.is_empty())
                .map(PathBuf::from),
            None => Some(name.into()),
        }
    }

    /// The home directory.
    pub(super) fn home(&self) -> Option<PathBuf> {
        let home = match self {
            Self::Process => home::home_dir(),
            Self::Given(_) if cfg!(windows) => self.get("USERPROFILE").map(PathBuf::from),
            Self::Given(_) => self.get("HOME").map(PathBuf::from),
        };
        home.filter(|home| !home.as_os_str().is_empty())
    }
}

/// The variable that names lakectl's file.
pub(super) const CONFIG_FILE: &str = "LAKECTL_CONFIG_FILE";

/// Whether two texts set the same. A URL may be written with and without `/api/v1`.
fn same(key: Key, one: &str, other: &str) -> bool {
    one == other
        || key == Key::Endpoint
            && matches!((Endpoint::parse(one), Endpoint::parse(other)), (Ok(one), Ok(other)) if one == other)
}

fn conflict(key: Key, one: (&str, &str), other: (&str, &str)) -> Error {
    // Only a URL that was read is shown: another may have a password in it.
    let shown = |(name, value): (&str, &str)| match Endpoint::parse(value) {
        Ok(endpoint) if key == Key::Endpoint => format!("{name} ({endpoint})"),
        _ => name.to_owned(),
    };
    Error::invalid_input(format!(
        "`{}` is set differently by {} and {}; unset one of them",
        key.name(),
        shown(one),
        shown(other)
    ))
}
