//! Login as an AWS role.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use lakefs_sdk::{Client, Credentials, auth::AwsIam};
use serde_json::{Value, json};

use super::{answer, authorizations};
use crate::support::scripted::Scripted;

const ID: &str = "ASIAPLANTEDID";
const SECRET: &str = "planted/secret+KEY";

fn logged_in(login: AwsIam, transport: &Scripted) -> Client {
    Client::builder()
        .endpoint("https://lakefs.example.com:8443")
        .credentials(Credentials::aws_iam(login))
        .transport(transport.clone())
        .build()
        .unwrap()
}

fn server() -> Scripted {
    Scripted::new()
        .json(&json!({ "token": "jwt", "token_expiration": 4_000_000_000_u64 }))
        .step(|_| async { Ok(answer()) })
}

/// What was sent to log in with, and the identity token in it.
fn login(transport: &Scripted) -> (Value, Value) {
    let body = transport.sent()[0].body.clone().unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let token = body["identityRequest"]["identity_token"].as_str().unwrap();
    let token = serde_json::from_slice(&BASE64.decode(token).unwrap()).unwrap();
    (body, token)
}

/// The server takes the request apart field by field; what a field lacks or is named otherwise is a refusal.
#[tokio::test]
async fn the_identity_request_has_the_shape_that_lakefs_reads() {
    let transport = server();
    let aws = AwsIam::new().region("eu-central-1").access_key(
        ID,
        SECRET,
        Some("session/token".to_owned()),
    );

    logged_in(aws, &transport)
        .get_repository("lake")
        .await
        .unwrap();

    let sent = transport.sent();
    assert_eq!(sent[0].operation, Some("externalPrincipalLogin"));
    assert_eq!(
        sent[0].uri,
        "https://lakefs.example.com:8443/api/v1/auth/external/principal/login"
    );
    assert_eq!(authorizations(&transport), ["", "Bearer jwt"]);
    let (body, token) = login(&transport);
    assert_eq!(body["token_expiration_duration"], 3600);
    assert_eq!(body.as_object().unwrap().len(), 2);
    let date = token["date"].as_str().unwrap();
    let signature = token["signature"].as_str().unwrap();
    assert!(regex::Regex::new(r"^\d{8}T\d{6}Z$").unwrap().is_match(date));
    assert!(
        regex::Regex::new("^[0-9a-f]{64}$")
            .unwrap()
            .is_match(signature)
    );
    assert_eq!(
        token,
        json!({
            "method": "POST",
            "host": "sts.eu-central-1.amazonaws.com",
            "region": "eu-central-1",
            "action": "GetCallerIdentity",
            "date": date,
            "expiration_duration": "60",
            "access_key_id": ID,
            "signature": signature,
            "signed_headers": ["host", "x-lakefs-server-id"],
            "version": "2011-06-15",
            "algorithm": "AWS4-HMAC-SHA256",
            "security_token": "session/token",
        })
    );
    assert!(!format!("{body} {token}").contains(SECRET));
}

/// Each setting ends up where the server looks for it.
#[tokio::test]
async fn settings_change_what_is_signed() {
    let key = |aws: AwsIam| aws.access_key(ID, SECRET, None).environment([("", ""); 0]);
    for (aws, field, expected) in [
        (AwsIam::new(), "host", json!("sts.amazonaws.com")),
        (AwsIam::new(), "region", json!("us-east-1")),
        (AwsIam::new(), "security_token", json!("")),
        (
            AwsIam::new().region("cn-north-1"),
            "host",
            json!("sts.cn-north-1.amazonaws.com.cn"),
        ),
        (
            AwsIam::new().sts_endpoint("https://vpce-1.sts.eu-west-1.vpce.amazonaws.com/"),
            "host",
            json!("vpce-1.sts.eu-west-1.vpce.amazonaws.com"),
        ),
        (
            AwsIam::new().presign_ttl(Duration::from_secs(300)),
            "expiration_duration",
            json!("300"),
        ),
        (
            AwsIam::new().token_request_header("X-Tenant", "a"),
            "signed_headers",
            json!(["host", "x-tenant"]),
        ),
    ] {
        let transport = server();
        logged_in(key(aws), &transport)
            .get_repository("lake")
            .await
            .unwrap();
        assert_eq!(login(&transport).1[field], expected, "{field}");
    }

    let transport = server();
    let aws = AwsIam::new().token_ttl(Duration::from_secs(7200));
    let client = logged_in(key(aws), &transport);
    client.get_repository("lake").await.unwrap();
    assert_eq!(login(&transport).0["token_expiration_duration"], 7200);
}

