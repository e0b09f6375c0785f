//! `runs view tasks` and `task`.

use seqera::types::Task as Found;
use serde_json::{Map, Value, json};

use super::viewed::{Run, facts};
use super::{Task, TaskColumn, Tasks};
use crate::exit::{Exit, Result};
use crate::output::{Answer, Column, Table, Unit, View, without_nulls};

/// The columns of a list of tasks, the usual ones first.
const COLUMNS: [Column; 19] = [
    Column::new("Task id", "taskId"),
    Column::new("Process", "process"),
    Column::new("Tag", "tag"),
    Column::new("Status", "status"),
    Column::new("Hash", "hash"),
    Column::new("Exit", "exit"),
    Column::new("Container", "container"),
    Column::new("Native id", "nativeId"),
    Column::new("Submit", "submit"),
    Column::of(Unit::Milliseconds, "Duration", "duration"),
    Column::of(Unit::Milliseconds, "Realtime", "realtime"),
    Column::of(Unit::Percent, "Pcpu", "pcpu"),
    Column::of(Unit::Percent, "Pmem", "pmem"),
    Column::of(Unit::Bytes, "Peak rss", "peakRss"),
    Column::of(Unit::Bytes, "Peak vmem", "peakVmem"),
    Column::of(Unit::Bytes, "Rchar", "rchar"),
    Column::of(Unit::Bytes, "Wchar", "wchar"),
    Column::new("Vol ctxt", "volCtxt"),
    Column::new("Inv ctxt", "invCtxt"),
];
const USUAL: usize = 4;

pub async fn list(run: &Run<'_>, command: Tasks) -> Result<Exit> {
    let call = run
        .context
        .client()?
        .list_workflow_tasks()
        .workflow_id(run.id);
    let call = call
        .workspace_id(run.place.id())
        .search(command.filter.filter);
    let call = call.offset(command.paging.skipped()?);
    let listed = command.paging.read(call.stream()).await?;
    let more = command.columns.map(|list| list.0).unwrap_or_default();
    let mut names: Vec<&str> = COLUMNS[..USUAL].iter().map(|column| column.path).collect();
    for column in more.iter().map(|column: &TaskColumn| column.as_str()) {
        if !names.contains(&column) {
            names.push(column);
        }
    }
    let mut rows = Vec::new();
    for item in &listed.items {
        let task = serde_json::to_value(&item.task)?;
        let fields = names.iter().filter_map(|name| {
            let value = task.get(*name).filter(|value| !value.is_null())?;
            Some(((*name).to_owned(), value.clone()))
        });
        rows.push(Value::Object(fields.collect()));
    }
    let printer = &run.context.printer;
    let title = format!("Tasks of run {}", run.id);
    let table = Table {
        title,
        rows: rows.clone(),
        columns: &COLUMNS[..USUAL],
        footer: None,
    };
    let view = match (more.is_empty(), printer.columns.is_some()) {
        (false, false) => View::Table(Table {
            columns: leaked(&names),
            ..table
        }),
        _ => View::Table(table),
    };
    run.context.show(&Answer::new(rows.into(), view))
}

/// The columns of these names, for the rest of the program.
fn leaked(names: &[&str]) -> &'static [Column] {
    let chosen = names
        .iter()
        .filter_map(|name| COLUMNS.iter().find(|column| column.path == *name));
    Box::leak(chosen.copied().collect())
}

pub async fn view(run: &Run<'_>, command: Task) -> Result<Exit> {
    let call = run
        .context
        .client()?
        .describe_workflow_task()
        .workflow_id(run.id);
    let call = call.task_id(command.task).workspace_id(run.place.id());
    let task = call.send().await?.task.unwrap_or_default();
    let all = serde_json::to_value(&task)?;
    let Found { task_id, id, .. } = &task;
    let mut value = json!({
        "general": without_nulls(json!({
            "taskId": task_id,
            "id": serde_json::to_value(id).unwrap_or_default(),
            "workDir": task.workdir,
            "status": task.status,
        })),
        "command": task.script,
        "environment": task.env,
    });
    let mut views = vec![View::Facts(facts(&value["general"]))];
    for (name, text) in [("command", &task.script), ("environment", &task.env)] {
        if let Some(text) = text {
            views.push(View::Text(format!("{name}\n{}", text.trim_end())));
        }
    }
    let mut add = |name: &str, fields: Value| {
        views.push(View::Group(name.to_owned(), facts(&fields)));
        value[name] = fields;
    };
    if command.execution_time {
        add(
            "times",
            pick(
                &all,
                &["submit", "start", "complete", "duration", "realtime"],
            ),
        );
    }
    if command.resources_requested {
        let mut fields = pick(
            &all,
            &[
                "container",
                "queue",
                "cpus",
                "memory",
                "disk",
                "time",
                "executor",
                "machineType",
                "cloudZone",
                "priceModel",
                "cost",
            ],
        );
        fields["cost"] = task.cost.unwrap_or_default().into();
        if let Some(cpus) = task.cpus {
            fields["cpus"] = cpus.to_string().into();
        }
        add("resources", fields);
    }
    if command.resources_usage {
        let mut fields = pick(
            &all,
            &[
                "pcpu",
                "rss",
                "peakRss",
                "vmem",
                "peakVmem",
                "rchar",
                "wchar",
                "readBytes",
                "writeBytes",
                "syscr",
                "syscw",
                "volCtxt",
                "invCtxt",
            ],
        );
        fields["pcpu"] = task.pcpu.unwrap_or_default().into();
        for (name, of) in GPU {
            if let Some(value) = all["gpuMetrics"].get(of).filter(|value| !value.is_null()) {
                fields[name] = value.clone();
            }
        }
        add("usage", fields);
    }
    run.context
        .show(&Answer::new(without_nulls(value), View::Parts(views)))
}

/// What is told of graphics processors, and what the API calls it.
const GPU: [(&str, &str); 12] = [
    ("gpuName", "name"),
    ("gpuDriver", "driver"),
    ("gpuTotalMemory", "mem"),
    ("gpuPct", "pct"),
    ("gpuPeak", "peak"),
    ("gpuPctMem", "pctMem"),
    ("gpuPeakMem", "peakMem"),
    ("gpuAvgMem", "avgMem"),
    ("gpuPeakMemUsed", "peakMemUsed"),
    ("gpuAvgMemBwUtil", "avgMemBwUtil"),
    ("gpuPeakMemBwUtil", "peakMemBwUtil"),
    ("gpuActiveTime", "activeTime"),
];

fn pick(value: &Value, names: &[&str]) -> Value {
    let fields = names.iter().filter_map(|name| {
        let value = value.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    Value::Object(fields.collect::<Map<_, _>>())
}
