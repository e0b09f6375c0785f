//! `runs`: runs of pipelines.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use seqera::Id;
use serde_json::json;

use super::labelled::{Kind, LabelChange};
use super::{compute_envs, launch};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::options::{Filter, InWorkspace, LaunchOptions, Paging, Revision, ShowLabels};
use crate::output::{Answer, Column};
use crate::requests::changed;
use crate::values::{List as Words, choices};

mod dump;
mod metrics;
mod tasks;
mod view;

/// Runs of pipelines
#[derive(Subcommand, Debug)]
pub enum Runs {
    /// Show a run, its tasks, metrics and files
    View(View),
    /// List runs
    List(List),
    /// Launch a run again
    Relaunch(Box<Relaunch>),
    /// Cancel a run
    Cancel(Cancel),
    /// Change the labels of a run
    Labels(ChangeLabels),
    /// Delete the record of a run
    Delete(Delete),
    /// Write all there is to know of a run to an archive
    Dump(Dump),
}

#[derive(Args, Debug)]
pub struct View {
    /// Id of the run
    #[arg(short, long)]
    id: String,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    parts: ViewParts,
    #[command(subcommand)]
    command: Option<ViewCommand>,
}

#[derive(Args, Debug)]
struct ViewParts {
    /// Show the configuration
    #[arg(long)]
    config: bool,
    /// Show the parameters
    #[arg(long)]
    params: bool,
    /// Show the command
    #[arg(long = "command")]
    command_line: bool,
    /// Show how many tasks are in which status
    #[arg(long)]
    status: bool,
    /// Show how far each process is
    #[arg(long)]
    processes: bool,
    /// Show times, memory, traffic and cost
    #[arg(long)]
    stats: bool,
    /// Show processors and tasks at work
    #[arg(long)]
    load: bool,
    /// Show how well resources are used
    #[arg(long)]
    utilization: bool,
    /// Show memory of each process
    #[arg(long)]
    metrics_memory: bool,
    /// Show processors of each process
    #[arg(long)]
    metrics_cpu: bool,
    /// Show times of each process
    #[arg(long)]
    metrics_time: bool,
    /// Show reads and writes of each process
    #[arg(long)]
    metrics_io: bool,
}

/// What to show of a run; without it the run itself
#[derive(Subcommand, Debug)]
enum ViewCommand {
    /// Print a file of the run or of a task
    Download(Download),
    /// Show metrics of the processes
    Metrics(Metrics),
    /// List tasks
    Tasks(Tasks),
    /// Show a task
    Task(Task),
}

choices! {
    /// Files of a run.
    FileType {
        Stdout = "stdout",
        Log = "log",
        Timeline = "timeline",
        Stderr = "stderr",
    }
}

#[derive(Args, Debug)]
struct Download {
    /// Which file
    #[arg(long = "type", value_enum, default_value = "stdout")]
    kind: FileType,
    /// Id of the task that the file is of [default: the run's own]
    #[arg(short = 't', value_name = "TASK")]
    task: Option<i64>,
}

choices! {
    /// Metrics.
    MetricType {
        Cpu = "cpu",
        Mem = "mem",
        Time = "time",
        Io = "io",
        Gpu = "gpu",
    }
}

choices! {
    /// Parts of a metric.
    MetricColumn {
        Mean = "mean",
        Min = "min",
        Q1 = "q1",
        Q2 = "q2",
        Q3 = "q3",
        Max = "max",
    }
}

choices! {
    /// How metrics are shown.
    MetricView {
        Expanded = "expanded",
        Condensed = "condensed",
    }
}

#[derive(Args, Debug)]
struct Metrics {
    /// Show only processes whose name contains this text
    #[arg(short, long)]
    filter: Option<String>,
    /// Metrics, separated by commas: cpu, mem, time, io, gpu [default: all]
    #[arg(short = 't', long = "type")]
    kinds: Option<Words<MetricType>>,
    /// Columns, separated by commas: mean, min, q1, q2, q3, max [default: all]
    #[arg(short, long)]
    columns: Option<Words<MetricColumn>>,
    /// How tables look
    #[arg(short, long, value_enum, default_value = "condensed")]
    view: MetricView,
}

