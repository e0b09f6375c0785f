//! `launch`: a run of a pipeline.

use clap::Args;
use seqera::prelude::*;
use seqera::runs::{Change, Pipeline, Preview};
use seqera::types::{
    ComputeEnvDetails, SubmitWorkflowLaunchRequest, WorkflowLaunchRequest, WorkflowStatus,
};
use seqera::{Client, Id};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::compute_envs;
use super::labels::{self, Absent};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::options::{InWorkspace, LaunchOptions, VersionRef};
use crate::output::without_nulls;
use crate::requests::{changed, with_params};
use crate::values::{Label, List, Pair, choices};

choices! {
    /// What a run may be waited for to be.
    RunStatus {
        Submitted = "SUBMITTED",
        Running = "RUNNING",
        Succeeded = "SUCCEEDED",
        Failed = "FAILED",
        Cancelled = "CANCELLED",
        Unknown = "UNKNOWN",
    }
}

/// Launch a pipeline
#[derive(Args, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Launch {
    /// Pipeline of the launchpad, by name, or the address of a repository
    #[arg(value_name = "PIPELINE_OR_URL")]
    pub pipeline: String,
    #[command(flatten)]
    #[serde(flatten)]
    workspace: InWorkspace,
    /// Name of the run [default: one that the Platform makes up]
    #[arg(short, long)]
    pub name: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    pub options: LaunchOptions,
    /// Revision of the repository: a branch, tag or commit
    #[arg(short, long)]
    revision: Option<String>,
    #[command(flatten)]
    #[serde(flatten)]
    version: VersionRef,
    /// A parameter, over those of files; the value is JSON, or else text. May be given several times
    #[arg(short = 'P', long = "param", value_name = "NAME=VALUE")]
    #[serde(skip)]
    param: Vec<Pair>,
    /// Wait until the run has this status
    #[arg(long, value_enum)]
    pub wait: Option<RunStatus>,
    /// Labels of the run, separated by commas: name, or name=value for a resource label
    #[arg(short, long)]
    pub labels: Option<List<Label>>,
    /// Container that Nextflow runs in
    #[arg(long)]
    launch_container: Option<String>,
    /// Leave the resources of processes as they are
    #[arg(long)]
    disable_optimization: Option<bool>,
    /// Processors of the job that Nextflow runs in
    #[arg(long)]
    head_job_cpus: Option<i32>,
    /// Megabytes of memory of the job that Nextflow runs in
    #[arg(long)]
    head_job_memory: Option<i32>,
}

impl Launch {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let wanted = self.options.compute_env.as_deref();
        let env = match self.is_of_repository() || wanted.is_some() {
            true => Some(compute_envs::to_run_on(context, &place, wanted).await?),
            false => None,
        };
        let labels = match &self.labels {
            Some(labels) => Some(labels::ids(context, &place, &labels.0, Absent::Make).await?),
            None => None,
        };
        let prepared = self.prepare(context.client()?, place.id(), env.as_ref());
        let (mut request, source_workspace_id) = prepared.await?;
        request.label_ids = labels.or(request.label_ids);
        send(context, &place, source_workspace_id, request, self.wait).await
    }

    /// Whether it is of a repository, and not of a pipeline of the launchpad.
    pub fn is_of_repository(&self) -> bool {
        ["https://", "http://", "file:/"]
            .iter()
            .any(|url| self.pipeline.starts_with(url))
    }

    /// The request that launches it, and the workspace that shares the pipeline. Of a repository it
    /// needs the environment that it runs on.
    pub async fn prepare(
        &self,
        client: &Client,
        workspace: Option<i64>,
        env: Option<&ComputeEnvDetails>,
    ) -> Result<(WorkflowLaunchRequest, Option<i64>)> {
        let repository = self.is_of_repository();
        let what = match repository {
            true => Pipeline::Repository(self.pipeline.clone()),
            false => Pipeline::Name(self.pipeline.clone()),
        };
        let version = self.version.clone().said();
        if repository && version.is_some() {
            return Err(Failure::usage(
                "--version-id and --version-name are for pipelines of the launchpad",
            ));
        }
        let mut launch = client.launch(what).workspace(workspace);
        if let Some(version) = version {
            launch = launch.version(version);
        }
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(folder) = given(&self.options.work_dir) {
            launch = launch.work_dir(folder);
        }
        if let Some(revision) = given(&self.revision) {
            launch = launch.revision(revision);
        }
        if let Some(env) = env {
            launch = launch.compute_env(Id(env.id.clone().unwrap_or_default()));
        }
        if let (Some(env), None) = (env, &self.options.work_dir)
            && let Some(folder) = of_environment(env)?.get("workDir").and_then(Value::as_str)
        {
            launch = launch.work_dir(folder);
        }
        let Preview {
            mut request,
            source_workspace_id,
            ..
        } = launch.preview().await?;
        if repository {
            // As `tw` has it: the environment's Nextflow configuration is the environment's to add.
            request.config_text = None;
        }
        if let Some(env) = env {
            request = filled(request, env, repository)?;
        }
        let mut changes = self.options.fields(request.params_text.as_deref())?;
        let present = changes
            .get("paramsText")
            .and_then(Value::as_str)
            .or(request.params_text.as_deref());
        if let Some(text) = with_params(present, &self.param)? {
            changes.insert("paramsText".to_owned(), text.into());
        }
        changes.extend([
            ("runName".to_owned(), self.name.clone().into()),
            (
                "launchContainer".to_owned(),
                self.launch_container.clone().into(),
            ),
            ("headJobCpus".to_owned(), self.head_job_cpus.into()),
            ("headJobMemoryMb".to_owned(), self.head_job_memory.into()),
        ]);
        let mut request = changed(request, changes.into())?;
        if self.disable_optimization == Some(true) {
            request.optimization_id = None;
            request.optimization_targets = None;
        }
        Ok((request, source_workspace_id))
    }
}

