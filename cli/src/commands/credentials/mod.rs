//! `credentials`: what the Platform logs in with elsewhere.

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{IdOrName, InWorkspace, Overwrite};
use crate::output::{Answer, Column, without_nulls};

pub mod create;
mod keys;

use keys::{
    Agent, Aws, Azure, AzureEntra, CodeCommit, ContainerRegistry, GitHost, Gitlab, Google,
    Kubernetes, Ssh,
};

/// Credentials, with which the Platform signs in to clouds, Git servers and registries
#[derive(Subcommand, Debug)]
pub enum Credentials {
    /// Add credentials
    #[command(subcommand)]
    Add(Add),
    /// Replace the keys of credentials
    #[command(subcommand)]
    Update(Update),
    /// Delete credentials
    Delete(Which),
    /// List credentials
    List(List),
    /// Check whether credentials work
    Validate(Validate),
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    credentials: IdOrName,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct Validate {
    #[command(flatten)]
    which: Which,
    /// Check again even if it was checked recently
    #[arg(long)]
    force: bool,
}

/// New credentials.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct New<K: Args> {
    /// Name of the credentials
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
    #[command(flatten)]
    #[serde(flatten)]
    pub keys: K,
}

/// Other keys for credentials.
#[derive(Args, Debug)]
pub struct Change<K: Args> {
    #[command(flatten)]
    pub which: Which,
    #[command(flatten)]
    pub keys: K,
}

macro_rules! providers {
    ($($(#[$doc:meta])* $variant:ident($keys:ty)),+ ; only_add $($(#[$more_doc:meta])* $more:ident($more_keys:ty)),+) => {
        /// Add credentials
        #[derive(Subcommand, Debug)]
        pub enum Add {
            $($(#[$doc])* $variant(New<$keys>),)+
            $($(#[$more_doc])* $more(New<$more_keys>),)+
        }

        /// Replace the keys of credentials
        #[derive(Subcommand, Debug)]
        pub enum Update { $($(#[$doc])* $variant(Change<$keys>)),+ }
    };
}

providers! {
    /// Amazon Web Services
    Aws(Aws),
    /// AWS CodeCommit
    #[command(name = "codecommit")]
    CodeCommit(CodeCommit),
    /// Google Cloud
    Google(Google),
    /// GitHub
    Github(GitHost),
    /// GitLab
    Gitlab(Gitlab),
    /// Bitbucket
    Bitbucket(GitHost),
    /// A key for SSH
    Ssh(Ssh),
    /// Kubernetes
    K8s(Kubernetes),
    /// Microsoft Azure, by keys
    Azure(Azure),
    /// Microsoft Azure, by Entra
    AzureEntra(AzureEntra),
    /// A container registry
    ContainerReg(ContainerRegistry),
    /// The Tower Agent
    Agent(Agent);
    only_add
    /// Gitea
    Gitea(GitHost)
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Provider", "provider"),
    Column::new("Name", "name"),
    Column::new("Status", "status"),
    Column::new("Last used", "lastUsed"),
];

impl Credentials {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Add(command) => create::add(context, command).await,
            Self::Update(command) => create::update(context, command).await,
            Self::List(command) => {
                let place = context.place(&command.workspace).await?;
                let all = all(context, &place).await?;
                let reference = place.reference().await?;
                let view = table(format!("Credentials at {reference}"), COLUMNS, &all)?;
                context.show(&Answer::new(
                    json!({"workspaceRef": reference, "credentials": all}),
                    view,
                ))
            }
            Self::Delete(command) => {
                let place = context.place(&command.workspace).await?;
                let id = match &command.credentials.id {
                    Some(id) => id.clone(),
                    None => find(context, &place, &command.credentials)
                        .await?
                        .id
                        .unwrap_or_default(),
                };
                delete(context, &place, &id).await?;
                let reference = place.reference().await?;
                let text = format!("Credentials '{id}' deleted at {reference} workspace");
                context.say(json!({"id": id, "workspaceRef": reference}), text)
            }
            Self::Validate(command) => {
                let place = context.place(&command.which.workspace).await?;
                let found = find(context, &place, &command.which.credentials).await?;
                let id = found.id.unwrap_or_default();
                let call = context.client()?.validate_credentials().credentials_id(&id);
                let call = call
                    .workspace_id(place.id())
                    .force(command.force.then_some(true));
                let checked = call.send().await?;
                let status = checked
                    .status
                    .map(|status| status.to_string())
                    .unwrap_or_default();
                let value = without_nulls(json!({
                    "id": id,
                    "name": found.name,
                    "workspaceRef": place.reference().await?,
                    "status": status,
                    "transientError": checked.transient_error,
                    "message": checked.message,
                }));
                let message = checked.message.unwrap_or_default();
                context.say(value, format!("Credentials {id} are {status}. {message}"))?;
                Ok(if status == "INVALID" {
                    Exit::Failed
                } else {
                    Exit::Done
                })
            }
        }
    }
}

type Entry = seqera::types::Credentials;

async fn all(context: &Context, place: &Place<'_>) -> Result<Vec<Entry>> {
    let call = context
        .client()?
        .list_credentials()
        .workspace_id(place.id());
    Ok(call.send().await?.credentials.unwrap_or_default())
}

async fn delete(context: &Context, place: &Place<'_>, id: &str) -> Result<()> {
    let call = context
        .client()?
        .delete_credentials()
        .credentials_id(id)
        .checked(false);
    call.workspace_id(place.id()).send().await?;
    Ok(())
}

async fn find(context: &Context, place: &Place<'_>, wanted: &IdOrName) -> Result<Entry> {
    if let Some(id) = &wanted.id {
        let call = context.client()?.describe_credentials().credentials_id(id);
        let reply = call.workspace_id(place.id()).send().await?;
        return Ok(reply.credentials.unwrap_or_default());
    }
    let mut all = all(context, place).await?.into_iter();
    all.find(|one| one.name == wanted.name).ok_or_else(|| {
        Failure::not_found(format!(
            "Credentials '{}' not found at {} workspace",
            wanted.typed(),
            place.label()
        ))
    })
}

/// The id of credentials for a data link, by id or name.
pub async fn of_any_kind(context: &Context, place: &Place<'_>, wanted: &str) -> Result<String> {
    let mut all = all(context, place).await?.into_iter();
    let found =
        all.find(|one| one.id.as_deref() == Some(wanted) || one.name.as_deref() == Some(wanted));
    found
        .and_then(|one| one.id)
        .ok_or_else(|| Failure::not_found("No valid credentials found at the workspace"))
}
