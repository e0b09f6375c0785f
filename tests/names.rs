//! Names in place of ids: exact, complete, remembered for a while.
#![cfg(all(feature = "names", feature = "transfers"))]

mod support;

use std::time::Duration;

use seqera::prelude::*;
use seqera::{Client, ErrorKind, Id, WorkspaceRef};
use seqera_embedded_platform::{ORGANIZATION, ORGANIZATION_ID, WORKSPACE, WORKSPACE_ID};
use serde_json::json;
use support::{Act, Seen, Server, client_of_embedded, embedded, json};

/// A launchpad of 130 pipelines of which 61 have `rnaseq` in their names; the one that is called
/// just so comes late. Pages as the Platform does.
fn launchpad(seen: &Seen, knows_quotes: bool) -> Act {
    let names = (0..60)
        .map(|number| format!("rnaseq-{number:02}"))
        .chain((0..69).map(|number| format!("methylseq-{number:02}")))
        .chain(["rnaseq".to_owned()]);
    let search = seen.query("search").unwrap_or_default();
    let exact = search
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let found: Vec<_> = (names.enumerate())
        .filter(|(_, name)| match exact.filter(|_| knows_quotes) {
            Some(exact) => name == exact,
            None => name.contains(&search),
        })
        .map(|(id, name)| json!({"pipelineId": id, "name": name, "workspaceId": 7}))
        .collect();
    let number = |name: &str| seen.query(name).map(|text| text.parse::<usize>().unwrap());
    let (offset, max) = (number("offset").unwrap_or(0), number("max").unwrap_or(50));
    let page: Vec<_> = found.iter().skip(offset).take(max).collect();
    json(
        200,
        json!({"pipelines": page, "totalSize": found.len()}).to_string(),
    )
}

#[tokio::test]
async fn one_of_sixty_pipelines_that_contain_the_name_is_found_in_one_call() {
    let server = Server::start(|_, seen| launchpad(seen, true)).await;
    let workspace = server.client().workspace(7).await.unwrap();
    let pipeline = workspace.pipeline("rnaseq").await.unwrap();
    assert_eq!((pipeline.id, pipeline.source_workspace_id), (129, None));
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn servers_without_exact_search_are_read_to_the_last_page() {
    let server = Server::start(|_, seen| launchpad(seen, false)).await;
    let workspace = server.client().workspace(7).await.unwrap();
    assert_eq!(workspace.pipeline("rnaseq").await.unwrap().id, 129);
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_name_that_nearly_fits_is_no_match_but_is_listed() {
    let server = Server::start(|_, seen| launchpad(seen, true)).await;
    let workspace = server.client().workspace(7).await.unwrap();
    let error = workspace.pipeline("rnasec").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.is_not_found());
    let text = error.to_string();
    assert!(
        text.starts_with("no pipeline in workspace 7 is named `rnasec`: is it `rnaseq` (id 129"),
        "{text}"
    );
}

#[tokio::test]
async fn the_own_pipeline_is_meant_and_two_shared_ones_are_ambiguous() {
    let list = |homes: &'static [i64]| {
        Server::start(move |_, _| {
            let pipelines: Vec<_> = (homes.iter())
                .map(|home| json!({"pipelineId": home + 1, "name": "a", "workspaceId": home}))
                .collect();
            json(
                200,
                json!({"pipelines": pipelines, "totalSize": homes.len()}).to_string(),
            )
        })
    };
    let own = list(&[90, 7]).await;
    let workspace = own.client().workspace(7).await.unwrap();
    assert_eq!(workspace.pipeline("a").await.unwrap().id, 8);

    let shared = list(&[90, 80]).await;
    let workspace = shared.client().workspace(7).await.unwrap();
    let error = workspace.pipeline("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    let text = error.to_string();
    assert!(text.contains("id 91 of workspace 90") && text.contains("id 81 of workspace 80"));
}

#[tokio::test]
async fn everything_that_has_a_name_goes_by_it() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let research = client.workspace(WORKSPACE).await.unwrap();
    assert_eq!(research.id(), Some(WORKSPACE_ID));
    let lab = client.organization(ORGANIZATION).await.unwrap();
    assert_eq!(lab.id(), ORGANIZATION_ID);
    assert_eq!(lab.team("wet-lab").await.unwrap(), 302);
    let member = lab.member("night-shift").await.unwrap();
    assert_eq!(
        lab.member("night-shift@open-genomics.example")
            .await
            .unwrap(),
        member
    );

    let pipeline = research.pipeline("nf-core-rnaseq").await.unwrap();
    assert_eq!((pipeline.id, pipeline.source_workspace_id), (20_102, None));
    let shared = research.pipeline("nf-core-taxprofiler").await.unwrap();
    assert_eq!(shared.id, 30_201);
    assert!(
        shared
            .source_workspace_id
            .is_some_and(|home| home != WORKSPACE_ID)
    );

    let batch = research.compute_env("aws-batch-ireland").await.unwrap();
    assert_eq!(research.primary_compute_env().await.unwrap(), batch);
    let credentials = research.credentials("cluster-login").await.unwrap();
    assert_eq!(credentials, "5zPfW1uLqT8kCjRnMd3YbH");
    let dataset = research.dataset("rnaseq-batch-01").await.unwrap();
    assert_eq!(dataset, "3tLcR8nXeO1pWqVyGs5JdU");
    assert_eq!(research.label("urgent").await.unwrap(), 71);
    assert_eq!(research.label("cost-centre=genomics").await.unwrap(), 73);
    assert!(research.label("cost-centre").await.is_err());
    let bucket = research
        .data_link("s3://open-genomics-sequencing/")
        .await
        .unwrap();
    assert_eq!(
        research
            .data_link("open-genomics-sequencing")
            .await
            .unwrap(),
        bucket
    );
    let studios = client.list_data_studios_names(&research).await;
    assert!(!studios.is_empty());
    for (name, id) in studios {
        assert_eq!(research.studio(&name).await.unwrap(), id);
    }
}

