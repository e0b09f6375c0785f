//! `studios start`, `stop` and `update`.

use clap::Args;
use seqera::types::{DataStudioStartRequest, DataStudioUpdateRequest};
use serde_json::json;

use super::settings::{AllowedUser, Machine, Mounts, Settings};
use super::{StudioStatus, Which, create, find, id_of, label_ids, retold, wait};
use crate::commands::compute_envs;
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::options::Labels;
use crate::output::without_nulls;
use crate::requests::or_null;

#[derive(Args, Debug)]
pub struct Start {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    mounts: Mounts,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    wait: Option<StudioStatus>,
    #[command(flatten)]
    labels: Labels,
    /// New description
    #[arg(long)]
    description: Option<String>,
    /// Use spot instances
    #[arg(long)]
    spot: Option<bool>,
    /// Allow connections by SSH
    #[arg(long)]
    ssh: Option<bool>,
    #[command(flatten)]
    allowed: AllowedUser,
}

#[derive(Args, Debug)]
pub struct Stop {
    #[command(flatten)]
    which: Which,
    /// Wait until it has this status
    #[arg(long, value_enum)]
    wait: Option<StudioStatus>,
}

#[derive(Args, Debug)]
pub struct Update {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    mounts: Mounts,
    #[command(flatten)]
    labels: Labels,
    /// New description
    #[arg(long)]
    description: Option<String>,
    /// New name
    #[arg(long)]
    new_name: Option<String>,
    /// Allow connections by SSH
    #[arg(long)]
    ssh: Option<bool>,
    /// Other compute environment, by name or id
    #[arg(short, long)]
    compute_env: Option<String>,
}

impl Start {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let studio = find(context, &place, &self.which.studio).await?;
        let id = studio.session_id.clone().unwrap_or_default();
        let settings = Settings {
            machine: &self.machine,
            mounts: &self.mounts,
            ssh: self.ssh,
        };
        let mut body = DataStudioStartRequest::new()
            .configuration(settings.over(context, &place, &studio).await?);
        let description = self.description.or(studio.description.clone());
        body.description = or_null(description);
        body.label_ids = or_null(label_ids(context, &place, &self.labels).await?);
        let users = match &self.allowed.allow_user {
            Some(user) => Some(vec![create::user_id(context, &place, user).await?]),
            None => None,
        };
        body.allowed_user_ids = or_null(users);
        body.spot = self.spot.into();
        let call = context.client()?.start_data_studio().session_id(&id);
        let started = call.workspace_id(place.id()).body(body).send().await;
        let started = started.map_err(|error| retold(error, &self.which.studio, &place))?;
        let reference = place.reference().await?;
        let url = format!("{}/studios/{id}/connect", place.url().await?);
        let submitted = started.job_submitted.unwrap_or(true);
        let value = json!({
            "sessionId": id,
            "userSuppliedStudioIdentifier": self.which.studio.typed(),
            "studioUrl": url,
            "workspaceId": place.id(),
            "workspaceRef": reference,
            "jobSubmitted": submitted,
        });
        context.say(
            without_nulls(value),
            format!("Studio {id} start requested at {reference} workspace.\n\n    {url}"),
        )?;
        wait::after(context, &place, &id, submitted, self.wait).await
    }
}

impl Stop {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let id = id_of(context, &place, &self.which.studio).await?;
        let call = context.client()?.stop_data_studio().session_id(&id);
        let stopped = call.workspace_id(place.id()).send().await;
        let stopped = stopped.map_err(|error| retold(error, &self.which.studio, &place))?;
        let reference = place.reference().await?;
        let submitted = stopped.job_submitted.unwrap_or(true);
        let value = json!({
            "sessionId": id,
            "userSuppliedStudioIdentifier": self.which.studio.typed(),
            "workspaceId": place.id(),
            "workspaceRef": reference,
            "jobSubmitted": submitted,
        });
        context.say(
            without_nulls(value),
            format!("Studio {id} stop requested at {reference} workspace."),
        )?;
        wait::after(context, &place, &id, submitted, self.wait).await
    }
}

impl Update {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.which.workspace).await?;
        let studio = find(context, &place, &self.which.studio).await?;
        let id = studio.session_id.clone().unwrap_or_default();
        let settings = Settings {
            machine: &self.machine,
            mounts: &self.mounts,
            ssh: self.ssh,
        };
        let mut body = DataStudioUpdateRequest::new()
            .configuration(settings.over(context, &place, &studio).await?);
        let description = self.description.or(studio.description.clone());
        body.description = or_null(description);
        body.label_ids = or_null(label_ids(context, &place, &self.labels).await?);
        body.name = self.new_name.or(studio.name.clone()).into();
        let own = studio.compute_env.as_ref().and_then(|env| env.id.clone());
        body.compute_env_id = match self.compute_env.as_deref() {
            Some(wanted) => {
                compute_envs::to_run_on(context, &place, Some(wanted))
                    .await?
                    .id
            }
            None => own,
        }
        .into();
        let call = context.client()?.update_data_studio().session_id(&id);
        let updated = call.workspace_id(place.id()).body(body).send().await;
        updated.map_err(|error| retold(error, &self.which.studio, &place))?;
        let reference = place.reference().await?;
        let value = json!({
            "sessionId": id,
            "userSuppliedStudioIdentifier": self.which.studio.typed(),
            "workspaceId": place.id(),
            "workspaceRef": reference,
        });
        context.say(
            without_nulls(value),
            format!("Studio {id} updated at {reference} workspace."),
        )
    }
}
