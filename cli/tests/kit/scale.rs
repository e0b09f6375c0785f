//! How many calls a plan takes: as many as there are lists, and one for what lists don't tell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use seqera_cli::kit::Action;
use seqera_test_platform::TestPlatform;

use super::{apply, changes, plan, start, text, undone};

/// How often each operation was called.
fn calls(platform: &TestPlatform) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    for call in platform.received() {
        *calls.entry(call.operation.unwrap_or_default()).or_default() += 1;
    }
    calls
}

/// A block of items: `{name: …, workspace: …, …}` for each workspace and number.
fn block(
    files: &mut String,
    name: &str,
    workspaces: usize,
    items: usize,
    item: &dyn Fn(usize) -> String,
) {
    let _ = writeln!(files, "{name}:");
    for workspace in 0..workspaces {
        for number in 0..items {
            let _ = writeln!(
                files,
                "  - {{name: n{number}, workspace: open-genomics/w{workspace}, {}}}",
                item(number)
            );
        }
    }
}

fn workspaces(count: usize) -> String {
    let mut files = String::from("workspaces:\n");
    for workspace in 0..count {
        let _ = writeln!(
            files,
            "  - {{name: w{workspace}, full-name: W{workspace}, organization: open-genomics}}"
        );
    }
    files
}

#[tokio::test]
async fn a_plan_without_change_takes_as_many_calls_as_there_are_lists() {
    let platform = start(TestPlatform::builder().remember_calls(100_000)).await;
    let mut files = workspaces(20);
    block(&mut files, "labels", 20, 8, &|number| {
        format!("value: v{number}")
    });
    block(&mut files, "credentials", 20, 2, &|_| {
        "type: aws, access-key: ABCD, secret-key: EFGH".to_owned()
    });
    block(&mut files, "compute-envs", 20, 2, &|_| {
        "type: aws-cloud, credentials: n0, region: eu-west-1, work-dir: 's3://work'".to_owned()
    });
    block(&mut files, "secrets", 20, 10, &|_| {
        "value: ABCDEF".to_owned()
    });
    block(&mut files, "pipelines", 20, 20, &|number| {
        format!(
            "url: 'https://example.org/p{number}', compute-env: n0, labels: 'n1=v1', description: D"
        )
    });
    block(&mut files, "data-links", 20, 4, &|number| {
        format!("provider: aws, uri: 's3://bucket-{number}'")
    });
    files.push_str("teams:\n");
    for number in 0..60 {
        let _ = writeln!(
            files,
            "  - {{name: t{number}, organization: open-genomics}}"
        );
    }
    let set = text(&files);
    assert_eq!(set.items().len(), 1_000);
    let report = apply(&platform, &set).await;
    assert_eq!(undone(&report), Vec::<String>::new());
    platform.clear_calls();
    let shown = plan(&platform, &set).await;
    assert_eq!(changes(&shown), Vec::<String>::new());
    // The user and the workspaces; a page of each list.
    let lists = 3 + 1 + 6 * 20;
    let calls = calls(&platform);
    assert!(calls.values().sum::<usize>() <= lists, "{calls:?}");
}

#[tokio::test]
async fn what_lists_do_not_tell_takes_a_call_for_each_item_that_says_it() {
    let platform = start(TestPlatform::builder()).await;
    let samples = super::folder("all").join("samples.csv");
    let mut files = workspaces(1);
    files.push_str(
        "teams:
  - {name: without, organization: open-genomics}
  - {name: with, organization: open-genomics, members: [night-shift]}
roles:
  - {name: r, organization: open-genomics, description: R, permissions: ['workflow:read']}
workspace-settings:
  - {workspace: open-genomics/w0, lifespan-hours: 7}
",
    );
    block(&mut files, "credentials", 1, 1, &|_| {
        "type: aws, access-key: ABCD, secret-key: EFGH".to_owned()
    });
    files.push_str(
        "compute-envs:
  - {name: plain, type: aws-cloud, credentials: n0, region: eu-west-1, work-dir: 's3://work', workspace: open-genomics/w0, primary: true}
  - {name: queues, type: aws-batch manual, credentials: n0, region: eu-west-1, work-dir: 's3://work', head-queue: h, compute-queue: c, workspace: open-genomics/w0}
actions:
  - {name: hook, type: tower, pipeline: 'https://example.org/p', compute-env: plain, work-dir: 's3://work', workspace: open-genomics/w0}
pipelines:
",
    );
    for number in 0..30 {
        let more = if number < 10 { ", revision: v1" } else { "" };
        let _ = writeln!(
            files,
            "  - {{name: p{number}, url: 'https://example.org/p', compute-env: plain, \
             workspace: open-genomics/w0{more}}}"
        );
    }
    let _ = writeln!(
        files,
        "datasets:\n  - {{name: d, file-path: '{}', header: true, workspace: open-genomics/w0}}",
        samples.display()
    );
    let set = text(&files);
    assert_eq!(undone(&apply(&platform, &set).await), Vec::<String>::new());
    platform.clear_calls();
    let shown = plan(&platform, &set).await;
    assert_eq!(changes(&shown), Vec::<String>::new());
    let reads = [
        ("DescribeAction", 1),
        ("DescribeComputeEnv", 1),
        ("DescribePipelineLaunch", 10),
        ("DescribeRole", 1),
        ("DownloadDatasetV2", 1),
        ("FindDataStudiosWorkspaceSettings", 1),
        ("ListOrganizationTeamMembers", 1),
    ];
    let lists = [
        "ListActions",
        "ListComputeEnvs",
        "ListCredentials",
        "ListDatasetsV2",
        "ListLatestDatasetVersionsV2",
        "ListOrganizationTeams",
        "ListPipelines",
        "ListRoles",
        "ListWorkspaces",
        "ListWorkspacesUser",
        "UserInfo",
    ];
    let expected = reads.into_iter().chain(lists.map(|list| (list, 1)));
    let expected: BTreeMap<_, _> = expected
        .map(|(operation, count)| (operation.to_owned(), count))
        .collect();
    assert_eq!(calls(&platform), expected);
}

#[tokio::test]
async fn new_things_take_a_call_each_and_what_they_share_is_read_once() {
    let platform = start(TestPlatform::builder().remember_calls(100_000)).await;
    let mut files = String::from("pipelines:\n");
    for number in 0..300 {
        let _ = writeln!(
            files,
            "  - {{name: p{number}, url: 'https://example.org/p{number}', revision: v1, \
             compute-env: aws-batch-ireland, labels: [new-one, production], params: {{a: {number}}}, \
             workspace: open-genomics/research}}"
        );
    }
    let set = text(&files);
    let shown = plan(&platform, &set).await;
    assert_eq!(shown.count(Action::Create), 300);
    platform.clear_calls();
    assert_eq!(undone(&apply(&platform, &set).await), Vec::<String>::new());
    let expected = [
        ("CreateLabel", 1),
        ("CreatePipeline", 300),
        ("DescribeComputeEnv", 1),
        ("ListComputeEnvs", 1),
        ("ListLabels", 1),
        ("ListPipelines", 1),
        ("ListWorkspacesUser", 1),
        ("UserInfo", 1),
    ];
    let expected = expected.map(|(operation, count)| (operation.to_owned(), count));
    let mut calls = calls(&platform);
    // The laboratory's own pipelines and labels may take several pages.
    calls
        .values_mut()
        .filter(|count| **count < 4)
        .for_each(|count| *count = 1);
    assert_eq!(calls, BTreeMap::from(expected));
}
