//! Launching pipelines: from the pipeline's own launch configuration, with the caller's changes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::names::{NameOrId, PipelineId};
use crate::runs::run::Run;
use crate::transport::response::awaited_is_sent;
use crate::types::{
    ComputeEnvDetails, WorkflowLaunchRequest, WorkflowLaunchRequestSyntaxParser,
    WorkflowLaunchResponse,
};
use crate::wire::setting::{Setting, SettingTexts};
use crate::{Client, Nullable, Result, WorkspaceRef};

mod base;
mod brought;
mod bulk;
mod compute_env;
mod params;
mod prepare;
mod request;

pub use bulk::LaunchStream;

use base::Bases;
use brought::{Brought, CONFIG, Environment, POST_RUN_SCRIPT, PRE_RUN_SCRIPT};
use params::Params;
use prepare::Addressed;

/// What to launch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Pipeline {
    /// A launchpad pipeline by its name.
    Name(String),
    /// A launchpad pipeline by its id: nothing is looked up.
    Id(PipelineId),
    /// A Git repository, without a launchpad pipeline.
    Repository(String),
    /// What a run was launched with.
    #[doc(hidden)]
    Run {
        /// The run.
        id: String,
        /// Whether to take up its session.
        resume: bool,
    },
}

impl From<&str> for Pipeline {
    /// A URL is a repository, other text a name.
    fn from(text: &str) -> Self {
        if text.contains("://") || text.starts_with("git@") {
            Self::Repository(text.to_owned())
        } else {
            Self::Name(text.to_owned())
        }
    }
}

impl From<&String> for Pipeline {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for Pipeline {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl<T: Into<i64>> From<crate::Id<T>> for Pipeline {
    fn from(id: crate::Id<T>) -> Self {
        Self::from(id.0.into())
    }
}

impl Pipeline {
    fn of_id(id: i64) -> Self {
        Self::Id(PipelineId {
            id,
            source_workspace_id: None,
        })
    }
}

crate::wire::argument::from_integers!(Pipeline: Self::of_id);

impl From<PipelineId> for Pipeline {
    fn from(id: PipelineId) -> Self {
        Self::Id(id)
    }
}

impl fmt::Display for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "pipeline `{name}`"),
            Self::Id(pipeline) => write!(f, "pipeline {}", pipeline.id),
            Self::Repository(url) => write!(f, "a launch of {url}"),
            Self::Run { id, .. } => write!(f, "the launch of run {id}"),
        }
    }
}

/// Which compute environment to run in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ComputeEnvRef {
    /// The workspace's primary one.
    Primary,
    /// This one.
    NameOrId(NameOrId<String>),
}

impl<T: Into<NameOrId<String>>> From<T> for ComputeEnvRef {
    fn from(name_or_id: T) -> Self {
        Self::NameOrId(name_or_id.into())
    }
}

/// A launch, as [`Launch::send`] would send it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Preview {
    /// Where the run will be; `None` is the personal context.
    pub workspace_id: Option<i64>,
    /// The workspace that shares the pipeline, if another one does.
    pub source_workspace_id: Option<i64>,
    /// The launch.
    pub request: WorkflowLaunchRequest,
    /// Labels that don't exist yet: they are created before, and their ids added to the request.
    pub labels_to_create: Vec<String>,
    /// What a run was launched with, where it is one that is launched again.
    pub launch: Option<Box<WorkflowLaunchResponse>>,
}

impl Client {
    /// A launch of a pipeline: by its launchpad name, its id, or the URL of a repository.
    ///
    /// It starts from the pipeline's own launch configuration, all of it, and changes what is set
    /// here. By name it takes five calls, two once the names are known.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let run = client
    ///     .launch("nf-core-rnaseq")
    ///     .workspace("acme/research")
    ///     .param("input", "s3://acme-sequencing/batch-07.csv")
    ///     .profiles(["docker"])
    ///     .label("batch-07")
    ///     .create_labels()
    ///     .send()
    ///     .await?;
    /// println!("{}", run.id());
    /// # Ok(()) }
    /// ```
    pub fn launch(&self, pipeline: impl Into<Pipeline>) -> Launch {
        Launch {
            client: self.clone(),
            pipeline: pipeline.into(),
            workspace: WorkspaceRef::OfClient,
            source_workspace: None,
            version: None,
            changes: WorkflowLaunchRequest::new(),
            said: BTreeMap::new(),
            params: Params::default(),
            compute_env: None,
            described: None,
            ready_within: None,
            labels: Vec::new(),
            create_labels: false,
            mistake: None,
        }
    }
}

