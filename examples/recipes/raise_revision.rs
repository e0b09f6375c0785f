//! Lets the pipelines of a repository launch another revision.

use seqera::{Result, Workspace};

pub async fn raise(research: &Workspace, repository: &str, revision: &str) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for pipeline in research.client().list_pipelines().all().await? {
        if pipeline.repository.as_deref() == Some(repository) {
            let name = pipeline.name.unwrap_or_default();
            let edit = research.edit_pipeline_launch(&name, |launch| launch.revision(revision));
            let changes = edit.await?.changes;
            told.extend(changes.iter().map(|change| format!("{name}: {change}")));
        }
    }
    Ok(told)
}
