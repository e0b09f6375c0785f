//! Runs: waiting for their end, watching them, their logs, and what is done to them.
#![cfg(feature = "runs")]

#[path = "follow/logs.rs"]
mod logs;
mod support;
#[path = "follow/trouble.rs"]
mod trouble;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use seqera::mock::MockApi;
use seqera::prelude::*;
use seqera::runs::{Change, Pace, Run};
use seqera::types::{
    ComputeEnvDetails, DescribeComputeEnvResponse, DescribeWorkflowResponse, LogPage, ProgressData,
    SubmitWorkflowLaunchResponse, WorkflowDetails, WorkflowLogResponse, WorkflowStatus,
};
use seqera::{Client, ErrorKind, Id, RetryPolicy};
use seqera_test_platform::{Course, TestPlatform, WORKSPACE, WORKSPACE_ID};
use serde_json::json;
use support::{Act, Seen, Server, client_of_embedded, embedded, json, ok};

/// Looks as often as a test wants to.
fn hasty() -> Pace {
    Pace::between(Duration::from_millis(2), Duration::from_millis(10))
}

fn described(status: &str) -> Act {
    ok(json!({"workflow": {"id": "1run", "status": status}}))
}

fn run_at(status: &str) -> DescribeWorkflowResponse {
    let run = WorkflowDetails::new().id("1run").status(status);
    DescribeWorkflowResponse::new().workflow(run)
}

async fn launched(client: &Client, pipeline: &str) -> Run {
    client
        .launch(pipeline)
        .workspace(WORKSPACE)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_run_that_jumps_from_submitted_to_its_end_is_finished() {
    let api = MockApi::start().await;
    let progress = ProgressData::new().total_processes(3);
    let polls = api.describe_workflow(|when, then| {
        when.workflow_id("1run").workspace_id(7);
        let done = run_at("SUCCEEDED").progress(progress);
        then.ok(run_at("SUBMITTED")).ok(done)
    });
    let polls = polls.await;
    let run = api.client().run("1run").workspace(7);
    assert_eq!(run.status().await.unwrap(), WorkflowStatus::Submitted);
    let done = run.wait().pace(hasty()).await.unwrap();
    assert_eq!(done.status(), &WorkflowStatus::Succeeded);
    assert!(done.succeeded());
    let progress = done.details().progress.as_ref().unwrap();
    assert_eq!(progress.total_processes, Some(3));
    assert_eq!(polls.calls(), 2);
}

#[tokio::test]
async fn an_id_as_replies_have_it_may_be_missing_and_is_missed_when_it_is_needed() {
    let server = Server::start(|_, _| described("SUCCEEDED")).await;
    let client = server.client();
    let listed = WorkflowDetails::new().id("1run");
    assert!(client.run(listed.id).wait().await.unwrap().succeeded());
    let before = server.count();
    let none = client.run(None::<String>);
    for error in [
        none.status().await.unwrap_err(),
        none.wait().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    }
    assert_eq!(server.count(), before);
}

#[tokio::test]
async fn a_failed_and_a_cancelled_run_are_values_too() {
    let platform = embedded(3).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "failing-contamination-screen").await;
    let done = run.wait().pace(hasty()).await.unwrap();
    assert_eq!(done.status(), &WorkflowStatus::Failed);
    assert!(!done.succeeded() && done.error_message().is_some());

    let run = launched(&client, "hello").await;
    run.cancel().await.unwrap();
    let done = run.wait().pace(hasty()).await.unwrap();
    assert_eq!(done.status(), &WorkflowStatus::Cancelled);
}

