//! What a Platform holds at the start, and what is kept from one start to the next.

use reqwest::Method;
use seqera_test_platform::{Seed, TestPlatform, WORKSPACE_ID};
use serde_json::json;

use crate::client::{Api, of_workspace, texts};

const SEED: &str = "
users:
  - { userName: ada, token: token-of-ada, firstName: Ada }
  - userName: grace
    personal:
      credentials: [{ name: own, provider: ssh }]
organizations:
  - name: acme
    id: 7
    fullName: Acme Laboratories
    members: [{ user: ada, role: owner }, { user: grace }]
    teams: [{ name: analysts, members: [grace] }]
    roles: [{ name: reader, description: Reads, permissions: ['pipeline:read'] }]
    workspaces:
      - name: research
        id: 70
        participants: [{ team: analysts, role: reader }]
        labels: [{ name: urgent }, { name: cost, value: centre }]
        credentials: [{ name: aws, provider: aws, keys: { accessKey: AKIA, secretKey: hush } }]
        pipelineSecrets: [{ name: LICENCE, value: hush }]
        computeEnvs:
          - { name: batch, platform: aws-batch, credentials: aws, config: { workDir: s3://acme-work } }
        pipelines:
          - { name: rnaseq, labels: [urgent], computeEnv: batch, launch: { pipeline: https://github.com/nf-core/rnaseq, params: { a: 1 } } }
        datasets: [{ name: sheet, versions: [{ fileName: sheet.csv, content: 'a,b', hasHeader: true }] }]
        dataLinks: [{ name: data, resourceRef: s3://acme-data, credentials: aws }]
        studios: [{ name: desk, tool: rstudio, computeEnv: batch }]
        actions:
          - { name: hook, labels: [urgent], launch: { pipeline: https://github.com/nf-core/rnaseq, params: { a: 1 } } }
          - { name: nightly, source: cron, cron: { expression: 0 3 * * * }, computeEnv: batch, launch: { pipeline: https://github.com/nf-core/rnaseq } }
        runs:
          - { pipeline: rnaseq, name: old_failure, outcome: failed, ago: 2days, length: 1h, labels: [urgent], user: grace }
          - { pipeline: rnaseq, name: under_way, ago: 10m, length: 1h }
        pastRuns: 3
files:
  acme-data: { README.md: Reads. }
";

async fn seeded() -> Api {
    let builder = TestPlatform::builder()
        .empty()
        .calls_per_second(None)
        .clock_at("2026-01-10T00:00:00Z");
    Api::of(builder.seed_yaml(SEED).unwrap()).await
}

#[tokio::test]
async fn a_seed_says_what_there_is() {
    let api = seeded().await;
    assert_eq!(
        api.get("/user-info").await["user"]["userName"],
        "ada",
        "the token is the first user's"
    );
    let runs = api.get("/workflow?workspaceId=70&attributes=labels").await;
    let seen: Vec<_> = (runs["workflows"].as_array().unwrap().iter())
        .map(|run| {
            (
                run["workflow"]["runName"].as_str().unwrap(),
                run["workflow"]["status"].as_str().unwrap(),
            )
        })
        .filter(|(name, _)| ["old_failure", "under_way"].contains(name))
        .collect();
    assert_eq!(seen, [("under_way", "RUNNING"), ("old_failure", "FAILED")]);
    assert_eq!(runs["workflows"].as_array().unwrap().len(), 5);
    let pipelines = api
        .get("/pipelines?workspaceId=70&attributes=labels,computeEnv")
        .await;
    assert_eq!(
        texts(&pipelines["pipelines"][0]["labels"], "name"),
        ["urgent"]
    );
    assert_eq!(pipelines["pipelines"][0]["computeEnv"]["name"], "batch");
    let credentials = api.get("/credentials?workspaceId=70").await;
    assert_eq!(credentials["credentials"][0]["keys"]["accessKey"], "AKIA");
    assert!(credentials["credentials"][0]["keys"]["secretKey"].is_null());
    for path in [
        "/pipeline-secrets",
        "/datasets",
        "/data-links",
        "/studios",
        "/actions",
        "/labels",
        "/compute-envs",
    ] {
        api.get(&format!("{path}?workspaceId=70")).await;
    }
    let links = api.get("/data-links?workspaceId=70").await;
    let path = format!(
        "/data-links/{}/browse?workspaceId=70",
        links["dataLinks"][0]["id"].as_str().unwrap()
    );
    assert_eq!(api.get(&path).await["objects"][0]["name"], "README.md");
    let grace = api.platform.token_of("grace").unwrap();
    let url = |path: &str| format!("{}{path}", api.platform.endpoint());
    let as_grace = |method: Method, path: &str| {
        api.http
            .request(method, url(path))
            .bearer_auth(&grace)
            .send()
    };
    assert_eq!(
        as_grace(Method::GET, "/pipelines?workspaceId=70")
            .await
            .unwrap()
            .status(),
        200
    );
    assert_eq!(
        as_grace(Method::GET, "/credentials?workspaceId=70")
            .await
            .unwrap()
            .status(),
        403
    );
    let own: serde_json::Value = as_grace(Method::GET, "/credentials")
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(own["credentials"][0]["name"], "own");
}

#[tokio::test]
async fn a_seed_that_is_wrong_says_why() {
    let problem = |text: &str| Seed::from_yaml(text).unwrap_err().to_string();
    assert!(problem("organisations: []").contains("organisations"));
    assert!(problem("users: [{ name: x }]").contains("userName"));
    let seed = Seed::from_value(
        json!({ "organizations": [{ "name": "a", "members": [{ "user": "nobody" }] }] }),
    );
    let refused = TestPlatform::builder()
        .seed(seed.unwrap())
        .start()
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("no user named nobody"),
        "{refused}"
    );
}

#[tokio::test]
async fn the_seeds_of_the_readme_can_be_used() {
    let blocks = include_str!("../../README.md").split("```yaml\n").skip(1);
    let seeds: Vec<&str> = blocks
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(seeds.len(), 2);
    let builder = seeds
        .iter()
        .fold(TestPlatform::builder().empty(), |builder, seed| {
            builder.seed_yaml(seed).unwrap()
        });
    let platform = builder.start().await.unwrap();
    assert_eq!(platform.now(), "2026-01-01T03:00:00Z");
    assert_eq!(platform.state()["run"].as_array().unwrap().len(), 104);
}

#[tokio::test]
async fn what_a_seed_launches_is_launched_as_by_a_call() {
    let api = seeded().await;
    let runs = "/workflow?workspaceId=70&includeTotalSize=true";
    let list = api.get(runs).await;
    let runs_of_list = list["workflows"].as_array().unwrap().iter();
    let workflows: Vec<_> = runs_of_list.map(|run| &run["workflow"]).collect();
    assert_eq!(workflows[0]["runName"], "under_way", "the newest first");
    assert!(workflows.is_sorted_by(|a, b| a["submit"].as_str() >= b["submit"].as_str()));
    assert!(
        workflows
            .iter()
            .all(|run| run["workDir"] == "s3://acme-work")
    );
    let actions = api.get("/actions?workspaceId=70&attributes=labels").await;
    assert_eq!(texts(&actions["actions"], "name"), ["hook", "nightly"]);
    assert_eq!(texts(&actions["actions"][0]["labels"], "name"), ["urgent"]);
    let next = &actions["actions"][1]["nextExecution"];
    assert_eq!(next, "2026-01-10T03:00:00Z");
    api.platform
        .advance(std::time::Duration::from_secs(2 * 86_400));
    let before = list["totalSize"].as_u64().unwrap();
    assert_eq!(api.get(runs).await["totalSize"], before + 2);
}

#[tokio::test]
async fn a_seed_with_what_nobody_would_see_is_refused() {
    let api = seeded().await;
    let before = api.platform.state();
    for (contents, reason) in [
        (
            json!({ "computeenvs": [] }),
            "workspace research has no field `computeenvs`",
        ),
        (
            json!({ "labels": [{ "name": "x", "colour": "red" }] }),
            "label x has no field `colour`",
        ),
        (
            json!({ "labels": [{ "name": "new" }, { "name": "urgent" }] }),
            "two of label urgent",
        ),
        (
            json!({ "computeEnvs": [{ "name": "x" }] }),
            "compute_env has no `platform`",
        ),
        (
            json!({ "pipelines": [{ "name": "x", "launch": { "repository": "y" } }] }),
            "the launch of x has no field `repository`",
        ),
        (
            json!({ "pipelines": [{ "name": "x" }] }),
            "the launch of x has no `pipeline`",
        ),
        (
            json!({ "datasets": [{ "name": "x", "versions": [{ "filename": "a.csv" }] }] }),
            "unknown field `filename`",
        ),
        (
            json!({ "participants": [{ "user": "grace", "role": "lanch" }] }),
            "no role named lanch",
        ),
        (
            json!({ "actions": [{ "name": "x", "source": "cron", "launch": { "pipeline": "a/b" } }] }),
            "action x: Invalid cron",
        ),
    ] {
        let mut workspace = json!({ "name": "research" });
        workspace
            .as_object_mut()
            .unwrap()
            .extend(contents.as_object().unwrap().clone());
        let seed = json!({
            "users": [{ "userName": "late" }],
            "organizations": [{ "name": "acme", "workspaces": [workspace] }],
        });
        let seed = Seed::from_value(seed).unwrap();
        let refused = api.platform.seed(seed).unwrap_err().to_string();
        assert!(refused.contains(reason), "{refused}");
    }
    assert_eq!(api.platform.state(), before, "all of a seed, or nothing");
}

#[tokio::test]
async fn a_seed_adds_to_what_there_is() {
    let api = Api::start().await;
    let seed = "
users:
  - { userName: bench-lead, token: another, lastName: Leader }
  - { userName: visitor }
organizations:
  - name: open-genomics
    members: [{ user: night-shift, role: owner }, { user: visitor }]
    teams: [{ name: wet-lab, members: [night-shift, visitor] }]
    workspaces:
      - name: research
        participants: [{ user: biostats-desk, role: maintain }]
        pipelines: [{ name: added, computeEnv: campus-cluster, launch: { pipeline: https://github.com/acme/added } }]
        runs: [{ pipeline: 'https://github.com/acme/unlisted' }, { pipeline: added, outcome: failed }]
";
    let counts = |state: &serde_json::Value| {
        [
            "user",
            "organization",
            "workspace",
            "team",
            "team_member",
            "member",
            "participant",
            "run",
        ]
        .map(|kind| state[kind].as_array().unwrap().len())
    };
    let before = counts(&api.platform.state());
    api.platform.seed(Seed::from_yaml(seed).unwrap()).unwrap();
    let state = api.platform.state();
    let added: Vec<usize> = (counts(&state).iter().zip(before))
        .map(|(now, before)| now - before)
        .collect();
    assert_eq!(added, [1, 0, 0, 0, 1, 1, 0, 2]);
    let [.., unlisted, run] = state["run"].as_array().unwrap().as_slice() else {
        panic!("{state}");
    };
    let env = unlisted["launch"]["computeEnvId"].as_str();
    assert!(
        unlisted["pipelineId"].is_null() && env.is_some(),
        "{unlisted}"
    );
    assert_eq!(
        (&run["status"], &run["workspaceId"]),
        (&json!("FAILED"), &json!(WORKSPACE_ID))
    );
    let found = api.get(&of_workspace("/pipelines?search=added")).await;
    assert_eq!(found["totalSize"], 1);
    let lead = api
        .http
        .get(format!("{}/user-info", api.platform.endpoint()));
    let lead = lead.bearer_auth("another").send().await.unwrap();
    let lead: serde_json::Value = lead.json().await.unwrap();
    assert_eq!(lead["user"]["lastName"], "Leader");
}

#[tokio::test]
async fn a_running_platform_takes_more() {
    let api = seeded().await;
    let more = json!({ "users": [{ "userName": "third", "token": "t3" }], "files": { "acme-data": { "new.csv": "x" } } });
    api.platform.seed(Seed::from_value(more).unwrap()).unwrap();
    assert_eq!(api.platform.object("acme-data", "new.csv").unwrap(), b"x");
    assert!(api.platform.token_of("third").is_some());
}

#[tokio::test]
async fn a_state_file_brings_everything_back() {
    let folder = std::env::temp_dir().join(format!("test-platform-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("state.json");
    let before = seeded().await;
    before
        .post(
            "/labels?workspaceId=70",
            json!({ "name": "kept", "resource": false }),
        )
        .await;
    before.platform.save(&file).unwrap();
    let after = Api::of(
        TestPlatform::builder()
            .state_file(&file)
            .calls_per_second(None),
    )
    .await;
    let other = TestPlatform::builder().state_file(&file).token("another");
    let other = Api::of(other.calls_per_second(None)).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(before.platform.state(), after.platform.state());
    assert_eq!(
        after.platform.object("acme-data", "README.md").unwrap(),
        b"Reads."
    );
    assert_eq!(
        after.get("/labels?workspaceId=70&search=kept").await["totalSize"],
        1
    );
    assert_eq!(
        other.get("/user-info").await["user"]["userName"],
        "ada",
        "the token that is asked for is valid"
    );
    // The Platform has another port now.
    let actions = after.get("/actions?workspaceId=70").await;
    let endpoint = actions["actions"][0]["endpoint"].as_str().unwrap();
    assert!(
        endpoint.starts_with(after.platform.endpoint()),
        "{endpoint}"
    );
}
