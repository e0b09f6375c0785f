//! Launches: what is read, what is sent, and what is said before sending.
#![cfg(feature = "runs")]

#[path = "launch/batch.rs"]
mod batch;
#[path = "launch/environment.rs"]
mod environment;
#[path = "launch/relaunch.rs"]
mod relaunch;
mod support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use relaunch::finished_run;
use seqera::mock::MockApi;
use seqera::prelude::*;
use seqera::runs::ComputeEnvRef;
use seqera::types::{
    SubmitWorkflowLaunchResponse, WorkflowLaunchRequestSyntaxParser as SyntaxParser,
};
use seqera::{Client, ErrorKind, Id, Method, Null, RateLimit, WorkspaceRef};
use seqera_test_platform::{TestPlatform, WORKSPACE, WORKSPACE_ID};
use serde_json::{Value, json};
use support::{Act, Seen, Server, Stopwatch, client_of_embedded, embedded, json};

/// A launch configuration with every field that the schema has.
fn full_configuration() -> Value {
    json!({
        "id": "5launchOfThePipeline01",
        "computeEnv": {
            "id": "9env", "name": "cloud", "platform": "aws-batch", "status": "AVAILABLE",
            "config": {"discriminator": "aws-batch", "workDir": "s3://env/work"},
        },
        "pipeline": "https://github.com/nf-core/rnaseq",
        "workDir": "s3://pipeline/work",
        "revision": "3.21.0",
        "commitId": "0a1b2c3d",
        "configProfiles": ["docker", "test"],
        "configText": "process.cpus = 2",
        "towerConfig": "reports: {}",
        "paramsText": "# kept as it is\ninput: s3://a/b.csv\nmax_cpus: 4\n",
        "preRunScript": "echo before",
        "postRunScript": "echo after",
        "mainScript": "main.nf",
        "entryName": "ALIGN",
        "schemaName": "schema.json",
        "pipelineSchemaId": 11,
        "headJobCpus": 2,
        "headJobMemoryMb": 4096,
        "pullLatest": true,
        "stubRun": false,
        "resume": false,
        "sessionId": "1f2e3d4c-0000-4000-8000-000000000000",
        "runName": "steady_run",
        "launchContainer": "registry.example/nextflow:25",
        "optimizationId": "opt1",
        "optimizationTargets": "cpus,memory",
        "outputDir": "s3://pipeline/out",
        "nextflowVersion": "25.10.0",
        "syntaxParser": "v2",
        "userSecrets": ["MINE"],
        "workspaceSecrets": ["OURS"],
        "dateCreated": "2025-11-02T10:00:00Z",
        "lastUpdated": "2025-11-03T10:00:00Z",
        "resumeLaunchId": null,
        "workspaceId": 7,
        "fieldOfANewerServer": {"a": 1},
    })
}

/// What a launch of it sends, nothing changed.
fn full_request() -> Value {
    let mut request = full_configuration();
    let fields = request.as_object_mut().unwrap();
    for name in ["lastUpdated", "resumeLaunchId", "workspaceId"] {
        fields.remove(name).unwrap();
    }
    fields.remove("computeEnv").unwrap();
    fields.insert("computeEnvId".to_owned(), json!("9env"));
    request
}

/// Pipeline 5 with the full configuration, and a place that takes its launches.
async fn full_server() -> Server {
    Server::start(|_, seen| match (seen.method.as_str(), seen.path()) {
        ("GET", "/pipelines/5/launch") => reply(json!({"launch": full_configuration()})),
        ("GET", "/compute-envs/other") => reply(json!({"computeEnv": {
            "id": "other", "status": "AVAILABLE",
            "config": {"discriminator": "slurm-platform", "workDir": "/scratch"},
        }})),
        ("POST", "/workflow/launch") => reply(json!({"workflowId": "1run"})),
        _ => json(404, "{}"),
    })
    .await
}

fn reply(body: Value) -> Act {
    json(200, body.to_string())
}

fn sent(server: &Server) -> Value {
    serde_json::from_slice(&server.posted().body).unwrap()
}

/// So that no field which the next version of the schema brings is forgotten above.
#[test]
fn the_full_configuration_has_every_field_of_the_schema() {
    let missing = fields_that_lack("LaunchDbDto", &full_configuration());
    assert_eq!(missing, [""; 0]);
}

