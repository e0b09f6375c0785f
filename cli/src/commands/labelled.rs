//! `… labels`: the labels of an action, a dataset, a pipeline or a run.

use clap::Args;
use seqera::types;
use serde_json::{Value, json};

use super::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Result};
use crate::requests::request;
use crate::values::{Label, List, choices};

choices! {
    /// What is done with labels.
    Operation {
        Set = "set",
        Append = "append",
        Delete = "delete",
    }
}

/// Labels, and what is done with them.
#[derive(Args, Clone, Debug)]
pub struct LabelChange {
    /// Labels, separated by commas: name, or name=value for a resource label
    pub labels: Vec<List<Label>>,
    /// Fail if a label does not exist, instead of creating it
    #[arg(long)]
    pub no_create: bool,
    /// What to do: set replaces all labels, append adds these, delete removes them
    #[arg(short, long, value_enum, default_value = "set")]
    pub operations: Operation,
}

/// What has labels.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Action,
    Dataset,
    Pipeline,
    Run,
}

impl LabelChange {
    /// Changes the labels of these things, in one call.
    pub async fn run(
        self,
        context: &Context,
        place: &Place<'_>,
        kind: Kind,
        ids: Vec<Value>,
    ) -> Result<Exit> {
        let labels: Vec<Label> = self.labels.into_iter().flat_map(|list| list.0).collect();
        let absent = match self.operations {
            Operation::Delete => Absent::Skip,
            _ if self.no_create => Absent::Refuse,
            _ => Absent::Make,
        };
        if ids.len() > 1 {
            context.confirm(&format!("Change the labels of {}?", ids.len()))?;
        }
        let label_ids = labels::ids(context, place, &labels, absent).await?;
        apply(context, place, kind, self.operations, &ids, &label_ids).await?;
        let name = match kind {
            Kind::Action => "action",
            Kind::Dataset => "dataset",
            Kind::Pipeline => "pipeline",
            Kind::Run => "run",
        };
        let text = |id: &Value| id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let ids: Vec<String> = ids.iter().map(text).collect();
        let value = json!({
            "operation": self.operations,
            "type": name,
            "id": (ids.len() == 1).then(|| &ids[0]),
            "ids": (ids.len() != 1).then_some(&ids),
            "workspaceID": place.id(),
        });
        let ids = ids.join(", ");
        let labels: Vec<_> = labels.iter().map(ToString::to_string).collect();
        let labels = labels.join(",");
        let operation = self.operations.as_str();
        context.say(
            value,
            format!("'{operation}' labels on '{name}' with id {ids}: {labels}"),
        )
    }
}

/// Sends a change of labels.
pub async fn apply(
    context: &Context,
    place: &Place<'_>,
    kind: Kind,
    operation: Operation,
    ids: &[Value],
    labels: &[i64],
) -> Result<()> {
    let client = context.client()?;
    macro_rules! send {
        ($body:ident, $set:ident, $append:ident, $delete:ident, $ids:literal) => {{
            let body = request::<types::$body>(json!({"labelIds": labels, $ids: ids}))?;
            let workspace = place.id();
            match operation {
                Operation::Set => {
                    client.$set().workspace_id(workspace).body(body).send().await?;
                }
                Operation::Append => {
                    client.$append().workspace_id(workspace).body(body).send().await?;
                }
                Operation::Delete => {
                    client.$delete().workspace_id(workspace).body(body).send().await?;
                }
            }
        }};
    }
    match kind {
        Kind::Action => send!(
            AssociateActionLabelsRequest,
            apply_labels_to_actions,
            add_labels_to_actions,
            remove_labels_from_actions,
            "actionIds"
        ),
        Kind::Dataset => send!(
            AssociateDatasetsLabelsRequest,
            apply_labels_to_datasets,
            add_labels_to_datasets,
            remove_labels_from_datasets,
            "datasetIds"
        ),
        Kind::Pipeline => send!(
            AssociatePipelineLabelsRequest,
            apply_labels_to_pipelines,
            add_labels_to_pipelines,
            remove_labels_from_pipelines,
            "pipelineIds"
        ),
        Kind::Run => send!(
            AssociateWorkflowLabelsRequest,
            apply_labels_to_workflows,
            add_labels_to_workflows,
            remove_labels_from_workflows,
            "workflowIds"
        ),
    }
    Ok(())
}
