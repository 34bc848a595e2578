//! Which names are accepted for repositories, branches, tags, references and paths.
//!
//! `argument` is how the real server calls the value; its messages begin with it.

use super::error::{Error, ErrorKind, Result};

const MAX_PATH_BYTES: usize = 1024;

pub(in super::super) fn is_repository(name: &str) -> bool {
    let lower_or_digit = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.as_bytes().first().is_some_and(lower_or_digit)
        && name
            .bytes()
            .all(|byte| lower_or_digit(&byte) || byte == b'-')
}

pub(in super::super) fn repository(argument: &str, name: &str) -> Result<()> {
    required(argument, name)?;
    accept(is_repository(name), argument, "repository id: ")
}

pub(in super::super) fn branch(argument: &str, name: &str) -> Result<()> {
    required(argument, name)?;
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let valid = !name.starts_with('-') && name.bytes().all(|byte| word(byte) || byte == b'-');
    accept(valid, argument, "branch id: ")
}

/// As git's check-ref-format, but `~` is allowed.
pub(in super::super) fn tag(argument: &str, name: &str) -> Result<()> {
    required(argument, name)?;
    let valid = name != "@"
        && !name.ends_with('.')
        && !name.ends_with(".lock")
        && !["..", "/", "@{"].iter().any(|part| name.contains(part))
        && !name.contains(['^', ':', '?', '*', '[', '\\'])
        && name.chars().all(|c| c > ' ');
    accept(valid, argument, "tag id: ")
}

pub(in super::super) fn reference(argument: &str, expression: &str) -> Result<()> {
    required(argument, expression)?;
    // The white space of a regular expression's `\s`: not the Unicode kind.
    let valid = !expression.contains(['\t', '\n', '\x0c', '\r', ' ']);
    accept(valid, argument, "ref: ")
}

pub(in super::super) fn path(argument: &str, path: &[u8]) -> Result<()> {
    match path.len() {
        0 => Err(Error::new(
            ErrorKind::MissingPath,
            format!("argument {argument}: missing path: required value: validation error"),
        )),
        length if length > MAX_PATH_BYTES => Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "argument {argument}: invalid value: validation error: {length} is above maximum length \
                 ({MAX_PATH_BYTES})"
            ),
        )),
        _ => Ok(()),
    }
}

pub(in super::super) fn optional_path(argument: &str, path: &[u8]) -> Result<()> {
    if path.is_empty() {
        Ok(())
    } else {
        self::path(argument, path)
    }
}

/// The real server forgot to map this one: it is a 500.
fn required(argument: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        let message = format!("argument {argument}: required value: validation error");
        return Err(Error::new(ErrorKind::Internal, message));
    }
    Ok(())
}

fn accept(valid: bool, argument: &str, what: &str) -> Result<()> {
    if valid {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("argument {argument}: {what}invalid value: validation error"),
    ))
}
