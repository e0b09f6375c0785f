//! A launched run from SUBMITTED to its end.

use std::time::{Duration, Instant};

use reqwest::Method;
use seqera_test_platform::TestPlatform;
use serde_json::{Value, json};

use crate::client::{Api, of_workspace, texts};
use crate::launchpad::launch_request;

async fn launch(api: &Api, pipeline: &str) -> String {
    let launch = launch_request(api, pipeline).await;
    let reply = api
        .post(
            &of_workspace("/workflow/launch"),
            json!({ "launch": launch }),
        )
        .await;
    reply["workflowId"].as_str().unwrap().to_owned()
}

async fn describe(api: &Api, id: &str) -> Value {
    api.get(&of_workspace(&format!("/workflow/{id}"))).await
}

fn succeeded(run: &Value) -> u64 {
    run["progress"]["workflowProgress"]["succeeded"]
        .as_u64()
        .unwrap()
}

/// Reads the run until it has ended.
async fn finish(api: &Api, id: &str) -> Value {
    loop {
        let run = describe(api, id).await;
        if !run["workflow"]["complete"].is_null() {
            return run;
        }
    }
}

#[tokio::test]
async fn by_polls_it_is_submitted_then_running_then_succeeded() {
    let api = Api::start().await;
    let id = launch(&api, "nf-core-rnaseq").await;
    let mut states = Vec::new();
    let mut counts = Vec::new();
    for _ in 0..6 {
        let run = describe(&api, &id).await;
        states.push(run["workflow"]["status"].as_str().unwrap().to_owned());
        counts.push(succeeded(&run));
    }
    assert_eq!(
        states,
        [
            "SUBMITTED",
            "RUNNING",
            "RUNNING",
            "RUNNING",
            "SUCCEEDED",
            "SUCCEEDED"
        ]
    );
    // Five processes of four samples, and two for all of them.
    assert_eq!(counts[4], 22);
    assert!(
        counts.is_sorted() && counts[0] == 0 && 0 < counts[2] && counts[2] < 22,
        "{counts:?}"
    );
    let run = describe(&api, &id).await;
    assert_eq!(run["workflow"]["stats"]["succeedCount"], 22);
    assert_eq!(run["workflow"]["exitStatus"], 0);
}

