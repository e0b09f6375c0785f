//! Gives secrets of pipelines their values; those that don't exist are created.

use seqera::{Result, Workspace};

pub async fn keep(research: &Workspace, secrets: &[(&str, &str)]) -> Result<()> {
    for &(name, value) in secrets {
        let create = research.client().create_pipeline_secret();
        match create.name(name).value(value).await {
            Err(error) if error.is_conflict() => {
                let edit = research.edit_secret(name, |secret| secret.value(value));
                edit.await?;
            }
            created => drop(created?),
        }
    }
    Ok(())
}
