//! How a run goes from SUBMITTED to its end. Everything a caller can see of it (tasks, progress,
//! metrics, logs) follows from the run and the share of its life that is over, so that no call
//! can contradict another.

mod output;
pub mod report;

use serde_json::{Value, json};

use super::recipes::{Process, Recipe, recipe};
use crate::state::{Millis, Outcome, Progress, Run, State, fraction, iso, mix};

/// The share of a life that is spent waiting for the compute environment.
const WAITING: f64 = 0.1;
/// The share at which the last task is over.
const TASKS_OVER: f64 = 0.97;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Submitted,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

impl Stage {
    fn of(run: &Run, lived: f64) -> Self {
        if let Some(report) = &run.report {
            return match (run.cancelled, report.completed, report.begun) {
                (Some(_), _, _) => Self::Cancelled,
                (None, true, _) if report.workflow.get("success") == Some(&json!(false)) => {
                    Self::Failed
                }
                (None, true, _) => Self::Succeeded,
                (None, false, true) => Self::Running,
                (None, false, false) => Self::Submitted,
            };
        }
        match (run.cancelled, run.outcome) {
            (Some(_), _) => Self::Cancelled,
            _ if lived < WAITING => Self::Submitted,
            _ if lived < 1.0 => Self::Running,
            (None, Outcome::Failed) => Self::Failed,
            (None, _) => Self::Succeeded,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
        }
    }

    pub fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// Runs that have not ended.
pub fn active_runs(state: &State) -> impl Iterator<Item = &Run> {
    let now = state.now();
    (state.runs.iter()).filter(move |run| {
        !matches!(run.progress, Progress::Over) && !Moment::of(run, now).stage.is_over()
    })
}

/// A run as seen at one moment of its life.
pub struct Moment<'a> {
    pub run: &'a Run,
    pub lived: f64,
    pub stage: Stage,
    recipe: &'static Recipe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskStatus {
    Submitted,
    Running,
    Completed,
    Failed,
    Aborted,
}

impl TaskStatus {
    fn name(self) -> &'static str {
        match self {
            Self::Submitted => "SUBMITTED",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
        }
    }
}

pub struct Task {
    pub id: usize,
    pub process: &'static Process,
    pub scope: &'static str,
    pub tag: String,
    pub status: TaskStatus,
    pub seed: u64,
    /// Shares of the run's life.
    submit: f64,
    start: f64,
    end: f64,
}

impl<'a> Moment<'a> {
    pub fn of(run: &'a Run, now: Millis) -> Self {
        let lived = run.lived(now);
        Self {
            run,
            lived,
            stage: Stage::of(run, lived),
            recipe: recipe(run.launch.repository()),
        }
    }

    /// The point in time at a share of the run's life.
    fn time(&self, share: f64) -> Millis {
        self.run.submitted + (self.run.length as f64 * share) as Millis
    }

    pub fn started(&self) -> Option<String> {
        (self.lived >= WAITING).then(|| iso(self.time(WAITING)))
    }

    pub fn completed(&self) -> Option<String> {
        self.stage.is_over().then(|| iso(self.time(self.lived)))
    }

    /// Milliseconds from submission to now, or to the end.
    pub fn duration(&self) -> u64 {
        millis(self.run.length, self.lived)
    }

    /// When the run last changed.
    pub fn updated(&self) -> String {
        iso(self.time(self.lived))
    }

