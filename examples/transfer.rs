//! A small copy tool: directories and files to lakeFS and back, with a progress bar.
//!
//! ```text
//! cargo run --example transfer -- ./data lakefs://lake/main/data --exclude '*.tmp' --dry-run
//! cargo run --example transfer -- lakefs://lake/main/data ./data --delete
//! cargo run --example transfer -- lakefs://lake/main/data lakefs://lake/main/backup
//! cargo run --example transfer -- ./events.csv lakefs://lake/main/data/
//! cargo run --example transfer -- lakefs://lake/main/data/events.csv .
//! ```
//!
//! As with `cp`, a single file or object goes into a destination that is a directory or ends in a slash, under its own name;
//! any other destination is its new name. Of directories, it is always the contents that are copied.
//!
//! Server and credentials come from the environment or `~/.lakectl.yaml`. Without arguments it shows itself on a lakeFS in
//! memory and a temporary directory.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Parser;
use indicatif::{HumanBytes, ProgressBar, ProgressStyle};
use lakefs_sdk::{
    BoxError, Client, LakeFsUri,
    models::{ObjectCopyCreation, RepositoryCreation},
    testing::MemoryLakeFs,
    transfer::{
        Transfer,
        directory::{Action, Compare, DirectoryTransfer, Plan, Report, Step},
        progress::{Event, Meter},
    },
};

/// Copies between local directories or files and lakeFS. Of directories, only what is new or differs is moved.
#[derive(Clone, Debug, Default, Parser)]
struct Arguments {
    /// A directory, a file, or lakefs://repository/ref/path.
    #[arg(requires = "to")]
    from: Option<String>,
    /// Where it goes: the other one of them.
    to: Option<String>,
    /// Shows what would be done, and does nothing.
    #[arg(long)]
    dry_run: bool,
    /// Deletes at the destination what the source does not have.
    #[arg(long)]
    delete: bool,
    /// Takes only what matches this glob; may be repeated.
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Leaves out what matches this glob; may be repeated.
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Compares contents, not times.
    #[arg(long)]
    checksum: bool,
    /// How many requests are under way at once.
    #[arg(long, default_value_t = 16)]
    concurrency: usize,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments = Arguments::parse();
    if arguments.from.is_none() {
        return demonstrate().await;
    }
    copy(&Client::from_env()?, &arguments).await
}

async fn copy(client: &Client, arguments: &Arguments) -> Result<(), BoxError> {
    let (Some(from), Some(to)) = (&arguments.from, &arguments.to) else {
        return Err("give a source and a destination".into());
    };
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta} {msg}",
    )?);
    let meter = Arc::new(Meter::new());
    let transfer = client
        .transfer()
        .concurrency(arguments.concurrency)
        .progress({
            let (bar, meter) = (bar.clone(), Arc::clone(&meter));
            move |event| show(event, &meter, &bar)
        });
    if let Some(single) = Single::find(client, from, to).await? {
        let what = format!("{from} to {}", single.target());
        match arguments {
            Arguments { dry_run: true, .. } => println!("would copy {what}"),
            Arguments { delete: true, .. } => return Err("--delete is for directories".into()),
            _ => {
                let bytes = single.copy(&transfer).await?;
                bar.finish_and_clear();
                println!("copied {what}: {}", HumanBytes(bytes));
            }
        }
        return Ok(());
    }
    let report = match (is_remote(from), is_remote(to)) {
        (false, true) => directory(transfer.upload_directory(from, &**to), arguments).await?,
        (true, false) => directory(transfer.download_directory(&**from, to), arguments).await?,
        (true, true) => within(&transfer, from, to, arguments).await?,
        (false, false) => return Err("one of them has to begin with lakefs://".into()),
    };
    bar.finish_and_clear();
    let Some(report) = report else { return Ok(()) };
    for left_out in report.problems() {
        println!("{left_out}");
    }
    for failure in &report.failed {
        println!("failed   {failure}");
    }
    let rate = HumanBytes(meter.totals().rate() as u64);
    println!("{report}: {}, {rate}/s", HumanBytes(report.bytes()));
    report.check()?;
    if report.done.is_empty() && report.skipped.is_empty() {
        return Err(format!("there is nothing at {from}").into());
    }
    Ok(())
}

