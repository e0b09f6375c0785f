//! Versions of pipelines: each holds what is launched; one is the default.

use serde_json::{Map, Value, json};

use crate::state::{Launch, Record, State, object, parse_time, short_id};

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

/// A version of a pipeline, by its id.
pub fn find<'a>(state: &'a State, pipeline: i64, id: &str) -> Option<&'a Record> {
    let version = state.known("pipeline_version", id)?;
    (version.number("_pipeline") == pipeline).then_some(version)
}

/// The default version of a pipeline.
pub fn default_of(state: &State, pipeline: i64) -> Option<&Record> {
    state
        .all("pipeline_version")
        .find(|version| version.number("_pipeline") == pipeline && version.is("isDefault"))
}

/// What a version launches.
pub fn launch_of(version: &Record) -> Launch {
    Launch {
        id: version.text("_launch_id").to_owned(),
        created: parse_time(version.text("dateCreated")).unwrap_or_default(),
        settings: std::sync::Arc::new(object(version["_launch"].clone())),
    }
}

/// A version as it is described.
pub fn described(state: &State, version: &Record) -> Value {
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

/// Adds a version; the first of a pipeline is its default.
pub fn add(
    state: &mut State,
    pipeline: &Record,
    name: Option<&str>,
    launch: Map<String, Value>,
    user: i64,
) -> Record {
    let number = state.next_id();
    let now = state.today();
    let id = pipeline.number("pipelineId");
    let is_first = default_of(state, id).is_none();
    let version_id = short_id(number ^ 0xF0F0, 22);
    let version = json!({
        "id": version_id,
        "name": name,
        "hash": short_id(number ^ 0x4A54, 12),
        "isDefault": is_first,
        "dateCreated": now,
        "lastUpdated": now,
        "_pipeline": id,
        "_user": user,
        "_launch": Value::Object(launch),
        "_launch_id": short_id(number ^ 0x1A, 22),
    });
    let version = Record::new(version_id, pipeline.scope, version);
    state.keep("pipeline_version", version.clone());
    version
}

/// Takes a changed launch over: in the version itself, or in another one, which is a draft or, on a
/// server without drafts, the new default.
pub fn change(
    state: &mut State,
    pipeline: &Record,
    version: Option<Record>,
    launch: Map<String, Value>,
    user: i64,
) -> Record {
    let Some(mut version) = version else {
        return add(state, pipeline, None, launch, user);
    };
    let differs =
        |name: &&str| launch.get(*name).unwrap_or(&Value::Null) != &version["_launch"][*name];
    if !VERSIONED.iter().any(differs) {
        version.set("_launch", Value::Object(launch));
        version.set("lastUpdated", state.today());
        state.replace("pipeline_version", &version);
        return version;
    }
    if state.settings.drafts {
        return add(state, pipeline, None, launch, user);
    }
    let name = next_name(state, &version, pipeline);
    let mut new = add(state, pipeline, Some(&name), launch, user);
    make_default(state, pipeline.number("pipelineId"), &new.id);
    new.set("isDefault", true);
    new
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

/// Whether a version of the pipeline has the name.
pub fn is_taken(state: &State, pipeline: &Record, name: &str) -> bool {
    (state.all("pipeline_version")).any(|version| {
        version.number("_pipeline") == pipeline.number("pipelineId") && version.text("name") == name
    })
}

/// Makes a version the default one, which unsets the former.
pub fn make_default(state: &mut State, pipeline: i64, id: &str) {
    for version in state.all_mut("pipeline_version") {
        if version.number("_pipeline") == pipeline {
            let is_it = version.id == id;
            version.set("isDefault", is_it);
        }
    }
}
