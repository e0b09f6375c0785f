//! The list of past runs, and what can be done to them.

use std::collections::HashSet;

use reqwest::Method;
use seqera_test_platform::TestPlatform;
use serde_json::{Value, json};

use crate::client::{Api, of_workspace};

async fn list(api: &Api, query: &str) -> Value {
    api.get(&of_workspace(&format!("/workflow?{query}"))).await
}

async fn all(api: &Api) -> Vec<Value> {
    let mut runs = Vec::new();
    loop {
        let page = list(api, &format!("max=100&offset={}", runs.len())).await;
        runs.extend(page["workflows"].as_array().unwrap().iter().cloned());
        if page["hasMore"] == false {
            return runs;
        }
    }
}

#[tokio::test]
async fn pages_make_up_the_whole_newest_first() {
    let api = Api::start().await;
    let runs = all(&api).await;
    assert_eq!(runs.len(), 240);
    let ids: HashSet<_> = runs
        .iter()
        .map(|run| run["workflow"]["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 240);
    let dates: Vec<_> = runs
        .iter()
        .map(|run| run["workflow"]["submit"].as_str().unwrap())
        .collect();
    assert!(dates.is_sorted_by(|newer, older| newer >= older));
    for status in ["SUCCEEDED", "FAILED", "CANCELLED"] {
        let found = list(
            &api,
            &format!("search=status:{status}&includeTotalSize=true"),
        )
        .await;
        let counted = runs
            .iter()
            .filter(|run| run["workflow"]["status"] == status)
            .count();
        assert_eq!(found["totalSize"], counted);
        assert!(counted > 0, "{status}");
    }
}

#[tokio::test]
async fn totals_and_attributes_come_only_when_asked_for() {
    let api = Api::start().await;
    let bare = list(&api, "max=3").await;
    assert!(bare["totalSize"].is_null() && bare["hasMore"] == true);
    assert!(bare["workflows"][0]["labels"].is_null());
    let full = list(
        &api,
        "max=3&includeTotalSize=true&attributes=labels,pipelineInfo",
    )
    .await;
    assert_eq!(full["totalSize"], 240);
    assert!(full["workflows"][0]["labels"].is_array());
    let found = list(&api, "search=sarek&max=100").await;
    for run in found["workflows"].as_array().unwrap() {
        assert_eq!(run["workflow"]["projectName"], "nf-core/sarek");
    }
}

#[tokio::test]
async fn the_number_of_past_runs_can_be_set() {
    for runs in [0, 1, 1500] {
        let api = Api::of(TestPlatform::builder().runs(runs)).await;
        assert_eq!(list(&api, "includeTotalSize=true").await["totalSize"], runs);
    }
}

#[tokio::test]
async fn every_past_run_can_be_described() {
    let api = Api::of(TestPlatform::builder().runs(40).calls_per_second(None)).await;
    for run in all(&api).await {
        let id = run["workflow"]["id"].as_str().unwrap();
        let described = api.get(&of_workspace(&format!("/workflow/{id}"))).await;
        assert_eq!(described["workflow"]["status"], run["workflow"]["status"]);
        api.get(&of_workspace(&format!("/workflow/{id}/metrics")))
            .await;
        api.get(&of_workspace(&format!("/workflow/{id}/tasks?max=100")))
            .await;
        // What was started outside the Platform has neither launch nor log.
        let status = if run["workflow"]["launchId"].is_null() {
            400
        } else {
            200
        };
        for path in ["launch", "log"] {
            let path = of_workspace(&format!("/workflow/{id}/{path}"));
            api.call(Method::GET, &path, None, status).await;
        }
    }
    api.refused(Method::GET, &of_workspace("/workflow/unknown"), None, 404)
        .await;
}

#[tokio::test]
async fn some_run_has_more_tasks_than_a_page() {
    let api = Api::start().await;
    let mut most = 0;
    for run in &all(&api).await[..20] {
        let path = format!(
            "/workflow/{}/tasks?max=1",
            run["workflow"]["id"].as_str().unwrap()
        );
        most = most.max(
            api.get(&of_workspace(&path)).await["total"]
                .as_u64()
                .unwrap(),
        );
    }
    assert!(most > 100, "{most}");
}

#[tokio::test]
async fn runs_are_deleted_one_or_many() {
    let api = Api::start().await;
    let runs = list(&api, "max=3").await;
    let ids = [0, 1, 2].map(|i| {
        runs["workflows"][i]["workflow"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    let one = of_workspace(&format!("/workflow/{}", ids[0]));
    api.call(Method::DELETE, &one, None, 204).await;
    api.refused(Method::DELETE, &one, None, 404).await;
    let body = json!({ "workflowIds": [ids[1], ids[2], "unknown"] });
    let reply = api.post(&of_workspace("/workflow/delete"), body).await;
    assert_eq!(reply["failedWorkflowIds"], json!(["unknown"]));
    assert_eq!(list(&api, "includeTotalSize=true").await["totalSize"], 237);
}

#[tokio::test]
async fn stars_are_given_once_and_taken() {
    let api = Api::start().await;
    let runs = all(&api).await;
    let run = runs.iter().find(|run| run["starred"] == false).unwrap();
    let path = of_workspace(&format!(
        "/workflow/{}/star",
        run["workflow"]["id"].as_str().unwrap()
    ));
    api.refused(Method::GET, &path, None, 404).await;
    api.call(Method::POST, &path, None, 200).await;
    api.refused(Method::POST, &path, None, 409).await;
    api.get(&path).await;
    api.call(Method::DELETE, &path, None, 200).await;
    api.refused(Method::GET, &path, None, 404).await;
}

#[tokio::test]
async fn labels_are_applied_added_and_removed() {
    let api = Api::start().await;
    let runs = list(&api, "max=2").await;
    let ids = [0, 1].map(|i| {
        runs["workflows"][i]["workflow"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    for (verb, labels, left) in [
        ("apply", json!([71]), json!([71])),
        ("add", json!([72, 71]), json!([71, 72])),
        ("remove", json!([71]), json!([72])),
        ("apply", json!([]), json!([])),
    ] {
        let body = json!({ "workflowIds": ids, "labelIds": labels });
        let path = of_workspace(&format!("/workflow/labels/{verb}"));
        api.call(Method::POST, &path, Some(body), 204).await;
        for id in &ids {
            let run = api
                .get(&of_workspace(&format!("/workflow/{id}?attributes=labels")))
                .await;
            let own: Value = run["labels"]
                .as_array()
                .unwrap()
                .iter()
                .map(|l| l["id"].clone())
                .collect();
            assert_eq!(own, left, "{verb}");
        }
    }
    let body = json!({ "workflowIds": ids, "labelIds": [5] });
    api.refused(
        Method::POST,
        &of_workspace("/workflow/labels/add"),
        Some(body),
        400,
    )
    .await;
}
