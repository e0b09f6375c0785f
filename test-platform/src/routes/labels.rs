//! Labels, and putting them on pipelines, runs, actions and datasets.

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, numbers};

/// What an operation does with the labels that it names.
#[derive(Clone, Copy)]
enum Change {
    Add,
    Apply,
    Remove,
}
use Change::{Add, Apply, Remove};

pub const ROUTES: Routes = &[
    ("ListLabels", list),
    ("CreateLabel", create),
    ("UpdateLabel", update),
    ("DeleteLabel", delete),
    ("GetAllowedDynamicLabels", |_| {
        answer(json!({ "values": ["sessionId", "userName", "workflowId"] }))
    }),
    ("AddLabelsToActions", |turn| associate(turn, "action", Add)),
    ("ApplyLabelsToActions", |turn| {
        associate(turn, "action", Apply)
    }),
    ("RemoveLabelsFromActions", |turn| {
        associate(turn, "action", Remove)
    }),
    ("AddLabelsToDatasets", |turn| {
        associate(turn, "dataset", Add)
    }),
    ("ApplyLabelsToDatasets", |turn| {
        associate(turn, "dataset", Apply)
    }),
    ("RemoveLabelsFromDatasets", |turn| {
        associate(turn, "dataset", Remove)
    }),
    ("AddLabelsToPipelines", |turn| {
        associate(turn, "pipeline", Add)
    }),
    ("ApplyLabelsToPipelines", |turn| {
        associate(turn, "pipeline", Apply)
    }),
    ("RemoveLabelsFromPipelines", |turn| {
        associate(turn, "pipeline", Remove)
    }),
    ("AddLabelsToWorkflows", |turn| {
        associate(turn, "workflow", Add)
    }),
    ("ApplyLabelsToWorkflows", |turn| {
        associate(turn, "workflow", Apply)
    }),
    ("RemoveLabelsFromWorkflows", |turn| {
        associate(turn, "workflow", Remove)
    }),
];

/// What may carry labels.
const CARRIERS: &[&str] = &["pipeline", "dataset", "action", "compute_env", "studio"];

fn list(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&[]);
    let wants_resource = match turn.call.query("type") {
        Some("simple") => Some(false),
        Some("resource") => Some(true),
        _ => None,
    };
    let default = turn.call.query("isDefault").map(|flag| flag == "true");
    let found = (turn.state.within("label", turn.scope()))
        .filter(|label| search.finds([label.text("name"), label.text("value")]))
        .filter(|label| wants_resource.is_none_or(|wants| wants == label.is("resource")))
        .filter(|label| default.is_none_or(|default| default == label.is("isDefault")));
    let page = turn.call.page(found)?;
    let labels: Vec<Value> = page.items.into_iter().map(Record::value).collect();
    answer(json!({ "labels": labels, "totalSize": page.total }))
}

/// 2 to 39 letters and digits, separated by single `-` or `_`, which are neither first nor last.
fn check_name(name: &str) -> Result<(), Refusal> {
    let is_separator = |letter: char| letter == '-' || letter == '_';
    let fits = (2..=39).contains(&name.chars().count())
        && name
            .chars()
            .all(|letter| letter.is_alphanumeric() || is_separator(letter))
        && name.split(is_separator).all(|part| !part.is_empty());
    match fits {
        true => Ok(()),
        false => Err(Refusal::bad_request(format!(
            "Invalid label name: '{name}'"
        ))),
    }
}

/// Creates a label, or gives back the one there is.
fn create(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.required("name")?.to_owned();
    check_name(&name)?;
    let is_resource = turn.call.field("resource") == &json!(true);
    let value = turn.call.text("value").map(str::to_owned);
    if is_resource != value.is_some() {
        return Err(Refusal::bad_request(
            "Resource labels, and only they, have a value",
        ));
    }
    let same = |label: &&Record| {
        label["name"] == name.as_str() && label["value"].as_str() == value.as_deref()
    };
    if let Some(label) = turn.state.within("label", turn.scope()).find(same) {
        return answer(label.value());
    }
    let number = turn.state.next_id();
    let label = json!({
        "id": number,
        "name": name,
        "value": value,
        "resource": is_resource,
        "isDefault": turn.call.field("isDefault") == &json!(true),
        "isDynamic": value.as_deref().is_some_and(|value| value.contains("${")),
        "isInterpolated": false,
        "dateCreated": turn.state.today(),
    });
    let label = Record::new(number, turn.scope(), label);
    turn.state.keep("label", label.clone());
    turn.audit("label_created", "label", &label.id, &name);
    answer(label.value())
}