/// The fields of a schema's type that are not in a value.
fn fields_that_lack(name: &str, value: &Value) -> Vec<String> {
    let schema: Value = yaml_serde::from_str(include_str!("../seqera-api-latest.yml")).unwrap();
    let fields = &schema["components"]["schemas"][name]["properties"];
    let fields = fields.as_object().unwrap().keys().cloned();
    fields.filter(|field| value.get(field).is_none()).collect()
}

#[tokio::test]
async fn every_field_of_the_configuration_is_sent() {
    let api = MockApi::start().await;
    api.describe_pipeline_launch(|when, then| {
        when.pipeline_id(5).workspace_id(7);
        then.json(200, &json!({"launch": full_configuration()}));
    })
    .await;
    let launching = api.create_workflow_launch(|when, then| {
        when.workspace_id(7)
            .source_workspace_id(None::<i64>)
            .json(&json!({"launch": full_request()}));
        then.ok(SubmitWorkflowLaunchResponse::new().workflow_id("1run"));
    });
    let launching = launching.await;
    let run = api.client().launch(5).workspace(7).send().await.unwrap();
    assert_eq!(run.id(), "1run");
    launching.assert();
}

#[tokio::test]
async fn a_setting_that_is_none_says_nothing() {
    let server = full_server().await;
    let launch = server.client().launch(5).workspace(7);
    let nothing = launch
        .compute_env(None::<&str>)
        .version(None::<&str>)
        .revision(None::<String>)
        .head_job_cpus(None::<i64>)
        .stub_run(None::<bool>)
        .profiles(None::<[&str; 0]>)
        .output_dir(None::<String>)
        .config(None::<&str>);
    nothing.send().await.unwrap();
    assert_eq!(sent(&server)["launch"], full_request());
}

#[tokio::test]
async fn what_is_changed_is_changed_and_nothing_else() {
    let server = full_server().await;
    let launch = server
        .client()
        .launch(5)
        .workspace(7)
        .revision("dev")
        .profiles(["singularity"])
        .param("input", "s3://new.csv")
        .param("skip", true)
        .config("process.cpus = 8")
        .output_dir(Null)
        .nextflow_version("26.04.0".to_owned())
        .label(3)
        .stub_run(true);
    launch.clone().send().await.unwrap();
    let mut expected = full_request();
    expected["revision"] = json!("dev");
    expected.as_object_mut().unwrap().remove("commitId");
    expected["configProfiles"] = json!(["singularity"]);
    expected["configText"] = json!("process.cpus = 8");
    expected["outputDir"] = Value::Null;
    expected["nextflowVersion"] = json!("26.04.0");
    expected["labelIds"] = json!([3]);
    expected["stubRun"] = json!(true);
    expected["paramsText"] = json!(r#"{"input":"s3://new.csv","max_cpus":4,"skip":true}"#);
    assert_eq!(sent(&server)["launch"], expected);

    let before = server.count();
    let preview = launch.preview().await.unwrap();
    assert_eq!(serde_json::to_value(&preview.request).unwrap(), expected);
    assert_eq!(preview.workspace_id, Some(7));
    assert!(preview.labels_to_create.is_empty());
    let seen = server.seen().split_off(before);
    assert!(
        seen.iter().all(|seen| seen.method == "GET"),
        "a preview sends nothing"
    );
}

#[tokio::test]
async fn another_revision_comes_without_the_commit_of_the_one_before() {
    let pipeline = full_server().await.client().launch(5).workspace(7);
    let request = pipeline.revision("dev").commit("c0ffee").preview().await;
    assert_eq!(
        request.unwrap().request.commit_id.as_deref(),
        Some("c0ffee")
    );

    let server = finished_run("FAILED", true).await;
    let run = server.client().run("1run").workspace(7);
    for launch in [run.relaunch(), run.resume()] {
        let same = launch.clone().preview().await.unwrap().request;
        assert!(same.commit_id.is_some());
        let request = launch.revision("dev").preview().await.unwrap().request;
        assert_eq!(request.revision.as_deref(), Some("dev"));
        assert_eq!(request.commit_id, None);
    }
}

#[tokio::test]
async fn what_only_launchpad_pipelines_have_is_refused_elsewhere() {
    let server = finished_run("FAILED", true).await;
    let client = server.client();
    let run = client.run("1run").workspace(7);
    let repository = client.launch("https://git.example/pipeline").workspace(7);
    for launch in [repository, run.relaunch(), run.resume()] {
        for (launch, set) in [
            (launch.clone().version("stable"), ".version(..)"),
            (launch.source_workspace(90), ".source_workspace(..)"),
        ] {
            let error = launch.preview().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.to_string().contains(set), "{error}");
        }
    }
    assert_eq!(server.count(), 0);
}