impl Run {
    /// The same launch again, from the start: with all that this run's had, its labels included.
    /// Change what is to be different and send it. The run is looked for in the workspace of the
    /// launch too: another [`workspace`](Launch::workspace) does not take it there.
    ///
    /// # Errors
    /// [`Launch::send`] says so where the run was not launched by the Platform.
    pub fn relaunch(&self) -> Launch {
        self.again(false)
    }

    /// The same launch again, taking from the run's cache the results of tasks that have not
    /// changed (Nextflow's `-resume`).
    ///
    /// # Errors
    /// [`Launch::send`] says why the run can't be resumed: it was not launched by the Platform, has
    /// not ended yet, or has no session. Nothing is launched then.
    pub fn resume(&self) -> Launch {
        self.again(true)
    }

    fn again(&self, resume: bool) -> Launch {
        let id = self.id().to_owned();
        let launch = self.client.launch(Pipeline::Run { id, resume });
        launch.workspace(self.workspace.clone())
    }
}

/// A launch in the making: see [`Client::launch`].
///
/// What is not set stays as the pipeline has it.
#[derive(Clone)]
#[must_use = "nothing is launched until `send` is called"]
pub struct Launch {
    client: Client,
    pipeline: Pipeline,
    workspace: WorkspaceRef,
    source_workspace: Option<WorkspaceRef>,
    version: Option<NameOrId<String>>,
    changes: WorkflowLaunchRequest,
    /// What was said of what an environment may bring, by its name there.
    said: BTreeMap<&'static str, Nullable<String>>,
    params: Params,
    compute_env: Option<ComputeEnvRef>,
    /// What is known of it already.
    described: Option<Box<(String, Environment)>>,
    ready_within: Option<Duration>,
    labels: Vec<NameOrId<i64>>,
    create_labels: bool,
    /// The caller's first, reported when sent.
    mistake: Option<String>,
}

awaited_is_sent!(Launch => Run);

/// Where, and what.
impl Launch {
    /// The workspace to run in. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// The workspace that shares the launchpad pipeline. Needed with the id of a shared pipeline, or where
    /// several workspaces share one of this name.
    pub fn source_workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.source_workspace = Some(workspace.into());
        self
    }

    /// The version of a launchpad pipeline, by name or `Id`. Default: its default version.
    pub fn version<M>(mut self, version: impl Setting<NameOrId<String>, M>) -> Self {
        self.version = version.setting();
        self
    }

    /// The compute environment to run in.
    ///
    /// Default: the pipeline's, or else the workspace's primary one.
    ///
    /// Another one than the pipeline's comes with its own work directory, unless
    /// [`work_dir`](Self::work_dir) says where to work; and with its pre-run script, post-run script
    /// and Nextflow configuration, where neither the launch nor the pipeline has one. (The web form
    /// and `tw` add them as well; the server doesn't.)
    pub fn compute_env<M>(mut self, compute_env: impl Setting<ComputeEnvRef, M>) -> Self {
        self.compute_env = compute_env.setting();
        self
    }

    /// As [`compute_env`](Self::compute_env), for one that was described: nothing is asked of it
    /// again.
    pub fn described_compute_env(mut self, compute_env: &ComputeEnvDetails) -> Self {
        let id = compute_env.id.clone().unwrap_or_default();
        let brought = brought::brought_by(compute_env);
        self.described = Some(Box::new((id.clone(), brought)));
        self.compute_env(crate::Id(id))
    }

    /// Waits until the compute environment is ready, for so long at most. Default: the Platform
    /// refuses the launch with 400 while it is being created.
    pub fn wait_for_compute_env(mut self, at_most: Duration) -> Self {
        self.ready_within = Some(at_most);
        self
    }

    /// Adds a label to the run: its id, `name`, or `name=value` for a resource label.
    pub fn label(mut self, label: impl Into<NameOrId<i64>>) -> Self {
        self.labels.push(label.into());
        self
    }

    /// Adds labels to the run.
    pub fn labels(mut self, labels: impl IntoIterator<Item: Into<NameOrId<i64>>>) -> Self {
        self.labels.extend(labels.into_iter().map(Into::into));
        self
    }

    /// Creates the labels that don't exist. Default: they are an error.
    pub fn create_labels(mut self) -> Self {
        self.create_labels = true;
        self
    }
}

/// Parameters: those of the pipeline, over them files, maps and single ones, in this order. A later
/// value replaces an earlier one of the same name as a whole, also where both are maps.
impl Launch {
    /// Sets a parameter.
    pub fn param(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        let result = self.params.single(name.into(), value);
        self.note(result);
        self
    }