/// One file or object, and where it goes.
enum Single {
    Up { file: PathBuf, to: LakeFsUri },
    Down { from: LakeFsUri, file: PathBuf },
    Within { from: LakeFsUri, to: LakeFsUri },
}

impl Single {
    /// `None` where the source is a directory, or is to be taken as one, as its path is empty or ends in a slash.
    async fn find(client: &Client, from: &str, to: &str) -> Result<Option<Self>, BoxError> {
        if !is_remote(from) {
            let file = PathBuf::from(from);
            if !is_remote(to) || !file.is_file() {
                return Ok(None);
            }
            let to = named(to.parse()?, &name(from)?);
            return Ok(Some(Self::Up { file, to }));
        }
        let from: LakeFsUri = from.parse()?;
        if from.path().is_empty() || from.path().ends_with('/') {
            return Ok(None);
        }
        let stat = client.stat_object(from.repository(), from.reference(), from.path());
        match stat.await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let name = name(from.path())?;
        Ok(Some(if is_remote(to) {
            let to = named(to.parse()?, &name);
            Self::Within { from, to }
        } else {
            let mut file = PathBuf::from(to);
            if to.ends_with('/') || file.is_dir() {
                file.push(&name);
            }
            Self::Down { from, file }
        }))
    }

    fn target(&self) -> String {
        match self {
            Self::Up { to, .. } | Self::Within { to, .. } => to.to_string(),
            Self::Down { file, .. } => file.display().to_string(),
        }
    }

    /// Answers how many bytes it has.
    async fn copy(self, transfer: &Transfer) -> Result<u64, BoxError> {
        let stats = match self {
            Self::Up { file, to } => {
                let upload = transfer.upload_to(to);
                upload.file(file).await?
            }
            Self::Down { from, file } => {
                if let Some(directory) = file.parent() {
                    fs::create_dir_all(directory)?;
                }
                let download = transfer.download(from.repository(), from.reference(), from.path());
                return Ok(download.to_file(file).await?.size_bytes);
            }
            Self::Within { from, to } => {
                if from.repository() != to.repository() {
                    return Err("a copy stays in its repository".into());
                }
                let source = ObjectCopyCreation::new(from.path()).src_ref(from.reference());
                let copy = transfer.client().copy_object(
                    to.repository(),
                    to.reference(),
                    to.path(),
                    source,
                );
                copy.await?
            }
        };
        Ok(stats.size_bytes.unwrap_or_default().try_into()?)
    }
}

/// The last part of a path, where that can be a file's name.
fn name(path: &str) -> Result<String, BoxError> {
    match Path::new(path).file_name() {
        Some(name) if path.ends_with(&*name.to_string_lossy()) => Ok(name.to_string_lossy().into()),
        _ => Err(format!("{path:?} ends in no name that a file can have").into()),
    }
}

/// The URI of an object: below it where it is a directory's.
fn named(uri: LakeFsUri, name: &str) -> LakeFsUri {
    match uri.path() {
        path if path.is_empty() || path.ends_with('/') => uri.with_path(format!("{path}{name}")),
        _ => uri,
    }
}

/// Runs a transfer of a directory, or shows its plan.
async fn directory(
    mut transfer: DirectoryTransfer,
    arguments: &Arguments,
) -> Result<Option<Report>, BoxError> {
    for glob in &arguments.include {
        transfer = transfer.include(glob);
    }
    for glob in &arguments.exclude {
        transfer = transfer.exclude(glob);
    }
    if arguments.checksum {
        transfer = transfer.compare(Compare::Checksum);
    }
    transfer = transfer.delete_extraneous(arguments.delete);
    if arguments.dry_run {
        print_plan(&transfer.plan().await?);
        return Ok(None);
    }
    Ok(Some(transfer.await?))
}

