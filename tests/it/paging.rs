//! Listings: page after page until the server says that there are no more, whatever the pages hold.

use futures_util::StreamExt;
use lakefs_sdk::{Client, ErrorKind, models::PathType};
use serde_json::{Value, json};

use crate::support::scripted::Scripted;

fn object(path: &str) -> Value {
    json!({ "path": path, "path_type": "object", "physical_address": "mem://o", "checksum": "", "mtime": 0 })
}

fn page(paths: &[&str], next: Option<&str>) -> Value {
    let results: Vec<_> = paths.iter().copied().map(object).collect();
    json!({
        "pagination": {
            "has_more": next.is_some(),
            "next_offset": next.unwrap_or_default(),
            "results": results.len(),
            "max_per_page": 1000,
        },
        "results": results,
    })
}

async fn paths(client: &Client) -> lakefs_sdk::Result<Vec<String>> {
    let items = client.list_objects("lake", "main").amount(3).items();
    Ok(items
        .collect()
        .await?
        .into_iter()
        .map(|object| object.path)
        .collect())
}

fn afters(transport: &Scripted) -> Vec<Option<String>> {
    let sent = transport.sent();
    sent.iter()
        .map(|sent| sent.query().remove("after"))
        .collect()
}

/// O6: a cursor with `&`, `#`, `+` or `%` in it, sent raw, skips or repeats objects.
#[tokio::test]
async fn every_cursor_arrives_as_the_server_gave_it() {
    for cursor in [
        "a&b=c",
        "note#1 2024.csv",
        "ü+%2F",
        "a?b",
        "%41",
        "日本/é",
        "a/b/../c",
        "\u{1}\n",
    ] {
        let transport = Scripted::new()
            .json(&page(&["a"], Some(cursor)))
            .json(&page(&["z"], None));

        let paths = paths(&Client::new(transport.clone())).await.unwrap();

        assert_eq!(paths, ["a", "z"]);
        assert_eq!(afters(&transport), [None, Some(cursor.to_owned())]);
        assert_eq!(transport.sent()[1].query()["amount"], "3");
    }
}

/// O6: a server may send short pages: stopping at one loses the rest of the listing.
#[tokio::test]
async fn a_page_with_fewer_entries_than_asked_for_is_not_the_last() {
    let transport = Scripted::new()
        .json(&page(&["a"], Some("a")))
        .json(&page(&["b", "c"], Some("c")))
        .json(&page(&["d"], None));

    assert_eq!(
        paths(&Client::new(transport)).await.unwrap(),
        ["a", "b", "c", "d"]
    );
}

/// O6: a full page that is the last one needs no further request, which would be an error on some servers.
#[tokio::test]
async fn a_full_page_without_more_is_the_last() {
    let transport = Scripted::new().json(&page(&["a", "b", "c"], None));

    assert_eq!(
        paths(&Client::new(transport.clone())).await.unwrap(),
        ["a", "b", "c"]
    );
    assert_eq!(transport.sent().len(), 1);
}

/// O6: a page can be empty when all of its entries were filtered: the listing goes on behind it.
#[tokio::test]
async fn an_empty_page_with_more_to_come_is_not_the_end() {
    let transport = Scripted::new()
        .json(&page(&["a"], Some("a")))
        .json(&page(&[], Some("m")))
        .json(&page(&[], Some("n")))
        .json(&page(&["z"], None));

    assert_eq!(
        paths(&Client::new(transport.clone())).await.unwrap(),
        ["a", "z"]
    );
    assert_eq!(transport.sent().len(), 4);
}

/// An empty listing is a listing.
#[tokio::test]
async fn an_empty_listing_ends_at_once() {
    let transport = Scripted::new().json(&page(&[], None));

    assert_eq!(paths(&Client::new(transport)).await.unwrap(), [""; 0]);
}