    /// The processes that come to run; a failing run ends halfway through.
    fn processes(&self) -> &'static [Process] {
        let all = self.recipe.processes;
        match self.run.outcome {
            Outcome::Failed => &all[..all.len().div_ceil(2)],
            _ => all,
        }
    }

    /// The tasks that exist by now, in the order of their ids.
    pub fn tasks(&self) -> Vec<Task> {
        let processes = self.processes();
        let step = (TASKS_OVER - WAITING) / processes.len().max(1) as f64;
        let mut tasks = Vec::new();
        for (place, process) in processes.iter().enumerate() {
            let opens = WAITING + step * place as f64;
            let count = if process.each_sample {
                self.run.samples
            } else {
                1
            };
            let is_last = place + 1 == processes.len();
            for sample in 0..count {
                let id = tasks.len() + 1;
                let seed = mix(self.run.seed ^ (id as u64) << 20);
                let submit = opens + step * 0.25 * sample as f64 / count as f64;
                let start = submit + step * 0.1;
                let mut end = start + step * (0.25 + 0.35 * fraction(seed));
                // The last task of a failing run is what ends it.
                let fails = is_last && sample + 1 == count && self.run.outcome == Outcome::Failed;
                if fails {
                    end = TASKS_OVER;
                }
                if submit > self.lived {
                    return tasks;
                }
                let status = match self.lived {
                    lived if lived >= end && fails => TaskStatus::Failed,
                    lived if lived >= end => TaskStatus::Completed,
                    _ if self.stage.is_over() => TaskStatus::Aborted,
                    lived if lived >= start => TaskStatus::Running,
                    _ => TaskStatus::Submitted,
                };
                tasks.push(Task {
                    id,
                    process,
                    scope: self.recipe.scope,
                    tag: if process.each_sample {
                        format!("SAMPLE_{:02}", sample + 1)
                    } else {
                        String::new()
                    },
                    status,
                    seed,
                    submit,
                    start,
                    end: end.min(self.lived),
                });
            }
        }
        tasks
    }

    pub fn task_json(&self, task: &Task, executor: &str, work_dir: &str) -> Value {
        let has_started = self.lived >= task.start;
        let is_over = !matches!(task.status, TaskStatus::Submitted | TaskStatus::Running);
        let exit = match task.status {
            TaskStatus::Completed => Some(0),
            TaskStatus::Failed => Some(FAILING_EXIT),
            _ => None,
        };
        let usage = exit.map(|_| Usage::of(self, task));
        let measured = |value: fn(&Usage) -> u64| usage.as_ref().map(value);
        json!({
            "id": task.seed >> 12,
            "taskId": task.id,
            "hash": task.hash(),
            "name": task.name(),
            "process": task.process_name(),
            "tag": some(&task.tag),
            "status": task.status.name(),
            "submit": iso(self.time(task.submit)),
            "start": has_started.then(|| iso(self.time(task.start))),
            "complete": is_over.then(|| iso(self.time(task.end))),
            "dateCreated": iso(self.time(task.submit)),
            "lastUpdated": iso(self.time(task.end.max(task.submit))),
            "duration": is_over.then(|| millis(self.run.length, task.end - task.submit)),
            "realtime": exit.map(|_| task.realtime(self)),
            "module": [],
            "container": format!("quay.io/biocontainers/{}:1.0--0", task.process.tool),
            "attempt": 1,
            "script": task.script(),
            "scratch": null,
            "workdir": format!("{work_dir}/{}", task.hash()),
            "queue": null,
            "cpus": task.process.cpus,
            "memory": u64::from(task.process.memory_gb) << 30,
            "disk": null,
            "time": 28_800_000,
            "env": null,
            "executor": executor,
            "machineType": null,
            "cloudZone": null,
            "priceModel": null,
            "cost": null,
            "errorAction": (task.status == TaskStatus::Failed).then_some("TERMINATE"),
            "exit": exit,
            "exitStatus": exit,
            "nativeId": (task.seed >> 40).to_string(),
            "pcpu": usage.as_ref().map(|usage| usage.cpu_percent),
            "pmem": usage.as_ref().map(|usage| usage.memory_percent),
            "rss": measured(|usage| usage.memory),
            "peakRss": measured(|usage| usage.memory),
            "vmem": measured(|usage| usage.memory * 5 / 4),
            "peakVmem": measured(|usage| usage.memory * 5 / 4),
            "rchar": measured(|usage| usage.reads * 2),
            "wchar": measured(|usage| usage.writes * 2),
            "syscr": measured(|usage| usage.reads >> 12),
            "syscw": measured(|usage| usage.writes >> 12),
            "readBytes": measured(|usage| usage.reads),
            "writeBytes": measured(|usage| usage.writes),
            "volCtxt": measured(|usage| usage.reads >> 16),
            "invCtxt": measured(|usage| usage.reads >> 18),
            "numSpotInterruptions": null,
            "logStreamId": null,
            "resourceAllocation": null,
            "gpuMetrics": null,
        })
    }

    /// Task counts and loads, for the run and for each process.
    pub fn progress(&self, executor: &str) -> Value {
        let tasks = self.tasks();
        let mut whole = self.load(&mut tasks.iter());
        whole["executors"] = json!([executor]);
        whole["cost"] = Value::Null;
        let processes: Vec<Value> = (self.processes().iter())
            .map(|process| {
                let mut of_process = tasks
                    .iter()
                    .filter(|task| std::ptr::eq(task.process, process));
                let mut load = self.load(&mut of_process);
                load["process"] = json!(format!("{}{}", self.recipe.scope, process.name));
                load
            })
            .filter(|load| load["peakTasks"] != 0)
            .collect();
        json!({
            "workflowProgress": whole,
            "totalProcesses": processes.len(),
            "processesProgress": processes,
        })
    }

    fn load(&self, tasks: &mut dyn Iterator<Item = &Task>) -> Value {
        let mut count = [0u64; 5];
        let (mut all, mut cpus, mut cpu_time, mut cpu_load) = (0, 0, 0, 0);
        let (mut memory, mut memory_used, mut reads, mut writes) = (0, 0, 0, 0);
        let (mut cpus_now, mut memory_now) = (0, 0);
        for task in tasks {
            all += 1;
            count[task.status as usize] += 1;
            let (own_cpus, own_memory) = (
                u64::from(task.process.cpus),
                u64::from(task.process.memory_gb) << 30,
            );
            cpus += own_cpus;
            memory += own_memory;
            match task.status {
                TaskStatus::Completed | TaskStatus::Failed => {
                    let usage = Usage::of(self, task);
                    cpu_time += own_cpus * task.realtime(self);
                    cpu_load += (usage.cpu_percent * task.realtime(self) as f64 / 100.0) as u64;
                    memory_used += usage.memory;
                    reads += usage.reads;
                    writes += usage.writes;
                }
                TaskStatus::Running => {
                    cpus_now += own_cpus;
                    memory_now += own_memory;
                }
                TaskStatus::Submitted | TaskStatus::Aborted => {}
            }
        }
        let of = |status: TaskStatus| count[status as usize];
        json!({
            "pending": 0,
            "submitted": of(TaskStatus::Submitted),
            "running": of(TaskStatus::Running),
            "succeeded": of(TaskStatus::Completed),
            "failed": of(TaskStatus::Failed),
            "aborted": of(TaskStatus::Aborted),
            "cached": 0,
            "ignored": 0,
            "retries": 0,
            "cpus": cpus,
            "cpuTime": cpu_time,
            "cpuLoad": cpu_load,
            "cpuEfficiency": percent(cpu_load, cpu_time),
            "memoryReq": memory,
            "memoryRss": memory_used,
            "memoryEfficiency": percent(memory_used, memory),
            "readBytes": reads,
            "writeBytes": writes,
            "volCtxSwitch": reads >> 16,
            "invCtxSwitch": reads >> 18,
            "loadTasks": of(TaskStatus::Running),
            "loadCpus": cpus_now,
            "loadMemory": memory_now,
            "peakTasks": all,
            "peakCpus": cpus,
            "peakMemory": memory,
            "dateCreated": iso(self.run.submitted),
            "lastUpdated": self.updated(),
        })
    }

    /// Counts and shares of tasks, there once the run is over.
    pub fn stats(&self) -> Value {
        if !self.stage.is_over() {
            return Value::Null;
        }
        let tasks = self.tasks();
        let sum = |status| {
            tasks
                .iter()
                .filter(|task| task.status == status)
                .fold((0u64, 0), |(count, time), task| {
                    (count + 1, time + task.realtime(self))
                })
        };
        let (succeeded, succeed_time) = sum(TaskStatus::Completed);
        let (failed, failed_time) = sum(TaskStatus::Failed);
        let all = succeeded + failed;
        json!({
            "computeTimeFmt": format!("{:.1}", (succeed_time + failed_time) as f64 / 3.6e6),
            "cachedCount": 0, "cachedCountFmt": "0", "cachedDuration": 0, "cachedPct": 0.0,
            "failedCount": failed, "failedCountFmt": failed.to_string(),
            "failedDuration": failed_time, "failedPct": percent(failed, all),
            "ignoredCount": 0, "ignoredCountFmt": "0", "ignoredPct": 0.0,
            "succeedCount": succeeded, "succeedCountFmt": succeeded.to_string(),
            "succeedDuration": succeed_time, "succeedPct": percent(succeeded, all),
        })
    }

    /// The distribution of what the finished tasks of each process used.
    pub fn metrics(&self) -> Vec<Value> {
        let tasks = self.tasks();
        (self.processes().iter())
            .filter_map(|process| {
                let used: Vec<_> = tasks
                    .iter()
                    .filter(|task| std::ptr::eq(task.process, process))
                    .filter(|task| task.status == TaskStatus::Completed)
                    .map(|task| (task, Usage::of(self, task)))
                    .collect();
                if used.is_empty() {
                    return None;
                }
                let spread = |value: fn(&Moment, &Task, &Usage) -> f64| {
                    distribution(used.iter().map(|(task, usage)| {
                        (value(self, task, usage), task.name())
                    }))
                };
                Some(json!({
                    "process": process.name,
                    "cpu": spread(|_, _, usage| usage.cpu_percent),
                    "cpuUsage": spread(|_, task, usage| usage.cpu_percent / f64::from(task.process.cpus)),
                    "mem": spread(|_, _, usage| usage.memory as f64),
                    "memUsage": spread(|_, task, usage| percent(usage.memory, u64::from(task.process.memory_gb) << 30)),
                    "vmem": spread(|_, _, usage| usage.memory as f64 * 1.25),
                    "time": spread(|moment, task, _| task.realtime(moment) as f64),
                    "timeUsage": spread(|moment, task, _| percent(task.realtime(moment), 28_800_000)),
                    "reads": spread(|_, _, usage| usage.reads as f64),
                    "writes": spread(|_, _, usage| usage.writes as f64),
                    "gpuUsage": null,
                    "gpuMemAvg": null,
                    "gpuMemPeak": null,
                }))
            })
            .collect()
    }
}