#[tokio::test]
async fn a_launch_that_met_a_fault_inside_the_server_is_not_sent_again() {
    const FAULT: &str = "Unexpected error while processing - Error ID: 54apnFENQxbvCr23JaIjLb";
    let api = MockApi::start().await;
    api.describe_compute_env(|_, then| {
        let at = |status| {
            let env = ComputeEnvDetails::new().id("9env").status(status);
            DescribeComputeEnvResponse::new().compute_env(env)
        };
        then.ok(at("CREATING")).ok(at("AVAILABLE"))
    })
    .await;
    let launches = api.create_workflow_launch(|_, then| {
        let launched = SubmitWorkflowLaunchResponse::new().workflow_id("1run");
        then.error(400, FAULT).ok(launched)
    });
    let launches = launches.await;
    let launch = api.client().launch("https://git.example.com/acme/rnaseq");
    let launch = launch.workspace(7).compute_env(Id("9env"));
    let launch = launch.work_dir("s3://acme/work");
    let launch = launch.wait_for_compute_env(Duration::from_millis(200));
    let error = launch.send().await.unwrap_err();
    assert_eq!(error.error_id(), Some("54apnFENQxbvCr23JaIjLb"));
    launches.assert();
}

#[tokio::test]
async fn a_status_that_is_not_known_keeps_waiting() {
    let api = MockApi::start().await;
    let polls = api.describe_workflow(|_, then| {
        then.ok(run_at("UNKNOWN"))
            .ok(run_at("PREEMPTED"))
            .json(200, &json!({"workflow": {"id": "1run", "status": null}}))
            .ok(run_at("SUCCEEDED"))
    });
    let polls = polls.await;
    let run = api.client().run("1run");
    assert!(run.wait().pace(hasty()).await.unwrap().succeeded());
    assert_eq!(polls.calls(), 4);
}

#[tokio::test]
async fn a_timeout_says_how_far_the_run_was() {
    let (platform, run) = endless_run().await;
    let wait = run.wait().pace(hasty());
    let error = wait.timeout(Duration::from_millis(80)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReached);
    assert!(error.is_time_over());
    assert_eq!(
        error.to_string(),
        format!("wait: run {} is RUNNING after 80ms, and goes on", run.id())
    );

    // Nobody asks for it any more.
    nobody_asks(&platform).await;
}

/// A run that is RUNNING, and stays so.
async fn endless_run() -> (TestPlatform, Run) {
    let platform = embedded(1).await;
    platform.next_run("hello", Course::never_ends());
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "hello").await;
    while run.status().await.unwrap() != WorkflowStatus::Running {}
    (platform, run)
}

/// No call comes in any more, but for those that are under way.
async fn nobody_asks(platform: &TestPlatform) {
    tokio::time::sleep(Duration::from_millis(20)).await;
    let count = platform.calls().len();
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(platform.calls().len(), count);
}

#[tokio::test]
async fn many_waits_share_their_polls() {
    let platform = embedded(4).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch("hello").workspace(WORKSPACE);
    let runs = client.launch_all(vec![launch; 40]).try_collect::<Vec<_>>();
    let runs = runs.await.unwrap();
    let before = platform.calls().len();
    let waits = runs
        .iter()
        .map(|run| run.wait().pace(hasty()).into_future());
    let done = futures_util::future::try_join_all(waits).await.unwrap();
    assert!(done.iter().all(|done| done.succeeded()));
    let calls = platform.calls().split_off(before);
    let lists = calls
        .iter()
        .filter(|call| call.starts_with("GET /workflow?"))
        .count();
    println!("40 waits: {lists} lists, {} calls", calls.len());
    // One list a round, of which it takes five, and at the end the whole of each run.
    assert!(lists <= 8, "{lists}");
    assert_eq!(calls.len() - lists, 40);
}

