//! Versions of pipelines: each holds what is launched; one is the default.

use serde_json::{Map, Value, json};

use super::Routes;
use super::pipelines::{self, find};
use super::turn::Turn;
use crate::behaviour::make;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, State};

pub const ROUTES: Routes = &[
    ("ListPipelineVersions", list),
    ("UpdatePipelineVersion", update),
    ("ManagePipelineVersion", manage),
    ("ValidatePipelineVersionName", validate),
];

/// What is versioned of a launch. A change of the rest leaves the version.
const VERSIONED: &[&str] = &[
    "pipeline",
    "revision",
    "commitId",
    "mainScript",
    "entryName",
    "schemaName",
    "pipelineSchemaId",
    "configText",
    "configProfiles",
    "paramsText",
    "preRunScript",
    "postRunScript",
];

/// The version that the call's `versionId` names, else the default one.
pub fn named_or_default(turn: &Turn<'_>, pipeline: &Record) -> Result<Record, Refusal> {
    let id = pipeline.number("pipelineId");
    let found = match turn.call.query("versionId") {
        Some(version) => of(turn, id, version),
        None => make::default_version(turn.state, id).cloned(),
    };
    found.ok_or_else(|| Refusal::not_found("Unknown pipeline version"))
}

fn of(turn: &Turn<'_>, pipeline: i64, id: &str) -> Option<Record> {
    let version = turn.state.known("pipeline_version", id)?;
    (version.number("_pipeline") == pipeline).then(|| version.clone())
}

pub fn show(state: &State, version: &Record) -> Value {
    let creator = state.known("user", &version.number("_user").to_string());
    let of_creator = |name: &str| creator.map_or(Value::Null, |creator| creator[name].clone());
    let mut value = version.value();
    value["creatorUserId"] = of_creator("id");
    value["creatorUserName"] = of_creator("userName");
    value["creatorFirstName"] = of_creator("firstName");
    value["creatorLastName"] = of_creator("lastName");
    value["isDraftVersion"] = json!(version["name"].is_null());
    value
}

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
    of(turn, pipeline.number("pipelineId"), id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown pipeline version with id: {id}")))
}

fn update(turn: &mut Turn<'_>) -> Reply {
    let pipeline = find(turn)?;
    let version = find_version(turn, &pipeline)?;
    pipelines::change(turn, pipeline, Some(version))
}

/// Takes a changed launch over: in the version itself, or in another one, which is a draft or, on a
/// server without drafts, the new default.
pub fn change(
    turn: &mut Turn<'_>,
    pipeline: &Record,
    version: Option<Record>,
    launch: Map<String, Value>,
) -> Result<Option<Record>, Refusal> {
    let Some(mut version) = version else {
        return Ok(Some(make::version(
            turn.state, pipeline, None, launch, turn.user,
        )));
    };
    let differs =
        |name: &&str| launch.get(*name).unwrap_or(&Value::Null) != &version["_launch"][*name];
    if !VERSIONED.iter().any(differs) {
        version.set("_launch", Value::Object(launch));
        version.set("lastUpdated", turn.state.today());
        put(turn.state, &version);
        return Ok(Some(version));
    }
    if turn.state.settings.drafts {
        return Ok(Some(make::version(
            turn.state, pipeline, None, launch, turn.user,
        )));
    }
    let name = next_name(turn.state, &version, pipeline);
    let new = make::version(turn.state, pipeline, Some(&name), launch, turn.user);
    make_default(turn.state, pipeline.number("pipelineId"), &new.id);
    Ok(turn.state.known("pipeline_version", &new.id).cloned())
}

/// The name of a version with the number at its end counted up, until it is free.
fn next_name(state: &State, version: &Record, pipeline: &Record) -> String {
    let name = version["name"].as_str().unwrap_or(pipeline.text("name"));
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let number: u64 = name[stem.len()..].parse().unwrap_or(0);
    let stem = if stem.len() == name.len() {
        format!("{stem}-")
    } else {
        stem.to_owned()
    };
    let mut names = (number + 1..).map(|number| format!("{stem}{number}"));
    names
        .find(|name| !is_taken(state, pipeline, name))
        .unwrap_or_default()
}

fn is_taken(state: &State, pipeline: &Record, name: &str) -> bool {
    (state.all("pipeline_version")).any(|version| {
        version.number("_pipeline") == pipeline.number("pipelineId") && version.text("name") == name
    })
}

fn put(state: &mut State, version: &Record) {
    if let Some(kept) = state.known_mut("pipeline_version", &version.id) {
        *kept = version.clone();
    }
}

fn make_default(state: &mut State, pipeline: i64, id: &str) {
    for version in state.all_mut("pipeline_version") {
        if version.number("_pipeline") == pipeline {
            let is_it = version.id == id;
            version.set("isDefault", is_it);
        }
    }
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
            put(turn.state, &version);
            make_default(turn.state, pipeline.number("pipelineId"), &version.id);
        }
        _ => put(turn.state, &version),
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
