//! How fast a Platform starts, and what many calls and much data cost.

use std::time::{Duration, Instant};

use seqera_test_platform::{Seed, TestPlatform};
use serde_json::json;

use crate::client::{Api, of_workspace};

/// The best of several starts: the others were disturbed.
async fn start_time(runs: usize) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let started = Instant::now();
        let platform = TestPlatform::builder().runs(runs).start().await.unwrap();
        best = best.min(started.elapsed());
        drop(platform);
    }
    best
}

/// 50 ms is meant for a machine that does nothing else, and for optimised code.
#[tokio::test]
async fn it_starts_at_once() {
    let limit = if cfg!(debug_assertions) { 500 } else { 50 };
    let usual = start_time(240).await;
    assert!(usual < Duration::from_millis(limit), "{usual:?}");
}

#[tokio::test]
async fn ten_thousand_runs_and_a_thousand_pipelines_are_no_burden() {
    let pipelines: Vec<_> = (0..1_000)
        .map(|number| json!({ "name": format!("p-{number:04}"), "launch": { "pipeline": format!("https://github.com/x/p{number}") } }))
        .collect();
    let seed = json!({
        "users": [{ "userName": "ada" }],
        "organizations": [{
            "name": "big",
            "members": [{ "user": "ada", "role": "owner" }],
            "workspaces": [{ "name": "w", "id": 9, "pipelines": pipelines, "pastRuns": 10_000 }],
        }],
    });
    let started = Instant::now();
    let builder = TestPlatform::builder().empty().calls_per_second(None);
    let api = Api::of(builder.seed(Seed::from_value(seed).unwrap())).await;
    let start = started.elapsed();
    let started = Instant::now();
    let list = api
        .get("/workflow?workspaceId=9&max=100&offset=9900&includeTotalSize=true")
        .await;
    assert_eq!(list["totalSize"], 10_000);
    let list = api
        .get("/pipelines?workspaceId=9&max=100&offset=900&search=p-")
        .await;
    assert_eq!(list["totalSize"], 1_000);
    let lists = started.elapsed();
    let limit = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
    assert!(
        start < limit && lists < limit,
        "start {start:?}, lists {lists:?}"
    );
}

/// Resident memory in KiB, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test]
async fn many_calls_leave_nothing_behind() {
    let api = Api::of(
        TestPlatform::builder()
            .calls_per_second(None)
            .remember_calls(400),
    )
    .await;
    let call = async || {
        let paths = [
            "/user-info",
            "/labels",
            "/workflow?max=1",
            "/data-links/x/browse",
        ];
        for path in paths {
            let request = api.request(reqwest::Method::GET, &of_workspace(path));
            request.send().await.unwrap().bytes().await.unwrap();
        }
    };
    // The log of calls is full then.
    for _ in 0..400 {
        call().await;
    }
    let before = memory();
    for _ in 0..1_000 {
        call().await;
    }
    assert_eq!(api.platform.calls().len(), 400);
    if let (Some(before), Some(after)) = (before, memory()) {
        assert!(after < before + 2_048, "{before} KiB, then {after} KiB");
    }
}
