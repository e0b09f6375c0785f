//! `runs view`: a run, and its files.

use seqera::types::{DescribeWorkflowResponse, WorkflowLaunchResponse, WorkflowLoad};
use serde_json::{Map, Value, json};

use super::viewed::{Run, facts};
use super::{Download, FileType, View, ViewCommand, ViewParts, metrics, tasks};
use crate::context::Context;
use crate::exit::{Exit, Failure, Kind, Result};
use crate::output::{Answer, Column, Table, View as Shown, without_nulls};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

impl View {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let run = Run {
            context,
            place: &place,
            id: &self.id,
        };
        match self.command {
            None => run.show(&self.parts).await,
            Some(ViewCommand::Download(command)) => run.download(command).await,
            Some(ViewCommand::Metrics(command)) => metrics::run(&run, command).await,
            Some(ViewCommand::Tasks(command)) => tasks::list(&run, command).await,
            Some(ViewCommand::Task(command)) => tasks::view(&run, command).await,
        }
    }
}

impl Run<'_> {
    async fn show(&self, parts: &ViewParts) -> Result<Exit> {
        let client = self.context.client()?;
        let call = client
            .describe_workflow()
            .workflow_id(self.id)
            .workspace_id(self.place.id());
        let run = call.attributes(["labels"]).send().await?;
        let call = client.describe_workflow_progress().workflow_id(self.id);
        let progress = call.workspace_id(self.place.id()).send().await?;
        let progress = progress.progress.unwrap_or_default();
        let call = client.describe_workflow_launch().workflow_id(self.id);
        let launch = match call.workspace_id(self.place.id()).send().await {
            Ok(reply) => reply.launch.unwrap_or_default(),
            // Runs that were started outside the Platform have none.
            Err(error) if error.is_gone_or_forbidden() || error.is_conflict() => {
                WorkflowLaunchResponse::new()
            }
            Err(error) => return Err(error.into()),
        };
        let load = progress.workflow_progress.clone().unwrap_or_default();
        let general = general(&run, &launch, &load);
        let workflow = run.workflow.unwrap_or_default();
        let mut value = json!({"general": general});
        let mut views = vec![Shown::Facts(facts(&value["general"]))];
        let mut add = |name: &str, part: Value, wanted: bool| {
            if !wanted || part.is_null() {
                return;
            }
            views.push(shown(name, &part, &load, workflow.duration));
            value[name] = part;
        };
        add(
            "configuration_files",
            json!(workflow.config_files),
            parts.config,
        );
        add(
            "configuration_text",
            json!(workflow.config_text),
            parts.config,
        );
        add("parameters", json!(workflow.params), parts.params);
        add("command", json!(workflow.command_line), parts.command_line);
        add("status", status(&load), parts.status);
        let processes = progress.processes_progress.unwrap_or_default();
        let processes: Vec<_> = (processes.iter())
            .map(|one| {
                let done = one.succeeded.unwrap_or(0) + one.cached.unwrap_or(0);
                let others = [one.pending, one.running, one.submitted, one.failed];
                let others: i64 = others.iter().flatten().sum();
                json!({"name": one.process, "completedTasks": done, "totalTasks": done + others})
            })
            .collect();
        add("processes", processes.into(), parts.processes);
        add("stats", stats(&load, workflow.duration), parts.stats);
        add(
            "load",
            without_nulls(json!({
                "peakCpus": load.peak_cpus,
                "loadCpus": load.load_cpus,
                "peakTasks": load.peak_tasks,
                "loadTasks": load.load_tasks,
            })),
            parts.load,
        );
        add(
            "utilization",
            without_nulls(json!({
                "memoryEfficiency": load.memory_efficiency,
                "cpuEfficiency": load.cpu_efficiency,
            })),
            parts.utilization,
        );
        let wanted = [
            (parts.metrics_memory, super::MetricType::Mem),
            (parts.metrics_cpu, super::MetricType::Cpu),
            (parts.metrics_time, super::MetricType::Time),
            (parts.metrics_io, super::MetricType::Io),
        ];
        if wanted.iter().any(|(wanted, _)| *wanted) {
            let all = match metrics::of(self, &super::Metrics::all()).await {
                // They are there when the run has ended.
                Err(failure) if failure.kind() == Kind::NotFound => Map::new(),
                all => all?,
            };
            for (wanted, kind) in wanted {
                let name = metrics::field(kind);
                add(name, all.get(name).cloned().unwrap_or_default(), wanted);
            }
        }
        self.context.show(&Answer::new(value, Shown::Parts(views)))
    }

    async fn download(&self, command: Download) -> Result<Exit> {
        let client = self.context.client()?;
        let kind = command.kind;
        let mut content = match command.task {
            Some(task) => {
                let name = match kind {
                    FileType::Stdout => ".command.out",
                    FileType::Log => ".command.log",
                    FileType::Stderr => ".command.err",
                    FileType::Timeline => {
                        return Err(Failure::failed("Timeline file is not available for tasks"));
                    }
                };
                let call = client.download_workflow_task_log().workflow_id(self.id);
                let call = call
                    .task_id(task)
                    .file_name(name)
                    .workspace_id(self.place.id());
                call.send().await?
            }
            None => {
                let name = match kind {
                    FileType::Stdout => format!("nf-{}.txt", self.id),
                    FileType::Log => format!("nf-{}.log", self.id),
                    FileType::Timeline => format!("timeline-{}.html", self.id),
                    FileType::Stderr => {
                        return Err(Failure::failed(
                            "Error file is not available for pipeline's runs",
                        ));
                    }
                };
                let call = client.download_workflow_log().workflow_id(self.id);
                call.file_name(name)
                    .workspace_id(self.place.id())
                    .send()
                    .await?
            }
        };
        let mut bytes = Vec::new();
        while let Some(part) = content.try_next().await? {
            bytes.extend_from_slice(&part);
        }
        let value = json!({kind.as_str(): String::from_utf8_lossy(&bytes)});
        self.context
            .show(&Answer::new(value, Shown::Content(bytes)))
    }
}

