//! Pipelines, and what a launch takes and refuses.

use reqwest::Method;
use seqera_test_platform::TestPlatform;
use serde_json::{Value, json};

use crate::client::{Api, of_workspace, texts};

/// The launch request that a pipeline's own configuration gives.
pub async fn launch_request(api: &Api, name: &str) -> Value {
    let list = api
        .get(&of_workspace(&format!("/pipelines?search=\"{name}\"")))
        .await;
    let path = format!("/pipelines/{}/launch", list["pipelines"][0]["pipelineId"]);
    let mut launch = api.get(&of_workspace(&path)).await["launch"].take();
    launch["computeEnvId"] = launch["computeEnv"]["id"].take();
    launch
}

#[tokio::test]
async fn search_finds_parts_of_names_and_in_quotes_whole_ones() {
    let api = Api::start().await;
    let search = async |query: &str| {
        let list = api.get(&of_workspace(&format!("/pipelines?{query}"))).await;
        texts(&list["pipelines"], "name").join(" ")
    };
    assert_eq!(
        search("search=RNASEQ").await,
        "nf-core-rnaseq nf-core-rnaseq-pilot"
    );
    assert_eq!(
        search("search=%22nf-core-rnaseq%22").await,
        "nf-core-rnaseq"
    );
    assert_eq!(search("search=nothing-like-it").await, "");
    assert_eq!(search("visibility=shared").await, "nf-core-taxprofiler");
    assert_eq!(
        search("max=2&offset=4&sortBy=NAME").await,
        "nf-core-rnaseq nf-core-rnaseq-pilot"
    );
    assert_eq!(
        search("max=1&sortBy=NAME").await,
        "failing-contamination-screen"
    );
    assert_eq!(
        search("max=1&sortDir=DESCENDING").await,
        "nf-core-viralrecon"
    );
    assert_eq!(
        search("search=label:pilot-study%20nf").await,
        "nf-core-rnaseq-pilot"
    );
    let list = api.get(&of_workspace("/pipelines?max=2&offset=1")).await;
    assert_eq!(list["totalSize"], 8);
}

#[tokio::test]
async fn attributes_fill_what_is_null_without_them() {
    let api = Api::start().await;
    let bare = api.get(&of_workspace("/pipelines/20102")).await;
    assert!(bare["pipeline"]["labels"].is_null() && bare["pipeline"]["computeEnv"].is_null());
    let full = api
        .get(&of_workspace(
            "/pipelines/20102?attributes=labels,computeEnv,optimized",
        ))
        .await;
    assert_eq!(
        texts(&full["pipeline"]["labels"], "name"),
        ["production", "cost-centre"]
    );
    assert_eq!(full["pipeline"]["computeEnv"]["name"], "aws-batch-ireland");
    api.refused(
        Method::GET,
        &of_workspace("/pipelines/20102?attributes=colour"),
        None,
        400,
    )
    .await;
    api.refused(Method::GET, &of_workspace("/pipelines/1"), None, 404)
        .await;
}

#[tokio::test]
async fn a_shared_pipeline_is_reached_through_its_workspace() {
    let api = Api::start().await;
    let shared = api.get(&of_workspace("/pipelines?visibility=shared")).await;
    let pipeline = &shared["pipelines"][0];
    assert_eq!(pipeline["visibility"], "SHARED");
    let path = of_workspace(&format!("/pipelines/{}/launch", pipeline["pipelineId"]));
    api.refused(Method::GET, &path, None, 404).await;
    let path = format!("{path}&sourceWorkspaceId={}", pipeline["workspaceId"]);
    let launch = api.get(&path).await;
    assert!(
        launch["launch"]["computeEnv"].is_null(),
        "its workspace has none"
    );
}

#[tokio::test]
async fn a_created_pipeline_can_be_launched() {
    let api = Api::start().await;
    let hello = launch_request(&api, "hello").await;
    let new = json!({
        "name": "my-pipeline",
        "description": "of a test",
        "labelIds": [71],
        "launch": {
            "pipeline": "https://github.com/open-genomics-example/my-pipeline",
            "computeEnvId": hello["computeEnvId"],
            "workDir": hello["workDir"],
            "paramsText": "{\"input\": \"a\"}",
        },
    });
    let created = api.post(&of_workspace("/pipelines"), new.clone()).await;
    api.refused(Method::POST, &of_workspace("/pipelines"), Some(new), 409)
        .await;
    let launch = launch_request(&api, "my-pipeline").await;
    assert_eq!(launch["paramsText"], "{\"input\": \"a\"}");
    let run = api
        .post(
            &of_workspace("/workflow/launch"),
            json!({ "launch": launch }),
        )
        .await;
    let path = format!(
        "/workflow/{}?attributes=pipelineInfo",
        run["workflowId"].as_str().unwrap()
    );
    let run = api.get(&of_workspace(&path)).await;
    assert_eq!(run["pipelineInfo"]["id"], created["pipeline"]["pipelineId"]);
    assert_eq!(run["workflow"]["params"]["input"], "a");
}