/// Workspace 8 sees the pipeline of workspace 9 by its name.
#[tokio::test]
async fn a_pipeline_found_by_name_is_launched_from_the_workspace_that_it_is_of() {
    let server = Server::start(|_, seen| match seen.path() {
        "/pipelines" if seen.query("workspaceId").as_deref() == Some("8") => reply(json!({
            "pipelines": [{"pipelineId": 5, "name": "hello", "workspaceId": 9}], "totalSize": 1,
        })),
        "/pipelines/5/launch" => reply(json!({"launch": full_configuration()})),
        _ => json(404, "{}"),
    })
    .await;
    for (workspace, source) in [(7, Some(9)), (9, None)] {
        let launch = server.client().launch("hello").workspace(workspace);
        let preview = launch.source_workspace(8).preview().await.unwrap();
        assert_eq!(preview.source_workspace_id, source);
    }
}

#[tokio::test]
async fn ids_are_taken_where_names_are() {
    let launch = full_server().await.client().launch(Id(5)).workspace(7);
    for launch in [
        launch.clone().compute_env(Id("other")),
        launch.compute_env(Id("other".to_owned())),
    ] {
        let request = launch.preview().await.unwrap().request;
        assert_eq!(request.compute_env_id.as_deref(), Some("other"));
    }
    let name = "cloud".to_owned();
    assert_eq!(ComputeEnvRef::from(&name), ComputeEnvRef::from("cloud"));
}

#[tokio::test]
async fn everything_that_a_request_has_can_be_set() {
    let client = full_server().await.client();
    let launch = client
        .launch("https://git.example/pipeline")
        .workspace(7)
        .compute_env(Id("env"))
        .work_dir("s3://work")
        .revision("dev")
        .commit("c0ffee")
        .run_name("name")
        .config("config")
        .pre_run_script("before")
        .post_run_script("after")
        .tower_config("reports")
        .entry("ENTRY")
        .main_script("other.nf")
        .schema_name("schema.json")
        .schema_id(12)
        .head_job_cpus(3)
        .head_job_memory_mb(2048)
        .pull_latest(true)
        .stub_run(true)
        .launch_container("image")
        .optimization("opt2")
        .optimization_targets("memory")
        .output_dir("s3://out".to_owned())
        .nextflow_version("26.04.0".to_owned())
        .syntax_parser(SyntaxParser::V1)
        .profiles(["docker"])
        .user_secrets(["MINE"])
        .workspace_secrets(["OURS"])
        .resume_session("session")
        .param("a", 1)
        .label(3);
    let request = launch.preview().await.unwrap().request;
    let expected = json!({
        "pipeline": "https://git.example/pipeline", "computeEnvId": "env",
        "workDir": "s3://work", "revision": "dev", "commitId": "c0ffee", "runName": "name",
        "configText": "config", "preRunScript": "before", "postRunScript": "after",
        "towerConfig": "reports", "entryName": "ENTRY", "mainScript": "other.nf",
        "schemaName": "schema.json", "pipelineSchemaId": 12, "headJobCpus": 3,
        "headJobMemoryMb": 2048, "pullLatest": true, "stubRun": true, "launchContainer": "image",
        "optimizationId": "opt2", "optimizationTargets": "memory", "outputDir": "s3://out",
        "nextflowVersion": "26.04.0", "syntaxParser": "v1", "configProfiles": ["docker"],
        "userSecrets": ["MINE"], "workspaceSecrets": ["OURS"], "resume": true,
        "sessionId": "session", "paramsText": r#"{"a":1}"#, "labelIds": [3],
    });
    assert_eq!(serde_json::to_value(&request).unwrap(), expected);
    // These say which launch it is that a request repeats.
    let left = fields_that_lack("WorkflowLaunchRequest", &expected);
    assert_eq!(left, ["dateCreated", "id"]);
}

