//! Everything that comes before a launch is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::request::{Base, with_changes};
use super::{ComputeEnvRef, Launch, Pipeline, Preview};
use crate::generated::prelude::*;
use crate::names::{Found, NameOrId, PipelineId, Workspace, number};
use crate::runs::run::Run;
use crate::types::{ComputeEnvStatus, CreateLabelRequest, WorkflowLaunchRequest};
use crate::{Error, ErrorKind, Result};

/// The longest time between two looks at a compute environment that is not ready.
const COMPUTE_ENV_PAUSE: Duration = Duration::from_secs(5);
/// How often to look at least within the time given.
const COMPUTE_ENV_LOOKS: u32 = 20;

/// The launch configurations that the launches of one batch share.
#[derive(Default)]
pub(super) struct Bases(Mutex<HashMap<BaseKey, Arc<OnceCell<Base>>>>);

type BaseKey = (Pipeline, Option<NameOrId<String>>, Option<i64>, Option<i64>);

impl Bases {
    fn cell(&self, key: BaseKey) -> Arc<OnceCell<Base>> {
        let mut bases = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bases.entry(key).or_default().clone()
    }
}

/// A launch that is ready to be sent, but for the ids of its labels.
pub(super) struct Prepared {
    workspace: Workspace,
    source_workspace_id: Option<i64>,
    request: WorkflowLaunchRequest,
    labels: Vec<NameOrId<i64>>,
    create_labels: bool,
    compute_env: String,
}

impl Launch {
    pub(super) async fn prepare(self, bases: &Bases) -> Result<Prepared> {
        if let Some(mistake) = self.mistake {
            return Err(incomplete(mistake));
        }
        let in_launchpad = matches!(self.pipeline, Pipeline::Name(_) | Pipeline::Id(_));
        if !in_launchpad {
            let set = match (&self.version, &self.source_workspace) {
                (Some(_), _) => Some("version"),
                (None, None) => None,
                (None, Some(_)) => Some("source_workspace"),
            };
            if let Some(set) = set {
                return Err(incomplete(format!(
                    "{} takes no .{set}(..), which is for pipelines of the launchpad",
                    self.pipeline
                )));
            }
        }
        let workspace = self.client.workspace(self.workspace.clone()).await?;
        let base = self.base(&workspace, bases).await?;
        let mut request = with_changes(&base.request, &self.changes)?;
        if self.changes.revision.is_some() && self.changes.commit_id.is_none() {
            // It is of the revision before, and would be run in place of this one.
            request.commit_id = None;
        }

        let compute_env = match &self.compute_env {
            None => request.compute_env_id.take(),
            Some(ComputeEnvRef::Primary) => Some(workspace.primary_compute_env().await?),
            Some(ComputeEnvRef::OwnOrPrimary) => match request.compute_env_id.take() {
                Some(own) => Some(own),
                None => Some(workspace.primary_compute_env().await?),
            },
            Some(ComputeEnvRef::NameOrId(env)) => Some(workspace.compute_env(env.clone()).await?),
        };
        let Some(compute_env) = compute_env else {
            return Err(incomplete(format!(
                "{} names no compute environment: call .compute_env(..) with its name, its Id(..) \
                 or ComputeEnvRef::Primary",
                self.pipeline
            )));
        };
        let own_env = base.request.compute_env_id.as_ref();
        let moves = own_env.is_some_and(|own| *own != compute_env);
        let keeps_cache = request.resume == Some(true);
        if moves && self.changes.work_dir.is_none() && !keeps_cache {
            // The pipeline's directory is in storage that another environment may not reach.
            request.work_dir = None;
        }
        if request.work_dir.as_deref().is_none_or(str::is_empty) {
            request.work_dir = match base.compute_env_work_dir.filter(|_| !moves) {
                Some(directory) => Some(directory),
                None => workspace.work_dir_of(&compute_env).await?,
            };
        }
        if request.work_dir.is_none() {
            return Err(incomplete(format!(
                "neither {} nor its compute environment names a work directory: call .work_dir(..)",
                self.pipeline
            )));
        }
        request.compute_env_id = Some(compute_env.clone());
        request.params_text = self.params.merge_over(request.params_text.take()).await?;

        Ok(Prepared {
            source_workspace_id: base.source_workspace_id,
            request,
            labels: self.labels,
            create_labels: self.create_labels,
            workspace,
            compute_env,
        })
    }