#[tokio::test]
async fn a_launch_that_can_not_work_is_refused_with_the_reason() {
    let api = Api::start().await;
    let good = launch_request(&api, "nf-core-rnaseq").await;
    let path = of_workspace("/workflow/launch");
    for (field, value, reason) in [
        ("computeEnvId", json!("nowhere"), "compute environment"),
        (
            "pipeline",
            json!("https://github.com/nobody/nothing"),
            "pipeline repository",
        ),
        ("paramsText", json!("neither"), "parameters"),
        ("labelIds", json!([5]), "label"),
        ("runName", json!("Not A Name"), "run name"),
        ("resume", json!(true), "session"),
    ] {
        let mut launch = good.clone();
        launch[field] = value;
        let reply = api
            .call(Method::POST, &path, Some(json!({ "launch": launch })), 400)
            .await;
        assert!(reply.to_string().contains(reason), "{field}: {reply}");
    }
    let several = json!({ "launch": { "computeEnvId": "nowhere", "runName": "Not A Name" } });
    let reply = api.call(Method::POST, &path, Some(several), 400).await;
    let codes = texts(&reply["errors"], "code");
    assert_eq!(codes, ["MISSING", "COMPUTE_ENV", "RUN_NAME"]);
    let runs = api
        .get(&of_workspace("/workflow?includeTotalSize=true"))
        .await;
    assert_eq!(runs["totalSize"], 240, "nothing was launched");
}

#[tokio::test]
async fn a_launch_without_a_compute_environment_takes_the_primary_one() {
    let api = Api::start().await;
    let launch = json!({ "pipeline": "https://github.com/nextflow-io/hello" });
    let path = of_workspace("/workflow/launch");
    let run = api.post(&path, json!({ "launch": launch })).await;
    let id = run["workflowId"].as_str().unwrap();
    let path = of_workspace(&format!("/workflow/{id}/launch"));
    let launch = api.get(&path).await["launch"].take();
    assert_eq!(launch["computeEnv"]["name"], "aws-batch-ireland");
    assert_eq!(launch["workDir"], "s3://open-genomics-work");
}

#[tokio::test]
async fn a_run_remembers_what_it_was_launched_with() {
    let api = Api::start().await;
    let mut launch = launch_request(&api, "nf-core-rnaseq").await;
    launch["runName"] = json!("first_try");
    launch["paramsText"] = json!("input: 's3://bucket/sheet.csv'\nmax_cpus: 8\nskip_qc: true\n");
    launch["preRunScript"] = json!("module load java");
    launch["labelIds"] = json!([71]);
    let body = json!({ "launch": launch });
    let run = api
        .post(&of_workspace("/workflow/launch"), body.clone())
        .await;
    api.refused(
        Method::POST,
        &of_workspace("/workflow/launch"),
        Some(body),
        400,
    )
    .await;

    let id = run["workflowId"].as_str().unwrap();
    let described = api
        .get(&of_workspace(&format!("/workflow/{id}?attributes=labels")))
        .await;
    assert_eq!(described["workflow"]["runName"], "first_try");
    assert_eq!(described["labels"][0]["name"], "urgent");
    let params = json!({ "input": "s3://bucket/sheet.csv", "max_cpus": 8, "skip_qc": true });
    assert_eq!(described["workflow"]["params"], params);

    let of_run = api
        .get(&of_workspace(&format!("/workflow/{id}/launch")))
        .await["launch"]
        .take();
    assert_eq!(of_run["preRunScript"], "module load java");
    assert_eq!(of_run["computeEnv"]["id"], launch["computeEnvId"]);
    let path = format!(
        "/launch/{}",
        described["workflow"]["launchId"].as_str().unwrap()
    );
    assert_eq!(
        api.get(&of_workspace(&path)).await["launch"]["id"],
        of_run["id"]
    );

    // Resuming takes the session up again.
    let mut again = of_run.clone();
    again["computeEnvId"] = again["computeEnv"]["id"].clone();
    again["resume"] = json!(true);
    let run = api
        .post(
            &of_workspace("/workflow/launch"),
            json!({ "launch": again }),
        )
        .await;
    let path = format!("/workflow/{}", run["workflowId"].as_str().unwrap());
    let resumed = api.get(&of_workspace(&path)).await;
    assert_eq!(resumed["workflow"]["sessionId"], of_run["sessionId"]);
    assert_eq!(resumed["workflow"]["resume"], true);
}

#[tokio::test]
async fn names_are_proposed_and_checked() {
    // Of so many runs, many share a name.
    let api = Api::of(TestPlatform::builder().calls_per_second(None).runs(2_000)).await;
    let validate = |name: &str| of_workspace(&format!("/workflow/validate?runName={name}"));
    api.call(Method::GET, &validate("never-used"), None, 204)
        .await;
    api.refused(Method::GET, &validate("No"), None, 400).await;
    for _ in 0..30 {
        let proposed = api.get("/workflow/random-name").await;
        let name = proposed["name"].as_str().unwrap();
        assert!(name.contains('_'));
        api.call(Method::GET, &validate(name), None, 204).await;
    }
    let runs = api.get(&of_workspace("/workflow?max=1")).await;
    let taken = runs["workflows"][0]["workflow"]["runName"]
        .as_str()
        .unwrap()
        .to_owned();
    api.refused(Method::GET, &validate(&taken), None, 409).await;
}
