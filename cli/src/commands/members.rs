//! `members` and `collaborators`: the people of an organization.

use clap::{Args, Subcommand};
use seqera::types::{AddMemberRequest, Member, UpdateMemberRoleRequest};
use serde::Deserialize;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::lists::Entries;
use crate::options::{Filter, InOrganization, Paging};
use crate::output::{Answer, Column};
use crate::requests::request;
use crate::values::choices;

/// Members of an organization
#[derive(Subcommand, Debug)]
pub enum Members {
    /// List members
    List(List),
    /// Add a member
    Add(Add),
    /// Remove a member
    Delete(Delete),
    /// Change a member's role
    Update(Update),
    /// Leave an organization
    Leave(Leave),
}

/// Collaborators of an organization
#[derive(Subcommand, Debug)]
pub enum Collaborators {
    /// List collaborators
    List(List),
}

choices! {
    /// Roles in an organization.
    OrgRole {
        Owner = "owner",
        Member = "member",
        Collaborator = "collaborator",
    }
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    organization: InOrganization,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    paging: Paging,
}

/// A new member.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// User name or e-mail address
    #[arg(short, long)]
    pub user: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub organization: InOrganization,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// User name or e-mail address
    #[arg(short, long)]
    user: String,
    #[command(flatten)]
    organization: InOrganization,
}

#[derive(Args, Debug)]
pub struct Update {
    /// User name or e-mail address
    #[arg(short, long)]
    user: String,
    /// New role
    #[arg(short, long, value_enum)]
    role: OrgRole,
    #[command(flatten)]
    organization: InOrganization,
}

#[derive(Args, Debug)]
pub struct Leave {
    #[command(flatten)]
    organization: InOrganization,
}

/// Columns of lists of members.
pub const COLUMNS: &[Column] = &[
    Column::new("Id", "memberId"),
    Column::new("User name", "userName"),
    Column::new("E-mail", "email"),
    Column::new("Role", "role"),
];

impl Members {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => {
                let id = context.organization(&command.organization).await?;
                let call = context.client()?.list_organization_members().org_id(id);
                let call = call
                    .search(command.filter.filter)
                    .offset(command.paging.skipped()?);
                let members = command.paging.read(call.stream()).await?;
                let name = command.organization.organization;
                let view = members.table(format!("Members of {name}"), COLUMNS)?;
                context.show(&Answer::new(
                    json!({"orgName": name, "members": members.items}),
                    view,
                ))
            }
            Self::Add(command) => command.run(context).await,
            Self::Delete(command) => {
                let id = context.organization(&command.organization).await?;
                let member = find(context, id, &command.user).await?;
                let call = context.client()?.delete_organization_member().org_id(id);
                call.member_id(member.member_id.unwrap_or_default())
                    .send()
                    .await?;
                let (user, name) = (command.user, command.organization.organization);
                let text = format!("Member '{user}' deleted from organization '{name}'");
                context.say(json!({"user": user, "organizationName": name}), text)
            }
            Self::Update(command) => {
                let id = context.organization(&command.organization).await?;
                let member = find(context, id, &command.user).await?;
                let body = request::<UpdateMemberRoleRequest>(json!({"role": command.role}))?;
                let call = context
                    .client()?
                    .update_organization_member_role()
                    .org_id(id);
                let call = call.member_id(member.member_id.unwrap_or_default());
                call.body(body).send().await?;
                let (user, name, role) = (
                    command.user,
                    command.organization.organization,
                    command.role,
                );
                let text = format!(
                    "Member '{user}' is now {} in organization '{name}'",
                    role.as_str()
                );
                context.say(
                    json!({"user": user, "organizationName": name, "role": role}),
                    text,
                )
            }
            Self::Leave(command) => {
                let id = context.organization(&command.organization).await?;
                context.confirm(&format!("Leave {}?", command.organization.organization))?;
                context
                    .client()?
                    .leave_organization()
                    .org_id(id)
                    .send()
                    .await?;
                let name = command.organization.organization;
                context.say(
                    json!({"orgName": name}),
                    format!("You have left organization '{name}'"),
                )
            }
        }
    }
}

impl Add {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let id = context.organization(&self.organization).await?;
        let body = request::<AddMemberRequest>(json!({"user": self.user}))?;
        let call = context
            .client()?
            .create_organization_member()
            .org_id(id)
            .body(body);
        let member = call.send().await?.member;
        let name = self.organization.organization;
        let text = format!("Member '{}' added to organization '{name}'", self.user);
        context.say(json!({"orgName": name, "member": member}), text)
    }
}

impl Collaborators {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let Self::List(command) = self;
        let id = context.organization(&command.organization).await?;
        let call = context
            .client()?
            .list_organization_collaborators()
            .org_id(id);
        let call = call
            .search(command.filter.filter)
            .offset(command.paging.skipped()?);
        let members = command.paging.read(call.stream()).await?;
        let name = command.organization.organization;
        let view = members.table(format!("Collaborators of {name}"), COLUMNS)?;
        context.show(&Answer::new(
            json!({"organizationId": id, "members": members.items}),
            view,
        ))
    }
}

/// Whether a user name or an e-mail address is this one.
pub fn is_called(user_name: &Option<String>, email: &Option<String>, name: &str) -> bool {
    user_name.as_deref() == Some(name)
        || email
            .as_deref()
            .is_some_and(|email| email.eq_ignore_ascii_case(name))
}

/// The member of that user name or e-mail address, if there is one.
pub async fn look_for(context: &Context, organization: i64, user: &str) -> Result<Option<Member>> {
    let call = context
        .client()?
        .list_organization_members()
        .org_id(organization);
    let mut members = Entries::of(call.search(user).stream());
    while let Some(member) = members.try_next().await? {
        if is_called(&member.user_name, &member.email, user) {
            return Ok(Some(member));
        }
    }
    Ok(None)
}

async fn find(context: &Context, organization: i64, user: &str) -> Result<Member> {
    look_for(context, organization, user).await?.ok_or_else(|| {
        Failure::not_found(format!(
            "Member '{user}' not found in {organization} organization"
        ))
    })
}
