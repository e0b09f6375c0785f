//! `launch`: a run of a pipeline.

use std::path::PathBuf;

use clap::Args;
use seqera::Client;
use seqera::runs::{Pipeline, Preview};
use seqera::types::{ComputeEnvDetails, SubmitWorkflowLaunchRequest, WorkflowLaunchRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::compute_envs::{self, of_environment};
use super::labels::{self, Absent};
use super::pipelines;
use super::runs::watch::{self, RunStatus};
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::options::{InWorkspace, LaunchOptions, VersionRef};
use crate::output::without_nulls;
use crate::requests::{changed, with_params};
use crate::values::{Label, List, Pair};

mod table;

/// Launch a pipeline
#[derive(Args, Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Launch {
    /// Name of a pipeline of the launchpad, or URL of a repository
    #[arg(value_name = "PIPELINE_OR_URL", required_unless_present = "from")]
    pub pipeline: Option<String>,
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
    /// A parameter of the pipeline, over those of files; the value is JSON, or else text. May be
    /// given several times
    #[arg(short = 'P', long = "param", value_name = "NAME=VALUE")]
    #[serde(skip)]
    param: Vec<Pair>,
    /// Launch once for each row of this CSV table: columns are parameters, `pipeline` is the
    /// pipeline, and `--NAME` an option of this command
    #[arg(long, value_name = "TABLE.csv")]
    #[serde(skip)]
    from: Option<PathBuf>,
    /// Wait until the run has this status; the exit status tells whether it did
    #[arg(long, value_enum)]
    pub wait: Option<RunStatus>,
    /// Print the run's log as it grows, and wait for its end, or for what --wait says
    #[arg(long)]
    #[serde(skip)]
    follow: bool,
    /// Labels of the run, separated by commas: name, or name=value for a resource label
    #[arg(short, long)]
    pub labels: Option<List<Label>>,
    /// Container image that Nextflow runs in
    #[arg(long)]
    launch_container: Option<String>,
    /// Do not apply the pipeline's resource optimization
    #[arg(long)]
    disable_optimization: Option<bool>,
    /// CPUs of the Nextflow head job
    #[arg(long)]
    head_job_cpus: Option<i32>,
    /// Memory of the Nextflow head job, in megabytes
    #[arg(long)]
    head_job_memory: Option<i32>,
}

