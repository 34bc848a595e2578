//! A disk that is full: a limit that the kernel keeps, so in a process of its own.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::{
    env, io,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::Request;
use lakefs_sdk::{Body, Client, testing::MemoryLakeFs};
use tower::{ServiceExt as _, service_fn};

use super::{
    download::{pattern, with_object},
    download_file::Directory,
};

const MIB: usize = 1024 * 1024;

/// Set where a test runs in the process with the limit.
const LIMITED: &str = "LAKEFS_TEST_LIMITED";

/// Runs a test again, by name, in a process that a shell prepares. A write beyond a limit fails there, and does not kill.
fn again(test: &str, preparation: &str) {
    let script = format!(
        "trap '' XFSZ; {preparation} exec \"$0\" --exact transfer::download_full_disk::{test} --nocapture"
    );
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(env::current_exe().unwrap())
        .env(LIMITED, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Downloads 5 MiB to a file for which there is no room; answers how often the object was asked for.
fn no_room(asked: impl Fn(usize) + Send + Sync + 'static) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let lakefs = MemoryLakeFs::new();
        with_object(&lakefs, "mem://lake", &pattern(5 * MIB)).await;
        let count = Arc::new(AtomicUsize::new(0));
        let (counter, asked) = (Arc::clone(&count), Arc::new(asked));
        let client = Client::new(service_fn(move |request: Request<Body>| {
            if request.uri().path().ends_with("/objects") {
                asked(counter.fetch_add(1, Ordering::Relaxed));
            }
            lakefs.clone().oneshot(request)
        }));
        let transfer = client.transfer().concurrency(2).part_size(MIB as u64);
        let directory = Directory::new();
        let path = directory.0.join("copy");

        let error = transfer
            .download("lake", "main", "a")
            .to_file(&path)
            .await
            .unwrap_err();

        assert!(error.is_io(), "{error}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        let cause = std::error::Error::source(&error).unwrap();
        let cause = cause.downcast_ref::<io::Error>().unwrap();
        assert_eq!(cause.kind(), io::ErrorKind::FileTooLarge, "{error:#}");
        assert_eq!(directory.names(), [""; 0]);
        count.load(Ordering::Relaxed)
    })
}

/// An object that cannot fit should not be fetched for hours first.
#[test]
fn a_disk_that_is_too_small_is_found_before_the_parts_are_asked_for() {
    if env::var_os(LIMITED).is_none() {
        // In blocks of 512 bytes, or of 1024 with some shells.
        return again(
            "a_disk_that_is_too_small_is_found_before_the_parts_are_asked_for",
            "ulimit -f 4096 &&",
        );
    }
    assert_eq!(no_room(|_| {}), 1);
}

/// A disk that another program fills meanwhile: half of an object must not be left, nor taken for all of it.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_gets_full_meanwhile_is_an_error_that_names_the_file() {
    if env::var_os(LIMITED).is_none() {
        return again(
            "a_disk_that_gets_full_meanwhile_is_an_error_that_names_the_file",
            "",
        );
    }
    let asked = no_room(|before| {
        // The file is there, in its size, when the second part is asked for.
        if before == 1 {
            let status = Command::new("prlimit")
                .arg(format!("--pid={}", std::process::id()))
                .arg("--fsize=2000000:")
                .status();
            assert!(status.unwrap().success());
        }
    });
    assert!(asked > 1, "{asked}");
}
