//! Pull requests of a `MemoryLakeFs`, and who may merge them.

use lakefs_sdk::{
    BoxError, Client, Credentials, Error,
    models::{BranchCreation, CommitCreation, PullRequestCreation, RepositoryCreation},
    testing::{AccessControl, MemoryLakeFs, MemoryUser},
};

fn client(lakefs: &MemoryLakeFs, name: &str) -> Result<Client, Error> {
    Client::builder()
        .transport(lakefs.clone())
        .credentials(Credentials::access_key(name, "secret"))
        .build()
}

/// Who reviews may say that a branch is good, but it reaches `main` only by those who may commit there.
#[tokio::test]
async fn a_pull_request_is_merged_by_those_who_may_commit_to_where_it_leads() -> Result<(), BoxError>
{
    let reviewer = MemoryUser::new("reviewer")
        .access_key("REVIEWER", "secret")
        .allow("pr:*", "*")
        .allow(
            "fs:CreateCommit",
            "arn:lakefs:fs:::repository/lake/branch/dev",
        );
    let committer = MemoryUser::new("committer")
        .access_key("COMMITTER", "secret")
        .allow("pr:WritePullRequest", "arn:lakefs:fs:::repository/lake")
        .allow(
            "fs:CreateCommit",
            "arn:lakefs:fs:::repository/lake/branch/main",
        );
    let lakefs = MemoryLakeFs::builder()
        .access_control(AccessControl::Internal)
        .access_key("ADMIN", "secret")
        .user(reviewer)
        .user(committer)
        .build();
    let admin = client(&lakefs, "ADMIN")?;
    let repository = RepositoryCreation::new("lake", "mem://lake");
    admin.create_repository(repository).await?;
    let dev = BranchCreation::new("dev", "main");
    admin.create_branch("lake", dev).await?;
    admin
        .upload_object("lake", "dev", "a.csv")
        .body("1")
        .await?;
    let commit = CommitCreation::new("add a.csv");
    admin.commit("lake", "dev", commit).await?;
    let pull = PullRequestCreation::new("a.csv", "dev", "main");
    let pull = admin.create_pull_request("lake", pull).await?.id;

    let reviewer = client(&lakefs, "REVIEWER")?;
    let refused = reviewer.merge_pull_request("lake", &pull).await;

    let error = refused.unwrap_err();
    assert!(error.is_permission_denied(), "{error:?}");
    let allowed = "insufficient permissions: not allowed to fs:CreateCommit";
    assert_eq!(error.message(), allowed);
    let a = admin.head_object("lake", "main", "a.csv").await;
    assert!(a.unwrap_err().is_not_found());

    let committer = client(&lakefs, "COMMITTER")?;
    committer.merge_pull_request("lake", &pull).await?;

    admin.head_object("lake", "main", "a.csv").await?;
    let pull = admin.get_pull_request("lake", &pull).await?;
    assert_eq!(pull.status.as_str(), "merged");
    Ok(())
}
