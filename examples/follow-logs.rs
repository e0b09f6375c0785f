//! Prints the log of a run line by line while it grows, with its progress beside it.
//!
//! Shows: a log as a stream that follows until the run ends, the changes of a run as a stream, and
//! both at a time.
//!
//! Runs without a token, against a Platform in the process: `cargo run --example follow-logs`.

mod support;

use futures_util::future::try_join;
use seqera::Result;
use seqera::prelude::*;
use seqera::runs::{Change, Run};
use seqera_test_platform::WORKSPACE;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (client, _platform) = support::embedded().await?;
    let launch = client.launch("nf-core-sarek").workspace(WORKSPACE);
    let run = launch.send().await?;
    try_join(print_log(&run), print_progress(&run)).await?;
    Ok(())
}

async fn print_log(run: &Run) -> Result<()> {
    let mut lines = run.logs();
    while let Some(line) = lines.try_next().await? {
        println!("{line}");
    }
    Ok(())
}

async fn print_progress(run: &Run) -> Result<()> {
    let mut changes = run.watch().tasks();
    while let Some(change) = changes.try_next().await? {
        match change {
            Change::Status(status) => eprintln!("-- {status}"),
            Change::Progress(progress) => {
                let load = progress.workflow_progress.unwrap_or_default();
                let [running, done] = [load.running, load.succeeded].map(Option::unwrap_or_default);
                eprintln!("-- {running} tasks running, {done} done");
            }
            Change::Task(task) => {
                let name = task.name.unwrap_or_default();
                let status = task.status.map(|status| status.to_string());
                eprintln!("-- {name}: {}", status.unwrap_or_default());
            }
            Change::Trouble(error) => eprintln!("-- still watching: {error}"),
            _ => {}
        }
    }
    Ok(())
}
