//! [`LakeFsUri`]: the place of an object, or of many, as people write and paste it.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Error, Result, codec::validate, error::classify};

const SCHEME: &str = "lakefs://";
const FORM: &str = "lakefs://repository/ref/path";

/// The place of an object, or of all objects below a prefix: `lakefs://repository/ref/path`.
///
/// Read strictly, and shown again byte for byte. Nothing is decoded or normalised: what stands after the second slash is the
/// path as lakeFS knows it, with its spaces, percent signs and slashes. The path may be empty, with or without the slash
/// before it, as in the links that lakeFS's web page copies: both stand for the root of the ref, and are equal.
///
/// ```
/// use lakefs_sdk::LakeFsUri;
///
/// let uri: LakeFsUri = "lakefs://lake/main/tables/a b%2Fc.parquet".parse()?;
/// assert_eq!((uri.repository(), uri.reference(), uri.path()), ("lake", "main", "tables/a b%2Fc.parquet"));
/// assert_eq!(uri.to_string(), "lakefs://lake/main/tables/a b%2Fc.parquet");
///
/// let error = "s3://lake/main".parse::<LakeFsUri>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the URI \"s3://lake/main\" has the scheme \"s3\", not `lakefs`: it must have the form lakefs://repository/ref/path"
/// );
/// # Ok::<_, lakefs_sdk::Error>(())
/// ```
#[derive(Clone)]
pub struct LakeFsUri {
    /// As it was written.
    text: String,
    /// Where the repository's name ends; a slash follows.
    repository: usize,
    /// Where the ref ends; the end of the text, or a slash.
    reference: usize,
}

// ===== impl LakeFsUri =====

impl LakeFsUri {
    /// The URI of these parts; the path may be empty.
    ///
    /// # Errors
    ///
    /// [`is_invalid_input`](Error::is_invalid_input) when the repository's name cannot be one (3 to 63 characters of a-z, 0-9
    /// and `-`), or the ref is empty, or has a slash or white space in it.
    pub fn new(
        repository: impl AsRef<str>,
        reference: impl AsRef<str>,
        path: impl AsRef<str>,
    ) -> Result<Self> {
        let (repository, reference) = (repository.as_ref(), reference.as_ref());
        let text = format!("{SCHEME}{repository}/{reference}/{}", path.as_ref());
        check(&text, repository, Some(reference))?;
        Ok(Self {
            repository: SCHEME.len() + repository.len(),
            reference: SCHEME.len() + repository.len() + 1 + reference.len(),
            text,
        })
    }

    /// The name of the repository.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.text[SCHEME.len()..self.repository]
    }

    /// The ref: a branch, a tag, a commit id, or an expression such as `main~1`.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.text[self.repository + 1..self.reference]
    }

    /// The path of an object, or the prefix of many, byte for byte; empty for the root of the ref.
    #[must_use]
    pub fn path(&self) -> &str {
        self.text.get(self.reference + 1..).unwrap_or_default()
    }

    /// The URI as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The same repository and ref with another path.
    #[must_use]
    pub fn with_path(&self, path: impl AsRef<str>) -> Self {
        Self {
            text: format!("{}/{}", &self.text[..self.reference], path.as_ref()),
            ..*self
        }
    }

    fn parse(text: String) -> Result<Self> {
        let Some(rest) = text.strip_prefix(SCHEME) else {
            let problem = match text.split_once("://") {
                Some((scheme, _)) => format!("has the scheme {scheme:?}, not `lakefs`"),
                None => "does not begin with `lakefs://`".to_owned(),
            };
            // It may be a URL with a password or a signature in it.
            return Err(wrong(&classify::place(&text), &problem));
        };
        let (repository, rest) = match rest.split_once('/') {
            Some((repository, rest)) => (repository, Some(rest)),
            None => (rest, None),
        };
        let reference = rest.map(|rest| rest.split_once('/').map_or(rest, |(name, _)| name));
        check(&text, repository, reference)?;
        let repository = SCHEME.len() + repository.len();
        let reference = repository + 1 + reference.map_or(0, str::len);
        Ok(Self {
            text,
            repository,
            reference,
        })
    }
}

/// Whether the two parts that have rules keep them.
fn check(text: &str, repository: &str, reference: Option<&str>) -> Result<()> {
    if repository.is_empty() {
        return Err(wrong(text, "has no repository"));
    }
    if validate::repository_name(repository).is_err() {
        return Err(wrong(
            text,
            &format!(
                "has the repository {repository:?}, which is no name of one (3 to 63 characters of a-z, 0-9 and `-`)"
            ),
        ));
    }
    match reference {
        None | Some("") => Err(wrong(text, "has no ref")),
        Some(name) if name.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control()) => {
            Err(wrong(
                text,
                &format!("has the ref {name:?}, in which there is a slash or white space"),
            ))
        }
        Some(_) => Ok(()),
    }
}

fn wrong(text: &str, problem: &str) -> Error {
    Error::invalid_input(format!(
        "the URI {text:?} {problem}: it must have the form {FORM}"
    ))
}

impl FromStr for LakeFsUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text.to_owned())
    }
}

impl TryFrom<&str> for LakeFsUri {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Self::parse(text.to_owned())
    }
}

impl TryFrom<String> for LakeFsUri {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(text)
    }
}

impl From<&Self> for LakeFsUri {
    fn from(uri: &Self) -> Self {
        uri.clone()
    }
}

impl From<LakeFsUri> for String {
    fn from(uri: LakeFsUri) -> Self {
        uri.text
    }
}

impl fmt::Display for LakeFsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for LakeFsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LakeFsUri").field(&self.text).finish()
    }
}

impl PartialEq for LakeFsUri {
    fn eq(&self, other: &Self) -> bool {
        let place = |uri: &Self| (uri.repository, uri.reference);
        place(self) == place(other)
            && self.text[..self.reference] == other.text[..other.reference]
            && self.path() == other.path()
    }
}

impl Eq for LakeFsUri {}

impl Hash for LakeFsUri {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text[..self.reference].hash(state);
        self.path().hash(state);
    }
}

impl Serialize for LakeFsUri {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for LakeFsUri {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
