//! What runs and tasks have printed.

use serde_json::{Value, json};

use super::Routes;
use super::runs::look;
use super::turn::Turn;
use crate::behaviour::life::{Moment, Task};
use crate::call::{Answer, Call, Refusal, Reply, answer};
use crate::state::Run;

pub const ROUTES: Routes = &[
    ("GetWorkflowLog", log),
    ("GetWorkflowTaskLog", task_log),
    ("DownloadWorkflowLog", download_log),
    ("DownloadWorkflowTaskLog", download_task_log),
];

const TASK_LOG: &str = ".command.log";
/// How many lines a page of a log has at most.
const LOG_LINES: usize = 100;

/// The logs of a run from outside never reach the Platform.
fn check_logs(run: &Run) -> Result<(), Refusal> {
    match run.launch_id {
        Some(_) => Ok(()),
        None => Err(Refusal::bad_request("No log is available for this run")),
    }
}

fn find_task(moment: &Moment, call: &Call) -> Result<Task, Refusal> {
    let id = call.path_number("taskId")?;
    (moment.tasks().into_iter())
        .find(|task| task.id as i64 == id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown task with id: {id}")))
}

fn log(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        check_logs(moment.run)?;
        let (out, log) = (moment.out_file(), moment.log_file());
        let downloads = json!([
            { "saveName": out, "fileName": out, "displayText": "Nextflow console output" },
            { "saveName": log, "fileName": log, "displayText": "Nextflow log file" },
        ]);
        log_page(turn.call, moment.log(), !moment.stage.is_over(), downloads)
    })
}

fn task_log(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        check_logs(moment.run)?;
        let task = find_task(moment, turn.call)?;
        let downloads = json!([
            { "saveName": TASK_LOG, "fileName": TASK_LOG, "displayText": "Task log" },
        ]);
        log_page(
            turn.call,
            moment.task_log(&task),
            task.is_alive(),
            downloads,
        )
    })
}

/// The lines from the cursor `next` on. `forwardToken` is the cursor of the lines after them; where
/// it doesn't move, nothing has come since.
fn log_page(call: &Call, lines: Vec<String>, grows: bool, downloads: Value) -> Reply {
    let from = match call.query("next") {
        None => 0,
        Some(token) => (token.strip_prefix("f/"))
            .and_then(|place| place.parse::<usize>().ok())
            .ok_or_else(|| Refusal::bad_request(format!("Invalid log token: {token}")))?
            .min(lines.len()),
    };
    let mut room = call.size("maxLength")?.unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    for line in lines[from..].iter().take(LOG_LINES) {
        // One line at least, or a caller with little room would never get on.
        if !entries.is_empty() && line.len() > room {
            break;
        }
        room = room.saturating_sub(line.len() + 1);
        entries.push(line);
    }
    let next = from + entries.len();
    let waiting = grows && lines.is_empty();
    answer(json!({ "log": {
        "entries": entries,
        "forwardToken": format!("f/{next:08}"),
        "rewindToken": format!("b/{from:08}"),
        "pending": waiting,
        "truncated": next < lines.len(),
        "message": waiting.then_some("The log is not available yet"),
        "downloads": downloads,
    } }))
}

fn download(call: &Call, names: &[String], lines: Vec<String>) -> Reply {
    let first = names.first().map(String::as_str);
    let name = call.query("fileName").or(first).unwrap_or_default();
    if !names.iter().any(|known| known == name) {
        return Err(Refusal::not_found(format!("Unknown file: {name}")));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    Ok(Answer {
        headers: vec![(
            "content-disposition",
            format!("attachment; filename=\"{name}\""),
        )],
        ..Answer::bytes("text/plain", text)
    })
}

fn download_log(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        check_logs(moment.run)?;
        download(
            turn.call,
            &[moment.out_file(), moment.log_file()],
            moment.log(),
        )
    })
}

fn download_task_log(turn: &mut Turn<'_>) -> Reply {
    look(turn, |turn, moment| {
        check_logs(moment.run)?;
        let task = find_task(moment, turn.call)?;
        let names = [TASK_LOG, ".command.out", ".command.err"].map(str::to_owned);
        download(turn.call, &names, moment.task_log(&task))
    })
}
