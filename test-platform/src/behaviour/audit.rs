//! The audit log.

use serde_json::{Value, json};

use crate::state::{Record, State, uuid};

/// How many entries are kept.
const MOST: usize = 10_000;

/// Something that happened.
pub struct Event<'a> {
    /// As the API names it: `credentials_created`.
    pub name: String,
    /// The kind of what it happened to.
    pub target: &'a str,
    pub id: &'a str,
    pub label: &'a str,
    pub scope: i64,
    pub user: i64,
    pub agent: Option<&'a str>,
    /// The number of the token that the call came with.
    pub token: i64,
}

/// Whether the API knows an event of this name.
pub fn is_event(name: &str) -> bool {
    let known = &crate::schema::schema().named("AuditEventType")["enum"];
    (known.as_array().into_iter().flatten()).any(|known| known == name)
}

pub fn record(state: &mut State, event: Event<'_>) {
    if !is_event(&event.name) {
        return;
    }
    let number = state.next_id();
    let user = state.known("user", &event.user.to_string());
    let of_user = |name: &str| user.map_or(Value::Null, |user| user[name].clone());
    let workspace = state.workspace(event.scope);
    let organization = match workspace {
        Some(_) => state.organization_of(event.scope),
        None => state.known("organization", &event.scope.to_string()),
    };
    let place = |record: Option<&Record>, id: &str| {
        record.map_or(
            Value::Null,
            |record| json!({ "id": record[id], "name": record["name"] }),
        )
    };
    let context = match (workspace, organization) {
        (Some(_), _) => "Workspace",
        (None, Some(_)) => "Organization",
        _ => "User",
    };
    let entry = json!({
        // A number, as the operation that describes an entry takes it, sent as text.
        "id": number.to_string(),
        "correlationId": uuid(number ^ 0xC0),
        "timestamp": state.today(),
        "event": event.name,
        "actor": {
            "type": "user",
            "isRoot": false,
            "userId": event.user,
            "userName": of_user("userName"),
            "email": of_user("email"),
            "firstName": of_user("firstName"),
            "lastName": of_user("lastName"),
        },
        "client": { "ip": "127.0.0.1", "userAgent": event.agent, "accessTokenId": event.token },
        "target": {
            "id": event.id,
            "name": event.label,
            "type": event.target,
            "context": context,
            "workspace": place(workspace, "id"),
            "organization": place(organization, "orgId"),
            "user": { "id": event.user, "name": of_user("userName") },
        },
        "_time": state.now(),
    });
    let id = entry["id"].as_str().unwrap_or_default().to_owned();
    state.keep("audit_log", Record::new(id, 0, entry));
    let count = state.all("audit_log").count();
    if count > MOST {
        // The oldest tenth at once, so that it isn't one by one.
        let old: Vec<String> = (state.all("audit_log").take(count / 10))
            .map(|entry| entry.id.clone())
            .collect();
        let old: std::collections::HashSet<String> = old.into_iter().collect();
        state.forget("audit_log", |entry| old.contains(&entry.id));
    }
}
