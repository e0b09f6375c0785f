//! The same for many: several at a time, each reported.

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::output::{Answer, Column, Table, View};

/// How many are under way at a time; the client keeps to the limit of calls.
const AT_A_TIME: usize = 8;

/// What was done, and what became of it.
pub type Outcome = (String, Result<Value>);

/// Does the same to each, and gives what became of it, in the order of the ids.
pub async fn each(
    context: &Context,
    ids: Vec<String>,
    act: impl AsyncFn(String) -> Result<Value>,
) -> Vec<Outcome> {
    context.goes_on("What was sent to the server stays.");
    let bar = context.progress().bar(ids.len() as u64);
    let (act, bar) = (&act, &bar);
    let doing = stream::iter(ids).map(async |id: String| {
        let done = act(id.clone()).await;
        bar.step();
        (id, done)
    });
    doing.buffered(AT_A_TIME).collect().await
}

/// How a list of outcomes is told.
#[derive(Clone, Copy, Debug)]
pub struct Telling {
    /// The field that holds them: `runs`.
    pub field: &'static str,
    /// What was done: `canceled`.
    pub done: &'static str,
    pub columns: &'static [Column],
}

/// Tells what became of each. One that failed makes the whole fail, and one that a dry run did not
/// send makes it a list of requests.
pub async fn report(
    context: &Context,
    place: &Place<'_>,
    telling: Telling,
    outcomes: Vec<Outcome>,
) -> Result<Exit> {
    let unsent = outcomes
        .iter()
        .filter_map(|(_, done)| done.as_ref().err()?.unsent());
    let unsent: Vec<Value> = unsent.collect();
    if !unsent.is_empty() {
        return context.show(&Answer::requests(unsent));
    }
    let mut failed = 0;
    let rows: Vec<Value> = outcomes
        .into_iter()
        .map(|(id, done)| match done {
            Ok(Value::Object(mut fields)) => {
                fields.entry("id").or_insert_with(|| id.into());
                fields.insert("result".to_owned(), telling.done.into());
                fields.into()
            }
            Ok(_) => json!({"id": id, "result": telling.done}),
            Err(failure) => {
                failed += 1;
                json!({"id": id, "result": "failed", "error": failure.line(context.as_tw)})
            }
        })
        .collect();
    let reference = place.reference().await?;
    let value = json!({"workspaceRef": reference, telling.field: rows});
    let all = rows.len();
    let table = Table {
        title: format!(
            "{} of {all} {} at {reference} workspace",
            all - failed,
            telling.done
        ),
        rows,
        columns: telling.columns,
        footer: None,
    };
    context.show(&Answer::new(value, View::Table(table)))?;
    match failed {
        0 => Ok(Exit::Done),
        failed => Err(Failure::failed(format!(
            "{failed} of {all} were not {}",
            telling.done
        ))),
    }
}
