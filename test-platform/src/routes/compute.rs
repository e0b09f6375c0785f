//! Compute environments, which come and go in their own time.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, Scope, Verb};
use super::turn::Turn;
use crate::behaviour::compute::{identity_id, region};
use crate::behaviour::credentials::{holds_invalid, providers};
use crate::behaviour::settle::later;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::Record;

pub const ROUTES: Routes = &[
    ("DisableComputeEnv", |turn| {
        switch(turn, "AVAILABLE", "DISABLED")
    }),
    ("EnableComputeEnv", |turn| {
        switch(turn, "DISABLED", "AVAILABLE")
    }),
    ("UpdateComputeEnvPrimary", make_primary),
    ("ValidateComputeEnv", validate),
];

pub static COMPUTE_ENV: Entity = Entity {
    kind: "compute_env",
    title: "compute environment",
    scope: Scope::Context,
    id: Id::Text(22),
    id_field: "id",
    parameter: "computeEnvId",
    one: "computeEnv",
    name: "name",
    missing: 403,
    audit: "compute_environment",
    defaults: || {
        json!({
            "description": null, "deleted": false, "message": null, "primary": false, "lastUsed": null,
            "fusionMetricsCollectionEnabled": false, "managedIdentityId": null,
        })
    },
    hooks: Hooks {
        listed: |turn, record| {
            (turn.call.query("status")).is_none_or(|status| record.text("status") == status)
        },
        made: build,
        changed: |turn, record, before| {
            check_credentials(turn, record)?;
            record.set("config", before["config"].clone());
            record.set("primary", before["primary"].clone());
            Ok(())
        },
        shown: show,
        leaves: tear_down,
    },
    operations: &[
        ("CreateComputeEnv", Verb::Create),
        ("ListComputeEnvs", Verb::List),
        ("DescribeComputeEnv", Verb::Describe),
        ("UpdateComputeEnv", Verb::Update),
        ("DeleteComputeEnv", Verb::Delete),
        ("ValidateComputeEnvName", Verb::Validate),
    ],
};

/// Whether its description asks the Platform to fail: `errors` makes one that ends ERRORED.
const FAILING: &str = "errors";

fn build(turn: &mut Turn<'_>, record: &mut Record) -> Result<(), Refusal> {
    let platform = record.text("platform").to_owned();
    if platform.is_empty() {
        return Err(Refusal::bad_request("Missing `platform` parameter"));
    }
    if record["config"].as_object().is_none() {
        return Err(Refusal::bad_request("Missing `config` parameter"));
    }
    if let Some(Value::Object(config)) = record.fields.get_mut("config") {
        config
            .entry("discriminator".to_owned())
            .or_insert(json!(platform));
    }
    check_credentials(turn, record)?;
    let context = turn.state.context(turn.scope());
    record.set("orgId", context["orgId"].clone());
    record.set("workspaceId", context["workspaceId"].clone());
    // The first of a context is its primary one.
    let is_first = turn
        .state
        .within("compute_env", turn.scope())
        .next()
        .is_none();
    record.set("primary", is_first);
    record.set("status", "CREATING");
    let outcome = match record["description"].as_str() {
        Some(FAILING) => {
            json!({ "status": "ERRORED", "message": "The provider refused to create the resources" })
        }
        _ => json!({ "status": "AVAILABLE" }),
    };
    later(
        record,
        turn.state.now() + turn.state.settings.settling,
        outcome,
    );
    Ok(())
}

fn check_credentials(turn: &Turn<'_>, record: &Record) -> Result<(), Refusal> {
    let platform = record.text("platform");
    let Some(id) = record["credentialsId"].as_str() else {
        let identity = identity_id(record);
        let organization = turn.state.workspace(record.scope);
        return match (organization, identity) {
            _ if providers(platform).is_empty() => Ok(()),
            (_, None) => Err(Refusal::bad_request("Missing `credentialsId` parameter")),
            (Some(workspace), Some(id))
                if (turn.state.find("managed_identity", workspace.scope, &id)).is_some() =>
            {
                Ok(())
            }
            (_, Some(id)) => Err(Refusal::bad_request(format!(
                "Unknown managed identity with id: {id}"
            ))),
        };
    };
    match turn.state.find("credentials", record.scope, id) {
        None => Err(Refusal::bad_request(format!(
            "Unknown credentials with id: {id}"
        ))),
        Some(credentials) if !providers(platform).contains(&credentials.text("provider")) => {
            Err(Refusal::bad_request(format!(
                "Credentials of '{}' don't fit {platform}",
                credentials.text("provider")
            )))
        }
        Some(_) => Ok(()),
    }
}

