//! The whole API against the test Platform, which is another reading of the same schema.
#![cfg(all(feature = "all-tags", feature = "runs"))]

#[path = "../test-platform/tests/api/steps.rs"]
mod steps;
mod support_schema;
mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use seqera::Client;
use seqera_test_platform::{Builder, TestPlatform, WORKSPACE_ID};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use support_schema::compare::differences;
use support_schema::instance::Extent;
use support_schema::{Operation, is_other_version, reference, schema};
use table::{CALLS, Sample};

type RoundTrip = fn(&str) -> Result<Value, String>;

include!(concat!(env!("OUT_DIR"), "/round_trips.rs"));

fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> Result<Value, String> {
    let value: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    serde_json::to_value(&value).map_err(|error| error.to_string())
}

/// How a Platform differs from the usual one.
type Kind = fn(Builder) -> Builder;

async fn platform(kind: Kind) -> TestPlatform {
    let builder = TestPlatform::builder().calls_per_second(None).runs(20);
    kind(builder).start().await.unwrap()
}

fn client(platform: &TestPlatform) -> Client {
    let builder = Client::builder(platform.token()).endpoint(platform.endpoint());
    builder
        .rate_limit(seqera::RateLimit::unlimited())
        .retry(seqera::RetryPolicy::none())
        .build()
        .unwrap()
}

fn sample(operation: Operation<'static>, extent: Extent) -> Sample {
    let shape =
        (operation.body("application/json")).or_else(|| operation.body("multipart/form-data"));
    let body = match shape {
        Some(shape) if reference(shape) == Some("EmptyBodyRequest") => serde_json::json!({}),
        Some(shape) => schema().instance(shape, extent, 0).value,
        None => Value::Null,
    };
    Sample {
        body,
        full: extent == Extent::Full,
    }
}

/// Whatever is called, with all there is to set or with as little as can be: it is carried out, or
/// refused with a reason. No call meets a hole, and none breaks the Platform.
#[tokio::test]
async fn every_operation_is_called_full_and_minimal() {
    let kinds: [(Kind, Extent); 4] = [
        (|plain| plain, Extent::Full),
        (|plain| plain, Extent::Required),
        (Builder::older_server, Extent::Required),
        (Builder::newer_server, Extent::Full),
    ];
    for (kind, extent) in kinds {
        let mut at = platform(kind).await;
        for (id, call) in CALLS {
            let outcome = call(client(&at), sample(schema().operation(id), extent)).await;
            let received = at.received().pop().unwrap();
            // Of an older version it has no operations that are added to that.
            if received.operation.is_none() && is_other_version() {
                continue;
            }
            assert_eq!(received.operation.as_deref(), Some(*id));
            if let Err(error) = outcome {
                let status = error.status().map(|status| status.as_u16());
                let said = error.to_string();
                let is_left_out = *id == "GetEncryptedCredentials" && status == Some(501);
                let is_reason = matches!(status, Some(400 | 403 | 404 | 409 | 415));
                assert!(is_left_out || is_reason, "{id}: {said}");
                assert!(!said.contains("Page Not Found"), "{id}: {said}");
            }
            // These end the token, or the user.
            if matches!(*id, "DeleteAllTokens" | "DeleteUser") {
                at = platform(kind).await;
            }
        }
    }
}

#[tokio::test]
async fn replies_of_older_newer_and_odd_servers_are_read() {
    let older = platform(Builder::older_server).await;
    let at = client(&older);
    let runs = at.list_workflows().workspace_id(WORKSPACE_ID);
    let runs = runs.send().await.unwrap().workflows.unwrap();
    let mut exits = 0;
    for run in runs {
        let id = run.workflow.unwrap().id.unwrap();
        let run = at.describe_workflow().workflow_id(&*id);
        run.workspace_id(WORKSPACE_ID).send().await.unwrap();
        let tasks = at.list_workflow_tasks().workflow_id(&*id);
        let tasks = tasks.workspace_id(WORKSPACE_ID).send().await.unwrap();
        let tasks = serde_json::to_value(tasks).unwrap();
        exits += tasks.to_string().matches("\"exit\":").count();
    }
    assert!(exits > 0, "exit codes as texts are read");

    let newer = platform(Builder::newer_server).await;
    let moon = serde_json::json!({ "discriminator": "moon-platform", "crater": 7 });
    newer.alter_replies("DescribeComputeEnv", "/computeEnv/config", moon.clone());
    newer.alter_replies(
        "DescribeComputeEnv",
        "/computeEnv/platform",
        "moon-platform".into(),
    );
    newer.alter_replies(
        "DescribeComputeEnv",
        "/computeEnv/status",
        "HIBERNATING".into(),
    );
    let env = client(&newer).describe_compute_env();
    let env = env.compute_env_id("4mXqT0bHcW8zLdPfRk2VnS");
    let env = env.workspace_id(WORKSPACE_ID).send().await.unwrap();
    let env = serde_json::to_value(env).unwrap();
    assert_eq!(env["computeEnv"]["config"], moon);
    assert_eq!(env["computeEnv"]["status"], "HIBERNATING");
    assert!(
        env["addedByANewerServer"].is_object(),
        "unknown fields are kept"
    );
}

