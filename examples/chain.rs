//! Runs one pipeline after another: the second takes its input from the parameters of the first.
//!
//! Shows: the parameters of a finished run as typed values, a failure as a value that ends the
//! chain, and a failed run that is resumed once.
//!
//! `seqctl rules` does the same from a file, and remembers what it has done: `cli/docs/rules.md`.
//!
//! Runs without a token, against a Platform in the process: `cargo run --example chain`.

mod support;

use seqera::Result;
use seqera::runs::{FinishedRun, Launch};
use seqera_test_platform::WORKSPACE;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _platform) = support::embedded().await?;
    let pipeline = |name: &str| client.launch(name).workspace(WORKSPACE);

    let fetched = finish(pipeline("nf-core-fetchngs").param("ids", ["SRR000001"])).await?;
    if !fetched.succeeded() {
        return Err("there is nothing to go on with".into());
    }
    let reads: String = fetched.param("outdir")?;
    let counted = pipeline("nf-core-rnaseq")
        .param("input", format!("{reads}/samplesheet/samplesheet.csv"))
        .param("outdir", format!("{reads}/rnaseq"));
    finish(counted).await?;
    finish(pipeline("failing-contamination-screen").param("input", reads)).await?;
    Ok(())
}

/// Launches, waits, and gives a run that fails a second chance.
async fn finish(launch: Launch) -> Result<FinishedRun> {
    let mut done = launch.send().await?.wait().await?;
    println!("{} {}", done.id(), done.status());
    if !done.succeeded() {
        done = done.run().resume().send().await?.wait().await?;
        println!("{} {} when resumed", done.id(), done.status());
    }
    Ok(done)
}