/// O6: a listing that is silently short makes a sync delete what it did not see.
#[tokio::test]
async fn a_cursor_that_does_not_advance_ends_the_listing_with_an_error() {
    for (second, shown) in [
        (Some("b?x"), "\"b?x\" again"),
        (Some(""), "`next_offset` is empty"),
    ] {
        let mut repeated = page(&["c"], second);
        repeated["pagination"]["has_more"] = json!(true);
        let transport = Scripted::new()
            .json(&page(&["a", "b?x"], Some("b?x")))
            .json(&repeated);
        let client = Client::new(transport.clone());

        let mut items = client.list_objects("lake", "main").items();
        let mut seen = Vec::new();
        let error = loop {
            match items.next().await.expect("an error before the end") {
                Ok(object) => seen.push(object.path),
                Err(error) => break error,
            }
        };

        assert_eq!(error.kind(), ErrorKind::Paging);
        assert_eq!(error.operation().map(|meta| meta.id), Some("listObjects"));
        assert!(error.to_string().starts_with("listObjects: "), "{error}");
        assert!(error.to_string().contains(shown), "{error}");
        assert!(
            seen.starts_with(&["a".to_owned(), "b?x".to_owned()]),
            "{seen:?}"
        );
        assert!(items.next().await.is_none(), "after an error it ends");
        assert_eq!(transport.sent().len(), 2, "nothing more is asked");
    }
}

/// A cursor equal to the one that the caller started from would loop for ever.
#[tokio::test]
async fn a_cursor_equal_to_where_the_caller_began_ends_with_an_error() {
    let transport = Scripted::new().json(&page(&["b"], Some("a")));
    let client = Client::new(transport.clone());

    let error = client
        .list_objects("lake", "main")
        .after("a")
        .items()
        .collect()
        .await
        .unwrap_err();

    assert_eq!(error.kind(), ErrorKind::Paging);
    assert_eq!(transport.sent().len(), 1);
}

/// O6: a hiccup on page three must neither end the listing nor bring the pages before it again.
#[tokio::test(start_paused = true)]
async fn a_page_that_fails_is_fetched_again_alone() {
    let transport = Scripted::new()
        .json(&page(&["a"], Some("a")))
        .json(&page(&["b"], Some("b")))
        .status(503, "")
        .status(503, "")
        .json(&page(&["c"], None));

    assert_eq!(
        paths(&Client::new(transport.clone())).await.unwrap(),
        ["a", "b", "c"]
    );
    let expected = [None, Some("a"), Some("b"), Some("b"), Some("b")];
    assert_eq!(
        afters(&transport),
        expected.map(|after| after.map(str::to_owned))
    );
}

/// A listing that cannot go on says so; it does not end as if it were complete.
#[tokio::test(start_paused = true)]
async fn a_page_that_stays_away_is_an_error_after_what_came_before() {
    let transport = Scripted::new()
        .json(&page(&["a"], Some("a")))
        .status(503, "")
        .status(503, "")
        .status(503, "");
    let client = Client::new(transport);

    // `Items::collect` stops at the first error; the stream's own keeps what came before it.
    let results: Vec<_> = StreamExt::collect(client.list_objects("lake", "main").items()).await;

    assert_eq!(results.len(), 2);
    assert_eq!(results[0].as_ref().unwrap().path, "a");
    let error = results[1].as_ref().unwrap_err();
    assert!(error.is_server(), "{error}");
    assert_eq!(error.attempts(), 3);
}

/// Whoever shows progress by page, or stops early, must not pay for pages that nobody reads.
#[tokio::test]
async fn pages_are_fetched_only_when_they_are_asked_for() {
    let transport = Scripted::new()
        .json(&page(&["a", "b"], Some("b")))
        .json(&page(&["c"], None));
    let client = Client::new(transport.clone());

    let mut pages = client.list_objects("lake", "main").amount(2).pages();
    assert!(transport.sent().is_empty());
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!(first.results.len(), 2);
    assert_eq!(first.results[0].path_type, PathType::Object);
    assert_eq!(transport.sent().len(), 1);
    assert_eq!(transport.sent()[0].operation, Some("listObjects"));

    assert_eq!(pages.next().await.unwrap().unwrap().results.len(), 1);
    assert!(pages.next().await.is_none());
    assert!(pages.next().await.is_none());
}
