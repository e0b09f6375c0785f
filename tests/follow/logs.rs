//! Logs that are followed to their ends.

use super::*;

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
