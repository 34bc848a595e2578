//! Actions and hooks of a `MemoryLakeFs`: a program's own tests say what its hooks would answer.

use std::sync::{Arc, Mutex, OnceLock};

use lakefs_sdk::{
    Client, Result,
    models::{
        ActionRunStatus, BranchCreation, CommitCreation, CommitOverrides, RepositoryCreation,
        RevertCreation, TagCreation,
    },
    testing::{HookCall, HookEvent, HookKind, HookOutcome, MemoryLakeFs},
};

const GATE: &str = "\
name: gate
on:
  pre-commit: {branches: ['release-*']}
  pre-merge: {branches: [main]}
  post-commit:
  pre-create-tag:
  pre-revert:
hooks:
  - {id: look, type: webhook, properties: {url: 'http://gate.example.com/look'}}
  - {id: mourn, type: lua, if: failure(), properties: {script: 'print(\"failed\")'}}
";

/// Everything on `main`, a branch `dev` with one more commit, and `action` as an action of both.
async fn lake(lakefs: &MemoryLakeFs, action: &str) -> Result<Client> {
    let client = Client::new(lakefs.clone());
    let repository = RepositoryCreation::new("lake", "mem://lake");
    client.create_repository(repository).send().await?;
    write(&client, "main", "_lakefs_actions/gate.yaml", action).await?;
    commit(&client, "main", "add an action").await?;
    let dev = BranchCreation::new("dev", "main");
    client.create_branch("lake", dev).send().await?;
    write(&client, "dev", "a.csv", "1").await?;
    commit(&client, "dev", "add a.csv").await?;
    Ok(client)
}

async fn write(client: &Client, branch: &str, path: &str, content: &str) -> Result<()> {
    let upload = client.upload_object("lake", branch, path);
    upload.body(content.to_owned()).send().await.map(drop)
}

async fn commit(client: &Client, branch: &str, message: &str) -> Result<String> {
    let commit = client.commit("lake", branch, CommitCreation::new(message));
    Ok(commit.send().await?.id)
}

async fn head(client: &Client, branch: &str) -> Result<String> {
    Ok(client.get_branch("lake", branch).send().await?.commit_id)
}

fn refuses(event: HookEvent) -> impl Fn(&HookCall) -> HookOutcome + Send + Sync {
    move |call| {
        if call.event == event && call.kind == HookKind::Webhook {
            return HookOutcome::fail("not today").with_output("looked at it\n");
        }
        HookOutcome::pass()
    }
}

/// A program that merges must cope with a hook that says no: nothing is merged, and the run tells why.
#[tokio::test]
async fn a_refusing_pre_merge_hook_keeps_the_branch_and_is_recorded() -> Result<()> {
    let lakefs = MemoryLakeFs::builder().hooks(refuses(HookEvent::PreMerge));
    let client = lake(&lakefs.build(), GATE).await?;
    let before = head(&client, "main").await?;

    let merge = client.merge_into_branch("lake", "dev", "main").send().await;

    let error = merge.unwrap_err();
    assert!(error.is_precondition_failed(), "{error:?}");
    assert!(error.message().contains("not today"), "{error}");
    assert_eq!(head(&client, "main").await?, before);
    let runs = client
        .list_repository_runs("lake")
        .branch("main")
        .send()
        .await?
        .results;
    let run = runs
        .iter()
        .find(|run| run.event_type == "pre-merge")
        .unwrap();
    assert_eq!(run.status, ActionRunStatus::Failed);
    // The commit that was refused is there to look at; no branch leads to it.
    client.get_commit("lake", &run.commit_id).send().await?;
    assert!(error.message().contains(&run.run_id), "{error}");
    let hooks = client
        .list_run_hooks("lake", &run.run_id)
        .send()
        .await?
        .results;
    let hooks: Vec<&str> = hooks.iter().map(|hook| hook.hook_id.as_str()).collect();
    assert_eq!(hooks, ["look", "mourn"]);
    let output = client.get_run_hook_output("lake", &run.run_id, "0000_0000");
    let output = output.send().await?.bytes().await?;
    let output = String::from_utf8_lossy(&output);
    assert!(
        output.contains("POST http://gate.example.com/look"),
        "{output}"
    );
    assert!(
        output.ends_with("looked at it\nError: action failed: not today\n"),
        "{output}"
    );
    Ok(())
}