    async fn base(&self, workspace: &Workspace, bases: &Bases) -> Result<Base> {
        match &self.pipeline {
            Pipeline::Repository(url) => Ok(Base {
                request: WorkflowLaunchRequest::new().pipeline(url.as_str()),
                ..Base::default()
            }),
            Pipeline::Run { id, resume } => of_run(workspace, id, *resume).await,
            Pipeline::Name(_) | Pipeline::Id(_) => {
                let source = match self.source_workspace.clone() {
                    None => None,
                    Some(source) => self.client.workspace(source).await?.id(),
                };
                let key = (
                    self.pipeline.clone(),
                    self.version.clone(),
                    workspace.id(),
                    source,
                );
                let cell = bases.cell(key);
                let base = cell.get_or_try_init(|| self.of_launchpad(workspace, source));
                base.await.cloned()
            }
        }
    }

    async fn of_launchpad(&self, workspace: &Workspace, source: Option<i64>) -> Result<Base> {
        let pipeline = match (&self.pipeline, source) {
            (Pipeline::Id(pipeline), _) => PipelineId {
                source_workspace_id: source.or(pipeline.source_workspace_id),
                ..*pipeline
            },
            // A name in another workspace than the launch's is looked up there.
            (Pipeline::Name(name), Some(source)) => {
                let found = self.client.workspace(source).await?.pipeline(name).await?;
                let home = found.source_workspace_id.unwrap_or(source);
                PipelineId {
                    source_workspace_id: Some(home).filter(|home| Some(*home) != workspace.id()),
                    ..found
                }
            }
            (Pipeline::Name(name), None) => {
                let found = workspace.pipeline(name).await;
                found.map_err(|error| match name.contains('/') {
                    true => error.noting("a repository goes by its URL, with https://"),
                    false => error,
                })?
            }
            // Neither has a launchpad entry; see `base`.
            (Pipeline::Repository(_) | Pipeline::Run { .. }, _) => return Ok(Base::default()),
        };
        let version = match self.version.clone() {
            Some(version) => Some(workspace.pipeline_version(pipeline, version).await?),
            None => None,
        };
        let reply = (workspace.client.describe_pipeline_launch())
            .pipeline_id(pipeline.id)
            .workspace_id(workspace.id())
            .source_workspace_id(pipeline.source_workspace_id)
            .version_id(version)
            .send()
            .await;
        let reply = reply.inspect_err(|error| {
            if error.is_gone_or_forbidden() {
                // The name may stand for another pipeline by now.
                self.client.forget_names();
            }
        })?;
        let launch = reply.into_inner().launch.unwrap_or_default();
        Ok(Base {
            source_workspace_id: pipeline.source_workspace_id,
            ..Base::of(&launch)?
        })
    }
}

