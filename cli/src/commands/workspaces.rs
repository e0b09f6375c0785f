//! `workspaces`: workspaces of organizations, and their settings of Studios.

use clap::{Args, Subcommand};
use seqera::types::{
    CreateWorkspaceRequest, DataStudioWorkspaceSettingsRequest,
    DataStudioWorkspaceSettingsResponse, OrgAndWorkspace, UpdateWorkspaceRequest,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{NumberOrName, Overwrite};
use crate::output::{Answer, Column, View};
use crate::requests::{changed, fields, request};
use crate::values::choices;

/// Workspaces of organizations
#[derive(Subcommand, Debug)]
pub enum Workspaces {
    /// List your workspaces
    List(List),
    /// Delete a workspace with all that is in it
    Delete(Which),
    /// Add a workspace
    Add(Add),
    /// Change a workspace
    Update(Update),
    /// Show a workspace
    View(Which),
    /// Leave a workspace
    Leave(Which),
    /// Settings of workspaces
    #[command(subcommand)]
    Settings(Settings),
}

#[derive(Args, Debug)]
pub struct List {
    /// Show only those of this organization
    #[arg(short, long = "organization", visible_alias = "org")]
    organization: Option<String>,
}

/// A workspace, by id or by organization/name.
#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    workspace: NumberOrName,
}

/// A new workspace.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the organization
    #[arg(short, long = "organization", visible_alias = "org")]
    #[serde(alias = "org")]
    pub organization: String,
    /// Short name
    #[arg(short, long)]
    pub name: String,
    /// Full name
    #[arg(short, long)]
    pub full_name: String,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    /// Who sees it: PRIVATE or SHARED
    #[arg(short, long, default_value = "PRIVATE")]
    #[serde(default = "private")]
    pub visibility: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
}

fn private() -> String {
    "PRIVATE".to_owned()
}

#[derive(Args, Debug)]
pub struct Update {
    /// Id of the workspace
    #[arg(short, long)]
    id: i64,
    /// New short name
    #[arg(long)]
    new_name: Option<String>,
    /// New full name
    #[arg(short, long = "fullName")]
    full_name: Option<String>,
    /// New description
    #[arg(short, long)]
    description: Option<String>,
}

/// Settings of workspaces
#[derive(Subcommand, Debug)]
pub enum Settings {
    /// Settings of Studios
    #[command(subcommand)]
    Studios(StudioSettings),
}

/// Settings of Studios
#[derive(Subcommand, Debug)]
pub enum StudioSettings {
    /// Show the settings of Studios
    View(Which),
    /// Change the settings of Studios
    Update(UpdateStudios),
}

choices! {
    /// How the images of Studios are named.
    NameStrategy {
        None = "none",
        TagPrefix = "tagPrefix" | "TAG_PREFIX",
        ImageSuffix = "imageSuffix" | "IMAGE_SUFFIX",
    }
}

#[derive(Args, Debug)]
pub struct UpdateStudios {
    #[command(flatten)]
    workspace: NumberOrName,
    #[command(flatten)]
    settings: OfStudios,
    /// Reset the repository to the Platform's default
    #[arg(long)]
    reset_container_repository: bool,
    /// Reset the name strategy to the Platform's default
    #[arg(long)]
    reset_name_strategy: bool,
}

/// The settings of a workspace's Studios. In requests they have the API's names.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(
    default,
    rename_all(serialize = "camelCase", deserialize = "kebab-case")
)]
pub struct OfStudios {
    /// Repository for the images of Studios
    #[arg(long)]
    pub container_repository: Option<String>,
    /// How images are named
    #[arg(long, value_enum)]
    pub name_strategy: Option<NameStrategy>,
    /// Hours after which a Studio stops
    #[arg(long)]
    pub lifespan_hours: Option<i32>,
    /// New Studios are private (--no-private-by-default: they are not)
    #[arg(long)]
    #[serde(rename(serialize = "privateStudioByDefault"))]
    pub private_by_default: Option<bool>,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "workspaceId"),
    Column::new("Name", "workspaceName"),
    Column::new("Organization", "orgName"),
    Column::new("Organization id", "orgId"),
];

