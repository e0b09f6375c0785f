//! Versions of pipelines: each holds what is launched; one is the default.

use serde_json::{Value, json};

use super::Routes;
use super::pipelines::{self, find};
use super::turn::Turn;
use crate::behaviour::versions::{self, is_taken, make_default};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::Record;

pub const ROUTES: Routes = &[
    ("ListPipelineVersions", list),
    ("UpdatePipelineVersion", update),
    ("ManagePipelineVersion", manage),
    ("ValidatePipelineVersionName", validate),
];

fn list(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let search = turn.search(&["versionid", "versionname", "versionhash"]);
    let published = turn.call.query("isPublished").map(|flag| flag == "true");
    let found = (turn.state.all("pipeline_version"))
        .filter(|version| version.number("_pipeline") == pipeline.number("pipelineId"))
        .filter(|version| published.is_none_or(|published| published != version["name"].is_null()))
        .filter(|version| search.finds([version.text("name")]))
        .filter(|version| {
            [
                ("versionid", "id"),
                ("versionname", "name"),
                ("versionhash", "hash"),
            ]
            .iter()
            .all(|(keyword, field)| search.all(keyword, |value| version.text(field) == value))
        });
    let page = turn.call.page(found)?;
    let versions: Vec<Value> = (page.items.iter())
        .map(|version| pipelines::show(turn, &pipeline, Some(version)))
        .collect();
    answer(json!({ "versions": versions, "totalSize": page.total }))
}

fn find_version(turn: &Turn<'_>, pipeline: &Record) -> Result<Record, Refusal> {
    let id = turn.call.path("versionId");
    (versions::find(turn.state, pipeline.number("pipelineId"), id).cloned())
        .ok_or_else(|| Refusal::not_found(format!("Unknown pipeline version with id: {id}")))
}

fn update(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let version = find_version(turn, &pipeline)?;
    pipelines::change(turn, pipeline, Some(version))
}

/// Names a version, or makes it the default one, which unsets the former.
fn manage(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let mut version = find_version(turn, &pipeline)?;
    if let Some(name) = turn
        .call
        .text("name")
        .filter(|name| version["name"] != *name)
    {
        if is_taken(turn.state, &pipeline, name) {
            return Err(Refusal::conflict(format!(
                "Version name '{name}' already exists"
            )));
        }
        let launch = &version["_launch_id"];
        if !version["name"].is_null() && turn.state.runs.iter().any(|run| run.is_of(launch)) {
            return Err(Refusal::conflict("Runs refer to the name of this version"));
        }
        version.set("name", name);
    }
    version.set("lastUpdated", turn.state.today());
    match turn.call.field("isDefault").as_bool() {
        Some(false) if version.is("isDefault") => {
            return Err(Refusal::conflict(
                "The default flag can't be taken from the default version",
            ));
        }
        Some(true) if version["name"].is_null() => {
            return Err(Refusal::bad_request("A draft can't be the default version"));
        }
        Some(true) => {
            turn.state.replace("pipeline_version", &version);
            make_default(turn.state, pipeline.number("pipelineId"), &version.id);
        }
        _ => turn.state.replace("pipeline_version", &version),
    }
    Ok(DONE)
}

fn validate(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let name = turn.call.query("name").unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::bad_request("Missing `name` parameter"));
    }
    match is_taken(turn.state, &pipeline, name) {
        true => Err(Refusal::conflict(format!(
            "Version name '{name}' already exists"
        ))),
        false => Ok(DONE),
    }
}
