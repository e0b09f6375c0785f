//! `teams`: teams of an organization, and their members.

use clap::{Args, Subcommand};
use seqera::types::{CreateTeamMemberRequest, CreateTeamRequest, TeamDetails};
use serde::Deserialize;
use serde_json::json;

use super::members::{self, is_called};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::lists::{Entries, table};
use crate::options::{InOrganization, Overwrite, Paging};
use crate::output::{Answer, Column};
use crate::requests::request;

/// Teams of an organization
#[derive(Subcommand, Debug)]
pub enum Teams {
    /// List teams
    List(List),
    /// Add a team
    Add(Add),
    /// Delete a team
    Delete(Delete),
    /// List, add and remove the members of a team
    Members(Members),
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    organization: InOrganization,
    #[command(flatten)]
    paging: Paging,
}

/// A new team.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the team
    #[arg(short, long)]
    pub name: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub organization: InOrganization,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// Id of the team
    #[arg(short, long)]
    id: i64,
    #[command(flatten)]
    organization: InOrganization,
}

#[derive(Args, Debug)]
pub struct Members {
    /// Name of the team
    #[arg(short, long)]
    team: String,
    #[command(flatten)]
    organization: InOrganization,
    #[command(subcommand)]
    command: Option<MembersCommand>,
}

/// What is done with the members; without it they are listed
#[derive(Subcommand, Debug)]
enum MembersCommand {
    /// Add a member
    Add(Member),
    /// Remove a member
    Delete(Member),
}

#[derive(Args, Debug)]
struct Member {
    /// User name or e-mail address
    #[arg(short, long)]
    member: String,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "teamId"),
    Column::new("Name", "name"),
    Column::new("Description", "description"),
    Column::new("Members", "membersCount"),
];

impl Teams {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => {
                let id = context.organization(&command.organization).await?;
                let call = context.client()?.list_organization_teams().org_id(id);
                let call = call.offset(command.paging.skipped()?);
                let teams = command.paging.read(call.stream()).await?;
                let name = command.organization.organization;
                let view = teams.table(format!("Teams of {name}"), COLUMNS)?;
                context.show(&Answer::new(
                    json!({"organizationName": name, "teams": teams.items}),
                    view,
                ))
            }
            Self::Add(command) => command.run(context).await,
            Self::Delete(command) => {
                let id = context.organization(&command.organization).await?;
                let call = context.client()?.delete_organization_team().org_id(id);
                call.team_id(command.id).send().await?;
                let name = command.organization.organization;
                let text = format!("Team {} deleted from organization '{name}'", command.id);
                context.say(
                    json!({"organizationName": name, "teamId": command.id.to_string()}),
                    text,
                )
            }
            Self::Members(command) => command.run(context).await,
        }
    }
}

impl Add {
    /// The request that makes it.
    pub fn request(&self) -> Result<CreateTeamRequest> {
        request(json!({"team": {"name": self.name, "description": self.description}}))
    }

    pub async fn run(self, context: &Context) -> Result<Exit> {
        let id = context.organization(&self.organization).await?;
        if self.overwrite.overwrite
            && let Some(team) = look_for(context, id, &self.name).await?
        {
            let call = context.client()?.delete_organization_team().org_id(id);
            let deleted = call.team_id(team.team_id.unwrap_or_default()).send();
            context.step(deleted.await)?;
        }
        context
            .client()?
            .create_organization_team()
            .org_id(id)
            .body(self.request()?)
            .send()
            .await?;
        let name = self.organization.organization;
        let text = format!("Team '{}' added to organization '{name}'", self.name);
        context.say(
            json!({"organizationName": name, "teamName": self.name}),
            text,
        )
    }
}

impl Members {
    async fn run(self, context: &Context) -> Result<Exit> {
        let organization = context.organization(&self.organization).await?;
        let team = find(context, organization, &self.team)
            .await?
            .team_id
            .unwrap_or_default();
        let client = context.client()?;
        match self.command {
            None => {
                let call = client.list_organization_team_members().org_id(organization);
                let all: Vec<_> = Entries::of(call.team_id(team).stream()).all().await?;
                let view = table(
                    format!("Members of team {}", self.team),
                    members::COLUMNS,
                    &all,
                )?;
                context.show(&Answer::new(
                    json!({"teamName": self.team, "members": all}),
                    view,
                ))
            }
            Some(MembersCommand::Add(Member { member })) => {
                let body = request::<CreateTeamMemberRequest>(json!({"userNameOrEmail": member}))?;
                let call = client
                    .create_organization_team_member()
                    .org_id(organization);
                let added = call.team_id(team).body(body).send().await?.member;
                let text = format!("Member '{member}' added to team '{}'", self.team);
                context.say(json!({"teamName": self.team, "member": added}), text)
            }
            Some(MembersCommand::Delete(Member { member })) => {
                let call = client.list_organization_team_members().org_id(organization);
                let mut all = Entries::of(call.team_id(team).search(&member).max(25).stream());
                let mut id = None;
                while let Some(other) = all.try_next().await? {
                    if is_called(&other.user_name, &other.email, &member) {
                        id = other.member_id;
                        break;
                    }
                }
                let id = id.ok_or_else(|| {
                    Failure::not_found(format!(
                        "Member '{member}' not found in organization '{organization}'"
                    ))
                })?;
                let call = client
                    .delete_organization_team_member()
                    .org_id(organization);
                call.team_id(team).member_id(id).send().await?;
                let text = format!("Member '{member}' removed from team '{}'", self.team);
                context.say(json!({"teamName": self.team, "username": member}), text)
            }
        }
    }
}

async fn look_for(context: &Context, organization: i64, name: &str) -> Result<Option<TeamDetails>> {
    let call = context
        .client()?
        .list_organization_teams()
        .org_id(organization);
    let mut teams = Entries::of(call.stream());
    while let Some(team) = teams.try_next().await? {
        if team.name.as_deref() == Some(name) {
            return Ok(Some(team));
        }
    }
    Ok(None)
}

/// The team of that name.
pub async fn find(context: &Context, organization: i64, name: &str) -> Result<TeamDetails> {
    look_for(context, organization, name).await?.ok_or_else(|| {
        Failure::not_found(format!(
            "Team '{name}' not found in organization '{organization}'"
        ))
    })
}
