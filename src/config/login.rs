use std::{collections::BTreeMap, time::Duration};

#[cfg(feature = "aws")]
use secrecy::ExposeSecret as _;
use secrecy::SecretString;

use super::{Setting, Source, Sourced, hidden, line};
#[cfg(not(feature = "aws"))]
use crate::Error;
#[cfg(feature = "aws")]
use crate::auth;
use crate::{Credentials, Result};

/// Who is calling, and where each part of it came from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Login {
    /// Credentials of the program itself, or none.
    Given(Sourced<Credentials>),
    /// An access key. Id and secret may come from different places.
    AccessKey {
        /// `credentials.access_key_id`.
        id: Sourced<String>,
        /// `credentials.secret_access_key`.
        secret: Sourced<SecretString>,
    },
    /// The token of a login, `credentials.session_token`.
    SessionToken(Sourced<SecretString>),
    /// A login with an AWS role, `credentials.provider.type: aws_iam`.
    AwsIam(AwsIam),
}

/// The section `credentials.provider.aws_iam`. What is `None` has the default of the login.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AwsIam {
    /// What set `credentials.provider.type`.
    pub source: Source,
    /// How long the lakeFS token is to be good: `token_ttl_seconds`.
    pub token_ttl: Option<Sourced<Duration>>,
    /// How long the presigned request to AWS STS is good: `url_presign_ttl_seconds`.
    pub url_presign_ttl: Option<Sourced<Duration>>,
    /// How long ahead of its expiry a token is replaced: `refresh_interval`.
    pub refresh_interval: Option<Sourced<Duration>>,
    /// Headers to sign into the request to AWS STS, in place of `X-LakeFS-Server-ID` alone: `token_request_headers`.
    pub token_request_headers: Option<Sourced<BTreeMap<String, SecretString>>>,
}

// ===== impl Login =====

impl Login {
    pub(super) fn lines<'a>(&'a self, lines: &mut Vec<Setting<'a>>) {
        match self {
            Self::Given(credentials) => lines.push(line("credentials", credentials, |shown| {
                format!("{shown:?}").into()
            })),
            Self::AccessKey { id, secret } => {
                lines.push(line("credentials.access_key_id", id, |id| id.into()));
                lines.push(hidden("credentials.secret_access_key", secret));
            }
            Self::SessionToken(token) => lines.push(hidden("credentials.session_token", token)),
            Self::AwsIam(aws) => aws.lines(lines),
        }
    }
}

// ===== impl AwsIam =====

#[cfg(feature = "aws")]
impl AwsIam {
    pub(super) fn credentials(&self) -> Result<Credentials> {
        let mut login = auth::AwsIam::new();
        if let Some(life) = &self.token_ttl {
            login = login.token_ttl(life.value);
        }
        if let Some(life) = &self.url_presign_ttl {
            login = login.presign_ttl(life.value);
        }
        if let Some(time) = &self.refresh_interval {
            login = login.refresh_ahead(time.value);
        }
        let headers = self.token_request_headers.iter();
        for (name, value) in headers.flat_map(|headers| &headers.value) {
            login = login.token_request_header(name, value.expose_secret());
        }
        Ok(Credentials::aws_iam(login))
    }
}

#[cfg(not(feature = "aws"))]
impl AwsIam {
    pub(super) fn credentials(&self) -> Result<Credentials> {
        Err(Error::invalid_input(format!(
            "`credentials.provider.type` is aws_iam ({}), which needs the feature `aws`",
            self.source
        )))
    }
}

impl AwsIam {
    fn lines<'a>(&'a self, lines: &mut Vec<Setting<'a>>) {
        lines.push(Setting {
            name: "credentials.provider.type",
            value: "aws_iam".into(),
            source: &self.source,
        });
        for (name, time) in [
            (
                "credentials.provider.aws_iam.token_ttl_seconds",
                &self.token_ttl,
            ),
            (
                "credentials.provider.aws_iam.url_presign_ttl_seconds",
                &self.url_presign_ttl,
            ),
            (
                "credentials.provider.aws_iam.refresh_interval",
                &self.refresh_interval,
            ),
        ] {
            lines.extend(
                time.iter()
                    .map(|time| line(name, time, |time| format!("{time:?}").into())),
            );
        }
        // A header's value may be a secret; its name is not.
        lines.extend(self.token_request_headers.iter().map(|headers| {
            line(
                "credentials.provider.aws_iam.token_request_headers",
                headers,
                |headers| {
                    headers
                        .keys()
                        .cloned()
                        .collect::<Vec<_>>()
                        .join(", ")
                        .into()
                },
            )
        }));
    }
}