fn show(turn: &Turn<'_>, record: &Record, value: &mut Value) {
    let config = &record["config"];
    let list = [
        ("region", region(record)),
        ("workDir", config["workDir"].clone()),
        ("waveEnabled", config["waveEnabled"].clone()),
        ("fusion2Enabled", config["fusion2Enabled"].clone()),
        ("schedEnabled", config["schedEnabled"].clone()),
        (
            "workspaceName",
            turn.state.workspace_field(record.scope, "name"),
        ),
        ("resources", Value::Null),
    ];
    for (name, field) in list {
        value[name] = field;
    }
    if turn.call.wants("resources") {
        value["resources"] = json!({
            "cpus": config["headJobCpus"], "memory": config["headJobMemoryMb"], "gpuEnabled": false, "gpus": 0,
        });
    }
}

/// Deletion takes a while. Stuck ones go by force alone.
fn tear_down(turn: &mut Turn<'_>, record: &Record) -> Result<bool, Refusal> {
    let status = record.text("status");
    if turn.call.flag("force") {
        return match status {
            "ERRORED" | "INVALID" | "DELETING" => Ok(true),
            _ => Err(Refusal::conflict(format!(
                "A compute environment that is {status} can't be deleted by force"
            ))),
        };
    }
    if status == "DELETING" {
        return Err(Refusal::conflict(
            "The compute environment is being deleted already",
        ));
    }
    let in_use = (crate::behaviour::life::active_runs(turn.state))
        .any(|run| run.launch.text("computeEnvId") == Some(&record.id));
    if in_use {
        return Err(Refusal::conflict("The compute environment has active jobs"));
    }
    let at = turn.state.now() + turn.state.settings.settling;
    if let Some(kept) = turn.state.find_mut("compute_env", record.scope, &record.id) {
        kept.set("status", "DELETING");
        kept.set("primary", false);
        later(kept, at, Value::Null);
    }
    Ok(false)
}

fn put(turn: &mut Turn<'_>, mut record: Record) {
    record.set("lastUpdated", turn.state.today());
    turn.state.replace("compute_env", &record);
}

fn switch(turn: &mut Turn<'_>, from: &str, to: &str) -> Reply {
    let mut record = COMPUTE_ENV.find(turn)?;
    if record["status"] != from {
        return Err(Refusal::conflict(format!(
            "The compute environment is {}, not {from}",
            record.text("status")
        )));
    }
    record.set("status", to);
    if to == "DISABLED" {
        record.set("primary", false);
    }
    put(turn, record);
    Ok(DONE)
}

fn make_primary(turn: &mut Turn<'_>) -> Reply {
    let record = COMPUTE_ENV.find(turn)?;
    if record["status"] != "AVAILABLE" {
        return Err(Refusal::bad_request(
            "Only an AVAILABLE compute environment can be the primary one",
        ));
    }
    for other in turn.state.all_mut("compute_env") {
        if other.scope == record.scope {
            let is_it = other.id == record.id;
            other.set("primary", is_it);
        }
    }
    Ok(DONE)
}

fn validate(turn: &mut Turn<'_>) -> Reply {
    let mut record = COMPUTE_ENV.find(turn)?;
    let status = record.text("status").to_owned();
    let credentials = (record["credentialsId"].as_str())
        .and_then(|id| turn.state.find("credentials", record.scope, id).cloned());
    if turn.call.flag("force") {
        let fine = credentials
            .as_ref()
            .is_none_or(|credentials| credentials["status"] == "AVAILABLE");
        if status != "INVALID" || !fine {
            return Err(Refusal::conflict(
                "Only an INVALID one with AVAILABLE credentials can be forced",
            ));
        }
    } else if !matches!(status.as_str(), "AVAILABLE" | "INVALID") {
        return Err(Refusal::bad_request(format!(
            "A compute environment that is {status} can't be validated"
        )));
    }
    let refused = !turn.call.flag("force") && credentials.as_ref().is_some_and(holds_invalid);
    let status = if refused { "INVALID" } else { "AVAILABLE" };
    let message = refused.then_some("The provider refused the credentials");
    if let Some(credentials) = credentials {
        let now = turn.state.today();
        if let Some(kept) = turn
            .state
            .find_mut("credentials", credentials.scope, &credentials.id)
        {
            kept.set("status", status);
            kept.set("message", json!(message));
            kept.set("lastValidated", now);
        }
    }
    record.set("status", status);
    record.set("message", json!(message));
    put(turn, record);
    answer(json!({ "status": status, "message": message, "transientError": false }))
}
