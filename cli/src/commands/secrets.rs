//! `secrets`: secrets of pipelines.

use clap::{Args, Subcommand};
use seqera::types::{CreatePipelineSecretRequest, PipelineSecret, UpdatePipelineSecretRequest};
use serde::Deserialize;
use serde_json::json;

use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{InWorkspace, NumberOrName, Overwrite};
use crate::output::{Answer, Column};
use crate::requests::request;

/// Secrets that pipelines may read
#[derive(Subcommand, Debug)]
pub enum Secrets {
    /// List secrets
    List(List),
    /// Add a secret
    Add(Add),
    /// Delete a secret
    Delete(Which),
    /// Show a secret, without its value
    View(Which),
    /// Change the value of a secret
    Update(Update),
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
}

/// A new secret.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the secret
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// Value of the secret
    #[arg(short, long)]
    pub value: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    secret: NumberOrName,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    workspace: InWorkspace,
    /// New value
    #[arg(short, long)]
    value: Option<String>,
    #[command(flatten)]
    secret: NumberOrName,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Name", "name"),
    Column::new("Last used", "lastUsed"),
    Column::new("Last updated", "lastUpdated"),
];

impl Secrets {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => {
                let place = context.place(&command.workspace).await?;
                let secrets = all(context, &place).await?;
                let reference = place.reference().await?;
                let view = table(format!("Secrets at {reference}"), COLUMNS, &secrets)?;
                let value = json!({"workspaceRef": reference, "secrets": secrets});
                context.show(&Answer::new(value, view))
            }
            Self::Add(command) => command.run(context).await,
            Self::Delete(command) => {
                let place = context.place(&command.workspace).await?;
                let secret = find(context, &place, &command.secret).await?;
                delete(context, &place, &secret).await?;
                let reference = place.reference().await?;
                let name = secret.name.clone().unwrap_or_default();
                let value = json!({"secret": secret, "workspaceRef": reference});
                context.say(
                    value,
                    format!("Secret '{name}' deleted at {reference} workspace"),
                )
            }
            Self::View(command) => {
                let place = context.place(&command.workspace).await?;
                let secret = find(context, &place, &command.secret).await?;
                let reference = place.reference().await?;
                let view = table(
                    format!("Secret at {reference}"),
                    COLUMNS,
                    std::slice::from_ref(&secret),
                )?;
                context.show(&Answer::new(
                    json!({"workspaceRef": reference, "secret": secret}),
                    view,
                ))
            }
            Self::Update(command) => {
                let place = context.place(&command.workspace).await?;
                let secret = find(context, &place, &command.secret).await?;
                let body = request::<UpdatePipelineSecretRequest>(json!({"value": command.value}))?;
                let call = context.client()?.update_pipeline_secret();
                let call = call
                    .secret_id(secret.id.unwrap_or_default())
                    .workspace_id(place.id());
                call.body(body).send().await?;
                let reference = place.reference().await?;
                let name = secret.name.unwrap_or_default();
                let text = format!("Secret '{name}' updated at {reference} workspace");
                context.say(json!({"workspaceRef": reference, "secretName": name}), text)
            }
        }
    }
}

impl Add {
    /// The request that makes it.
    pub fn request(&self) -> Result<CreatePipelineSecretRequest> {
        request(json!({"name": self.name, "value": self.value}))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        if self.overwrite.overwrite {
            let present = all(context, &place).await?;
            let present = present
                .iter()
                .find(|secret| secret.name.as_ref() == Some(&self.name));
            if let Some(secret) = present {
                context.step(delete(context, &place, secret).await)?;
            }
        }
        let call = context
            .client()?
            .create_pipeline_secret()
            .workspace_id(place.id());
        let id = call.body(self.request()?).send().await?.secret_id;
        let reference = place.reference().await?;
        let text = format!(
            "New secret '{}' ({}) added at {reference} workspace",
            self.name,
            id.unwrap_or_default()
        );
        context.say(
            json!({"workspaceRef": reference, "id": id, "name": self.name}),
            text,
        )
    }
}

async fn all(context: &Context, place: &Place<'_>) -> Result<Vec<PipelineSecret>> {
    let call = context
        .client()?
        .list_pipeline_secrets()
        .workspace_id(place.id());
    Ok(call.send().await?.pipeline_secrets.unwrap_or_default())
}

async fn delete(context: &Context, place: &Place<'_>, secret: &PipelineSecret) -> Result<()> {
    let call = context
        .client()?
        .delete_pipeline_secret()
        .workspace_id(place.id());
    call.secret_id(secret.id.unwrap_or_default()).send().await?;
    Ok(())
}

async fn find(
    context: &Context,
    place: &Place<'_>,
    secret: &NumberOrName,
) -> Result<PipelineSecret> {
    if let Some(id) = secret.id {
        let call = context.client()?.describe_pipeline_secret().secret_id(id);
        let reply = call.workspace_id(place.id()).send().await?;
        return Ok(reply.pipeline_secret.unwrap_or_default());
    }
    let mut all = all(context, place).await?.into_iter();
    match all.find(|other| other.name == secret.name) {
        Some(secret) => Ok(secret),
        None => Err(Failure::not_found(format!(
            "Unknown secret '{}' at {} workspace",
            secret.typed(),
            place.reference().await?
        ))),
    }
}
