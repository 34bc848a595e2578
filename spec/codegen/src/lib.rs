//! Writes `src/generated/` from an API document and its overlay.
//!
//! Three steps, each a module: [`read`] turns the two YAML files into the [`model`], [`emit`] turns the model into Rust
//! source, [`facts`] digests the document so that a test notices when a fact of it is lost.

pub mod emit;
pub mod facts;
pub mod model;
pub mod overlay;
pub mod read;

use std::{
    collections::BTreeMap,
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What can go wrong, told to the person who edits the spec.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The files to write below `src/generated/`, by their path in it.
pub type Files = BTreeMap<PathBuf, String>;

/// The folder of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Generates all files from the documents in `spec/`.
///
/// # Errors
///
/// When a document cannot be read, says something that the generator does not know, or `rustfmt` cannot be run.
pub fn generate() -> Result<Files> {
    let spec = root().join("spec");
    let api = read::read(&spec.join("lakefs.yaml"), &spec.join("overlay.yaml"))?;
    emit::emit(&api)
        .into_iter()
        .map(|(path, source)| Ok((path, rustfmt(&source)?)))
        .collect()
}

fn rustfmt(source: &str) -> Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            format!(
                "rustfmt cannot be run ({error}); install it with `rustup component add rustfmt`"
            )
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(source.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("rustfmt refuses the generated source".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
