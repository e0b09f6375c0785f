//! What users may do, by their roles.

use reqwest::{Client, Method};
use seqera_test_platform::{ORGANIZATION_ID, WORKSPACE_ID};
use serde_json::{Value, json};

use crate::client::{Api, of_workspace};

/// The status and the message of a user's call.
async fn call(
    api: &Api,
    user: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (u16, String) {
    let token = api.platform.token_of(user).expect("a user");
    let request = Client::new()
        .request(method, format!("{}{path}", api.platform.endpoint()))
        .bearer_auth(token);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    let reply = request.send().await.unwrap();
    (reply.status().as_u16(), reply.text().await.unwrap())
}

#[tokio::test]
async fn each_role_may_do_what_it_may() {
    let api = Api::start().await;
    // biostats-desk views, night-shift launches, pipeline-keeper maintains.
    let launch = json!({ "launch": { "pipeline": "https://github.com/nextflow-io/hello", "revision": "master" } });
    let pipeline =
        json!({ "name": "p", "launch": { "pipeline": "https://github.com/nextflow-io/hello" } });
    let secret = json!({ "name": "S", "value": "v" });
    let table = [
        ("biostats-desk", Method::GET, "/pipelines", None, None),
        (
            "biostats-desk",
            Method::POST,
            "/workflow/launch",
            Some(&launch),
            Some("workflow:execute"),
        ),
        (
            "biostats-desk",
            Method::GET,
            "/actions",
            None,
            Some("action:read"),
        ),
        (
            "night-shift",
            Method::POST,
            "/workflow/launch",
            Some(&launch),
            None,
        ),
        (
            "night-shift",
            Method::POST,
            "/pipelines",
            Some(&pipeline),
            Some("pipeline:write"),
        ),
        (
            "pipeline-keeper",
            Method::POST,
            "/pipelines",
            Some(&pipeline),
            None,
        ),
        (
            "pipeline-keeper",
            Method::POST,
            "/pipeline-secrets",
            Some(&secret),
            None,
        ),
        (
            "pipeline-keeper",
            Method::DELETE,
            "/compute-envs/1cGvJ7yQeN5tUaZxKo9BwD",
            None,
            Some("compute_environment:delete"),
        ),
    ];
    for (user, method, path, body, missing) in table {
        let (status, text) = call(
            &api,
            user,
            method.clone(),
            &of_workspace(path),
            body.cloned(),
        )
        .await;
        match missing {
            None => assert!(status < 300, "{user} {method} {path}: {status} {text}"),
            Some(permission) => {
                assert_eq!(status, 403, "{user} {method} {path}: {text}");
                assert!(text.contains(permission), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn who_launches_may_not_change_what_the_pipeline_pins() {
    let api = Api::start().await;
    let path = of_workspace("/workflow/launch");
    let launch = |revision: &str, repository: &str| json!({ "launch": { "pipeline": repository, "revision": revision } });
    let hello = "https://github.com/nextflow-io/hello";
    let (status, _) = call(
        &api,
        "night-shift",
        Method::POST,
        &path,
        Some(launch("master", hello)),
    )
    .await;
    assert_eq!(status, 200);
    let (status, text) = call(
        &api,
        "night-shift",
        Method::POST,
        &path,
        Some(launch("dev", hello)),
    )
    .await;
    assert_eq!(
        (status, text.contains("pipeline:write")),
        (403, true),
        "{text}"
    );
    let elsewhere = launch("main", "https://github.com/nobody/nothing");
    let (status, text) = call(&api, "night-shift", Method::POST, &path, Some(elsewhere)).await;
    assert_eq!(
        (status, text.contains("workflow_quick:execute")),
        (403, true),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_missing_and_what_is_forbidden_look_alike() {
    let api = Api::start().await;
    let stranger =
        json!({ "workspace": { "name": "closed", "fullName": "Closed", "visibility": "PRIVATE" } });
    let made = api
        .post(&format!("/orgs/{ORGANIZATION_ID}/workspaces"), stranger)
        .await;
    let closed = made["workspace"]["id"].as_i64().unwrap();
    let of = |workspace: i64| format!("/pipelines?workspaceId={workspace}");
    let (forbidden, said) = call(&api, "night-shift", Method::GET, &of(closed), None).await;
    let (missing, other) = call(&api, "night-shift", Method::GET, &of(1), None).await;
    assert_eq!((forbidden, missing), (403, 403));
    assert_eq!(said, other);
    // A shared workspace is open to all members.
    let (shared, _) = call(
        &api,
        "night-shift",
        Method::GET,
        &of(87_011_625_448_230),
        None,
    )
    .await;
    assert_eq!(shared, 200);
}

#[tokio::test]
async fn a_custom_role_and_a_teams_role_count() {
    let api = Api::start().await;
    let role = json!({ "name": "secretary", "description": "", "permissions": ["pipeline_secrets:write", "workspace:read"] });
    let path = format!("/roles?orgId={ORGANIZATION_ID}");
    api.call(Method::POST, &path, Some(role), 201).await;
    let workspace = format!("/orgs/{ORGANIZATION_ID}/workspaces/{WORKSPACE_ID}");
    let added = api
        .call(
            Method::PUT,
            &format!("{workspace}/participants/add"),
            Some(json!({ "teamId": 302 })),
            200,
        )
        .await;
    let participant = &added["participant"]["participantId"];
    let path = format!("{workspace}/participants/{participant}/role");
    let secret = json!({ "name": "S", "value": "v" });
    // night-shift is of the team, and by itself may not.
    let (before, _) = call(
        &api,
        "night-shift",
        Method::POST,
        &of_workspace("/pipeline-secrets"),
        Some(secret.clone()),
    )
    .await;
    assert_eq!(before, 403);
    api.call(
        Method::PUT,
        &path,
        Some(json!({ "role": "secretary" })),
        204,
    )
    .await;
    let (after, text) = call(
        &api,
        "night-shift",
        Method::POST,
        &of_workspace("/pipeline-secrets"),
        Some(secret),
    )
    .await;
    assert_eq!(after, 200, "{text}");
}

#[tokio::test]
async fn only_owners_manage_an_organization() {
    let api = Api::start().await;
    let path = format!("/orgs/{ORGANIZATION_ID}/teams");
    let team = json!({ "team": { "name": "secret-club" } });
    let (status, _) = call(&api, "pipeline-keeper", Method::POST, &path, Some(team)).await;
    assert_eq!(status, 403);
    let (status, _) = call(&api, "pipeline-keeper", Method::GET, &path, None).await;
    assert_eq!(status, 200);
    let (status, _) = call(
        &api,
        "pipeline-keeper",
        Method::GET,
        "/admin/audit-logs-v2",
        None,
    )
    .await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn another_users_private_studio_is_the_administrators() {
    let api = Api::start().await;
    let studio =
        json!({ "name": "mine", "computeEnvId": "4mXqT0bHcW8zLdPfRk2VnS", "isPrivate": true });
    let path = of_workspace("/studios?autoStart=false");
    let (status, text) = call(&api, "pipeline-keeper", Method::POST, &path, Some(studio)).await;
    assert_eq!(status, 200, "{text}");
    let studio: Value = serde_json::from_str(&text).unwrap();
    let path = of_workspace(&format!(
        "/studios/{}",
        studio["studio"]["sessionId"].as_str().unwrap()
    ));
    let (viewer, _) = call(&api, "night-shift", Method::GET, &path, None).await;
    assert_eq!(viewer, 403);
    api.get(&path).await;
}

#[tokio::test]
async fn a_user_who_is_deleted_is_gone() {
    let api = Api::start().await;
    let token = api.platform.token_of("wet-lab").is_none();
    assert!(token, "a team is no user");
    let own = api.platform.token_of("night-shift").unwrap();
    let delete = |id: i64| {
        let url = format!("{}/users/{id}", api.platform.endpoint());
        Client::new().delete(url).bearer_auth(&own).send()
    };
    assert_eq!(delete(4422).await.unwrap().status(), 403, "another one");
    assert_eq!(delete(4433).await.unwrap().status(), 204);
    assert_eq!(delete(4433).await.unwrap().status(), 401);
    let members = api.get(&format!("/orgs/{ORGANIZATION_ID}/members")).await;
    assert_eq!(members["totalSize"], 4);
}
