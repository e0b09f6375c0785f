//! Actions: launches that a call or the clock sets off.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::launch::start;
use super::turn::Turn;
use crate::behaviour::actions::{configure, endpoint};
use crate::behaviour::cron::Cron;
use crate::behaviour::launch::{described, of_action, parameters};
use crate::behaviour::settle::later;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Millis, Record, iso, object, parse_time};

pub const ROUTES: Routes = &[
    ("ListActionTypes", types),
    ("LaunchAction", launch_by_call),
    ("PauseAction", pause),
    ("ResolveCronExpression", resolve),
];

pub static ACTION: Entity = Entity {
    kind: "action",
    title: "action",
    scope: Scope::Context,
    id: Id::Text(22),
    id_field: "id",
    parameter: "actionId",
    one: "action",
    name: "name",
    missing: 403,
    audit: "action",
    defaults: || json!({ "lastSeen": null, "error": null, "event": null, "nextExecution": null }),
    hooks: Hooks {
        made: |turn, record| {
            configure(turn.state, record)?;
            ACTION.identify(turn, record);
            record.set("hookId", record.id.clone());
            record.set("status", "CREATING");
            later(
                record,
                turn.state.now() + turn.state.settings.settling,
                json!({ "status": "ACTIVE" }),
            );
            Ok(())
        },
        changed: |turn, record, before| {
            record.set("source", before["source"].clone());
            configure(turn.state, record)
        },
        shown: show,
        ..PLAIN
    },
    operations: &[
        ("CreateAction", Verb::Create),
        ("ListActions", Verb::List),
        ("DescribeAction", Verb::Describe),
        ("UpdateAction", Verb::Update),
        ("DeleteAction", Verb::Delete),
        ("ValidateActionName", Verb::Validate),
    ],
};

fn show(turn: &Turn<'_>, record: &Record, value: &mut Value) {
    value["launch"] = described(turn.state, &of_action(record), record.scope);
    value["pipeline"] = record["launch"]["pipeline"].clone();
    let endpoint = endpoint(turn.state, record);
    value["usageCmd"] = match record["source"] == "tower" {
        true => json!(format!(
            "curl -H 'Content-Type: application/json' -H 'Authorization: Bearer <token>' {endpoint} --data '{{\"params\":{{}}}}'"
        )),
        false => Value::Null,
    };
    value["hookUrl"] = json!(endpoint);
    value["endpoint"] = json!(endpoint);
}

fn types(_: &mut Turn<'_>) -> Reply {
    let sort = |source: &str, display: &str, description: &str| json!({ "source": source, "display": display, "description": description, "enabled": true });
    answer(json!({ "eventTypes": [
        sort("github", "GitHub webhook", "A push to a repository"),
        sort("tower", "Launch hook", "A call of the action's endpoint"),
        sort("bucket", "Bucket event", "Files that arrive in a bucket"),
        sort("cron", "Schedule", "The clock"),
    ] }))
}

/// A switch: pauses an active action, resumes a paused one.
fn pause(turn: &mut Turn<'_>) -> Reply {
    let record = ACTION.find(turn)?;
    let now = turn.state.now();
    let cron = Cron::read(record.text("_cron"));
    if let Some(kept) = turn.state.find_mut("action", record.scope, &record.id) {
        let was_paused = kept["status"] == "PAUSED";
        kept.set("status", if was_paused { "ACTIVE" } else { "PAUSED" });
        let next = cron.filter(|_| was_paused).and_then(|cron| cron.after(now));
        kept.set("nextExecution", next.map(iso));
        kept.fields.remove("_settles");
    }
    Ok(DONE)
}

fn launch_by_call(turn: &mut Turn<'_>) -> Reply {
    let record = ACTION.find(turn)?;
    if record["source"] != "tower" {
        return Err(Refusal::bad_request(
            "Only actions of the kind `tower` are launched by a call",
        ));
    }
    if record["status"] == "PAUSED" {
        return Err(Refusal::bad_request("The action is paused"));
    }
    let mut settings = object(record["launch"].clone());
    if let Some(params) = turn
        .call
        .field("params")
        .as_object()
        .filter(|params| !params.is_empty())
    {
        let mut own = match settings.get("paramsText").and_then(Value::as_str) {
            Some(text) => parameters(text)?,
            None => serde_json::Map::new(),
        };
        own.extend(params.clone());
        settings.insert(
            "paramsText".to_owned(),
            json!(Value::Object(own).to_string()),
        );
    }
    let id = run(turn, &record, settings)?;
    answer(json!({ "workflowId": id }))
}

/// Launches what an action is configured with.
fn run(
    turn: &mut Turn<'_>,
    record: &Record,
    settings: serde_json::Map<String, Value>,
) -> Result<String, Refusal> {
    let run = start(turn, record.scope, settings, &record.labels())?;
    let now = turn.state.today();
    let event = json!({ "discriminator": record["source"], "timestamp": now, "workflowId": run });
    if let Some(kept) = turn.state.find_mut("action", record.scope, &record.id) {
        kept.set("lastSeen", now);
        kept.set("event", event);
    }
    Ok(run)
}

/// How many overdue launches of one action are made up for at once.
const MOST_OVERDUE: usize = 100;

/// Launches what the clock has set off since the last call.
pub fn fire(turn: &mut Turn<'_>) {
    let now = turn.state.now();
    let due = |record: &Record| -> Option<Millis> {
        let next = parse_time(record.text("nextExecution"))?;
        (record["status"] == "ACTIVE" && next <= now).then_some(next)
    };
    let overdue: Vec<Record> = turn
        .state
        .all("action")
        .filter(|record| due(record).is_some())
        .cloned()
        .collect();
    for record in overdue {
        let Some(cron) = Cron::read(record.text("_cron")) else {
            continue;
        };
        let mut next = due(&record);
        let mut launches = 0;
        while let Some(at) = next.filter(|at| *at <= now) {
            launches += 1;
            if launches <= MOST_OVERDUE {
                let outcome = run(turn, &record, object(record["launch"].clone()));
                if let (Err(refusal), Some(kept)) = (
                    outcome,
                    turn.state.find_mut("action", record.scope, &record.id),
                ) {
                    kept.set("error", refusal.body["message"].clone());
                }
            }
            next = cron.after(at);
        }
        if let Some(kept) = turn.state.find_mut("action", record.scope, &record.id) {
            kept.set("nextExecution", next.map(iso));
        }
    }
}

fn resolve(turn: &mut Turn<'_>) -> Reply {
    let text = turn
        .call
        .text("expression")
        .or(turn.call.text("preset"))
        .unwrap_or_default();
    let cron = Cron::read(text)
        .ok_or_else(|| Refusal::bad_request(format!("Invalid cron expression: '{text}'")))?;
    let next = cron.after(turn.state.now()).map(iso);
    answer(json!({ "expression": text, "nextExecution": next }))
}
