//! `compute-envs`: where runs run.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use seqera::types::{ComputeEnvDetails, UpdateComputeEnvRequest};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{IdOrName, InWorkspace, Labels, Overwrite};
use crate::output::{Answer, Column, View, without_nulls};
use crate::requests::request;
use crate::values::choices;

pub mod cloud;
mod configuration;
pub mod create;
pub mod files;
pub mod platforms;

pub use platforms::Add;

/// Compute environments, where runs take place
#[derive(Subcommand, Debug)]
pub enum ComputeEnvs {
    /// Add a compute environment
    #[command(subcommand)]
    Add(Box<Add>),
    /// Change name and description of a compute environment
    Update(Update),
    /// Delete a compute environment
    Delete(Delete),
    /// Show a compute environment
    View(Which),
    /// List compute environments
    List(List),
    /// Write the configuration of a compute environment to a file
    Export(Export),
    /// Add a compute environment from a file
    Import(Import),
    /// The primary compute environment, the default of runs
    #[command(subcommand)]
    Primary(Primary),
    /// Check whether a compute environment works
    Validate(Validate),
}

choices! {
    /// What a compute environment may be waited for to be.
    ComputeEnvStatus {
        Creating = "CREATING",
        Available = "AVAILABLE",
        Disabled = "DISABLED",
        Deleting = "DELETING",
        Errored = "ERRORED",
        Invalid = "INVALID",
        Deleted = "DELETED",
    }
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    compute_env: IdOrName,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    /// New description
    #[arg(short, long)]
    description: Option<String>,
}

#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    which: Which,
    /// Wait until it is gone
    #[arg(long)]
    wait: bool,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct Export {
    #[command(flatten)]
    which: Which,
    /// File to write; - is standard output
    #[arg(value_name = "FILENAME")]
    file: Option<String>,
}

/// What is said of a new compute environment of any kind.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct New {
    /// Name of the compute environment
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// Credentials to use, by name or id [default: the only ones that fit]
    #[arg(short, long)]
    pub credentials: Option<String>,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    pub wait: Option<ComputeEnvStatus>,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub labels: Labels,
}

/// A new compute environment from a file.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Import {
    #[command(flatten)]
    #[serde(flatten)]
    pub new: New,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
    /// File that `compute-envs export` wrote
    #[arg(value_name = "FILENAME")]
    #[serde(rename = "file-path")]
    pub file: PathBuf,
}

/// The primary compute environment
#[derive(Subcommand, Debug)]
pub enum Primary {
    /// Show the primary compute environment
    Get(List),
    /// Choose the primary compute environment
    Set(SetPrimary),
}

#[derive(Args, Debug)]
pub struct SetPrimary {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    compute_env: IdOrName,
}

#[derive(Args, Debug)]
pub struct Validate {
    #[command(flatten)]
    which: Which,
    /// Check again even if it was checked recently
    #[arg(long)]
    force: bool,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Status", "status"),
    Column::new("Platform", "platform"),
    Column::new("Name", "name"),
    Column::new("Primary", "primary"),
    Column::new("Last used", "lastUsed"),
];

