//! Waits that meet trouble, which passes or stays.

use super::*;

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
