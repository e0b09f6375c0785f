//! What a launch starts from: a pipeline's launch configuration, a run's launch, or a repository.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::OnceCell;

use super::brought::Environment;
use super::request::Base;
use super::{Launch, Pipeline};
use crate::names::{NameCache, NameOrId, PipelineId, Workspace};
use crate::types::{WorkflowLaunchRequest, WorkflowStatus};
use crate::{Client, Error, ErrorKind, Result};

/// What the launches of one batch share, so that each thing is asked for once.
#[derive(Default)]
pub(super) struct Bases {
    /// Whether names had been looked up before.
    pub names_may_be_old: bool,
    bases: Shared<BaseKey, Base>,
    /// The primary compute environment of each workspace.
    pub primaries: Shared<Option<i64>, String>,
    /// What each compute environment of a workspace brings.
    pub environments: Shared<(Option<i64>, String), Environment>,
    anew: OnceLock<Box<Bases>>,
}

impl Bases {
    pub(super) fn of(client: &Client) -> Self {
        Self {
            names_may_be_old: NameCache::of(client).is_used(),
            ..Self::default()
        }
    }

    /// What is asked for once more, for the launches that were refused with what these have.
    pub(super) fn anew(&self) -> &Self {
        self.anew.get_or_init(Box::default)
    }
}

type BaseKey = (Pipeline, Option<NameOrId<String>>, Option<i64>, Option<i64>);

/// Values by what they are of. A failure is shared too, unless it may pass.
pub(super) struct Shared<K, V>(Mutex<HashMap<K, SharedCell<V>>>);

type SharedCell<V> = Arc<OnceCell<Result<V>>>;

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Shared<K, V> {
    pub(super) async fn get(&self, key: K, ask: impl Future<Output = Result<V>>) -> Result<V> {
        let cell = {
            let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            values.entry(key).or_default().clone()
        };
        let shared = cell.get_or_try_init(|| async {
            match ask.await {
                Err(error) if error.may_pass() => Err(error),
                result => Ok(result),
            }
        });
        match shared.await? {
            Ok(value) => Ok(value.clone()),
            Err(error) => Err(error.repeat()),
        }
    }
}

impl Launch {
    pub(super) async fn base(&self, workspace: &Workspace, bases: &Bases) -> Result<Base> {
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
                // Boxed, as all that is asked for here: a launch is as large as the largest.
                let base = Box::pin(self.of_launchpad(workspace, source));
                bases.bases.get(key, base).await
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
            .await?;
        let launch = reply.launch.unwrap_or_default();
        Ok(Base {
            source_workspace_id: pipeline.source_workspace_id,
            ..Base::of(&launch, launch.compute_env.as_ref())
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
    let (run, launch) = (run, launch);
    let launch = launch.launch.unwrap_or_default();
    let mut base = Base::of(&launch, launch.compute_env.as_ref());
    base.launch = Some(Box::new(launch.clone()));
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
                let own = reply.launch.unwrap_or_default();
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
    if !status.as_ref().is_some_and(WorkflowStatus::is_end) {
        let status = status.unwrap_or(WorkflowStatus::Unknown);
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
