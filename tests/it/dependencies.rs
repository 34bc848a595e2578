//! What the crate brings into a build.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use lakefs_sdk::BoxError;

/// A program with a transport of its own would compile a second one that it never uses.
#[test]
fn the_bare_build_has_no_transport_no_runtime_and_no_tls() -> Result<(), BoxError> {
    let crates = dependencies(&["--no-default-features"])?;
    for unwanted in [
        "hyper",
        "hyper-util",
        "tokio",
        "rustls",
        "reqwest",
        "h2",
        "ring",
    ] {
        assert!(
            !crates.contains(unwanted),
            "{unwanted} is in the bare build"
        );
    }
    for wanted in ["http", "tower", "serde_json"] {
        assert!(
            crates.contains(wanted),
            "{wanted} is not: is the list the right one?"
        );
    }
    Ok(())
}

/// A second TLS stack, or one that needs a C compiler and cmake, would come with every default build.
#[test]
fn the_default_build_has_one_tls_stack_and_no_middleware_of_others() -> Result<(), BoxError> {
    let crates = dependencies(&[])?;
    for unwanted in ["tower-http", "openssl", "native-tls", "aws-lc-rs"] {
        assert!(
            !crates.contains(unwanted),
            "{unwanted} is in the default build"
        );
    }
    for wanted in ["hyper", "rustls", "ring"] {
        assert!(
            crates.contains(wanted),
            "{wanted} is not: is the list the right one?"
        );
    }
    Ok(())
}

/// The names of the crates that a build of the library has, as `cargo tree` tells them.
fn dependencies(features: &[&str]) -> Result<BTreeSet<String>, BoxError> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--prefix", "none"])
        .args(["-e", "normal", "-p", env!("CARGO_PKG_NAME")])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()?;
    if !tree.status.success() {
        return Err(String::from_utf8_lossy(&tree.stderr).into());
    }
    let tree = String::from_utf8(tree.stdout)?;
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}
