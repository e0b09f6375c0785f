//! Set-up as YAML, against the test Platform: as a library, and as a program.

#[path = "kit/faults.rs"]
mod faults;
#[path = "kit/program.rs"]
mod program;
#[path = "kit/scale.rs"]
mod scale;
#[path = "kit/table.rs"]
mod table;

use std::path::PathBuf;
use std::time::Duration;

use seqera::{Client, RateLimit};
use seqera_cli::kit::{Action, Ended, Kit, Options, Plan, Reading, Report, Set, Variables};
use seqera_test_platform::{Builder, TestPlatform};

/// What the variables of the files are; the first four are secrets.
const VARIABLES: [(&str, &str); 5] = [
    ("RIVER_ACCESS_KEY", "value-of-the-access-key"),
    ("RIVER_SECRET_KEY", "value-of-the-secret-key"),
    ("RIVER_PASSWORD", "value-of-the-password"),
    ("RIVER_TOKEN", "value-of-the-token"),
    ("RIVER_NAME", "river"),
];

async fn start(builder: Builder) -> TestPlatform {
    let builder = builder
        .calls_per_second(None)
        .settle_time(Duration::from_millis(20));
    builder.runs(0).start().await.unwrap()
}

fn client(platform: &TestPlatform) -> Client {
    let client = Client::builder(platform.token()).endpoint(platform.endpoint());
    client.rate_limit(RateLimit::unlimited()).build().unwrap()
}

fn kit(platform: &TestPlatform) -> Kit {
    Kit::new(client(platform), Options::default())
}

fn reading() -> Reading {
    let own = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Reading {
        variables: Variables {
            own: own.into(),
            environment: false,
        },
        ..Reading::default()
    }
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/files/kit")
        .join(name)
}

fn all() -> Set {
    reading()
        .read(&[folder("all")])
        .unwrap_or_else(|error| panic!("{error}"))
}

fn text(text: &str) -> Set {
    let read = reading().read_texts(vec![("test.yml".to_owned(), text.to_owned())]);
    read.unwrap_or_else(|error| panic!("{error}"))
}