/// What the list of Studios says, as a check on the look-up.
trait Studios {
    async fn list_data_studios_names(&self, at: &seqera::Workspace) -> Vec<(String, String)>;
}

impl Studios for Client {
    async fn list_data_studios_names(&self, at: &seqera::Workspace) -> Vec<(String, String)> {
        let studios = self.list_data_studios().workspace_id(at.id()).stream();
        let studios: Vec<_> = studios.try_collect().await.unwrap();
        let name = |studio: seqera::types::DataStudioDto| studio.name.zip(studio.session_id);
        studios.into_iter().filter_map(name).collect()
    }
}

#[tokio::test]
async fn ids_cost_no_call() {
    let server = Server::start(|_, _| json(500, "{}")).await;
    let client = server.client();
    let workspace = client.workspace("42").await.unwrap();
    assert_eq!(workspace.id(), Some(42));
    assert_eq!(workspace.pipeline(7).await.unwrap().id, 7);
    assert_eq!(workspace.compute_env(Id("a")).await.unwrap(), "a");
    assert_eq!(workspace.dataset(Id("b".to_owned())).await.unwrap(), "b");
    assert_eq!(workspace.data_link(Id("c")).await.unwrap(), "c");
    assert_eq!(workspace.label(9).await.unwrap(), 9);
    assert_eq!(
        client.organization(5).await.unwrap().team(3).await.unwrap(),
        3
    );
    let personal = client.workspace(WorkspaceRef::Personal).await.unwrap();
    assert_eq!(personal.id(), None);
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn names_are_remembered_shared_by_clones_and_dropped_on_demand() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    for _ in 0..3 {
        client.clone().workspace(WORKSPACE).await.unwrap();
    }
    assert_eq!(platform.calls().len(), 2);
    client.forget_names();
    client.workspace(WORKSPACE).await.unwrap();
    assert_eq!(platform.calls().len(), 4);
    // The user stays known for the next workspace.
    assert!(client.workspace("open-genomics/reserch").await.is_err());
    assert_eq!(platform.calls().len(), 5);
}

#[tokio::test]
async fn a_lifetime_of_zero_remembers_nothing_and_failures_are_never_remembered() {
    let platform = embedded(1).await;
    let forgetful = client_of_embedded(&platform).remember_names(Duration::ZERO);
    let workspace = forgetful
        .build()
        .unwrap()
        .workspace(WORKSPACE_ID)
        .await
        .unwrap();
    workspace.label("urgent").await.unwrap();
    workspace.label("urgent").await.unwrap();
    assert_eq!(platform.calls().len(), 2);

    let server = Server::start(|number, _| match number {
        0 => json(500, "{}"),
        _ => json(
            200,
            r#"{"labels": [{"id": 4, "name": "x"}], "totalSize": 1}"#,
        ),
    })
    .await;
    let workspace = server.client().workspace(1).await.unwrap();
    assert!(workspace.label("x").await.is_err());
    assert_eq!(workspace.label("x").await.unwrap(), 4);
}

#[tokio::test]
async fn of_many_at_a_time_one_asks() {
    let platform = embedded(1).await;
    let client = client_of_embedded(&platform).build().unwrap();
    let looks = (0..50).map(|_| client.workspace(WORKSPACE));
    let found = futures_util::future::try_join_all(looks).await.unwrap();
    assert!(
        found
            .iter()
            .all(|workspace| workspace.id() == Some(WORKSPACE_ID))
    );
    assert_eq!(platform.calls().len(), 2);
}

#[tokio::test]
async fn data_links_are_awaited_while_the_platform_lists_buckets() {
    let server = Server::start(|number, _| match number {
        0..3 => json(202, r#"{"dataLinks": [], "totalSize": 0}"#),
        _ => json(
            200,
            r#"{"dataLinks": [{"id": "v1", "name": "b", "resourceRef": "s3://b"}], "totalSize": 1}"#,
        ),
    })
    .await;
    let workspace = server.client().workspace(1).await.unwrap();
    assert_eq!(workspace.data_link("b").await.unwrap(), "v1");
    assert_eq!(server.count(), 4);

    let named = Server::start(|_, seen| match seen.path() {
        "/credentials" => json(
            200,
            r#"{"credentials": [{"id": "c1", "name": "bucket-key"}]}"#,
        ),
        _ => json(200, r#"{"objects": []}"#),
    })
    .await;
    let client = named.client();
    let data_link = client.data_link(Id("v1")).credentials("bucket-key");
    let entries = data_link.tree("").collect::<Vec<_>>().await;
    assert!(entries.is_empty());
    let browse = named.seen().pop().unwrap();
    assert_eq!(browse.path(), "/data-links/v1/browse");
    assert_eq!(browse.query("credentialsId").as_deref(), Some("c1"));

    let filling = Server::start(|_, _| json(202, r#"{"dataLinks": [], "totalSize": 0}"#)).await;
    let data_link = filling.client().data_link("s3://b").workspace(1);
    let soon = data_link.listed_within(std::time::Duration::from_millis(300));
    let error = soon.download_file("x", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.message(),
        "no data link in workspace 1 is named `s3://b`; the Platform has listed buckets for \
         300ms, and is not done"
    );
}
