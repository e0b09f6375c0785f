//! Credentials, whose secrets are only ever written, and pipeline secrets.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::turn::Turn;
use crate::behaviour::compute::dependent_runs;
use crate::behaviour::credentials::{hide_secrets, holds_invalid, providers};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, object};

pub const ROUTES: Routes = &[
    ("DeleteCredentials", delete),
    ("DescribeCredentials", describe),
    ("ValidateCredentials", probe),
];

pub static CREDENTIALS: Entity = Entity {
    kind: "credentials",
    title: "credentials",
    scope: Scope::Context,
    id: Id::Text(22),
    id_field: "id",
    parameter: "credentialsId",
    one: "credentials",
    name: "name",
    missing: 403,
    audit: "credentials",
    defaults: || {
        json!({
            "description": null, "baseUrl": null, "category": null, "deleted": false, "status": "AVAILABLE",
            "message": null, "lastUsed": null, "lastValidated": null,
        })
    },
    hooks: Hooks {
        listed: is_for_platform,
        made: complete,
        changed: |turn, record, _| complete(turn, record),
        ..PLAIN
    },
    operations: &[
        ("CreateCredentials", Verb::Create),
        ("ListCredentials", Verb::List),
        ("UpdateCredentials", Verb::Update),
        ("ValidateCredentialsName", Verb::Validate),
    ],
};

fn is_for_platform(turn: &Turn<'_>, record: &Record) -> bool {
    (turn.call.query("platformId"))
        .is_none_or(|platform| providers(platform).contains(&record.text("provider")))
}

/// Makes an external id where one is asked for, and hides the secrets.
fn complete(turn: &mut Turn<'_>, record: &mut Record) -> Result<(), Refusal> {
    if record.text("provider").is_empty() {
        return Err(Refusal::bad_request("Missing `provider` parameter"));
    }
    hide_secrets(record);
    if turn.call.flag("useExternalId") && record["keys"]["externalId"].is_null() {
        let number = turn.state.next_id();
        let mut keys = object(record["keys"].clone());
        keys.insert("externalId".to_owned(), json!(crate::state::uuid(number)));
        record.set("keys", Value::Object(keys));
    }
    Ok(())
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let record = CREDENTIALS.find(turn)?;
    let snippet = record["keys"]["externalId"]
        .as_str()
        .map(|id| json!({ "Condition": { "StringEquals": { "sts:ExternalId": id } } }).to_string());
    answer(json!({ "credentials": CREDENTIALS.show(turn, &record), "setupSnippet": snippet }))
}

/// Probes the provider: whose secret says so (`invalid`), is refused by it.
fn probe(turn: &mut Turn<'_>) -> Reply {
    let mut record = CREDENTIALS.find(turn)?;
    let was_invalid = record["status"] == "INVALID";
    if turn.call.flag("force") && !was_invalid {
        return Err(Refusal::conflict(
            "Only INVALID credentials can be forced to be AVAILABLE",
        ));
    }
    let refused = !turn.call.flag("force") && holds_invalid(&record);
    let status = if refused { "INVALID" } else { "AVAILABLE" };
    let message = refused.then_some("The provider refused the credentials");
    record.set("status", status);
    record.set("message", json!(message));
    record.set("lastValidated", turn.state.today());
    turn.state.replace("credentials", &record);
    answer(json!({ "status": status, "message": message, "transientError": false }))
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let record = CREDENTIALS.find(turn)?;
    let conflicts = dependent_runs(turn.state, |_, env| {
        env["credentialsId"] == record.id.as_str()
    });
    if turn.call.flag("checked") && !conflicts.is_empty() {
        return Err(Refusal {
            status: 409,
            body: json!({ "credentialsId": record.id, "conflicts": conflicts }),
        });
    }
    turn.state.forget_one("credentials", &record);
    let name = record.text("name").to_owned();
    turn.audit("credentials_deleted", "credentials", &record.id, &name);
    Ok(DONE)
}

pub static SECRET: Entity = Entity {
    kind: "pipeline_secret",
    title: "pipeline secret",
    scope: Scope::Context,
    id: Id::Number,
    id_field: "id",
    parameter: "secretId",
    one: "pipelineSecret",
    name: "name",
    missing: 403,
    audit: "pipeline_secret",
    defaults: || json!({ "lastUsed": null }),
    hooks: Hooks {
        made: hide_value,
        changed: |turn, record, _| hide_value(turn, record),
        ..PLAIN
    },
    operations: &[
        ("CreatePipelineSecret", Verb::Create),
        ("ListPipelineSecrets", Verb::List),
        ("DescribePipelineSecret", Verb::Describe),
        ("UpdatePipelineSecret", Verb::Update),
        ("DeletePipelineSecret", Verb::Delete),
        ("ValidatePipelineSecretName", Verb::Validate),
    ],
};

fn hide_value(_: &mut Turn<'_>, record: &mut Record) -> Result<(), Refusal> {
    match record.fields.remove("value") {
        Some(Value::String(value)) if !value.is_empty() => record.set("_value", value),
        _ => return Err(Refusal::bad_request("Missing `value` parameter")),
    }
    Ok(())
}
