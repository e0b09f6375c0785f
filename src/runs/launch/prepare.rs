//! Everything that comes before a launch is sent.

use std::time::Duration;

use super::base::Bases;
use super::brought::{BROUGHT, Brought, WORK_DIR};
use super::request::with_changes;
use super::{ComputeEnvRef, Launch, Pipeline, Preview, compute_env};
use crate::names::{NameOrId, Workspace};
use crate::poll::poll_until;
use crate::runs::run::Run;
use crate::types::{WorkflowLaunchRequest, WorkflowLaunchResponse};
use crate::{Error, ErrorKind, Result};

/// A launch that is ready to be sent, but for the ids of its labels.
pub(super) struct Prepared {
    workspace: Workspace,
    source_workspace_id: Option<i64>,
    launch: Option<Box<WorkflowLaunchResponse>>,
    request: WorkflowLaunchRequest,
    labels: Vec<NameOrId<i64>>,
    create_labels: bool,
    compute_env: String,
}

/// A launch that is ready to be sent.
pub(super) struct Addressed {
    workspace: Workspace,
    source_workspace_id: Option<i64>,
    request: WorkflowLaunchRequest,
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
        for brought in BROUGHT.into_iter().filter(|brought| self.is_off(brought)) {
            *(brought.of_request)(&mut request) = None;
        }
        if self.changes.revision.is_some() && self.changes.commit_id.is_none() {
            // It is of the revision before, and would be run in place of this one.
            request.commit_id = None;
        }

        let compute_env = match &self.compute_env {
            Some(ComputeEnvRef::NameOrId(env)) => workspace.compute_env(env.clone()).await?,
            Some(ComputeEnvRef::Primary) => workspace.primary(bases).await?,
            None => match request.compute_env_id.take() {
                Some(own) => own,
                None => workspace.primary(bases).await.map_err(|error| match error.kind() {
                    ErrorKind::NotFound => incomplete(format!(
                        "{} names no compute environment, and {}: call .compute_env(..) with its \
                         name or its Id(..)",
                        self.pipeline,
                        error.message()
                    )),
                    _ => error,
                })?,
            },
        };
        let own_env = base.request.compute_env_id.as_ref();
        let is_own = own_env.is_some_and(|own| *own == compute_env);
        let moves = own_env.is_some() && !is_own;
        let keeps_cache = request.resume == Some(true);
        if moves && self.changes.work_dir.is_none() && !keeps_cache {
            // The pipeline's directory is in storage that another environment may not reach.
            request.work_dir = None;
        }
        if request.work_dir.as_deref().is_none_or(str::is_empty) {
            request.work_dir = base.compute_env_work_dir.filter(|_| is_own);
        }
        let mut wanted: Vec<&Brought> = BROUGHT
            .into_iter()
            .filter(|brought| !is_own && self.is_left_to_environment(brought, &mut request))
            .collect();
        if request.work_dir.is_none() {
            wanted.push(&WORK_DIR);
        }
        if !wanted.is_empty() {
            let environment = match &self.described {
                Some(described) if described.0 == compute_env => described.1.clone(),
                _ => workspace.environment(&compute_env, bases).await?,
            };
            for brought in wanted {
                if let Some(value) = environment.get(brought.of_environment) {
                    *(brought.of_request)(&mut request) = Some(value.clone());
                }
            }
        }
        if request.work_dir.is_none() {
            return Err(incomplete(format!(
                "neither {} nor its compute environment names a work directory: call .work_dir(..)",
                self.pipeline
            )));
        }
        request.compute_env_id = Some(compute_env.clone());
        request.params_text = self.params.merge_over(request.params_text.take())?;

        Ok(Prepared {
            source_workspace_id: base.source_workspace_id,
            launch: base.launch,
            request,
            labels: self.labels,
            create_labels: self.create_labels,
            workspace,
            compute_env,
        })
    }
}

impl Launch {
    /// Whether neither the launch nor the pipeline has a value of its own.
    fn is_left_to_environment(
        &self,
        brought: &Brought,
        request: &mut WorkflowLaunchRequest,
    ) -> bool {
        let value = (brought.of_request)(request);
        let is_said = self.is_off(brought) || self.says(brought);
        !is_said && value.as_deref().is_none_or(str::is_empty)
    }
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
            launch: self.launch,
        })
    }

    /// Looks the labels up, or makes them.
    pub(super) async fn addressed(self) -> Result<Addressed> {
        let mut request = self.request;
        for label in self.labels {
            let id = match label {
                NameOrId::Name(name) if self.create_labels => {
                    self.workspace.label_or_new(name).await?
                }
                label => self.workspace.label(label).await?,
            };
            add(request.label_ids.get_or_insert_default(), id);
        }
        Ok(Addressed {
            workspace: self.workspace,
            source_workspace_id: self.source_workspace_id,
            request,
            compute_env: self.compute_env,
        })
    }
}

impl Addressed {
    /// Whether the same would be sent to the same place.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.workspace.id() == other.workspace.id()
            && self.source_workspace_id == other.source_workspace_id
            && self.request == other.request
    }

    /// Sends the launch: once, unless it was refused for the compute environment's sake.
    pub(super) async fn send(&self, ready_within: Option<Duration>) -> Result<Run> {
        let mut rhythm = ready_within.map(compute_env::rhythm);
        let was_ready = match &mut rhythm {
            Some(rhythm) => self.workspace.ready(&self.compute_env, rhythm).await?,
            None => true,
        };
        let client = &self.workspace.client;
        let body = crate::types::SubmitWorkflowLaunchRequest::new().launch(self.request.clone());
        let call = client
            .create_workflow_launch()
            .workspace_id(self.workspace.id())
            .source_workspace_id(self.source_workspace_id)
            .body(body);
        let reply = match &mut rhythm {
            // An environment that has just become ready is refused for a moment longer.
            Some(rhythm) if !was_ready => {
                let mut refused = None;
                let sent = poll_until!(rhythm, {
                    match call.clone().send().await {
                        Err(error) if error.may_be_not_ready() => {
                            refused = Some(error);
                            Ok(None)
                        }
                        reply => reply.map(Some),
                    }
                });
                match (sent?, refused) {
                    (None, Some(refused)) => return Err(refused),
                    (reply, _) => reply.unwrap_or_default(),
                }
            }
            _ => call.send().await?,
        };
        let id = reply.workflow_id.ok_or_else(|| {
            let text = "the reply names no run, which may have been launched all the same";
            Error::new(ErrorKind::InvalidResponse, text).in_operation("create_workflow_launch")
        })?;
        Ok(client.run(id).workspace(&self.workspace))
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
