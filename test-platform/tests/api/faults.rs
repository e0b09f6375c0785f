//! What goes wrong on request, and what can be seen from outside.

use std::time::Duration;

use reqwest::Method;
use seqera_test_platform::{Course, TestPlatform};
use serde_json::{Value, json};

use crate::client::{Api, of_workspace};

const HELLO: &str = "https://github.com/nextflow-io/hello";

async fn runs(api: &Api) -> i64 {
    let list = api
        .get(&of_workspace("/workflow?max=1&includeTotalSize=true"))
        .await;
    list["totalSize"].as_i64().unwrap()
}

#[tokio::test]
async fn calls_fail_as_often_as_asked() {
    let api = Api::start().await;
    api.platform.fail_next("ListPipelines", 2, 503);
    for status in [503, 503, 200] {
        api.call(Method::GET, &of_workspace("/pipelines"), None, status)
            .await;
    }
    api.platform.fail_next("*", 1, 429);
    let message = api.refused(Method::GET, "/user-info", None, 429).await;
    assert!(message.contains("Maximum request rate"), "{message}");
    api.get("/user-info").await;
}

#[tokio::test]
async fn a_failed_call_may_have_acted() {
    let api = Api::start().await;
    let launch = || json!({ "launch": { "pipeline": HELLO } });
    let path = of_workspace("/workflow/launch");
    let before = runs(&api).await;
    api.platform.fail_next("CreateWorkflowLaunch", 1, 502);
    api.call(Method::POST, &path, Some(launch()), 502).await;
    assert_eq!(runs(&api).await, before);
    api.platform.act_then_fail("CreateWorkflowLaunch", 1, 502);
    api.call(Method::POST, &path, Some(launch()), 502).await;
    assert_eq!(runs(&api).await, before + 1);
    api.platform.act_then_break("CreateWorkflowLaunch", 1);
    let broken = api
        .request(Method::POST, &path)
        .json(&launch())
        .send()
        .await;
    assert!(broken.is_err());
    assert_eq!(runs(&api).await, before + 2);
    api.platform.break_next("CreateWorkflowLaunch", 1);
    let broken = api
        .request(Method::POST, &path)
        .json(&launch())
        .send()
        .await;
    assert!(broken.is_err());
    assert_eq!(runs(&api).await, before + 2);
}

#[tokio::test]
#[should_panic(expected = "no operation ListWorkflow")]
async fn a_misspelt_operation_is_noticed() {
    let api = Api::start().await;
    api.platform.fail_next("ListWorkflow", 1, 500);
}

#[tokio::test]
async fn tokens_expire() {
    let api = Api::of(
        TestPlatform::builder()
            .token_lifetime(Duration::from_secs(3600))
            .calls_per_second(None),
    )
    .await;
    api.get("/user-info").await;
    api.platform.advance(Duration::from_secs(3700));
    api.refused(Method::GET, "/user-info", None, 401).await;

    let api = Api::start().await;
    assert!(api.platform.expire_token(api.platform.token()));
    assert!(!api.platform.expire_token("never there"));
    api.refused(Method::GET, "/user-info", None, 401).await;
}

#[tokio::test]
async fn a_new_run_is_listed_late() {
    let late = TestPlatform::builder()
        .list_runs_after(Duration::from_secs(5))
        .calls_per_second(None);
    let api = Api::of(late.clock_at("2026-01-01T00:00:00Z")).await;
    let before = runs(&api).await;
    let run = api
        .post(
            &of_workspace("/workflow/launch"),
            json!({ "launch": { "pipeline": HELLO } }),
        )
        .await;
    assert_eq!(runs(&api).await, before);
    let path = format!("/workflow/{}", run["workflowId"].as_str().unwrap());
    api.get(&of_workspace(&path)).await;
    api.platform.advance(Duration::from_secs(5));
    assert_eq!(runs(&api).await, before + 1);
}

#[tokio::test]
async fn the_cache_of_data_links_fills() {
    let api = Api::start().await;
    api.platform.fill_data_link_cache_slowly(2);
    for (status, total) in [(202, 0), (202, 0), (200, 1)] {
        let list = api
            .call(Method::GET, &of_workspace("/data-links"), None, status)
            .await;
        assert_eq!(list["totalSize"], total);
    }
}