impl Workspaces {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => {
                let all = context.workspaces().await?.iter();
                let shown: Vec<_> = all
                    .filter(|entry| entry.workspace_id.is_some())
                    .filter(|entry| {
                        command.organization.is_none() || entry.org_name == command.organization
                    })
                    .collect();
                let user = context.user_name().await?;
                let view = table(format!("Workspaces of {user}"), COLUMNS, &shown)?;
                context.show(&Answer::new(
                    json!({"userName": user, "workspaces": shown}),
                    view,
                ))
            }
            Self::View(command) => {
                let found = Found::of(context, &command.workspace).await?;
                let workspace = found.describe(context).await?;
                let value = serde_json::to_value(&workspace)?;
                let facts = facts(
                    &value,
                    &["id", "name", "fullName", "description", "visibility"],
                );
                context.show(&Answer::new(
                    json!({"workspace": value}),
                    View::Facts(facts),
                ))
            }
            Self::Add(command) => command.run(context).await,
            Self::Delete(command) => {
                let found = Found::of(context, &command.workspace).await?;
                context.confirm(&format!(
                    "Delete workspace {} with all that is in it?",
                    found.name
                ))?;
                let call = context
                    .client()?
                    .delete_workspace()
                    .org_id(found.organization_id);
                call.workspace_id(found.id).send().await?;
                let value =
                    json!({"workspaceRef": found.name, "organizationRef": found.organization});
                let text = format!(
                    "Workspace '{}' deleted for {} organization",
                    found.name, found.organization
                );
                context.say(value, text)
            }
            Self::Update(command) => command.run(context).await,
            Self::Leave(command) => {
                let found = Found::of(context, &command.workspace).await?;
                leave(context, found).await
            }
            Self::Settings(Settings::Studios(StudioSettings::View(command))) => {
                let found = Found::of(context, &command.workspace).await?;
                let settings = serde_json::to_value(found.studio_settings(context).await?)?;
                let view = View::Facts(facts(
                    &settings,
                    &[
                        "containerRepository",
                        "nameStrategy",
                        "lifespanHours",
                        "privateStudioByDefault",
                    ],
                ));
                let value = json!({"workspaceName": found.name, "settings": settings});
                context.show(&Answer::new(value, view))
            }
            Self::Settings(Settings::Studios(StudioSettings::Update(command))) => {
                command.run(context).await
            }
        }
    }
}

/// Leaves a workspace.
pub async fn leave(context: &Context, found: Found) -> Result<Exit> {
    context.confirm(&format!("Leave workspace {}?", found.name))?;
    let call = context
        .client()?
        .leave_workspace_participant()
        .org_id(found.organization_id);
    call.workspace_id(found.id).send().await?;
    let text = format!("You have left workspace '{}'", found.name);
    context.say(json!({"workspaceName": found.name}), text)
}

