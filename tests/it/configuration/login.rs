//! Which login, and which retries, are made of what was read.

use std::time::Duration;

use lakefs_sdk::{
    Credentials, Result,
    config::{Config, ConfigLoader, Login, Sourced},
};
use secrecy::ExposeSecret as _;

use super::{ENDPOINT, GOOD, Home, ID, PROVIDER, SECRET, TOKEN, all_text, has_all, variables};
use crate::support::scripted::Scripted;

/// Variables that are set.
type Set = Vec<(&'static str, &'static str)>;

/// What kind of login, and from where.
fn kind(config: Result<Config>) -> String {
    match config {
        Err(error) if error.to_string().contains("ambiguous") => "ambiguous".to_owned(),
        Err(error) if error.to_string().contains("set twice in code") => "twice".to_owned(),
        Err(error) => error.to_string(),
        Ok(config) => match config.login() {
            Login::Given(_) => "given".to_owned(),
            Login::AccessKey { id, .. } => format!("key {}", id.value),
            Login::SessionToken(token) => format!("token {}", token.value.expose_secret()),
            Login::AwsIam(_) => "aws".to_owned(),
            _ => "unknown".to_owned(),
        },
    }
}

/// A token that somebody exported for one server must not be sent with the keys of another, or the other way round.
#[test]
fn of_several_kinds_of_credentials_those_set_the_highest_up_are_used() {
    let key = "credentials: {access_key_id: FILEID, secret_access_key: s}";
    let both =
        "credentials: {access_key_id: FILEID, secret_access_key: s, provider: {type: aws_iam}}";
    let aws = "credentials: {provider: {type: aws_iam}}";
    let token = "credentials: {session_token: FILETOKEN}";
    let half = "credentials: {access_key_id: FILEID}";
    let env_key = [(ID, "ENVID"), (SECRET, "s")];
    let env_token = [(TOKEN, "ENVTOKEN")];
    let env_aws = [(PROVIDER, "aws_iam")];
    let cases: [(&str, Set, &str); 16] = [
        (key, vec![], "key FILEID"),
        (both, vec![], "key FILEID"),
        (aws, vec![], "aws"),
        (token, vec![], "token FILETOKEN"),
        (key, env_token.to_vec(), "token ENVTOKEN"),
        (half, env_token.to_vec(), "token ENVTOKEN"),
        (aws, env_token.to_vec(), "token ENVTOKEN"),
        (key, env_aws.to_vec(), "aws"),
        (token, env_aws.to_vec(), "aws"),
        (token, env_key.to_vec(), "key ENVID"),
        (aws, env_key.to_vec(), "key ENVID"),
        (both, env_key.to_vec(), "key ENVID"),
        (key, vec![(ID, "ENVID"), (TOKEN, "ENVTOKEN")], "ambiguous"),
        ("", [&env_key[..], &env_token].concat(), "ambiguous"),
        ("", [&env_key[..], &env_aws].concat(), "key ENVID"),
        ("", [&env_token[..], &env_aws].concat(), "token ENVTOKEN"),
    ];
    for (file, variables, expected) in cases {
        let home = Home::with(file);
        let loader = home.loader(&variables).endpoint("http://h");

        assert_eq!(
            kind(loader.clone().load()),
            expected,
            "{file} {variables:?}"
        );

        let given = loader.clone().credentials(Credentials::none());
        assert_eq!(kind(given.clone().load()), "given");
        assert_eq!(kind(given.access_key_id("i").load()), "twice");
        let token = loader.clone().session_token("t");
        assert_eq!(kind(token.clone().load()), "token t");
        assert_eq!(kind(token.access_key_id("i").load()), "ambiguous");
        let key = loader.access_key_id("i").secret_access_key("s");
        assert_eq!(kind(key.load()), "key i");
    }
    let error =
        variables(&[(ENDPOINT, "http://h"), (ID, "PLANTED"), (TOKEN, "PLANTED")]).unwrap_err();
    has_all(
        &error.to_string(),
        &["session token", TOKEN, "access key", ID, "unset one"],
    );
    assert!(!all_text(&error).contains("PLANTED"));
}

/// A token that is set as the documents of lakeFS's Python SDK say is sent as it is there.
#[tokio::test]
async fn what_was_read_is_what_is_sent() {
    for (set, header) in [
        (vec![(TOKEN, "jwt")], "Bearer jwt"),
        (vec![(ID, "id"), (SECRET, "secret")], "Basic aWQ6c2VjcmV0"),
    ] {
        let transport = Scripted::new().status(204, "");
        let mut set = set;
        set.push((ENDPOINT, "http://h:8000/lakefs"));
        let config = variables(&set).unwrap();

        let client = config
            .into_builder()
            .unwrap()
            .transport(transport.clone())
            .build()
            .unwrap();
        client
            .create_branch_protection_rule_preflight("lake")
            .await
            .unwrap();

        let sent = &transport.sent()[0];
        assert_eq!(sent.headers["authorization"], header);
        assert!(
            sent.uri
                .to_string()
                .starts_with("http://h:8000/lakefs/api/v1/"),
            "{}",
            sent.uri
        );
    }
}

