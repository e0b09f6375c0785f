//! Keeps an archive of each run that failed since a day, for whoever looks into it.

use std::path::Path;

use seqera::types::WorkflowStatus;
use seqera::{Client, Result, Search, shown};

pub async fn archive(research: &Client, since: &str, folder: &Path) -> Result<()> {
    let search = Search::new().status(WorkflowStatus::Failed).after(since);
    let mut failed = research.list_workflows().search(search).stream();
    while let Some(listed) = failed.try_next().await? {
        let run = listed.workflow.unwrap_or_default();
        let archive = folder.join(format!("{}.tar.gz", shown(&run.run_name)));
        let dump = research.run(run.id).dump().task_logs();
        let dumped = dump.to_archive(archive).await?;
        println!(
            "{} lacks {} files",
            shown(&run.run_name),
            dumped.missing.len()
        );
    }
    Ok(())
}
