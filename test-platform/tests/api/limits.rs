//! How much there may be: calls, labels, scripts, versions, and what quotas name.

use reqwest::multipart::{Form, Part};
use reqwest::{Client, Method};
use seqera_test_platform::{ORGANIZATION_ID, Seed, TestPlatform, WORKSPACE_ID};
use serde_json::{Value, json};

use crate::client::{Api, of_workspace};

const HELLO: &str = "https://github.com/nextflow-io/hello";

#[tokio::test]
async fn what_the_schema_declares_open_wants_the_token_all_the_same() {
    let api = Api::start().await;
    for (method, path) in [
        (Method::GET, "/service-info"),
        (Method::GET, "/platform/versions"),
        (Method::GET, "/workflow/x/star"),
        (Method::POST, "/workflow/x/star"),
        (Method::DELETE, "/workflow/x/star"),
        (Method::GET, "/ga4gh/wes/v1/service-info"),
        (Method::GET, "/ga4gh/wes/v1/runs"),
        (Method::POST, "/ga4gh/wes/v1/runs"),
        (Method::GET, "/ga4gh/wes/v1/runs/x"),
        (Method::GET, "/ga4gh/wes/v1/runs/x/status"),
        (Method::POST, "/ga4gh/wes/v1/runs/x/cancel"),
    ] {
        let url = format!("{}{path}", api.platform.endpoint());
        let reply = Client::new()
            .request(method.clone(), url)
            .send()
            .await
            .unwrap();
        assert_eq!(reply.status(), 401, "{method} {path}");
    }
}

#[tokio::test]
async fn each_token_has_calls_of_its_own() {
    let api = Api::of(TestPlatform::builder().calls_per_second(3)).await;
    let other = api.platform.token_of("bench-lead").unwrap();
    let url = format!("{}/service-info", api.platform.endpoint());
    let started = std::time::Instant::now();
    let mut statuses = Vec::new();
    for token in [api.platform.token(), &other] {
        for _ in 0..4 {
            let call = api.http.get(&url).bearer_auth(token).send().await.unwrap();
            statuses.push(call.status().as_u16());
        }
    }
    // A very slow machine may have let the second pass.
    if started.elapsed().as_secs() < 1 {
        assert_eq!(statuses, [200, 200, 200, 429, 200, 200, 200, 429]);
    }
}

#[tokio::test]
async fn long_scripts_many_labels_and_many_versions_are_refused() {
    let api = Api::start().await;
    let launch = |field: &str, value: Value| {
        let mut launch = json!({ "pipeline": HELLO });
        launch[field] = value;
        json!({ "launch": launch })
    };
    let path = of_workspace("/workflow/launch");
    for script in ["preRunScript", "postRunScript"] {
        api.post(&path, launch(script, json!("x".repeat(1024))))
            .await;
        let long = launch(script, json!("x".repeat(1025)));
        let message = api.refused(Method::POST, &path, Some(long), 400).await;
        assert!(message.contains("1024"), "{message}");
    }

    let mut labels = Vec::new();
    for number in 0..26 {
        let label = json!({ "name": format!("label-{number}"), "resource": false });
        labels.push(api.post(&of_workspace("/labels"), label).await["id"].clone());
    }
    let many = launch("labelIds", json!(labels));
    api.refused(Method::POST, &path, Some(many), 400).await;
    api.post(&path, launch("labelIds", json!(labels[..25])))
        .await;
    let apply = |labels: &[Value]| json!({ "pipelineIds": [20101], "labelIds": labels });
    let path = of_workspace("/pipelines/labels/apply");
    api.call(Method::POST, &path, Some(apply(&labels[..25])), 204)
        .await;
    let path = of_workspace("/pipelines/labels/add");
    api.refused(Method::POST, &path, Some(apply(&labels[25..])), 400)
        .await;

    let dataset = api
        .post(&of_workspace("/datasets"), json!({ "name": "many" }))
        .await;
    let path = format!(
        "/datasets/{}/upload",
        dataset["dataset"]["id"].as_str().unwrap()
    );
    for number in 1..=101 {
        let part = Part::text("a,b").file_name("a.csv");
        let request = api.request(Method::POST, &of_workspace(&path));
        let reply = request
            .multipart(Form::new().part("file", part))
            .send()
            .await
            .unwrap();
        assert_eq!(
            reply.status(),
            if number > 100 { 400 } else { 200 },
            "{number}"
        );
    }
}

