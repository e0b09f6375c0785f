//! `runs logs`: the log of a run or a task, as it grows.

use clap::Args;
use seqera::prelude::*;
use seqera::runs::Logs as Lines;
use seqera::types::WorkflowStatus;
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::options::InWorkspace;
use crate::output::Form;

#[derive(Args, Debug)]
pub struct Logs {
    /// Id of the run
    #[arg(value_name = "ID")]
    id: String,
    /// Follow the log until the run ends; the exit status tells how it ended
    #[arg(short, long)]
    follow: bool,
    /// Log of the task of this id, in place of the run's
    #[arg(long, value_name = "TASK")]
    task: Option<i64>,
    #[command(flatten)]
    workspace: InWorkspace,
}

impl Logs {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let place = context.place(&self.workspace).await?;
        let run = context.client()?.run(&self.id).workspace(place.id());
        let mut lines = run.logs().follow(self.follow);
        if let Some(task) = self.task {
            lines = lines.task(task);
        }
        let streams = context.printer.for_people() || context.printer.form == Form::Jsonl;
        if streams {
            print(context, lines).await?;
        } else {
            let lines: Vec<String> = lines.try_collect().await?;
            let text = lines.join("\n");
            context.say(json!({"workflowId": self.id, "log": lines}), text)?;
        }
        if !self.follow {
            return Ok(Exit::Done);
        }
        Ok(match run.status().await? {
            WorkflowStatus::Failed | WorkflowStatus::Cancelled => Exit::Otherwise,
            _ => Exit::Done,
        })
    }
}

/// Prints lines as they come: to standard output where it is read by people or line by line, else
/// beside the result, to standard error.
pub async fn print(context: &Context, mut lines: Lines) -> Result<()> {
    while let Some(line) = lines.try_next().await? {
        let line = line.trim_end_matches('\n');
        let printer = &context.printer;
        if printer.program.is_none() && printer.form == Form::Jsonl {
            context.print_line(&json!({"line": line}).to_string())?;
        } else if printer.for_people() {
            context.print_line(line)?;
        } else {
            context.note(line);
        }
    }
    Ok(())
}
