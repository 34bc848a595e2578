//! The settings that can be read, and the names they have: one table for environment, file and errors.

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Endpoint,
    Id,
    Secret,
    Token,
    Provider,
    TokenTtl,
    UrlPresignTtl,
    RefreshInterval,
    TokenRequestHeaders,
    RetriesEnabled,
    MaxAttempts,
    MinWait,
    MaxWait,
}

// ===== impl Key =====

impl Key {
    pub(super) const ALL: [Self; 13] = [
        Self::Endpoint,
        Self::Id,
        Self::Secret,
        Self::Token,
        Self::Provider,
        Self::TokenTtl,
        Self::UrlPresignTtl,
        Self::RefreshInterval,
        Self::TokenRequestHeaders,
        Self::RetriesEnabled,
        Self::MaxAttempts,
        Self::MinWait,
        Self::MaxWait,
    ];

    /// Its name: the key in lakectl's file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Endpoint => "server.endpoint_url",
            Self::Id => "credentials.access_key_id",
            Self::Secret => "credentials.secret_access_key",
            Self::Token => "credentials.session_token",
            Self::Provider => "credentials.provider.type",
            Self::TokenTtl => "credentials.provider.aws_iam.token_ttl_seconds",
            Self::UrlPresignTtl => "credentials.provider.aws_iam.url_presign_ttl_seconds",
            Self::RefreshInterval => "credentials.provider.aws_iam.refresh_interval",
            Self::TokenRequestHeaders => "credentials.provider.aws_iam.token_request_headers",
            Self::RetriesEnabled => "server.retries.enabled",
            Self::MaxAttempts => "server.retries.max_attempts",
            Self::MinWait => "server.retries.min_wait_interval",
            Self::MaxWait => "server.retries.max_wait_interval",
        }
    }

    /// The variables that set it, in order: lakectl's own, then those of the documents of lakeFS's SDKs.
    pub(super) fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Endpoint => &[
                "LAKECTL_SERVER_ENDPOINT_URL",
                "LAKEFS_ENDPOINT",
                "LAKEFS_HOST",
            ],
            Self::Id => &[
                "LAKECTL_CREDENTIALS_ACCESS_KEY_ID",
                "LAKEFS_ACCESS_KEY_ID",
                "LAKEFS_USERNAME",
            ],
            Self::Secret => &[
                "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY",
                "LAKEFS_SECRET_ACCESS_KEY",
                "LAKEFS_PASSWORD",
            ],
            Self::Token => &["LAKECTL_CREDENTIALS_SESSION_TOKEN"],
            Self::Provider => &["LAKECTL_CREDENTIALS_PROVIDER_TYPE"],
            Self::TokenTtl => &["LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_TOKEN_TTL_SECONDS"],
            Self::UrlPresignTtl => &[
                "LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_URL_PRESIGN_TTL_SECONDS",
                // What lakeFS's Python SDK reads.
                "LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_PRESIGNED_URL_TTL_SECONDS",
            ],
            Self::RefreshInterval => &["LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_REFRESH_INTERVAL"],
            Self::TokenRequestHeaders => {
                &["LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_TOKEN_REQUEST_HEADERS"]
            }
            Self::RetriesEnabled => &["LAKECTL_SERVER_RETRIES_ENABLED"],
            Self::MaxAttempts => &["LAKECTL_SERVER_RETRIES_MAX_ATTEMPTS"],
            Self::MinWait => &["LAKECTL_SERVER_RETRIES_MIN_WAIT_INTERVAL"],
            Self::MaxWait => &["LAKECTL_SERVER_RETRIES_MAX_WAIT_INTERVAL"],
        }
    }

    /// The setting of a name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name() == name)
    }

    /// Whether settings stand below a section of this name.
    pub(super) fn is_section(name: &str) -> bool {
        Self::ALL.into_iter().any(|key| {
            key.name()
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
        })
    }

    /// The section in which a key belongs that stands in another one: `credentials` for `access_key_id`.
    pub(super) fn home_of(last: &str) -> Option<&'static str> {
        match last {
            "access_key_id" | "secret_access_key" | "session_token" | "provider" => {
                Some("credentials")
            }
            "endpoint_url" | "retries" => Some("server"),
            _ => None,
        }
    }
}
