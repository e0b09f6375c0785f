//! What a run and its tasks have printed by now, and what is said of their failure.

use super::{FAILING_EXIT, Moment, Stage, TASKS_OVER, Task, TaskStatus, WAITING};

impl Moment<'_> {
    /// The name of Nextflow's log file.
    pub fn log_file(&self) -> String {
        format!("nf-{}.log", self.run.id)
    }

    /// The name of the file with what Nextflow has printed.
    pub fn out_file(&self) -> String {
        format!("nf-{}.txt", self.run.id)
    }

    /// What Nextflow has printed by now.
    pub fn log(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.lived < WAITING {
            return lines;
        }
        let launch = &self.run.launch;
        lines.push("N E X T F L O W  ~  version 25.10.0".to_owned());
        lines.push(format!(
            "Launching `{}` [{}] - revision: {}",
            launch.repository(),
            self.run.name,
            launch.text("revision").unwrap_or("main")
        ));
        lines.push(String::new());
        let tasks = self.tasks();
        // Submissions and completions in the order in which they happened.
        let mut events: Vec<(f64, String)> = Vec::new();
        for task in &tasks {
            let label = format!("[{}] {{}} process > {}", task.hash(), task.name());
            events.push((task.submit, label.replace("{}", "Submitted")));
            match task.status {
                TaskStatus::Completed => events.push((task.end, label.replace("{}", "Completed"))),
                TaskStatus::Failed => events.push((
                    task.end,
                    format!("ERROR ~ Error executing process > '{}'", task.name()),
                )),
                _ => {}
            }
        }
        events.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        lines.extend(events.into_iter().map(|(_, line)| line));
        let succeeded = tasks
            .iter()
            .filter(|task| task.status == TaskStatus::Completed)
            .count();
        match self.stage {
            Stage::Succeeded => lines.extend([
                String::new(),
                format!("Completed at: {}", self.updated()),
                format!("Duration    : {:.1}s", self.duration() as f64 / 1000.0),
                format!("Succeeded   : {succeeded}"),
            ]),
            Stage::Failed => lines.extend([
                String::new(),
                format!("Caused by:\n  {}", self.error_message().unwrap_or_default()),
                "-- Check '.nextflow.log' file for details".to_owned(),
            ]),
            Stage::Cancelled => lines.push("WARN: Killing running tasks".to_owned()),
            Stage::Submitted | Stage::Running => {}
        }
        lines
    }

    /// What a task has printed by now.
    pub fn task_log(&self, task: &Task) -> Vec<String> {
        if self.lived < task.start {
            return Vec::new();
        }
        const LINES: usize = 20;
        let tool = task.process.tool;
        let done = match task.status {
            TaskStatus::Completed | TaskStatus::Failed => 1.0,
            _ => (self.lived - task.start) / (TASKS_OVER - task.start).max(1e-9),
        };
        let mut lines = vec![format!("+ {}", task.script())];
        lines.extend((1..=(LINES as f64 * done) as usize).map(|line| {
            format!(
                "{tool}: {} of {LINES} chunks of {} done",
                line,
                task.subject()
            )
        }));
        match task.status {
            TaskStatus::Completed => lines.push(format!("{tool}: finished")),
            TaskStatus::Failed => lines.push(format!(
                "{tool}: contamination of {} above threshold, giving up",
                task.subject()
            )),
            _ => {}
        }
        lines
    }

    pub fn error_message(&self) -> Option<String> {
        let failed = self.failed_task()?;
        Some(format!(
            "Process `{}` terminated with an error exit status ({FAILING_EXIT})",
            failed.name()
        ))
    }

    pub fn error_report(&self) -> Option<String> {
        let failed = self.failed_task()?;
        Some(format!(
            "Error executing process > '{}'\n\nCommand executed:\n\n  {}\n\nCommand exit status:\n  {FAILING_EXIT}\n\nCommand output:\n  {}\n",
            failed.name(),
            failed.script(),
            self.task_log(&failed).join("\n  "),
        ))
    }

    fn failed_task(&self) -> Option<Task> {
        if self.stage != Stage::Failed {
            return None;
        }
        (self.tasks().into_iter()).find(|task| task.status == TaskStatus::Failed)
    }
}