/// A reply without the check against the schema.
async fn raw(platform: &TestPlatform, path: &str) -> Value {
    let url = format!("{}{path}", platform.endpoint());
    let request = reqwest::Client::new()
        .get(url)
        .bearer_auth(platform.token());
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn older_and_newer_servers_answer_otherwise() {
    let path = of_workspace("/workflow?max=30");
    let older = TestPlatform::builder()
        .older_server()
        .start()
        .await
        .unwrap();
    let list = raw(&older, &path).await;
    let run = &list["workflows"][0];
    assert!(run.get("labels").is_none() && run["workflow"]["id"].is_string());
    let runs = list["workflows"].as_array().unwrap();
    let ended = runs
        .iter()
        .find(|run| run["workflow"]["launchId"].is_string())
        .unwrap();
    let id = ended["workflow"]["id"].as_str().unwrap();
    let described = raw(&older, &of_workspace(&format!("/workflow/{id}"))).await;
    assert!(
        described["progress"]["workflowProgress"]
            .get("aborted")
            .is_none()
    );
    let tasks = raw(&older, &of_workspace(&format!("/workflow/{id}/tasks"))).await;
    assert_eq!(tasks["tasks"][0]["task"]["exit"], "0");

    let newer = TestPlatform::builder()
        .newer_server()
        .start()
        .await
        .unwrap();
    let list = raw(&newer, &path).await;
    for place in ["", "/workflows/0", "/workflows/0/workflow"] {
        assert!(
            list.pointer(&format!("{place}/addedByANewerServer"))
                .is_some(),
            "{place}"
        );
    }
}

#[tokio::test]
async fn replies_are_altered() {
    let api = Api::start().await;
    let path = of_workspace("/compute-envs");
    api.platform.alter_replies(
        "ListComputeEnvs",
        "/computeEnvs/0/status",
        json!("HIBERNATING"),
    );
    api.platform
        .alter_replies("ListComputeEnvs", "/computeEnvs/1/platform", json!(null));
    let list = raw(&api.platform, &path).await;
    assert_eq!(list["computeEnvs"][0]["status"], "HIBERNATING");
    assert_eq!(list["computeEnvs"][1]["platform"], Value::Null);
    api.platform.clear_faults();
    assert_eq!(
        api.get(&path).await["computeEnvs"][0]["status"],
        "AVAILABLE"
    );
}

#[tokio::test]
async fn runs_take_the_course_that_a_test_sets() {
    let api = Api::of(
        TestPlatform::builder()
            .calls_per_second(None)
            .clock_at("2026-01-01T00:00:00Z"),
    )
    .await;
    let launch = async || {
        let run = api
            .post(
                &of_workspace("/workflow/launch"),
                json!({ "launch": { "pipeline": HELLO } }),
            )
            .await;
        run["workflowId"].as_str().unwrap().to_owned()
    };
    let status = async |id: &str| {
        let run = api.get(&of_workspace(&format!("/workflow/{id}"))).await;
        run["workflow"]["status"].as_str().unwrap().to_owned()
    };
    api.platform.next_run("hello", Course::fails().samples(9));
    api.platform.next_run("hello", Course::never_starts());
    api.platform
        .every_run("hello", Course::never_ends().takes(Duration::from_secs(1)));
    let ids = [
        launch().await,
        launch().await,
        launch().await,
        launch().await,
    ];
    api.platform.advance(Duration::from_secs(1000));
    let mut seen = Vec::new();
    for id in &ids {
        seen.push(status(id).await);
    }
    assert_eq!(seen, ["FAILED", "SUBMITTED", "RUNNING", "RUNNING"]);
    let tasks = api
        .get(&of_workspace(&format!("/workflow/{}/tasks", ids[0])))
        .await;
    assert_eq!(tasks["total"], 9);
}

#[tokio::test]
async fn the_latest_course_holds_for_a_pipeline_a_repository_or_any() {
    let api = Api::of(TestPlatform::builder().calls_per_second(None).run_polls(1)).await;
    let ends = async |repository: &str| {
        let launch = json!({ "launch": { "pipeline": repository } });
        let run = api.post(&of_workspace("/workflow/launch"), launch).await;
        let path = format!("/workflow/{}", run["workflowId"].as_str().unwrap());
        api.get(&of_workspace(&path)).await;
        let run = api.get(&of_workspace(&path)).await;
        run["workflow"]["status"].as_str().unwrap().to_owned()
    };
    const UNLISTED: &str = "https://github.com/acme/unlisted";
    api.platform.every_run("hello", Course::fails());
    assert_eq!(ends(HELLO).await, "FAILED");
    api.platform.every_run("hello", Course::succeeds());
    assert_eq!(ends(HELLO).await, "SUCCEEDED");
    api.platform.next_run("hello", Course::fails());
    assert_eq!(ends(HELLO).await, "FAILED", "the next one before every one");
    assert_eq!(ends(HELLO).await, "SUCCEEDED");
    assert_eq!(ends(UNLISTED).await, "SUCCEEDED");
    api.platform.next_run(UNLISTED, Course::fails());
    api.platform.next_run("*", Course::never_ends());
    assert_eq!(ends(UNLISTED).await, "FAILED");
    assert_eq!(ends(HELLO).await, "RUNNING");
    assert_eq!(ends(UNLISTED).await, "SUCCEEDED");
}

#[tokio::test]
async fn what_is_not_let_in_uses_no_fault_up() {
    let api = Api::of(TestPlatform::builder().calls_per_second(Some(1))).await;
    api.platform.fail_next("UserInfo", 1, 503);
    let bare = (api.http).get(format!("{}/user-info", api.platform.endpoint()));
    assert_eq!(bare.send().await.unwrap().status(), 401);
    api.refused(Method::GET, "/user-info", None, 503).await;
}

#[tokio::test]
async fn every_end_of_a_call_is_told() {
    let (told, calls) = std::sync::mpsc::channel();
    let builder = TestPlatform::builder()
        .calls_per_second(None)
        .on_call(move |call| told.send((call.to_string(), call.status)).unwrap());
    let api = Api::of(builder).await;
    let label = |name: &str| json!({ "name": name, "resource": false });
    let path = of_workspace("/labels");
    api.platform.act_then_fail("CreateLabel", 1, 502);
    api.platform.act_then_break("CreateLabel", 1);
    api.refused(Method::POST, &path, Some(label("one-more")), 502)
        .await;
    let broken = api.request(Method::POST, &path).json(&label("another"));
    assert!(broken.send().await.is_err());
    assert_eq!(api.platform.changes(), 2, "both were carried out");
    let statuses: Vec<u16> = calls.try_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [502, 0]);
}

