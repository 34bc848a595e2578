//! Values that must not leave: the error says which one, and the server never sees it.

use http::Request;
use lakefs_sdk::{
    Body, Call, Error, Operation, Result as SdkResult,
    codec::Encoder,
    models::{
        AccessKeyCredentials, BranchProtectionRule, CommitRecordCreation, CopyPartSource,
        MetadataObjectType, ObjectCopyCreation, Policy, RepositoryCreation, Setup, Statement,
        StatementEffect, UploadPartCopyFrom, UploadPartFrom,
    },
    operation::OperationMeta,
};

use super::{calls, client};

/// What would change which path is meant: most clients and proxies resolve the dots.
const UNUSABLE: [&str; 3] = ["", ".", ".."];

/// The parameters of a path template.
fn parameters(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?;
        name.strip_suffix('}')
    })
}

/// Says what is wrong when a call is not refused for `name`.
fn refused(request: SdkResult<Request<Body>>, name: &str) -> Result<(), String> {
    match request {
        Ok(request) => Err(format!("{name} is not refused: {}", request.uri())),
        Err(error) if !error.is_invalid_input() => Err(format!("{name}: {error:?}")),
        Err(error) if !error.to_string().contains(name) => {
            Err(format!("{name} is not named: {error}"))
        }
        Err(_) => Ok(()),
    }
}

fn refuse<Op: Operation>(call: Call<Op>, name: &str) {
    let id = Op::META.id;
    if let Err(problem) = refused(call.into_request(), name) {
        assert_eq!(problem, "", "{id}");
    }
}

/// Deleting the tag `..` would delete the repository.
#[test]
fn path_values_that_mean_another_path_are_refused() {
    let client = client();
    for bad in UNUSABLE {
        refuse(client.get_repository(bad), "repository");
        refuse(client.delete_tag("lake", bad), "tag");
        refuse(client.delete_tag(bad, "v1"), "repository");
        refuse(client.get_branch("lake", bad), "branch");
        refuse(client.log_commits("lake", bad), "ref");
        refuse(client.get_object("lake", bad, "a"), "ref");
        refuse(client.merge_into_branch("lake", bad, "main"), "sourceRef");
        refuse(
            client.merge_into_branch("lake", "main", bad),
            "destinationBranch",
        );
        refuse(client.diff_refs("lake", "main", bad), "rightRef");
        refuse(client.delete_group_membership("group", bad), "userId");
        refuse(
            client.get_run_hook_output("lake", "run", bad),
            "hook_run_id",
        );
        refuse(
            client.get_metadata_object("lake", MetadataObjectType::from(bad), "id"),
            "type",
        );
        refuse(
            client.abort_presign_multipart_upload("lake", "main", bad, "a"),
            "uploadId",
        );
    }
}

/// The same for each parameter of each operation, by what all of them are written with.
#[test]
fn the_encoder_refuses_such_values_for_every_parameter() {
    let mut checked = 0;
    for sent in calls::all(&client()) {
        let request = sent.request.unwrap();
        let meta = OperationMeta::of(&request).unwrap();
        for name in parameters(meta.path) {
            for bad in UNUSABLE {
                let encoder = parameters(meta.path).fold(Encoder::new(meta), |encoder, other| {
                    encoder.path(other, if other == name { bad } else { "value" })
                });
                refused(encoder.empty(), &format!("`{name}`")).unwrap();
                checked += 1;
            }
        }
    }
    assert!(checked > 1000, "{checked}");
}

/// Without this, dots inside a name, or more of them, would be refused too.
#[test]
fn path_values_that_only_look_alike_are_sent() {
    for (tag, segment) in [
        ("...", "..."),
        (".a", ".a"),
        ("a..b", "a..b"),
        ("../x", "..%2Fx"),
        ("%2e%2e", "%252e%252e"),
        (" ", "%20"),
        ("\u{0}\n", "%00%0A"),
    ] {
        let request = client().get_tag("lake", tag).into_request().unwrap();
        assert_eq!(
            request.uri(),
            format!("/api/v1/repositories/lake/tags/{segment}").as_str()
        );
    }
}

/// The server answers 400, after a round trip and without saying which value it was.
#[test]
fn numbers_out_of_their_bounds_are_refused() {
    let client = client();
    for amount in [1001, -2, i64::MIN, i64::MAX] {
        refuse(client.list_tags("lake").amount(amount), "amount");
        refuse(client.list_repositories().amount(amount), "amount");
        refuse(client.list_objects("lake", "main").amount(amount), "amount");
        refuse(client.log_commits("lake", "main").amount(amount), "amount");
        refuse(client.list_user_groups("me").amount(amount), "amount");
    }
    for amount in [1000, -1, 0] {
        assert!(
            client
                .list_tags("lake")
                .amount(amount)
                .into_request()
                .is_ok()
        );
    }
    let from = || UploadPartFrom::new("s3://b/k");
    let copy = || UploadPartCopyFrom::new("s3://b/k", CopyPartSource::new("lake", "main", "a"));
    for number in [0, 10_001, -1, i64::MAX] {
        let upload = client.upload_part("lake", "main", "id", number, "a", from());
        refuse(upload, "partNumber");
        let upload = client.upload_part_copy("lake", "main", "id", number, "a", copy());
        refuse(upload, "partNumber");
    }
    let time = jiff::Timestamp::UNIX_EPOCH;
    for version in [-1, 2] {
        let record = CommitRecordCreation::new("id", version, "me", "m", "r", time, ["p"], 1);
        refuse(client.create_commit_record("lake", record), "version");
    }
}

