//! A tour: who am I, which workspaces, what is on the launchpad, launch it, follow it, list runs.
//!
//! `cargo run --example quickstart` needs nothing: it works on a Platform inside the process. With
//! `TOWER_ACCESS_TOKEN` set (and `TOWER_API_ENDPOINT` for a self-hosted server) it works on the
//! real one, and only reads, unless `--launch PIPELINE` names a pipeline of the launchpad.

mod support;

use std::error::Error;

use indicatif::{ProgressBar, ProgressStyle};
use seqera::prelude::*;
use seqera::runs::{Change, Run};
use seqera::shown;
use seqera::types::RunSummary as ListedRun;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let support::Connection { client, embedded } = support::connect().await?;

    let user = client.user_info().send().await?.user.unwrap_or_default();
    println!(
        "You are {} <{}>.",
        shown(&user.user_name),
        shown(&user.email)
    );

    let workspace = show_workspaces(&client, user.id).await?;
    show_launchpad(&client, workspace).await?;

    let wanted =
        support::option("--launch").or(embedded.is_some().then(|| "nf-core-rnaseq".to_owned()));
    match wanted {
        Some(pipeline) => {
            let run = launch(&client, workspace, &pipeline).await?;
            follow(&run).await?;
        }
        None => println!("\nNothing is launched: name a pipeline with --launch PIPELINE."),
    }
    show_runs(&client, workspace).await
}

/// Prints the workspaces and returns the first; without any, the personal context.
async fn show_workspaces(
    client: &Client,
    user: Option<i64>,
) -> Result<Option<i64>, Box<dyn Error>> {
    let reply = client.list_workspaces_user().user_id(user).send().await?;
    let entries = reply.orgs_and_workspaces.unwrap_or_default();
    println!("\nWorkspaces");
    for entry in entries.iter().filter(|entry| entry.workspace_id.is_some()) {
        println!(
            "  {}/{}",
            shown(&entry.org_name),
            shown(&entry.workspace_name)
        );
    }
    Ok(entries.iter().find_map(|entry| entry.workspace_id))
}

async fn show_launchpad(client: &Client, workspace: Option<i64>) -> Result<(), Box<dyn Error>> {
    println!("\nLaunchpad");
    let mut pipelines = client.list_pipelines().workspace_id(workspace).stream();
    while let Some(pipeline) = pipelines.try_next().await? {
        println!(
            "  {:<32} {}",
            shown(&pipeline.name),
            shown(&pipeline.repository)
        );
    }
    Ok(())
}

/// Launches a pipeline with what the launchpad has configured for it.
async fn launch(
    client: &Client,
    workspace: Option<i64>,
    pipeline: &str,
) -> Result<Run, Box<dyn Error>> {
    let mut launch = client.launch(pipeline);
    if let Some(workspace) = workspace {
        launch = launch.workspace(workspace);
    }
    let run = launch.send().await?;
    println!("\nLaunched {pipeline}: run {}", run.id());
    Ok(run)
}

/// Follows a run to its end with a progress bar of its tasks.
async fn follow(run: &Run) -> Result<(), Box<dyn Error>> {
    let bar = ProgressBar::new(1);
    bar.set_style(ProgressStyle::with_template(
        "  {msg:<10} {bar:40} {pos}/{len} tasks",
    )?);
    let mut changes = run.watch();
    while let Some(change) = changes.try_next().await? {
        match change {
            Change::Status(status) => {
                bar.suspend(|| println!("  {status}"));
                bar.set_message(status.to_string());
            }
            Change::Progress(progress) => {
                let counts = progress.workflow_progress.unwrap_or_default();
                let ended = [counts.succeeded, counts.cached, counts.failed];
                let open = [counts.pending, counts.submitted, counts.running];
                let sum = |counts: [Option<i64>; 3]| counts.into_iter().flatten().sum::<i64>();
                bar.set_length(sum(ended).saturating_add(sum(open)).max(1).unsigned_abs());
                bar.set_position(sum(ended).unsigned_abs());
            }
            _ => {}
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Prints the latest runs, over several pages.
async fn show_runs(client: &Client, workspace: Option<i64>) -> Result<(), Box<dyn Error>> {
    println!("\nLatest runs");
    let mut runs = client
        .list_workflows()
        .workspace_id(workspace)
        .stream()
        .page_size(10)
        .limit(25);
    while let Some(ListedRun { workflow, .. }) = runs.try_next().await? {
        let run = workflow.unwrap_or_default();
        println!(
            "  {:<16} {:<24} {:<10} {:<22} {}",
            shown(&run.id),
            shown(&run.run_name),
            shown(&run.status),
            shown(&run.submit),
            shown(&run.project_name),
        );
    }
    Ok(())
}
