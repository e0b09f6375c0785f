//! User, organization, workspaces, teams, members, compute environments, credentials, labels, Studios.

use std::time::Duration;

use reqwest::Method;
use seqera_test_platform::{ORGANIZATION, ORGANIZATION_ID, WORKSPACE, WORKSPACE_ID};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::client::{Api, checked, of_workspace, texts};

#[tokio::test]
async fn the_server_and_the_user_introduce_themselves() {
    let api = Api::start().await;
    assert_eq!(
        api.get("/service-info").await["serviceInfo"]["apiVersion"],
        "1.187.0"
    );
    let me = api.get("/user-info").await;
    let path = format!("/user/{}/workspaces", me["user"]["id"]);
    let entries = api.get(&path).await;
    let entries = entries["orgsAndWorkspaces"].as_array().unwrap();
    let names: Vec<_> = (entries.iter())
        .filter_map(|entry| {
            Some(format!(
                "{}/{}",
                entry["orgName"].as_str()?,
                entry["workspaceName"].as_str()?
            ))
        })
        .collect();
    assert_eq!(names, [WORKSPACE, "open-genomics/reference-pipelines"]);
    assert!(
        entries.iter().any(|entry| entry["workspaceId"].is_null()),
        "the organization's own entry"
    );
    api.refused(Method::GET, "/user/1/workspaces", None, 403)
        .await;
}

#[tokio::test]
async fn the_organization_lists_its_parts() {
    let api = Api::start().await;
    let orgs = api.get("/orgs").await;
    assert_eq!(texts(&orgs["organizations"], "name"), [ORGANIZATION]);
    let org = format!("/orgs/{ORGANIZATION_ID}");
    assert_eq!(
        api.get(&org).await["organization"]["orgId"],
        ORGANIZATION_ID
    );
    assert_eq!(
        api.get(&format!("{org}/workspaces")).await["workspaces"][0]["id"],
        WORKSPACE_ID
    );
    let workspace = format!("{org}/workspaces/{WORKSPACE_ID}");
    assert_eq!(api.get(&workspace).await["workspace"]["name"], "research");
    assert_eq!(
        api.get(&format!("{workspace}/participants")).await["totalSize"],
        5
    );
    assert_eq!(
        api.get(&format!("{org}/members?max=2&offset=4")).await["members"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let teams = api.get(&format!("{org}/teams?search=BIO")).await;
    assert_eq!(texts(&teams["teams"], "name"), ["bioinformatics"]);
    let members = api
        .get(&format!(
            "{org}/teams/{}/members",
            teams["teams"][0]["teamId"]
        ))
        .await;
    assert_eq!(members["totalSize"], teams["teams"][0]["membersCount"]);
    api.refused(Method::GET, "/orgs/1/members", None, 403).await;
}

#[tokio::test]
async fn compute_environments_have_one_primary_and_a_kind() {
    let api = Api::start().await;
    let list = api
        .get(&of_workspace(
            "/compute-envs?status=AVAILABLE&attributes=labels,resources",
        ))
        .await;
    let envs = list["computeEnvs"].as_array().unwrap();
    assert_eq!(envs.iter().filter(|env| env["primary"] == true).count(), 1);
    for env in envs {
        let path = of_workspace(&format!("/compute-envs/{}", env["id"].as_str().unwrap()));
        let described = api.get(&path).await;
        assert_eq!(
            described["computeEnv"]["config"]["discriminator"],
            env["platform"]
        );
        assert!(described["computeEnv"]["labels"].is_null(), "not asked for");
    }
    assert_eq!(envs[0]["labels"][0]["name"], "cost-centre");
    assert_eq!(
        api.get(&of_workspace("/compute-envs?status=ERRORED")).await["computeEnvs"],
        json!([])
    );
    api.refused(Method::GET, &of_workspace("/compute-envs/none"), None, 403)
        .await;
    // The personal context has none.
    assert_eq!(api.get("/compute-envs").await["computeEnvs"], json!([]));
}

#[tokio::test]
async fn credentials_keep_their_secrets() {
    let api = Api::start().await;
    let list = api
        .get(&of_workspace("/credentials?platformId=aws-batch"))
        .await;
    assert_eq!(texts(&list["credentials"], "name"), ["aws-batch-runner"]);
    let all = api.get(&of_workspace("/credentials")).await;
    for credentials in all["credentials"].as_array().unwrap() {
        let path = format!("/credentials/{}", credentials["id"].as_str().unwrap());
        let described = api.get(&of_workspace(&path)).await;
        let keys = &described["credentials"]["keys"];
        for secret in ["secretKey", "privateKey", "data", "passphrase"] {
            assert_eq!(keys[secret], Value::Null);
        }
    }
}

#[tokio::test]
async fn labels_are_listed_and_created_once() {
    let api = Api::start().await;
    let resource = api.get(&of_workspace("/labels?type=resource")).await;
    assert_eq!(resource["totalSize"], 1);
    assert_eq!(
        api.get(&of_workspace("/labels?search=PILOT")).await["totalSize"],
        1
    );
    let new = json!({ "name": "from-test", "resource": false });
    let path = of_workspace("/labels");
    let created = api.post(&path, new.clone()).await;
    let found = api.get(&of_workspace("/labels?search=from-test")).await;
    assert_eq!(found["labels"][0]["id"], created["id"]);
    let again = api.post(&path, new).await;
    assert_eq!(again, created, "one that exists comes back");
    let half = json!({ "name": "half", "resource": true });
    api.refused(Method::POST, &path, Some(half), 400).await;
    api.refused(Method::POST, &path, Some(json!({})), 400).await;
}

#[tokio::test]
async fn a_studio_starts_and_stops() {
    let api = Api::start().await;
    let list = api.get(&of_workspace("/studios")).await;
    let studio = format!(
        "/studios/{}",
        list["studios"][0]["sessionId"].as_str().unwrap()
    );
    let described = async || {
        let path = of_workspace(&studio);
        let response = api.request(Method::GET, &path).send().await.unwrap();
        let code = response.status().as_u16();
        let described = checked(Method::GET, &path, response, code).await;
        let status = described["statusInfo"]["status"].as_str().unwrap();
        (code, status.to_owned())
    };
    assert_eq!(described().await, (200, "stopped".to_owned()));
    for (verb, between, at_last) in [
        ("start", "starting", "running"),
        ("stop", "stopping", "stopped"),
    ] {
        let path = of_workspace(&format!("{studio}/{verb}"));
        let reply = api.call(Method::PUT, &path, Some(json!({})), 200).await;
        assert_eq!(reply["statusInfo"]["status"], between);
        let reached = async {
            loop {
                let (code, status) = described().await;
                if status == at_last {
                    assert_eq!(code, 200);
                    break;
                }
                assert_eq!((code, &*status), (202, between));
                sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), reached)
            .await
            .unwrap();
    }
}
