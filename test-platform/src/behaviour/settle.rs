//! What takes a while: compute environments and Studios that come and go, and what a clock sets off.

use serde_json::{Value, json};

use crate::state::{Millis, Record, State, iso};

/// Kinds with records that settle.
const KINDS: &[&str] = &["compute_env", "studio", "action"];

/// Makes a record change its fields after a while; `null` in the place of fields forgets it.
pub fn later(record: &mut Record, at: Millis, fields: Value) {
    record.set("_settles", json!({ "at": at, "fields": fields }));
}

/// Lets everything settle that is due by now.
pub fn settle(state: &mut State) {
    let now = state.now();
    for kind in KINDS {
        let mut gone = Vec::new();
        for record in state.all_mut(kind) {
            let due = record["_settles"]["at"]
                .as_i64()
                .is_some_and(|at| at <= now);
            if !due {
                continue;
            }
            let at = record["_settles"]["at"].as_i64().unwrap_or(now);
            let settled = record.fields.remove("_settles").unwrap_or_default();
            let Value::Object(fields) = &settled["fields"] else {
                gone.push(record.id.clone());
                continue;
            };
            for (name, value) in fields {
                record.set(name, value.clone());
            }
            record.set("lastUpdated", iso(at));
        }
        if !gone.is_empty() {
            state.forget(kind, |record| gone.contains(&record.id));
        }
    }
}
