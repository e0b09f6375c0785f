//! Names in place of ids: exact, complete, remembered for a while.
#![cfg(all(feature = "names", feature = "transfers"))]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seqera::mock::MockApi;
use seqera::prelude::*;
use seqera::types::{
    Credentials, DataLinkContentResponse, DataLinkInfo, DataLinkItem, DataLinkItemType,
    DataLinksListResponse, Label, ListCredentialsResponse, ListLabelsResponse,
    ListPipelinesResponse, PipelineDetails,
};
use seqera::{Client, ErrorKind, Id, RetryPolicy, WorkspaceRef};
use seqera_test_platform::{ORGANIZATION, ORGANIZATION_ID, WORKSPACE, WORKSPACE_ID};
use serde_json::{Value, json as value};
use support::{Server, client_of_embedded, embedded, json, ok};

fn pipeline(id: i64, name: &str, home: i64) -> PipelineDetails {
    let pipeline = PipelineDetails::new().pipeline_id(id).name(name);
    pipeline.workspace_id(home)
}

fn page(pipelines: &[PipelineDetails], total: usize) -> ListPipelinesResponse {
    let page = ListPipelinesResponse::new().pipelines(pipelines.to_vec());
    page.total_size(total as i64)
}

/// The launchpad of workspace 7: 130 pipelines of which 61 have `rnaseq` in their names; the one
/// that is called just so comes last. Exact searches for it find `exact`; how often each is asked
/// for one, for the first and the second page of all.
async fn look_up(
    name: &str,
    exact: &[PipelineDetails],
) -> (seqera::Result<(i64, Option<i64>)>, [usize; 3]) {
    let all: Vec<_> = (0..60)
        .map(|number| format!("rnaseq-{number:02}"))
        .chain((0..69).map(|number| format!("methylseq-{number:02}")))
        .chain(["rnaseq".to_owned()])
        .zip(0..)
        .map(|(name, id)| pipeline(id, &name, 7))
        .collect();
    let api = MockApi::start().await;
    let exact = api.list_pipelines(|when, then| {
        when.workspace_id(7)
            .visibility("all")
            .search(format!("\"{name}\""));
        then.ok(page(exact, exact.len()))
    });
    let exact = exact.await;
    let first = api.list_pipelines(|when, then| {
        when.workspace_id(7)
            .visibility("all")
            .search(None::<String>)
            .offset(0);
        then.ok(page(&all[..100], 130))
    });
    let first = first.await;
    let second = api.list_pipelines(|when, then| {
        when.workspace_id(7)
            .visibility("all")
            .search(None::<String>)
            .offset(100);
        then.ok(page(&all[100..], 130))
    });
    let second = second.await;
    let workspace = api.client().workspace(7).await.unwrap();
    let found = workspace.pipeline(name).await;
    let found = found.map(|found| (found.id, found.source_workspace_id));
    assert_eq!(api.unexpected(), [""; 0]);
    (found, [exact.calls(), first.calls(), second.calls()])
}

#[tokio::test]
async fn one_of_sixty_pipelines_that_contain_the_name_is_found_in_one_call() {
    let (found, calls) = look_up("rnaseq", &[pipeline(129, "rnaseq", 7)]).await;
    assert_eq!(found.unwrap(), (129, None));
    assert_eq!(calls, [1, 0, 0]);
}

#[tokio::test]
async fn servers_without_exact_search_are_read_to_the_last_page() {
    let (found, calls) = look_up("rnaseq", &[]).await;
    assert_eq!(found.unwrap(), (129, None));
    assert_eq!(calls, [1, 1, 1]);
}

