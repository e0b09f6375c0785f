//! Recipes: sixteen small programs for what laboratories do, each a file of its own to copy from.
//!
//! `cargo run --example recipes` lists them, `cargo run --example recipes -- month_report` runs one,
//! on a Platform inside the process: what they change is not yours.

#[path = "recipes.rs"]
mod recipes;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use recipes::*;
use seqera_test_platform::{BUCKET, WORKSPACE};
use tokio::net::TcpListener;

const RNASEQ: &str = "https://github.com/nf-core/rnaseq";
const LONG_AGO: &str = "2020-01-01";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (client, _platform) = support::embedded().await?;
    let workspace = client.workspace(WORKSPACE).await?;
    let research = workspace.client();
    let lab = client.organization("open-genomics").await?;
    let folder = std::env::temp_dir().join("seqera-recipes");
    fs::create_dir_all(&folder)?;
    let recipe = std::env::args().nth(1).unwrap_or_default();
    match &*recipe {
        "archive_failures" => archive_failures::archive(research, LONG_AGO, &folder).await?,
        "clean_up" => {
            let deleted = clean_up::clean_up(research, "2030-01-01").await?;
            println!("{deleted} runs deleted");
        }
        "compute_envs" => {
            compute_envs::export(research, &folder).await?;
            compute_envs::recreate(research, &folder).await?;
        }
        "data_round_trip" => {
            let (reads, results) = (Path::new("examples/recipes"), folder.join("results"));
            let files = data_round_trip::run(research, BUCKET, reads, &results).await?;
            println!("{files} files in {}", results.display());
        }
        "dataset_then_launch" => {
            let sheet = folder.join("samples.csv");
            fs::write(&sheet, "sample,fastq_1\ngut_01,s3://acme/gut_01.fq.gz\n")?;
            let run = dataset_then_launch::launch(research, "nf-core-rnaseq", &sheet).await?;
            println!("launched {}", run.id());
        }
        "join_and_leave" => {
            join_and_leave::join(&lab, &workspace, "sequencing-core").await?;
            join_and_leave::leave(&lab, "sequencing-core").await?;
        }
        "keep_secrets" => keep_secrets::keep(&workspace, &[("LICENCE", "hush")]).await?,
        "label_by_repository" => {
            label_by_repository::label(&workspace, RNASEQ, "transcriptomics").await?;
        }
        "launch_with_deadline" => {
            let at_most = Duration::from_secs(2);
            let done = launch_with_deadline::launch(research, "hello", at_most).await?;
            println!("{}", done.status());
        }
        "month_report" => {
            for ((project, status), runs) in
                month_report::report(research, LONG_AGO, "2030-01-01").await?
            {
                println!("{project:<24} {status:<10} {runs}");
            }
        }
        "raise_revision" => {
            for change in raise_revision::raise(&workspace, RNASEQ, "3.22.0").await? {
                println!("{change}");
            }
        }
        "relaunch_failed" => {
            let runs = relaunch_failed::relaunch(research, LONG_AGO).await?;
            println!("{} runs launched again", runs.len());
        }
        "rotate_token" => {
            client.create_token().name("old").await?;
            rotate_token::rotate(&client, "old", "new").await?;
        }
        "service" => {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            println!("http://{}/runs", listener.local_addr()?);
            service::run(research.clone(), listener).await?;
        }
        "studios_overnight" => {
            let url = studios_overnight::morning(research, "expression-notebook").await?;
            let stopped = studios_overnight::evening(research).await?;
            println!("{url} and {stopped} Studios stopped");
        }
        "who_has_access" => {
            for (role, names) in who_has_access::access(&workspace).await? {
                println!("{role}: {}", names.join(", "));
            }
        }
        _ => println!("name one of the files in examples/recipes/, such as month_report"),
    }
    Ok(())
}