async fn plan(platform: &TestPlatform, set: &Set) -> Plan {
    kit(platform)
        .plan(set, None)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn apply(platform: &TestPlatform, set: &Set) -> Report {
    let kit = kit(platform);
    let plan = kit
        .plan(set, None)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    kit.apply(set, &plan, None, std::future::pending(), |_| ())
        .await
}

/// What of a report is not done.
fn undone(report: &Report) -> Vec<String> {
    let undone = report
        .outcomes
        .iter()
        .filter(|one| !matches!(one.ended, Ended::Done(_)));
    undone
        .map(|one| format!("{} {}: {:?}", one.block, one.name, one.ended))
        .collect()
}

/// What of a plan is a change, but for launches.
fn changes(plan: &Plan) -> Vec<String> {
    let same = [Action::Same, Action::Ignore, Action::Launch];
    let changes = plan
        .steps
        .iter()
        .filter(|step| !same.contains(&step.action));
    changes
        .map(|step| {
            format!(
                "{:?} {} {:?} {:?}",
                step.action,
                step.label(),
                step.note,
                step.changes
            )
        })
        .collect()
}

/// Calls that change something, without launches.
fn changing_calls(platform: &TestPlatform) -> Vec<String> {
    let calls = platform.received().into_iter();
    let changing = calls.filter(|call| call.method != "GET");
    let calls = changing.filter_map(|call| call.operation);
    calls
        .filter(|operation| operation != "CreateWorkflowLaunch")
        .collect()
}

/// Calls of each operation that fail, in one way or the other.
fn trouble(platform: &TestPlatform, operations: &[&str], reads: bool) {
    for (number, operation) in operations.iter().enumerate() {
        match (reads, number % 3) {
            (true, 0) => platform.break_next(operation, 1),
            (true, _) => platform.fail_next(operation, 1, 503),
            (false, 0) => platform.act_then_fail(operation, 1, 502),
            (false, 1) => platform.act_then_break(operation, 1),
            (false, _) => platform.break_next(operation, 1),
        }
    }
}

/// Carries a plan of this moment out, and once more where something is left for the next run. With
/// trouble, what changes things fails once before.
async fn bring(platform: &TestPlatform, set: &Set, deletes: bool, operations: &[&str]) {
    trouble(platform, operations, false);
    let mut left = Vec::new();
    for _ in 0..3 {
        let kit = kit(platform);
        let plan = match deletes {
            true => kit.plan_deletion(set).await,
            false => kit.plan(set, None).await,
        };
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        let report = kit
            .apply(set, &plan, None, std::future::pending(), |_| ())
            .await;
        left = undone(&report);
        if left.is_empty() || operations.is_empty() {
            break;
        }
    }
    assert_eq!(left, Vec::<String>::new());
    platform.clear_faults();
}

/// Planned, applied, applied again, exported, planned from the export, deleted.
async fn the_whole_way(platform: TestPlatform, makes: &[&str], reads: &[&str], deletes: &[&str]) {
    let set = all();
    trouble(&platform, reads, true);
    let before = plan(&platform, &set).await;
    assert_eq!(
        before.count(Action::Create) + before.count(Action::Launch),
        before.steps.len()
    );
    platform.clear_faults();
    bring(&platform, &set, false, makes).await;
    // Again: nothing but the launch is left to do.
    trouble(&platform, reads, true);
    platform.clear_calls();
    let again = plan(&platform, &set).await;
    assert_eq!(changes(&again), Vec::<String>::new());
    assert_eq!(again.count(Action::Launch), 1);
    platform.clear_faults();
    bring(&platform, &set, false, &[]).await;
    assert_eq!(changing_calls(&platform), Vec::<String>::new());

    // What was exported says what is there.
    trouble(&platform, reads, true);
    let (organization, workspace) = ("river-lab".to_owned(), "river-lab/sequencing".to_owned());
    let export = kit(&platform)
        .export(&[organization], &[workspace], &[])
        .await
        .unwrap();
    assert_eq!(export.notes, Vec::<String>::new());
    let target = tempfile::tempdir().unwrap();
    for (path, text) in &export.files {
        let path = target.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let mut reading = reading();
    let own = export
        .variables
        .iter()
        .map(|name| (name.clone(), "anything".to_owned()));
    reading.variables.own = own.collect();
    let exported = reading.read(&[target.path().to_owned()]);
    let exported = exported.unwrap_or_else(|error| panic!("{error}\n{:#?}", export.files));
    let blocks: std::collections::BTreeSet<_> = exported
        .items()
        .iter()
        .map(seqera_cli::kit::Item::block)
        .collect();
    assert_eq!(
        blocks.len(),
        19,
        "all but launches and the user's own: {blocks:?}"
    );
    let none = plan(&platform, &exported).await;
    assert_eq!(changes(&none), Vec::<String>::new(), "{:#?}", export.files);
    platform.clear_faults();

    // Deleted: launches, settings and versions stay, all else goes, once the runs have ended.
    platform.advance(Duration::from_secs(60));
    let deletion = kit(&platform).plan_deletion(&set).await.unwrap();
    assert_eq!(deletion.count(Action::Delete), set.items().len() - 3);
    bring(&platform, &set, true, deletes).await;
    let after = plan(&platform, &set).await;
    assert_eq!(
        after.count(Action::Create) + after.count(Action::Launch),
        after.steps.len()
    );
}

#[tokio::test]
async fn all_kinds_are_made_found_the_same_exported_and_deleted() {
    the_whole_way(start(TestPlatform::builder()).await, &[], &[], &[]).await;
}

#[tokio::test]
async fn all_kinds_go_the_same_way_with_faults_and_latency() {
    let builder = TestPlatform::builder().latency(Duration::from_millis(5));
    let platform = start(builder).await;
    const READS: [&str; 16] = [
        "UserInfo",
        "ListWorkspacesUser",
        "ListWorkspaces",
        "ListOrganizationTeams",
        "ListLabels",
        "ListCredentials",
        "ListComputeEnvs",
        "DescribeComputeEnv",
        "ListPipelineSecrets",
        "ListActions",
        "DescribeAction",
        "ListDatasetsV2",
        "ListPipelines",
        "DescribePipelineLaunch",
        "ListDataLinks",
        "ListDataStudios",
    ];
    const DELETES: [&str; 16] = [
        "DeleteOrganization",
        "DeleteOrganizationTeam",
        "DeleteWorkspace",
        "DeleteLabel",
        "DeleteOrganizationMember",
        "DeleteWorkspaceParticipant",
        "DeleteCredentials",
        "DeleteComputeEnv",
        "DeletePipelineSecret",
        "DeleteAction",
        "DeleteDatasetV2",
        "DeletePipeline",
        "DeleteCustomDataLink",
        "DeleteDataStudio",
        "DeleteRole",
        "DeleteManagedIdentity",
    ];
    the_whole_way(platform, &faults::OPERATIONS, &READS, &DELETES).await;
}

#[tokio::test]
async fn what_differs_is_changed_in_place_and_the_rest_is_kept() {
    let platform = start(TestPlatform::builder()).await;
    let set = text(
        "pipelines:\n  - name: nf-core-rnaseq\n    url: https://github.com/nf-core/rnaseq\n    \
         workspace: open-genomics/research\n    description: Changed\n    revision: '3.99'\n",
    );
    let shown = plan(&platform, &set).await;
    assert_eq!(shown.steps[0].action, Action::Update);
    let fields: Vec<_> = shown.steps[0]
        .changes
        .iter()
        .map(|change| change.field.as_str())
        .collect();
    assert_eq!(fields, ["description", "launch.revision"]);
    let report = apply(&platform, &set).await;
    assert_eq!(undone(&report), Vec::<String>::new());
    assert_eq!(changes(&plan(&platform, &set).await), Vec::<String>::new());
    let workspace = client(&platform)
        .workspace("open-genomics/research")
        .await
        .unwrap();
    let pipeline = workspace.describe_pipeline("nf-core-rnaseq").await.unwrap();
    let labels: Vec<_> = pipeline
        .labels
        .iter()
        .flatten()
        .filter_map(|label| label.name.clone())
        .collect();
    assert_eq!(labels.len(), 2, "{labels:?}");
}

#[tokio::test]
async fn outputs_of_others_are_put_in_once_they_are_known() {
    let platform = start(TestPlatform::builder()).await;
    let set = all();
    apply(&platform, &set).await;
    let launch = platform
        .received()
        .into_iter()
        .find(|call| call.operation.as_deref() == Some("CreateWorkflowLaunch"));
    let body = launch.unwrap().body.unwrap();
    let params: serde_json::Value =
        serde_json::from_str(body["launch"]["paramsText"].as_str().unwrap()).unwrap();
    let greeting = params["greeting"].as_str().unwrap();
    let id = greeting.strip_prefix("via ").unwrap();
    assert!(id.parse::<i64>().is_ok(), "{greeting}");
    // The dataset stands for its address, files stand under the item's own.
    assert!(
        params["input"].as_str().unwrap().contains("samples.csv"),
        "{params}"
    );
    assert_eq!(params["price"], "5 $");
    assert_eq!(params["outdir"], "s3://river-results");
    assert!(params.get("nothing").is_none() && params.get("dataset").is_none());
}

#[test]
fn all_mistakes_are_told_at_once_with_place_and_the_nearest_key() {
    let wrong = "\
pipelnes: []
labels:
  - {nam: x, workspace: a/b}
  - 7
compute-envs:
  - type: aws-batsh
    name: x
  - type: slurm
    name: y
    work-dir: /w
    head-queue: q
    port: many
    env: $NOWHERE_SET
pipelines:
  - {name: p, url: 'https://x.example/y', max_cpus: 5, on_exists: perhaps}
  - {name: p, url: 'https://x.example/y', params-file: nowhere.yml}
participants:
  - {name: n, type: MEMBR, workspace: a/b}
secrets:
  - name: $(cat /etc/passwd)
";
    let read = reading().read_texts(vec![("wrong.yml".to_owned(), wrong.to_owned())]);
    let told = read.unwrap_err().to_string();
    for expected in [
        "wrong.yml:1:1: `pipelnes` is no block: is `pipelines` meant?",
        "wrong.yml:3:6: `nam` is no key of `labels add`: is `name` meant?",
        "wrong.yml:3:5: `name` of `labels` must be given",
        "wrong.yml:4:5: an item of `labels`",
        "wrong.yml:6:11: `aws-batsh` is none of",
        "is `aws-batch` meant?",
        "wrong.yml:12:11: `port` takes a whole number",
        "wrong.yml:13:10: the variable `NOWHERE_SET` is not set",
        "wrong.yml:15:43: `max_cpus` is no key of `pipelines add`",
        "`perhaps` is none of fail, ignore, overwrite, update",
        "there is no file `nowhere.yml`",
        "is there twice: first at wrong.yml:15:5",
        "`MEMBR` of `type` is none of",
        "is `MEMBER` meant?",
        "a command, `$(…)`, is not carried out here",
    ] {
        assert!(told.contains(expected), "{expected} is not in:\n{told}");
    }
}

#[test]
fn equal_items_of_files_are_one_and_documents_are_files() {
    let label = "labels:\n  - {name: a, workspace: o/w}\n";
    let texts = vec![
        ("one.yml".to_owned(), label.to_owned()),
        (
            "two.yml".to_owned(),
            format!("{label}  - {{name: b, workspace: o/w}}\n---\nlabels: null\n"),
        ),
    ];
    let set = reading().read_texts(texts).unwrap();
    assert_eq!(set.items().len(), 2);
    let twice = format!("{label}  - {{name: a, workspace: o/w}}\n");
    assert!(
        reading()
            .read_texts(vec![("one.yml".to_owned(), twice)])
            .is_err()
    );
}
