//! `cargo run -p lakefs-codegen` writes `src/generated/`; with `--facts` it writes the digest of the document's facts too.

use std::{fs, process::ExitCode};

use lakefs_codegen::{Result, facts, generate, root};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let folder = root().join("src/generated");
    let files = generate()?;
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    for (path, source) in &files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, source)?;
    }
    println!("{} files written to src/generated/", files.len());
    if std::env::args().any(|argument| argument == "--facts") {
        let document = fs::read_to_string(root().join("spec/lakefs.yaml"))?;
        fs::write(root().join("spec/lakefs.facts"), facts::digest(&document)?)?;
        println!("the facts are digested in spec/lakefs.facts");
    }
    Ok(())
}