/// A pod or an instance has no key in its configuration: the role comes from where AWS's tools find it.
#[tokio::test]
async fn the_role_comes_from_the_environment_files_container_or_instance() {
    let directory = std::env::temp_dir().join(format!("lakefs-sdk-aws-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("credentials");
    std::fs::write(
        &file,
        format!("[etl]\naws_access_key_id = PROFILE\naws_secret_access_key = {SECRET}\n"),
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let nowhere = directory.join("nonexistent");
    let nowhere = nowhere.to_str().unwrap();
    let role = |id: &str| {
        json!({
            "Code": "Success", "LastUpdated": "2030-01-01T00:00:00Z", "Type": "AWS-HMAC", "RoleArn": "arn",
            "AccessKeyId": id, "SecretAccessKey": SECRET, "Token": "session", "Expiration": "2999-01-01T00:00:00Z"
        })
    };

    for (variables, profile, metadata, expected) in [
        (
            vec![
                ("AWS_ACCESS_KEY_ID", "ENVIRONMENT"),
                ("AWS_SECRET_ACCESS_KEY", SECRET),
                ("AWS_REGION", "eu-west-1"),
            ],
            None,
            Scripted::new(),
            "ENVIRONMENT",
        ),
        (
            vec![("AWS_SHARED_CREDENTIALS_FILE", file)],
            Some("etl"),
            Scripted::new(),
            "PROFILE",
        ),
        (
            vec![
                ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/role"),
                ("AWS_SHARED_CREDENTIALS_FILE", nowhere),
            ],
            None,
            Scripted::new().json(&role("CONTAINER")),
            "CONTAINER",
        ),
        (
            vec![("AWS_SHARED_CREDENTIALS_FILE", nowhere)],
            None,
            Scripted::new()
                .status(200, "imds-token")
                .status(200, "role-name")
                .json(&role("INSTANCE")),
            "INSTANCE",
        ),
    ] {
        let transport = server();
        let mut variables = variables;
        variables.push(("AWS_CONFIG_FILE", nowhere));
        let mut aws = AwsIam::new()
            .environment(variables)
            .transport(metadata.clone());
        if let Some(profile) = profile {
            aws = aws.profile(profile);
        }

        logged_in(aws, &transport)
            .get_repository("lake")
            .await
            .unwrap();

        let (_, token) = login(&transport);
        assert_eq!(token["access_key_id"], expected);
        let region = token["region"].as_str().unwrap();
        assert_eq!(region == "eu-west-1", expected == "ENVIRONMENT");
    }
    let _ = std::fs::remove_dir_all(&directory);
}

/// On a laptop without AWS the error says what was looked for, before anything reaches lakeFS.
#[tokio::test]
async fn without_aws_credentials_the_error_says_so() {
    let transport = server();
    let aws = AwsIam::new()
        .environment([("AWS_EC2_METADATA_DISABLED", "true")])
        .transport(Scripted::new());

    let error = logged_in(aws, &transport)
        .get_repository("lake")
        .await
        .unwrap_err();

    assert!(error.is_unauthenticated(), "{error}");
    assert!(
        format!("{error:#}").contains("found no AWS credentials"),
        "{error:#}"
    );
    assert_eq!(transport.sent().len(), 0);
}

/// What cannot work is found when the client is built.
#[test]
fn settings_that_cannot_work_are_refused() {
    for (aws, expected) in [
        (AwsIam::new().region("eu central"), "region"),
        (AwsIam::new().sts_endpoint("a b"), "sts_endpoint"),
        (AwsIam::new().token_ttl(Duration::ZERO), "token_ttl"),
        (AwsIam::new().presign_ttl(Duration::ZERO), "presign_ttl"),
        (
            AwsIam::new().token_request_header("a b", "c"),
            "token_request_header",
        ),
    ] {
        let error = Client::builder()
            .endpoint("http://h")
            .credentials(Credentials::aws_iam(aws))
            .build()
            .unwrap_err();
        assert!(error.is_invalid_input());
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Without an endpoint nobody knows what to bind the proof to.
#[tokio::test]
async fn without_an_endpoint_the_server_must_be_named() {
    let key = || AwsIam::new().access_key(ID, SECRET, None);
    for (aws, works) in [
        (key(), false),
        (
            key().token_request_header("X-LakeFS-Server-ID", "lakefs"),
            true,
        ),
    ] {
        let client = Client::builder()
            .credentials(Credentials::aws_iam(aws))
            .transport(server())
            .build()
            .unwrap();
        let answer = client.get_repository("lake").await;
        assert_eq!(answer.is_ok(), works);
        if let Err(error) = answer {
            assert!(format!("{error:#}").contains("X-LakeFS-Server-ID"));
        }
    }
}
