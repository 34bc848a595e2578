//! What users of a `MemoryLakeFs` may do, through the client: a program's handling of missing permissions is tested on it.

use lakefs_sdk::auth::Credentials;
use lakefs_sdk::models::{
    ACL, AccessKeyCredentials, CommitCreation, GroupCreation, PathList, Policy, RepositoryCreation,
    Setup, Statement, StatementEffect, UserCreation,
};
use lakefs_sdk::testing::{AccessControl, MemoryLakeFs, MemoryLakeFsBuilder, MemoryUser};
use lakefs_sdk::{BoxError, Client, Error};

const EVERYTHING: &str = "*";

/// The example key of lakeFS's documentation.
const ADMIN: (&str, &str) = (
    "AKIAIOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
);

fn client(lakefs: &MemoryLakeFs, id: &str, secret: &str) -> Result<Client, Error> {
    client_with(lakefs, Credentials::access_key(id, secret))
}

fn client_with(lakefs: &MemoryLakeFs, credentials: Credentials) -> Result<Client, Error> {
    Client::builder()
        .transport(lakefs.clone())
        .credentials(credentials)
        .build()
}

fn admin(lakefs: &MemoryLakeFs) -> Result<Client, Error> {
    client(lakefs, ADMIN.0, ADMIN.1)
}

fn ann() -> MemoryUser {
    MemoryUser::new("ann").access_key("ANN", "ann's secret")
}

fn as_ann(lakefs: &MemoryLakeFs) -> Result<Client, Error> {
    client(lakefs, "ANN", "ann's secret")
}

fn internal() -> MemoryLakeFsBuilder {
    MemoryLakeFs::builder()
        .access_control(AccessControl::Internal)
        .access_key(ADMIN.0, ADMIN.1)
}

/// A server with a repository that holds one object.
async fn with_lake(lakefs: MemoryLakeFsBuilder) -> Result<MemoryLakeFs, BoxError> {
    let lakefs = lakefs.build();
    let admin = admin(&lakefs)?;
    let repository = RepositoryCreation::new("lake", "mem://lake");
    admin.create_repository(repository).await?;
    for path in ["a.csv", "private/b.csv"] {
        admin.upload_object("lake", "main", path).body("1").await?;
    }
    let creation = CommitCreation::new("first");
    admin.commit("lake", "main", creation).await?;
    Ok(lakefs)
}

fn denied<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "done".into(),
        Err(error) if error.is_permission_denied() => error.message().to_owned(),
        Err(error) => format!("another error: {error}"),
    }
}

/// A job that only reads finds out that it may not write, and does not try to log in again.
#[tokio::test]
async fn a_reader_lists_and_reads_and_does_not_write() -> Result<(), BoxError> {
    let reader = ann()
        .allow("fs:Read*", EVERYTHING)
        .allow("fs:List*", EVERYTHING);
    let lakefs = with_lake(internal().user(reader)).await?;
    let ann = as_ann(&lakefs)?;

    let listed = ann.list_objects("lake", "main").await?;
    assert_eq!(listed.results.len(), 2);
    let read = ann.get_object("lake", "main", "a.csv").await?;
    assert_eq!(read.text().await?, "1");

    let refused = ann.upload_object("lake", "main", "c.csv").body("1").await;
    assert_eq!(
        denied(refused),
        "insufficient permissions: not allowed to fs:WriteObject"
    );
    let refused = ann
        .create_repository(RepositoryCreation::new("own", "mem://own"))
        .await;
    assert_eq!(
        denied(refused),
        "insufficient permissions: not allowed to fs:CreateRepository"
    );
    let refused = ann.list_users().await;
    assert_eq!(
        denied(refused),
        "insufficient permissions: not allowed to auth:ListUsers"
    );
    assert!(
        admin(&lakefs)?
            .head_object("lake", "main", "c.csv")
            .await
            .is_err()
    );
    Ok(())
}

