//! `organizations`.

use clap::{Args, Subcommand};
use seqera::types::{CreateOrganizationRequest, OrganizationDetails, UpdateOrganizationRequest};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::options::{NumberOrName, Overwrite};
use crate::output::{Answer, Column, View};
use crate::requests::{changed, fields, request};

/// Organizations, which own workspaces
#[derive(Subcommand, Debug)]
pub enum Organizations {
    /// List your organizations
    List,
    /// Delete an organization with all that is in it
    Delete(Which),
    /// Add an organization
    Add(Add),
    /// Change an organization
    Update(Update),
    /// Show an organization
    View(Which),
}

#[derive(Args, Debug)]
pub struct Which {
    #[command(flatten)]
    organization: NumberOrName,
}

/// A new organization.
#[derive(Args, Debug, Deserialize, Serialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
pub struct Add {
    /// Short name
    #[arg(short, long)]
    pub name: String,
    /// Full name
    #[arg(short, long)]
    pub full_name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub about: About,
    #[command(flatten)]
    #[serde(flatten, skip_serializing)]
    pub overwrite: Overwrite,
}

/// What else there is to tell of an organization.
#[derive(Args, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct About {
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    /// Location
    #[arg(short, long)]
    pub location: Option<String>,
    /// URL of its website
    #[arg(short, long)]
    pub website: Option<String>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    organization: NumberOrName,
    /// New short name
    #[arg(long)]
    new_name: Option<String>,
    /// New full name
    #[arg(short, long)]
    full_name: Option<String>,
    #[command(flatten)]
    about: About,
}

const COLUMNS: &[Column] = &[Column::new("Id", "orgId"), Column::new("Name", "orgName")];

impl Organizations {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List => {
                let all = context.workspaces().await?.iter();
                let own: Vec<_> = all.filter(|entry| entry.workspace_id.is_none()).collect();
                let user = context.user_name().await?;
                let view = table(format!("Organizations of {user}"), COLUMNS, &own)?;
                context.show(&Answer::new(
                    json!({"userName": user, "organizations": own}),
                    view,
                ))
            }
            Self::View(command) => {
                let id = find(context, &command.organization).await?;
                show(context, &describe(context, id).await?)
            }
            Self::Add(command) => command.run(context).await,
            Self::Delete(command) => {
                let id = find(context, &command.organization).await?;
                let typed = command.organization.typed();
                context.confirm(&format!(
                    "Delete organization {typed} with all that is in it?"
                ))?;
                let deleted = context
                    .client()?
                    .delete_organization()
                    .org_id(id)
                    .send()
                    .await;
                deleted.map_err(|error| {
                    Failure::from(error).told(&format!("Organization {typed} could not be deleted"))
                })?;
                context.say(
                    json!({"ref": typed}),
                    format!("Organization '{typed}' deleted"),
                )
            }
            Self::Update(command) => command.run(context).await,
        }
    }
}

impl Add {
    /// The request that makes it.
    pub fn request(&self) -> Result<CreateOrganizationRequest> {
        request(json!({"organization": fields(self)?}))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        if self.overwrite.overwrite {
            let mut all = context.workspaces().await?.iter();
            let present = all.find(|entry| entry.org_name.as_ref() == Some(&self.name));
            if let Some(id) = present.and_then(|entry| entry.org_id) {
                context.confirm(&format!(
                    "Delete organization {} with all that is in it?",
                    self.name
                ))?;
                let call = context.client()?.delete_organization().org_id(id);
                context.step(call.send().await)?;
            }
        }
        let call = context
            .client()?
            .create_organization()
            .body(self.request()?);
        let made = call.send().await?.organization.unwrap_or_default();
        show(context, &made)
    }
}

impl Update {
    async fn run(self, context: &Context) -> Result<Exit> {
        let id = find(context, &self.organization).await?;
        let present = describe(context, id).await?;
        let name = present.name.clone();
        let mut changes = fields(&self.about)?;
        changes.extend(fields(
            &json!({"name": self.new_name, "fullName": self.full_name}),
        )?);
        // All that the server tells and takes goes back, the logo among it.
        let base = UpdateOrganizationRequest::from(&present);
        let body = changed(base, changes.into())?;
        context
            .client()?
            .update_organization()
            .org_id(id)
            .body(body)
            .send()
            .await?;
        let text = format!(
            "Organization '{}' updated",
            name.clone().unwrap_or_default()
        );
        context.say(json!({"orgId": id, "name": name}), text)
    }
}

async fn find(context: &Context, organization: &NumberOrName) -> Result<i64> {
    if let Some(id) = organization.id {
        return Ok(id);
    }
    let name = organization.typed();
    let mut all = context.workspaces().await?.iter();
    let found = all.find(|entry| entry.org_name.as_ref() == Some(&name));
    found
        .and_then(|entry| entry.org_id)
        .ok_or_else(|| Failure::not_found(format!("Organization '{name}' not found")))
}

async fn describe(context: &Context, id: i64) -> Result<OrganizationDetails> {
    let reply = context
        .client()?
        .describe_organization()
        .org_id(id)
        .send()
        .await?;
    Ok(reply.organization.unwrap_or_default())
}

fn show(context: &Context, organization: &OrganizationDetails) -> Result<Exit> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let fact = |name: &str, value: String| (name.to_owned(), value);
    let facts = vec![
        fact("Id", organization.org_id.unwrap_or_default().to_string()),
        fact("Name", text(&organization.name)),
        fact("Full name", text(&organization.full_name)),
        fact("Description", text(&organization.description)),
        fact("Location", text(&organization.location)),
        fact("Website", text(&organization.website)),
    ];
    context.show(&Answer::new(
        serde_json::to_value(organization)?,
        View::Facts(facts),
    ))
}
