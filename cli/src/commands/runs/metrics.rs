//! `runs view metrics`: what processes used.

use seqera::types::{ResourceData, WorkflowMetrics};
use serde_json::{Map, Value, json};

use super::viewed::Run;
use super::{MetricColumn, MetricType, MetricView, Metrics};
use crate::exit::{Exit, Result};
use crate::output::{Answer, Column, Table, Unit, View, without_nulls};

type Part = fn(&WorkflowMetrics) -> Option<&ResourceData>;

/// A metric, its field, and the parts that it has.
type Row = (MetricType, &'static str, &'static [(&'static str, Part)]);

const METRICS: [Row; 5] = [
    (
        MetricType::Mem,
        "metricsMemory",
        &[
            ("memRaw", |it| it.mem.as_ref()),
            ("memVirtual", |it| it.vmem.as_ref()),
            ("memUsage", |it| it.mem_usage.as_ref()),
        ],
    ),
    (
        MetricType::Cpu,
        "metricsCpu",
        &[
            ("cpuRaw", |it| it.cpu.as_ref()),
            ("cpuUsage", |it| it.cpu_usage.as_ref()),
        ],
    ),
    (
        MetricType::Time,
        "metricsTime",
        &[
            ("timeRaw", |it| it.time.as_ref()),
            ("timeUsage", |it| it.time_usage.as_ref()),
        ],
    ),
    (
        MetricType::Io,
        "metricsIo",
        &[
            ("reads", |it| it.reads.as_ref()),
            ("writes", |it| it.writes.as_ref()),
        ],
    ),
    (
        MetricType::Gpu,
        "metricsGpu",
        &[
            ("gpuUsage", |it| it.gpu_usage.as_ref()),
            ("gpuMemPeak", |it| it.gpu_mem_peak.as_ref()),
            ("gpuMemAvg", |it| it.gpu_mem_avg.as_ref()),
        ],
    ),
];

/// Each row has its own.
const UNIT: Unit = Unit::InField("unit");

const COLUMNS: &[Column] = &[
    Column::new("Process", "process"),
    Column::new("Metric", "metric"),
    Column::of(UNIT, "Min", "min"),
    Column::of(UNIT, "Q1", "q1"),
    Column::of(UNIT, "Q2", "q2"),
    Column::of(UNIT, "Q3", "q3"),
    Column::of(UNIT, "Max", "max"),
    Column::of(UNIT, "Mean", "mean"),
];

impl Metrics {
    /// All there are.
    pub fn all() -> Self {
        Self {
            filter: None,
            kinds: None,
            columns: None,
            view: MetricView::Condensed,
        }
    }
}

/// The field that a metric is told in.
pub fn field(kind: MetricType) -> &'static str {
    let mut all = METRICS.iter();
    all.find(|(other, ..)| *other == kind)
        .map_or("", |(_, field, _)| field)
}

/// The metrics that were asked for, as they are told.
pub async fn of(run: &Run<'_>, wanted: &Metrics) -> Result<Map<String, Value>> {
    let call = run
        .context
        .client()?
        .describe_workflow_metrics()
        .workflow_id(run.id);
    let reply = call.workspace_id(run.place.id()).send().await?;
    let fits = |process: &WorkflowMetrics| match (&wanted.filter, &process.process) {
        (Some(text), Some(name)) => name.contains(text.as_str()),
        (Some(_), None) => false,
        (None, _) => true,
    };
    let processes: Vec<_> = reply.metrics.into_iter().flatten().filter(fits).collect();
    let mut told = Map::new();
    for (kind, field, parts) in METRICS {
        if wanted
            .kinds
            .as_ref()
            .is_some_and(|kinds| !kinds.0.contains(&kind))
        {
            continue;
        }
        let mut list = Vec::new();
        for process in &processes {
            let mut values = Map::new();
            for (name, part) in parts {
                if let Some(data) = part(process) {
                    values.insert((*name).to_owned(), columns(data, wanted)?);
                }
            }
            // Few processes use graphics processors.
            if !values.is_empty() {
                let name = process.process.clone().unwrap_or_default();
                list.push(json!({name: values}));
            }
        }
        if !list.is_empty() {
            told.insert(field.to_owned(), list.into());
        }
    }
    Ok(told)
}

fn columns(data: &ResourceData, wanted: &Metrics) -> Result<Value> {
    let mut value = without_nulls(serde_json::to_value(data)?);
    if let Value::Object(fields) = &mut value {
        let known = ["min", "q1", "q2", "q3", "max", "mean"];
        fields.retain(|name, _| match &wanted.columns {
            Some(columns) => columns
                .0
                .iter()
                .any(|column: &MetricColumn| column.as_str() == name),
            None => known.contains(&name.as_str()),
        });
    }
    Ok(value)
}

pub async fn run(run: &Run<'_>, command: Metrics) -> Result<Exit> {
    let told = of(run, &command).await?;
    let mut views = Vec::new();
    let expanded = command.view == MetricView::Expanded;
    for (_, field, _) in METRICS {
        let Some(list) = told.get(field).and_then(Value::as_array) else {
            continue;
        };
        let mut rows = Vec::new();
        for (process, metric, values) in entries(list) {
            let mut row = values.clone();
            row["process"] = process.into();
            row["metric"] = metric.into();
            row["unit"] = unit_of(metric).into();
            rows.push(row);
        }
        let title = match expanded {
            true => format!("{field}, process by process"),
            false => field.to_owned(),
        };
        views.push(View::Table(Table {
            title,
            rows,
            columns: COLUMNS,
            footer: None,
        }));
    }
    run.context
        .show(&Answer::new(told.into(), View::Parts(views)))
}

/// What the numbers of a part count.
fn unit_of(part: &str) -> Option<&'static str> {
    match part {
        "memRaw" | "memVirtual" | "reads" | "writes" => Some("bytes"),
        "timeRaw" => Some("ms"),
        "memUsage" | "cpuRaw" | "cpuUsage" | "timeUsage" | "gpuUsage" => Some("%"),
        _ => None,
    }
}

/// Process, part and values of each entry.
fn entries(list: &[Value]) -> impl Iterator<Item = (&str, &str, &Value)> {
    let processes = list.iter().filter_map(Value::as_object).flatten();
    processes.flat_map(|(process, parts)| {
        let parts = parts.as_object().into_iter().flatten();
        parts.map(move |(part, values)| (process.as_str(), part.as_str(), values))
    })
}
