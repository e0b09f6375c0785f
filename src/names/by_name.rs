//! Describing and deleting what goes by a name, as a table.

use super::search::{Candidate, Search};
use super::{Account, NameOrId, Organization, Workspace, number, search_lists};
use crate::{Client, Error, ErrorKind, Id, Result, types};

pub(super) fn says_nothing(operation: &'static str) -> Error {
    let text = "the reply does not have what was asked for";
    Error::new(ErrorKind::InvalidResponse, text).in_operation(operation)
}

/// The name stands for nothing, or for another, from now on.
pub(super) fn deleted(client: &Client, result: Result<()>) -> Result<()> {
    result.inspect(|()| client.forget_names())
}

/// `find: id, what, method by operation(parameter, place), reply => field, type;`
macro_rules! describes {
    ($owner:ident { $($find:ident: $id:ty, $what:literal,
        $describe:ident by $operation:ident($parameter:ident$(, $place:ident)?),
        $reply:ident => $field:expr, $type:ident;)* }) => {
        impl $owner {$(
            #[doc = concat!("Describes ", $what, ", by name or `Id`.")]
            ///
            /// # Errors
            /// There is not exactly one of that name; the call failed.
            pub async fn $describe(
                &self,
                $find: impl Into<NameOrId<$id>>,
            ) -> Result<types::$type> {
                let id = self.$find($find).await?;
                let call = self.client.$operation().$parameter(id)$(.$place(self.id))?;
                let $reply = call.send().await?;
                $field.ok_or_else(|| says_nothing(stringify!($operation)))
            }
        )*}
    };
}

/// `find: id, what, method by operation(parameter, place);`
macro_rules! deletes {
    ($owner:ident { $($find:ident: $id:ty, $what:literal,
        $delete:ident by $operation:ident($parameter:ident$(, $place:ident)?);)* }) => {
        impl $owner {$(
            #[doc = concat!("Deletes ", $what, ", by name or `Id`.")]
            ///
            /// # Errors
            /// There is not exactly one of that name; the call failed.
            pub async fn $delete(&self, $find: impl Into<NameOrId<$id>>) -> Result<()> {
                let id = self.$find($find).await?;
                let call = self.client.$operation().$parameter(id)$(.$place(self.id))?;
                deleted(&self.client, call.send().await.map(drop))
            }
        )*}
    };
}

describes! {
    Workspace {
        action: String, "an action", describe_action by describe_action(action_id),
            reply => reply.action, ActionDetails;
        agent: String, "an agent", describe_agent by describe_agent(agent_id),
            reply => reply.agent, Agent;
        compute_env: String, "a compute environment",
            describe_compute_env by describe_compute_env(compute_env_id),
            reply => reply.compute_env, ComputeEnvDetails;
        credentials: String, "credentials", describe_credentials by describe_credentials(credentials_id),
            reply => reply.credentials, Credentials;
        data_link: String, "a data link", describe_data_link by describe_data_link(data_link_id),
            reply => reply.data_link, DataLinkInfo;
        dataset: String, "a dataset", describe_dataset by describe_dataset_v2(dataset_id),
            reply => reply.dataset, DatasetInfo;
        run: String, "a run", describe_run by describe_workflow(workflow_id),
            reply => Some(reply), DescribeWorkflowResponse;
        secret: i64, "a secret of pipelines", describe_secret by describe_pipeline_secret(secret_id),
            reply => reply.pipeline_secret, PipelineSecret;
        studio: String, "a Studio", describe_studio by describe_data_studio(session_id),
            reply => Some(reply), StudioInfo;
    }
}

deletes! {
    Workspace {
        action: String, "an action", delete_action by delete_action(action_id);
        agent: String, "an agent", delete_agent by delete_agent(agent_id);
        compute_env: String, "a compute environment",
            delete_compute_env by delete_compute_env(compute_env_id);
        credentials: String, "credentials", delete_credentials by delete_credentials(credentials_id);
        data_link: String, "a data link", delete_data_link by delete_custom_data_link(data_link_id);
        dataset: String, "a dataset", delete_dataset by delete_dataset_v2(dataset_id);
        label: i64, "a label (`name`, or `name=value` for a resource label)",
            delete_label by delete_label(label_id);
        run: String, "the record of a run, which must have ended,",
            delete_run by delete_workflow(workflow_id);
        secret: i64, "a secret of pipelines", delete_secret by delete_pipeline_secret(secret_id);
        studio: String, "a Studio", delete_studio by delete_data_studio(session_id);
    }
}

describes! {
    Organization {
        managed_identity: i64, "a managed identity",
            describe_managed_identity by describe_managed_identity(managed_identity_id, org_id),
            reply => Some(reply), CreateManagedIdentityResponse;
        role: String, "a role, a predefined one or the organization's own",
            describe_role by describe_role(role_name, org_id), reply => reply.role, Role;
        team: i64, "a team", describe_team by describe_organization_team(team_id, org_id),
            reply => reply.team, TeamDetails;
    }
}