/// Copies within a repository: the data stays where it is.
async fn within(
    transfer: &Transfer,
    from: &str,
    to: &str,
    arguments: &Arguments,
) -> Result<Option<Report>, BoxError> {
    if arguments.delete || arguments.checksum {
        return Err("--delete and --checksum are for local directories".into());
    }
    let mut change = transfer.copy_recursive(from, to);
    for glob in &arguments.include {
        change = change.include(glob);
    }
    for glob in &arguments.exclude {
        change = change.exclude(glob);
    }
    if arguments.dry_run {
        print_plan(&change.plan().await?);
        return Ok(None);
    }
    Ok(Some(change.await?))
}

fn print_plan(plan: &Plan) {
    let told = |step: &&Step| step.action != Action::Skip || step.reason.is_problem();
    plan.steps
        .iter()
        .filter(told)
        .for_each(|step| println!("{step}"));
    let changes = plan.changes().count();
    println!(
        "would change {changes} paths, and move {}",
        HumanBytes(plan.bytes())
    );
}

fn show(event: &Event<'_>, meter: &Meter, bar: &ProgressBar) {
    meter.record(event);
    let totals = meter.totals();
    bar.set_length(totals.planned_bytes);
    bar.set_position(totals.bytes);
    bar.set_message(format!(
        "{}/{} objects",
        totals.done, totals.planned_objects
    ));
}

fn is_remote(place: &str) -> bool {
    place.starts_with("lakefs://")
}

/// A directory goes up, changes, goes up again, and comes down somewhere else.
async fn demonstrate() -> Result<(), BoxError> {
    let client = Client::new(MemoryLakeFs::new());
    client
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await?;
    let directory = tempfile::tempdir()?;
    let [source, target] = ["source", "target"].map(|name| directory.path().join(name));
    fs::create_dir_all(source.join("2024/01"))?;
    fs::write(source.join("events.csv"), "id,kind\n1,click\n")?;
    fs::write(source.join("2024/01/day.csv"), vec![b'x'; 300_000])?;
    fs::write(source.join("notes.tmp"), "not for others")?;

    let up = Arguments {
        from: Some(source.display().to_string()),
        to: Some("lakefs://lake/main/data".to_owned()),
        exclude: vec!["*.tmp".to_owned()],
        delete: true,
        concurrency: 16,
        ..Arguments::default()
    };
    let dry_run = Arguments {
        dry_run: true,
        ..up.clone()
    };
    println!("$ transfer ./source lakefs://lake/main/data --exclude '*.tmp' --delete --dry-run");
    copy(&client, &dry_run).await?;
    println!("$ transfer ./source lakefs://lake/main/data --exclude '*.tmp' --delete");
    copy(&client, &up).await?;

    fs::remove_dir_all(source.join("2024"))?;
    println!(
        "$ rm -r source/2024; transfer ./source lakefs://lake/main/data --exclude '*.tmp' --delete"
    );
    copy(&client, &up).await?;

    let down = Arguments {
        from: up.to.clone(),
        to: Some(target.display().to_string()),
        concurrency: 16,
        ..Arguments::default()
    };
    println!("$ transfer lakefs://lake/main/data ./target");
    copy(&client, &down).await?;
    assert_eq!(
        fs::read(source.join("events.csv"))?,
        fs::read(target.join("events.csv"))?
    );
    let again = client
        .transfer()
        .upload_directory(&target, "lakefs://lake/main/data");
    let plan = again.plan().await?;
    assert!(plan.steps.iter().all(|step| step.action == Action::Skip));
    println!("What came down need not go up again.");

    let one = Arguments {
        from: Some("lakefs://lake/main/data/events.csv".to_owned()),
        to: Some(format!("{}/", directory.path().join("one").display())),
        concurrency: 16,
        ..Arguments::default()
    };
    println!("$ transfer lakefs://lake/main/data/events.csv ./one/");
    copy(&client, &one).await?;
    assert!(directory.path().join("one/events.csv").exists());
    Ok(())
}
