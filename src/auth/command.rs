use std::{
    ffi::{OsStr, OsString},
    fmt,
    process::{ExitStatus, Stdio},
};

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::{Credentials, Exchange, Source};
use crate::{BoxError, Error, Result};

/// The most that is read of what a program prints, in bytes.
const MAX_OUTPUT: u64 = 64 * 1024;

/// A program that prints credentials.
pub(super) struct Command {
    program: OsString,
    arguments: Vec<OsString>,
}

// ===== impl Command =====

impl Command {
    pub(super) fn new(program: OsString, arguments: Vec<OsString>) -> Self {
        Self { program, arguments }
    }

    fn problem(&self, problem: impl fmt::Display) -> Error {
        let program = self.program.to_string_lossy();
        Error::invalid_input(format!("the credentials command {program:?} {problem}"))
    }
}

#[async_trait]
impl Source for Command {
    fn check(&self) -> Result<()> {
        if self.program.is_empty() {
            return Err(Error::invalid_input(
                "`credentials` have a command without a program",
            ));
        }
        Ok(())
    }

    async fn credentials(&self, _: &Exchange) -> Result<Credentials, BoxError> {
        let (status, output) = run(&self.program, &self.arguments).await.map_err(|error| {
            self.problem("cannot be run; is it installed, and in the PATH?")
                .with_source(error)
        })?;
        if !status.success() {
            return Err(self
                .problem(format_args!(
                    "failed ({status}); what it wrote to its error output says why"
                ))
                .into());
        }
        parse(&output).map_err(|problem| self.problem(problem).into())
    }
}

impl fmt::Debug for Command {
    /// Without the arguments, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .finish()
    }
}

/// Runs a program without input, and gives what it printed. It is killed when the future is dropped.
pub(super) async fn run(
    program: &OsStr,
    arguments: &[impl AsRef<OsStr>],
) -> Result<(ExitStatus, Vec<u8>), BoxError> {
    tokio::runtime::Handle::try_current()
        .map_err(|_| "a program can be run only inside of a tokio runtime")?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(MAX_OUTPUT).read_to_end(&mut output).await?;
    }
    // Whatever is beyond the limit is not read: the pipe is closed now, so the program ends.
    Ok((child.wait().await?, output))
}

/// What the program printed. No problem quotes it: it is secret.
fn parse(output: &[u8]) -> Result<Credentials, &'static str> {
    let Ok(document) = serde_json::from_slice::<Value>(output) else {
        return Err("did not print a JSON object alone; see `Credentials::command` for its shape");
    };
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let credentials = match (
        text("token"),
        text("access_key_id"),
        text("secret_access_key"),
    ) {
        (Some(token), None, None) => Credentials::bearer_token(token),
        (None, Some(id), Some(secret)) => Credentials::access_key(id, secret),
        (Some(_), _, _) => {
            return Err("printed both a `token` and an access key; it must print one of them");
        }
        (None, _, _) => {
            return Err(
                "printed neither a `token` nor both `access_key_id` and `secret_access_key`, as strings",
            );
        }
    };
    match document.get("expiration") {
        None | Some(Value::Null) => Ok(credentials),
        Some(expiration) => {
            let time = expiration
                .as_str()
                .and_then(|time| time.parse::<Timestamp>().ok());
            match time {
                Some(time) => Ok(credentials.expires_at(time)),
                None => Err(
                    "printed an `expiration` that is no time of RFC 3339, such as 2030-01-31T12:00:00Z",
                ),
            }
        }
    }
}
