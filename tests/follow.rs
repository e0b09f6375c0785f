//! Runs: waiting for their end, watching them, their logs, and what is done to them.
#![cfg(feature = "runs")]

mod support;

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
async fn polls_that_fail_six_times_are_ridden_out_and_reported() {
    let api = MockApi::start().await;
    let polls = api.describe_workflow(|_, then| {
        then.ok(run_at("RUNNING"))
            .error(503, "")
            .error(500, "Oops")
            .error(400, "Unexpected error - Error ID: 54apnFENQxbvCr23JaIjLb")
            .content(200, "text/html", "<html>Maintenance</html>")
            .error(429, "Maximum request rate exceeded")
            .empty(502)
            .ok(run_at("SUCCEEDED"))
    });
    let polls = polls.await;
    let client = api.builder().retry(RetryPolicy::none()).build().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let wait = client.run("1run").wait().pace(hasty());
    let done = wait.on_change(move |change| {
        log.lock().unwrap().push(match change {
            Change::Status(status) => status.to_string(),
            Change::Trouble(error) => format!("{:?}", error.kind()),
            other => panic!("{other:?}"),
        });
    });
    assert!(done.await.unwrap().succeeded());
    assert_eq!(
        *told.lock().unwrap(),
        [
            "RUNNING",
            "Status",
            "Status",
            "Status",
            "InvalidResponse",
            "Status",
            "Status",
            "SUCCEEDED"
        ]
    );
    assert_eq!(polls.calls(), 8);
}

/// The workspace is called otherwise once it was looked up, and the first try at that fails.
fn renamed_workspace(number: usize, seen: &Seen) -> Act {
    match seen.path() {
        _ if number == 0 => Act::Reset(vec![]),
        "/user-info" => ok(json!({"user": {"id": 3}})),
        "/user/3/workspaces" if number < 3 => ok(json!({"orgsAndWorkspaces": [
            {"orgName": "acme", "workspaceName": "research", "workspaceId": 7},
        ]})),
        "/workflow/1run" if number < 6 => described("RUNNING"),
        "/workflow/1run" => described("SUCCEEDED"),
        "/workflow/1run/log" => {
            let token = seen.query("next").unwrap_or_default();
            let entries = if token.is_empty() { vec!["a"] } else { vec![] };
            ok(json!({"log": {"entries": entries, "forwardToken": "1"}}))
        }
        _ => json(404, "{}"),
    }
}

#[tokio::test]
async fn the_workspace_is_looked_up_once_and_trouble_with_that_ridden_out() {
    let client = async || {
        let server = Server::start(renamed_workspace).await;
        let client = server.builder().retry(RetryPolicy::none());
        let client = client.remember_names(Duration::ZERO).build().unwrap();
        (server, client.run("1run").workspace("acme/research"))
    };
    let (_server, run) = client().await;
    assert!(run.wait().pace(hasty()).await.unwrap().succeeded());
    let (_server, run) = client().await;
    let changes: Vec<_> = run.watch().pace(hasty()).try_collect().await.unwrap();
    assert!(matches!(changes.last(), Some(Change::Finished(_))));
    let (_server, run) = client().await;
    let lines: Vec<_> = run.logs().pace(hasty()).try_collect().await.unwrap();
    assert_eq!(lines, ["a"]);
}

#[tokio::test]
async fn waits_go_on_where_the_list_of_runs_is_refused() {
    for refusal in [403, 400] {
        let platform = embedded(2).await;
        platform.fail_next("ListWorkflows", usize::MAX, refusal);
        let client = client_of_embedded(&platform).build().unwrap();
        let runs = [
            launched(&client, "hello").await,
            launched(&client, "hello").await,
        ];
        let waits = runs
            .iter()
            .map(|run| run.wait().pace(hasty()).into_future());
        let done = futures_util::future::try_join_all(waits).await.unwrap();
        assert!(done.iter().all(|done| done.succeeded()));
    }
}

