//! `pipelines versions`.

use seqera::types::{PipelineDetails, PipelineVersionInfo, PipelineVersionManageRequest};
use serde_json::json;

use super::{ListVersions, ManageVersion, find};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::output::{Answer, Column, without_nulls};
use crate::requests::request;

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Name", "name"),
    Column::new("Default", "isDefault"),
    Column::new("Hash", "hash"),
    Column::new("Creator", "creatorUserName"),
    Column::new("Created", "dateCreated"),
];

pub async fn list(context: &Context, command: ListVersions) -> Result<Exit> {
    let place = context.place(&command.which.workspace).await?;
    let pipeline = find(context, &place, &command.which.pipeline).await?;
    let call = context
        .client()?
        .list_pipeline_versions()
        .workspace_id(place.id());
    let call = call.pipeline_id(pipeline.pipeline_id.unwrap_or_default());
    let call = call
        .search(command.filter.filter)
        .is_published(command.is_published);
    let call = call.offset(command.paging.skipped()?);
    let listed = command.paging.read(call.stream()).await?;
    let name = pipeline.name.clone().unwrap_or_default();
    let mut items: Vec<_> = listed
        .items
        .into_iter()
        .filter_map(|entry| entry.version)
        .collect();
    let value = without_nulls(json!({
        "workspaceRef": place.typed(),
        "pipelineId": pipeline.pipeline_id,
        "pipelineName": name,
        "versions": items,
    }));
    if !command.full_hash {
        for hash in items.iter_mut().filter_map(|version| version.hash.as_mut()) {
            hash.truncate(
                hash.char_indices()
                    .nth(10)
                    .map_or(hash.len(), |(place, _)| place),
            );
        }
    }
    let view = crate::lists::table(format!("Versions of pipeline {name}"), COLUMNS, &items)?;
    context.show(&Answer::new(value, view))
}

pub async fn manage(context: &Context, command: ManageVersion) -> Result<Exit> {
    let place = context.place(&command.which.workspace).await?;
    let pipeline = find(context, &place, &command.which.pipeline).await?;
    let id = match (command.version.version_id, command.version.version_name) {
        (Some(id), _) => id,
        (None, name) => named(context, &place, &pipeline, &name.unwrap_or_default()).await?,
    };
    let body = request::<PipelineVersionManageRequest>(json!({
        "name": command.change.new_name,
        "isDefault": command.change.set_default,
    }))?;
    let call = context.client()?.manage_pipeline_version().version_id(&id);
    let call = call
        .pipeline_id(pipeline.pipeline_id.unwrap_or_default())
        .workspace_id(place.id());
    call.body(body).send().await.map_err(|error| {
        Failure::from(error).told(&format!("Unable to manage pipeline version '{id}'"))
    })?;
    let name = pipeline.name.clone().unwrap_or_default();
    let value = without_nulls(json!({
        "workspaceRef": place.typed(),
        "pipelineId": pipeline.pipeline_id,
        "pipelineName": name,
        "versionId": id,
    }));
    context.say(value, format!("Version {id} of pipeline '{name}' updated"))
}

/// The id of the version of that name.
pub async fn named(
    context: &Context,
    place: &Place<'_>,
    pipeline: &PipelineDetails,
    name: &str,
) -> Result<String> {
    let call = context
        .client()?
        .list_pipeline_versions()
        .workspace_id(place.id());
    let call = call.pipeline_id(pipeline.pipeline_id.unwrap_or_default());
    let mut found = call.search(name).is_published(true).stream();
    while let Some(entry) = found.try_next().await? {
        let version = entry.version.unwrap_or_default();
        if version.name.as_deref() == Some(name) {
            return Ok(version.id.unwrap_or_default());
        }
    }
    Err(Failure::not_found(format!(
        "Pipeline version '{name}' not found"
    )))
}

/// The version of that id, as far as it is known.
pub async fn by_id(
    context: &Context,
    place: &Place<'_>,
    pipeline: &PipelineDetails,
    id: Option<&str>,
) -> Result<Option<PipelineVersionInfo>> {
    let Some(id) = id else { return Ok(None) };
    if let Some(own) = pipeline
        .version
        .as_ref()
        .filter(|version| version.id.as_deref() == Some(id))
    {
        return Ok(Some(own.clone()));
    }
    let call = context
        .client()?
        .list_pipeline_versions()
        .workspace_id(place.id());
    let mut found = call
        .pipeline_id(pipeline.pipeline_id.unwrap_or_default())
        .stream();
    while let Some(entry) = found.try_next().await? {
        if let Some(version) = entry
            .version
            .filter(|version| version.id.as_deref() == Some(id))
        {
            return Ok(Some(version));
        }
    }
    Ok(None)
}