impl ComputeEnvs {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Add(command) => create::add(context, *command).await,
            Self::Import(command) => files::import(context, command).await,
            Self::Export(command) => files::export(context, command).await,
            Self::Update(command) => command.run(context).await,
            Self::Delete(command) => command.run(context).await,
            Self::Validate(command) => command.run(context).await,
            Self::View(command) => {
                let place = context.place(&command.workspace).await?;
                let found = describe(context, &place, &command.compute_env).await?;
                let value = serde_json::to_value(&found)?;
                let config = serde_json::to_string_pretty(&found.config)?;
                let facts = vec![
                    ("Id".to_owned(), found.id.unwrap_or_default()),
                    ("Name".to_owned(), found.name.unwrap_or_default()),
                    ("Platform".to_owned(), text(&found.platform)),
                    ("Status".to_owned(), text(&found.status)),
                    (
                        "Credentials".to_owned(),
                        found.credentials_id.unwrap_or_default(),
                    ),
                    (
                        "Labels".to_owned(),
                        found
                            .labels
                            .unwrap_or_default()
                            .iter()
                            .map(label)
                            .collect::<Vec<_>>()
                            .join(", "),
                    ),
                    ("Configuration".to_owned(), config),
                ];
                context.show(&Answer::new(value, View::Facts(facts)))
            }
            Self::List(command) => {
                let place = context.place(&command.workspace).await?;
                let all = all(context, &place, None).await?;
                let reference = place.reference().await?;
                let view = table(
                    format!("Compute environments at {reference}"),
                    COLUMNS,
                    &all,
                )?;
                context.show(&Answer::new(
                    json!({"workspaceRef": reference, "computeEnvs": all}),
                    view,
                ))
            }
            Self::Primary(Primary::Get(command)) => {
                let place = context.place(&command.workspace).await?;
                let all = all(context, &place, Some("AVAILABLE")).await?;
                let primary = all.into_iter().find(|entry| entry.primary == Some(true));
                let Some(entry) = primary else {
                    return Err(Failure::not_found(format!(
                        "No primary compute environment found at {} workspace",
                        place.reference().await?
                    )));
                };
                show_primary(context, &entry.id, &entry.name, entry.platform)
            }
            Self::Primary(Primary::Set(command)) => {
                let place = context.place(&command.workspace).await?;
                let found = describe(context, &place, &command.compute_env).await?;
                let call = context.client()?.update_compute_env_primary();
                let call = call.compute_env_id(found.id.clone().unwrap_or_default());
                call.workspace_id(place.id()).send().await?;
                let platform = found.platform.as_ref().map(ToString::to_string);
                show_primary(context, &found.id, &found.name, platform)
            }
        }
    }
}

fn show_primary(
    context: &Context,
    id: &Option<String>,
    name: &Option<String>,
    platform: Option<String>,
) -> Result<Exit> {
    let text = format!(
        "The primary compute environment is '{}' ({})",
        name.as_deref().unwrap_or_default(),
        id.as_deref().unwrap_or_default()
    );
    context.say(
        without_nulls(json!({"id": id, "name": name, "platform": platform})),
        text,
    )
}

fn text(value: &Option<impl ToString>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}

fn label(label: &seqera::types::Label) -> String {
    let name = label.name.clone().unwrap_or_default();
    match &label.value {
        Some(value) => format!("{name}={value}"),
        None => name,
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let client = context.client()?;
        if let Some(name) = &self.new_name {
            let call = client
                .validate_compute_env_name()
                .workspace_id(place.id())
                .name(name);
            call.send().await.map_err(|error| {
                Failure::from(error)
                    .told(&format!("Compute environment name '{name}' is not valid"))
            })?;
        }
        let present = describe(context, &place, &self.which.compute_env).await?;
        let body = request::<UpdateComputeEnvRequest>(json!({
            "name": self.new_name.or(present.name.clone()),
            "description": self.description.or(present.description),
        }))?;
        let call = client
            .update_compute_env()
            .compute_env_id(present.id.unwrap_or_default());
        call.workspace_id(place.id()).body(body).send().await?;
        let reference = place.reference().await?;
        let name = present.name.unwrap_or_default();
        let text = format!("Compute environment '{name}' updated at {reference} workspace");
        context.say(json!({"wspRef": reference, "ceName": name}), text)
    }
}

impl Delete {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let id = match &self.which.compute_env.id {
            Some(id) => id.clone(),
            None => {
                let found = describe(context, &place, &self.which.compute_env).await?;
                found.id.unwrap_or_default()
            }
        };
        context.confirm(&format!(
            "Delete compute environment {}?",
            self.which.compute_env.typed()
        ))?;
        let call = context.client()?.delete_compute_env().compute_env_id(&id);
        call.workspace_id(place.id()).send().await?;
        let reference = place.reference().await?;
        let value = json!({"id": id, "workspaceRef": reference, "workspaceId": place.id()});
        let text = format!("Compute environment '{id}' deleted at {reference} workspace");
        context.say(without_nulls(value), text)?;
        if self.wait {
            return create::wait(context, &place, &id, ComputeEnvStatus::Deleted).await;
        }
        Ok(Exit::Done)
    }
}

