//! `actions`: launches on events.

use clap::{Args, Subcommand};
use seqera::types::{
    ActionDetails, ActionSummary, CreateActionRequest, UpdateActionRequest, WorkflowLaunchRequest,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::compute_envs;
use super::labelled::{self, Kind, LabelChange, Operation};
use super::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{
    IdOrName, InWorkspace, Labels, LaunchOptions, Overwrite, Revision, ShowLabels,
};
use crate::output::{Answer, Column};
use crate::requests::{changed, request};

/// Actions, which launch a pipeline on an event
#[derive(Subcommand, Debug)]
pub enum Actions {
    /// List actions
    List(List),
    /// Show an action
    View(Which),
    /// Delete an action
    Delete(Which),
    /// Add an action
    #[command(subcommand)]
    Add(Add),
    /// Change an action
    Update(Update),
    /// Change the labels of an action
    Labels(ChangeLabels),
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    labels: ShowLabels,
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    action: IdOrName,
    #[command(flatten)]
    workspace: InWorkspace,
}

/// Add an action
#[derive(Subcommand, Debug)]
pub enum Add {
    /// An action that a GitHub webhook triggers
    Github(Action),
    /// An action that a call of its launch endpoint triggers
    Tower(Action),
}

/// A new action.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Action {
    /// Name of the action
    #[arg(short, long)]
    pub name: String,
    /// URL of the pipeline's repository
    #[arg(long)]
    pub pipeline: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub labels: Labels,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    #[command(flatten)]
    #[serde(flatten)]
    pub launch: LaunchOptions,
    #[command(flatten)]
    #[serde(flatten)]
    pub revision: Revision,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    action: IdOrName,
    /// New status: active or pause
    #[arg(short, long)]
    status: Option<String>,
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    launch: LaunchOptions,
    #[command(flatten)]
    revision: Revision,
}

#[derive(Args, Debug)]
pub struct ChangeLabels {
    #[command(flatten)]
    action: IdOrName,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    change: LabelChange,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Name", "name"),
    Column::new("Endpoint", "endpoint"),
    Column::new("Status", "status"),
    Column::new("Source", "source"),
    Column::new("Labels", "labels"),
];

impl Actions {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => {
                let place = context.place(&command.workspace).await?;
                let actions = all(context, &place, command.labels.labels).await?;
                let user = context.user_name().await?;
                let view = table(format!("Actions for {user} user"), COLUMNS, &actions)?;
                context.show(&Answer::new(
                    json!({"userName": user, "actions": actions}),
                    view,
                ))
            }
            Self::View(command) => {
                let place = context.place(&command.workspace).await?;
                let action = describe(context, &place, &command.action).await?;
                let view = table("Action", COLUMNS, std::slice::from_ref(&action))?;
                context.show(&Answer::new(json!({"action": action}), view))
            }
            Self::Delete(command) => {
                let place = context.place(&command.workspace).await?;
                let id = id_of(context, &place, &command.action).await?;
                delete(context, &place, &id).await?;
                let (typed, reference) = (command.action.typed(), place.reference().await?);
                let text = format!("Action '{typed}' has been deleted for workspace '{reference}'");
                context.say(json!({"actionRef": typed, "workspaceRef": reference}), text)
            }
            Self::Add(Add::Github(action)) => action.run(context, "github").await,
            Self::Add(Add::Tower(action)) => action.run(context, "tower").await,
            Self::Update(command) => command.run(context).await,
            Self::Labels(ChangeLabels {
                action,
                workspace,
                change,
            }) => {
                let place = context.place(&workspace).await?;
                let id = describe(context, &place, &action).await?.id;
                change
                    .run(context, &place, Kind::Action, vec![id.into()])
                    .await
            }
        }
    }
}

impl Action {
    /// The request that makes it, with what it takes from the environment it runs on.
    pub fn request(
        &self,
        source: &str,
        mut fields: Map<String, Value>,
    ) -> Result<CreateActionRequest> {
        fields.extend(self.launch.fields(None)?);
        fields.insert("pipeline".to_owned(), self.pipeline.as_str().into());
        fields.insert("revision".to_owned(), self.revision.revision.clone().into());
        request(json!({"name": self.name, "source": source, "launch": fields}))
    }

