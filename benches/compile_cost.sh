#!/usr/bin/env bash
# What the crate adds to a clean release build: a program that uses 20 operations, against one that makes the same kind of
# call over bare hyper-util with rustls. Prints wall and CPU seconds of both, each built from nothing, one after the other.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

program() { # name, dependencies, source
  mkdir -p "$work/$1/src"
  printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n%s\n' "$1" "$2" >"$work/$1/Cargo.toml"
  printf '%s\n' "$3" >"$work/$1/src/main.rs"
  cp "$root/Cargo.lock" "$work/$1/Cargo.lock"
  (cd "$work/$1" && cargo fetch --quiet)
}

program floor '
bytes = "1"
http-body-util = "0.1"
hyper = "1"
hyper-util = { version = "0.1", features = ["client-legacy", "http1", "tokio"] }
hyper-rustls = { version = "0.27", default-features = false, features = ["http1", "ring", "native-tokio"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"
tokio = { version = "1", features = ["rt", "macros"] }' '
use http_body_util::{BodyExt, Empty};
#[derive(serde::Deserialize, Debug)]
struct Repository { id: String, default_branch: String }
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tls = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots().unwrap().https_or_http().enable_http1().build();
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build::<_, Empty<bytes::Bytes>>(tls);
    let response = client.get("http://localhost:8000/api/v1/repositories/lake".parse().unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    println!("{:?}", serde_json::from_slice::<Repository>(&body).unwrap());
}'

program ours "
lakefs-sdk = { path = \"$root\" }
tokio = { version = \"1\", features = [\"rt\", \"macros\"] }" '
use lakefs_sdk::{models::*, Client, Result};
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let client = Client::builder().endpoint("http://localhost:8000").build()?;
    println!("{:?}", client.get_config().await?);
    println!("{:?}", client.list_repositories().items().collect().await?);
    println!("{:?}", client.create_repository(RepositoryCreation::new("lake", "local://lake")).await?);
    println!("{:?}", client.get_repository("lake").await?);
    println!("{:?}", client.create_branch("lake", BranchCreation::new("dev", "main")).await?);
    println!("{:?}", client.list_branches("lake").items().collect().await?);
    println!("{:?}", client.get_branch("lake", "dev").await?);
    println!("{:?}", client.upload_object("lake", "dev", "a").body("a").await?);
    println!("{:?}", client.stat_object("lake", "dev", "a").await?);
    println!("{:?}", client.head_object("lake", "dev", "a").await?);
    println!("{:?}", client.get_object("lake", "dev", "a").await?.bytes().await?);
    println!("{:?}", client.list_objects("lake", "dev").items().collect().await?);
    println!("{:?}", client.commit("lake", "dev", CommitCreation::new("a")).await?);
    println!("{:?}", client.log_commits("lake", "dev").items().collect().await?);
    println!("{:?}", client.diff_refs("lake", "main", "dev").items().collect().await?);
    println!("{:?}", client.merge_into_branch("lake", "dev", "main").await?);
    println!("{:?}", client.create_tag("lake", TagCreation::new("v1", "main")).await?);
    println!("{:?}", client.list_tags("lake").items().collect().await?);
    client.delete_object("lake", "main", "a").await?;
    client.delete_branch("lake", "dev").await?;
    client.delete_repository("lake").await
}'

for name in floor ours; do
  cd "$work/$name"
  TIMEFORMAT="$name: %R s wall, %U s user"
  time cargo build --release --quiet --offline
done