#[tokio::test]
async fn a_name_that_nearly_fits_is_no_match_but_is_listed() {
    let (found, _) = look_up("rnasec", &[]).await;
    let error = found.unwrap_err();
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
    let look_up = async |homes: [i64; 2]| {
        let api = MockApi::start().await;
        let pipelines = homes.map(|home| pipeline(home + 1, "a", home));
        api.list_pipelines(|_, then| then.ok(page(&pipelines, 2)))
            .await;
        let workspace = api.client().workspace(7).await.unwrap();
        workspace.pipeline("a").await
    };
    let own = look_up([90, 7]).await.unwrap();
    assert_eq!((own.id, own.source_workspace_id), (8, None));

    let error = look_up([90, 80]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    let text = error.to_string();
    assert!(text.contains("id 91 of workspace 90") && text.contains("id 81 of workspace 80"));
}

#[tokio::test]
async fn the_one_shared_pipeline_of_a_name_comes_with_its_home() {
    let (found, _) = look_up("taxprofiler", &[pipeline(91, "taxprofiler", 90)]).await;
    assert_eq!(found.unwrap(), (91, Some(90)));
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
        let name = |studio: seqera::types::StudioInfo| studio.name.zip(studio.session_id);
        studios.into_iter().filter_map(name).collect()
    }
}

#[tokio::test]
async fn ids_cost_no_call() {
    let api = MockApi::start().await;
    let client = api.client();
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
    assert_eq!(api.unexpected(), [""; 0]);
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

    let api = MockApi::start().await;
    let label = Label::new().id(4).name("x");
    let labels = ListLabelsResponse::new().labels([label]).total_size(1);
    api.list_labels(|_, then| then.error(500, "").ok(labels))
        .await;
    let workspace = api.client().workspace(1).await.unwrap();
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
    let api = MockApi::start().await;
    let bucket = DataLinkInfo::new().id("v1").name("b");
    let buckets = DataLinksListResponse::new().total_size(1);
    let buckets = buckets.data_links([bucket.resource_ref("s3://b")]);
    let none_yet = DataLinksListResponse::new().data_links([]).total_size(0);
    let lists = api.list_data_links(|when, then| {
        when.workspace_id(1);
        then.accepted(none_yet).times(3).ok(buckets)
    });
    let lists = lists.await;
    let workspace = api.client().workspace(1).await.unwrap();
    assert_eq!(workspace.data_link("b").await.unwrap(), "v1");
    assert_eq!(lists.calls(), 4);

    let platform = embedded(1).await;
    platform.fill_data_link_cache_slowly(usize::MAX);
    let client = client_of_embedded(&platform).build().unwrap();
    let data_link = client.data_link("s3://b").workspace(WORKSPACE_ID);
    let soon = data_link.listed_within(std::time::Duration::from_millis(300));
    let error = soon.download_file("x", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.message(),
        format!(
            "no data link in workspace {WORKSPACE_ID} is named `s3://b`; the Platform has listed \
             buckets for 300ms, and is not done"
        )
    );
}

#[tokio::test]
async fn a_data_link_is_browsed_with_credentials_by_name() {
    let api = MockApi::start().await;
    let key = Credentials::new().id("c1").name("bucket-key");
    let keys = ListCredentialsResponse::new().credentials([key]);
    api.list_credentials(|_, then| then.ok(keys)).await;
    let item = |name: &str, kind| DataLinkItem::new().name(name).type_(kind);
    let in_top = [
        item("x.bam", DataLinkItemType::File).size(7),
        item("runs/", DataLinkItemType::Folder),
    ];
    let in_runs = [item("y.bam", DataLinkItemType::File).size(8)];
    let top = api.explore_data_link(|when, then| {
        when.data_link_id("v1").workspace_id(7).credentials_id("c1");
        then.ok(DataLinkContentResponse::new().objects(in_top))
    });
    let top = top.await;
    let runs = api.explore_data_link_with_path(|when, then| {
        when.data_link_id("v1")
            .workspace_id(7)
            .credentials_id("c1")
            .path("runs");
        then.ok(DataLinkContentResponse::new().objects(in_runs))
    });
    let runs = runs.await;
    let data_link = api.client().data_link(Id("v1")).workspace(7);
    let entries = data_link.credentials("bucket-key").tree("");
    let entries: Vec<_> = entries.try_collect().await.unwrap();
    let found: Vec<_> = (entries.iter())
        .map(|entry| (entry.path.as_str(), entry.size))
        .collect();
    assert_eq!(
        found,
        [("runs", None), ("runs/y.bam", Some(8)), ("x.bam", Some(7))]
    );
    top.assert();
    runs.assert();
}

