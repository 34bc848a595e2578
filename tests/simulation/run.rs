//! [`History`]: a plan, carried out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{TryStreamExt as _, stream};
use jiff::Timestamp;
use lakefs_sdk::{
    Body, Client, Error, Result,
    models::{BranchCreation, CommitCreation, Merge, ObjectStats, RepositoryCreation, TagCreation},
    testing::{MemoryLakeFs, fault::Injection},
};
use tokio::time::{Instant, sleep, timeout};
use tower::Layer as _;

use crate::{
    after::{Last, leaks, look},
    plan::{Act, DRAFTS, MAIN, Plan, Step, content},
    witness::{Log, Witness},
};

pub(crate) const LAKE: &str = "lake";
/// How long a call without a limit of its own may take: the client's default.
const CALL_LIMIT: Duration = Duration::from_secs(60);
/// How long the rest of a body may take: the client's default for one that stalls.
const IDLE_LIMIT: Duration = Duration::from_secs(30);
/// By default an upload has no limit as a whole, but each thing that it waits for has.
const UPLOAD_LIMIT: Duration = Duration::from_secs(60 * 60);
/// More than the paths of a plan can fill.
const MOST_PAGES: u32 = 6;
/// tokio's clock ticks once a millisecond, and several limits may be at work.
const TICKS: Duration = Duration::from_millis(5);

/// What came of a plan.
pub(crate) struct History {
    pub(crate) records: Vec<Record>,
    pub(crate) log: Log,
    pub(crate) injected: Vec<Injection>,
    /// The commit that the repository began with.
    pub(crate) first: String,
    pub(crate) last: Last,
    /// What is wrong with the client afterwards.
    pub(crate) leaks: Vec<String>,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) step: Step,
    /// How much the server had done before the call, and after it.
    pub(crate) during: (usize, usize),
    pub(crate) outcome: Outcome,
}

#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Answer),
    Failed(Error),
    /// Nobody waited for it any longer.
    Abandoned,
    /// It went on beyond its limit.
    Late(Duration),
}

#[derive(Debug)]
pub(crate) enum Answer {
    /// With the id of what was made, where it has one.
    Changed(Option<String>),
    Listed(Vec<ObjectStats>),
    Got(Bytes),
}

// ===== carrying out =====

/// Carries a plan out, on a clock of its own: the same plan always comes to the same.
pub(crate) fn run(plan: &Plan) -> Result<History> {
    // The client draws its waits from the thread's generator.
    fastrand::seed(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Error::invalid_input("no runtime").with_source(error))?;
    runtime.block_on(carry_out(plan))
}

async fn carry_out(plan: &Plan) -> Result<History> {
    let seconds = Arc::new(AtomicI64::new(1_700_000_000));
    let clock = move || {
        let now = seconds.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_second(now).unwrap_or_default()
    };
    let lakefs = MemoryLakeFs::builder().seed(plan.seed).clock(clock).build();
    let direct = Client::new(lakefs.clone());
    let creation = RepositoryCreation::new(LAKE, "mem://lake");
    direct.create_repository(creation).await?;
    for draft in &DRAFTS[..2] {
        let creation = BranchCreation::new(*draft, MAIN);
        direct.create_branch(LAKE, creation).await?;
    }
    let first = direct.get_branch(LAKE, MAIN).await?.commit_id;

    let (witness, faults) = (Witness::default(), plan.faults());
    let client = Client::builder().transport(witness.above(faults.layer(witness.below(lakefs))));
    let client = match plan.adaptive {
        true => client.adaptive_throttle(plan.permits),
        false => client.concurrency_limit(plan.permits),
    };
    let client = client.build()?;
    let actors = plan.actors.iter().map(|steps| {
        let (client, witness, steps) = (client.clone(), witness.clone(), steps.clone());
        tokio::spawn(async move {
            let mut records = Vec::new();
            for step in steps {
                records.push(take(&client, &witness, step).await);
            }
            records
        })
    });
    let actors: Vec<_> = actors.collect();
    let mut records = Vec::new();
    for actor in actors {
        let done = actor.await;
        records.extend(done.map_err(|error| Error::invalid_input("panicked").with_source(error))?);
    }

    faults.set_enabled(false);
    let log = witness.log().clone();
    let leaks = leaks(&client, &witness, plan).await;
    Ok(History {
        records,
        log,
        injected: faults.injected(),
        first,
        last: look(&direct).await?,
        leaks,
    })
}

