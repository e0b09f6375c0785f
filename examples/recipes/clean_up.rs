//! Deletes the records of runs that were cancelled before a day.

use seqera::types::WorkflowStatus;
use seqera::{Client, Result, Search};

pub async fn clean_up(research: &Client, before: &str) -> Result<usize> {
    let search = Search::new()
        .status(WorkflowStatus::Cancelled)
        .before(before);
    let old = research.list_workflows().search(search).all().await?;
    let runs = old.into_iter().filter_map(|listed| listed.workflow);
    let ids: Vec<String> = runs.filter_map(|run| run.id).collect();
    for some in ids.chunks(100) {
        research.delete_workflow_many().workflow_ids(some).await?;
    }
    Ok(ids.len())
}
