//! Roles: the predefined, and custom ones of an organization.

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::behaviour::PERMISSIONS;
use crate::behaviour::access::{self, ROLES};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, State};

pub const ROUTES: Routes = &[
    ("ListRoles", list),
    ("CreateRole", create),
    ("DescribeRole", describe),
    ("UpdateRole", update),
    ("DeleteRole", delete),
    ("ValidateRoleName", validate),
    ("ListRolePermissions", permissions),
];

pub fn permits(state: &State, organization: i64, role: &str, permission: &str) -> bool {
    access::role_permits(state, organization, role, permission)
}

fn predefined() -> impl Iterator<Item = Value> {
    (ROLES.iter()).map(|(name, description)| {
        json!({
            "name": name,
            "description": description,
            "isPredefined": true,
            "permissions": access::permissions_of(name),
        })
    })
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.query("name").unwrap_or_default().to_lowercase();
    let sort = turn.call.query("type");
    let custom = turn
        .state
        .within("role", turn.context.organization)
        .map(Record::value);
    let found = (predefined().chain(custom))
        .filter(|role| {
            role["name"]
                .as_str()
                .is_some_and(|own| own.to_lowercase().contains(&name))
        })
        .filter(|role| {
            sort.is_none_or(|sort| (sort == "predefined") == (role["isPredefined"] == true))
        });
    let page = turn.call.page(found)?;
    answer(json!({ "roles": page.items, "totalSize": page.total }))
}

fn check_name(turn: &Turn<'_>, name: &str, own: Option<&str>) -> Result<(), Refusal> {
    let is_custom = turn
        .state
        .find("role", turn.context.organization, name)
        .is_some();
    let is_taken = ROLES
        .iter()
        .any(|(known, _)| known.eq_ignore_ascii_case(name))
        || is_custom;
    match own != Some(name) && is_taken {
        true => Err(Refusal::conflict(format!(
            "Role name '{name}' already exists"
        ))),
        false => Ok(()),
    }
}

/// The fields of a role that a request holds.
fn given(turn: &Turn<'_>) -> Result<Value, Refusal> {
    let name = turn.call.required("name")?;
    let permissions = turn.call.texts("permissions");
    if let Some(unknown) = permissions
        .iter()
        .find(|name| PERMISSIONS.iter().all(|(known, _)| known != *name))
    {
        return Err(Refusal::bad_request(format!(
            "Unknown permission: {unknown}"
        )));
    }
    Ok(json!({
        "name": name,
        "description": turn.call.field("description"),
        "permissions": permissions,
        "isPredefined": false,
    }))
}

fn create(turn: &mut Turn<'_>) -> Reply {
    let role = given(turn)?;
    let name = turn.call.required("name")?.to_owned();
    check_name(turn, &name, None)?;
    let role = Record::new(&name, turn.context.organization, role);
    turn.state.keep("role", role.clone());
    turn.audit("role_created", "custom_role", &name, &name);
    answer(role.value())
}

fn describe(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.path("roleName");
    let role = (turn
        .state
        .find("role", turn.context.organization, name)
        .map(Record::value))
    .or_else(|| predefined().find(|role| role["name"] == name));
    match role {
        Some(role) => answer(json!({ "role": role })),
        None => Err(Refusal::not_found(format!("Unknown role: {name}"))),
    }
}

fn update(turn: &mut Turn<'_>) -> Reply {
    let (organization, old) = (
        turn.context.organization,
        turn.call.path("roleName").to_owned(),
    );
    if turn.state.find("role", organization, &old).is_none() {
        return Err(Refusal::not_found(format!("Unknown custom role: {old}")));
    }
    let role = given(turn)?;
    let name = turn.call.required("name")?.to_owned();
    check_name(turn, &name, Some(&old))?;
    turn.state
        .forget("role", |role| role.scope == organization && role.id == old);
    turn.state
        .keep("role", Record::new(&name, organization, role));
    for participant in turn.state.all_mut("participant") {
        if participant["wspRole"] == old.as_str() {
            participant.set("wspRole", name.clone());
        }
    }
    turn.audit("role_updated", "custom_role", &name, &name);
    Ok(DONE)
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let (organization, name) = (
        turn.context.organization,
        turn.call.path("roleName").to_owned(),
    );
    if turn
        .state
        .all("participant")
        .any(|participant| participant["wspRole"] == name.as_str())
    {
        return Err(Refusal::conflict(format!("Role '{name}' is in use")));
    }
    if turn
        .state
        .forget("role", |role| role.scope == organization && role.id == name)
        == 0
    {
        return Err(Refusal::not_found(format!("Unknown custom role: {name}")));
    }
    turn.audit("role_deleted", "custom_role", &name, &name);
    Ok(DONE)
}

fn validate(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.query("name").unwrap_or_default();
    if name.is_empty() {
        return Err(Refusal::bad_request("Missing `name` parameter"));
    }
    check_name(turn, name, None)?;
    Ok(DONE)
}

fn permissions(turn: &mut Turn<'_>) -> Reply {
    let wanted = turn.call.query("name").unwrap_or_default().to_lowercase();
    let permissions: Vec<Value> = (PERMISSIONS.iter())
        .filter(|(name, _)| name.contains(&wanted))
        .map(|(name, _)| json!({ "name": name, "category": name.split(':').next() }))
        .collect();
    answer(json!({ "permissions": permissions }))
}
