//! The audit log.

use std::fmt::Write;

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::behaviour::access;
use crate::call::{Answer, Refusal, Reply, answer};
use crate::state::{Record, parse_time};

pub const ROUTES: Routes = &[
    ("ListAuditLogsV2", list),
    ("DescribeAuditLogV2", describe),
    ("ExportAuditLogsV2Csv", export),
];

const LONGEST_EXPORT: usize = 5_000;

/// The entries that the call asks for, newest first. Only owners of an organization read them.
fn entries(turn: &Turn<'_>) -> Result<Vec<Record>, Refusal> {
    let state = &*turn.state;
    let is_owner = (state.all("organization")).any(|organization| {
        access::role_in_organization(state, turn.user, organization.number("orgId"))
            == Some("owner")
    });
    if !is_owner {
        return Err(Refusal::forbidden(
            "Missing permission(s): \"audit_log:read\"",
        ));
    }
    let bound = |name: &str| match turn.call.query(name) {
        None => Ok(None),
        Some(text) => parse_time(text)
            .map(Some)
            .ok_or_else(|| Refusal::bad_request(format!("Invalid {name}: {text}"))),
    };
    let (after, before) = (
        bound("timestampAfterOrEqual")?,
        bound("timestampBeforeOrEqual")?,
    );
    Ok((state.all("audit_log").rev())
        .filter(|entry| after.is_none_or(|after| entry.number("_time") >= after))
        .filter(|entry| before.is_none_or(|before| entry.number("_time") <= before))
        .cloned()
        .collect())
}

fn show(turn: &Turn<'_>, entry: &Record) -> Value {
    let mut value = entry.value();
    value["target"]["state"] = json!({
        "metadata": {
            "contentRequested": turn.call.wants("state"),
            "preStateStatus": "UNRECORDED",
            "postStateStatus": "UNRECORDED",
        },
    });
    value
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let max = turn.call.size("max")?.unwrap_or(50);
    if max == 0 || max > 100 {
        return Err(Refusal::bad_request(format!(
            "Invalid max value: {max} - it must be at most 100"
        )));
    }
    let entries = entries(turn)?;
    let from = match turn.call.query("nextPageToken") {
        None => 0,
        Some(token) => (entries.iter().position(|entry| entry.id == token))
            .ok_or_else(|| Refusal::bad_request(format!("Invalid page token: {token}")))?,
    };
    let page: Vec<Value> = (entries.iter().skip(from).take(max))
        .map(|entry| show(turn, entry))
        .collect();
    let next = entries.get(from + max).map(|entry| entry.id.as_str());
    answer(json!({ "auditLogs": page, "nextPageToken": next }))
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let id = turn.call.path("auditLogId");
    let entries = entries(turn)?;
    match entries.iter().find(|entry| entry.id == id) {
        Some(entry) => answer(show(turn, entry)),
        None => Err(Refusal::not_found(format!("Unknown audit log entry: {id}"))),
    }
}

fn export(turn: &mut Turn<'_>) -> Reply {
    let entries = entries(turn)?;
    if entries.len() > LONGEST_EXPORT {
        return Err(Refusal::bad_request(format!(
            "More than {LONGEST_EXPORT} entries match"
        )));
    }
    let mut csv = "id,timestamp,event,actor,target_type,target_id,target_name\n".to_owned();
    for entry in entries {
        let text = |value: &Value| value.as_str().unwrap_or_default().replace('"', "\"\"");
        // Writing to a String can't fail.
        let _ = writeln!(
            csv,
            "{},{},{},{},{},{},\"{}\"",
            text(&entry["id"]),
            text(&entry["timestamp"]),
            text(&entry["event"]),
            text(&entry["actor"]["userName"]),
            text(&entry["target"]["type"]),
            text(&entry["target"]["id"]),
            text(&entry["target"]["name"]),
        );
    }
    Ok(Answer::bytes("text/csv", csv))
}