/// A quota, and calls of which the first is within it and the second beyond.
#[tokio::test]
async fn quotas_are_kept_where_a_test_sets_them() {
    let team = |name: &str| json!({ "team": { "name": name } });
    let pipeline = |name: &str| json!({ "name": name, "launch": { "pipeline": HELLO } });
    let role = |name: &str| json!({ "name": name, "description": "", "permissions": [] });
    let workspace = |name: &str| json!({ "workspace": { "name": name, "fullName": name, "visibility": "PRIVATE" } });
    let studio = |name: &str| json!({ "name": name, "computeEnvId": "4mXqT0bHcW8zLdPfRk2VnS" });
    let launch = |_: &str| json!({ "launch": { "pipeline": HELLO } });
    let label = |name: &str| json!({ "name": name, "resource": false });
    let named = |name: &str| json!({ "name": name });
    let member = |name: &str| json!({ "user": format!("{name}@acme.example") });
    let participant = |name: &str| json!({ "userNameOrEmail": format!("{name}@acme.example") });
    let organization = format!("/orgs/{ORGANIZATION_ID}");
    let of_organization = |path: &str| format!("{organization}{path}");
    let participants = of_organization(&format!("/workspaces/{WORKSPACE_ID}/participants/add"));
    // The laboratory has one less of each.
    type Body<'a> = &'a dyn Fn(&str) -> Value;
    let table: &[(&str, usize, Method, String, Body<'_>)] = &[
        (
            "maxTeams",
            3,
            Method::POST,
            of_organization("/teams"),
            &team,
        ),
        (
            "maxWorkspaces",
            3,
            Method::POST,
            of_organization("/workspaces"),
            &workspace,
        ),
        (
            "maxMembers",
            6,
            Method::PUT,
            of_organization("/members/add"),
            &member,
        ),
        (
            "maxParticipantsPerWorkspace",
            6,
            Method::PUT,
            participants,
            &participant,
        ),
        (
            "maxCustomRolesPerOrg",
            1,
            Method::POST,
            format!("/roles?orgId={ORGANIZATION_ID}"),
            &role,
        ),
        (
            "maxPipelinesPerWorkspace",
            9,
            Method::POST,
            of_workspace("/pipelines"),
            &pipeline,
        ),
        (
            "maxDatasetsPerWorkspace",
            3,
            Method::POST,
            of_workspace("/datasets"),
            &named,
        ),
        (
            "maxLabelsPerWorkspace",
            6,
            Method::POST,
            of_workspace("/labels"),
            &label,
        ),
        (
            "maxRuns",
            1,
            Method::POST,
            of_workspace("/workflow/launch"),
            &launch,
        ),
        (
            "maxDataStudiosRunning",
            1,
            Method::POST,
            of_workspace("/studios"),
            &studio,
        ),
    ];
    for (quota, most, method, path, body) in table {
        let builder = TestPlatform::builder().calls_per_second(None);
        let api = Api::of(builder.quota(quota, *most)).await;
        let shown = api
            .get(&of_organization(&format!("/quotas?include={quota}")))
            .await;
        assert_eq!(shown["quotas"][quota], *most, "{quota}");
        let within = if path.starts_with("/roles") { 201 } else { 200 };
        api.call(method.clone(), path, Some(body("within")), within)
            .await;
        let message = api
            .refused(method.clone(), path, Some(body("beyond")), 400)
            .await;
        assert!(message.contains(quota), "{message}");
    }
    let seed = Seed::from_yaml("server: { quotas: { maxSheep: 1 } }").unwrap();
    let error = TestPlatform::builder()
        .seed(seed)
        .start()
        .await
        .unwrap_err();
    assert!(error.to_string().contains("maxSheep"), "{error}");
}