/// What a launch takes from the environment it runs on, where it says nothing itself.
pub fn of_environment(env: &ComputeEnvDetails) -> Result<Map<String, Value>> {
    let config = serde_json::to_value(&env.config)?;
    let mut fields = Map::new();
    fields.insert("computeEnvId".to_owned(), env.id.clone().into());
    for name in ["workDir", "preRunScript", "postRunScript"] {
        if let Some(value) = config.get(name).filter(|value| value.as_str() != Some("")) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    Ok(fields)
}

/// A launch whose empty scripts are those of the environment that was chosen for it.
fn filled(
    mut request: WorkflowLaunchRequest,
    env: &ComputeEnvDetails,
    repository: bool,
) -> Result<WorkflowLaunchRequest> {
    let config = serde_json::to_value(&env.config)?;
    let text = |name: &str| config.get(name).and_then(Value::as_str).map(str::to_owned);
    let empty = |text: &Option<String>| text.as_deref().is_none_or(str::is_empty);
    if empty(&request.pre_run_script) {
        request.pre_run_script = text("preRunScript");
    }
    if empty(&request.post_run_script) {
        request.post_run_script = text("postRunScript");
    }
    if empty(&request.config_text) && !repository {
        request.config_text = text("nextflowConfig");
    }
    Ok(request)
}

/// Sends a launch, tells of the run, and waits for it if that is wanted.
pub async fn send(
    context: &Context,
    place: &Place<'_>,
    source_workspace_id: Option<i64>,
    request: WorkflowLaunchRequest,
    wanted: Option<RunStatus>,
) -> Result<Exit> {
    let call = context
        .client()?
        .create_workflow_launch()
        .workspace_id(place.id());
    let call = call.source_workspace_id(source_workspace_id);
    let reply = call
        .body(SubmitWorkflowLaunchRequest::new().launch(request))
        .send()
        .await?;
    let id = reply.workflow_id.unwrap_or_default();
    let reference = place.reference().await?;
    let url = format!("{}/watch/{id}", place.url().await?);
    let value = json!({
        "workflowId": id,
        "workflowUrl": url,
        "workspaceId": place.id(),
        "workspaceRef": reference,
    });
    let text = format!("Workflow {id} submitted at {reference} workspace.\n\n    {url}");
    context.say(without_nulls(value), text)?;
    match wanted {
        Some(wanted) => wait(context, place, &id, wanted).await,
        None => Ok(Exit::Done),
    }
}

/// Waits until a run has a status, or has had it.
pub async fn wait(
    context: &Context,
    place: &Place<'_>,
    id: &str,
    wanted: RunStatus,
) -> Result<Exit> {
    let mut changes = context.client()?.run(id).workspace(place.id()).watch();
    while let Some(change) = changes.try_next().await? {
        let status = match change {
            Change::Status(status) => {
                context.note(&format!("Run {id} is {status}"));
                status
            }
            Change::Finished(run) => run.status().clone(),
            Change::Trouble(error) => {
                context.note(&format!(
                    "Run {id} can't be looked at, the wait goes on: {error}"
                ));
                continue;
            }
            _ => continue,
        };
        if let Some(exit) = reached(&status, wanted) {
            return Ok(exit);
        }
    }
    Err(Failure::failed(format!(
        "The watch of run {id} ended before the run"
    )))
}

/// Whether a run of this status has come to what is waited for; none while it may.
fn reached(status: &WorkflowStatus, wanted: RunStatus) -> Option<Exit> {
    use WorkflowStatus::{Cancelled, Failed, Running, Submitted, Succeeded};
    if status.to_string() == wanted.as_str() {
        return Some(Exit::Done);
    }
    match (status, wanted) {
        // It has been there, between two looks.
        (Running | Succeeded | Failed | Cancelled, RunStatus::Submitted) => Some(Exit::Done),
        (Succeeded, RunStatus::Running) => Some(Exit::Done),
        (Succeeded | Failed | Cancelled, _) => Some(Exit::Otherwise),
        (Submitted | Running, _) | (_, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_between_two_looks_was_reached() {
        use WorkflowStatus::{Failed, Running, Submitted, Succeeded};
        assert_eq!(reached(&Succeeded, RunStatus::Running), Some(Exit::Done));
        assert_eq!(reached(&Failed, RunStatus::Running), Some(Exit::Otherwise));
        assert_eq!(reached(&Running, RunStatus::Submitted), Some(Exit::Done));
        assert_eq!(reached(&Submitted, RunStatus::Running), None);
        assert_eq!(reached(&Running, RunStatus::Succeeded), None);
        assert_eq!(reached(&Failed, RunStatus::Failed), Some(Exit::Done));
    }
}