#[tokio::test]
async fn one_who_gives_up_does_not_take_the_poll_of_others_along() {
    let server = Server::start(|number, _| match number {
        0 => Act::Late(Duration::from_millis(60), Box::new(described("RUNNING"))),
        _ => described("SUCCEEDED"),
    })
    .await;
    let client = server.client();
    let first = client.run("1run").wait().pace(hasty());
    let first = first.timeout(Duration::from_millis(20)).into_future();
    let second = client.run("1run").wait().pace(hasty()).into_future();
    let (first, second) = futures_util::future::join(first, second).await;
    assert_eq!(first.unwrap_err().kind(), ErrorKind::NotReached);
    assert!(second.unwrap().succeeded());
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn runs_that_the_newest_page_does_not_hold_are_described() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let all = client.list_workflows().workspace_id(WORKSPACE_ID).stream();
    let all: Vec<_> = all.try_collect().await.unwrap();
    let oldest = all.iter().rev().take(3);
    let waits = oldest.map(|entry| {
        let id = entry.workflow.as_ref().unwrap().id.clone().unwrap();
        client.run(id).workspace(WORKSPACE_ID).wait().into_future()
    });
    let before = platform.calls().len();
    futures_util::future::try_join_all(waits).await.unwrap();
    assert_eq!(platform.calls().len() - before, 1 + 3);
}

#[tokio::test]
async fn a_watch_tells_status_progress_tasks_and_the_end() {
    let platform = embedded(6).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "nf-core-rnaseq").await;
    let changes: Vec<Change> = run
        .watch()
        .tasks()
        .pace(hasty())
        .try_collect()
        .await
        .unwrap();

    let statuses = changes.iter().filter_map(|change| match change {
        Change::Status(status) => Some(status.as_str()),
        _ => None,
    });
    assert_eq!(
        statuses.collect::<Vec<_>>(),
        ["SUBMITTED", "RUNNING", "SUCCEEDED"]
    );
    let succeeded: Vec<_> = (changes.iter())
        .filter_map(|change| match change {
            Change::Progress(progress) => progress.workflow_progress.as_ref()?.succeeded,
            _ => None,
        })
        .collect();
    assert!(
        succeeded.len() > 1 && succeeded.is_sorted(),
        "{succeeded:?}"
    );
    let mut tasks = std::collections::HashMap::new();
    for change in &changes {
        if let Change::Task(task) = change {
            let before = tasks.insert(task.task_id, task.status.clone());
            assert_ne!(
                before,
                Some(task.status.clone()),
                "a task is told of when it changes"
            );
        }
    }
    let all: Vec<_> = run.tasks().all().await.unwrap();
    assert_eq!(tasks.len(), all.len());
    for task in all.into_iter().filter_map(|entry| entry.task) {
        assert_eq!(tasks[&task.task_id], task.status);
    }
    let Some(Change::Finished(done)) = changes.last() else {
        panic!("{changes:?}");
    };
    assert!(done.succeeded());
}

#[tokio::test]
async fn streams_that_have_ended_may_be_polled_again() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "nf-core-rnaseq").await;
    let mut changes = run.watch().pace(hasty());
    while changes.next().await.is_some() {}
    assert!(changes.next().await.is_none());
    let mut lines = run.logs().pace(hasty());
    while lines.next().await.is_some() {}
    assert!(lines.next().await.is_none());
    let mut runs = client.list_workflows().workspace_id(WORKSPACE_ID).stream();
    while runs.next().await.is_some() {}
    assert!(runs.next().await.is_none());
}

#[tokio::test]
async fn a_watch_goes_on_after_trouble_and_ends_where_it_stays() {
    let api = MockApi::start().await;
    api.describe_workflow(|_, then| {
        let then = then.ok(run_at("RUNNING")).error(503, "").times(5);
        then.ok(run_at("FAILED")).error(404, "")
    })
    .await;
    let client = api.builder().retry(RetryPolicy::none()).build().unwrap();
    let changes: Vec<_> = client
        .run("1run")
        .watch()
        .pace(hasty())
        .try_collect()
        .await
        .unwrap();
    let trouble = changes
        .iter()
        .filter(|change| matches!(change, Change::Trouble(_)));
    assert_eq!(trouble.count(), 5);
    assert!(matches!(changes.last(), Some(Change::Finished(_))));

    let mut gone = client.run("1run").watch().pace(hasty());
    assert!(gone.next().await.unwrap().unwrap_err().is_not_found());
    assert!(gone.next().await.is_none());
}

