//! `participants`: who takes part in a workspace.

use clap::{Args, Subcommand};
use seqera::types::{AddParticipantRequest, Participant, UpdateParticipantRoleRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{members, teams};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::Entries;
use crate::options::{Filter, InWorkspace, Overwrite, Paging};
use crate::output::{Answer, Column};
use crate::requests::request;
use crate::values::choices;

/// Participants of a workspace
#[derive(Subcommand, Debug)]
pub enum Participants {
    /// List participants
    List(List),
    /// Add a participant
    Add(Add),
    /// Change a participant's role
    Update(Update),
    /// Remove a participant
    Delete(Which),
    /// Leave a workspace
    Leave(Leave),
}

choices! {
    /// Kinds of participants.
    ParticipantType {
        Member = "MEMBER",
        Team = "TEAM",
        Collaborator = "COLLABORATOR",
    }
}

#[derive(Args, Debug)]
pub struct List {
    /// Show only participants of this kind
    #[arg(short = 't', long = "type", value_enum)]
    kind: Option<ParticipantType>,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    paging: Paging,
}

/// A participant.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Which {
    /// Name of the team, or user name or e-mail address
    #[arg(short, long)]
    pub name: String,
    /// Kind of participant
    #[arg(short = 't', long = "type", value_enum)]
    #[serde(rename = "type")]
    pub kind: ParticipantType,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
}

/// A new participant.
#[derive(Args, Debug, Deserialize)]
pub struct Add {
    #[command(flatten)]
    #[serde(flatten)]
    pub participant: Which,
    #[command(flatten)]
    #[serde(flatten)]
    pub overwrite: Overwrite,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    participant: Which,
    /// New role: owner, admin, maintain, launch, connect, view, or a role of your own
    #[arg(short, long)]
    role: String,
}

#[derive(Args, Debug)]
pub struct Leave {
    #[command(flatten)]
    workspace: InWorkspace,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "participantId"),
    Column::new("Type", "type"),
    Column::new("User name", "userName"),
    Column::new("E-mail", "email"),
    Column::new("Team", "teamName"),
    Column::new("Role", "wspRole"),
];

impl Participants {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::List(command) => {
                let home =
                    Home::of_place(context.required_place(&command.workspace).await?).await?;
                let call = home.list(context)?.search(command.filter.filter);
                // A kind is chosen here, so that the pages are of what is shown.
                let participants = match command.kind {
                    None => {
                        let call = call.offset(command.paging.skipped()?);
                        command.paging.read(call.stream()).await?
                    }
                    Some(kind) => {
                        let mut all = crate::options::Paging::default()
                            .read(call.stream())
                            .await?;
                        all.items.retain(|one| is_of(one, kind));
                        let skipped = command.paging.skipped()?.unwrap_or_default();
                        all.items.drain(
                            ..all
                                .items
                                .len()
                                .min(usize::try_from(skipped).unwrap_or_default()),
                        );
                        if let Some(max) = command.paging.max {
                            all.items.truncate(usize::try_from(max).unwrap_or_default());
                        }
                        all
                    }
                };
                let title = format!("Participants of {} / {}", home.organization, home.name);
                let view = participants.table(title, COLUMNS)?;
                let value = json!({
                    "organizationName": home.organization,
                    "workspaceName": home.name,
                    "participants": participants.items,
                });
                context.show(&Answer::new(value, view))
            }
            Self::Add(command) => command.run(context).await,
            Self::Update(Update { participant, role }) => {
                let home =
                    Home::of_place(context.required_place(&participant.workspace).await?).await?;
                let found = home.find(context, &participant).await?;
                let body = request::<UpdateParticipantRoleRequest>(json!({"role": role}))?;
                let call = context.client()?.update_workspace_participant_role();
                let call = call.org_id(home.organization_id).workspace_id(home.id);
                let call = call.participant_id(found.participant_id.unwrap_or_default());
                call.body(body).send().await?;
                let name = participant.name;
                let text = format!(
                    "Participant '{name}' is now {role} in workspace '{}'",
                    home.name
                );
                context.say(
                    json!({"workspaceName": home.name, "name": name, "role": role}),
                    text,
                )
            }
            Self::Delete(command) => {
                let home =
                    Home::of_place(context.required_place(&command.workspace).await?).await?;
                let found = home.find(context, &command).await?;
                home.delete(context, &found).await?;
                let text = format!(
                    "Participant '{}' removed from workspace '{}'",
                    command.name, home.name
                );
                context.say(
                    json!({"name": command.name, "workspaceName": home.name}),
                    text,
                )
            }
            Self::Leave(command) => {
                let home =
                    Home::of_place(context.required_place(&command.workspace).await?).await?;
                super::workspaces::leave(context, home).await
            }
        }
    }
}