/// All that the launch of a run had, and the labels of the run.
async fn of_run(workspace: &Workspace, id: &str, resume: bool) -> Result<Base> {
    let client = &workspace.client;
    let (run, launch) = futures_util::future::try_join(
        client
            .describe_workflow()
            .workflow_id(id)
            .workspace_id(workspace.id())
            .attributes(["labels", "pipelineInfo"])
            .send(),
        client
            .describe_workflow_launch()
            .workflow_id(id)
            .workspace_id(workspace.id())
            .send(),
    )
    .await
    .map_err(|error| {
        if !has_no_launch(&error) {
            return error;
        }
        let text = format!(
            "run {id} can't be launched again: the Platform has no launch of it, as with runs that \
             were started outside it"
        );
        Error::new(ErrorKind::InvalidRequest, text)
            .in_operation("launch")
            .caused_by(error)
    })?;
    let (run, launch) = (run.into_inner(), launch.into_inner());
    let launch = launch.launch.unwrap_or_default();
    let mut base = Base::of(&launch)?;
    let pipeline = run.pipeline_info.and_then(|info| info.workspace_id);
    base.source_workspace_id = pipeline.filter(|home| Some(*home) != workspace.id());

    let request = &mut base.request;
    if let Some(launch_id) = &launch.id {
        // Only the launch by itself has these. A run that was shared may come without it.
        let reply = client
            .describe_launch()
            .launch_id(launch_id)
            .workspace_id(workspace.id())
            .send()
            .await;
        match reply {
            Ok(reply) => {
                let own = reply.into_inner().launch.unwrap_or_default();
                request.launch_container = own.launch_container;
            }
            Err(error) if error.is_gone_or_forbidden() => {}
            Err(error) => return Err(error),
        }
    }
    let labels = run.labels.unwrap_or_default();
    let labels: Vec<_> = labels.into_iter().filter_map(|label| label.id).collect();
    if !labels.is_empty() {
        request.label_ids = Some(labels);
    }

    request.resume = Some(resume);
    if !resume {
        request.session_id = None;
        return Ok(base);
    }
    let refuse = |why: &str| {
        let text = format!("run {id} can't be resumed: {why}");
        Err(Error::new(ErrorKind::InvalidRequest, text).in_operation("launch"))
    };
    let status = run.workflow.and_then(|workflow| workflow.status);
    if !status.as_ref().is_some_and(crate::runs::run::is_end) {
        let status = status.unwrap_or(crate::types::WorkflowStatus::Unknown);
        return refuse(&format!(
            "it is {status}, and its session in use: cancel it or wait for its end"
        ));
    }
    if request.session_id.is_none() {
        return refuse(
            "it has no Nextflow session, so that it never got to run a task: call .relaunch()",
        );
    }
    // The cache belongs to the commit and the directory that the run came to use.
    if launch.resume_commit_id.is_some() {
        request.commit_id = launch.resume_commit_id;
    }
    if launch.resume_dir.is_some() {
        request.work_dir = launch.resume_dir;
    }
    Ok(base)
}

/// Whether the server says that a run, which is there, was not launched by it.
fn has_no_launch(error: &Error) -> bool {
    error.operation() == Some("describe_workflow_launch")
        && error.error_id().is_none()
        && matches!(
            error.status().map(|status| status.as_u16()),
            Some(400 | 404 | 409)
        )
}

impl Prepared {
    pub(super) async fn preview(self) -> Result<Preview> {
        let mut request = self.request;
        let mut labels_to_create = Vec::new();
        for label in self.labels {
            match (self.workspace.label(label.clone()).await, label) {
                (Ok(id), _) => add(request.label_ids.get_or_insert_default(), id),
                (Err(error), NameOrId::Name(name))
                    if self.create_labels && error.kind() == ErrorKind::NotFound =>
                {
                    add(&mut labels_to_create, name);
                }
                (Err(error), _) => return Err(error),
            }
        }
        Ok(Preview {
            workspace_id: self.workspace.id(),
            source_workspace_id: self.source_workspace_id,
            request,
            labels_to_create,
        })
    }

    /// Sends the launch: once, unless it was refused for the compute environment's sake.
    pub(super) async fn send(self, ready_within: Option<Duration>) -> Result<Run> {
        let mut request = self.request;
        for label in self.labels {
            let id = match label {
                NameOrId::Name(name) if self.create_labels => {
                    self.workspace.label_or_new(&name).await?
                }
                label => self.workspace.label(label).await?,
            };
            add(request.label_ids.get_or_insert_default(), id);
        }
        let patience = ready_within.map(Patience::new);
        let was_ready = match &patience {
            Some(patience) => self.workspace.ready(&self.compute_env, patience).await?,
            None => true,
        };
        let client = &self.workspace.client;
        let body = crate::types::SubmitWorkflowLaunchRequest::new().launch(request);
        let reply = loop {
            let reply = client
                .create_workflow_launch()
                .workspace_id(self.workspace.id())
                .source_workspace_id(self.source_workspace_id)
                .body(body.clone())
                .send()
                .await;
            match (reply, &patience) {
                // An environment that has just become ready is refused for a moment longer.
                (Err(error), Some(patience))
                    if !was_ready && error.may_be_not_ready() && patience.lasts() =>
                {
                    tokio::time::sleep(patience.pause).await;
                }
                (reply, _) => break reply?.into_inner(),
            }
        };
        let id = reply.workflow_id.ok_or_else(|| {
            let text = "the reply names no run, which may have been launched all the same";
            Error::new(ErrorKind::InvalidResponse, text).in_operation("create_workflow_launch")
        })?;
        Ok(client.run(id).workspace(&self.workspace))
    }
}

