//! Credentials from files and programs.

use std::{error::Error as _, path::PathBuf, process::Command, time::Duration};

use lakefs_sdk::{Client, Credentials};
use tokio::time::advance;

use super::{SECOND, answer, answering, authorizations};
use crate::support::scripted::Scripted;

/// A directory of a test's own, gone when it is over.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lakefs-sdk-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn client(credentials: Credentials, transport: &Scripted) -> Client {
    Client::builder()
        .credentials(credentials)
        .transport(transport.clone())
        .build()
        .unwrap()
}

/// The token in a mounted secret changes while the program runs.
#[tokio::test]
async fn a_token_file_is_read_again() {
    let directory = Directory::new("token-file");
    let path = directory.0.join("token");
    let transport = answering(1)
        .step(|_| async { Ok(answer()) })
        .status(401, "")
        .step(|_| async { Ok(answer()) });
    let client = client(Credentials::token_file(&path), &transport);

    std::fs::write(&path, "  first\n").unwrap();
    client.get_repository("lake").await.unwrap();
    std::fs::write(&path, "second").unwrap();
    client.get_repository("lake").await.unwrap();
    // Refused: now it is read again, though the minute is not over.
    client.get_repository("lake").await.unwrap();

    assert_eq!(
        authorizations(&transport),
        ["first", "first", "first", "second"].map(|token| format!("Bearer {token}"))
    );
}

/// A file that is gone for a moment, as while it is replaced, is no reason to fail.
#[tokio::test]
async fn a_token_file_is_read_every_minute_and_may_be_missing_for_a_while() {
    let directory = Directory::new("token-minute");
    let path = directory.0.join("token");
    let transport = answering(200);
    let client = client(Credentials::token_file(&path), &transport);
    let token = || authorizations(&transport).pop().unwrap();
    // Reading runs on another thread, and after a failure there is a pause: calls go on meanwhile.
    let calls_until = async |expected: &str| {
        for _ in 0..150 {
            client.get_repository("lake").await.unwrap();
            if token() == expected {
                return;
            }
            tokio::task::spawn_blocking(std::thread::yield_now)
                .await
                .unwrap();
            advance(SECOND).await;
        }
        panic!("{} instead of {expected}", token());
    };
    std::fs::write(&path, "first").unwrap();
    client.get_repository("lake").await.unwrap();
    tokio::time::pause();
    std::fs::remove_file(&path).unwrap();
    advance(61 * SECOND).await;
    for _ in 0..3 {
        client.get_repository("lake").await.unwrap();
    }
    assert_eq!(token(), "Bearer first");

    std::fs::write(&path, "second").unwrap();
    advance(61 * SECOND).await;
    calls_until("Bearer second").await;
}

/// A wrong path or a wrong file is found by its name.
#[tokio::test]
async fn a_token_file_that_is_not_usable_is_named() {
    let directory = Directory::new("token-bad");
    let path = directory.0.join("token");
    for (contents, expected) in [
        (None, "cannot be read"),
        (Some(&b" \n"[..]), "is empty"),
        (Some(&b"planted secret"[..]), "more than one word"),
        (Some(&b"planted\xff"[..]), "is not text"),
    ] {
        if let Some(contents) = contents {
            std::fs::write(&path, contents).unwrap();
        }
        let transport = answering(1);

        let error = client(Credentials::token_file(&path), &transport)
            .get_repository("lake")
            .await
            .unwrap_err();

        assert!(error.is_unauthenticated(), "{error}");
        let text = format!("{error:#} {error:?}");
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("planted"), "{text}");
    }
}

#[cfg(unix)]
fn shell(script: impl Into<String>) -> Credentials {
    Credentials::command("sh", ["-c".to_owned(), script.into()])
}

/// Password managers and vaults have helpers that print JSON.
#[cfg(unix)]
#[tokio::test]
async fn a_command_gives_a_token_or_an_access_key() {
    for (output, expected) in [
        (r#"{"token": "t1"}"#, "Bearer t1"),
        (
            r#"{"token": "t1", "expiration": "2999-01-31T12:00:00+02:00", "version": 7}"#,
            "Bearer t1",
        ),
        (
            r#"{"access_key_id": "id", "secret_access_key": "secret", "expiration": null}"#,
            "Basic aWQ6c2VjcmV0",
        ),
    ] {
        let transport = answering(2);
        let client = client(shell(format!("echo '{output}'")), &transport);
        client.get_repository("lake").await.unwrap();
        client.get_repository("lake").await.unwrap();
        assert_eq!(authorizations(&transport), [expected; 2]);
    }
}

/// A command that fails is named, and nothing that it printed is shown.
#[cfg(unix)]
#[tokio::test]
async fn a_command_that_fails_is_named_and_not_quoted() {
    for (script, expected) in [
        ("echo planted; exit 3", "exit status: 3"),
        ("echo planted", "did not print a JSON object alone"),
        (r#"echo '{"token": ["planted"]}'"#, "printed neither"),
        (r#"echo '{"access_key_id": "planted"}'"#, "printed neither"),
        (
            r#"echo '{"token": "planted", "access_key_id": "planted"}'"#,
            "printed both",
        ),
        (
            r#"echo '{"token": "planted", "expiration": "planted"}'"#,
            "no time of RFC 3339",
        ),
        (
            r#"echo '{"token": "planted", "expiration": "2001-01-01T00:00:00Z"}'"#,
            "have expired already",
        ),
        ("yes planted", "the credentials command \"sh\""),
    ] {
        let transport = answering(1);

        let error = client(shell(script), &transport)
            .get_repository("lake")
            .await
            .unwrap_err();

        assert!(error.is_unauthenticated(), "{error}");
        let text = format!("{error:#} {error:?}");
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("planted"), "{text}");
    }

    let missing = Credentials::command("/nonexistent/helper", [""; 0]);
    let error = client(missing, &answering(1))
        .get_repository("lake")
        .await
        .unwrap_err();
    let text = format!("{error:#}");
    assert!(text.contains("/nonexistent/helper"), "{text}");
    assert!(error.source().is_some());
    let nothing = Client::builder()
        .endpoint("http://h")
        .credentials(Credentials::command("", [""; 0]));
    assert!(nothing.build().unwrap_err().is_invalid_input());
}

/// A helper that waits for somebody to type a password must not be left behind by the dozen.
#[cfg(unix)]
#[tokio::test]
async fn a_command_that_hangs_is_killed_with_the_client() {
    let directory = Directory::new("command");
    let pid_file = directory.0.join("pid");
    let script = format!("echo $$ > {}; exec sleep 1000", pid_file.display());
    let transport = answering(1);
    let client = client(shell(script), &transport);

    let call = client
        .get_repository("lake")
        .timeout(Duration::from_secs(1));
    assert!(call.await.unwrap_err().is_timeout());
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    let alive = || {
        let kill = Command::new("kill").args(["-0", pid.trim()]).output();
        kill.unwrap().status.success()
    };
    assert!(alive());

    drop(client);

    // It is reaped in the background.
    for _ in 0..1000 {
        if !alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{pid} still runs");
}

/// A file or a program needs a runtime; without one there is an error, not a panic.
#[test]
fn outside_of_a_runtime_a_file_or_command_is_an_error() {
    for credentials in [
        Credentials::token_file("/etc/hostname"),
        Credentials::command("true", [""; 0]),
    ] {
        let client = client(credentials, &answering(1));

        let answer = futures_util::FutureExt::now_or_never(client.get_repository("lake").send());

        let text = format!("{:#}", answer.unwrap().unwrap_err());
        assert!(text.contains("inside of a tokio runtime"), "{text}");
    }
}
