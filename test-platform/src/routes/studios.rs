//! Studios, their sessions and checkpoints.

use serde_json::{Value, json};

use super::Routes;
use super::compute::COMPUTE_ENV;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb, list_reply};
use super::turn::Turn;
use crate::behaviour::settle::later;
use crate::behaviour::{compute, make};
use crate::call::{Refusal, Reply, answer};
use crate::state::{HOUR, Millis, Record, iso, mix, numbers, parse_time};

pub const ROUTES: Routes = &[
    ("ListDataStudios", list),
    ("CreateDataStudio", create),
    ("DescribeDataStudio", describe),
    ("UpdateDataStudio", update),
    ("StartDataStudio", start),
    ("StopDataStudio", stop),
    ("ExtendDataStudioLifespan", extend),
    ("ListDataStudioCheckpoints", checkpoints),
    ("GetDataStudioCheckpoint", checkpoint),
    ("UpdateDataStudioCheckpoint", rename_checkpoint),
    ("ListDataStudioTemplates", templates),
    ("ListMountedDataLinkIds", mounted),
    ("ListDataStudioCompatibleComputeEnvs", compute_envs),
];

pub static STUDIO: Entity = Entity {
    kind: "studio",
    title: "Studio session",
    scope: Scope::Context,
    id: Id::Text(8),
    id_field: "sessionId",
    parameter: "sessionId",
    one: "studio",
    name: "name",
    missing: 404,
    audit: "studio_session",
    defaults: super::entity::no_defaults,
    hooks: Hooks {
        leaves: |turn, record| {
            demand_own(turn, record)?;
            if !matches!(status(record), "stopped" | "errored" | "buildFailed") {
                return Err(Refusal::conflict("The Studio runs; stop it first"));
            }
            let id = record.number("_number");
            turn.state
                .forget("checkpoint", |checkpoint| checkpoint.scope == id);
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("DeleteDataStudio", Verb::Delete),
        ("ValidateDataStudioName", Verb::Validate),
    ],
};

fn status(record: &Record) -> &str {
    record["statusInfo"]["status"].as_str().unwrap_or_default()
}

/// The private Studio of another is the administrators'.
fn demand_own(turn: &Turn<'_>, record: &Record) -> Result<(), Refusal> {
    match record.is("isPrivate") && record.number("_user") != turn.user {
        true => turn.demand("studio:admin"),
        false => Ok(()),
    }
}

fn show(turn: &Turn<'_>, record: &Record) -> Value {
    let mut value = turn.with_labels(record);
    let env = turn
        .state
        .find("compute_env", record.scope, record.text("_env"));
    value["computeEnv"] = env.map_or(Value::Null, compute::brief);
    value["user"] = turn.state.user_info(record.number("_user"));
    value["workspaceId"] = json!((record.scope > 0).then_some(record.scope));
    value["activeConnections"] = json!([]);
    let mounted: Vec<Value> = (mounts(record).iter())
        .filter_map(|id| turn.state.find("data_link", record.scope, id))
        .map(Record::value)
        .collect();
    value["mountedDataLinks"] = json!(mounted);
    value
}

/// The ids of the data links that it mounts.
fn mounts(record: &Record) -> Vec<String> {
    let configuration = &record["configuration"];
    let plain = configuration["mountData"].as_array().into_iter().flatten();
    let newer = configuration["mountDataV2"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|mount| &mount["dataLinkId"]);
    plain
        .chain(newer)
        .filter_map(|id| id.as_str().map(str::to_owned))
        .collect()
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&[
        "userid",
        "username",
        "computeenvid",
        "computeenvname",
        "status",
        "is",
    ]);
    let found = (turn.state.within("studio", turn.scope()))
        .filter(|studio| {
            let user = turn
                .state
                .known("user", &studio.number("_user").to_string());
            let env = turn
                .state
                .find("compute_env", studio.scope, studio.text("_env"));
            let same = |record: Option<&Record>, field: &str, value: &str| {
                record.is_some_and(|record| record.text(field) == value)
            };
            search.finds([
                studio.text("name"),
                studio["template"]["repository"]
                    .as_str()
                    .unwrap_or_default(),
            ]) && search.all("status", |value| status(studio).eq_ignore_ascii_case(value))
                && search.all("userid", |value| {
                    studio.number("_user").to_string() == value
                })
                && search.all("username", |value| same(user, "userName", value))
                && search.all("computeenvid", |value| studio.text("_env") == value)
                && search.all("computeenvname", |value| same(env, "name", value))
                // The API has no way to give a Studio a star.
                && search.all("is", |_| false)
        })
        .filter(|studio| demand_own(turn, studio).is_ok());
    let page = turn.call.page(found)?;
    let studios: Vec<Value> = page.items.iter().map(|studio| show(turn, studio)).collect();
    answer(json!({ "studios": studios, "totalSize": page.total }))
}