fn facts(value: &Value, names: &[&str]) -> Vec<(String, String)> {
    let text = |name: &&str| match &value[*name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    names
        .iter()
        .map(|name| ((*name).to_owned(), text(name)))
        .collect()
}

impl Add {
    /// The request that makes it.
    pub fn request(&self) -> Result<CreateWorkspaceRequest> {
        self.check()?;
        request(json!({"workspace": {
            "name": self.name,
            "fullName": self.full_name,
            "description": self.description,
            "visibility": self.visibility,
        }}))
    }

    fn check(&self) -> Result<()> {
        if ["PRIVATE", "SHARED"].contains(&self.visibility.as_str()) {
            return Ok(());
        }
        Err(Failure::failed(format!(
            "Invalid value for option '--visibility': expected one of [PRIVATE, SHARED] but was '{}'",
            self.visibility
        )))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        self.check()?;
        let organization = context.workspaces().await?.iter();
        let organization = organization
            .filter(|entry| entry.org_name.as_ref() == Some(&self.organization))
            .find_map(|entry| entry.org_id)
            .ok_or_else(|| {
                Failure::not_found(format!("Organization '{}' not found", self.organization))
            })?;
        let client = context.client()?;
        if self.overwrite.overwrite
            && let Ok(present) = context
                .workspace_named(&self.organization, &self.name)
                .await
        {
            context.confirm(&format!(
                "Delete workspace {} with all that is in it?",
                self.name
            ))?;
            let call = client.delete_workspace().org_id(organization);
            let deleted = call.workspace_id(present.workspace_id.unwrap_or_default());
            context.step(deleted.send().await)?;
        }
        // A dry run has not made the name free.
        if !(context.global.dry_run && self.overwrite.overwrite) {
            let call = client.validate_workspace_name().org_id(organization);
            call.name(&self.name).send().await?;
        }
        client
            .create_workspace()
            .org_id(organization)
            .body(self.request()?)
            .send()
            .await?;
        let value = json!({
            "workspaceName": self.name,
            "organizationName": self.organization,
            "visibility": self.visibility,
        });
        let text = format!(
            "A {} workspace '{}' added for {} organization",
            self.visibility, self.name, self.organization
        );
        context.say(value, text)
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let changes = json!({
            "name": self.new_name,
            "fullName": self.full_name,
            "description": self.description,
        });
        if fields(&changes)?.is_empty() {
            return Err(Failure::failed("Required at least one option to update"));
        }
        let found = Found::of_entry(context.workspace_of_id(self.id).await?);
        let present = found.describe(context).await?;
        let mut base = UpdateWorkspaceRequest::from(&present);
        // The server takes its own name for one that is in use.
        base.name = None;
        let body = changed(base, changes)?;
        let call = context
            .client()?
            .update_workspace()
            .org_id(found.organization_id);
        call.workspace_id(found.id).body(body).send().await?;
        let value = json!({
            "workspaceName": found.name,
            "organizationName": found.organization,
            "visibility": present.visibility,
        });
        context.say(
            value,
            format!(
                "Workspace '{}' updated for {} organization",
                found.name, found.organization
            ),
        )
    }
}

impl UpdateStudios {
    async fn run(self, context: &Context) -> Result<Exit> {
        for (given, reset, name) in [
            (
                self.settings.container_repository.is_some(),
                self.reset_container_repository,
                "container-repository",
            ),
            (
                self.settings.name_strategy.is_some(),
                self.reset_name_strategy,
                "name-strategy",
            ),
        ] {
            if given && reset {
                return Err(Failure::failed(format!(
                    "--{name} and --reset-{name} are mutually exclusive"
                )));
            }
        }
        let changes = fields(&self.settings)?;
        if changes.is_empty() && !self.reset_container_repository && !self.reset_name_strategy {
            return Err(Failure::failed("Required at least one option to update"));
        }
        let found = Found::of(context, &self.workspace).await?;
        let present = found.studio_settings(context).await?;
        let base = DataStudioWorkspaceSettingsRequest::from(&present);
        let mut body = changed(base, changes.into())?;
        if self.reset_container_repository {
            body.container_repository = seqera::Null;
        }
        if self.reset_name_strategy {
            body.name_strategy = seqera::Null;
        }
        let call = context.client()?.update_data_studios_workspace_settings();
        let call = call.org_id(found.organization_id).workspace_id(found.id);
        call.body(body).send().await?;
        let text = format!("Studios settings of workspace '{}' updated", found.name);
        context.say(json!({"workspaceName": found.name}), text)
    }
}

/// A workspace that was found.
pub struct Found {
    pub id: i64,
    pub name: String,
    pub organization_id: i64,
    pub organization: String,
}

impl Found {
    pub fn of_entry(entry: &OrgAndWorkspace) -> Self {
        Self {
            id: entry.workspace_id.unwrap_or_default(),
            name: entry.workspace_name.clone().unwrap_or_default(),
            organization_id: entry.org_id.unwrap_or_default(),
            organization: entry.org_name.clone().unwrap_or_default(),
        }
    }

    async fn of(context: &Context, workspace: &NumberOrName) -> Result<Self> {
        if let Some(id) = workspace.id {
            return Ok(Self::of_entry(context.workspace_of_id(id).await?));
        }
        let typed = workspace.typed();
        let (organization, name) = typed.split_once('/').ok_or_else(|| {
            Failure::failed(format!(
                "Invalid workspace namespace '{typed}'. Expected format: <organization_name>/<workspace_name>"
            ))
        })?;
        Ok(Self::of_entry(
            context.workspace_named(organization, name).await?,
        ))
    }

    async fn describe(&self, context: &Context) -> Result<seqera::types::WorkspaceInfo> {
        let call = context
            .client()?
            .describe_workspace()
            .org_id(self.organization_id);
        let reply = call.workspace_id(self.id).send().await?;
        Ok(reply.workspace.unwrap_or_default())
    }

    async fn studio_settings(
        &self,
        context: &Context,
    ) -> Result<DataStudioWorkspaceSettingsResponse> {
        let call = context.client()?.find_data_studios_workspace_settings();
        let call = call.org_id(self.organization_id).workspace_id(self.id);
        // The schema wants a body of this read.
        let body = UpdateWorkspaceRequest::new();
        Ok(call.body(body).send().await?)
    }
}
