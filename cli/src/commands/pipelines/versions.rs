//! `pipelines versions`.

use seqera::types::{PipelineDetails, PipelineVersionInfo, PipelineVersionManageRequest};
use serde_json::json;

use super::{ListVersions, ManageVersion, find};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::Entries;
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
        (None, name) => {
            let pipeline = pipeline.pipeline_id.unwrap_or_default();
            let found = named(context, &place, pipeline, &name.unwrap_or_default()).await?;
            found.id.unwrap_or_default()
        }
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

/// A pipeline's published version of that name.
pub async fn named(
    context: &Context,
    place: &Place<'_>,
    pipeline: i64,
    name: &str,
) -> Result<PipelineVersionInfo> {
    let call = context
        .client()?
        .list_pipeline_versions()
        .workspace_id(place.id());
    let call = call.pipeline_id(pipeline);
    let mut found = Entries::of(call.search(name).is_published(true).stream());
    while let Some(entry) = found.try_next().await? {
        let version = entry.version.unwrap_or_default();
        if version.name.as_deref() == Some(name) {
            return Ok(version);
        }
    }
    Err(Failure::not_found(format!(
        "Pipeline version '{name}' not found"
    )))
}

/// A version with all that is known of it.
pub async fn whole(
    context: &Context,
    place: &Place<'_>,
    pipeline: &PipelineDetails,
    version: PipelineVersionInfo,
) -> Result<PipelineVersionInfo> {
    if version.name.is_some() {
        return Ok(version);
    }
    if let Some(default) = (pipeline.version.as_ref()).filter(|own| own.id == version.id) {
        return Ok(default.clone());
    }
    let call = context.client()?.list_pipeline_versions();
    let call = call.workspace_id(place.id());
    let call = call.pipeline_id(pipeline.pipeline_id.unwrap_or_default());
    let mut found = Entries::of(call.stream());
    loop {
        let entry = match found.try_next().await {
            Ok(Some(entry)) => entry,
            // What it is called is all that is missed.
            Err(error) if !error.is_gone_or_forbidden() => return Err(error.into()),
            _ => return Ok(version),
        };
        match entry.version {
            Some(other) if other.id == version.id => return Ok(other),
            _ => {}
        }
    }
}