deletes! {
    Organization {
        idp_group: i64, "a group of the identity provider",
            delete_idp_group by delete_organization_idp_group(group_id, org_id);
        managed_identity: i64, "a managed identity, with the credentials of its users",
            delete_managed_identity by delete_managed_identity(managed_identity_id, org_id);
        member: i64, "a member, by user name or e-mail address: takes the user out of the organization",
            delete_member by delete_organization_member(member_id, org_id);
        role: String, "a role of the organization's own", delete_role by delete_role(role_name, org_id);
        team: i64, "a team", delete_team by delete_organization_team(team_id, org_id);
    }
}

describes! {
    Account {
        ssh_key: i64, "an SSH key", describe_ssh_key by describe_ssh_key(key_id),
            reply => reply.ssh_key, SshPublicKey;
    }
}

deletes! {
    Account {
        access_token: i64, "an access token, which is valid no more",
            delete_access_token by delete_token(token_id);
        ssh_key: i64, "an SSH key", delete_ssh_key by delete_ssh_key(key_id);
    }
}

impl Workspace {
    /// Describes a pipeline of the launchpad, its labels included, by name or `Id`.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn describe_pipeline(
        &self,
        pipeline: impl Into<NameOrId<i64>>,
    ) -> Result<types::PipelineDetails> {
        let found = self.pipeline(pipeline).await?;
        let call = self.client.describe_pipeline().pipeline_id(found.id);
        let call = call.source_workspace_id(found.source_workspace_id);
        let reply = call.attributes(["labels"]).send().await?;
        let pipeline = reply.pipeline;
        pipeline.ok_or_else(|| says_nothing("describe_pipeline"))
    }

    /// Deletes a pipeline of the launchpad, by name or `Id`.
    ///
    /// # Errors
    /// There is not exactly one of that name; another workspace shares it; the call failed.
    pub async fn delete_pipeline(&self, pipeline: impl Into<NameOrId<i64>>) -> Result<()> {
        let id = self.own_pipeline(pipeline.into()).await?;
        let call = self.client.delete_pipeline().pipeline_id(id);
        deleted(&self.client, call.send().await.map(drop))
    }

    /// The id of a pipeline of this workspace.
    pub(super) async fn own_pipeline(&self, pipeline: NameOrId<i64>) -> Result<i64> {
        let found = self.pipeline(pipeline).await?;
        match found.source_workspace_id {
            None => Ok(found.id),
            Some(home) => Err(Error::new(
                ErrorKind::InvalidRequest,
                format!(
                    "pipeline {} is of workspace {home}, which shares it",
                    found.id
                ),
            )),
        }
    }

    /// The id of a checkpoint of a Studio, by the checkpoint's name.
    ///
    /// # Errors
    /// There is not exactly one of that name; the error lists what there is.
    pub async fn checkpoint(
        &self,
        studio: impl Into<NameOrId<String>>,
        checkpoint: impl Into<NameOrId<i64>>,
    ) -> Result<i64> {
        let name = match checkpoint.into() {
            NameOrId::Id(id) => return Ok(id),
            NameOrId::Name(name) => name,
        };
        let studio = self.studio(studio).await?;
        let mut search = Search::new(&name);
        let all = self.client.list_data_studio_checkpoints();
        let all = all.session_id(&studio);
        search_lists(&mut search, [all.clone().search(&name), all], |item| {
            Candidate::new(item.id, [item.name])
        })
        .await?;
        number(search.finish("checkpoint", &format!(" of Studio {studio}"))?)
    }

    /// Describes a checkpoint of a Studio, both by name or `Id`.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn describe_checkpoint(
        &self,
        studio: impl Into<NameOrId<String>>,
        checkpoint: impl Into<NameOrId<i64>>,
    ) -> Result<types::StudioCheckpoint> {
        let studio = self.studio(studio).await?;
        let id = self.checkpoint(Id(studio.as_str()), checkpoint).await?;
        let call = self.client.get_data_studio_checkpoint();
        call.session_id(studio).checkpoint_id(id).await
    }

    /// Describes the workspace itself.
    ///
    /// # Errors
    /// It is the personal context; the call failed.
    pub async fn describe(&self) -> Result<types::WorkspaceInfo> {
        let own = self.details().await?;
        let call = self.client.describe_workspace().org_id(own.organization_id);
        let reply = call.workspace_id(own.id).send().await?;
        reply
            .workspace
            .ok_or_else(|| says_nothing("describe_workspace"))
    }

    /// Deletes the workspace itself, with all that is in it.
    ///
    /// # Errors
    /// It is the personal context; the call failed.
    pub async fn delete(self) -> Result<()> {
        let own = self.details().await?;
        let call = self.client.delete_workspace().org_id(own.organization_id);
        deleted(
            &self.client,
            call.workspace_id(own.id).send().await.map(drop),
        )
    }
}

impl Organization {
    /// Describes the organization itself.
    ///
    /// # Errors
    /// The call failed.
    pub async fn describe(&self) -> Result<types::OrganizationDetails> {
        let reply = self
            .client
            .describe_organization()
            .org_id(self.id)
            .send()
            .await?;
        let organization = reply.organization;
        organization.ok_or_else(|| says_nothing("describe_organization"))
    }

    /// Deletes the organization itself, with all its workspaces.
    ///
    /// # Errors
    /// The call failed.
    pub async fn delete(self) -> Result<()> {
        let reply = self
            .client
            .delete_organization()
            .org_id(self.id)
            .send()
            .await;
        deleted(&self.client, reply.map(drop))
    }
}
