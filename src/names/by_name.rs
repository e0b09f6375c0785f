//! Describing and deleting what goes by a name, as a table.

use super::{NameOrId, Organization, Workspace};
use crate::Client;
use crate::{Error, ErrorKind, Result, types};

fn says_nothing(operation: &'static str) -> Error {
    let text = "the reply does not have what was asked for";
    Error::new(ErrorKind::InvalidResponse, text).in_operation(operation)
}

/// The name stands for nothing, or for another, from now on.
fn deleted(client: &Client, result: Result<()>) -> Result<()> {
    result.inspect(|()| client.forget_names())
}

/// `find: id, what, describe by operation(parameter), reply => field: type, delete by operation;`
macro_rules! by_name {
    ($owner:ident { $($find:ident: $id:ty, $what:literal,
        $describe:ident by $described_by:ident($parameter:ident$(, $place:ident)?),
        $reply:ident => $field:expr, $type:ident,
        $delete:ident by $deleted_by:ident;)* }) => {
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
                let call = self.client.$described_by().$parameter(id)$(.$place(self.id))?;
                let $reply = call.send().await?;
                $field.ok_or_else(|| says_nothing(stringify!($described_by)))
            }

            #[doc = concat!("Deletes ", $what, ", by name or `Id`.")]
            ///
            /// # Errors
            /// There is not exactly one of that name; the call failed.
            pub async fn $delete(&self, $find: impl Into<NameOrId<$id>>) -> Result<()> {
                let id = self.$find($find).await?;
                let call = self.client.$deleted_by().$parameter(id)$(.$place(self.id))?;
                deleted(&self.client, call.send().await.map(drop))
            }
        )*}
    };
}

by_name! {
    Workspace {
        action: String, "an action",
            describe_action by describe_action(action_id), reply => reply.action, ActionDetails,
            delete_action by delete_action;
        compute_env: String, "a compute environment",
            describe_compute_env by describe_compute_env(compute_env_id),
            reply => reply.compute_env, ComputeEnvDetails,
            delete_compute_env by delete_compute_env;
        credentials: String, "credentials",
            describe_credentials by describe_credentials(credentials_id),
            reply => reply.credentials, Credentials,
            delete_credentials by delete_credentials;
        data_link: String, "a data link",
            describe_data_link by describe_data_link(data_link_id),
            reply => reply.data_link, DataLinkInfo,
            delete_data_link by delete_custom_data_link;
        dataset: String, "a dataset",
            describe_dataset by describe_dataset_v2(dataset_id), reply => reply.dataset, DatasetInfo,
            delete_dataset by delete_dataset_v2;
        secret: i64, "a secret of pipelines",
            describe_secret by describe_pipeline_secret(secret_id),
            reply => reply.pipeline_secret, PipelineSecret,
            delete_secret by delete_pipeline_secret;
        studio: String, "a Studio",
            describe_studio by describe_data_studio(session_id), reply => Some(reply), StudioInfo,
            delete_studio by delete_data_studio;
    }
}

by_name! {
    Organization {
        team: i64, "a team",
            describe_team by describe_organization_team(team_id, org_id), reply => reply.team, TeamDetails,
            delete_team by delete_organization_team;
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

    /// Deletes a label, by id, `name`, or `name=value` for a resource label.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn delete_label(&self, label: impl Into<NameOrId<i64>>) -> Result<()> {
        let call = self
            .client
            .delete_label()
            .label_id(self.label(label).await?);
        deleted(&self.client, call.send().await.map(drop))
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
