//! Labels the pipelines of a repository; the label is made where there is none.

use seqera::{Result, Workspace};

pub async fn label(research: &Workspace, repository: &str, label: &str) -> Result<()> {
    let mut pipelines = research.client().list_pipelines().all().await?;
    pipelines.retain(|pipeline| pipeline.repository.as_deref() == Some(repository));
    let ids = pipelines.iter().filter_map(|pipeline| pipeline.pipeline_id);
    let labels = research.labels_or_new([label]).await?;
    let add = research.client().add_labels_to_pipelines();
    add.pipeline_ids(ids).label_ids(labels).await
}