const FAILING_EXIT: i32 = 3;

impl Task {
    /// Whether its log may still grow.
    pub fn is_alive(&self) -> bool {
        matches!(self.status, TaskStatus::Submitted | TaskStatus::Running)
    }

    pub fn process_name(&self) -> String {
        format!("{}{}", self.scope, self.process.name)
    }

    pub fn name(&self) -> String {
        match self.tag.as_str() {
            "" => self.process_name(),
            tag => format!("{} ({tag})", self.process_name()),
        }
    }

    fn hash(&self) -> String {
        format!(
            "{:02x}/{:06x}",
            self.seed >> 56,
            self.seed >> 16 & 0xFF_FFFF
        )
    }

    /// What the task works on.
    fn subject(&self) -> &str {
        match self.tag.as_str() {
            "" => "all samples",
            tag => tag,
        }
    }

    fn script(&self) -> String {
        let (tool, cpus) = (self.process.tool, self.process.cpus);
        match self.tag.as_str() {
            "" => format!("{tool} --threads {cpus} ."),
            tag => format!("{tool} --threads {cpus} {tag}_R1.fastq.gz {tag}_R2.fastq.gz"),
        }
    }

    /// Milliseconds from start to end.
    fn realtime(&self, moment: &Moment) -> u64 {
        millis(moment.run.length, self.end - self.start)
    }
}