/// A setting of the AWS login that is read wrongly locks everybody out an hour later.
#[test]
fn the_aws_login_is_read_from_both_tools_spellings() {
    let home = Home::with(
        "server: {endpoint_url: 'http://h'}\ncredentials:\n  provider:\n    type: aws_iam\n    aws_iam:\n      token_ttl_seconds: 6h\n      \
         url_presign_ttl_seconds: 60\n      refresh_interval: 5m\n      token_request_headers: {X-LakeFS-Server-ID: h, X-N: 007}\n",
    );
    let prefix = |name| format!("LAKECTL_CREDENTIALS_PROVIDER_AWS_IAM_{name}");
    let (ttl, presign, python, headers) = (
        prefix("TOKEN_TTL_SECONDS"),
        prefix("URL_PRESIGN_TTL_SECONDS"),
        prefix("PRESIGNED_URL_TTL_SECONDS"),
        prefix("TOKEN_REQUEST_HEADERS"),
    );
    let read = |config: &Config| {
        let Login::AwsIam(aws) = config.login() else {
            unreachable!("{config:?}");
        };
        let headers = aws.token_request_headers.as_ref().map(|headers| {
            let headers = headers.value.iter();
            headers
                .map(|(name, value)| format!("{name}={}", value.expose_secret()))
                .collect::<Vec<_>>()
                .join(" ")
        });
        let seconds =
            |time: &Option<Sourced<Duration>>| time.as_ref().map(|time| time.value.as_secs());
        (
            seconds(&aws.token_ttl),
            seconds(&aws.url_presign_ttl),
            seconds(&aws.refresh_interval),
            headers,
        )
    };

    let config = home.load(&[]).unwrap();
    assert_eq!(
        read(&config),
        (
            Some(21_600),
            Some(60),
            Some(300),
            Some("X-LakeFS-Server-ID=h X-N=007".to_owned())
        )
    );

    for (headers_text, presign) in [
        (" a=1 , B = x=y ", &presign),
        (r#"{"a": "1", "B": "x=y"}"#, &python),
    ] {
        let set = [
            (PROVIDER, "aws_iam"),
            (ttl.as_str(), "7200"),
            (presign, "2m"),
            (&headers, headers_text),
        ];
        let config = ConfigLoader::new()
            .environment(set)
            .no_file()
            .endpoint("http://h")
            .load()
            .unwrap();
        assert_eq!(
            read(&config),
            (Some(7200), Some(120), None, Some("B=x=y a=1".to_owned()))
        );
        assert!(!format!("{config} {config:?}").contains("x=y"));
    }
    for (name, value) in [
        (&ttl, "PLANTED"),
        (&ttl, "-1"),
        (&ttl, "-1h"),
        (&presign, "1.5"),
        (&headers, "PLANTED"),
        (&headers, "{PLANTED}"),
    ] {
        let set = [(PROVIDER, "aws_iam"), (name.as_str(), value)];
        let error = ConfigLoader::new()
            .environment(set)
            .no_file()
            .endpoint("http://h")
            .load()
            .unwrap_err();
        has_all(&error.to_string(), &["credentials.provider.aws_iam", name]);
        assert!(!all_text(&error).contains("PLANTED"), "{error:?}");
    }
    let error = variables(&[(ENDPOINT, "http://h"), (PROVIDER, "PLANTED")]).unwrap_err();
    has_all(
        &error.to_string(),
        &["credentials.provider.type", PROVIDER, "aws_iam"],
    );
    assert!(!all_text(&error).contains("PLANTED"));
}

/// Settings that say how often to try are for every client of the file, not for lakectl alone.
#[tokio::test(start_paused = true)]
async fn the_retries_of_the_file_are_kept() {
    for (retries, attempts) in [
        ("", 3),
        ("max_attempts: 5", 5),
        ("max_attempts: 0", 1),
        ("enabled: true, max_attempts: 2", 2),
        ("enabled: false, max_attempts: 5", 1),
        ("enabled: no", 1),
        ("min_wait_interval: 1ms, max_wait_interval: 2ms", 3),
        ("min_wait_interval: 30s", 3),
        ("max_wait_interval: 1ms", 3),
    ] {
        let home = Home::with(format!("{GOOD}  retries: {{{retries}}}\n"));
        let transport = (0..6).fold(Scripted::new(), |transport, _| transport.status(503, ""));
        let config = home.load(&[]).unwrap();

        let client = config
            .into_builder()
            .unwrap()
            .transport(transport.clone())
            .build()
            .unwrap();
        let error = client.get_repository("lake").await.unwrap_err();

        assert_eq!(error.attempts(), attempts, "{retries}");
    }
    for (retries, advice) in [
        ("max_attempts: many", "number of attempts"),
        ("max_attempts: -1", "number of attempts"),
        ("enabled: maybe", "true"),
        ("min_wait_interval: 200", "unit"),
        ("max_wait_interval: soon", "unit"),
        ("min_wait_interval: 2s, max_wait_interval: 1s", "longer"),
    ] {
        let home = Home::with(format!("{GOOD}  retries: {{{retries}}}\n"));
        let error = home.load(&[]).unwrap_err();
        has_all(
            &error.to_string(),
            &["server.retries.", home.file().to_str().unwrap(), advice],
        );
    }
}