impl Add {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let Which { name, kind, .. } = &self.participant;
        let home =
            Home::of_place(context.required_place(&self.participant.workspace).await?).await?;
        let body: Value = match kind {
            ParticipantType::Team => {
                let team = teams::find(context, home.organization_id, name).await?;
                json!({"teamId": team.team_id})
            }
            ParticipantType::Member => {
                match members::look_for(context, home.organization_id, name).await? {
                    Some(member) => json!({"memberId": member.member_id}),
                    None => json!({"userNameOrEmail": name}),
                }
            }
            ParticipantType::Collaborator => {
                let call = context.client()?.list_organization_collaborators();
                let mut all = Entries::of(call.org_id(home.organization_id).search(name).stream());
                let mut body = json!({"userNameOrEmail": name});
                while let Some(one) = all.try_next().await? {
                    if members::is_called(&one.user_name, &one.email, name) {
                        body = json!({"memberId": one.member_id});
                        break;
                    }
                }
                body
            }
        };
        if self.overwrite.overwrite
            && let Some(present) = home.look_for(context, &self.participant).await?
        {
            context.step(home.delete(context, &present).await)?;
        }
        let call = context.client()?.create_workspace_participant();
        let call = call.org_id(home.organization_id).workspace_id(home.id);
        let call = call.body(request::<AddParticipantRequest>(body)?);
        let participant = call.send().await?.participant;
        let text = format!("Participant '{name}' added to workspace '{}'", home.name);
        context.say(
            json!({"participant": participant, "workspaceName": home.name}),
            text,
        )
    }
}

fn is_of(participant: &Participant, kind: ParticipantType) -> bool {
    (participant.type_.as_ref()).is_some_and(|own| own.to_string() == kind.as_str())
}

type Home = super::workspaces::Found;

impl Home {
    async fn of_place(place: Place<'_>) -> Result<Self> {
        let entry = place.entry().await?;
        let entry = entry
            .ok_or_else(|| Failure::usage("Missing required option: '--workspace=<workspace>'"))?;
        Ok(Self::of_entry(entry))
    }

    fn list(&self, context: &Context) -> Result<seqera::builder::ListWorkspaceParticipants> {
        let call = context.client()?.list_workspace_participants();
        Ok(call.org_id(self.organization_id).workspace_id(self.id))
    }

    async fn look_for(&self, context: &Context, wanted: &Which) -> Result<Option<Participant>> {
        let mut all = Entries::of(self.list(context)?.search(&wanted.name).stream());
        while let Some(one) = all.try_next().await? {
            let named = match wanted.kind {
                ParticipantType::Team => one.team_name.as_ref() == Some(&wanted.name),
                _ => members::is_called(&one.user_name, &one.email, &wanted.name),
            };
            if named && is_of(&one, wanted.kind) {
                return Ok(Some(one));
            }
        }
        Ok(None)
    }

    async fn find(&self, context: &Context, wanted: &Which) -> Result<Participant> {
        self.look_for(context, wanted).await?.ok_or_else(|| {
            Failure::not_found(format!(
                "Participant '{}' not found in workspace '{}'",
                wanted.name, self.id
            ))
        })
    }

    async fn delete(&self, context: &Context, participant: &Participant) -> Result<()> {
        let call = context.client()?.delete_workspace_participant();
        let call = call.org_id(self.organization_id).workspace_id(self.id);
        call.participant_id(participant.participant_id.unwrap_or_default())
            .send()
            .await?;
        Ok(())
    }
}
