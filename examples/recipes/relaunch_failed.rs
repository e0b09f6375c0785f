//! Launches again what has failed since a day.

use seqera::prelude::*;
use seqera::runs::Run;
use seqera::types::WorkflowStatus;
use seqera::{Result, Search};

pub async fn relaunch(research: &Client, since: &str) -> Result<Vec<Run>> {
    let search = Search::new().status(WorkflowStatus::Failed).after(since);
    let failed = research.list_workflows().search(search).all().await?;
    let again = failed.into_iter().map(|listed| {
        let run = listed.workflow.unwrap_or_default();
        research.run(run.id).relaunch()
    });
    let launches: Vec<_> = again.collect();
    research.launch_all(launches).try_collect().await
}
