//! Settings of workspaces.

use seqera::types::{DataStudioWorkspaceSettingsRequest, UpdateWorkspaceRequest};
use serde_json::{Value, json};

use super::{Entity, Scope, Task, state_of, typed, with_state};
use crate::kit::additional::{self, OWN};
use crate::kit::item::Item;
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};

pub struct WorkspaceSettings;

/// The settings that there are: those of Studios.
const NAME: &str = "studios";

async fn put(task: &Task<'_>, workspace: i64, state: &Value) -> Result<()> {
    let body: DataStudioWorkspaceSettingsRequest = typed(state)?;
    let call = task
        .platform
        .client
        .update_data_studios_workspace_settings();
    let call = call.org_id(task.home.org()).workspace_id(workspace);
    Ok(call.body(body).send().await?)
}

impl Entity for WorkspaceSettings {
    const BLOCK: &'static str = "workspace-settings";
    const NOUN: &'static str = "workspace settings";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &[OWN, "workspace-settings"];
    const STAYS: Option<&'static str> = Some("settings stay");
    const PERSONAL: bool = false;
    const EXPORTED: &'static [(&'static str, &'static str)] = &[
        ("container-repository", "containerRepository"),
        ("name-strategy", "nameStrategy"),
        ("lifespan-hours", "lifespanHours"),
        ("private-by-default", "privateStudioByDefault"),
    ];
    type State = DataStudioWorkspaceSettingsRequest;

    fn name(_: &Item) -> String {
        NAME.to_owned()
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: additional::WorkspaceSettings = item.options()?;
        Ok(serde_json::to_value(options.studios)?)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let Some(workspace) = home.workspace else {
            return Err(Error::other("settings need a workspace of an organization"));
        };
        let call = platform.client.find_data_studios_workspace_settings();
        let call = call.org_id(home.org()).workspace_id(workspace);
        // The schema wants a body of this read.
        let settings = call.body(UpdateWorkspaceRequest::new()).send().await?;
        Ok(vec![Present {
            id: workspace.to_string(),
            names: vec![NAME.to_owned()],
            state: state_of::<DataStudioWorkspaceSettingsRequest>(&settings)?,
            raw: serde_json::to_value(settings)?,
        }])
    }

    /// Of a workspace that is new itself.
    async fn create(task: Task<'_>) -> Result<Present> {
        let workspace = task.home.workspace.unwrap_or_default();
        put(&task, workspace, task.desired).await?;
        Ok(Present {
            id: workspace.to_string(),
            names: vec![NAME.to_owned()],
            state: task.desired.clone(),
            raw: json!({"wspId": workspace}),
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        // What is left out stays.
        put(&task, present.number(), task.desired).await?;
        Ok(with_state(present, state))
    }

    async fn delete(_: &Platform, _: &Home, _: &Present) -> Result<()> {
        Ok(())
    }
}