#[tokio::test]
async fn a_schedule_sets_actions_off_as_the_clock_moves() {
    let api = Api::of(
        TestPlatform::builder()
            .calls_per_second(None)
            .clock_at("2026-01-01T00:00:00Z"),
    )
    .await;
    let action = json!({ "name": "nightly", "source": "cron", "cron": { "expression": "0 3 * * *" }, "launch": { "pipeline": HELLO } });
    let action = api.post(&of_workspace("/actions"), action).await;
    let path = of_workspace(&format!(
        "/actions/{}",
        action["actionId"].as_str().unwrap()
    ));
    assert_eq!(
        api.get(&path).await["action"]["nextExecution"],
        "2026-01-01T03:00:00Z"
    );
    let before = runs(&api).await;
    api.platform.advance(Duration::from_secs(2));
    api.get(&path).await;
    api.platform.advance(Duration::from_secs(3 * 86_400));
    assert_eq!(runs(&api).await, before + 3);
    let shown = api.get(&path).await;
    assert_eq!(shown["action"]["nextExecution"], "2026-01-04T03:00:00Z");
    assert_eq!(shown["action"]["event"]["discriminator"], "cron");
}

#[tokio::test]
async fn calls_and_state_are_there_to_look_at() {
    let api = Api::of(
        TestPlatform::builder()
            .calls_per_second(None)
            .clock_at("2026-01-01T00:00:00Z"),
    )
    .await;
    let other = Api::of(
        TestPlatform::builder()
            .calls_per_second(None)
            .clock_at("2026-01-01T00:00:00Z"),
    )
    .await;
    let label = json!({ "name": "looked-at", "resource": false });
    let before = api.platform.state();
    api.post(&of_workspace("/labels"), label.clone()).await;
    let calls = api.platform.received();
    let call = calls.last().unwrap();
    assert_eq!(call.to_string(), of_workspace("POST /labels"));
    assert_eq!(call.operation.as_deref(), Some("CreateLabel"));
    assert_eq!(call.user.as_deref(), Some("bench-lead"));
    assert_eq!((call.body.as_ref(), call.status), (Some(&label), 200));
    let after = api.platform.state();
    assert_ne!(before, after);
    assert_eq!(
        after["label"].as_array().unwrap().last().unwrap()["name"],
        "looked-at"
    );
    other.post(&of_workspace("/labels"), label).await;
    let plain = |platform: &TestPlatform| platform.state()["label"].clone();
    assert_eq!(
        plain(&api.platform),
        plain(&other.platform),
        "the same calls, the same state"
    );
    api.platform.clear_calls();
    assert!(api.platform.calls().is_empty());
}
