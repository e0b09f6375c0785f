//! Lists in pages: what is asked of the server, what comes out, and when it ends.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seqera::paginate::ItemStream;
use seqera::prelude::*;
use seqera::types::RunSummary;
use seqera::{ErrorKind, RateLimit, RetryPolicy};
use support::{Act, Seen, Server, Stopwatch, json};

fn number(seen: &Seen, name: &str) -> Option<u64> {
    seen.query(name).map(|text| text.parse().unwrap())
}

fn page(ids: impl IntoIterator<Item = u64>, rest: &str) -> Act {
    let runs: Vec<String> = ids
        .into_iter()
        .map(|id| format!(r#"{{"workflow":{{"id":"r{id}"}}}}"#))
        .collect();
    json(
        200,
        format!(r#"{{"workflows":[{}]{rest}}}"#, runs.join(",")),
    )
}

/// A list of a length; `rest` adds fields to a page that ends at an offset.
async fn list(length: u64, rest: impl Fn(u64) -> String + Send + Sync + 'static) -> Server {
    Server::start(move |_, seen| {
        let offset = number(seen, "offset").unwrap_or(0);
        let max = number(seen, "max").unwrap();
        assert!(max <= 100, "servers refuse more");
        let end = (offset + max).min(length);
        page(offset..end.max(offset), &rest(end))
    })
    .await
}

fn total(total: u64) -> impl Fn(u64) -> String {
    move |_| format!(r#","totalSize":{total}"#)
}

fn nothing(_: u64) -> String {
    String::new()
}

async fn ids(items: ItemStream<RunSummary>) -> Vec<String> {
    items
        .map_ok(|run| run.workflow.unwrap().id.unwrap())
        .try_collect()
        .await
        .unwrap()
}

fn expected(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|id| format!("r{id}")).collect()
}

#[tokio::test]
async fn every_item_comes_once_and_in_order() {
    for length in [0u64, 1, 99, 100, 101, 200, 1_234] {
        let pages_needed = length.div_ceil(100).max(1) as usize;
        let with_total = list(length, total(length)).await;
        assert_eq!(
            ids(with_total.client().list_workflows().stream()).await,
            expected(0..length)
        );
        assert_eq!(with_total.count(), pages_needed, "{length}");

        let with_more = list(length, move |end| {
            format!(r#","hasMore":{},"totalSize":0"#, end < length)
        })
        .await;
        assert_eq!(
            ids(with_more.client().list_workflows().stream()).await,
            expected(0..length)
        );
        assert_eq!(with_more.count(), pages_needed, "{length}");

        let bare = list(length, nothing).await;
        assert_eq!(
            ids(bare.client().list_workflows().stream()).await,
            expected(0..length)
        );
        // A full last page does not tell that it is the last.
        assert_eq!(bare.count(), (length / 100 + 1) as usize, "{length}");
    }
}

#[tokio::test]
async fn the_callers_filters_and_first_offset_are_kept() {
    let server = list(250, total(250)).await;
    let runs = server
        .client()
        .list_workflows()
        .workspace_id(42)
        .offset(30)
        .max(40)
        .stream();
    assert_eq!(ids(runs).await, expected(30..250));
    for seen in server.seen() {
        assert_eq!(
            (number(&seen, "workspaceId"), number(&seen, "max")),
            (Some(42), Some(40))
        );
    }
    let asked: Vec<_> = server
        .seen()
        .iter()
        .filter(|seen| seen.query("includeTotalSize").is_some())
        .map(|seen| number(seen, "offset"))
        .collect();
    assert_eq!(asked, [Some(30)], "only the first page asks for the total");
}

#[tokio::test]
async fn a_limit_fetches_no_page_too_many() {
    for (limit, requests) in [(0, 0), (1, 1), (100, 1), (101, 2), (250, 3), (999, 5)] {
        let server = list(450, total(450)).await;
        let runs = server.client().list_workflows().stream().limit(limit);
        assert_eq!(ids(runs).await, expected(0..limit.min(450)));
        assert_eq!(server.count(), requests, "{limit}");
        let most: u64 = server
            .seen()
            .iter()
            .filter_map(|seen| number(seen, "max"))
            .sum();
        assert!(
            most <= limit.max(1).div_ceil(100) * 100 && most >= limit.min(450),
            "{limit}: {most}"
        );
    }
}

#[tokio::test]
async fn page_sizes_stay_within_what_servers_take() {
    for (asked, sent) in [(1, 1), (100, 100), (0, 1), (5_000, 100)] {
        let server = list(3, total(3)).await;
        ids(server
            .client()
            .list_workflows()
            .max(7)
            .stream()
            .page_size(asked))
        .await;
        assert_eq!(number(&server.seen()[0], "max"), Some(sent));
    }
}

#[tokio::test]
async fn pages_come_whole_with_the_total() {
    let server = list(150, total(150)).await;
    let pages: Vec<_> = server
        .client()
        .list_workflows()
        .pages()
        .try_collect()
        .await
        .unwrap();
    let sizes: Vec<_> = pages
        .iter()
        .map(|page| (page.items.len(), page.total))
        .collect();
    assert_eq!(sizes, [(100, Some(150)), (50, Some(150))]);

    // Most servers count only for the page that asks them to, and some say 0 with the others.
    for uncounted in ["", r#","totalSize":0"#] {
        let server = Server::start(move |_, seen| {
            let offset = number(seen, "offset").unwrap();
            let rest = match seen.query("includeTotalSize").as_deref() {
                Some("true") => r#","totalSize":150"#,
                _ => uncounted,
            };
            page(offset..(offset + 100).min(150), rest)
        })
        .await;
        let pages = server.client().list_workflows().pages();
        let pages: Vec<_> = pages.try_collect().await.unwrap();
        let totals: Vec<_> = pages.iter().map(|page| page.total).collect();
        assert_eq!(totals, [Some(150), Some(150)], "{uncounted}");
    }

    let empty = list(0, total(0)).await;
    let pages: Vec<_> = empty
        .client()
        .list_workflows()
        .pages()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(
        (pages.len(), pages[0].total),
        (1, Some(0)),
        "the total of an empty list is told too"
    );
}

#[tokio::test]
async fn concurrency_of_one_is_strictly_sequential_and_more_reads_ahead() {
    for (concurrency, expected_peak) in [(1, 1), (4, 4)] {
        let busy = Arc::new(AtomicUsize::new(0));
        let server = {
            let busy = busy.clone();
            Server::start(move |_, seen| {
                busy.fetch_add(1, Ordering::SeqCst);
                let offset = number(seen, "offset").unwrap();
                Act::Late(
                    Duration::from_millis(40),
                    Box::new(page(offset..offset + 10, r#","totalSize":200"#)),
                )
            })
            .await
        };
        let mut pages = server
            .client()
            .list_workflows()
            .pages()
            .page_size(10)
            .concurrency(concurrency);
        let mut peak = 0;
        let mut done = 0;
        while let Some(page) = pages.try_next().await.unwrap() {
            assert_eq!(page.items.len(), 10);
            done += 1;
            tokio::time::sleep(Duration::from_millis(5)).await;
            peak = peak.max(busy.load(Ordering::SeqCst) - done);
        }
        assert_eq!(done, 20);
        // While a page is in the caller's hands, those after it are on their way.
        let ahead = if expected_peak == 1 {
            0
        } else {
            expected_peak - 1
        };
        assert_eq!(peak, ahead, "concurrency {concurrency}");
    }
}

#[tokio::test]
async fn an_error_says_at_which_offset_and_ends_the_stream() {
    let server = Server::start(|_, seen| match number(seen, "offset").unwrap() {
        300 => json(500, r#"{"message":"broken"}"#),
        offset => page(offset..offset + 100, r#","totalSize":900"#),
    })
    .await;
    let mut runs = server.client().list_workflows().stream();
    let mut count = 0;
    let error = loop {
        match runs.next().await.unwrap() {
            Ok(_) => count += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(count, 300);
    assert!(
        error
            .to_string()
            .starts_with("list_workflows at offset 300: 500 Internal Server Error: broken"),
        "{error}"
    );
    assert!(runs.next().await.is_none());
    assert!(runs.next().await.is_none());
}

#[tokio::test]
async fn rows_that_move_between_pages_come_once() {
    // A run is submitted while the list is read, so that each page repeats the last row.
    let server = Server::start(|count, seen| {
        let offset = number(seen, "offset").unwrap();
        let shift = count as u64;
        let end = (offset + 100).min(300 + shift);
        page(
            (offset - shift.min(offset))..(end - shift),
            r#","totalSize":300"#,
        )
    })
    .await;
    let runs = ids(server.client().list_workflows().stream().concurrency(1)).await;
    let unique: std::collections::HashSet<_> = runs.iter().collect();
    assert_eq!(unique.len(), runs.len());
    assert!(runs.len() >= 298);
}

#[tokio::test]
async fn a_small_page_of_rows_that_moved_is_not_the_end() {
    // One run is submitted after the second page.
    let server = Server::start(|count, seen| {
        let offset = number(seen, "offset").unwrap() - u64::from(count >= 2);
        page(offset..(offset + 1).min(5), "")
    })
    .await;
    assert_eq!(
        ids(server.client().list_workflows().stream().page_size(1)).await,
        expected(0..5)
    );
}

#[tokio::test]
async fn a_server_with_smaller_pages_than_asked_loses_nothing() {
    let server = Server::start(|_, seen| {
        let offset = number(seen, "offset").unwrap();
        page(offset..(offset + 30).min(1000), r#","totalSize":1000"#)
    })
    .await;
    assert_eq!(
        ids(server.client().list_workflows().stream()).await,
        expected(0..1000)
    );
    assert_eq!(server.count(), 34, "nothing is fetched in vain");
}

#[tokio::test]
async fn lists_end_whatever_the_server_does() {
    let endless: [fn(u64) -> Act; 5] = [
        // Ignores the offset, with and without a total, and claims that there is more.
        |_| page(0..100, ""),
        |_| page(0..100, r#","totalSize":1000000,"hasMore":true"#),
        |_| {
            json(
                200,
                format!(r#"{{"workflows":[{}]}}"#, vec!["{}"; 100].join(",")),
            )
        },
        // Claims a length and has nothing.
        |_| page([], r#","totalSize":9223372036854775807,"hasMore":true"#),
        |_| page(0..3, r#","totalSize":-7,"hasMore":true"#),
    ];
    for act in endless {
        let server = Server::start(move |_, seen| act(number(seen, "offset").unwrap())).await;
        let items = server
            .client()
            .list_workflows()
            .stream()
            .collect::<Vec<_>>();
        let items = tokio::time::timeout(Duration::from_secs(5), items)
            .await
            .expect("an end");
        assert!(items.len() <= 100);
        assert!(server.count() <= 14, "{}", server.count());
    }
}

#[tokio::test]
async fn cursors_are_followed_until_they_stand_still() {
    let log = |entries: &str, forward: &str, rewind: &str| {
        json(
            200,
            format!(
                r#"{{"log":{{"entries":[{entries}],"forwardToken":"{forward}","rewindToken":"{rewind}"}}}}"#
            ),
        )
    };
    let server = Server::start(move |_, seen| match seen.query("next").as_deref() {
        None => log(r#""a","b""#, "f/1", "b/1"),
        Some("f/1") => log(r#""c""#, "f/2", "b/1"),
        Some("f/2") => log(r#""d""#, "f/2", "b/1"),
        Some("b/1") => log(r#""z""#, "f/1", "b/2"),
        _ => log("", "f/1", "b/3"),
    })
    .await;
    let client = server.client();
    let lines: Vec<String> = client
        .get_workflow_log()
        .workflow_id("4x")
        .stream()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(lines, ["a", "b", "c", "d"]);
    assert_eq!(server.count(), 3);
    let lines: Vec<String> = client
        .get_workflow_log()
        .workflow_id("4x")
        .stream()
        .backwards()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(lines, ["a", "b", "z"]);
    assert_eq!(server.count(), 7);
    let lines: Vec<String> = client
        .get_workflow_log()
        .workflow_id("4x")
        .stream()
        .limit(3)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(lines, ["a", "b", "c"]);
    assert_eq!(server.count(), 9);
    assert!(
        client
            .get_workflow_log()
            .stream()
            .next()
            .await
            .unwrap()
            .unwrap_err()
            .to_string()
            .contains("call .workflow_id(..)")
    );
}

#[tokio::test]
async fn a_first_cursor_that_stands_still_costs_one_call() {
    let server = Server::start(|_, _| {
        json(
            200,
            r#"{"log":{"entries":["a"],"forwardToken":"f/1 of 2"}}"#,
        )
    })
    .await;
    let log = server.client().get_workflow_log().workflow_id("4x");
    let lines: Vec<String> = log.next("f/1 of 2").stream().try_collect().await.unwrap();
    assert_eq!((lines.len(), server.count()), (1, 1));
}

#[tokio::test]
async fn empty_pages_with_a_cursor_are_not_the_end() {
    // As stores do that look at so many objects for a page, whether they fit or not.
    let server = Server::start(|count, _| match count {
        6 => json(200, r#"{"objects":[{"name":"b"}]}"#),
        2 => json(200, r#"{"objects":[{"name":"a"}],"nextPageToken":"2"}"#),
        _ => json(
            200,
            format!(r#"{{"objects":[],"nextPageToken":"{count}"}}"#),
        ),
    })
    .await;
    let files = server.client().explore_data_link().data_link_id("v1");
    let files: Vec<_> = files.stream().try_collect().await.unwrap();
    let names: Vec<_> = files
        .iter()
        .filter_map(|file| file.name.as_deref())
        .collect();
    assert_eq!((names.concat().as_str(), server.count()), ("ab", 7));

    // Nobody goes on for ever, though.
    let server = Server::start(|count, _| {
        json(
            200,
            format!(r#"{{"objects":[],"nextPageToken":"{count}"}}"#),
        )
    })
    .await;
    let files = server.client().explore_data_link().data_link_id("v1");
    let error = files.stream().try_next().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.to_string().contains("at page 10"), "{error}");
    assert_eq!(server.count(), 10);
}

#[tokio::test]
async fn cursors_that_go_round_in_circles_are_an_error_that_says_where() {
    for length in [2_u64, 7] {
        let server = Server::start(move |count, seen| {
            let from: u64 = seen.query("next").map_or(0, |text| text.parse().unwrap());
            let next = 1 + from % length;
            let log = format!(r#"{{"log":{{"entries":["{count}"],"forwardToken":"{next}"}}}}"#);
            json(200, log)
        })
        .await;
        let mut lines = server
            .client()
            .get_workflow_log()
            .workflow_id("4x")
            .stream();
        let mut read = 0;
        let error = loop {
            match lines.try_next().await {
                Ok(Some(_)) => read += 1,
                Ok(None) => panic!("{read} lines and a silent end"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        let said = error.to_string();
        assert!(
            said.starts_with(&format!("get_workflow_log at page {read}: ")),
            "{said}"
        );
        // What came before is not taken back; a cycle is noticed without remembering all of it.
        assert!((length..=3 * length).contains(&read), "{read}");
        assert!(lines.try_next().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn dropping_a_stream_stops_what_is_fetched_ahead() {
    let server = Server::start(|_, seen| {
        let offset = number(seen, "offset").unwrap();
        let pause = Duration::from_millis(if offset == 0 { 0 } else { 100 });
        Act::Late(
            pause,
            Box::new(page(offset..offset + 100, r#","totalSize":100000"#)),
        )
    })
    .await;
    let client = server.builder().retry(RetryPolicy::none()).build().unwrap();
    let mut pages = client.list_workflows().pages();
    pages.next().await.unwrap().unwrap();
    drop(pages);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(server.count() <= 11, "{}", server.count());
}

#[tokio::test]
async fn an_unreadable_page_is_an_error() {
    let server = Server::start(|_, _| json(200, r#"[{"workflow":{"id":"a"}}]"#)).await;
    let error = server
        .client()
        .list_workflows()
        .stream()
        .next()
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(
        error.to_string().contains("does not fit its type"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_ahead_uses_up_the_rate_limit() {
    support::measure(read_ahead).await;
}

async fn read_ahead() -> Result<(), String> {
    let server = Server::start(|_, seen| {
        let offset = number(seen, "offset").unwrap();
        Act::Late(
            Duration::from_millis(100),
            Box::new(page(offset..offset + 10, r#","totalSize":800"#)),
        )
    })
    .await;
    let client = server
        .builder()
        .rate_limit(RateLimit::per_second(40))
        .build()
        .unwrap();
    let stopwatch = Stopwatch::start();
    let runs = client.list_workflows().stream();
    assert_eq!(ids(runs.page_size(10).concurrency(20)).await.len(), 800);
    // 80 pages: 40 at once and 40 one second later, and two replies to wait for.
    let took = stopwatch.elapsed();
    match took < Duration::from_millis(1_600) {
        true => Ok(()),
        false => Err(format!("{took:?}")),
    }
}