#[tokio::test]
async fn what_breaks_is_repeated_where_that_is_safe_and_else_told() {
    let at = platform(|plain| plain.list_runs_after(Duration::from_secs(3600))).await;
    let patient = client(&at).with_retry(seqera::RetryPolicy::default());
    for fault in [TestPlatform::break_next, TestPlatform::act_then_break] {
        fault(&at, "UserInfo", 1);
        at.clear_calls();
        patient.user_info().send().await.unwrap();
        assert_eq!(at.calls().len(), 2);
    }
    at.act_then_fail("CreateLabel", 1, 502);
    at.clear_calls();
    let label = || {
        let label = patient.request(seqera::Method::POST, "/labels");
        let label = label.query("workspaceId", WORKSPACE_ID);
        label.json(&serde_json::json!({ "name": "once", "resource": false }))
    };
    let error = label().send::<Value>().await.unwrap_err();
    assert_eq!(error.status().unwrap(), 502);
    assert_eq!(
        at.calls().len(),
        1,
        "a POST that may have acted is not sent again"
    );
    let made = at.state()["label"].as_array().unwrap().last().unwrap()["id"].clone();
    assert_eq!(label().send::<Value>().await.unwrap()["id"], made);

    // A new run is there before lists show it.
    let launch = patient.launch("hello").workspace(WORKSPACE_ID);
    let run = launch.send().await.unwrap();
    run.status().await.unwrap();
    let found = async || {
        let list = patient.list_workflows().workspace_id(WORKSPACE_ID);
        let list = list.search(format!("workflowId:{}", run.id()));
        list.send().await.unwrap().workflows.unwrap().len()
    };
    assert_eq!(found().await, 0);
    at.advance(Duration::from_secs(3600));
    assert_eq!(found().await, 1);
}

/// What the Platform answers is what the types read, and they lose nothing of it.
#[tokio::test]
async fn every_reply_is_read_and_nothing_of_it_is_lost() {
    // The steps are those of the version for which the Platform was written.
    if is_other_version() {
        return;
    }
    let builder = TestPlatform::builder().calls_per_second(None);
    let at = builder
        .clock_at("2026-06-01T08:00:00Z")
        .start()
        .await
        .unwrap();
    let types: BTreeMap<&str, RoundTrip> = TYPES.iter().copied().collect();
    let mut read = 0;
    let mut losses = Vec::new();
    let operations: Vec<Operation<'static>> = schema().operations().collect();
    steps::carry_out(&at, |replied| {
        let fits = |operation: &&Operation<'static>| {
            operation.method.eq_ignore_ascii_case(replied.method)
                && fits(operation.path, replied.path)
        };
        // Of two that fit, the one with fewer parameters is meant.
        let operation = (operations.iter().filter(fits))
            .min_by_key(|operation| operation.path.matches('{').count());
        let shape = operation.and_then(|operation| {
            let mut successes = operation
                .successes()
                .filter(|(status, _)| *status == replied.status);
            successes.next()?.1.map(|(_, shape)| shape)
        });
        let Some(round_trip) = shape.and_then(reference).and_then(|name| types.get(name)) else {
            return;
        };
        read += 1;
        match round_trip(&replied.reply.to_string()) {
            Err(problem) => losses.push(format!("{} {}: {problem}", replied.method, replied.path)),
            Ok(written) => {
                let lost = differences(replied.reply, &written);
                losses.extend(
                    lost.into_iter()
                        .map(|lost| format!("{} {}: {lost}", replied.method, replied.path)),
                );
            }
        }
    })
    .await;
    assert!(read > 150, "only {read} replies were read");
    assert_eq!(losses, [""; 0]);
}

fn fits(template: &str, path: &str) -> bool {
    let (own, given): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    let takes_rest = own
        .last()
        .is_some_and(|last| matches!(*last, "{path}" | "{dirPath}" | "{filePath}"));
    (own.len() == given.len() || takes_rest && given.len() > own.len())
        && own
            .iter()
            .zip(&given)
            .all(|(own, given)| own.starts_with('{') || own == given)
}