/// What a finished task used.
struct Usage {
    /// Of one core.
    cpu_percent: f64,
    /// Of the machine.
    memory_percent: f64,
    memory: u64,
    reads: u64,
    writes: u64,
}

impl Usage {
    fn of(moment: &Moment, task: &Task) -> Self {
        let share = |salt| fraction(task.seed ^ salt);
        let requested = f64::from(task.process.memory_gb) * f64::from(1 << 30);
        let seconds = task.realtime(moment) as f64 / 1000.0;
        Self {
            cpu_percent: (f64::from(task.process.cpus) * (400.0 + 580.0 * share(1))).round() / 10.0,
            memory_percent: (share(2) * 100.0).round() / 10.0,
            memory: (requested * (0.2 + 0.7 * share(3))) as u64,
            reads: (seconds * (1.0 + share(4)) * 4e7) as u64,
            writes: (seconds * (1.0 + share(5)) * 2e7) as u64,
        }
    }
}

fn distribution(values: impl Iterator<Item = (f64, String)>) -> Value {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let mean = values.iter().map(|(value, _)| value).sum::<f64>() / values.len() as f64;
    let at = |quarter: usize| &values[(values.len() - 1) * quarter / 4];
    json!({
        "mean": mean,
        "min": at(0).0, "minLabel": at(0).1,
        "q1": at(1).0, "q1Label": at(1).1,
        "q2": at(2).0, "q2Label": at(2).1,
        "q3": at(3).0, "q3Label": at(3).1,
        "max": at(4).0, "maxLabel": at(4).1,
        "warnings": [],
    })
}

fn percent(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        _ => (part as f64 * 1000.0 / whole as f64).round() / 10.0,
    }
}

fn millis(length: Millis, share: f64) -> u64 {
    (length as f64 * share.max(0.0)) as u64
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
