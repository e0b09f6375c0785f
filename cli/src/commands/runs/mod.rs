//! `runs`: runs of pipelines.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::bulk::{self, Telling};
use super::labelled::{Kind, LabelChange};
use crate::context::{Context, Place};
use crate::exit::{Exit, Result};
use crate::options::{Filter, InWorkspace, Paging, ShowLabels};
use crate::output::{Answer, Column};
use crate::values::{List as Words, choices};

mod dump;
mod logs;
mod metrics;
mod relaunch;
mod select;
mod tasks;
mod view;
mod viewed;
pub mod watch;

use select::{Filters, IN_PLACE_OF_ID, Selection};

/// Runs of pipelines
#[derive(Subcommand, Debug)]
pub enum Runs {
    /// Show a run, its tasks, metrics and files
    View(View),
    /// List runs
    List(List),
    /// Watch runs until they end; the exit status tells whether all succeeded
    Watch(watch::Watch),
    /// Print the log of a run or a task
    Logs(logs::Logs),
    /// Launch runs again
    Relaunch(Box<relaunch::Relaunch>),
    /// Cancel runs
    Cancel(Cancel),
    /// Change the labels of runs
    Labels(ChangeLabels),
    /// Delete the records of runs
    Delete(Delete),
    /// Write everything about a run to an archive
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
    /// Show CPUs and tasks in use
    #[arg(long)]
    load: bool,
    /// Show how efficiently CPUs and memory are used
    #[arg(long)]
    utilization: bool,
    /// Show how much memory each process uses
    #[arg(long)]
    metrics_memory: bool,
    /// Show how much CPU each process uses
    #[arg(long)]
    metrics_cpu: bool,
    /// Show how long each process takes
    #[arg(long)]
    metrics_time: bool,
    /// Show how much each process reads and writes
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
    /// Layout of the tables
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
    filters: Filters,
    /// Only runs of this pipeline: its project (nf-core/rnaseq), repository or name in the launchpad
    #[arg(long, value_name = "PIPELINE")]
    pipeline: Option<String>,
    /// Order of the runs shown: a column or a field of the JSON; with - before it the other way round
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    #[command(flatten)]
    labels: ShowLabels,
    #[command(flatten)]
    paging: Paging,
}

#[derive(Args, Debug)]
pub struct Cancel {
    /// Id of the run
    #[arg(short, long, required_unless_present_any = IN_PLACE_OF_ID)]
    id: Option<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct ChangeLabels {
    /// Id of the run (also -id)
    #[arg(short, value_name = "ID", required_unless_present_any = IN_PLACE_OF_ID)]
    id: Option<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    workspace: InWorkspace,
    #[command(flatten)]
    change: LabelChange,
}

#[derive(Args, Debug)]
pub struct Delete {
    /// Id of the run (also -id)
    #[arg(short, value_name = "ID", required_unless_present_any = IN_PLACE_OF_ID)]
    id: Option<String>,
    #[command(flatten)]
    selection: Selection,
    /// Delete it even if it has not ended
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    workspace: InWorkspace,
}

#[derive(Args, Debug)]
pub struct Dump {
    /// Id of the run (also -id)
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
            Self::Watch(command) => command.run(context).await,
            Self::Logs(command) => command.run(context).await,
            Self::Cancel(command) => command.run(context).await,
            Self::Delete(command) => command.run(context).await,
            Self::Labels(command) => {
                let place = context.place(&command.workspace).await?;
                let ids = command.selection.ids(context, &place, command.id).await?;
                let ids = ids.into_iter().map(Value::from).collect();
                command.change.run(context, &place, Kind::Run, ids).await
            }
        }
    }
}

const OUTCOMES: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Result", "result"),
    Column::new("Error", "error"),
];

/// Does something to one run and tells it as `tw` does, or to many and reports each.
async fn each(
    context: &Context,
    place: &Place<'_>,
    ids: Vec<String>,
    done: &'static str,
    act: impl AsyncFn(&str) -> Result<()>,
) -> Result<Exit> {
    if let [id] = ids.as_slice() {
        act(id).await?;
        let reference = place.reference().await?;
        let text = format!("Pipeline's run '{id}' {done} at {reference} workspace");
        return context.say(json!({"id": id, "workspaceRef": reference}), text);
    }
    let outcomes = bulk::each(context, ids, async |id| {
        act(&id).await?;
        Ok(Value::Null)
    });
    let telling = Telling {
        field: "runs",
        done,
        columns: OUTCOMES,
    };
    bulk::report(context, place, telling, outcomes.await).await
}

impl Cancel {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let ids = self.selection.ids(context, &place, self.id).await?;
        if ids.len() > 1 {
            context.confirm(&format!("Cancel {} runs?", ids.len()))?;
        }
        each(context, &place, ids, "canceled", async |id| {
            let call = context.client()?.cancel_workflow().workflow_id(id);
            call.workspace_id(place.id()).send().await?;
            Ok(())
        })
        .await
    }
}

impl Delete {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let ids = self.selection.ids(context, &place, self.id).await?;
        context.confirm(&match ids.as_slice() {
            [id] => format!("Delete the record of run {id}?"),
            ids => format!("Delete the records of {} runs?", ids.len()),
        })?;
        each(context, &place, ids, "deleted", async |id| {
            let call = context.client()?.delete_workflow().workflow_id(id);
            call.workspace_id(place.id())
                .force(self.force)
                .send()
                .await?;
            Ok(())
        })
        .await
    }
}

impl List {
    async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let project = match &self.pipeline {
            Some(pipeline) => Some(select::project_of(context, &place, pipeline).await?),
            None => None,
        };
        let search = self
            .filters
            .search(self.filter.filter.as_deref(), project.as_deref());
        let call = context.client()?.list_workflows().workspace_id(place.id());
        let call = call.search(search).offset(self.paging.skipped()?);
        let mut call = call.include_total_size(true);
        if self.labels.labels {
            call = call.attributes(["labels"]);
        }
        let mut runs = self.paging.read(call.stream()).await?;
        if let Some(order) = &self.sort {
            runs.sort(order, COLUMNS)?;
        }
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