fn general(
    run: &DescribeWorkflowResponse,
    launch: &WorkflowLaunchResponse,
    load: &WorkflowLoad,
) -> Value {
    let workflow = run.workflow.clone().unwrap_or_default();
    let env = launch.compute_env.as_ref().and_then(|env| env.name.clone());
    let labels = run
        .labels
        .iter()
        .flatten()
        .map(|label| match (&label.name, &label.value) {
            (Some(name), Some(value)) => format!("{name}={value}"),
            (name, _) => name.clone().unwrap_or_default(),
        });
    let labels: Vec<_> = labels.collect();
    without_nulls(json!({
        "id": workflow.id,
        "operationId": workflow.operation_id,
        "runName": workflow.run_name,
        "startingDate": workflow.start,
        "commitId": workflow.commit_id,
        "sessionId": workflow.session_id,
        "username": workflow.user_name,
        "workdir": workflow.work_dir,
        "container": workflow.container,
        "executors": load.executors.as_ref().map(|names| names.join(", ")),
        "computeEnv": env.unwrap_or_else(|| "-".to_owned()),
        "nextflowVersion": workflow.nextflow.and_then(|nextflow| nextflow.version),
        "status": workflow.status,
        "labels": (!labels.is_empty()).then(|| labels.join(",")),
    }))
}

const PROCESSES: &[Column] = &[
    Column::new("Process", "name"),
    Column::new("Completed", "completedTasks"),
    Column::new("Tasks", "totalTasks"),
];

/// A part of a run, for people.
fn shown(name: &str, part: &Value, load: &WorkflowLoad, duration: Option<i64>) -> Shown {
    let title = name.replace('_', " ");
    match (name, part) {
        (_, Value::String(text)) => Shown::Text(format!("{title}\n{}", text.trim_end())),
        ("processes", Value::Array(rows)) => Shown::Table(Table {
            title,
            rows: rows.clone(),
            columns: PROCESSES,
            footer: None,
        }),
        // The JSON has minutes, hours and GiB.
        ("stats", _) => {
            let counted = json!({
                "wallTime": duration,
                "cpuTime": load.cpu_time,
                "totalMemory": load.memory_rss,
                "read": load.read_bytes,
                "write": load.write_bytes,
                "cost": load.cost,
            });
            Shown::Group(title, facts(&without_nulls(counted)))
        }
        ("status" | "load" | "utilization", part) => Shown::Group(title, facts(part)),
        (_, part) => Shown::Text(format!("{title}\n{part:#}")),
    }
}

fn status(load: &WorkflowLoad) -> Value {
    without_nulls(json!({
        "pending": load.pending,
        "submitted": load.submitted,
        "running": load.running,
        "cached": load.cached,
        "succeeded": load.succeeded,
        "failed": load.failed,
    }))
}

fn stats(load: &WorkflowLoad, duration: Option<i64>) -> Value {
    let gib = |bytes: Option<i64>| bytes.map(|bytes| bytes as f64 / GIB);
    without_nulls(json!({
        "wallTime": duration.map(|ms| ms as f64 / 60_000.0),
        "cpuTime": load.cpu_time.map(|ms| (ms / 60_000) as f64 / 60.0),
        "totalMemory": gib(load.memory_rss),
        "read": gib(load.read_bytes),
        "write": gib(load.write_bytes),
        "cost": load.cost,
    }))
}
