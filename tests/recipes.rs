//! The recipes of the examples, on the test Platform: each does what it says, and stays short.
#![cfg(feature = "default")]

#[path = "../examples/recipes/recipes.rs"]
mod recipes;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use recipes::*;
use seqera::names::Organization;
use seqera::{Client, Workspace};
use seqera_test_platform::{BUCKET, Course, TestPlatform, WORKSPACE};
use support::{client_of_embedded, folder};

const RNASEQ: &str = "https://github.com/nf-core/rnaseq";
const LONG_AGO: &str = "2020-01-01";

struct Laboratory {
    platform: TestPlatform,
    client: Client,
    workspace: Workspace,
    lab: Organization,
    folder: PathBuf,
}

/// A Platform where the workspace has been named, and nothing takes its time.
async fn laboratory() -> Laboratory {
    let platform = TestPlatform::builder()
        .calls_per_second(None)
        .settle_time(Duration::ZERO)
        .run_polls(2)
        .runs(20);
    let platform = platform.start().await.unwrap();
    let client = client_of_embedded(&platform).build().unwrap();
    Laboratory {
        workspace: client.workspace(WORKSPACE).await.unwrap(),
        lab: client.organization("open-genomics").await.unwrap(),
        folder: folder("recipes"),
        platform,
        client,
    }
}

