//! A program of this machine: no shell, the event as JSON on its input.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::{Outcome, Task};
use crate::rules::file::Command;
use crate::rules::state::Event;

/// How much of its output is kept.
const MOST: usize = 64 * 1024;

pub(super) async fn act(
    task: &Task<'_>,
    command: &Command,
    event: &Event,
) -> Result<Value, Outcome> {
    let mut words = Vec::new();
    for word in &command.words {
        words.push(task.text(word)?);
    }
    let Some((program, words)) = words.split_first() else {
        return Err(Outcome::Failed("`command` names no program".to_owned()));
    };
    let mut call = tokio::process::Command::new(program);
    call.args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("SEQCTL_EVENT", &event.id)
        .env("SEQCTL_RULE", &event.rule)
        .kill_on_drop(true);
    if let Some(folder) = &command.folder {
        call.current_dir(task.text(folder)?);
    }
    let told =
        |error: std::io::Error| Outcome::Failed(format!("`{program}` can't be run: {error}"));
    let mut child = call.spawn().map_err(told)?;
    let mut data = json!({"id": event.id, "rule": event.rule, "key": event.key});
    if let (Value::Object(data), Value::Object(fields)) = (&mut data, &task.data) {
        data.extend(fields.clone());
    }
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async move {
        if let Some(mut input) = input {
            // It need not read it.
            let _ = input.write_all(data.to_string().as_bytes()).await;
        }
    };
    let whole = async {
        let ((), output, errors) = tokio::join!(feed, read(output), read(errors));
        (child.wait().await, output, errors)
    };
    let Ok((status, output, errors)) = tokio::time::timeout(command.timeout, whole).await else {
        return Err(Outcome::Failed(format!(
            "`{program}` was ended: it took longer than {:?}",
            command.timeout
        )));
    };
    let status = status.map_err(told)?;
    if !status.success() {
        let last: Vec<char> = errors.trim().chars().rev().take(500).collect();
        let last: String = last.into_iter().rev().collect();
        return Err(Outcome::Failed(format!(
            "`{program}` failed ({status}): {last}"
        )));
    }
    let output = output.trim();
    let output = serde_json::from_str(output).unwrap_or_else(|_| Value::from(output));
    Ok(json!({"output": output}))
}

/// What is written to a pipe, the first part of it as text.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = (&mut pipe).take(MOST as u64).read_to_end(&mut bytes).await;
        // A pipe that nobody reads would stop the program.
        let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