fn templates(turn: &mut Turn<'_>) -> Reply {
    let page = turn.call.page(make::TEMPLATES)?;
    let templates: Vec<Value> = page
        .items
        .iter()
        .map(|(_, image)| make::studio_template(image))
        .collect();
    answer(json!({ "templates": templates, "totalSize": page.total }))
}

/// Creates a Studio and, unless told not to, starts it.
fn create(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.required("name")?.to_owned();
    STUDIO.check_name(turn, &name, None)?;
    let env = find_env(turn, turn.call.required("computeEnvId")?)?;
    let labels = numbers(turn.call.field("labelIds"));
    STUDIO.check_labels(turn, &labels, &[])?;
    let parent = parent_checkpoint(turn)?;
    let settings = super::organizations::studio_settings_of(turn.state, turn.scope());
    let number = turn.state.next_id();
    let id = format!("{:08x}", mix(number) as u32);
    let image = turn
        .call
        .text("dataStudioToolUrl")
        .unwrap_or(make::TEMPLATES[0].1)
        .to_owned();
    let now = turn.state.today();
    let private = turn
        .call
        .field("isPrivate")
        .as_bool()
        .unwrap_or(settings.is("privateStudioByDefault"));
    let studio = json!({
        "sessionId": id,
        "name": name,
        "description": turn.call.field("description"),
        "studioUrl": format!("https://{id}.studios.open-genomics.example"),
        "isPrivate": private,
        "customImage": make::TEMPLATES.iter().all(|(_, known)| *known != image),
        "template": make::studio_template(&image),
        "baseImage": image,
        "configuration": configuration(turn.call.field("configuration")),
        "effectiveLifespanHours": settings["lifespanHours"],
        "remoteConfig": turn.call.field("remoteConfig"),
        "parentCheckpoint": parent,
        "dateCreated": now,
        "lastUpdated": now,
        "statusInfo": { "status": "stopped", "message": "", "lastUpdate": now, "stopReason": null },
        "progress": [],
        "_env": env.id,
        "_user": turn.user,
        "_number": number,
    });
    let mut studio = Record::new(&id, turn.scope(), studio);
    studio.set_labels(&labels);
    if turn.call.query("autoStart") != Some("false") {
        begin(turn, &mut studio);
    }
    turn.state.keep("studio", studio.clone());
    turn.audit("studio_session_created", "data_studio", &id, &name);
    answer(json!({ "studio": show(turn, &studio) }))
}

fn find_env(turn: &Turn<'_>, id: &str) -> Result<Record, Refusal> {
    match turn.state.find("compute_env", turn.scope(), id) {
        None => Err(Refusal::bad_request(format!(
            "Unknown compute environment with id: {id}"
        ))),
        Some(env) if env["status"] != "AVAILABLE" => Err(Refusal::bad_request(format!(
            "The compute environment is {}, not AVAILABLE",
            env.text("status")
        ))),
        Some(env) if !runs_studios(env) => Err(Refusal::bad_request(format!(
            "No Studio can run on {}",
            env.text("platform")
        ))),
        Some(env) => Ok(env.clone()),
    }
}

/// On which a Studio can run: those in the cloud.
fn compute_envs(turn: &mut Turn<'_>) -> Reply {
    STUDIO.find(turn)?;
    let found: Vec<Value> = (turn.state.within("compute_env", turn.scope()))
        .filter(|env| env["status"] == "AVAILABLE" && runs_studios(env))
        .map(|env| COMPUTE_ENV.show(turn, env))
        .collect();
    let total = found.len();
    answer(list_reply(turn, found, total))
}

fn runs_studios(env: &Record) -> bool {
    matches!(
        env.text("platform"),
        "aws-batch" | "aws-cloud" | "google-cloud" | "azure-cloud" | "seqeracompute-platform"
    )
}

fn configuration(given: &Value) -> Value {
    let or = |name: &str, usual: Value| {
        if given[name].is_null() {
            usual
        } else {
            given[name].clone()
        }
    };
    let mut configuration = if given.is_object() {
        given.clone()
    } else {
        json!({})
    };
    configuration["cpu"] = or("cpu", json!(2));
    configuration["gpu"] = or("gpu", json!(0));
    configuration["memory"] = or("memory", json!(8192));
    configuration["mountData"] = or("mountData", json!([]));
    configuration
}