async fn take(client: &Client, witness: &Witness, step: Step) -> Record {
    sleep(step.pause).await;
    let start = witness.now();
    let call = within_limits(client, &step);
    let outcome = match step.patience {
        Some(patience) => timeout(patience, call).await.unwrap_or(Outcome::Abandoned),
        None => call.await,
    };
    let during = (start, witness.now());
    Record {
        step,
        during,
        outcome,
    }
}

async fn within_limits(client: &Client, step: &Step) -> Outcome {
    let uploads = matches!(step.act, Act::Upload { .. });
    let default = if uploads { UPLOAD_LIMIT } else { CALL_LIMIT };
    let mut limit = step.limit.unwrap_or(default);
    match step.act {
        Act::Get { .. } => limit += IDLE_LIMIT,
        // Each page is a call.
        Act::List { .. } => limit *= MOST_PAGES,
        _ => {}
    }
    let begin = Instant::now();
    // Well beyond, to tell a call that is late from one that never ends.
    let ended = timeout(limit * 2 + IDLE_LIMIT, send(client, step)).await;
    let took = begin.elapsed();
    match ended {
        Ok(_) if took > limit + TICKS => Outcome::Late(took),
        Ok(Ok(answer)) => Outcome::Done(answer),
        Ok(Err(error)) => Outcome::Failed(error),
        Err(_) => Outcome::Late(took),
    }
}

async fn send(client: &Client, step: &Step) -> Result<Answer> {
    /// The settings that all calls have.
    macro_rules! call {
        ($call:expr) => {{
            let call = $call.header("x-request-id", step.id.to_string());
            match step.limit {
                Some(limit) => call.timeout(limit),
                None => call,
            }
        }};
    }
    let id = step.id;
    Ok(Answer::Changed(match &step.act {
        Act::Upload {
            branch,
            path,
            size,
            if_absent,
            streamed,
        } => {
            let mut call = client.upload_object(LAKE, *branch, *path);
            call = call.metadata([("call", id.to_string())]);
            if *if_absent {
                call = call.if_none_match("*");
            }
            let content = Bytes::from(content(id, *size));
            call = if *streamed {
                let half = content.len() / 2;
                let chunks = [content.slice(..half), content.slice(half..)].map(Ok::<_, Error>);
                call.body(Body::from_stream(stream::iter(chunks)))
            } else {
                call.body(content)
            };
            Some(call!(call).await?.path)
        }
        Act::Delete { branch, path } => {
            call!(client.delete_object(LAKE, *branch, *path)).await?;
            None
        }
        Act::Commit {
            branch,
            allow_empty,
        } => {
            let creation = CommitCreation::new(id.to_string()).allow_empty(*allow_empty);
            Some(call!(client.commit(LAKE, *branch, creation)).await?.id)
        }
        Act::CreateBranch { name } => {
            let creation = BranchCreation::new(*name, MAIN);
            Some(call!(client.create_branch(LAKE, creation)).await?)
        }
        Act::Merge {
            source,
            strategy,
            allow_empty,
        } => {
            let mut merge = Merge::new().message(id.to_string());
            merge = merge.allow_empty(*allow_empty);
            if let Some(strategy) = strategy {
                merge = merge.strategy(*strategy);
            }
            let call = client.merge_into_branch(LAKE, *source, MAIN).body(merge);
            Some(call!(call).await?.reference)
        }
        Act::CreateTag { name, source } => {
            let creation = TagCreation::new(*name, *source);
            Some(call!(client.create_tag(LAKE, creation)).await?.commit_id)
        }
        Act::List { reference, amount } => {
            let listing = client.list_objects(LAKE, *reference).amount(*amount);
            let objects = call!(listing).items().try_collect().await?;
            return Ok(Answer::Listed(objects));
        }
        Act::Get { reference, path } => {
            let object = call!(client.get_object(LAKE, *reference, *path)).await?;
            return Ok(Answer::Got(object.bytes().await?));
        }
    }))
}
