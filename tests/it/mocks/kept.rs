//! What a mock keeps of calls, however many come at a time.

use lakefs_sdk::{
    Client,
    api::{branches::GetBranch, objects::UploadObject},
    models::Ref,
    testing::MockTransport,
};

fn branch(commit: &str) -> Ref {
    Ref::new("main", commit)
}

/// What was sent comes back as the values that the test thinks in.
#[tokio::test]
async fn calls_and_requests_are_kept_decoded() {
    let lakefs = MockTransport::new();
    lakefs.on::<UploadObject>().reply_json(serde_json::json!({
        "path": "a", "path_type": "object", "physical_address": "mem://a", "checksum": "e", "mtime": 0
    }));
    let client = Client::new(lakefs.clone());
    let upload = client
        .upload_object("lake", "feat/ü", "a b+c")
        .body("x")
        .metadata([("k", "v")]);
    upload
        .if_none_match("*")
        .header("x-own", "1")
        .await
        .unwrap();

    let [call] = &lakefs.calls::<UploadObject>()[..] else {
        panic!("one call")
    };
    assert_eq!((&*call.branch, &*call.path), ("feat/ü", "a b+c"));
    assert_eq!(call.metadata["k"], "v");
    assert_eq!(call.if_none_match.as_deref(), Some("*"));
    let [sent] = &lakefs.requests()[..] else {
        panic!("one request")
    };
    assert_eq!(
        (sent.operation(), &sent.headers()["x-own"]),
        (Some("uploadObject"), &"1".parse().unwrap())
    );
    assert_eq!(sent.query::<String>("path").unwrap().unwrap(), "a b+c");
    assert_eq!(sent.path::<String>("branch").unwrap(), "feat/ü");
    assert!(sent.path::<i64>("branch").unwrap_err().is_decode());
    assert!(sent.decode::<GetBranch>().unwrap_err().is_decode());
}

/// O26: pooled servers crossed tests. Two mocks share nothing, however many run.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_tests_at_a_time_share_nothing() {
    let tests = (0..200).map(|number| {
        tokio::spawn(async move {
            let (repository, commit) = (format!("lake-{number}"), format!("c{number}"));
            let lakefs = MockTransport::new();
            lakefs
                .expect(GetBranch::new(&repository, "main"))
                .reply(branch(&commit))
                .times(3);
            let client = Client::new(lakefs.clone());
            for _ in 0..3 {
                tokio::task::yield_now().await;
                let got = client.get_branch(&repository, "main").await.unwrap();
                assert_eq!(got.commit_id, commit);
            }
            assert_eq!(lakefs.requests().len(), 3);
        })
    });
    for test in tests.collect::<Vec<_>>() {
        test.await.unwrap();
    }
}

/// Calls that come at the same time are counted right.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_mock_counts_calls_of_many_tasks() {
    let lakefs = MockTransport::new();
    let expected = lakefs.on::<GetBranch>().reply(branch("c")).times(100);
    let client = Client::new(lakefs.clone());
    let calls = (0..100).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.get_branch("lake", "main").await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(expected.calls(), 100);
}
