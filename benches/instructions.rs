//! How many instructions a call costs, by valgrind's callgrind, as ratios to bare hyper-util and serde_json.
//!
//! `cargo bench --bench instructions` runs this program several times: once as the server, and under callgrind once a
//! scenario and number of repetitions. The difference between two numbers of repetitions is what one costs, so that start
//! and connecting do not count. Counts are the same whatever else the machine does.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a bench that cannot run has nothing to report"
)]

use std::{
    env, fs,
    hint::black_box,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use http::Response;
use lakefs_sdk::{
    Operation, api::objects::ListObjects, api::repositories::GetRepository, models::ObjectStatsList,
};
use tokio::net::TcpListener;

mod layers;
mod support;

/// What is counted, against what, and the ratio that it must not exceed.
const PAIRS: [(&str, &str, &str, f64); 4] = [
    ("small call, getRepository", "small-sdk", "small-raw", 1.15),
    (
        "listing of 1,000, listObjects",
        "list-sdk",
        "list-raw",
        1.10,
    ),
    (
        "decode a listing of 1,000",
        "decode-sdk",
        "decode-raw",
        1.11,
    ),
    (
        "build and decode a small call, without I/O",
        "plain-sdk",
        "plain-raw",
        f64::INFINITY,
    ),
];

fn main() {
    let arguments: Vec<_> = env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    match arguments.as_slice() {
        [role] if role == "serve" => support::runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            println!("{}", listener.local_addr().unwrap());
            support::serve(listener).await;
        }),
        [scenario, repetitions, server] => {
            support::runtime().block_on(run(
                scenario,
                repetitions.parse().unwrap(),
                server.parse().unwrap(),
            ));
        }
        _ => report(),
    }
}

async fn run(scenario: &str, repetitions: u32, server: SocketAddr) {
    let (sdk, raw) = (support::sdk(server), support::Raw::new(server));
    let page = Bytes::from(support::listing(1000));
    let document = Bytes::from_static(support::REPOSITORY.as_bytes());
    for _ in 0..repetitions {
        match scenario {
            "small-sdk" => drop(black_box(sdk.get_repository("lake").await.unwrap())),
            "small-raw" => drop(black_box(raw.repository().await)),
            "list-sdk" => drop(black_box(
                sdk.list_objects("lake", "main").amount(1000).await.unwrap(),
            )),
            "list-raw" => drop(black_box(raw.listing().await)),
            "decode-sdk" => {
                let (parts, ()) = Response::new(()).into_parts();
                drop(black_box(ListObjects::decode(parts, page.clone()).unwrap()));
            }
            "decode-raw" => drop(black_box(
                serde_json::from_slice::<ObjectStatsList>(&page).unwrap(),
            )),
            "plain-sdk" => {
                drop(black_box(
                    GetRepository::new("lake").into_request().unwrap(),
                ));
                let (parts, ()) = Response::new(()).into_parts();
                drop(black_box(
                    GetRepository::decode(parts, document.clone()).unwrap(),
                ));
            }
            "plain-raw" => {
                drop(black_box(
                    serde_json::from_slice::<lakefs_sdk::models::Repository>(&document).unwrap(),
                ));
            }
            layer => layers::call(layer).await,
        }
    }
}

fn report() {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not installed: nothing counted");
        return;
    }
    let program = env::current_exe().unwrap();
    let mut server = Command::new(&program)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let address = first_line(&mut server);
    println!(
        "{:<46} {:>12} {:>12} {:>7} {:>7}",
        "instructions each", "ours", "floor", "ratio", "goal"
    );
    for (what, ours, floor, goal) in PAIRS {
        let ours = each(&program, ours, &address);
        let floor = each(&program, floor, &address);
        println!(
            "{what:<46} {ours:>12} {floor:>12} {:>7.3} {goal:>7.2}",
            ours as f64 / floor as f64
        );
    }
    println!(
        "\n{:<46} {:>12}",
        "what a layer adds to a small call", "instructions"
    );
    let bare = each(&program, layers::BARE, &address);
    for layer in layers::ALL {
        let with = each(&program, layer, &address);
        println!("{layer:<46} {:>12}", with.saturating_sub(bare));
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Instructions of one repetition.
fn each(program: &std::path::Path, scenario: &str, server: &str) -> u64 {
    let (few, many) = (20, 120);
    let [few_total, many_total] = [few, many].map(|repetitions| {
        let out = env::temp_dir().join(format!(
            "callgrind.{}.{scenario}.{repetitions}",
            std::process::id()
        ));
        let status = Command::new("valgrind")
            .args([
                "--tool=callgrind",
                "--quiet",
                &format!("--callgrind-out-file={}", out.display()),
            ])
            .arg(program)
            .args([scenario, &repetitions.to_string(), server])
            .status()
            .unwrap();
        assert!(status.success(), "{scenario} failed under callgrind");
        let profile = fs::read_to_string(&out).unwrap();
        fs::remove_file(&out).unwrap();
        let total = profile.lines().find_map(|line| {
            line.strip_prefix("totals: ")
                .or(line.strip_prefix("summary: "))
        });
        total
            .expect("a total in callgrind's output")
            .trim()
            .parse::<u64>()
            .unwrap()
    });
    (many_total - few_total) / (many - few)
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line.trim().to_owned()
}