#[tokio::test]
async fn what_is_missing_is_said_before_anything_is_sent() {
    let platform = support::seeded(
        "
users: [{ userName: ada }]
organizations:
  - name: acme
    members: [{ user: ada, role: owner }]
    workspaces:
      - name: research
        id: 7
        computeEnvs: [{ name: bare, id: bare, platform: local-platform, primary: false, config: {} }]
        pipelines: [{ name: plain, id: 5, launch: { pipeline: https://x/y } }]
",
    )
    .await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch(5).workspace(7);
    let error = launch.clone().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    let text = error.to_string();
    assert!(
        text.contains(
            "pipeline 5 names no compute environment, and no compute environment in workspace 7 is \
             the primary one: call .compute_env(..)"
        ),
        "{text}"
    );
    let error = launch
        .clone()
        .compute_env(Id("bare"))
        .send()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("call .work_dir(..)"), "{error}");
    let error = launch.param("x", f64_map()).send().await.unwrap_err();
    assert!(error.to_string().contains("parameter `x`"), "{error}");
    assert_eq!(support::count_of(&platform, "POST"), 0);
}

/// What JSON has no form for.
fn f64_map() -> std::collections::HashMap<Vec<u8>, f64> {
    [(vec![1], 1.0)].into()
}

#[tokio::test]
async fn calls_of_a_launch_by_name_cold_and_remembered() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch("nf-core-rnaseq").workspace(WORKSPACE);
    launch.clone().send().await.unwrap();
    assert_eq!(platform.calls().len(), 5, "{:#?}", platform.calls());
    launch.send().await.unwrap();
    assert_eq!(platform.calls().len(), 5 + 2, "{:#?}", platform.calls());
    let by_id = client.launch(20_102).workspace(WORKSPACE_ID);
    by_id.send().await.unwrap();
    assert_eq!(platform.calls().len(), 5 + 2 + 2);
}

#[tokio::test]
async fn a_shared_pipeline_is_launched_from_its_source() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch("nf-core-taxprofiler").workspace(WORKSPACE);
    // It has no compute environment of its own: the primary one is taken.
    let preview = launch.clone().preview().await.unwrap();
    let explicit = launch.clone().compute_env(ComputeEnvRef::Primary);
    let explicit = explicit.preview().await.unwrap().request;
    assert_eq!(preview.request.compute_env_id, explicit.compute_env_id);
    assert!(preview.source_workspace_id.is_some());
    assert_eq!(
        preview.request.work_dir.as_deref(),
        Some("s3://open-genomics-work")
    );
    let run = launch.send().await.unwrap();
    let described = client.describe_workflow().workflow_id(run.id());
    let described = described
        .workspace_id(WORKSPACE_ID)
        .attributes(["pipelineInfo"]);
    let info = described.send().await.unwrap().pipeline_info.unwrap();
    assert_eq!(info.id, Some(30_201));

    // By id, or by its name in the workspace that shares it.
    let source = preview.source_workspace_id;
    for launch in [client.launch(30_201), client.launch("nf-core-taxprofiler")] {
        let launch = launch.workspace(WORKSPACE).source_workspace(source);
        let launch = launch.compute_env("campus-cluster");
        assert_eq!(launch.preview().await.unwrap().source_workspace_id, source);
    }
}