fn find(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let id = turn.call.path("labelId");
    (turn.state.find("label", turn.scope(), id).cloned())
        .ok_or_else(|| Refusal::forbidden(format!("Unknown label with id: {id}")))
}

fn update(turn: &mut Turn<'_>) -> Reply {
    let mut label = find(turn)?;
    if let Some(name) = turn.call.text("name") {
        check_name(name)?;
        label.set("name", name);
    }
    if label.is("resource") {
        label.set("value", turn.call.required("value")?);
    }
    if let Some(default) = turn.call.field("isDefault").as_bool() {
        label.set("isDefault", default);
    }
    let same = |other: &Record| {
        other.id != label.id && other["name"] == label["name"] && other["value"] == label["value"]
    };
    if turn.state.within("label", label.scope).any(same) {
        return Err(Refusal::conflict(format!(
            "Label '{}' already exists",
            label.text("name")
        )));
    }
    turn.state.replace("label", &label);
    turn.audit("label_updated", "label", &label.id, label.text("name"));
    answer(label.value())
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let label = find(turn)?;
    let number = label.number("id");
    for kind in CARRIERS {
        for record in turn.state.all_mut(kind) {
            let mut labels = record.labels();
            if labels.contains(&number) {
                labels.retain(|id| *id != number);
                record.set_labels(&labels);
            }
        }
    }
    for run in &mut turn.state.runs {
        run.labels.retain(|id| *id != number);
    }
    turn.state.forget_one("label", &label);
    turn.audit("label_deleted", "label", &label.id, label.text("name"));
    Ok(DONE)
}

/// Changes the labels of everything that the body names, or of nothing.
fn associate(turn: &mut Turn<'_>, kind: &str, change: Change) -> Reply {
    let labels = numbers(turn.call.field("labelIds"));
    turn.check_labels(&labels)?;
    if kind == "dataset" {
        let is_resource = |id: &&i64| {
            turn.state
                .known("label", &id.to_string())
                .is_some_and(|label| label.is("resource"))
        };
        if labels.iter().any(|id| is_resource(&id)) {
            return Err(Refusal::bad_request("Datasets take simple labels only"));
        }
    }
    let field = format!("{kind}Ids");
    let ids: Vec<String> = (turn.call.field(&field).as_array().into_iter().flatten())
        .map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
        .collect();
    if ids.is_empty() {
        return Err(Refusal::bad_request(format!("Missing `{field}` parameter")));
    }
    let scope = turn.scope();
    let is_known = |id: &&String| match kind {
        "workflow" => turn.state.run(scope, id).is_some(),
        _ => turn.state.find(kind, scope, id).is_some(),
    };
    if let Some(unknown) = ids.iter().find(|id| !is_known(id)) {
        let status = if kind == "workflow" { 404 } else { 403 };
        return Err(Refusal::new(
            status,
            format!("Unknown {kind} with id: {unknown}"),
        ));
    }
    let mut changed = Vec::new();
    for id in ids {
        let mut own = match kind {
            "workflow" => turn.state.run(scope, &id).map(|run| run.labels.clone()),
            _ => turn.state.find(kind, scope, &id).map(Record::labels),
        }
        .unwrap_or_default();
        apply(&mut own, &labels, change);
        turn.check_labels(&own)?;
        changed.push((id, own));
    }
    for (id, own) in changed {
        if kind == "workflow" {
            if let Some(run) = turn.state.run_mut(scope, &id) {
                run.labels = own;
            }
        } else if let Some(record) = turn.state.find_mut(kind, scope, &id) {
            record.set_labels(&own);
        }
    }
    Ok(DONE)
}

fn apply(own: &mut Vec<i64>, named: &[i64], change: Change) {
    match change {
        Apply => *own = named.to_vec(),
        Remove => own.retain(|id| !named.contains(id)),
        Add => {
            for id in named {
                if !own.contains(id) {
                    own.push(*id);
                }
            }
        }
    }
}
