//! The example on the page of each operation, run against the test Platform.
#![cfg(feature = "all-tags")]

use std::fs;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use seqera::{Client, Method, MultipartForm, RateLimit, Result, RetryPolicy, Upload};
use seqera_test_platform::{Builder, TestPlatform, WORKSPACE_ID};
use serde_json::Value;

type Example = fn(Client) -> Pin<Box<dyn Future<Output = Result<()>> + Send>>;

#[allow(unused_variables)]
mod table {
    use super::Example;

    include!(concat!(env!("OUT_DIR"), "/examples.rs"));
}

/// What can't be run by itself, with what is said instead of an answer.
const LEFT_OUT: &[(&str, &str)] = &[
    // Its keys would be encrypted for a paired service, which the Platform for tests has none of.
    ("GetEncryptedCredentials", "no GetEncryptedCredentials"),
    // The upload is one that another call has begun; the tests of uploads go all the way.
    ("FinishDataLinkUpload", "Unknown upload"),
    ("FinishDataLinkUploadWithPath", "Unknown upload"),
];

/// Who runs an example, where that isn't the laboratory's lead: its only owner can't leave.
const BY_OTHERS: &[(&str, &str)] = &[("LeaveOrganization", "night-shift")];

fn builder() -> Builder {
    TestPlatform::builder()
        .calls_per_second(None)
        .clock_at("2026-03-02T08:00:00Z")
        .runs(20)
}

fn client(platform: &TestPlatform, user: Option<&str>) -> Client {
    let token = match user {
        Some(user) => platform.token_of(user).unwrap(),
        None => platform.token().to_owned(),
    };
    Client::builder(token)
        .endpoint(platform.endpoint())
        .rate_limit(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

#[tokio::test]
async fn every_example_runs_without_an_error() {
    let folder = tempfile::tempdir().unwrap();
    // Examples upload files of the current folder; no other test of this program needs it.
    std::env::set_current_dir(folder.path()).unwrap();
    for file in ["avatar.png", "batch-02.csv"] {
        fs::write(file, "sample,fastq_1\nS1,S1.fastq.gz\n").unwrap();
    }
    let scene = folder.path().join("scene.json");
    let steps: Vec<Value> = yaml_serde::from_str(include_str!("doc_examples.yml")).unwrap();
    let is_of_one = |step: &&Value| step.get("before").is_some();
    let (of_one, of_all): (Vec<&Value>, Vec<&Value>) = steps.iter().partition(is_of_one);
    set(&scene, &of_all).await;

    let mut faults = Vec::new();
    for (id, example) in table::EXAMPLES {
        let platform = builder().state_file(&scene).start().await.unwrap();
        for step in &of_one {
            let before = step["before"].as_array().unwrap();
            if before.iter().any(|other| other == id) {
                carry_out(step, &client(&platform, None), &mut Vec::new()).await;
            }
        }
        let user = BY_OTHERS.iter().find(|(other, _)| other == id);
        let ran = example(client(&platform, user.map(|(_, user)| *user))).await;
        let left_out = LEFT_OUT.iter().find(|(other, _)| other == id);
        match (ran, left_out) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => faults.push(format!("{id} runs now, and need not be left out")),
            (Err(error), Some((_, said))) if error.to_string().contains(said) => {}
            (Err(error), _) => faults.push(format!("{id}: {error}")),
        }
    }
    assert!(table::EXAMPLES.len() > 240);
    assert!(
        faults.is_empty(),
        "{}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

/// What was made: the id by which examples name it, and its own.
type Made = Vec<(Value, Value)>;

/// Makes what the examples name, and writes it to a file.
async fn set(scene: &Path, steps: &[&Value]) {
    let platform = builder().start().await.unwrap();
    // To this the examples of linked datasets point.
    platform.put_object("cohorts", "germline.csv", "sample,sex\nS1,female\n");
    let client = client(&platform, None);
    let mut made = Made::new();
    for step in steps {
        match step["advance"].as_u64() {
            Some(seconds) => platform.advance(Duration::from_secs(seconds)),
            None => carry_out(step, &client, &mut made).await,
        }
    }
    platform.save(scene).unwrap();
    let mut state: Value = serde_json::from_str(&fs::read_to_string(scene).unwrap()).unwrap();
    // The counter that ids come from stays what it is.
    for part in ["/state/records", "/state/runs", "/objects"] {
        rename(state.pointer_mut(part).unwrap(), &made);
    }
    fs::write(scene, state.to_string()).unwrap();
}

/// Makes the call of a step, and notes what it made.
async fn carry_out(step: &Value, client: &Client, made: &mut Made) {
    let (method, path) = step["call"].as_str().unwrap().split_once(' ').unwrap();
    let own = |part: &str| made.iter().find(|(id, _)| plain(id) == part);
    let parts = path.split('/');
    let parts = parts.map(|part| own(part).map_or_else(|| part.to_owned(), |(_, own)| plain(own)));
    let path = parts.collect::<Vec<_>>().join("/");
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let mut call = client.request(method.parse::<Method>().unwrap(), path.to_owned());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap();
        call = call.query(name.to_owned(), value);
    }
    if step["in"] == "research" {
        call = call.query("workspaceId", WORKSPACE_ID);
    }
    if let Some(body) = step.get("body") {
        call = call.json(body);
    }
    if let Some(part) = step["file"].as_str() {
        let file = Upload::from_path("avatar.png");
        call = call.multipart(MultipartForm::new().file(part.to_owned(), file));
    }
    let Some(ids) = step["is"].as_object() else {
        let sent = call.send_empty().await;
        sent.unwrap_or_else(|error| panic!("{step}: {error}"));
        return;
    };
    let reply: Value = call
        .send()
        .await
        .unwrap_or_else(|error| panic!("{step}: {error}"));
    for (pointer, id) in ids {
        let own = reply.pointer(pointer);
        let own = own.unwrap_or_else(|| panic!("{step}: {reply}"));
        made.push((id.clone(), own.clone()));
    }
}

/// Gives what was made the ids by which the examples name it: whole values, and parts of paths.
fn rename(value: &mut Value, made: &[(Value, Value)]) {
    let id_of = |own: &str| made.iter().find(|(_, other)| plain(other) == own);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, made)),
        Value::Object(fields) => fields.values_mut().for_each(|field| rename(field, made)),
        Value::Number(number) => {
            if let Some((id, _)) = id_of(&number.to_string()) {
                *value = id.clone();
            }
        }
        Value::String(text) => {
            let parts = text
                .split('/')
                .map(|part| id_of(part).map_or_else(|| part.to_owned(), |(id, _)| plain(id)));
            *text = parts.collect::<Vec<_>>().join("/");
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
