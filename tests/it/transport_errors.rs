//! What the compiler says about a transport that is none.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use lakefs_sdk::BoxError;

/// The programs in `tests/ui`, and what must stand in the compiler's complaint about each.
const COMPLAINTS: [(&str, &[&str]); 2] = [
    (
        "not_a_service",
        &[
            "`NotAService` cannot carry the requests of a lakeFS client",
            "not an `HttpTransport`",
            "a transport is a `tower::Service<http::Request<lakefs_sdk::Body>>` that is `Clone + Send + Sync + 'static`",
            "can be wrapped in `tower::buffer::Buffer`",
        ],
    ),
    (
        "not_clone",
        &[
            "`Single` cannot carry the requests of a lakeFS client",
            "a service that is not `Clone` can be wrapped in `tower::buffer::Buffer`",
        ],
    ),
];

/// Without these words one is left with bounds of a trait that one never meant to implement.
///
/// The rest of what the compiler says is its own business and changes with it, so no copy of it is kept.
#[test]
fn the_compiler_tells_what_a_transport_is() -> Result<(), BoxError> {
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("transport_errors");
    write_project(&project)?;
    for (program, expected) in COMPLAINTS {
        let check = Command::new(env!("CARGO"))
            .args(["check", "--offline", "--color", "never", "--bin", program])
            .args(["--target-dir".as_ref(), project.join("target").as_os_str()])
            .current_dir(&project)
            .stdin(Stdio::null())
            .output()?;
        let complaint = String::from_utf8_lossy(&check.stderr);
        assert!(!check.status.success(), "tests/ui/{program}.rs compiles");
        for text in expected {
            assert!(
                complaint.contains(text),
                "tests/ui/{program}.rs: no {text:?} in\n{complaint}"
            );
        }
    }
    Ok(())
}

/// A project of the programs, with this crate and the versions that its lock file names.
fn write_project(project: &Path) -> Result<(), BoxError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut manifest = format!(
        "[package]\nname = \"transport-errors\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nhttp = \"1\"\ntower = \"0.5\"\n\
         lakefs-sdk = {{ path = {root:?}, default-features = false }}\n"
    );
    for (program, _) in COMPLAINTS {
        let path = root.join("tests/ui").join(program).with_extension("rs");
        manifest += &format!("\n[[bin]]\nname = \"{program}\"\npath = {path:?}\n");
    }
    fs::create_dir_all(project)?;
    fs::write(project.join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), project.join("Cargo.lock"))?;
    Ok(())
}