/// A name that lakeFS cannot have costs no request, and no bucket is touched.
#[test]
fn texts_that_break_their_pattern_are_refused() {
    let client = client();
    let long = "a".repeat(64);
    for name in ["Ab", "-ab", "ab", "", "a_b", "lake\n", "läke", &long] {
        let creation = RepositoryCreation::new(name, "mem://lake");
        refuse(client.create_repository(creation), "name");
    }
    for namespace in ["ftp://x", "", "lake", "s3:/x", "S3://x", " s3://x"] {
        let creation = RepositoryCreation::new("lake", namespace);
        refuse(client.create_repository(creation), "storage_namespace");
    }
    for range in ["0-9", "bytes=", "bytes=a-b", "bytes 0-9", "bytes=0-9\n"] {
        refuse(client.get_object("lake", "main", "a").range(range), "Range");
        refuse(
            client.head_object("lake", "main", "a").range(range),
            "Range",
        );
        let source = CopyPartSource::new("lake", "main", "a").range(range);
        let copy = UploadPartCopyFrom::new("s3://b/k", source);
        let upload = client.upload_part_copy("lake", "main", "id", 1, "a", copy);
        refuse(upload, "copy_source.range");
    }
}

/// An empty path reaches a server that answers 400 at best.
#[test]
fn empty_values_are_refused() {
    let client = client();
    refuse(client.get_object("lake", "main", ""), "path");
    refuse(client.head_object("lake", "main", ""), "path");
    refuse(client.stat_object("lake", "main", ""), "path");
    refuse(client.upload_object("lake", "main", ""), "path");
    refuse(client.delete_object("lake", "main", ""), "path");
    refuse(client.get_physical_address("lake", "main", ""), "path");
    refuse(client.hard_reset_branch("lake", "main", ""), "ref");
    refuse(client.import_status("lake", "main", ""), "id");
    refuse(client.dump_status("lake", ""), "task_id");
    refuse(client.get_external_principal(""), "principalId");
    let copy = ObjectCopyCreation::new("a");
    refuse(client.copy_object("lake", "main", "", copy), "dest_path");
    let upload = || client.upload_object("lake", "main", "a");
    refuse(upload().if_none_match(""), "if-none-match");
    refuse(upload().content_type(""), "content-type");
}

/// Empty text that has a meaning is no mistake: `delimiter=` lists flat, `prefix=` keeps everything.
#[test]
fn empty_values_that_the_document_allows_are_sent() {
    let client = client();
    let call = client.list_tags("lake").prefix("").after("");
    let request = call.into_request().unwrap();
    assert_eq!(request.uri().query(), Some("prefix=&after="));

    let call = client.set_branch_protection_rules("lake", []).if_match("");
    assert_eq!(call.into_request().unwrap().headers()["if-match"], "");
}

/// A line break in a header would start another header.
#[test]
fn texts_that_no_header_can_hold_are_refused() {
    let client = client();
    let upload = || client.upload_object("lake", "main", "a").body("data");
    for bad in ["a\nb", "a\r\nb", "a\r", "\n", "a\0b", "\u{7f}"] {
        refuse(upload().if_none_match(bad), "if-none-match");
        refuse(upload().if_match(bad), "if-match");
        refuse(upload().content_type(bad), "content-type");
        refuse(upload().metadata([("key", bad)]), "x-lakefs-meta-key");
        refuse(
            client.get_object("lake", "main", "a").if_none_match(bad),
            "if-none-match",
        );
        refuse(
            client.set_branch_protection_rules("lake", []).if_match(bad),
            "if-match",
        );
        refuse(upload().header("x-own", bad), "x-own");
    }
    for key in ["a b", "", "a\nb", "a:b", "ü"] {
        refuse(
            upload().metadata([(key, "value")]),
            &format!("x-lakefs-meta-{key}"),
        );
    }
}

/// The error says where in the body the value is.
#[test]
fn values_deep_in_a_body_are_refused() {
    let client = client();
    let rules = ["main", ""].map(BranchProtectionRule::new);
    refuse(
        client.set_branch_protection_rules("lake", rules),
        "[1].pattern",
    );
    let setup = |id, secret| Setup::new("admin").key(AccessKeyCredentials::new(id, secret));
    refuse(client.setup(setup("", "secret")), "key.access_key_id");
    refuse(client.setup(setup("id", "")), "key.secret_access_key");

    let policy = Policy::new("id", Vec::new());
    refuse(client.create_policy(policy), "statement");
    let statement = Statement::new(StatementEffect::Allow, "*", Vec::<String>::new());
    let policy = Policy::new("id", [statement]);
    refuse(client.create_policy(policy.clone()), "statement[0].action");
    refuse(client.update_policy("id", policy), "statement[0].action");
}

/// The first fault is told, with the operation; sending it fails in the same way, without a request.
#[tokio::test]
async fn a_refused_call_names_its_operation() {
    let client = client();
    let error = client.get_tag("lake", "..").await.unwrap_err();
    assert_eq!(error.to_string(), "getTag: `tag` must not be \"..\"");
    assert_eq!(error.attempts(), 0);
    assert!(!error.may_have_taken_effect());
    assert!(!Error::retryable(&error));
}