/// What is fenced off stays so, whatever else a user is given.
#[tokio::test]
async fn a_deny_beats_an_allow() -> Result<(), BoxError> {
    let almost_admin = ann()
        .group("Admins")
        .deny("fs:*", "arn:lakefs:fs:::repository/lake/object/private/*");
    let lakefs = with_lake(internal().user(almost_admin)).await?;
    let ann = as_ann(&lakefs)?;

    ann.get_object("lake", "main", "a.csv").await?;
    let refused = ann.get_object("lake", "main", "private/b.csv").await;
    assert_eq!(
        denied(refused),
        "insufficient permissions: denied permission to fs:*"
    );
    let both = PathList::new(["a.csv", "private/b.csv"]);
    let refused = ann.delete_objects("lake", "main", both).await;
    assert!(denied(refused).starts_with("insufficient permissions"));

    // What was allowed of it has happened.
    let left = admin(&lakefs)?.list_objects("lake", "main").await?;
    let left: Vec<&str> = left
        .results
        .iter()
        .map(|object| object.path.as_str())
        .collect();
    assert_eq!(left, ["private/b.csv"]);
    Ok(())
}

/// Access ends with the membership it came from, for those who are logged in too.
#[tokio::test]
async fn a_user_who_leaves_a_group_loses_what_it_gave() -> Result<(), BoxError> {
    let lakefs = with_lake(internal().user(ann().group("Viewers"))).await?;
    let (admin, ann) = (admin(&lakefs)?, as_ann(&lakefs)?);
    ann.get_object("lake", "main", "a.csv").await?;

    admin.delete_group_membership("Viewers", "ann").await?;
    let refused = ann.get_object("lake", "main", "a.csv").await;
    assert_eq!(
        denied(refused),
        "insufficient permissions: not allowed to fs:ReadObject"
    );
    let refused = ann.list_repositories().await;
    assert_eq!(denied(refused), "insufficient permissions");

    admin.add_group_membership("Developers", "ann").await?;
    ann.upload_object("lake", "main", "c.csv").body("1").await?;
    Ok(())
}

/// Policies written through the API bind at once, and no longer than they are attached.
#[tokio::test]
async fn a_policy_binds_while_it_is_attached() -> Result<(), BoxError> {
    let lakefs = with_lake(internal().user(ann())).await?;
    let (admin, ann) = (admin(&lakefs)?, as_ann(&lakefs)?);
    let own_branches = "arn:lakefs:fs:::repository/lake/branch/${user}-*";
    let policy = |actions: [&str; 1]| {
        let statement = Statement::new(StatementEffect::Allow, own_branches, actions);
        Policy::new("own-branches", [statement])
    };
    let branch = |name: &str| lakefs_sdk::models::BranchCreation::new(name, "main");

    admin.create_policy(policy(["fs:CreateBranch"])).await?;
    assert!(ann.create_branch("lake", branch("ann-1")).await.is_err());
    admin.attach_policy_to_user("ann", "own-branches").await?;
    ann.create_branch("lake", branch("ann-1")).await?;
    assert_eq!(
        denied(ann.create_branch("lake", branch("bob-1")).await),
        "insufficient permissions: not allowed to fs:CreateBranch"
    );

    admin
        .update_policy("own-branches", policy(["fs:DeleteBranch"]))
        .await?;
    assert!(ann.create_branch("lake", branch("ann-2")).await.is_err());
    ann.delete_branch("lake", "ann-1").await?;
    admin.delete_policy("own-branches").await?;
    assert!(admin.list_user_policies("ann").await?.results.is_empty());
    Ok(())
}

/// A tenant does not learn of the others' repositories.
#[tokio::test]
async fn repositories_that_may_not_be_listed_are_left_out() -> Result<(), BoxError> {
    let tenant = ann().allow("fs:ListRepositories", "arn:lakefs:fs:::repository/ann-*");
    let lakefs = with_lake(internal().user(tenant)).await?;
    let repository = RepositoryCreation::new("ann-lake", "mem://ann-lake");
    admin(&lakefs)?.create_repository(repository).await?;

    let seen = as_ann(&lakefs)?.list_repositories().await?;

    let seen: Vec<&str> = seen
        .results
        .iter()
        .map(|repository| repository.id.as_str())
        .collect();
    assert_eq!(seen, ["ann-lake"]);
    Ok(())
}

/// A server with lists instead of policies gives what the list of a group says.
#[tokio::test]
async fn an_access_control_list_says_what_a_group_may_do() -> Result<(), BoxError> {
    let lakefs = internal().access_control(AccessControl::Simplified);
    let lakefs = with_lake(lakefs.user(ann().group("Readers"))).await?;
    let (admin, ann) = (admin(&lakefs)?, as_ann(&lakefs)?);
    ann.get_object("lake", "main", "a.csv").await?;
    let upload = || ann.upload_object("lake", "main", "c.csv").body("1");
    assert!(upload().await.is_err());

    admin.set_group_acl("Readers", ACL::new("Write")).await?;
    upload().await?;
    let policies = admin.list_policies().await;
    assert!(policies.is_err_and(|error| error.is_not_implemented()));
    Ok(())
}