fn parent_checkpoint(turn: &Turn<'_>) -> Result<Value, Refusal> {
    let Some(id) = turn.call.field("initialCheckpointId").as_i64() else {
        return Ok(Value::Null);
    };
    let unknown = || Refusal::bad_request(format!("Unknown checkpoint with id: {id}"));
    let checkpoint = turn
        .state
        .known("checkpoint", &id.to_string())
        .ok_or_else(unknown)?;
    let studio = turn
        .state
        .all("studio")
        .find(|studio| studio.number("_number") == checkpoint.scope);
    Ok(json!({
        "checkpointId": id,
        "checkpointName": checkpoint["name"],
        "sessionId": studio.map(|studio| studio["sessionId"].clone()),
        "studioName": studio.map(|studio| studio["name"].clone()),
    }))
}

fn info(status: &str, now: &str) -> Value {
    json!({ "status": status, "message": "", "lastUpdate": now, "stopReason": null })
}

/// When a session ends by itself, `hours` after its start; none without a limit.
fn expiry(start: Millis, hours: i64) -> Option<Value> {
    (hours > 0).then(|| {
        let at = start + hours * HOUR;
        let mut stopped = info("stopped", &iso(at));
        stopped["stopReason"] = json!("LIFESPAN_EXPIRED");
        json!({ "at": at, "fields": { "statusInfo": stopped } })
    })
}

/// How many hours a session of this workspace lasts; 0 without a limit.
fn lifespan(turn: &Turn<'_>) -> i64 {
    super::organizations::studio_settings_of(turn.state, turn.scope()).number("lifespanHours")
}

/// Sets a Studio going. A session begins with a checkpoint, into which it is saved.
fn begin(turn: &mut Turn<'_>, studio: &mut Record) {
    let at = turn.state.now() + turn.state.settings.settling;
    let now = turn.state.today();
    studio.set("effectiveLifespanHours", lifespan(turn));
    studio.set("statusInfo", info("starting", &now));
    studio.set("lastStarted", now.clone());
    studio.set("_started", turn.state.now());
    let mut running = json!({ "statusInfo": info("running", &iso(at)), "progress": [] });
    if let Some(expiry) = expiry(turn.state.now(), studio.number("effectiveLifespanHours")) {
        running["_settles"] = expiry;
    }
    later(studio, at, running);
    studio.set(
        "progress",
        json!([{ "status": "in-progress", "message": "Waiting for a machine", "warnings": [] }]),
    );
    let number = turn.state.next_id();
    let checkpoint = json!({
        "id": number,
        "name": format!("{}_{}", studio.text("name"), number),
        "author": turn.state.user_info(turn.user),
        "dateCreated": now,
        "dateSaved": now,
        "path": format!(".studios/checkpoints/{}", studio.text("sessionId")),
        "status": "interim",
    });
    turn.state.keep(
        "checkpoint",
        Record::new(number, studio.number("_number"), checkpoint),
    );
}

/// Answered by 202 while it starts or stops.
fn describe(turn: &mut Turn<'_>) -> Reply {
    let studio = STUDIO.find(turn)?;
    demand_own(turn, &studio)?;
    let status = match status(&studio) {
        "starting" | "stopping" | "building" => 202,
        _ => 200,
    };
    Ok(crate::call::Answer::from(show(turn, &studio)).with_status(status))
}

fn job(studio: &Record) -> Value {
    json!({ "jobSubmitted": true, "sessionId": studio.id, "statusInfo": studio["statusInfo"] })
}

/// What an update and a start take over: absent leaves, null clears.
fn take_over(turn: &mut Turn<'_>, studio: &mut Record) -> Result<(), Refusal> {
    if let Some(name) = turn.call.text("name").map(str::to_owned) {
        STUDIO.check_name(turn, &name, Some(&studio.id))?;
        studio.set("name", name);
    }
    if let Some(description) = turn.call.body.get("description") {
        studio.set("description", description.clone());
    }
    let given = turn.call.field("configuration");
    if given.is_object() {
        studio.set("configuration", configuration(given));
    }
    if turn.call.body.get("labelIds").is_some_and(Value::is_array) {
        let labels = numbers(turn.call.field("labelIds"));
        STUDIO.check_labels(turn, &labels, &studio.labels())?;
        studio.set_labels(&labels);
    }
    Ok(())
}

fn start(turn: &mut Turn<'_>) -> Reply {
    let mut studio = STUDIO.find(turn)?;
    demand_own(turn, &studio)?;
    if !matches!(status(&studio), "starting" | "running" | "building") {
        take_over(turn, &mut studio)?;
        begin(turn, &mut studio);
        turn.state.replace("studio", &studio);
    }
    answer(job(&studio))
}

