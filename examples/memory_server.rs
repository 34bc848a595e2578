//! A lakeFS in memory for any client in any language: curl, lakectl, Python, or a program under test.
//!
//! `cargo run --example memory_server` listens on port 8000 of this machine until Ctrl-C; `-- --port 0` takes a free port, and
//! `-- --for 10s` ends by itself. It prints how to reach it, and a line for every request. What it holds ends with it.

use std::{io, net::Ipv4Addr, time::Duration};

use jiff::SignedDuration;
use lakefs_sdk::{BoxError, testing::MemoryLakeFs};

/// lakeFS's documented example key.
const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let Options { port, time } = Options::read(std::env::args().skip(1))?;
    let lakefs = MemoryLakeFs::builder()
        .access_key(KEY_ID, SECRET)
        .presign(true)
        .external_object("s3://public/events/1.csv", "id,kind\n1,click\n")
        .external_object("s3://public/events/2.csv", "id,kind\n2,view\n")
        .on_request(|request| println!("{request}"))
        .repository("quickstart")
        .object("main", "README.md", "# Try things out\n")
        .build();
    let served = lakefs.serve((Ipv4Addr::LOCALHOST, port)).await?;
    print!("{}", introduction(&served.url()));

    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped?,
        () = passed(time) => {}
    }
    println!("Finishing what is under way ...");
    served.shutdown().await;
    Ok(())
}

fn introduction(url: &str) -> String {
    format!(
        r#"A lakeFS in memory listens on {url}
  access key id      {KEY_ID}
  secret access key  {SECRET}

It has a repository "quickstart", and takes storage namespaces of every kind: s3://, local://, mem:// and so on.
Objects to import lie below s3://public/events/.

  lakectl:
    export LAKECTL_SERVER_ENDPOINT_URL={url}
    export LAKECTL_CREDENTIALS_ACCESS_KEY_ID={KEY_ID}
    export LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY={SECRET}
    lakectl repo create lakefs://lake s3://lake

  Python (pip install lakefs):
    from lakefs import Client, Repository
    client = Client(host="{url}", username="{KEY_ID}", password="{SECRET}")
    lake = Repository("lake", client).create("s3://lake")

  Rust, after the exports above:
    let client = lakefs_sdk::Client::from_env()?;

Ctrl-C ends it.
"#
    )
}

/// Ends after a time, if there is one.
async fn passed(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// What the command line says.
struct Options {
    port: u16,
    time: Option<Duration>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, BoxError> {
        let (mut port, mut time) = (8000, None);
        while let Some(option) = arguments.next() {
            let value = arguments.next().unwrap_or_default();
            let wrong = |why| io::Error::other(format!("{option} {value:?}: {why}"));
            match option.as_str() {
                "--port" => port = value.parse().map_err(|_| wrong("not a port"))?,
                "--for" => {
                    let span: SignedDuration =
                        value.parse().map_err(|_| wrong("not a time such as 10s"))?;
                    time = Some(span.try_into().map_err(|_| wrong("negative"))?);
                }
                _ => return Err(wrong("unknown, there are --port and --for").into()),
            }
        }
        Ok(Self { port, time })
    }
}