/// Keys are rotated as on a real server: the secret is told once, and a deleted key is nobody's.
#[tokio::test]
async fn a_key_works_from_when_it_is_made_until_it_is_deleted() -> Result<(), BoxError> {
    let lakefs = internal().build();
    let admin = admin(&lakefs)?;
    let user = UserCreation::new("ann");
    admin.create_user().body(user).await?;
    admin
        .create_group()
        .body(GroupCreation::new("team"))
        .await?;
    admin.add_group_membership("team", "ann").await?;
    admin
        .attach_policy_to_group("team", "AuthManageOwnCredentials")
        .await?;

    let first = admin.create_credentials("ann").await?;
    let ann = client(&lakefs, &first.access_key_id, &first.secret_access_key)?;
    assert_eq!(ann.get_current_user().await?.user.id, "ann");
    // They may make keys of their own, and of nobody else.
    let second = ann.create_credentials("ann").await?;
    assert!(denied(ann.create_credentials("admin").await).contains("auth:CreateCredentials"));
    let listed = ann.list_user_credentials("ann").await?;
    assert_eq!(listed.results.len(), 2);

    let renewed = client(&lakefs, &second.access_key_id, &second.secret_access_key)?;
    renewed
        .delete_credentials("ann", &first.access_key_id)
        .await?;
    let refused = ann.get_current_user().await;
    assert!(refused.is_err_and(|error| error.is_unauthenticated()));
    Ok(())
}

/// An installer can be tested: a new server refuses everything until somebody sets it up, once.
#[tokio::test]
async fn a_new_server_is_set_up_once() -> Result<(), BoxError> {
    let lakefs = MemoryLakeFs::builder()
        .access_control(AccessControl::Internal)
        .access_key(ADMIN.0, ADMIN.1)
        .unset_up()
        .build();
    let client = admin(&lakefs)?;
    let refused = client.list_repositories().await;
    assert!(refused.is_err_and(|error| error.is_unauthenticated()));

    let key = AccessKeyCredentials::new(ADMIN.0, ADMIN.1);
    client.setup(Setup::new("root").key(key)).await?;
    assert_eq!(client.get_current_user().await?.user.id, "root");
    let groups = client.list_groups().await?;
    let groups: Vec<&str> = groups
        .results
        .iter()
        .map(|group| group.id.as_str())
        .collect();
    assert_eq!(groups, ["Admins", "Developers", "SuperUsers", "Viewers"]);
    let again = client.setup(Setup::new("other")).await;
    assert!(again.is_err_and(|error| error.is_conflict()));
    Ok(())
}

/// A role of another system acts as the user it stands for, until that user is gone.
#[tokio::test]
async fn an_external_principal_logs_in_as_its_user() -> Result<(), BoxError> {
    let lakefs = with_lake(internal().user(ann().group("Viewers"))).await?;
    let admin = admin(&lakefs)?;
    let role = "arn:aws:sts::123456789012:assumed-role/Dev/session";
    admin.create_user_external_principal("ann", role).await?;

    let request = serde_json::Map::from_iter([("arn".to_owned(), role.into())]);
    let information = lakefs_sdk::models::ExternalLoginInformation::new(request);
    let anonymous = Client::new(lakefs.clone());
    let token = anonymous
        .external_principal_login()
        .body(information)
        .await?;
    let ann = client_with(&lakefs, Credentials::bearer_token(token.token))?;
    ann.get_object("lake", "main", "a.csv").await?;

    admin.delete_user("ann").await?;
    let refused = ann.get_object("lake", "main", "a.csv").await;
    assert!(refused.is_err_and(|error| error.is_unauthenticated()));
    Ok(())
}

/// Whoever wants policies without bothering with keys is not locked out.
#[tokio::test]
async fn without_any_key_everybody_is_the_admin() -> Result<(), BoxError> {
    let lakefs = MemoryLakeFs::builder()
        .access_control(AccessControl::Internal)
        .build();
    let anonymous = Client::new(lakefs);
    anonymous
        .create_repository(RepositoryCreation::new("lake", "mem://lake"))
        .await?;
    assert_eq!(anonymous.list_policies().await?.results.len(), 10);
    Ok(())
}
