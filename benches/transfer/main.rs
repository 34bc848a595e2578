//! The data path against bare hyper-util, on one stub over loopback, on Linux: 1 GiB down and up, and 2,000 objects of 4 KiB at
//! concurrency 32. Wall-clock time, CPU time of the client and its peak of memory.
//!
//! Each measurement is a process of its own, ours and the floor's in turns: the median of the ratios of the rounds is what
//! counts, as these machines are noisy. `cargo bench --bench transfer -- NAME` runs those whose name contains it.

#![expect(clippy::print_stdout, reason = "a bench reports")]

use std::{
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use bytes::Bytes;
use md5::{Digest as _, Md5};

use self::{floor::Floor, ours::Ours};

mod floor;
mod ours;
mod stub;
mod usage;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The size of the large object, in bytes.
const SIZE: u64 = 1024 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const PART: u64 = 8 * 1024 * 1024;
/// How much the floor reads of a file at once.
const READ: usize = 256 * 1024;
const FILE: &str = "file";
const DIRECTORY: &str = "directory";
const FILES: usize = 2_000;
const FILE_SIZE: usize = 4 * 1024;
const CONCURRENCY: usize = 32;

/// The most that any of it may hold in memory, in MiB.
const PEAK: f64 = 64.0;

const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// One piece of work.
struct Scenario {
    name: &'static str,
    /// With what it is compared: another of the names, or the floor doing the same.
    floor: &'static str,
    /// The most that it may take of the floor's wall-clock time and of its CPU time, where there is a goal.
    wall: Option<f64>,
    cpu: Option<f64>,
    /// How often the work is done in one process.
    times: u32,
}

const SCENARIOS: &[Scenario] = &[
    large("down, one stream"),
    large("down, MD5 verified"),
    large("down to a file"),
    large("up from memory"),
    large("up from memory, MD5 verified"),
    large("up from a file"),
    large("up in parts, presigned"),
    large("up in parts from a file, presigned"),
    large("up in parts from a file, MD5 verified, presigned"),
    Scenario {
        floor: "ours: down, one stream",
        wall: None,
        cpu: None,
        ..large("down, 4 ranges at once")
    },
    Scenario {
        floor: "ours: down to a file",
        ..large("down to a file, 4 ranges at once")
    },
    Scenario {
        wall: None,
        ..small("2,000 up from memory")
    },
    Scenario {
        wall: None,
        ..small("2,000 down to memory")
    },
    small("2,000 up from a directory"),
    small("2,000 down to a directory"),
];

const fn large(name: &'static str) -> Scenario {
    Scenario {
        name,
        floor: "",
        wall: Some(1.03),
        cpu: Some(1.05),
        times: 1,
    }
}

const fn small(name: &'static str) -> Scenario {
    // 0.9 of the calls in a second.
    Scenario {
        name,
        floor: "",
        wall: Some(1.0 / 0.9),
        cpu: None,
        times: 5,
    }
}

/// What a process used.
#[derive(Clone, Copy)]
struct Used {
    wall: f64,
    cpu: f64,
    peak: u64,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["serve"] => serve(),
        ["run", who, address, times, sources] => {
            run(who, address.parse()?, times.parse()?, sources.as_ref())
        }
        _ => compare(
            arguments
                .into_iter()
                .find(|argument| !argument.starts_with('-')),
        ),
    }
}

/// The bytes of all objects, again and again.
fn chunk() -> Bytes {
    let mut state = 1_u32;
    let bytes = (0..CHUNK).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    bytes.collect()
}

fn file_name(at: usize) -> String {
    format!("part-{at:05}-{FILE_SIZE}")
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

// ===== the processes =====

fn serve() -> Result<(), Failure> {
    let chunk = chunk();
    let mut md5 = Md5::new();
    for _ in 0..SIZE / CHUNK as u64 {
        md5.update(&chunk);
    }
    let md5: String = md5
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    runtime()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        stub::serve(listener, md5).await;
        Ok(())
    })
}