#[tokio::test]
async fn by_time_it_ends_when_its_time_is_over() {
    let time = Duration::from_millis(1500);
    let api = Api::of(
        TestPlatform::builder()
            .run_time(time)
            .calls_per_second(None),
    )
    .await;
    let id = launch(&api, "hello").await;
    let started = Instant::now();
    let mut states = Vec::new();
    loop {
        let run = describe(&api, &id).await;
        states.push(run["workflow"]["status"].as_str().unwrap().to_owned());
        if !run["workflow"]["complete"].is_null() {
            assert_eq!(run["workflow"]["duration"], 1500);
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The launch itself took a moment before the clock of this test started.
    assert!(started.elapsed() >= time - Duration::from_millis(500));
    states.dedup();
    assert_eq!(states.last().unwrap(), "SUCCEEDED");
    assert!(states.contains(&"RUNNING".to_owned()), "{states:?}");
}

#[tokio::test]
async fn with_one_poll_it_jumps_to_its_end() {
    let api = Api::of(TestPlatform::builder().run_polls(1)).await;
    let id = launch(&api, "hello").await;
    assert_eq!(describe(&api, &id).await["workflow"]["status"], "SUBMITTED");
    assert_eq!(describe(&api, &id).await["workflow"]["status"], "SUCCEEDED");
}

#[tokio::test]
async fn the_failing_pipeline_fails_with_a_report() {
    let api = Api::start().await;
    let id = launch(&api, "failing-contamination-screen").await;
    let run = finish(&api, &id).await;
    assert_eq!(run["workflow"]["status"], "FAILED");
    assert_eq!(run["workflow"]["success"], false);
    assert!(
        run["workflow"]["errorReport"]
            .as_str()
            .unwrap()
            .contains("SCREEN")
    );
    assert_eq!(run["progress"]["workflowProgress"]["failed"], 1);
    let tasks = api
        .get(&of_workspace(&format!("/workflow/{id}/tasks")))
        .await;
    let failed: Vec<_> = (tasks["tasks"].as_array().unwrap().iter())
        .map(|entry| &entry["task"])
        .filter(|task| task["status"] == "FAILED")
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(
        failed[0]["exit"],
        run["workflow"]["exitStatus"].as_i64().map(|_| 3).unwrap()
    );
}

#[tokio::test]
async fn every_view_of_a_run_tells_the_same() {
    let api = Api::start().await;
    let id = launch(&api, "nf-core-sarek").await;
    let run = finish(&api, &id).await;
    let at = |path: &str| of_workspace(&format!("/workflow/{id}{path}"));
    assert_eq!(api.get(&at("/progress")).await["progress"], run["progress"]);
    let tasks = api.get(&at("/tasks?max=100")).await;
    assert_eq!(tasks["total"], succeeded(&run));
    assert_eq!(api.get(&at("/tasks?search=multiqc")).await["total"], 1);
    let page = api.get(&at("/tasks?max=5&offset=20")).await;
    assert_eq!(page["tasks"].as_array().unwrap().len(), 1, "the last of 21");
    let first = &tasks["tasks"][0]["task"];
    let one = api.get(&at(&format!("/task/{}", first["taskId"]))).await;
    assert_eq!(&one["task"], first);
    let metrics = api.get(&at("/metrics")).await;
    let processes = &run["progress"]["processesProgress"];
    assert_eq!(
        texts(&metrics["metrics"], "process").len(),
        processes.as_array().unwrap().len()
    );
    let cpu = &metrics["metrics"][0]["cpu"];
    let ordered = ["min", "q1", "q2", "q3", "max"].map(|name| cpu[name].as_f64().unwrap());
    assert!(ordered.is_sorted(), "{ordered:?}");
    let list = api.get(&of_workspace("/workflow?max=1")).await;
    assert_eq!(list["workflows"][0]["workflow"]["id"], *id);
    assert_eq!(list["workflows"][0]["workflow"]["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_cancelled_run_stays_where_it_was() {
    let api = Api::start().await;
    let id = launch(&api, "nf-core-rnaseq").await;
    let cancel = of_workspace(&format!("/workflow/{id}/cancel"));
    describe(&api, &id).await;
    let before = describe(&api, &id).await;
    api.call(Method::POST, &cancel, Some(json!({})), 204).await;
    let after = describe(&api, &id).await;
    assert_eq!(after["workflow"]["status"], "CANCELLED");
    assert_eq!(succeeded(&after), succeeded(&before));
    assert_eq!(after["progress"]["workflowProgress"]["running"], 0);
    assert!(
        after["progress"]["workflowProgress"]["aborted"]
            .as_u64()
            .unwrap()
            > 0
    );
    api.refused(Method::POST, &cancel, Some(json!({})), 400)
        .await;
}

/// Follows a log to its end.
async fn follow(api: &Api, path: &str, id: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut next = String::new();
    loop {
        let over = !describe(api, id).await["workflow"]["complete"].is_null();
        let query = if next.is_empty() {
            String::new()
        } else {
            format!("?next={next}")
        };
        let page = api.get(&of_workspace(&format!("{path}{query}"))).await["log"].take();
        let entries = page["entries"].as_array().unwrap();
        lines.extend(entries.iter().map(|line| line.as_str().unwrap().to_owned()));
        let token = page["forwardToken"].as_str().unwrap().to_owned();
        if over && token == next {
            return lines;
        }
        next = token;
    }
}

#[tokio::test]
async fn a_log_grows_and_its_cursor_misses_nothing() {
    let api = Api::of(TestPlatform::builder().calls_per_second(None).run_polls(20)).await;
    let id = launch(&api, "nf-core-rnaseq").await;
    let path = format!("/workflow/{id}/log");
    let pending = api.get(&of_workspace(&path)).await;
    assert_eq!(pending["log"]["pending"], true);
    let followed = follow(&api, &path, &id).await;
    let file = format!("/workflow/{id}/download?fileName=nf-{id}.txt");
    let whole = api
        .request(Method::GET, &of_workspace(&file))
        .send()
        .await
        .unwrap();
    assert_eq!(whole.headers()["content-type"], "text/plain");
    assert_eq!(whole.text().await.unwrap().trim_end(), followed.join("\n"));
    assert!(
        followed.last().unwrap().starts_with("Succeeded   : 22"),
        "{followed:?}"
    );
    assert_eq!(
        followed
            .iter()
            .filter(|line| line.contains("Submitted process"))
            .count(),
        22
    );

    let short = api
        .get(&of_workspace(&format!("{path}?maxLength=60")))
        .await;
    assert_eq!(short["log"]["truncated"], true);
    api.refused(
        Method::GET,
        &of_workspace(&format!("{path}?next=nonsense")),
        None,
        400,
    )
    .await;
}

#[tokio::test]
async fn a_tasks_log_can_be_read_and_downloaded() {
    let api = Api::start().await;
    let id = launch(&api, "nf-core-rnaseq").await;
    api.refused(
        Method::GET,
        &of_workspace(&format!("/workflow/{id}/log/1")),
        None,
        404,
    )
    .await;
    finish(&api, &id).await;
    let log = api
        .get(&of_workspace(&format!("/workflow/{id}/log/1")))
        .await;
    let lines: Vec<_> = (log["log"]["entries"].as_array().unwrap().iter())
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(lines.last(), Some(&"fastqc: finished"));
    let file = of_workspace(&format!("/workflow/{id}/download/1?fileName=.command.log"));
    let whole = api.request(Method::GET, &file).send().await.unwrap();
    assert_eq!(whole.text().await.unwrap().trim_end(), lines.join("\n"));
    let file = of_workspace(&format!("/workflow/{id}/download/1?fileName=secret"));
    api.refused(Method::GET, &file, None, 404).await;
}
