//! `pipelines update`.

use std::time::Duration;

use seqera::Client;
use seqera::types::{
    PipelineDetails, PipelineVersionManageRequest, UpdatePipelineRequest, WorkflowLaunchRequest,
};
use serde_json::json;

use super::{Update, find, launch_of, version_of};
use crate::commands::compute_envs;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::output::without_nulls;
use crate::requests::{changed, request};

/// How many names are tried for a new version.
const NAMES: u64 = 10;

pub async fn run(context: &Context, command: Update) -> Result<Exit> {
    let place = context.place(&command.which.workspace).await?;
    let pipeline = find(context, &place, &command.which.pipeline).await?;
    let client = context.client()?;
    if let Some(name) = &command.new_name {
        let call = client
            .validate_pipeline_name()
            .workspace_id(place.id())
            .name(name);
        call.send().await.map_err(|error| {
            Failure::from(error).told(&format!("Pipeline name '{name}' is not valid"))
        })?;
    }
    let version = version_of(context, &place, &pipeline, command.version).await?;
    let version = version.and_then(|version| version.id);
    let present = launch_of(context, &place, &pipeline, version.as_deref()).await?;
    let mut changes = command.launch.fields(present.params_text.as_deref())?;
    if let Some(env) = command.launch.compute_env.as_deref() {
        let env = compute_envs::to_run_on(context, &place, Some(env)).await?;
        changes.insert("computeEnvId".to_owned(), env.id.into());
    }
    // A pinned commit is of the revision before.
    let unpinned = command.revision.revision.is_some() && command.launch.commit_id.is_none();
    changes.extend([
        ("pipeline".to_owned(), command.pipeline.into()),
        ("revision".to_owned(), command.revision.revision.into()),
        (
            "pipelineSchemaId".to_owned(),
            command.pipeline_schema_id.into(),
        ),
    ]);
    let mut launch = changed(WorkflowLaunchRequest::from(&present), changes.into())?;
    if unpinned {
        launch.commit_id = None;
    }
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let labels = pipeline
        .labels
        .iter()
        .flatten()
        .filter_map(|label| label.id);
    let labels: Vec<_> = labels.collect();
    let mut body = request::<UpdatePipelineRequest>(json!({
        "name": given(command.new_name).or(pipeline.name.clone()),
        "description": given(command.description).or(pipeline.description.clone()),
        "icon": pipeline.icon,
        "labelIds": labels,
    }))?;
    body.launch = Some(launch);
    let sent = send(
        client,
        place.id(),
        &pipeline,
        version.as_deref(),
        body,
        command.allow_draft,
    );
    let Versions { named, draft } = sent.await?;
    let reference = place.reference().await?;
    let name = pipeline.name.unwrap_or_default();
    let mut text = format!("Pipeline '{name}' updated at {reference} workspace");
    if let Some(version) = &named {
        text.push_str(&format!("; the new version is '{version}'"));
    }
    if let Some(version) = &draft {
        text.push_str(&format!("; the new version {version} is a draft"));
    }
    let value = json!({
        "workspaceRef": reference,
        "pipelineName": name,
        "newVersionName": named,
        "draftVersionId": draft,
    });
    context.say(without_nulls(value), text)
}

/// The version that an update has made, if any.
#[derive(Default)]
pub struct Versions {
    /// By its name.
    pub named: Option<String>,
    /// By its id, where it has no name.
    pub draft: Option<String>,
}

/// Sends an update, and names the version that it makes, unless that may be a draft.
pub async fn send(
    client: &Client,
    workspace: Option<i64>,
    pipeline: &PipelineDetails,
    version: Option<&str>,
    body: UpdatePipelineRequest,
    allow_draft: bool,
) -> Result<Versions> {
    let id = pipeline.pipeline_id.unwrap_or_default();
    let updated = match version {
        Some(version) => {
            let call = client
                .update_pipeline_version()
                .pipeline_id(id)
                .version_id(version);
            call.workspace_id(workspace).body(body).send().await?
        }
        // A server without versions.
        None => {
            let call = client
                .update_pipeline()
                .pipeline_id(id)
                .workspace_id(workspace);
            call.body(body).send().await?
        }
    };
    let made = updated
        .pipeline
        .and_then(|pipeline| pipeline.version)
        .unwrap_or_default();
    let mut versions = Versions::default();
    if made.id.is_some() && made.id.as_deref() != version {
        match (made.name, made.id) {
            (Some(name), _) => versions.named = Some(name),
            (None, id) if allow_draft => versions.draft = id,
            (None, new) => {
                let new = new.unwrap_or_default();
                versions.named = Some(name_version(client, workspace, pipeline, &new).await?);
            }
        }
    }
    Ok(versions)
}

/// Names a new version after the default one, and makes it the default.
async fn name_version(
    client: &Client,
    workspace: Option<i64>,
    pipeline: &PipelineDetails,
    version: &str,
) -> Result<String> {
    let id = pipeline.pipeline_id.unwrap_or_default();
    let default = pipeline
        .version
        .as_ref()
        .and_then(|version| version.name.as_deref());
    let (stem, number) = numbered(default.or(pipeline.name.as_deref()).unwrap_or("version"));
    let mut name = format!("{stem}-{:04x}", std::process::id() & 0xffff);
    for next in 1..=NAMES {
        let free = format!("{stem}-{}", number + next);
        let call = client
            .validate_pipeline_version_name()
            .pipeline_id(id)
            .name(&free);
        match call.workspace_id(workspace).send().await {
            Ok(_) => {
                name = free;
                break;
            }
            Err(error) if error.is_retryable() => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(150)).await,
        }
    }
    let body = request::<PipelineVersionManageRequest>(json!({"name": name, "isDefault": true}))?;
    let call = client
        .manage_pipeline_version()
        .pipeline_id(id)
        .version_id(version);
    call.workspace_id(workspace).body(body).send().await?;
    Ok(name)
}

/// A name without the number at its end, and that number.
fn numbered(name: &str) -> (&str, u64) {
    match name.rsplit_once('-') {
        Some((stem, number)) => match number.parse() {
            Ok(number) => (stem, number),
            Err(_) => (name, 0),
        },
        None => (name, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_at_the_end_counts_up() {
        assert_eq!(numbered("main-3"), ("main", 3));
        assert_eq!(numbered("main"), ("main", 0));
        assert_eq!(numbered("a-b"), ("a-b", 0));
    }
}