/// A hook decides by what it is told: branch, message, metadata, and the body a webhook would get.
#[tokio::test]
async fn a_hook_is_told_what_is_about_to_happen() -> Result<()> {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = calls.clone();
    let lakefs = MemoryLakeFs::builder().hooks(move |call| {
        seen.lock().unwrap().push(call.clone());
        HookOutcome::pass()
    });
    let client = lake(&lakefs.build(), GATE).await?;
    let merge = client
        .merge_into_branch("lake", "dev", "main")
        .send()
        .await?;

    let calls = calls.lock().unwrap().clone();
    let call = calls
        .iter()
        .find(|call| call.event == HookEvent::PreMerge)
        .unwrap();
    assert_eq!(
        (call.action.as_str(), call.hook_id.as_str()),
        ("gate", "look")
    );
    assert_eq!(
        (call.repository.as_str(), call.branch.as_str()),
        ("lake", "main")
    );
    assert_eq!(call.merge_source, "dev");
    assert_eq!(call.source_ref, head(&client, "dev").await?);
    assert_eq!(call.commit_id, merge.reference);
    assert_eq!(call.commit_message, "Merge 'dev' into 'main'");
    assert_eq!(call.properties["url"], "http://gate.example.com/look");
    let body: serde_json::Value = serde_json::from_str(&call.webhook_body).unwrap();
    assert_eq!(body["event_type"], "pre-merge");
    assert_eq!(body["commit_id"], merge.reference);
    assert_eq!(body["tag_id"], serde_json::Value::Null);
    Ok(())
}

/// A commit that was refused must still be there to fix: what is staged stays.
#[tokio::test]
async fn a_webhook_that_answers_503_keeps_a_commit_from_happening() -> Result<()> {
    let lakefs = MemoryLakeFs::builder().hooks(|call| match call.event {
        HookEvent::PreCommit => {
            HookOutcome::answer(http::Response::builder().status(503).body("busy").unwrap())
        }
        _ => HookOutcome::pass(),
    });
    let client = lake(&lakefs.build(), GATE).await?;
    let release = BranchCreation::new("release-1", "main");
    client.create_branch("lake", release).send().await?;
    write(&client, "release-1", "b.csv", "2").await?;

    let error = commit(&client, "release-1", "publish").await.unwrap_err();

    assert!(error.is_precondition_failed(), "{error:?}");
    assert!(
        error
            .message()
            .contains("webhook request failed (status code: 503)"),
        "{error}"
    );
    let staged = client.diff_branch("lake", "release-1").send().await?;
    assert_eq!(staged.results.len(), 1);
    Ok(())
}

/// What has happened cannot be refused any more: a failing `post-` hook is only recorded.
#[tokio::test]
async fn a_failing_post_hook_does_not_fail_the_operation() -> Result<()> {
    let lakefs = MemoryLakeFs::builder().hooks(refuses(HookEvent::PostCommit));
    let client = lake(&lakefs.build(), GATE).await?;
    write(&client, "main", "b.csv", "2").await?;

    let committed = commit(&client, "main", "add b.csv").await?;

    assert_eq!(head(&client, "main").await?, committed);
    let runs = client
        .list_repository_runs("lake")
        .commit(committed)
        .send()
        .await?
        .results;
    let statuses: Vec<_> = runs
        .iter()
        .map(|run| (&*run.event_type, &run.status))
        .collect();
    assert_eq!(statuses, [("post-commit", &ActionRunStatus::Failed)]);
    Ok(())
}

/// Tags and reverts are guarded too; a program that makes them meets the same refusal.
#[tokio::test]
async fn tags_and_reverts_are_refused_alike() -> Result<()> {
    let lakefs = MemoryLakeFs::builder().hooks(|call| match call.event {
        HookEvent::PreCreateTag | HookEvent::PreRevert => HookOutcome::fail("frozen"),
        _ => HookOutcome::pass(),
    });
    let client = lake(&lakefs.build(), GATE).await?;

    let tag = client
        .create_tag("lake", TagCreation::new("v1", "dev"))
        .send()
        .await;
    let overrides = CommitOverrides::new().message("undo");
    let revert = RevertCreation::new("dev", 0).commit_overrides(overrides);
    let before = head(&client, "dev").await?;
    let revert = client.revert_branch("lake", "dev", revert).send().await;

    assert!(tag.unwrap_err().is_precondition_failed());
    assert!(
        client
            .get_tag("lake", "v1")
            .send()
            .await
            .unwrap_err()
            .is_not_found()
    );
    let error = revert.unwrap_err();
    assert!(
        error
            .message()
            .contains("update branch: pre-revert hook aborted"),
        "{error}"
    );
    assert_eq!(head(&client, "dev").await?, before);
    Ok(())
}

