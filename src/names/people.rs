//! People by name, where they are part of something: a workspace, a team, a managed identity.

use super::by_name::{deleted, says_nothing};
use super::search::Candidate;
use super::{NameOrId, Organization, Place, Workspace, number};
use crate::builder::ListWorkspaceParticipants;
use crate::paginate::{ItemStream, Paged};
use crate::{Id, Result};

/// Older versions of the API call it otherwise.
type Participant = <ListWorkspaceParticipants as Paged>::Item;

impl Workspace {
    /// Who takes part in the workspace: users and teams, each with its role.
    pub fn participants(&self) -> ItemStream<Participant> {
        let workspace = self.clone();
        ItemStream::later(async move {
            let own = workspace.details().await?;
            let list = workspace.client.list_workspace_participants();
            Ok(list.org_id(own.organization_id).workspace_id(own.id))
        })
    }

    /// Lets a user take part in the workspace, by user name or e-mail address, in a role such as
    /// `launch`, or one of the organization's own. Who takes part already gets the role.
    ///
    /// # Errors
    /// The user, the role or the workspace is unknown; the caller may not do so; a call failed.
    pub async fn add_participant(&self, user: &str, role: &str) -> Result<()> {
        let own = self.details().await?;
        let (org, id) = (own.organization_id, own.id);
        let call = self.client.create_workspace_participant();
        let call = call.org_id(org).workspace_id(id).user_name_or_email(user);
        let participant = match call.await {
            Ok(reply) => reply.participant.and_then(|added| added.participant_id),
            Err(error) if error.is_conflict() => Some(self.participant(user).await?),
            Err(error) => return Err(error),
        };
        let call = self.client.update_workspace_participant_role();
        let call = call.org_id(org).workspace_id(id).role(role);
        call.participant_id(participant).await
    }

    /// The participant id of a user, by user name or e-mail address, or of a team, by its name.
    ///
    /// # Errors
    /// There is not exactly one of that name, the error lists what there is; it is the personal
    /// context.
    pub async fn participant(&self, participant: impl Into<NameOrId<i64>>) -> Result<i64> {
        let name = match participant.into() {
            NameOrId::Id(id) => return Ok(id),
            NameOrId::Name(name) => name,
        };
        let own = self.details().await?;
        let list = self.client.list_workspace_participants();
        let list = list.org_id(own.organization_id).workspace_id(own.id);
        let lists = [list.clone().search(&name), list];
        let place = self.place();
        let found = self
            .client
            .find("participant", place, &name, lists, |item| {
                Candidate::new(
                    item.participant_id,
                    [item.user_name, item.email, item.team_name],
                )
            });
        number(found.await?)
    }

    /// Takes a participant out of the workspace: a user, by user name or e-mail address, or a team,
    /// by its name.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn delete_participant(&self, participant: impl Into<NameOrId<i64>>) -> Result<()> {
        let id = self.participant(participant).await?;
        let own = self.details().await?;
        let call = self.client.delete_workspace_participant();
        let call = call.org_id(own.organization_id).workspace_id(own.id);
        deleted(&self.client, call.participant_id(id).await)
    }
}

impl Organization {
    /// Makes a user a member, by user name or e-mail address. One who is a member already stays so.
    /// Returns the member id.
    ///
    /// # Errors
    /// The user is unknown; the caller may not do so; a call failed.
    pub async fn add_member(&self, user: &str) -> Result<i64> {
        let call = self.client.create_organization_member().org_id(self.id);
        match call.user(user).await {
            Ok(reply) => {
                let id = reply.member.and_then(|member| member.member_id);
                id.ok_or_else(|| says_nothing("create_organization_member"))
            }
            Err(error) if error.is_conflict() => self.member(user).await.map_err(|_| error),
            Err(error) => Err(error),
        }
    }

    /// Makes a member of the organization one of a team too: the team by name or `Id`, the member
    /// by user name or e-mail address. One who is of the team already stays so.
    ///
    /// # Errors
    /// The team or the user is unknown; the caller may not do so; a call failed.
    pub async fn add_team_member(&self, team: impl Into<NameOrId<i64>>, user: &str) -> Result<()> {
        let team = self.team(team).await?;
        let call = self.client.create_organization_team_member();
        let call = call.org_id(self.id).team_id(team);
        match call.user_name_or_email(user).await {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    /// The name of a role, which is its id too: nothing is looked up.
    pub(super) async fn role(&self, role: impl Into<NameOrId<String>>) -> Result<String> {
        Ok(match role.into() {
            NameOrId::Id(name) | NameOrId::Name(name) => name,
        })
    }

    /// Takes a member out of a team: the team by name, the member by user name or e-mail address.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn delete_team_member(
        &self,
        team: impl Into<NameOrId<i64>>,
        member: impl Into<NameOrId<i64>>,
    ) -> Result<()> {
        let (team, member) = (self.team(team).await?, self.member(member).await?);
        let call = self.client.delete_organization_team_member();
        let call = call.org_id(self.id).team_id(team).member_id(member);
        deleted(&self.client, call.await)
    }

    /// The id of a user's credentials for a managed identity, by the user's name.
    ///
    /// # Errors
    /// There is not exactly one of that name; the error lists what there is.
    pub async fn managed_credentials(
        &self,
        identity: impl Into<NameOrId<i64>>,
        user: impl Into<NameOrId<i64>>,
    ) -> Result<i64> {
        let identity = self.managed_identity(identity).await?;
        let name = match user.into() {
            NameOrId::Id(id) => return Ok(id),
            NameOrId::Name(name) => name,
        };
        let list = self.client.list_managed_credentials();
        let list = list.org_id(self.id).managed_identity_id(identity);
        let lists = [list.clone().search(&name), list];
        let place = Place {
            id: Some(identity),
            text: format!(" of managed identity {identity}"),
        };
        let found = self.client.find("credential", place, &name, lists, |item| {
            Candidate::new(item.managed_credentials_id, [item.user_name])
        });
        number(found.await?)
    }

    /// Deletes a user's credentials for a managed identity, by the user's name.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn delete_managed_credentials(
        &self,
        identity: impl Into<NameOrId<i64>>,
        user: impl Into<NameOrId<i64>>,
    ) -> Result<()> {
        let identity = self.managed_identity(identity).await?;
        let credentials = self.managed_credentials(Id(identity), user).await?;
        let call = self.client.delete_managed_credentials();
        let call = call.org_id(self.id).managed_identity_id(identity);
        deleted(&self.client, call.managed_credentials_id(credentials).await)
    }
}
