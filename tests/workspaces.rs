//! The workspace, said once.
#![cfg(all(feature = "names", feature = "runs", feature = "transfers"))]

mod support;

use seqera::prelude::*;
use seqera::{Client, ErrorKind, WorkspaceRef};
use seqera_test_platform::TestPlatform;
use support::client_of_embedded;

/// `acme/research` is 42, `acme/other` is 7; both and the own context have a run of the same id.
const SEED: &str = "
users:
  - userName: ada
    id: 3
    personal:
      pipelines: [{ name: own, launch: { pipeline: https://github.com/nextflow-io/hello } }]
      runs: [{ pipeline: own, id: run1 }]
      datasets: [{ name: samples, id: d1 }]
organizations:
  - name: acme
    id: 8
    members: [{ user: ada, role: owner }]
    workspaces:
      - name: research
        id: 42
        fullName: Research
        pipelines: [{ name: rnaseq, id: 5, launch: { pipeline: https://github.com/nf-core/rnaseq } }]
        runs: [{ pipeline: rnaseq, id: run1 }]
      - name: other
        id: 7
        pipelines: [{ name: rnaseq, launch: { pipeline: https://github.com/nf-core/rnaseq } }]
        runs: [{ pipeline: rnaseq, id: run1 }]
";

async fn platform() -> TestPlatform {
    support::seeded(SEED).await
}

fn client(platform: &TestPlatform) -> Client {
    client_of_embedded(platform).build().unwrap()
}

/// The workspaces of the calls since, each `None` for the personal context.
fn workspaces(platform: &TestPlatform, path: &str) -> Vec<Option<String>> {
    let calls = platform.calls();
    let urls = calls.iter().filter_map(|call| call.split_once(' '));
    let urls = urls.map(|(_, path)| url::Url::parse(&format!("http://x{path}")).unwrap());
    let of_path = urls.filter(|url| url.path() == path);
    let workspace = |url: url::Url| {
        let found = url.query_pairs().find(|(name, _)| name == "workspaceId");
        found.map(|(_, value)| value.into_owned())
    };
    of_path.map(workspace).collect()
}

fn of(id: &str) -> Option<String> {
    Some(id.to_owned())
}

#[tokio::test]
async fn said_once_it_holds_for_every_call_and_for_its_clones() {
    let platform = platform().await;
    let client = client(&platform);
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
        workspaces(&platform, "/workflow"),
        [of("42"), of("42"), of("7"), None, None]
    );
    // Nothing is asked for an id.
    let before = platform.calls().len();
    client.in_workspace(9).await.unwrap();
    assert_eq!(platform.calls().len(), before);
}

#[tokio::test]
async fn a_name_given_to_the_builder_is_looked_up_when_it_is_needed_and_once() {
    let platform = platform().await;
    let client = client_of_embedded(&platform)
        .workspace("acme/research")
        .build()
        .unwrap();
    assert_eq!(platform.calls().len(), 0);
    client.list_workflows().send().await.unwrap();
    client.list_workflows().send().await.unwrap();
    assert_eq!(workspaces(&platform, "/workflow"), [of("42"), of("42")]);
    assert_eq!(workspaces(&platform, "/user/3/workspaces"), [None]);

    let wrong = client_of_embedded(&platform)
        .workspace("acme/reserch")
        .build()
        .unwrap();
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
    let platform = platform().await;
    let research = client(&platform)
        .in_workspace("acme/research")
        .await
        .unwrap();
    research.run("run1").status().await.unwrap();
    research.run("run1").workspace(7).status().await.unwrap();
    let personal = research.run("run1").workspace(WorkspaceRef::Personal);
    personal.status().await.unwrap();
    assert_eq!(personal.workspace_id().await.unwrap(), None);
    assert_eq!(
        workspaces(&platform, "/workflow/run1"),
        [of("42"), of("7"), None]
    );
    let here = research.workspace(WorkspaceRef::OfClient).await.unwrap();
    assert_eq!(here.id(), Some(42));
    here.pipeline("rnaseq").await.unwrap();
    assert_eq!(workspaces(&platform, "/pipelines"), [of("42")]);
    let nowhere = research.workspace(WorkspaceRef::Personal).await.unwrap();
    nowhere.dataset("samples").await.unwrap();
    assert_eq!(workspaces(&platform, "/datasets"), [None]);
}

#[tokio::test]
async fn a_run_has_a_page_in_the_web_interface() {
    let platform = platform().await;
    let client = client(&platform);
    let run = client.run("run1").workspace("acme/research");
    let address = platform.endpoint().strip_suffix("/api").unwrap();
    let page = format!("{address}/orgs/acme/workspaces/research/watch/run1");
    assert_eq!(run.url().await.unwrap(), page);
    let own = client.run("run1").workspace(WorkspaceRef::Personal);
    let page = format!("{address}/user/ada/watch/run1");
    assert_eq!(own.url().await.unwrap(), page);
}

#[tokio::test]
async fn ids_are_integers_of_any_type() {
    let platform = platform().await;
    let client = client(&platform);
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
    assert_eq!(platform.calls().len(), 0);
}

#[tokio::test]
async fn a_workspace_tells_its_names_and_its_organization_and_is_an_argument() {
    let platform = platform().await;
    let client = client(&platform);
    let research = client.workspace("acme/research").await.unwrap();
    client
        .list_workflows()
        .workspace_id(&research)
        .send()
        .await
        .unwrap();
    assert_eq!(workspaces(&platform, "/workflow"), [of("42")]);
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