/// A hook that reads the data it judges is the usual kind: it must not lock the server it asks.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_may_use_the_server_that_asks_it() -> Result<()> {
    let inside: Arc<OnceLock<Client>> = Arc::default();
    let reader = inside.clone();
    let lakefs = MemoryLakeFs::builder().hooks(move |call| {
        let Some(client) = reader.get() else {
            return HookOutcome::pass();
        };
        let stat = client.stat_object("lake", &call.source_ref, "a.csv").send();
        match futures_util::FutureExt::now_or_never(stat) {
            Some(Ok(_)) => HookOutcome::fail("a.csv is not to be merged"),
            found => HookOutcome::fail(format!("{found:?}")),
        }
    });
    let lakefs = lakefs.build();
    let client = lake(&lakefs, GATE).await?;
    inside.get_or_init(|| client.clone());

    let error = client
        .merge_into_branch("lake", "dev", "main")
        .send()
        .await
        .unwrap_err();

    assert!(
        error.message().contains("a.csv is not to be merged"),
        "{error}"
    );
    Ok(())
}

/// A commit that comes between a hook's look and the merge must not slip through unseen.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_is_asked_again_when_the_branch_has_moved_meanwhile() -> Result<()> {
    let inside: Arc<OnceLock<Client>> = Arc::default();
    let writer = inside.clone();
    let sources = Arc::new(Mutex::new(Vec::new()));
    let seen = sources.clone();
    let lakefs = MemoryLakeFs::builder().hooks(move |call| {
        if call.event != HookEvent::PreMerge || call.kind != HookKind::Webhook {
            return HookOutcome::pass();
        }
        let mut seen = seen.lock().unwrap();
        seen.push(call.source_ref.clone());
        if let Some(client) = writer.get().filter(|_| seen.len() == 1) {
            let write = async {
                write(client, "dev", "late.csv", "2").await?;
                commit(client, "dev", "at the last moment").await
            };
            futures_util::FutureExt::now_or_never(write)
                .unwrap()
                .unwrap();
        }
        HookOutcome::pass()
    });
    let client = lake(&lakefs.build(), GATE).await?;
    inside.get_or_init(|| client.clone());

    client
        .merge_into_branch("lake", "dev", "main")
        .send()
        .await?;

    let sources = sources.lock().unwrap().clone();
    assert_eq!(sources.len(), 2);
    assert_eq!(sources[1], head(&client, "dev").await?);
    client
        .stat_object("lake", "main", "late.csv")
        .send()
        .await?;
    Ok(())
}

/// A repository with actions is no reason to write a closure: without one, hooks pass and say that they were not run.
#[tokio::test]
async fn hooks_without_a_closure_pass_with_a_note() -> Result<()> {
    let client = lake(&MemoryLakeFs::new(), GATE).await?;

    client
        .merge_into_branch("lake", "dev", "main")
        .send()
        .await?;

    let runs = client
        .list_repository_runs("lake")
        .branch("main")
        .send()
        .await?
        .results;
    let run = runs
        .iter()
        .find(|run| run.event_type == "pre-merge")
        .unwrap();
    let output = client.get_run_hook_output("lake", &run.run_id, "0000_0000");
    let output = output.send().await?.bytes().await?;
    assert!(String::from_utf8_lossy(&output).contains("MemoryLakeFsBuilder::hooks"));
    Ok(())
}

/// An action with a typing error stops every commit, as on a real server: better to learn it in a test.
#[tokio::test]
async fn a_broken_action_file_stops_commits() -> Result<()> {
    let action = GATE.replace("type: lua", "type: luna");

    let error = lake(&MemoryLakeFs::new(), &action).await.unwrap_err();

    assert!(error.is_server(), "{error:?}");
    assert!(error.message().contains("type 'mourn' unknown"), "{error}");
    Ok(())
}

/// A job that commits what it has written as a metarange gets round no gate.
#[tokio::test]
async fn a_commit_of_a_metarange_is_refused_by_its_hook() -> Result<()> {
    let lakefs = MemoryLakeFs::builder().hooks(refuses(HookEvent::PreCommit));
    let client = lake(&lakefs.build(), GATE).await?;
    let release = BranchCreation::new("release-1", "main");
    client.create_branch("lake", release).send().await?;
    let before = head(&client, "release-1").await?;
    let dev = client.get_commit("lake", &head(&client, "dev").await?);
    let written = dev.send().await?.meta_range_id;

    let commit = client
        .commit("lake", "release-1", CommitCreation::new("publish"))
        .source_metarange(written)
        .send()
        .await;

    let error = commit.unwrap_err();
    assert!(error.is_precondition_failed(), "{error:?}");
    assert_eq!(head(&client, "release-1").await?, before);
    Ok(())
}
