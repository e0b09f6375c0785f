//! Reading 10,000 runs from a server that takes 100 ms for a reply, within the limit of 20 calls a
//! second.

mod support;

use std::time::{Duration, Instant};

use seqera::prelude::*;

const RUNS: usize = 10_000;
const REPLY: Duration = Duration::from_millis(100);

fn main() {
    let rows = support::page_of_runs(100);
    let endpoint = support::serve(REPLY, move |target| {
        let offset: usize = target
            .split(['?', '&'])
            .find_map(|part| part.strip_prefix("offset=")?.parse().ok())
            .unwrap_or(0);
        // Ids that no other page has, and the total of all.
        let page = rows
            .replace("Wk9Qz", &format!("p{offset}x"))
            .replace("\"totalSize\":100", &format!("\"totalSize\":{RUNS}"));
        support::http_reply(&page)
    });
    let client = Client::builder("t0ken")
        .endpoint(&endpoint)
        .build()
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = Instant::now();
    let count = runtime.block_on(async {
        let mut runs = client.list_workflows().workspace_id(42).stream();
        let mut count = 0;
        while let Some(_run) = runs.try_next().await.unwrap() {
            count += 1;
        }
        count
    });
    assert_eq!(count, RUNS);
    let took = begun.elapsed().as_secs_f64();
    // 20 pages at once, the other 80 at 20 a second, and the last reply.
    let allowed = 80.0 / 20.0 + REPLY.as_secs_f64();
    println!(
        "bulk: {RUNS} runs in {took:.2} s, {:.3} times what the limit allows",
        took / allowed
    );
}
