//! What takes a while: compute environments and Studios that come and go, and what a clock sets off.

use serde_json::{Value, json};

use crate::state::{Millis, Record, State, iso};

/// Kinds with records that settle.
const KINDS: &[&str] = &["compute_env", "studio", "action"];

/// Makes a record change its fields after a while; `null` in the place of fields forgets it.
pub fn later(record: &mut Record, at: Millis, fields: Value) {
    record.set("_settles", json!({ "at": at, "fields": fields }));
}

/// The last checkpoint of a Studio's session holds all of it once the session is over.
fn finish_checkpoint(state: &mut State, studio: i64, at: &str) {
    let mut checkpoints = state.all_mut("checkpoint");
    if let Some(checkpoint) = checkpoints.rfind(|checkpoint| checkpoint.scope == studio) {
        checkpoint.set("status", "finalized");
        checkpoint.set("dateSaved", at);
    }
}

/// Lets everything settle that is due by now.
pub fn settle(state: &mut State) {
    let now = state.now();
    for kind in KINDS {
        let (mut gone, mut stopped) = (Vec::new(), Vec::new());
        for record in state.all_mut(kind) {
            // What settles may settle again later.
            while let Some(at) = record["_settles"]["at"].as_i64().filter(|at| *at <= now) {
                let settled = record.fields.remove("_settles").unwrap_or_default();
                let Value::Object(fields) = &settled["fields"] else {
                    gone.push(record.id.clone());
                    break;
                };
                for (name, value) in fields {
                    record.set(name, value.clone());
                }
                record.set("lastUpdated", iso(at));
                if record["statusInfo"]["status"] == "stopped" {
                    stopped.push((record.number("_number"), iso(at)));
                }
            }
        }
        if !gone.is_empty() {
            state.forget(kind, |record| gone.contains(&record.id));
        }
        for (studio, at) in stopped {
            finish_checkpoint(state, studio, &at);
        }
    }
}