impl Laboratory {
    fn research(&self) -> &Client {
        self.workspace.client()
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    /// A sample sheet.
    fn sheet(&self) -> PathBuf {
        let sheet = self.folder().join("samples.csv");
        fs::write(&sheet, "sample,fastq_1\ngut_01,s3://acme/gut_01.fq.gz\n").unwrap();
        sheet
    }

    /// The operations called since the last look.
    fn calls(&self) -> Vec<String> {
        let received = self.platform.received();
        self.platform.clear_calls();
        let operations = received.into_iter().filter_map(|call| call.operation);
        operations.collect()
    }
}

#[tokio::test]
async fn runs_are_launched_ended_and_launched_again() {
    let at = laboratory().await;
    let hour = Duration::from_secs(3600);
    let done = launch_with_deadline::launch(at.research(), "hello", hour).await;
    assert!(done.unwrap().succeeded());
    at.platform.next_run("hello", Course::never_ends());
    let late = launch_with_deadline::launch(at.research(), "hello", Duration::ZERO).await;
    assert_eq!(late.unwrap().status().as_str(), "CANCELLED");
    at.platform.next_run("hello", Course::fails());
    let failed = launch_with_deadline::launch(at.research(), "hello", hour).await;
    assert!(!failed.unwrap().succeeded());
    let deleted = clean_up::clean_up(at.research(), "2099-01-01")
        .await
        .unwrap();
    assert!(deleted > 0);

    let report = month_report::report(at.research(), LONG_AGO, "2099-01-01")
        .await
        .unwrap();
    let failed: usize = report
        .iter()
        .filter(|((_, status), _)| status == "FAILED")
        .map(|(_, runs)| runs)
        .sum();
    assert!(failed > 0, "{report:?}");
    archive_failures::archive(at.research(), LONG_AGO, at.folder())
        .await
        .unwrap();
    assert_eq!(fs::read_dir(at.folder()).unwrap().count(), failed);
    let again = relaunch_failed::relaunch(at.research(), LONG_AGO)
        .await
        .unwrap();
    assert_eq!(again.len(), failed);
}

#[tokio::test]
async fn a_sheet_and_reads_go_up_and_results_come_home() {
    let at = laboratory().await;
    let run = dataset_then_launch::launch(at.research(), "nf-core-rnaseq", &at.sheet()).await;
    let run = run.unwrap().describe().await.unwrap();
    let input = &run.workflow.unwrap().params.unwrap()["input"];
    assert!(input.as_str().unwrap().contains("/datasets/"), "{input}");

    at.platform
        .put_object(BUCKET, "results/latest/counts.tsv", "gene\t1\n");
    let (reads, results) = (at.folder(), at.folder().join("results"));
    let brought = data_round_trip::run(at.research(), BUCKET, reads, &results)
        .await
        .unwrap();
    assert!(brought > 0);
    assert!(at.platform.object(BUCKET, "incoming/samples.csv").is_some());
    assert!(results.join("latest/counts.tsv").is_file());
}

#[tokio::test]
async fn compute_environments_that_are_gone_come_back_from_their_files() {
    let at = laboratory().await;
    compute_envs::export(at.research(), at.folder())
        .await
        .unwrap();
    assert_eq!(fs::read_dir(at.folder()).unwrap().count(), 3);
    let before = at
        .workspace
        .describe_compute_env("google-batch-belgium")
        .await
        .unwrap();
    at.workspace
        .delete_compute_env("google-batch-belgium")
        .await
        .unwrap();
    at.workspace
        .compute_env("google-batch-belgium")
        .await
        .unwrap_err();
    compute_envs::recreate(at.research(), at.folder())
        .await
        .unwrap();
    let after = at
        .workspace
        .describe_compute_env("google-batch-belgium")
        .await
        .unwrap();
    assert_ne!(after.id, before.id);
    assert_eq!(after.config, before.config);
}

#[tokio::test]
async fn pipelines_are_labelled_and_raised_by_their_repository() {
    let at = laboratory().await;
    label_by_repository::label(&at.workspace, RNASEQ, "transcriptomics")
        .await
        .unwrap();
    let told = raise_revision::raise(&at.workspace, RNASEQ, "3.22.0")
        .await
        .unwrap();
    assert_eq!(
        told[0],
        r#"nf-core-rnaseq: launch.revision: "3.21.0" -> "3.22.0""#
    );
    let described = at
        .workspace
        .describe_pipeline("nf-core-rnaseq")
        .await
        .unwrap();
    let labels = described.labels.unwrap_or_default();
    let is_new = |label: &seqera::types::Label| label.name.as_deref() == Some("transcriptomics");
    assert!(labels.iter().any(is_new), "{labels:?}");
    assert_eq!(labels.len(), 3, "what was there stays: {labels:?}");
}

#[tokio::test]
async fn people_tokens_secrets_and_studios_come_and_go() {
    let at = laboratory().await;
    let (lab, workspace) = (&at.lab, &at.workspace);
    let before = who_has_access::access(workspace).await.unwrap();
    let new = "ada@open-genomics.example";
    for _ in 0..2 {
        join_and_leave::join(lab, workspace, new).await.unwrap();
    }
    let during = who_has_access::access(workspace).await.unwrap();
    assert_eq!(during["launch"].len(), before["launch"].len() + 1);
    join_and_leave::leave(lab, new).await.unwrap();
    lab.member(new).await.unwrap_err();

    at.client.create_token().name("old").await.unwrap();
    let token = rotate_token::rotate(&at.client, "old", "new")
        .await
        .unwrap();
    assert!(!token.is_empty());
    at.client.account().access_token("old").await.unwrap_err();
    at.client.account().access_token("new").await.unwrap();

    at.calls();
    for value in ["hush", "hush hush"] {
        keep_secrets::keep(workspace, &[("LICENCE", value)])
            .await
            .unwrap();
    }
    let calls = at.calls();
    assert!(
        calls.iter().any(|call| call == "UpdatePipelineSecret"),
        "{calls:?}"
    );

    let url = studios_overnight::morning(at.research(), "expression-notebook").await;
    assert!(url.unwrap().starts_with("http"));
    assert_eq!(studios_overnight::evening(at.research()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_service_launches_and_tells_how_far_it_is() {
    let at = laboratory().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/runs", listener.local_addr().unwrap());
    let service = tokio::spawn(service::run(at.research().clone(), listener));
    let http = seqera::reqwest::Client::new();
    let sheet = "s3://open-genomics-sequencing/samplesheets/batch-01.csv";
    let id = http.post(&address).body(sheet).send().await.unwrap();
    let id = id.error_for_status().unwrap().text().await.unwrap();
    let status = http.get(format!("{address}/{id}")).send().await.unwrap();
    assert!(status.status().is_success());
    let unknown = http.get(format!("{address}/nothing")).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    service.abort();
}

/// Programs that were written against an earlier version of this library, for the same sixteen
/// purposes, took 289 lines and 44 expressions that handle options.
#[test]
fn the_recipes_are_short_and_handle_few_options() {
    const HANDLING: [&str; 16] = [
        "Some(",
        "None",
        ".unwrap_or",
        ".ok_or",
        ".as_deref()",
        ".as_ref()",
        ".as_mut()",
        ".flatten()",
        "filter_map(",
        "flat_map(",
        ".map_or",
        ".and_then(",
        ".zip(",
        ".is_some",
        ".is_none",
        ".or(",
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/recipes");
    let (mut recipes, mut lines, mut handling) = (0, 0, Vec::new());
    for file in fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if ["main.rs", "recipes.rs"].contains(&&*name) {
            continue;
        }
        recipes += 1;
        let text = fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains("into_inner"), "{name}");
        assert!(!text.contains("workspace_id("), "{name}");
        let code = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with("//"));
        for line in code {
            lines += 1;
            // The end of a stream is no option to be handled.
            if line.starts_with("while let Some(") && line.ends_with("try_next().await? {") {
                continue;
            }
            let found = HANDLING.iter().map(|word| line.matches(word).count());
            handling.extend((0..found.sum()).map(|_| format!("{name}: {line}")));
        }
    }
    assert_eq!(recipes, 16);
    assert!(lines < 289, "{lines} lines");
    assert!(
        handling.len() <= 44 / 3,
        "{}: {handling:#?}",
        handling.len()
    );
}
