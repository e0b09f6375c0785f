//! Launches a launchpad pipeline by name, tells how it gets on, and waits for its end.
//!
//! Shows: names in place of ids, parameters over those of the pipeline, a look at the request
//! before it is sent, a wait whose outcome is a value, and how few calls all of it takes.
//!
//! Runs without a token, against a Platform in the process: `cargo run --example launch-and-wait`.
//! For a real one, make the client with `Client::from_env()?`.

mod support;

use std::time::Duration;

use seqera::Result;
use seqera::runs::Change;
use seqera_test_platform::WORKSPACE;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, platform) = support::embedded().await?;

    let launch = client
        .launch("nf-core-rnaseq")
        .workspace(WORKSPACE)
        .param(
            "input",
            "s3://open-genomics-sequencing/samplesheets/batch-02.csv",
        )
        .param("skip_qc", true)
        .label("batch-02")
        .create_labels();
    let preview = launch.clone().preview().await?;
    println!("{}", serde_json::to_string_pretty(&preview.request)?);

    let run = launch.send().await?;
    println!("launched {}", run.id());
    let done = run
        .wait()
        .timeout(Duration::from_secs(6 * 3600))
        .on_change(|change| match change {
            Change::Status(status) => println!("{status}"),
            Change::Trouble(error) => eprintln!("still waiting: {error}"),
            _ => {}
        })
        .await?;
    let results: String = done.param("outdir")?;
    match done.succeeded() {
        true => println!("results are in {results}"),
        false => println!("{}: {:?}", done.status(), done.error_message()),
    }
    println!("{} calls", platform.calls().len());
    Ok(())
}