choices! {
    /// What a list of tasks tells.
    TaskColumn {
        TaskId = "taskId",
        Process = "process",
        Tag = "tag",
        Status = "status",
        Hash = "hash",
        Exit = "exit",
        Container = "container",
        NativeId = "nativeId",
        Submit = "submit",
        Duration = "duration",
        Realtime = "realtime",
        Pcpu = "pcpu",
        Pmem = "pmem",
        PeakRss = "peakRss",
        PeakVmem = "peakVmem",
        Rchar = "rchar",
        Wchar = "wchar",
        VolCtxt = "volCtxt",
        InvCtxt = "invCtxt",
    }
}

#[derive(Args, Debug)]
struct Tasks {
    /// Columns beside id, process, tag and status, separated by commas: hash, exit, container,
    /// nativeId, submit, duration, realtime, pcpu, pmem, peakRss, peakVmem, rchar, wchar, volCtxt,
    /// invCtxt
    #[arg(short, long)]
    columns: Option<Words<TaskColumn>>,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args, Debug)]
struct Task {
    /// Id of the task
    #[arg(short = 't', value_name = "TASK")]
    task: i64,
    /// Show when it began and how long it took
    #[arg(long)]
    execution_time: bool,
    /// Show what it asked for
    #[arg(long)]
    resources_requested: bool,
    /// Show what it used
    #[arg(long)]
    resources_usage: bool,
}

#[derive(Args, Debug)]
pub struct List {
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    labels: ShowLabels,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args, Debug)]
pub struct Relaunch {
    /// Id of the run
    #[arg(short, long)]
    id: String,
    #[command(flatten)]
    workspace: InWorkspace,
    /// Address of another repository
    #[arg(long)]
    pipeline: Option<String>,
    /// Do all tasks again, instead of resuming the run
    #[arg(long)]
    no_resume: bool,
    /// Name of the new run
    #[arg(short, long)]
    name: Option<String>,
    /// Container that Nextflow runs in
    #[arg(long)]
    launch_container: Option<String>,
    #[command(flatten)]
    options: LaunchOptions,
    #[command(flatten)]
    revision: Revision,
}