    /// Sets a parameter for each entry of a map, or each field of a struct.
    pub fn params(mut self, values: impl Serialize) -> Self {
        let result = self.params.map(values);
        self.note(result);
        self
    }

    /// Takes parameters from a local JSON or YAML file, read when the launch is sent. May be
    /// called for several files.
    ///
    /// Numbers go through as they are written. YAML is read as Nextflow reads it; what YAML 1.1 and
    /// 1.2 read differently (`yes`, `0123`, `1_000`, `1:30`, `2024-01-01`) is an error that says what
    /// to do, and so is a name that is there twice. A file that ends in `.json` is read as JSON. The
    /// path `-` is standard input; any other must be a regular file, of 10 MiB at most.
    pub fn params_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.params.file(path.into());
        self
    }

    fn note(&mut self, result: Result<(), String>) {
        if let Err(mistake) = result {
            self.mistake.get_or_insert(mistake);
        }
    }
}

macro_rules! settings {
    ($($(#[$doc:meta])* $setter:ident: $type:ty => $field:ident;)*) => {
        /// Settings of the run: a value, or an [`Option`] of one, of which `None` says nothing.
        impl Launch {$(
            $(#[$doc])*
            pub fn $setter<M>(mut self, value: impl Setting<$type, M>) -> Self {
                self.changes.$field = value.setting();
                self
            }
        )*}
    };
}

macro_rules! nullable_settings {
    ($($(#[$doc:meta])* $setter:ident: $type:ty => $field:ident;)*) => {
        /// Settings of the run that can be none: a value, an [`Option`] of one, or `Null`.
        impl Launch {$(
            $(#[$doc])*
            pub fn $setter(mut self, value: impl Into<Nullable<$type>>) -> Self {
                self.changes.$field = value.into();
                self
            }
        )*}
    };
}

settings! {
    /// The directory of intermediate files, such as `s3://acme-work/runs`.
    work_dir: String => work_dir;
    /// The branch, tag or commit of the repository. The commit that the pipeline, or the run, is
    /// pinned to is of its own revision: it does not stay.
    revision: String => revision;
    /// The commit that the revision is pinned to.
    commit: String => commit_id;
    /// The name of the run; the Platform makes one up otherwise.
    run_name: String => run_name;
    /// Reports to show with the run, as the text of a `tower.yml`.
    tower_config: String => tower_config;
    /// The named workflow to run (Nextflow's `-entry`).
    entry: String => entry_name;
    /// The script to run in place of `main.nf`.
    main_script: String => main_script;
    /// The repository's file with the schema of the parameters.
    schema_name: String => schema_name;
    /// The stored schema of the parameters, by its id.
    schema_id: i64 => pipeline_schema_id;
    /// CPUs for the Nextflow head job.
    head_job_cpus: i64 => head_job_cpus;
    /// Memory for the Nextflow head job, in megabytes.
    head_job_memory_mb: i64 => head_job_memory_mb;
    /// Whether to fetch the newest commit of the revision (Nextflow's `-latest`).
    pull_latest: bool => pull_latest;
    /// Whether processes run their stub (Nextflow's `-stub-run`).
    stub_run: bool => stub_run;
    /// The container image to run Nextflow in.
    launch_container: String => launch_container;
    /// The resource optimization to apply, by its id.
    optimization: String => optimization_id;
    /// What the resource optimization covers.
    optimization_targets: String => optimization_targets;
}

nullable_settings! {
    /// The directory of workflow outputs (Nextflow's `-output-dir`); `Null` leaves it to the
    /// pipeline.
    output_dir: String => output_dir;
    /// The Nextflow version; `Null` leaves it to the Platform.
    nextflow_version: String => nextflow_version;
    /// Nextflow's language parser, `v1` or `v2`; `Null` leaves it to Nextflow.
    syntax_parser: WorkflowLaunchRequestSyntaxParser => syntax_parser;
}

/// What a compute environment may bring: see [`Launch::compute_env`].
impl Launch {
    /// Nextflow configuration, in the syntax of `nextflow.config`, in place of the pipeline's and the
    /// compute environment's; `Null` for none.
    pub fn config(self, value: impl Into<Nullable<String>>) -> Self {
        self.bring(&CONFIG, value.into())
    }

    /// The script that runs before Nextflow starts, in place of the pipeline's and the compute
    /// environment's; `Null` for none. Seqera Cloud takes 1024 bytes at most.
    pub fn pre_run_script(self, value: impl Into<Nullable<String>>) -> Self {
        self.bring(&PRE_RUN_SCRIPT, value.into())
    }

    /// The script that runs after Nextflow has ended, in place of the pipeline's and the compute
    /// environment's; `Null` for none. Seqera Cloud takes 1024 bytes at most.
    pub fn post_run_script(self, value: impl Into<Nullable<String>>) -> Self {
        self.bring(&POST_RUN_SCRIPT, value.into())
    }

    fn bring(mut self, brought: &Brought, value: Nullable<String>) -> Self {
        self.said.insert(brought.of_environment, value.clone());
        *(brought.of_request)(&mut self.changes) = value.into_option();
        self
    }

    /// Whether it is to be left out, whoever else has it.
    fn is_off(&self, brought: &Brought) -> bool {
        self.said(brought).is_null()
    }

    fn says(&self, brought: &Brought) -> bool {
        self.said(brought).is_some()
    }

    fn said(&self, brought: &Brought) -> &Nullable<String> {
        self.said
            .get(brought.of_environment)
            .unwrap_or(&Nullable::Absent)
    }
}

impl Launch {
    /// The Nextflow configuration profiles, in place of the pipeline's.
    pub fn profiles<M>(mut self, profiles: impl SettingTexts<String, M>) -> Self {
        self.changes.config_profiles = profiles.setting_texts();
        self
    }

    /// The names of the user's own secrets that the run may read, in place of the pipeline's.
    pub fn user_secrets<M>(mut self, names: impl SettingTexts<String, M>) -> Self {
        self.changes.user_secrets = names.setting_texts();
        self
    }

    /// The names of the workspace's secrets that the run may read, in place of the pipeline's.
    pub fn workspace_secrets<M>(mut self, names: impl SettingTexts<String, M>) -> Self {
        self.changes.workspace_secrets = names.setting_texts();
        self
    }

    /// Takes up the Nextflow session of an earlier run (Nextflow's `-resume`). To repeat that run
    /// with all it had, use [`Run::resume`].
    pub fn resume_session<M>(mut self, session_id: impl Setting<String, M>) -> Self {
        self.changes.session_id = session_id.setting();
        self.changes.resume = self.changes.session_id.is_some().then_some(true);
        self
    }

    /// Works out what [`send`](Self::send) would send, and sends nothing: no label is created.
    ///
    /// # Errors
    /// As `send`, but for the launch itself.
    pub async fn preview(mut self) -> Result<Preview> {
        self.params.read_files().await?;
        let bases = Bases::of(&self.client);
        self.prepare(&bases).await?.preview().await
    }

    /// Launches. It is sent once: after a timeout or a broken connection look at the runs of the
    /// workspace before sending it again. Where the Platform refuses it and names in it were looked up
    /// for earlier calls, they are looked up anew, and what they stand for now is tried.
    ///
    /// # Errors
    /// Before anything is sent: a name is unknown or ambiguous; a compute environment or work
    /// directory is missing; a parameter file can't be read ([`ErrorKind::Io`]); the run can't be
    /// launched again or resumed; the compute environment takes no launches, or not within the time
    /// given to it ([`ErrorKind::NotReached`]). After it: the Platform refuses the launch, where
    /// [`Error::details`](crate::Error::details) may list what is wrong with it.
    ///
    /// [`ErrorKind::Io`]: crate::ErrorKind::Io
    /// [`ErrorKind::NotReached`]: crate::ErrorKind::NotReached
    pub async fn send(self) -> Result<Run> {
        let bases = Bases::of(&self.client);
        self.send_sharing(&bases).await
    }

    async fn send_sharing(mut self, bases: &Bases) -> Result<Run> {
        self.params.read_files().await?;
        let ready_within = self.ready_within;
        let again = bases.names_may_be_old.then(|| self.clone());
        let (sent, refusal) = match self.addressed(bases).await {
            Ok(launch) => match Box::pin(launch.send(ready_within)).await {
                Ok(run) => return Ok(run),
                Err(refusal) => (Some(launch), refusal),
            },
            Err(refusal) => (None, refusal),
        };
        // What was found for an earlier call may be gone, or have another id by now. The same is not
        // sent again.
        if let Some(again) = again.filter(|_| refusal.refuses_what_is_named()) {
            let launch = again.addressed(bases.anew()).await?;
            if !sent.is_some_and(|sent| sent.is_same_as(&launch)) {
                return Box::pin(launch.send(ready_within)).await;
            }
        }
        Err(refusal)
    }

    /// Works out what to send. Boxed, so that what awaits a launch is not as large as all that one may
    /// have to do.
    async fn addressed(self, bases: &Bases) -> Result<Addressed> {
        let prepared = Box::pin(self.prepare(bases)).await?;
        Box::pin(prepared.addressed()).await
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("pipeline", &self.pipeline)
            .field("workspace", &self.workspace)
            .finish_non_exhaustive()
    }
}
