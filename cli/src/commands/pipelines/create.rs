//! `pipelines add`, `import` and `export`.

use seqera::types::{CreatePipelineRequest, Visibility, WorkflowLaunchRequest};
use serde_json::{Map, Value, json};

use super::{Add, Export, Import, delete, find, launch_of, look_for, quoted, version_of};
use crate::commands::compute_envs::of_environment;
use crate::commands::compute_envs::{self, files};
use crate::commands::labelled::{self, Kind, Operation};
use crate::commands::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::output::without_nulls;
use crate::requests::request;

pub async fn add(context: &Context, command: Add) -> Result<Exit> {
    let place = context.place(&command.workspace).await?;
    // Pipelines of a shared workspace run in environments of other ones.
    let wanted = command.launch.compute_env.as_deref();
    let fields = match wanted.is_none() && is_shared(context, &place).await? {
        true => Map::new(),
        false => of_environment(&compute_envs::to_run_on(context, &place, wanted).await?)?,
    };
    let body = command.request(fields)?;
    let id = create(context, &place, &command.name, body).await?;
    if let Some(labels) = command.labels.any() {
        let told = format!(
            "Pipeline '{}' was created but failed to add labels",
            command.name
        );
        let label = async || {
            let ids = labels::ids(context, &place, &labels.0, Absent::Make).await?;
            labelled::apply(
                context,
                &place,
                Kind::Pipeline,
                Operation::Set,
                &[json!(id)],
                &ids,
            )
            .await
        };
        label().await.map_err(|failure| failure.told(&told))?;
    }
    show(context, &place, &command.name).await
}

impl Add {
    /// The request that makes it, with what it takes from the environment it runs on.
    pub fn request(&self, mut fields: Map<String, Value>) -> Result<CreatePipelineRequest> {
        fields.extend(self.launch.fields(None)?);
        fields.extend([
            ("pipeline".to_owned(), self.url.as_str().into()),
            ("revision".to_owned(), self.revision.revision.clone().into()),
            (
                "pipelineSchemaId".to_owned(),
                self.pipeline_schema_id.into(),
            ),
        ]);
        request(json!({
            "name": self.name,
            "description": self.description,
            "version": self.version_name.as_ref().map(|name| json!({"name": name})),
            "launch": fields,
        }))
    }
}

async fn create(
    context: &Context,
    place: &Place<'_>,
    name: &str,
    body: CreatePipelineRequest,
) -> Result<Option<i64>> {
    let call = context
        .client()?
        .create_pipeline()
        .workspace_id(place.id())
        .body(body);
    let made = call
        .send()
        .await
        .map_err(|error| Failure::from(error).told(&format!("Unable to add pipeline '{name}'")))?;
    Ok(made.pipeline.and_then(|pipeline| pipeline.pipeline_id))
}

async fn show(context: &Context, place: &Place<'_>, name: &str) -> Result<Exit> {
    let reference = place.reference().await?;
    let text = format!("New pipeline '{name}' added at {reference} workspace");
    context.say(
        json!({"workspaceRef": reference, "pipelineName": name}),
        text,
    )
}

async fn is_shared(context: &Context, place: &Place<'_>) -> Result<bool> {
    let Some(entry) = place.entry().await? else {
        return Ok(false);
    };
    let call = context
        .client()?
        .describe_workspace()
        .org_id(entry.org_id.unwrap_or_default());
    let reply = call
        .workspace_id(entry.workspace_id.unwrap_or_default())
        .send()
        .await?;
    let workspace = reply.workspace.unwrap_or_default();
    Ok(workspace.visibility == Some(Visibility::Shared))
}

pub async fn export(context: &Context, command: Export) -> Result<Exit> {
    let place = context.place(&command.which.workspace).await?;
    let pipeline = find(context, &place, &command.which.pipeline).await?;
    let name = command.version.version_name.clone();
    let asked = name.is_some() || command.version.version_id.is_some();
    let version = version_of(context, &place, &pipeline, command.version).await?;
    let version = version.and_then(|version| version.id);
    let launch = launch_of(context, &place, &pipeline, version.as_deref()).await?;
    let launch = WorkflowLaunchRequest::from(&launch);
    let config = without_nulls(json!({
        "description": pipeline.description,
        "icon": pipeline.icon,
        "launch": launch,
        "version": asked.then_some(json!({"name": name})),
    }));
    files::write(
        context,
        &config,
        command.file.as_deref(),
        "Pipeline configuration",
    )
}

pub async fn import(context: &Context, command: Import) -> Result<Exit> {
    let mut fields = files::read(&command.file)?;
    let place = context.place(&command.workspace).await?;
    fields.insert("name".to_owned(), command.name.clone().into());
    let launch = fields.entry("launch").or_insert_with(|| json!({}));
    let own = launch
        .get("computeEnvId")
        .and_then(Value::as_str)
        .map(str::to_owned);
    if let Some(wanted) = command.compute_env.or(own) {
        let env = compute_envs::to_run_on(context, &place, Some(&wanted)).await?;
        if let Value::Object(launch) = launch {
            for (name, value) in of_environment(&env)? {
                let own = launch
                    .get(&name)
                    .is_some_and(|own| own.as_str() != Some(""));
                if name == "computeEnvId" || !own {
                    launch.insert(name, value);
                }
            }
        }
    }
    if command.overwrite.overwrite
        && let Some(present) =
            look_for(context, &place, &command.name, &quoted(&command.name)).await?
    {
        let id = present.pipeline_id.unwrap_or_default();
        context.step(delete(context, &place, id).await)?;
    }
    let body = request::<CreatePipelineRequest>(fields.into())?;
    create(context, &place, &command.name, body).await?;
    show(context, &place, &command.name).await
}