impl Launch {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        if let Some(path) = &self.from {
            return table::launch(context, &place, &self, path).await;
        }
        let ready = self.prepare(context, &place).await?;
        let run = ready.send(context, &place).await?;
        let id = run.id.clone();
        run.show(context)?;
        let wanted = self.wait.unwrap_or(RunStatus::Succeeded);
        let ended = match (self.follow, self.wait) {
            (true, _) => watch::follow(context, &place, &id, wanted).await?,
            (false, Some(_)) => watch::until(context, &place, &id, wanted).await?,
            (false, None) => return Ok(Exit::Done),
        };
        if let Some(error) = &ended.error {
            context.note(error);
        }
        context.note(&format!("Run {id} is {}", ended.status));
        Ok(ended.exit)
    }

    /// The launch that the options describe. Nothing is launched; labels may be made.
    async fn prepare(&self, context: &Context, place: &Place<'_>) -> Result<Ready> {
        if !context.as_tw {
            self.check()?;
        }
        let wanted = self.options.compute_env.as_deref();
        let env = match self.is_of_repository() || wanted.is_some() {
            true => Some(compute_envs::to_run_on(context, place, wanted).await?),
            false => None,
        };
        let found = match self.is_of_repository() {
            true => None,
            false => self.find(context, place).await?,
        };
        let mut this = self.clone();
        if let (Some(found), Some(name)) = (&found, &self.version.version_name) {
            let version = pipelines::versions::named(context, place, found.id, name).await?;
            this.version = VersionRef {
                version_id: version.id,
                version_name: None,
            };
        }
        let ready = this.ready(context.client()?, place.id(), env.as_ref(), found);
        let mut ready = ready.await?;
        if let Some(labels) = &self.labels {
            let ids = labels::ids(context, place, &labels.0, Absent::Make).await?;
            ready.request.label_ids = Some(ids);
        }
        Ok(ready)
    }

    /// The pipeline of that name, searched for as `tw` does.
    async fn find(&self, context: &Context, place: &Place<'_>) -> Result<Option<Found>> {
        let name = self.pipeline.as_deref().unwrap_or_default();
        match pipelines::look_for(context, place, name, name).await? {
            Some(found) => Ok(Some(Found {
                id: found.pipeline_id.unwrap_or_default(),
                home: found.workspace_id.filter(|home| Some(*home) != place.id()),
            })),
            None if context.as_tw => Err(Failure::not_found(format!(
                "Pipeline '{name}' not found on this workspace."
            ))),
            // The library tells what is near.
            None => Ok(None),
        }
    }

    /// Whether it is of a repository, and not of a pipeline of the launchpad.
    pub fn is_of_repository(&self) -> bool {
        let pipeline = self.pipeline.as_deref().unwrap_or_default();
        ["https://", "http://", "file:/"]
            .iter()
            .any(|url| pipeline.starts_with(url))
    }

    /// Finds what contradicts.
    pub fn check(&self) -> Result<()> {
        match self.is_of_repository() && self.version.clone().said().is_some() {
            true => Err(Failure::usage(
                "--version-id and --version-name are for pipelines of the launchpad",
            )),
            false => Ok(()),
        }
    }

    /// The launch without its labels. Of a repository it needs the environment that it runs on, and
    /// there are no versions. A pipeline that was not found yet is looked for by its name.
    pub async fn ready(
        &self,
        client: &Client,
        workspace: Option<i64>,
        env: Option<&ComputeEnvDetails>,
        found: Option<Found>,
    ) -> Result<Ready> {
        let pipeline = self.pipeline.clone().unwrap_or_default();
        let repository = self.is_of_repository();
        let what = match (repository, &found) {
            (true, _) => Pipeline::Repository(pipeline),
            (false, Some(found)) => Pipeline::from(found.id),
            (false, None) => Pipeline::Name(pipeline),
        };
        let version = self.version.clone().said().filter(|_| !repository);
        let mut launch = client.launch(what).workspace(workspace);
        if let Some(home) = found.and_then(|found| found.home) {
            launch = launch.source_workspace(home);
        }
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
            launch = launch.described_compute_env(env);
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
        Ok(Ready {
            request: self.change(request)?,
            source_workspace_id,
        })
    }

    /// A launch with what the options say, but for the pipeline, the environment and the labels.
    pub fn change(&self, request: WorkflowLaunchRequest) -> Result<WorkflowLaunchRequest> {
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
        Ok(request)
    }
}

/// A pipeline of the launchpad that was looked up.
#[derive(Debug)]
pub struct Found {
    id: i64,
    /// The workspace that shares it, if another one does.
    home: Option<i64>,
}

/// A launch that only has to be sent.
#[derive(Debug)]
pub struct Ready {
    pub request: WorkflowLaunchRequest,
    /// The workspace that shares the pipeline, if another one does.
    pub source_workspace_id: Option<i64>,
}

impl Ready {
    pub async fn send(self, context: &Context, place: &Place<'_>) -> Result<Launched> {
        let call = context
            .client()?
            .create_workflow_launch()
            .workspace_id(place.id());
        let call = call.source_workspace_id(self.source_workspace_id);
        let body = SubmitWorkflowLaunchRequest::new().launch(self.request);
        let reply = call.body(body).send().await?;
        let id = reply.workflow_id.unwrap_or_default();
        Ok(Launched {
            url: format!("{}/watch/{id}", place.url().await?),
            reference: place.reference().await?,
            workspace: place.id(),
            id,
        })
    }
}

/// A run that was launched.
#[derive(Debug)]
pub struct Launched {
    pub id: String,
    url: String,
    workspace: Option<i64>,
    reference: String,
}

impl Launched {
    /// What is told of it.
    pub fn value(&self) -> Value {
        without_nulls(json!({
            "workflowId": self.id,
            "workflowUrl": self.url,
            "workspaceId": self.workspace,
            "workspaceRef": self.reference,
        }))
    }

    pub fn show(self, context: &Context) -> Result<Exit> {
        let (id, reference, url) = (&self.id, &self.reference, &self.url);
        let text = format!("Workflow {id} submitted at {reference} workspace.\n\n    {url}");
        context.say(self.value(), text)
    }
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