fn run(who: &str, server: SocketAddr, times: u32, sources: &Path) -> Result<(), Failure> {
    let targets = tempfile::tempdir()?;
    let runtime = runtime()?;
    let (began, cpu) = (Instant::now(), usage::cpu()?);
    let mut size = 0;
    for time in 0..times {
        let target = targets.path().join(time.to_string());
        size += runtime.block_on(work(who, server, sources, &target))?;
    }
    let (wall, cpu) = (began.elapsed(), usage::cpu()? - cpu);
    let expected = match who.contains("2,000") {
        true => (FILES * FILE_SIZE) as u64,
        false => SIZE,
    };
    if size != expected * u64::from(times) {
        return Err(format!("{size} bytes went through").into());
    }
    println!("{} {cpu} {}", wall.as_nanos(), usage::peak()?);
    Ok(())
}

/// Makes what is sent: a large file, and a directory of small ones.
fn prepare(sources: &Path) -> Result<(), Failure> {
    let chunk = chunk();
    let mut file = File::create(sources.join(FILE))?;
    for _ in 0..SIZE / CHUNK as u64 {
        file.write_all(&chunk)?;
    }
    // Nothing of it is to be written while something is measured.
    file.sync_all()?;
    let directory = sources.join(DIRECTORY);
    fs::create_dir(&directory)?;
    for at in 0..FILES {
        fs::write(directory.join(file_name(at)), &chunk[..FILE_SIZE])?;
    }
    Ok(())
}

async fn work(
    who: &str,
    server: SocketAddr,
    sources: &Path,
    target: &Path,
) -> Result<u64, Failure> {
    let (file, directory) = (&sources.join(FILE), &sources.join(DIRECTORY));
    let chunk = chunk();
    let plain = format!("plain-{SIZE}");
    let ours = || Ours::new(server, "");
    let single = || Ok::<_, Failure>(ours()?.map(ours::single));
    let floor = Floor::new(server);
    let content = chunk.slice(..FILE_SIZE);
    match who {
        "ours: down, one stream" => single()?.down(&plain).await,
        "floor: down, one stream" => floor.down(|_| ()).await,
        "ours: down, 4 ranges at once" => ours()?.down(&plain).await,
        "ours: down, MD5 verified" => {
            let ours = single()?.map(|transfer| transfer.verify(true));
            ours.down(&format!("verified-{SIZE}")).await
        }
        "floor: down, MD5 verified" => floor.down_hashed().await,
        "ours: down to a file" => single()?.down_to_file(target).await,
        "ours: down to a file, 4 ranges at once" => ours()?.down_to_file(target).await,
        "floor: down to a file" => floor.down_to_file(target).await,
        "ours: up from memory" => single()?.up(chunk).await,
        "floor: up from memory" => floor.up(chunk).await,
        "ours: up from memory, MD5 verified" => {
            single()?
                .map(|transfer| transfer.verify(true))
                .up(chunk)
                .await
        }
        "floor: up from memory, MD5 verified" => floor.up_hashed(chunk).await,
        "ours: up from a file" => single()?.up_from_file(file).await,
        "floor: up from a file" => floor.up_from_file(file).await,
        "ours: up in parts, presigned" => Ours::new(server, "/presigned")?.up(chunk).await,
        "floor: up in parts, presigned" => floor.up_in_parts(chunk).await,
        "ours: up in parts from a file, presigned" => {
            Ours::new(server, "/presigned")?.up_from_file(file).await
        }
        "floor: up in parts from a file, presigned" => {
            floor.up_in_parts_from_file(file, false).await
        }
        "floor: up in parts from a file, MD5 verified, presigned" => {
            floor.up_in_parts_from_file(file, true).await
        }
        "ours: up in parts from a file, MD5 verified, presigned" => {
            let ours = Ours::new(server, "/presigned")?.map(|transfer| transfer.verify(true));
            ours.up_from_file(file).await
        }
        "ours: 2,000 up from memory" => ours()?.many_up(content).await,
        "floor: 2,000 up from memory" => floor.many_up(content).await,
        "ours: 2,000 down to memory" => ours()?.many_down().await,
        "floor: 2,000 down to memory" => floor.many_down().await,
        "ours: 2,000 up from a directory" => ours()?.directory_up(directory).await,
        "floor: 2,000 up from a directory" => floor.directory_up(directory).await,
        "ours: 2,000 down to a directory" => ours()?.directory_down(target).await,
        "floor: 2,000 down to a directory" => floor.directory_down(target).await,
        _ => Err(format!("there is no {who:?}").into()),
    }
}

