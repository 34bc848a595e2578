//! Planted secrets, and what listens for them.

use std::{
    io,
    sync::{Arc, Mutex},
};

use lakefs_sdk::Credentials;
use tracing_subscriber::{
    filter::LevelFilter,
    fmt::{MakeWriter, format::FmtSpan},
    util::SubscriberInitExt as _,
};

pub(crate) const ID: &str = "AKIAPLANTEDID";
pub(crate) const SECRET: &str = "planted/secret+KEY";
pub(crate) const SIGNED: &str = "https://bucket.example.com/data/a.parquet?X-Amz-Credential=PLANTEDcredential&X-Amz-Security-Token=PLANTEDtoken&X-Amz-Signature=PLANTEDsignature";

/// What of the planted secrets stands in a text, as they are or as they are sent.
pub(crate) fn planted(text: &str) -> Vec<&'static str> {
    // The base64 of `ID:SECRET`, from the colon on.
    let forms = [
        SECRET,
        "planted%2Fsecret",
        "PLANTEDcredential",
        "PLANTEDtoken",
        "PLANTEDsignature",
        "PLANTEDsas",
        "pwbGFudGVkL3NlY3JldCtLRVk",
    ];
    forms
        .into_iter()
        .filter(|form| text.contains(form))
        .collect()
}

pub(crate) fn credentials() -> [Credentials; 3] {
    [
        Credentials::access_key(ID, SECRET),
        Credentials::bearer_token(SECRET),
        Credentials::session_cookie("internal_auth_session", SECRET),
    ]
}

pub(crate) fn shown(value: &impl std::fmt::Debug) -> String {
    format!("{value:?} {value:#?}")
}

/// Everything that a subscriber wrote.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(
            &self
                .0
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
        .into_owned()
    }
}

/// Writes all spans and events of this thread, whoever's they are, until the guard is dropped.
pub(crate) fn listen(log: &Log) -> tracing::subscriber::DefaultGuard {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(log.clone())
        .finish()
        .set_default()
}

/// What stands in an error and in all that it has for causes.
pub(crate) fn chain(error: &lakefs_sdk::BoxError) -> String {
    let mut text = format!("{error} {error:#} {error:?} {error:#?}");
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(&format!(" {next} {next:?}"));
        cause = next.source();
    }
    text
}
