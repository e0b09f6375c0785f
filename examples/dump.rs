//! Collects everything about a run into an archive.
//!
//! ```text
//! cargo run --example dump                           a run of a Platform in the process
//! cargo run --example dump -- <run id> <workspace>   yours, by TOWER_ACCESS_TOKEN
//! ```

mod support;

use indicatif::{ProgressBar, ProgressStyle};
use seqera_test_platform::{WORKSPACE, WORKSPACE_ID};
use support::Connection;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Connection { client, embedded } = support::connect().await?;
    let (run, workspace) = match (arguments.as_slice(), &embedded) {
        ([run, workspace], _) => (run.clone(), workspace.as_str()),
        (_, Some(_)) => {
            let mut runs = client.list_workflows().workspace_id(WORKSPACE_ID).stream();
            let latest = runs.try_next().await?.and_then(|run| run.workflow?.id);
            (latest.ok_or("there is no run")?, WORKSPACE)
        }
        _ => return Err("name a run and its workspace".into()),
    };

    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} files, {msg}",
    )?);
    let shown = bar.clone();
    let archive = std::env::temp_dir().join(format!("{run}.tar.gz"));
    let dumped = client
        .dump(&run)
        .workspace(workspace)
        .task_logs()
        .on_progress(move |progress| {
            shown.set_length(progress.files_total.unwrap_or(progress.files));
            shown.set_position(progress.files);
            shown.set_message(format!("{} bytes", progress.bytes));
        })
        .to_archive(&archive)
        .await?;
    bar.finish();

    println!("{} files in {}", dumped.files, archive.display());
    for missing in &dumped.missing {
        println!("without {}: {}", missing.path, missing.reason);
    }
    Ok(())
}