// ===== the comparison =====

/// A process that ends with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn compare(filter: Option<&str>) -> Result<(), Failure> {
    let rounds = env::var("ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(9);
    let mut child = Command::new(env::current_exe()?)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let _server = Server(child);
    let mut address = String::new();
    BufReader::new(output).read_line(&mut address)?;
    let address = address.trim();

    let sources = tempfile::tempdir()?;
    prepare(sources.path())?;
    let measure = |who: &str, times| measure(who, address, times, sources.path());

    println!("medians of {rounds} rounds; wall and CPU in ms, ratios to the floor (goal)\n");
    println!("| | wall | floor | ratio | CPU | floor | ratio | peak MiB | floor |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut missed = Vec::new();
    for scenario in SCENARIOS {
        if filter.is_some_and(|filter| !scenario.name.contains(filter)) {
            continue;
        }
        let floor = match scenario.floor {
            "" => format!("floor: {}", scenario.name),
            other => other.to_owned(),
        };
        let mut both = Vec::new();
        for _ in 0..rounds {
            let ours = measure(&format!("ours: {}", scenario.name), scenario.times)?;
            both.push((ours, measure(&floor, scenario.times)?));
        }
        let of = |figure: fn(&Used, &Used) -> f64| median(both.iter().map(|(a, b)| figure(a, b)));
        let (wall, cpu) = (of(|a, b| a.wall / b.wall), of(|a, b| a.cpu / b.cpu));
        let goal = |goal: Option<f64>| goal.map_or(String::new(), |goal| format!(" ({goal:.2})"));
        println!(
            "| {} | {:.0} | {:.0} | {wall:.3}{} | {:.0} | {:.0} | {cpu:.3}{} | {:.1} | {:.1} |",
            scenario.name,
            of(|ours, _| ours.wall),
            of(|_, floor| floor.wall),
            goal(scenario.wall),
            of(|ours, _| ours.cpu),
            of(|_, floor| floor.cpu),
            goal(scenario.cpu),
            of(|ours, _| ours.peak as f64 / 1024.0),
            of(|_, floor| floor.peak as f64 / 1024.0),
        );
        let peak = of(|ours, _| ours.peak as f64 / 1024.0);
        let over = |ratio: f64, goal: Option<f64>| goal.is_some_and(|goal| ratio > goal);
        if over(wall, scenario.wall) || over(cpu, scenario.cpu) || peak > PEAK {
            missed.push(scenario.name);
        }
    }
    match missed[..] {
        [] => println!("\nall goals are met"),
        _ => println!("\nmissed: {}", missed.join("; ")),
    }
    Ok(())
}

fn measure(who: &str, server: &str, times: u32, sources: &Path) -> Result<Used, Failure> {
    let output = Command::new(env::current_exe()?)
        .args(["run", who, server, &times.to_string()])
        .arg(sources)
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<u64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let [wall, cpu, peak] = figures[..] else {
        return Err(format!("{who:?} failed").into());
    };
    let each = |nanos: u64| nanos as f64 / 1e6 / f64::from(times);
    Ok(Used {
        wall: each(wall),
        cpu: each(cpu),
        peak,
    })
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
