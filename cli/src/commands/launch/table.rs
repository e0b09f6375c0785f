//! `launch --from`: a launch for each row of a table.

use std::path::Path;

use clap::{Args, FromArgMatches};
use futures_util::future::join_all;
use serde_json::Value;

use super::{Launch, RunStatus};
use crate::commands::bulk::{self, Telling};
use crate::commands::runs::watch;
use crate::context::{Context, Place};
use crate::exit::{Exit, Failure, Result};
use crate::output::Column;
use crate::values::Pair;
use crate::values::relax;

const COLUMNS: &[Column] = &[
    Column::new("Row", "id"),
    Column::new("Result", "result"),
    Column::new("Run", "workflowId"),
    Column::new("Address", "workflowUrl"),
    Column::new("Error", "error"),
];

/// Launches each row, and tells what became of each.
pub async fn launch(
    context: &Context,
    place: &Place<'_>,
    base: &Launch,
    path: &Path,
) -> Result<Exit> {
    let launches = read(base, path)?;
    context.confirm(&format!("Launch {} runs?", launches.len()))?;
    let rows = (1..=launches.len()).map(|row| row.to_string()).collect();
    let done = bulk::each(context, rows, async |row| {
        let place_in_table = row.parse::<usize>().unwrap_or(1) - 1;
        let launch = &launches[place_in_table];
        let ready = launch.prepare(context, place).await?;
        Ok(ready.send(context, place).await?.value())
    });
    let done = done.await;
    let id = |value: &Value| value["workflowId"].as_str().map(str::to_owned);
    let ids: Vec<String> = (done.iter())
        .filter_map(|(_, done)| done.as_ref().ok().and_then(id))
        .collect();
    let telling = Telling {
        field: "launches",
        done: "launched",
        columns: COLUMNS,
    };
    let launched = bulk::report(context, place, telling, done).await;
    if base.wait.is_none() && !base.follow {
        return launched;
    }
    let wanted = base.wait.unwrap_or(RunStatus::Succeeded);
    let waits = ids
        .iter()
        .map(|id| watch::until(context, place, id, wanted));
    let ended: Vec<_> = join_all(waits).await.into_iter().collect::<Result<_>>()?;
    let well = ended.iter().all(|one| one.exit == Exit::Done);
    let launched = launched?;
    Ok(if well { launched } else { Exit::Otherwise })
}

/// The launches of a table, each made of the command's own options and the row's over them.
fn read(base: &Launch, path: &Path) -> Result<Vec<Launch>> {
    let complain = |what: String| Failure::failed(format!("{}: {what}", path.display()));
    let mut table = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|error| complain(error.to_string()))?;
    let columns = table
        .headers()
        .map_err(|error| complain(error.to_string()))?
        .clone();
    let grammar = Launch::augment_args_for_update(clap::Command::new("launch"));
    let grammar = relax(grammar.no_binary_name(true).disable_help_flag(true));
    let mut launches = Vec::new();
    for (index, row) in table.records().enumerate() {
        let line = |what: String| complain(format!("row {}: {what}", index + 1));
        let row = row.map_err(|error| line(error.to_string()))?;
        let mut launch = Launch {
            from: None,
            ..base.clone()
        };
        let mut options = Vec::new();
        for (column, cell) in columns.iter().zip(&row) {
            match column {
                _ if cell.is_empty() => {}
                "pipeline" => launch.pipeline = Some(cell.to_owned()),
                option if option.starts_with("--") => options.push(format!("{option}={cell}")),
                name => launch.param.push(Pair {
                    name: name.to_owned(),
                    value: cell.to_owned(),
                }),
            }
        }
        let Some(pipeline) = launch.pipeline.clone() else {
            let text = "there is no pipeline: give one, or a column `pipeline`";
            return Err(line(text.to_owned()));
        };
        options.extend(["--".to_owned(), pipeline]);
        let matches = grammar.clone().try_get_matches_from(&options);
        let matches = matches.map_err(|error| line(first_line(&error)))?;
        launch
            .update_from_arg_matches(&matches)
            .map_err(|error| line(first_line(&error)))?;
        launches.push(launch);
    }
    if launches.is_empty() {
        return Err(complain("the table has no rows".to_owned()));
    }
    Ok(launches)
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(words: &[&str]) -> Launch {
        let grammar = relax(Launch::augment_args(clap::Command::new("launch")));
        let matches = grammar.try_get_matches_from([&["launch"], words].concat());
        Launch::from_arg_matches(&matches.unwrap()).unwrap()
    }

    fn read_text(words: &[&str], text: &str) -> Result<Vec<Launch>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        std::fs::write(&path, text).unwrap();
        read(&base(words), &path)
    }

    #[test]
    fn columns_are_parameters_and_options() {
        let table = "input,--name,pipeline,--stub-run\ns3://a,first,,true\ns3://b,,other,\n";
        let words = ["rnaseq", "--name=usual", "--param=input=x", "--param=n=3"];
        let launches = read_text(&words, table).unwrap();
        let [first, second] = launches.as_slice() else {
            panic!("{launches:?}")
        };
        assert_eq!(first.pipeline.as_deref(), Some("rnaseq"));
        assert_eq!(first.name.as_deref(), Some("first"));
        assert_eq!(first.options.stub_run, Some(true));
        assert_eq!(first.param.last().unwrap().value, "s3://a");
        assert_eq!(first.param.len(), 3);
        assert_eq!(second.pipeline.as_deref(), Some("other"));
        assert_eq!(second.name.as_deref(), Some("usual"));
        assert_eq!(second.options.stub_run, None);
    }

    #[test]
    fn a_wrong_table_is_told_by_its_row() {
        let told = |text: &str| {
            let failure = read_text(&["--from=t"], text).unwrap_err();
            failure.line(false).to_owned()
        };
        assert!(told("input\na\n").contains("row 1: there is no pipeline"));
        assert!(told("pipeline,--nonsense\np,\nq,x\n").contains("row 2: "));
        assert!(told("pipeline\n").contains("no rows"));
    }
}