/// Ids that no longer exist: whatever the call that meets one, its name is looked up anew the next
/// time.
#[tokio::test]
async fn a_name_whose_call_is_refused_is_looked_up_anew() {
    for (refusal, is_forgotten) in [
        (400, true),
        (403, true),
        (404, true),
        (410, true),
        (422, true),
        // Nothing is wrong with what they name.
        (401, false),
        (409, false),
        (500, false),
        (503, false),
    ] {
        let generation = Arc::new(AtomicUsize::new(1));
        let now = generation.clone();
        let server = Server::start(move |_, seen| {
            let (text, number) = (
                format!("id{}", now.load(Ordering::SeqCst)),
                now.load(Ordering::SeqCst),
            );
            let list = |field: &str, entry: Value| ok(value!({field: [entry], "totalSize": 1}));
            match seen.path() {
                "/actions" => list("actions", value!({"id": text, "name": "x"})),
                "/compute-envs" => list("computeEnvs", value!({"id": text, "name": "x"})),
                "/credentials" => list("credentials", value!({"id": text, "name": "x"})),
                "/data-links" => list("dataLinks", value!({"id": text, "name": "x"})),
                "/datasets" => list("datasets", value!({"id": text, "name": "x"})),
                "/labels" => list("labels", value!({"id": number, "name": "x"})),
                "/pipeline-secrets" => list("pipelineSecrets", value!({"id": number, "name": "x"})),
                "/pipelines" => list("pipelines", value!({"pipelineId": number, "name": "x"})),
                "/studios" => list("studios", value!({"sessionId": text, "name": "x"})),
                _ => json(refusal, r#"{"message": "no"}"#),
            }
        })
        .await;
        let client = server.builder().retry(RetryPolicy::none()).build().unwrap();
        let workspace = client.workspace(7).await.unwrap();
        let ids = async || {
            [
                workspace.action("x").await.unwrap(),
                workspace.compute_env("x").await.unwrap(),
                workspace.credentials("x").await.unwrap(),
                workspace.data_link("x").await.unwrap(),
                workspace.dataset("x").await.unwrap(),
                format!("id{}", workspace.label("x").await.unwrap()),
                format!("id{}", workspace.secret("x").await.unwrap()),
                format!("id{}", workspace.pipeline("x").await.unwrap().id),
                workspace.studio("x").await.unwrap(),
            ]
        };
        let all_of =
            |generation: u32| -> [String; 9] { std::array::from_fn(|_| format!("id{generation}")) };
        assert_eq!(ids().await, all_of(1));
        generation.store(2, Ordering::SeqCst);
        assert_eq!(ids().await, all_of(1), "they are remembered");
        let studio = client.studio("x").workspace(7).describe().await;
        assert_eq!(studio.unwrap_err().status().unwrap(), refusal);
        assert_eq!(
            ids().await,
            all_of(1 + u32::from(is_forgotten)),
            "{refusal}"
        );
        // A program's own call is one too.
        generation.store(3, Ordering::SeqCst);
        let own = client.describe_credentials().credentials_id("id2").send();
        assert_eq!(own.await.unwrap_err().status().unwrap(), refusal);
        assert_eq!(
            ids().await,
            all_of(1 + 2 * u32::from(is_forgotten)),
            "{refusal}"
        );
    }
}

/// Each with the names that go into it: the second try meets what is there by then.
#[cfg(feature = "runs")]
#[tokio::test]
async fn what_is_made_anew_is_met_by_the_second_try() {
    let generation = Arc::new(AtomicUsize::new(1));
    let now = generation.clone();
    let server = Server::start(move |_, seen| {
        let number = now.load(Ordering::SeqCst);
        let (id, before) = (format!("id{number}x"), format!("id{}x", number - 1));
        let sent = format!("{} {}", seen.target, String::from_utf8_lossy(&seen.body));
        match seen.path() {
            "/compute-envs" => ok(value!({"computeEnvs": [{"id": id, "name": "x"}]})),
            "/credentials" => ok(value!({"credentials": [{"id": id, "name": "x"}]})),
            "/data-links" => ok(value!({"dataLinks": [{"id": id, "name": "x"}], "totalSize": 1})),
            "/labels" => ok(value!({"labels": [{"id": number, "name": "x"}], "totalSize": 1})),
            "/studios" if seen.method == "GET" => {
                ok(value!({"studios": [{"sessionId": id, "name": "x"}], "totalSize": 1}))
            }
            _ if !sent.contains(&id) || sent.contains(&before) => json(403, r#"{"message": "no"}"#),
            path if path.ends_with("/start") => ok(value!({})),
            path if path.starts_with("/studios/") => {
                ok(value!({"sessionId": id, "statusInfo": {"status": "running"}}))
            }
            "/studios" => ok(value!({"studio": {"sessionId": id}})),
            path if path.starts_with("/compute-envs/") => {
                ok(value!({"computeEnv": {"id": id, "config": {"workDir": "s3://x"}}}))
            }
            "/workflow/launch" => ok(value!({"workflowId": "run1"})),
            path if path.contains("/browse") => ok(value!({"objects": []})),
            path => panic!("{path}"),
        }
    })
    .await;
    let client = server.client();
    let launch = client
        .launch("https://github.com/acme/rnaseq")
        .workspace(7)
        .compute_env("x")
        .label("x");
    let files = client.data_link("x").workspace(7).credentials("x");
    let studio = client.studio("x").workspace(7);
    let request = seqera::types::DataStudioCreateRequest::new().name("new");
    let new_studio = client.new_studio(request).workspace(7).compute_env("x");
    let to = support::folder("anew");
    for (at, kind) in ["launch", "folder", "tree", "start", "create"]
        .into_iter()
        .enumerate()
    {
        let attempt = async || match at {
            0 => launch.clone().send().await.err(),
            1 => files.download_folder("", &to).await.err(),
            2 => files.tree("").try_collect::<Vec<_>>().await.err(),
            3 => studio.start().await.err(),
            _ => new_studio.clone().send().await.err(),
        };
        client.forget_names();
        assert!(attempt().await.is_none(), "{kind}");
        generation.fetch_add(1, Ordering::SeqCst);
        let first = attempt().await;
        match kind {
            // It makes the second try itself.
            "launch" => assert!(first.is_none(), "{kind}"),
            _ => assert!(first.is_some_and(|error| error.is_forbidden()), "{kind}"),
        }
        assert!(attempt().await.is_none(), "{kind}");
    }
}

/// The workspace of all calls is not looked up after each refusal, but now and then.
#[tokio::test]
async fn refusals_one_after_the_other_look_the_workspace_up_once() {
    let server = Server::start(|_, seen| match seen.path() {
        "/user-info" => ok(value!({"user": {"id": 3}})),
        "/user/3/workspaces" => ok(value!({"orgsAndWorkspaces": [
            {"orgId": 8, "orgName": "acme", "workspaceId": 42, "workspaceName": "research"},
        ]})),
        _ => json(404, "{}"),
    })
    .await;
    let client = server.client().in_workspace("acme/research").await.unwrap();
    for run in 0..20 {
        let run = client.describe_workflow().workflow_id(run.to_string());
        assert!(run.send().await.unwrap_err().is_not_found());
    }
    assert_eq!(server.count(), 2 + 20);
}