#[tokio::test]
async fn trouble_that_does_not_pass_ends_the_wait() {
    let api = MockApi::start().await;
    let forbidden = api.describe_workflow(|when, then| {
        when.workflow_id("1run");
        then.forbidden("")
    });
    let forbidden = forbidden.await;
    let down = api.describe_workflow(|when, then| {
        when.workflow_id("2run");
        then.error(503, "")
    });
    let down = down.await;
    let client = api.builder().retry(RetryPolicy::none()).build().unwrap();
    let error = client.run("1run").wait().pace(hasty()).await.unwrap_err();
    assert!(error.is_forbidden());
    forbidden.assert();

    let wait = client.run("2run").wait().pace(hasty());
    let error = wait.patience(Duration::from_millis(60)).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 503);
    assert!(down.calls() > 2);
}

#[tokio::test]
async fn connections_that_break_are_ridden_out() {
    let server = Server::start(|number, _| match number {
        0 => described("RUNNING"),
        1 => Act::Reset(vec![]),
        2 => Act::Reset(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{".to_vec()),
        _ => described("SUCCEEDED"),
    })
    .await;
    let client = server.builder().retry(RetryPolicy::none()).build().unwrap();
    let broken = Arc::new(AtomicUsize::new(0));
    let count = broken.clone();
    let wait = client.run("1run").wait().pace(hasty());
    let done = wait.on_change(move |change| {
        if let Change::Trouble(error) = change {
            assert_eq!(error.kind(), ErrorKind::Connection);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    assert!(done.await.unwrap().succeeded());
    assert_eq!((broken.load(Ordering::SeqCst), server.count()), (2, 4));
}

/// The first call of a look succeeds each time, and the second never does.
#[tokio::test]
async fn trouble_with_half_of_a_look_is_trouble() {
    const PATIENCE: Duration = Duration::from_millis(60);
    const AT_MOST: Duration = Duration::from_secs(5);
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "hello").await;
    run.wait().pace(hasty()).await.unwrap();
    platform.fail_next("ListWorkflowTasks", usize::MAX, 500);
    let watch = run.watch().tasks();
    let changes = watch.pace(hasty()).patience(PATIENCE).collect::<Vec<_>>();
    let mut changes = tokio::time::timeout(AT_MOST, changes)
        .await
        .expect("an end");
    let last = changes.pop().unwrap();
    assert_eq!(last.unwrap_err().status().unwrap(), 500);
    assert!(changes.len() > 2 && changes.iter().all(Result::is_ok));

    let runs = [run, launched(&client, "hello").await];
    runs[1].wait().pace(hasty()).await.unwrap();
    platform.fail_next("DescribeWorkflow", usize::MAX, 500);
    let waits = runs.iter().map(|run| {
        let wait = run.wait().pace(hasty()).patience(PATIENCE);
        wait.into_future()
    });
    let waits = futures_util::future::join_all(waits);
    let done = tokio::time::timeout(AT_MOST, waits).await.expect("an end");
    for outcome in done {
        assert_eq!(outcome.unwrap_err().status().unwrap(), 500);
    }
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

fn log_page(entries: &[&str]) -> LogPage {
    LogPage::new().entries(entries.iter().copied())
}

fn log(page: LogPage) -> WorkflowLogResponse {
    WorkflowLogResponse::new().log(page)
}

/// Its token changes with every page, also where nothing has come, and in the middle the server
/// refuses what it gave out before.
#[tokio::test]
async fn a_log_that_grows_rotates_its_token_and_ends_is_told_line_by_line() {
    let api = MockApi::start().await;
    let pages: [(Option<&str>, &[&str], &str); 9] = [
        (None, &[], "0/0"),
        (Some("0/0"), &["a", "b"], "0/2"),
        (Some("0/2"), &["c"], "0/3"),
        (Some("0/3"), &[], "0/3/again"),
        // Here the tokens of the first generation end.
        (Some("1/5"), &["f", "g"], "1/7"),
        (Some("1/7"), &[], "1/7/again"),
        (Some("1/7/again"), &["h"], "1/8"),
        (Some("1/8"), &[], "1/8/again"),
        (Some("1/8/again"), &[], "1/8/again"),
    ];
    let mut looks = Vec::new();
    for (token, entries, next) in pages {
        let look = api.get_workflow_log(|when, then| {
            when.workflow_id("1run").next(token);
            let page = log(log_page(entries).forward_token(next));
            match token {
                None => then.ok(page).times(1),
                Some(_) => then.ok(page),
            }
        });
        looks.push(look.await);
    }
    let refused = api.get_workflow_log(|when, then| {
        when.next("0/3/again");
        then.bad_request("Invalid log token")
    });
    let refused = refused.await;
    let anew = api.get_workflow_log(|when, then| {
        when.next(None::<String>);
        let page = log_page(&["a", "b", "c", "d", "e"]);
        then.ok(log(page.forward_token("1/5")))
    });
    looks.push(anew.await);
    // The last line is written after the last look at a run that went on.
    api.describe_workflow(|_, then| then.ok(run_at("RUNNING")).times(2).ok(run_at("SUCCEEDED")))
        .await;
    let run = api.client().run("1run");
    let lines: Vec<_> = run.logs().pace(hasty()).try_collect().await.unwrap();
    assert_eq!(lines.concat(), "abcdefgh");
    assert!(refused.calls() > 0 && looks.iter().all(|look| look.calls() > 0));
    assert_eq!(api.unexpected(), [""; 0]);
}

#[tokio::test]
async fn empty_pages_of_a_log_are_not_its_end() {
    for follow in [true, false] {
        let server = Server::start(|_, seen| {
            let at = seen.query("next").map_or(0, |token| token.parse().unwrap());
            let (entries, next) = match at {
                0 => (json!(["a"]), 1),
                4 => (json!(["b"]), 5),
                at => (json!([]), at + 1),
            };
            let log =
                json!({"entries": entries, "forwardToken": next.to_string(), "truncated": at > 4});
            match seen.path() {
                "/workflow/1run/log" => ok(json!({ "log": log })),
                _ => launched_run("SUCCEEDED"),
            }
        })
        .await;
        let run = server.client().run("1run");
        let mut lines = run.logs().follow(follow);
        let first = lines.next().await.unwrap().unwrap();
        assert!(first == "a" && !lines.is_truncated());
        assert_eq!(lines.next().await.unwrap().unwrap(), "b");
        assert!(lines.next().await.is_none(), "it does not read on for ever");
        assert!(lines.is_truncated());
    }
}

#[tokio::test]
async fn a_log_rides_out_trouble_and_waits_for_what_is_pending() {
    let api = MockApi::start().await;
    api.get_workflow_log(|_, then| {
        let pending = || log(log_page(&[]).pending(true));
        let then = then.error(503, "").times(5).ok(pending()).times(3);
        then.ok(log(log_page(&["late"]).pending(false)))
    })
    .await;
    api.describe_workflow(|_, then| then.ok(run_at("SUCCEEDED")))
        .await;
    let client = api.builder().retry(RetryPolicy::none()).build().unwrap();
    let lines: Vec<_> = client
        .run("1run")
        .logs()
        .pace(hasty())
        .try_collect()
        .await
        .unwrap();
    assert_eq!(lines, ["late"]);
}

#[tokio::test]
async fn logs_of_runs_and_tasks_are_followed_to_their_ends() {
    let platform = embedded(12).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let run = launched(&client, "nf-core-sarek").await;
    let lines: Vec<_> = run.logs().pace(hasty()).try_collect().await.unwrap();
    let whole = client.download_workflow_log().workflow_id(run.id());
    let whole = whole
        .workspace_id(WORKSPACE_ID)
        .file_name(format!("nf-{}.log", run.id()));
    let whole = whole.send().await.unwrap().bytes().await.unwrap();
    let whole = String::from_utf8(whole.to_vec()).unwrap();
    assert!(lines.len() > 10);
    assert_eq!(lines, whole.lines().collect::<Vec<_>>());

    let task = run.tasks().next().await.unwrap().unwrap().task.unwrap();
    let lines: Vec<_> = run
        .logs()
        .task(task.task_id.unwrap())
        .try_collect()
        .await
        .unwrap();
    assert!(!lines.is_empty());

    let begun = Instant::now();
    let now: Vec<_> = launched(&client, "hello")
        .await
        .logs()
        .follow(false)
        .try_collect()
        .await
        .unwrap();
    assert!(now.len() < 3 && begun.elapsed() < Duration::from_secs(1));
}

/// A run that the Platform launched, in this status.
fn launched_run(status: &str) -> Act {
    ok(json!({"workflow": {"id": "1run", "status": status, "launchId": "1launch"}}))
}

#[tokio::test]
async fn a_run_without_a_log_is_an_error_at_once() {
    const NO_LOG: &str = "No log is available";
    let launched = WorkflowDetails::new().id("1run").launch_id("1launch");
    let launched = DescribeWorkflowResponse::new().workflow(launched.status("FAILED"));
    for (run, looks) in [(Some(run_at("RUNNING")), 1), (Some(launched), 2), (None, 1)] {
        let api = MockApi::start().await;
        let logs = api.get_workflow_log(|_, then| then.bad_request(NO_LOG));
        let logs = logs.await;
        api.describe_workflow(|_, then| match run {
            Some(run) => then.ok(run),
            None => then.bad_request(NO_LOG),
        })
        .await;
        let mut lines = api.client().run("1run").logs().pace(hasty());
        let error = lines.next().await.unwrap().unwrap_err();
        assert_eq!(error.status().unwrap(), 400);
        assert!(error.message().contains(NO_LOG), "{error}");
        assert!(lines.next().await.is_none());
        assert_eq!(logs.calls(), looks);
    }
}

#[tokio::test]
async fn a_log_that_is_not_there_right_after_the_launch_is_waited_for() {
    for (status, task) in [(400, None), (404, None), (404, Some(7))] {
        let looks = AtomicUsize::new(0);
        let server = Server::start(move |_, seen| match seen.path() {
            "/workflow/1run/log" | "/workflow/1run/log/7" => {
                match looks.fetch_add(1, Ordering::SeqCst) {
                    0..4 => json(status, "{}"),
                    _ => ok(json!({"log": {"entries": ["a", "b"], "forwardToken": "t"}})),
                }
            }
            "/workflow/1run/task/7" => ok(json!({"task": {"status": "SUBMITTED"}})),
            // It ends with its first line.
            _ if looks.load(Ordering::SeqCst) >= 4 => launched_run("SUCCEEDED"),
            _ => launched_run("SUBMITTED"),
        })
        .await;
        let run = server.client().run("1run");
        let mut lines = run.logs().pace(hasty());
        if let Some(task) = task {
            lines = lines.task(task);
        }
        let first = lines.next().await.unwrap().unwrap();
        assert_eq!(
            (
                first.as_str(),
                lines.next().await.unwrap().unwrap().as_str()
            ),
            ("a", "b")
        );

        // What does not follow does not wait, and nobody waits for ever.
        let server = Server::start(move |_, seen| match seen.path() {
            "/workflow/1run" => launched_run("SUBMITTED"),
            _ => json(status, "{}"),
        })
        .await;
        let run = server.client().run("1run");
        let mut now = run.logs().follow(false);
        assert!(now.next().await.unwrap().is_err() && server.count() == 1);
        let mut soon = run
            .logs()
            .pace(hasty())
            .patience(Duration::from_millis(400));
        let begun = Instant::now();
        assert!(soon.next().await.unwrap().is_err());
        assert!(begun.elapsed() >= Duration::from_millis(400) && server.count() > 4);
    }
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