#[tokio::test]
async fn runs_are_labelled_starred_and_deleted() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "hello").await;
    let labels = async || {
        let call = client.describe_workflow().workflow_id(run.id());
        let call = call.workspace_id(WORKSPACE_ID).attributes(["labels"]);
        let labels = call.send().await.unwrap().labels.unwrap();
        labels
            .into_iter()
            .filter_map(|label| label.id)
            .collect::<Vec<_>>()
    };
    run.add_labels(["urgent", "production"]).await.unwrap();
    assert_eq!(labels().await, [71, 74]);
    run.remove_labels(["urgent"]).await.unwrap();
    assert_eq!(labels().await, [74]);
    run.set_labels([72]).await.unwrap();
    assert_eq!(labels().await, [72]);
    assert!(
        run.add_labels(["no-such"])
            .await
            .unwrap_err()
            .is_not_found()
    );

    run.star().await.unwrap();
    run.star().await.unwrap();
    run.unstar().await.unwrap();
    run.delete().await.unwrap();
    assert!(run.status().await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_run_starts_another_with_its_parameters() {
    let platform = embedded(2).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let fetched = launched(&client, "nf-core-fetchngs").await;
    let fetched = fetched.wait().pace(hasty()).await.unwrap();
    let results: String = fetched.param("outdir").unwrap();
    assert!(fetched.param::<i64>("outdir").is_err());
    assert!(
        fetched
            .param::<String>("no-such")
            .unwrap_err()
            .message()
            .contains("was not set")
    );
    let sheet = format!("{results}/samplesheet.csv");
    let next = client.launch("nf-core-rnaseq").workspace(WORKSPACE);
    let next = next.param("input", &sheet).send().await.unwrap();
    let done = next.wait().pace(hasty()).await.unwrap();
    assert_eq!(done.param::<String>("input").unwrap(), sheet);
}

#[tokio::test]
async fn a_dropped_wait_leaves_nothing_behind() {
    let (platform, run) = endless_run().await;
    let before = platform.calls().len();
    let wait = tokio::spawn(run.wait().pace(hasty()).into_future());
    while platform.calls().len() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    wait.abort();
    assert!(wait.await.unwrap_err().is_cancelled());
    nobody_asks(&platform).await;
}

/// A thread of Rust has 2 MiB. In a build that is not
/// optimized, every call on the way to a reply holds what it passes on.
const STACK: usize = 1536 << 10;

#[test]
fn workflows_take_little_of_the_stack() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let platform = runtime.block_on(embedded(3));
    let client = client_of_embedded(&platform).build().unwrap();
    let to = support::folder("stack");
    let all = async move {
        let run = launched(&client, "nf-core-sarek").await;
        let changes: Vec<_> = run
            .watch()
            .tasks()
            .pace(hasty())
            .try_collect()
            .await
            .unwrap();
        assert!(matches!(changes.last(), Some(Change::Finished(_))));
        let lines: Vec<_> = run.logs().pace(hasty()).try_collect().await.unwrap();
        assert!(!lines.is_empty());
        let done = run
            .wait()
            .pace(hasty())
            .timeout(Duration::from_secs(60))
            .await
            .unwrap();
        assert!(done.succeeded());
        let dumped = run.dump().task_logs().to_dir(&to).await.unwrap();
        assert!(dumped.files > 5);
        let again = run.resume().label("urgent").send().await.unwrap();
        assert!(again.wait().pace(hasty()).await.unwrap().succeeded());
        run.add_labels(["urgent"]).await.unwrap();
        let launches = (0..3).map(|_| client.launch("hello").workspace(WORKSPACE));
        let runs = client.launch_all(launches.collect::<Vec<_>>());
        assert_eq!(runs.try_collect::<Vec<_>>().await.unwrap().len(), 3);
    };
    let thread = std::thread::Builder::new().stack_size(STACK);
    let thread = thread.spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        // Not boxed, as a program's `main` holds it.
        runtime.unwrap().block_on(all);
    });
    thread.unwrap().join().unwrap();
}
