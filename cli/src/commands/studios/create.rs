//! `studios add` and `add-as-new`.

use clap::Args;
use seqera::types::{DataStudioConfiguration, DataStudioCreateRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::settings::{AllowedUser, Beginning, Machine, Mounts, Settings, leave_mounts};
use super::{TEMPLATES, find, label_ids, wait};
use crate::commands::{compute_envs, members};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::lists::Entries;
use crate::options::{IdOrName, InWorkspace, Labels};
use crate::output::without_nulls;
use crate::requests::{or_null, request};
use crate::values::TextFile;

/// A new Studio.
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Add {
    /// Name of the Studio
    #[arg(short, long)]
    pub name: String,
    /// Description
    #[arg(short, long)]
    pub description: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub workspace: InWorkspace,
    #[command(flatten)]
    #[serde(flatten)]
    pub template: Template,
    /// File with a Conda environment to add to the template
    #[arg(long = "conda-env-yml", visible_alias = "conda-env-yaml")]
    #[serde(rename = "conda-env-yml", alias = "conda-env-yaml")]
    pub conda_env: Option<TextFile>,
    /// Compute environment, by name or id
    #[arg(short, long)]
    pub compute_env: String,
    #[command(flatten)]
    #[serde(flatten)]
    pub machine: Machine,
    #[command(flatten)]
    #[serde(flatten)]
    pub mounts: Mounts,
    /// Repository that it is built from
    #[arg(long)]
    pub repository: Option<String>,
    /// Revision of the repository
    #[arg(long)]
    pub revision: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub beginning: Beginning,
    /// Use spot instances
    #[arg(long)]
    pub spot: Option<bool>,
    /// Allow connections by SSH
    #[arg(long)]
    pub ssh: Option<bool>,
    #[command(flatten)]
    #[serde(flatten)]
    pub allowed: AllowedUser,
    #[command(flatten)]
    #[serde(flatten)]
    pub labels: Labels,
}

/// What a Studio runs.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[group(multiple = false)]
pub struct Template {
    /// Template, one of `studios templates`
    #[arg(short, long)]
    pub template: Option<String>,
    /// Container image of your own (also -ct)
    #[arg(long)]
    pub custom_template: Option<String>,
}

#[derive(Args, Debug)]
pub struct AddAsNew {
    #[command(flatten)]
    parent: Parent,
    /// Checkpoint to begin from [default: the latest]
    #[arg(long)]
    parent_checkpoint_id: Option<String>,
    /// Name of the new Studio
    #[arg(short, long)]
    name: String,
    /// Description
    #[arg(short, long)]
    description: Option<String>,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    mounts: Mounts,
    #[command(flatten)]
    beginning: Beginning,
    #[command(flatten)]
    allowed: AllowedUser,
    #[command(flatten)]
    labels: Labels,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Parent {
    /// Id of the other Studio (also -pid)
    #[arg(long)]
    parent_id: Option<String>,
    /// Name of the other Studio (also -pn)
    #[arg(long)]
    parent_name: Option<String>,
}

impl Add {
    /// The request that makes it, with the ids of what it names.
    pub fn request(
        &self,
        environment: &str,
        labels: Option<Vec<i64>>,
        users: Option<Vec<i64>>,
        mounts: Option<Vec<String>>,
    ) -> Result<DataStudioCreateRequest> {
        let image = self.check()?;
        let conda = self.conda_env.as_ref().map(|file| file.read()).transpose();
        let usual = DataStudioConfiguration::new().gpu(0).cpu(2).memory(8192);
        let settings = Settings {
            machine: &self.machine,
            mounts: &self.mounts,
            ssh: self.ssh,
        };
        let mut configuration = settings.over_with(usual, mounts)?;
        configuration.conda_environment = conda.map_err(Failure::failed)?;
        let mut body = request::<DataStudioCreateRequest>(json!({
            "name": self.name,
            "description": self.description,
            "labelIds": labels,
            "isPrivate": self.beginning.private,
            "allowedUserIds": users,
            "spot": self.spot,
            "remoteConfig": self.repository.as_ref().map(|repository| {
                json!({"repository": repository, "revision": self.revision})
            }),
            "dataStudioToolUrl": image,
            "computeEnvId": environment,
        }))?;
        body.configuration = Some(configuration);
        Ok(body)
    }

    /// Finds what contradicts. The image.
    fn check(&self) -> Result<Option<&str>> {
        let template = self.template.template.as_deref();
        let image = template.or(self.template.custom_template.as_deref());
        let complain = |text: &str| Err(Failure::failed(text));
        if image.is_some() && self.repository.is_some() {
            return complain("--repository does not go with a template");
        }
        if image.is_none() && self.repository.is_none() {
            return complain("Give one of --template, --custom-template and --repository");
        }
        if self.conda_env.is_some() && template.is_none() {
            return complain("--conda-env-yml goes with --template only");
        }
        if self.revision.is_some() && self.repository.is_none() {
            return complain("--revision goes with --repository only");
        }
        Ok(image)
    }
}

pub async fn add(context: &Context, command: Add) -> Result<Exit> {
    command.check()?;
    let place = context.place(&command.workspace).await?;
    if let Some(template) = &command.template.template {
        check_template(context, &place, template).await?;
    }
    let labels = label_ids(context, &place, &command.labels).await?;
    let users = match &command.allowed.allow_user {
        Some(user) => Some(vec![user_id(context, &place, user).await?]),
        None => None,
    };
    let env = compute_envs::to_run_on(context, &place, Some(&command.compute_env)).await?;
    let mounts = command.mounts.ids(context, &place).await?;
    let ids = (labels.clone(), users.clone());
    let mut body = command.request(env.id.as_deref().unwrap_or_default(), labels, users, mounts)?;
    (body.label_ids, body.allowed_user_ids) = (or_null(ids.0), or_null(ids.1));
    if let Some(configuration) = &mut body.configuration {
        leave_mounts(configuration);
    }
    create(context, &place, body, &command.beginning).await
}

async fn check_template(context: &Context, place: &Place<'_>, wanted: &str) -> Result<()> {
    let call = context
        .client()?
        .list_data_studio_templates()
        .workspace_id(place.id());
    let mut all = Entries::of(call.max(TEMPLATES).stream());
    let mut known = Vec::new();
    while let Some(template) = all.try_next().await? {
        if template.repository.as_deref() == Some(wanted) {
            return Ok(());
        }
        known.extend(template.repository);
    }
    Err(Failure::failed(format!(
        "Studio template provided '{wanted}', is not one of the Platform's available templates '[{}]'.",
        known.join(", ")
    )))
}

pub async fn add_as_new(context: &Context, command: AddAsNew) -> Result<Exit> {
    let place = context.place(&command.workspace).await?;
    let wanted = IdOrName {
        id: command.parent.parent_id,
        name: command.parent.parent_name,
    };
    let parent = find(context, &place, &wanted).await?;
    let parent_id = parent.session_id.clone().unwrap_or_default();
    let client = context.client()?;
    let checkpoint = match &command.parent_checkpoint_id {
        Some(text) => {
            let wrong = || {
                Failure::failed(format!(
                    "Parent checkpoint parameter error, invalid checkpoint id: '{text}'"
                ))
            };
            let id: i64 = text.parse().map_err(|_| wrong())?;
            let call = client.get_data_studio_checkpoint().session_id(&parent_id);
            let call = call.checkpoint_id(id).workspace_id(place.id());
            Some(call.send().await.map_err(|_| wrong())?.id.unwrap_or(id))
        }
        None => {
            let call = client.list_data_studio_checkpoints().session_id(&parent_id);
            let mut latest = call.workspace_id(place.id()).stream().limit(1);
            latest
                .try_next()
                .await?
                .and_then(|checkpoint| checkpoint.id)
        }
    };
    let labels = label_ids(context, &place, &command.labels).await?;
    let users = match &command.allowed.allow_user {
        Some(user) => Some(vec![user_id(context, &place, user).await?]),
        None => None,
    };
    let settings = Settings {
        machine: &command.machine,
        mounts: &command.mounts,
        ssh: None,
    };
    let configuration = settings.over(context, &place, &parent).await?;
    let parent_name = parent.name.unwrap_or_default();
    let description = command.description;
    let mut body = request::<DataStudioCreateRequest>(json!({
        "name": command.name,
        "description": description.unwrap_or_else(|| format!("Started from studio {parent_name}")),
        "isPrivate": command.beginning.private,
        "dataStudioToolUrl": parent.template.and_then(|template| template.repository),
        "computeEnvId": parent.compute_env.and_then(|env| env.id),
        "initialCheckpointId": checkpoint,
    }))?;
    body.configuration = Some(configuration);
    body.label_ids = or_null(labels);
    body.allowed_user_ids = or_null(users);
    create(context, &place, body, &command.beginning).await
}

async fn create(
    context: &Context,
    place: &Place<'_>,
    body: DataStudioCreateRequest,
    beginning: &Beginning,
) -> Result<Exit> {
    let call = context
        .client()?
        .create_data_studio()
        .workspace_id(place.id());
    let call = call.auto_start(beginning.auto_start).body(body);
    let studio = call.send().await?.studio.unwrap_or_default();
    let id = studio.session_id.unwrap_or_default();
    let reference = place.reference().await?;
    let url = format!("{}/studios/{id}/connect", place.url().await?);
    let value: Value = json!({
        "sessionId": id,
        "workspaceRef": reference,
        "workspaceId": place.id(),
        "autoStart": beginning.auto_start,
        "studioUrl": url,
    });
    let text = format!("Studio {id} created at {reference} workspace.\n\n    {url}");
    context.say(without_nulls(value), text)?;
    // One that is not started has nothing to be waited for, but to be there.
    let wanted = beginning.wait.filter(|_| beginning.auto_start);
    wait::after(context, place, &id, true, wanted).await
}

/// The id of a user: digits are one, anything else is a member or collaborator of the organization.
pub async fn user_id(context: &Context, place: &Place<'_>, user: &str) -> Result<i64> {
    if let Ok(id) = user.parse() {
        return Ok(id);
    }
    let organization = place.entry().await?.and_then(|entry| entry.org_id);
    let organization = organization.ok_or_else(|| {
        Failure::failed("--allow-user by name needs a workspace of an organization")
    })?;
    if let Some(member) = members::look_for(context, organization, user).await? {
        return Ok(member.user_id.unwrap_or_default());
    }
    let call = context
        .client()?
        .list_organization_collaborators()
        .org_id(organization);
    let mut all = Entries::of(call.search(user).stream());
    while let Some(one) = all.try_next().await? {
        if members::is_called(&one.user_name, &one.email, user) {
            return Ok(one.user_id.unwrap_or_default());
        }
    }
    Err(Failure::not_found(format!(
        "Member '{user}' not found in organization '{organization}'"
    )))
}