impl Validate {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let found = describe(context, &place, &self.which.compute_env).await?;
        let id = found.id.unwrap_or_default();
        let call = context.client()?.validate_compute_env().compute_env_id(&id);
        let call = call
            .workspace_id(place.id())
            .force(self.force.then_some(true));
        let checked = call.send().await?;
        let status = text(&checked.status);
        let value = without_nulls(json!({
            "id": id,
            "name": found.name,
            "workspaceRef": place.reference().await?,
            "status": status,
            "transientError": checked.transient_error,
            "message": checked.message,
        }));
        let message = checked.message.unwrap_or_default();
        context.say(
            value,
            format!("Compute environment {id} is {status}. {message}"),
        )?;
        Ok(if status == "INVALID" {
            Exit::Failed
        } else {
            Exit::Done
        })
    }
}

/// The compute environments of a workspace, all or those of a status.
pub async fn all(
    context: &Context,
    place: &Place<'_>,
    status: Option<&str>,
) -> Result<Vec<seqera::types::ComputeEnvSummary>> {
    let call = context
        .client()?
        .list_compute_envs()
        .workspace_id(place.id());
    let reply = call.status(status).send().await?;
    Ok(reply.compute_envs.unwrap_or_default())
}

/// A compute environment of any status, whole.
async fn describe(
    context: &Context,
    place: &Place<'_>,
    wanted: &IdOrName,
) -> Result<ComputeEnvDetails> {
    let id = match &wanted.id {
        Some(id) => id.clone(),
        None => {
            let all = all(context, place, None).await?.into_iter();
            let mut named = all.filter(|entry| entry.name == wanted.name);
            let found = named.next().and_then(|entry| entry.id);
            found.ok_or_else(|| not_found(&wanted.typed(), place))?
        }
    };
    describe_id(context, place, &id).await
}

fn not_found(text: &str, place: &Place) -> Failure {
    Failure::not_found(format!(
        "Compute environment '{text}' not found at {} workspace",
        place.label()
    ))
}

/// A compute environment by its id.
pub async fn describe_id(
    context: &Context,
    place: &Place<'_>,
    id: &str,
) -> Result<ComputeEnvDetails> {
    let call = context.client()?.describe_compute_env().compute_env_id(id);
    let call = call.workspace_id(place.id()).attributes(["labels"]);
    Ok(call.send().await?.compute_env.unwrap_or_default())
}

/// A compute environment to run on, by id or name; the primary one where none is said.
pub async fn to_run_on(
    context: &Context,
    place: &Place<'_>,
    wanted: Option<&str>,
) -> Result<ComputeEnvDetails> {
    let all = all(context, place, Some("AVAILABLE")).await?;
    let entry = match wanted {
        Some(text) => {
            let by_id = all.iter().find(|entry| entry.id.as_deref() == Some(text));
            let by_name = || all.iter().find(|entry| entry.name.as_deref() == Some(text));
            by_id
                .or_else(by_name)
                .ok_or_else(|| not_found(text, place))?
        }
        None => match all.iter().find(|entry| entry.primary == Some(true)) {
            Some(entry) => entry,
            None => {
                return Err(Failure::not_found(format!(
                    "No available compute environment defined at {} workspace",
                    place.reference().await?
                )));
            }
        },
    };
    let call = context.client()?.describe_compute_env();
    let call = call.compute_env_id(entry.id.clone().unwrap_or_default());
    let reply = call.workspace_id(place.id()).send().await?;
    Ok(reply.compute_env.unwrap_or_default())
}

/// What a launch takes from the environment it runs on, where it says nothing itself.
pub fn of_environment(env: &ComputeEnvDetails) -> Result<Map<String, Value>> {
    let config = serde_json::to_value(&env.config)?;
    let mut fields = Map::new();
    fields.insert("computeEnvId".to_owned(), env.id.clone().into());
    for name in ["workDir", "preRunScript", "postRunScript"] {
        if let Some(value) = config.get(name).filter(|value| value.as_str() != Some("")) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    Ok(fields)
}
