//! The workspace, said once.
#![cfg(all(feature = "names", feature = "runs", feature = "transfers"))]

mod support;

use seqera::prelude::*;
use seqera::{ErrorKind, WorkspaceRef};
use serde_json::json;
use support::{Seen, Server, ok};

/// A Platform with one workspace, `acme/research`, which is 42.
async fn server() -> Server {
    Server::start(|_, seen: &Seen| match seen.path() {
        "/user-info" => ok(json!({"user": {"id": 3}})),
        "/user/3/workspaces" => ok(json!({"orgsAndWorkspaces": [
            {"orgId": 8, "orgName": "acme"},
            {"orgId": 8, "orgName": "acme", "workspaceId": 42, "workspaceName": "research",
             "workspaceFullName": "Research"},
        ]})),
        "/workflow" => ok(json!({"workflows": [], "totalSize": 0})),
        "/pipelines" => {
            ok(json!({"pipelines": [{"pipelineId": 5, "name": "rnaseq"}], "totalSize": 1}))
        }
        "/workflow/run1" => {
            ok(json!({"workflow": {"id": "run1", "status": "RUNNING", "userName": "ada"}}))
        }
        "/datasets" => ok(json!({"datasets": [{"id": "d1", "name": "samples"}], "totalSize": 1})),
        path => panic!("{path}"),
    })
    .await
}

/// The workspaces of the calls since, each `None` for the personal context.
fn workspaces(server: &Server, path: &str) -> Vec<Option<String>> {
    let seen = server.seen();
    let calls = seen.iter().filter(|seen| seen.path() == path);
    calls.map(|seen| seen.query("workspaceId")).collect()
}

fn of(id: &str) -> Option<String> {
    Some(id.to_owned())
}

#[tokio::test]
async fn said_once_it_holds_for_every_call_and_for_its_clones() {
    let server = server().await;
    let client = server.client();
    let research = client.in_workspace("acme/research").await.unwrap();
    assert_eq!(research.workspace_id().await.unwrap(), Some(42));
    research.list_workflows().send().await.unwrap();
    research
        .clone()
        .list_workflows()
        .stream()
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    research
        .list_workflows()
        .workspace_id(7)
        .send()
        .await
        .unwrap();
    research.personal().list_workflows().send().await.unwrap();
    client.list_workflows().send().await.unwrap();
    assert_eq!(
        workspaces(&server, "/workflow"),
        [of("42"), of("42"), of("7"), None, None]
    );
    // Nothing is asked for an id.
    let before = server.count();
    client.in_workspace(9).await.unwrap();
    assert_eq!(server.count(), before);
}

#[tokio::test]
async fn a_name_given_to_the_builder_is_looked_up_when_it_is_needed_and_once() {
    let server = server().await;
    let client = server.builder().workspace("acme/research").build().unwrap();
    assert_eq!(server.count(), 0);
    client.list_workflows().send().await.unwrap();
    client.list_workflows().send().await.unwrap();
    assert_eq!(workspaces(&server, "/workflow"), [of("42"), of("42")]);
    assert_eq!(workspaces(&server, "/user/3/workspaces"), [None]);

    let wrong = server.builder().workspace("acme/reserch").build().unwrap();
    let error = wrong.list_workflows().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.to_string().contains("is it `acme/research`"),
        "{error}"
    );
    // Calls that are of no workspace do without.
    wrong.user_info().send().await.unwrap();
}

#[tokio::test]
async fn what_takes_several_calls_happens_there_too_unless_told_otherwise() {
    let server = server().await;
    let research = server.client().in_workspace("acme/research").await.unwrap();
    research.run("run1").status().await.unwrap();
    research.run("run1").workspace(7).status().await.unwrap();
    let personal = research.run("run1").workspace(WorkspaceRef::Personal);
    personal.status().await.unwrap();
    assert_eq!(personal.workspace_id().await.unwrap(), None);
    assert_eq!(
        workspaces(&server, "/workflow/run1"),
        [of("42"), of("7"), None]
    );
    let here = research.workspace(WorkspaceRef::OfClient).await.unwrap();
    assert_eq!(here.id(), Some(42));
    here.pipeline("rnaseq").await.unwrap();
    assert_eq!(workspaces(&server, "/pipelines"), [of("42")]);
    let nowhere = research.workspace(WorkspaceRef::Personal).await.unwrap();
    nowhere.dataset("samples").await.unwrap();
    assert_eq!(workspaces(&server, "/datasets"), [None]);
}

#[tokio::test]
async fn a_run_has_a_page_in_the_web_interface() {
    let server = server().await;
    let client = server.client();
    let run = client.run("run1").workspace("acme/research");
    let page = format!(
        "{}/orgs/acme/workspaces/research/watch/run1",
        server.address
    );
    assert_eq!(run.url().await.unwrap(), page);
    let own = client.run("run1").workspace(WorkspaceRef::Personal);
    let page = format!("{}/user/ada/watch/run1", server.address);
    assert_eq!(own.url().await.unwrap(), page);
}

#[tokio::test]
async fn ids_are_integers_of_any_type() {
    let server = server().await;
    let client = server.client();
    for workspace in [
        client.workspace(42_u64).await.unwrap(),
        client.workspace(42_usize).await.unwrap(),
        client.workspace(42_i32).await.unwrap(),
        client.workspace(Some(42_i64)).await.unwrap(),
    ] {
        assert_eq!(workspace.id(), Some(42));
        assert_eq!(workspace.pipeline(5_u32).await.unwrap().id, 5);
        assert_eq!(workspace.label(7_u64).await.unwrap(), 7);
    }
    let _ = client.launch(5_usize);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn a_workspace_tells_its_names_and_its_organization_and_is_an_argument() {
    let server = server().await;
    let client = server.client();
    let research = client.workspace("acme/research").await.unwrap();
    client
        .list_workflows()
        .workspace_id(&research)
        .send()
        .await
        .unwrap();
    assert_eq!(workspaces(&server, "/workflow"), [of("42")]);
    for workspace in [research, client.workspace(42).await.unwrap()] {
        let details = workspace.details().await.unwrap();
        assert_eq!((details.id, details.organization_id), (42, 8));
        assert_eq!(
            (&*details.name, &*details.organization),
            ("research", "acme")
        );
        assert_eq!(details.full_name.as_deref(), Some("Research"));
        assert_eq!(details.to_string(), "acme/research");
    }
    let personal = client.workspace(WorkspaceRef::Personal).await.unwrap();
    let error = personal.details().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