/// How long to wait for a compute environment.
struct Patience {
    begun: Instant,
    at_most: Duration,
    pause: Duration,
}

impl Patience {
    fn new(at_most: Duration) -> Self {
        Self {
            begun: Instant::now(),
            at_most,
            pause: (at_most / COMPUTE_ENV_LOOKS).min(COMPUTE_ENV_PAUSE),
        }
    }

    /// Whether there is time for another look.
    fn lasts(&self) -> bool {
        self.begun.elapsed() + self.pause <= self.at_most
    }
}

impl Workspace {
    /// Waits until a compute environment takes launches. False if it had to wait.
    async fn ready(&self, id: &str, patience: &Patience) -> Result<bool> {
        let mut at_once = true;
        loop {
            let env = match self.describe_compute_env(id).await {
                Err(error) if error.may_pass() && patience.lasts() => {
                    tracing::warn!(reason = %error, "waiting for a compute environment goes on");
                    at_once = false;
                    tokio::time::sleep(patience.pause).await;
                    continue;
                }
                env => env?,
            };
            let status = env.status.unwrap_or(ComputeEnvStatus::Available);
            let shown = || format!("compute environment {id} is {status}");
            match status {
                ComputeEnvStatus::Available => return Ok(at_once),
                ComputeEnvStatus::Creating | ComputeEnvStatus::Unrecognized(_) => {}
                _ => {
                    let why = env.message.unwrap_or_default();
                    let text = format!("{} and takes no launches. {why}", shown());
                    return Err(Error::new(ErrorKind::NotReached, text).in_operation("launch"));
                }
            }
            at_once = false;
            if !patience.lasts() {
                let text = format!("{} after the time given to become ready", shown());
                return Err(Error::new(ErrorKind::NotReached, text).in_operation("launch"));
            }
            tokio::time::sleep(patience.pause).await;
        }
    }

    async fn work_dir_of(&self, compute_env: &str) -> Result<Option<String>> {
        let directory = self.look_up("work directory", compute_env, async {
            let env = self.describe_compute_env(compute_env).await?;
            let config = serde_json::to_value(&env.config).unwrap_or_default();
            let directory = config["workDir"].as_str().unwrap_or_default();
            Ok(Found::of(directory))
        });
        Ok(Some(directory.await?.id).filter(|directory| !directory.is_empty()))
    }

    /// The id of a label, which is created where there is none.
    async fn label_or_new(&self, name: &str) -> Result<i64> {
        let found = self.look_up("label", name, async {
            match self.find_label(name).await {
                Err(error) if error.kind() == ErrorKind::NotFound => self.new_label(name).await,
                found => found,
            }
        });
        number(found.await?)
    }

    async fn new_label(&self, name: &str) -> Result<Found> {
        let body = CreateLabelRequest::new();
        let body = match name.split_once('=') {
            Some((name, value)) => body.name(name).value(value).resource(true),
            None => body.name(name).resource(false),
        };
        let call = self
            .client
            .create_label()
            .workspace_id(self.id())
            .body(body);
        match call.send().await {
            Ok(reply) => match reply.into_inner().id {
                Some(id) => Ok(Found::of(id)),
                None => self.find_label(name).await,
            },
            // Somebody else may just have created it.
            Err(error)
                if matches!(
                    error.status().map(|status| status.as_u16()),
                    Some(400 | 409)
                ) =>
            {
                self.find_label(name).await.map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    async fn describe_compute_env(&self, id: &str) -> Result<crate::types::ComputeEnvResponseDto> {
        let reply = self
            .client
            .describe_compute_env()
            .compute_env_id(id)
            .workspace_id(self.id())
            .send()
            .await?;
        Ok(reply.into_inner().compute_env.unwrap_or_default())
    }
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn incomplete(message: String) -> Error {
    Error::invalid_request("launch", message)
}