#[tokio::test]
async fn a_repository_is_launched_without_a_launchpad_pipeline() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client
        .launch("https://github.com/nextflow-io/hello")
        .workspace(WORKSPACE)
        .compute_env("campus-cluster")
        .param("greeting", "hi");
    let without_scheme = client.launch("github.com/nextflow-io/hello");
    let error = without_scheme.send().await.unwrap_err();
    assert_eq!(
        error.message(),
        "no pipeline in the personal context, no workspace being given, is named \
         `github.com/nextflow-io/hello`; a repository goes by its URL, with https://"
    );
    let request = launch.clone().preview().await.unwrap().request;
    assert_eq!(
        request.pipeline.as_deref(),
        Some("https://github.com/nextflow-io/hello")
    );
    assert_eq!(request.work_dir.as_deref(), Some("/scratch/nextflow"));
    assert_eq!(request.params_text.as_deref(), Some(r#"{"greeting":"hi"}"#));
    launch.send().await.unwrap();
}

#[tokio::test]
async fn a_version_is_taken_by_name() {
    let server = Server::start(|_, seen| match seen.path() {
        "/pipelines/5/versions" => reply(json!({"versions": [
            {"version": {"id": "v-a", "name": "stable-2"}},
            {"version": {"id": "v-b", "name": "stable"}},
        ], "totalSize": 2})),
        "/pipelines/5/launch" if seen.query("versionId").as_deref() == Some("v-b") => {
            reply(json!({"launch": full_configuration()}))
        }
        _ => json(404, "{}"),
    })
    .await;
    let launch = server.client().launch(5).workspace(7);
    launch.clone().version("stable").preview().await.unwrap();
    let error = launch.version("stabel").preview().await.unwrap_err();
    assert!(
        error.to_string().contains("is it `stable` (id v-b)"),
        "{error}"
    );
}

#[tokio::test]
async fn labels_go_by_name_and_are_created_only_where_asked() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client
        .launch("hello")
        .workspace(WORKSPACE)
        .labels(["urgent", "batch-07", "team=wet"]);
    let error = launch.clone().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let launch = launch.create_labels();
    let preview = launch.clone().preview().await.unwrap();
    assert_eq!(preview.labels_to_create, ["batch-07", "team=wet"]);
    assert!(!platform.calls().iter().any(|call| call.starts_with("POST")));

    let run = launch.clone().send().await.unwrap();
    let described = client.describe_workflow().workflow_id(run.id());
    let described = described.workspace_id(WORKSPACE_ID).attributes(["labels"]);
    let labels = described.send().await.unwrap().labels.unwrap();
    let named = |name: &str, value: Option<&str>| {
        let found = |label: &&seqera::types::Label| {
            label.name.as_deref() == Some(name) && label.value.as_deref() == value
        };
        labels.iter().filter(found).count()
    };
    assert_eq!(labels.len(), 3);
    assert_eq!(named("batch-07", None) + named("team", Some("wet")), 2);
    // Known by now, even to the next launch.
    launch.send().await.unwrap();
    let created = platform.calls();
    let created = created
        .iter()
        .filter(|call| call.starts_with("POST /labels"));
    assert_eq!(created.count(), 2);
}

#[tokio::test]
async fn a_label_given_twice_is_sent_once() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let launch = client.launch("hello").workspace(WORKSPACE).create_labels();
    let launch = launch.labels(["urgent", "new", "urgent", "new"]);
    let preview = launch.preview().await.unwrap();
    assert_eq!(preview.labels_to_create, ["new"]);
    assert_eq!(preview.request.label_ids.unwrap().len(), 1);

    let server = full_server().await;
    let launch = server.client().launch(5).workspace(7);
    launch.labels([3, 4, 3]).send().await.unwrap();
    assert_eq!(sent(&server)["launch"]["labelIds"], json!([3, 4]));
}

#[tokio::test]
async fn a_launch_that_may_have_arrived_is_not_sent_again() {
    let (platform, client) = support::laboratory().await;
    platform.act_then_break("CreateWorkflowLaunch", 1);
    let launch = client.launch("hello").workspace(WORKSPACE);
    let error = launch.run_name("unseen").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(support::count_of(&platform, "POST /workflow/launch"), 1);
    let runs = client.list_workflows().workspace_id(WORKSPACE_ID);
    let runs = runs.search("runName:unseen").send().await.unwrap();
    assert_eq!(runs.workflows.unwrap().len(), 1);
}

#[tokio::test]
async fn the_workspace_of_the_environment_is_used_only_where_asked() {
    let server = full_server().await;
    let preview = server.client().launch(5).preview().await.unwrap();
    assert_eq!(preview.workspace_id, None);
    let error = server
        .client()
        .launch(5)
        .workspace(WorkspaceRef::Environment);
    let error = error.preview().await.unwrap_err();
    assert!(error.to_string().contains("TOWER_WORKSPACE_ID"), "{error}");
}
