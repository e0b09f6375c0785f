//! What is done to runs that are there.

use serde_json::{Value, json};

use super::{Outcome, Task};
use crate::rules::engine::judge;
use crate::rules::file::{Cancel, Label};

async fn run_of(task: &Task<'_>, template: &str) -> Result<seqera::runs::Run, Outcome> {
    let id = task.text(template)?;
    let platform = task.engine.platform().map_err(Outcome::Nobody)?;
    let home = task.home(&platform, task.workspace()).await?;
    Ok(platform.client.run(id).workspace(home.workspace))
}

pub(super) async fn cancel(task: &Task<'_>, cancel: &Cancel) -> Result<Value, Outcome> {
    let run = run_of(task, &cancel.run).await?;
    if let Err(error) = run.cancel().await {
        let of_cancel = judge::of_look(&error);
        // One that has ended can't be cancelled, and need not.
        let status = run.status().await.map_err(|error| judge::of_look(&error))?;
        if !status.is_end() {
            return Err(of_cancel);
        }
    }
    Ok(json!({"id": run.id()}))
}

pub(super) async fn label(task: &Task<'_>, label: &Label) -> Result<Value, Outcome> {
    let run = run_of(task, &label.run).await?;
    let texts = |templates: &[String]| -> Result<Vec<String>, Outcome> {
        templates
            .iter()
            .map(|template| task.text(template))
            .collect()
    };
    let (add, remove) = (texts(&label.add)?, texts(&label.remove)?);
    let platform = task.engine.platform().map_err(Outcome::Nobody)?;
    let home = task.home(&platform, task.workspace()).await?;
    if !add.is_empty() {
        let ids = platform.label_ids(&home, &add).await;
        let ids = ids.map_err(|error| judge::of_kit(&error))?;
        let added = run.add_labels(ids.into_iter().map(seqera::Id)).await;
        added.map_err(|error| judge::of_look(&error))?;
    }
    for name in &remove {
        match run.remove_labels([name.as_str()]).await {
            // A label that is not there is on no run.
            Err(error) if error.kind() == seqera::ErrorKind::NotFound => {}
            removed => removed.map_err(|error| judge::of_look(&error))?,
        }
    }
    Ok(json!({"id": run.id(), "added": add, "removed": remove}))
}