fn stop(turn: &mut Turn<'_>) -> Reply {
    let mut studio = STUDIO.find(turn)?;
    demand_own(turn, &studio)?;
    if matches!(status(&studio), "starting" | "running" | "building") {
        let at = turn.state.now() + turn.state.settings.settling;
        let now = turn.state.today();
        studio.set("statusInfo", info("stopping", &now));
        studio.set("progress", json!([]));
        later(
            &mut studio,
            at,
            json!({ "statusInfo": info("stopped", &iso(at)) }),
        );
        turn.state.replace("studio", &studio);
    }
    answer(job(&studio))
}

/// Not while it runs.
fn update(turn: &mut Turn<'_>) -> Reply {
    let mut studio = STUDIO.find(turn)?;
    demand_own(turn, &studio)?;
    if status(&studio) != "stopped" {
        return Err(Refusal::conflict("A Studio can't be changed while it runs"));
    }
    if let Some(id) = turn.call.text("computeEnvId") {
        let env = find_env(turn, id)?;
        studio.set("_env", env.id);
    }
    take_over(turn, &mut studio)?;
    studio.set("lastUpdated", turn.state.today());
    turn.state.replace("studio", &studio);
    turn.audit(
        "studio_session_updated",
        "data_studio",
        &studio.id,
        studio.text("name"),
    );
    answer(show(turn, &studio))
}

fn extend(turn: &mut Turn<'_>) -> Reply {
    let mut studio = STUDIO.find(turn)?;
    demand_own(turn, &studio)?;
    if status(&studio) != "running" {
        return Err(Refusal::conflict("The Studio doesn't run"));
    }
    let (started, hours) = (studio.number("_started"), lifespan(turn));
    let lived = (turn.state.now() - started + HOUR - 1) / HOUR;
    // As long from now as a session lasts from its start.
    if let Some(expiry) = expiry(started, if hours > 0 { hours + lived } else { 0 }) {
        studio.set("effectiveLifespanHours", hours + lived);
        studio.set("_settles", expiry);
    }
    turn.state.replace("studio", &studio);
    answer(show(turn, &studio))
}

/// Newest first.
fn checkpoints(turn: &mut Turn<'_>) -> Reply {
    let studio = STUDIO.find(turn)?;
    let search = turn.search(&["status", "before", "after", "author"]);
    let mut bounds = Vec::new();
    for (keyword, value) in &search.keywords {
        if keyword == "before" || keyword == "after" {
            bounds.push((
                keyword.as_str(),
                crate::behaviour::search::Search::time(value)?,
            ));
        }
    }
    let found = (turn
        .state
        .within("checkpoint", studio.number("_number"))
        .rev())
    .filter(|checkpoint| search.finds([checkpoint.text("name")]))
    .filter(|checkpoint| search.all("status", |value| checkpoint.text("status") == value))
    .filter(|checkpoint| {
        let saved = parse_time(checkpoint.text("dateSaved")).unwrap_or_default();
        bounds.iter().all(|(keyword, time)| {
            if *keyword == "after" {
                saved >= *time
            } else {
                saved <= *time
            }
        })
    });
    let page = turn.call.page(found)?;
    let checkpoints: Vec<Value> = page.items.into_iter().map(Record::value).collect();
    answer(json!({ "checkpoints": checkpoints, "totalSize": page.total }))
}

fn find_checkpoint(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let studio = STUDIO.find(turn)?;
    let id = turn.call.path("checkpointId");
    (turn
        .state
        .find("checkpoint", studio.number("_number"), id)
        .cloned())
    .ok_or_else(|| Refusal::not_found(format!("Unknown checkpoint with id: {id}")))
}

fn checkpoint(turn: &mut Turn<'_>) -> Reply {
    answer(find_checkpoint(turn)?.value())
}

fn rename_checkpoint(turn: &mut Turn<'_>) -> Reply {
    let mut checkpoint = find_checkpoint(turn)?;
    checkpoint.set("name", turn.call.required("name")?);
    if let Some(kept) = turn
        .state
        .find_mut("checkpoint", checkpoint.scope, &checkpoint.id)
    {
        *kept = checkpoint.clone();
    }
    answer(checkpoint.value())
}

fn mounted(turn: &mut Turn<'_>) -> Reply {
    let wanted = turn.call.query_list("status");
    let mut ids: Vec<String> = (turn.state.within("studio", turn.scope()))
        .filter(|studio| turn.call.query("exclude") != Some(&studio.id))
        .filter(|studio| wanted.is_empty() || wanted.contains(&status(studio)))
        .flat_map(mounts)
        .collect();
    ids.sort();
    ids.dedup();
    answer(json!({ "dataLinkIds": ids }))
}