#[derive(Args, Debug)]
pub struct Cancel {
    /// Id of the run
    #[arg(short, long)]
    id: String,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct ChangeLabels {
    /// Id of the run (-id too)
    #[arg(short, value_name = "ID")]
    id: String,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    change: LabelChange,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// Id of the run (-id too)
    #[arg(short, value_name = "ID")]
    id: String,
    /// Delete it though it has not ended
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct Dump {
    /// Id of the run (-id too)
    #[arg(short, value_name = "ID")]
    id: String,
    /// Archive to write, .tar.gz or .tar.xz
    #[arg(short, long)]
    output: PathBuf,
    /// Add the logs of the tasks
    #[arg(long)]
    add_task_logs: bool,
    /// Add the Fusion logs of the tasks
    #[arg(long)]
    add_fusion_logs: bool,
    /// Add logs of failed tasks only
    #[arg(long)]
    only_failed: bool,
    /// Show no progress
    #[arg(long)]
    silent: bool,
    #[command(flatten)]
    workspace: InWorkspace,
}

const COLUMNS: &[Column] = &[
    Column::new("Id", "workflow.id"),
    Column::new("Status", "workflow.status"),
    Column::new("Project", "workflow.projectName"),
    Column::new("Run", "workflow.runName"),
    Column::new("User", "workflow.userName"),
    Column::new("Submitted", "workflow.submit"),
    Column::new("Labels", "labels"),
];

impl Runs {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::View(command) => command.run(context).await,
            Self::List(command) => command.run(context).await,
            Self::Relaunch(command) => command.run(context).await,
            Self::Dump(command) => dump::run(context, command).await,
            Self::Labels(ChangeLabels {
                id,
                workspace,
                change,
            }) => {
                let place = context.place(&workspace).await?;
                change.run(context, &place, Kind::Run, id.into()).await
            }
            Self::Cancel(Cancel { id, workspace }) => {
                let place = context.place(&workspace).await?;
                let call = context.client()?.cancel_workflow().workflow_id(&id);
                call.workspace_id(place.id()).send().await?;
                let reference = place.reference().await?;
                let text = format!("Pipeline's run '{id}' canceled at {reference} workspace");
                context.say(json!({"id": id, "workspaceRef": reference}), text)
            }
            Self::Delete(Delete {
                id,
                force,
                workspace,
            }) => {
                let place = context.place(&workspace).await?;
                context.confirm(&format!("Delete the record of run {id}?"))?;
                let call = context.client()?.delete_workflow().workflow_id(&id);
                call.workspace_id(place.id()).force(force).send().await?;
                let reference = place.reference().await?;
                let text = format!("Pipeline's run '{id}' deleted at {reference} workspace");
                context.say(json!({"id": id, "workspaceRef": reference}), text)
            }
        }
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let call = context.client()?.list_workflows().workspace_id(place.id());
        let call = call
            .search(self.filter.filter)
            .offset(self.paging.skipped()?);
        let mut call = call.include_total_size(true);
        if self.labels.labels {
            call = call.attributes(["labels"]);
        }
        let runs = self.paging.read(call.stream()).await?;
        let reference = place.reference().await?;
        let view = runs.table(format!("Pipeline runs at {reference} workspace"), COLUMNS)?;
        let value = json!({
            "workspaceRef": reference,
            "workflows": runs.items,
            "showLabels": self.labels.labels,
        });
        context.show(&Answer::new(value, view))
    }
}

impl Relaunch {
    async fn run(self, context: &Context) -> Result<Exit> {
        if self.options.work_dir.is_some() && !self.no_resume {
            return Err(Failure::failed(
                "Not allowed to change '--work-dir' option when resuming. Use '--no-resume' if you want to relaunch into a different working directory without resuming.",
            ));
        }
        let place = context.place(&self.workspace).await?;
        let run = context.client()?.run(&self.id).workspace(place.id());
        let env = match self.options.compute_env.as_deref() {
            Some(wanted) => {
                let env = compute_envs::to_run_on(context, &place, Some(wanted)).await?;
                Some(Id(env.id.unwrap_or_default()))
            }
            None => None,
        };
        let with = |mut launch: seqera::runs::Launch| {
            if let Some(env) = env.clone() {
                launch = launch.compute_env(env);
            }
            if let Some(folder) = &self.options.work_dir {
                launch = launch.work_dir(folder);
            }
            if let Some(revision) = &self.revision.revision {
                launch = launch.revision(revision);
            }
            launch
        };
        let resumed = match self.no_resume {
            true => None,
            false => match with(run.resume()).preview().await {
                Ok(preview) => Some(preview),
                // Nothing to go on from: it begins anew.
                Err(error) if error.kind() == seqera::ErrorKind::InvalidRequest => {
                    context.note(error.message());
                    None
                }
                Err(error) => return Err(error.into()),
            },
        };
        let preview = match resumed {
            Some(preview) => preview,
            None => with(run.relaunch()).preview().await?,
        };
        let request = preview.request;
        let mut changes = self.options.fields(request.params_text.as_deref())?;
        changes.extend([
            ("runName".to_owned(), self.name.into()),
            ("pipeline".to_owned(), self.pipeline.into()),
            ("launchContainer".to_owned(), self.launch_container.into()),
        ]);
        let request = changed(request, changes.into())?;
        launch::send(context, &place, preview.source_workspace_id, request, None).await
    }
}