    pub async fn run(self, context: &Context, source: &str) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        if self.overwrite.overwrite {
            let mut present = all(context, &place, false).await?.into_iter();
            let present = present.find(|action| action.name.as_ref() == Some(&self.name));
            if let Some(id) = present.and_then(|action| action.id) {
                context.step(delete(context, &place, &id).await)?;
            }
        }
        let env =
            compute_envs::to_run_on(context, &place, self.launch.compute_env.as_deref()).await?;
        let body = self.request(source, compute_envs::of_environment(&env)?)?;
        let call = context
            .client()?
            .create_action()
            .workspace_id(place.id())
            .body(body);
        let id = call.send().await?.action_id.unwrap_or_default();
        let reference = place.reference().await?;
        if let Some(labels) = self.labels.any() {
            let ids = labels::ids(context, &place, &labels.0, Absent::Make).await?;
            let made = [Value::from(id.as_str())];
            let done = labelled::apply(context, &place, Kind::Action, Operation::Set, &made, &ids);
            let told = format!(
                "Action '{}' was created but failed to add labels",
                self.name
            );
            done.await.map_err(|failure| failure.told(&told))?;
        }
        let value = json!({"actionName": self.name, "workspaceRef": reference, "actionId": id});
        let text = format!("Action '{}' added at {reference} workspace", self.name);
        context.say(value, text)
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let wanted = match self.status.as_deref() {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("active") => Some("ACTIVE"),
            Some(text) if ["pause", "paused"].contains(&text.to_lowercase().as_str()) => {
                Some("PAUSED")
            }
            Some(text) => {
                return Err(Failure::failed(format!(
                    "Invalid value for option '--status': expected one of [active, pause] but was '{text}'"
                )));
            }
        };
        let place = context.place(&self.workspace).await?;
        let present = describe(context, &place, &self.action).await?;
        let client = context.client()?;
        if let Some(name) = &self.new_name {
            let call = client
                .validate_action_name()
                .workspace_id(place.id())
                .name(name);
            call.send().await.map_err(|error| {
                Failure::from(error).told(&format!("Action name '{name}' is not valid"))
            })?;
        }
        let mut changes: Map<String, Value> = Map::new();
        let now = present.launch.unwrap_or_default();
        if let Some(env) = self.launch.compute_env.as_deref() {
            let env = compute_envs::to_run_on(context, &place, Some(env)).await?;
            changes.insert("computeEnvId".to_owned(), env.id.into());
        }
        changes.extend(self.launch.fields(now.params_text.as_deref())?);
        changes.insert("revision".to_owned(), self.revision.revision.into());
        let base = WorkflowLaunchRequest::from(&now);
        let id = present.id.unwrap_or_default();
        let body = UpdateActionRequest::new()
            .name(
                self.new_name
                    .clone()
                    .or(present.name.clone())
                    .unwrap_or_default(),
            )
            .launch(changed(base, changes.into())?);
        let call = client
            .update_action()
            .action_id(&id)
            .workspace_id(place.id());
        call.body(body).send().await?;
        let name = present.name.unwrap_or_default();
        if let Some(wanted) = wanted {
            let status = present
                .status
                .map(|status| status.to_string())
                .unwrap_or_default();
            if (status == "PAUSED") == (wanted == "PAUSED") {
                return Err(Failure::failed(format!(
                    "The action is already set to '{}'",
                    wanted.to_lowercase()
                )));
            }
            client
                .pause_action()
                .action_id(&id)
                .workspace_id(place.id())
                .send()
                .await?;
        }
        let reference = place.reference().await?;
        let text = format!("Action '{name}' updated at {reference} workspace");
        context.say(
            json!({"actionName": name, "workspaceRef": reference, "actionId": id}),
            text,
        )
    }
}

async fn all(context: &Context, place: &Place<'_>, labels: bool) -> Result<Vec<ActionSummary>> {
    let mut call = context.client()?.list_actions().workspace_id(place.id());
    if labels {
        call = call.attributes(["labels"]);
    }
    Ok(call.send().await?.actions.unwrap_or_default())
}

async fn delete(context: &Context, place: &Place<'_>, id: &str) -> Result<()> {
    context
        .client()?
        .delete_action()
        .action_id(id)
        .workspace_id(place.id())
        .send()
        .await?;
    Ok(())
}

async fn id_of(context: &Context, place: &Place<'_>, wanted: &IdOrName) -> Result<String> {
    if let Some(id) = &wanted.id {
        return Ok(id.clone());
    }
    let mut all = all(context, place, false).await?.into_iter();
    match all
        .find(|action| action.name == wanted.name)
        .and_then(|action| action.id)
    {
        Some(id) => Ok(id),
        None => Err(Failure::not_found(format!(
            "No action '{}' found for workspace '{}' (not found)",
            wanted.typed(),
            place.reference().await?
        ))),
    }
}

async fn describe(
    context: &Context,
    place: &Place<'_>,
    wanted: &IdOrName,
) -> Result<ActionDetails> {
    let id = id_of(context, place, wanted).await?;
    let call = context
        .client()?
        .describe_action()
        .action_id(id)
        .workspace_id(place.id());
    let reply = call.attributes(["labels"]).send().await?;
    Ok(reply.action.unwrap_or_default())
}
