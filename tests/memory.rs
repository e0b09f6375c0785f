//! Reading a long list needs no more memory than reading a short one.
#![cfg(target_os = "linux")]

mod support;

use seqera::prelude::*;
use support::{Seen, Server, json, peak_memory};

async fn stream(length: u64) -> u64 {
    let server = Server::start(move |_, seen: &Seen| {
        let offset: u64 = seen.query("offset").unwrap().parse().unwrap();
        let runs: Vec<String> = (offset..(offset + 100).min(length))
            .map(|id| format!(r#"{{"workflow":{{"id":"r{id}"}}}}"#))
            .collect();
        let runs = runs.join(",");
        json(
            200,
            format!(r#"{{"workflows":[{runs}],"totalSize":{length}}}"#),
        )
    })
    .await;
    let runs = server.client().list_workflows().stream();
    runs.try_fold(0, async |count, _| Ok(count + 1))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_stream_of_100_000_runs_has_the_peak_of_one_of_10_000() {
    assert_eq!(stream(10_000).await, 10_000);
    let short = peak_memory();
    assert_eq!(stream(100_000).await, 100_000);
    let grown = peak_memory() - short;
    // The server remembers a thousand requests; the runs alone would take over 100 MiB.
    assert!(grown < 12 << 20, "{grown} bytes more");
}
