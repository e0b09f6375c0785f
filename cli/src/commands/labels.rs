//! `labels`: labels of a workspace.

use clap::{Args, Subcommand};
use seqera::types::{CreateLabelRequest, UpdateLabelRequest};
use serde::Deserialize;
use serde_json::json;

use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::Entries;
use crate::options::{Filter, InWorkspace, Paging};
use crate::output::{Answer, Column, without_nulls};
use crate::requests::request;
use crate::values::{Label, choices};

/// Labels of a workspace
#[derive(Subcommand, Debug)]
pub enum Labels {
    /// List labels
    List(List),
    /// Add a label
    Add(Add),
    /// Change a label
    Update(Update),
    /// Delete a label
    Delete(Delete),
}

choices! {
    /// Kinds of labels.
    LabelType {
        Simple = "simple",
        Resource = "resource",
        All = "all",
    }
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    /// Kind of labels to show
    #[arg(short = 't', long = "type", value_enum, default_value = "all")]
    kind: LabelType,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    paging: Paging,
}

/// A new label.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the label
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    /// Value, which makes it a resource label
    #[arg(short, long)]
    pub value: Option<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    /// Id of the label
    #[arg(short, long)]
    id: i64,
    #[command(flatten)]
    change: Change,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
struct Change {
    /// New name
    #[arg(short, long)]
    name: Option<String>,
    /// New value
    #[arg(short, long)]
    value: Option<String>,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// Id of the label
    #[arg(short, long)]
    id: i64,
    #[command(flatten)]
    workspace: InWorkspace,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Name", "name"),
    Column::new("Value", "value"),
    Column::new("Resource", "resource"),
];

impl Labels {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => command.run(context).await,
            Self::Add(command) => command.run(context).await,
            Self::Update(command) => command.run(context).await,
            Self::Delete(command) => command.run(context).await,
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let call = context.client()?.list_labels().workspace_id(place.id());
        let call = call
            .type_(self.kind.as_str())
            .search(self.filter.filter.unwrap_or_default());
        let call = call.offset(self.paging.skipped()?);
        let labels = self.paging.read(call.stream()).await?;
        let view = labels.table(format!("Labels at {} workspace", place.label()), COLUMNS)?;
        let value = json!({
            "workspaceId": place.id(),
            "labels": labels.items,
            "labelType": self.kind,
        });
        context.show(&Answer::new(value, view))
    }
}

impl Add {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let label = Label {
            name: self.name,
            value: self.value,
        };
        let id = create(context, &place, &label).await?;
        let value = json!({
            "id": id,
            "name": label.name,
            "isResource": label.value.is_some(),
            "value": label.value,
            // So misspelt by the program whose form this is.
            "workspacRef": place.typed(),
        });
        context.say(
            without_nulls(value),
            format!("Label `{label}` was made, with id {id}."),
        )
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let body = request::<UpdateLabelRequest>(json!({
            "name": self.change.name,
            "value": self.change.value,
        }))?;
        let call = context
            .client()?
            .update_label()
            .label_id(self.id)
            .workspace_id(place.id());
        let updated = call
            .body(body)
            .send()
            .await
            .map_err(|error| unable("update", &place, error))?;
        let value = json!({
            "id": updated.id.unwrap_or(self.id),
            "name": updated.name,
            "value": updated.value,
            "workspaceRef": place.typed(),
        });
        context.say(
            without_nulls(value),
            format!("Label {} was changed.", self.id),
        )
    }
}

impl Delete {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let call = context
            .client()?
            .delete_label()
            .label_id(self.id)
            .workspace_id(place.id());
        call.send()
            .await
            .map_err(|error| unable("delete", &place, error))?;
        let value = json!({"labelId": self.id, "workspaceId": place.id()});
        context.say(
            without_nulls(value),
            format!("Label {} is deleted.", self.id),
        )
    }
}

fn unable(what: &str, place: &Place, error: seqera::Error) -> Failure {
    Failure::from(error).told(&format!(
        "Unable to {what} label for workspace '{}'",
        place.label()
    ))
}

/// The request that makes a label.
pub fn request_of(label: &Label) -> Result<CreateLabelRequest> {
    request(json!({
        "name": label.name,
        "value": label.value,
        "resource": label.value.is_some(),
    }))
}

async fn create(context: &Context, place: &Place<'_>, label: &Label) -> Result<i64> {
    let call = context
        .client()?
        .create_label()
        .workspace_id(place.id())
        .body(request_of(label)?);
    let created = call
        .send()
        .await
        .map_err(|error| unable("create", place, error))?;
    Ok(created.id.unwrap_or_default())
}

/// What becomes of labels that do not exist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Absent {
    Make,
    Skip,
    Refuse,
}

/// The ids of labels.
pub async fn ids(
    context: &Context,
    place: &Place<'_>,
    labels: &[Label],
    absent: Absent,
) -> Result<Vec<i64>> {
    let mut ids = Vec::with_capacity(labels.len());
    for label in labels {
        let kind = if label.value.is_some() {
            "resource"
        } else {
            "simple"
        };
        let call = context.client()?.list_labels().workspace_id(place.id());
        let mut found = Entries::of(call.search(&label.name).type_(kind).stream());
        let mut id = None;
        while let Some(other) = found.try_next().await? {
            let same = other.name.as_ref() == Some(&label.name)
                && other.value.filter(|value| !value.is_empty()) == label.value;
            if same {
                id = other.id;
                break;
            }
        }
        match (id, absent) {
            (Some(id), _) => ids.push(id),
            // A dry run has no id of it.
            (None, Absent::Make) => {
                let made = create(context, place, label).await.map(Some);
                ids.extend(context.step(made)?);
            }
            (None, Absent::Skip) => {}
            (None, Absent::Refuse) => {
                return Err(Failure::not_found(format!(
                    "Label '{label}' does not exists in workspace '{}'",
                    place.label()
                )));
            }
        }
    }
    Ok(ids)
}
