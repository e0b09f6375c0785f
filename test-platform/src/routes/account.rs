//! Users.

use serde_json::{Value, json};

use super::Routes;
use super::turn::Turn;
use crate::behaviour::access;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::Record;

pub const ROUTES: Routes = &[
    ("UserInfo", |turn| {
        let user = turn.user.to_string();
        show(turn, &user)
    }),
    ("DescribeUser", |turn| {
        let id = turn.call.path("userId").to_owned();
        show(turn, &id)
    }),
    ("UpdateUser", update),
    ("DeleteUser", delete),
    ("ValidateUserName", validate),
    ("ListWorkspacesUser", workspaces),
];

fn show(turn: &mut Turn<'_>, id: &str) -> Reply {
    let user = (turn.state.known("user", id))
        .ok_or_else(|| Refusal::forbidden(format!("Unknown user with id: {id}")))?;
    answer(
        json!({ "user": user.value(), "needConsent": false, "defaultWorkspaceId": user["_defaultWorkspaceId"] }),
    )
}

/// Only one's own account can be changed.
fn own(turn: &Turn<'_>) -> Result<String, Refusal> {
    match turn.call.path_number("userId")? == turn.user {
        true => Ok(turn.user.to_string()),
        false => Err(Refusal::forbidden(
            "User not authorized to change another user",
        )),
    }
}

fn update(turn: &mut Turn<'_>) -> Reply {
    let id = own(turn)?;
    let name = turn.call.required("userName")?.to_owned();
    turn.call.required("email")?;
    if turn.user_named(&name).is_some_and(|other| other.id != id) {
        return Err(Refusal::conflict(format!(
            "User name '{name}' already exists"
        )));
    }
    let body = turn.call.body.clone();
    let now = turn.state.today();
    if let Some(user) = turn.state.known_mut("user", &id) {
        for field in [
            "userName",
            "email",
            "firstName",
            "lastName",
            "organization",
            "description",
            "avatar",
            "avatarId",
            "notification",
        ] {
            user.set(field, body[field].clone());
        }
        for (field, kept) in [
            ("waveBuildNotification", "waveBuildNotification"),
            ("defaultWorkspaceId", "_defaultWorkspaceId"),
        ] {
            if let Some(value) = body.get(field) {
                user.set(kept, value.clone());
            }
        }
        user.set("lastUpdated", now);
    }
    turn.audit("user_updated", "user", &id, &name);
    Ok(DONE)
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let id = own(turn)?;
    let user = turn.user;
    turn.state.forget("user", |other| other.id == id);
    turn.state.forget("token", |token| token.scope == -user);
    turn.state
        .forget("member", |member| member.number("userId") == user);
    turn.state.forget("participant", |participant| {
        participant.number("_userId") == user
    });
    turn.audit("user_deleted", "user", &id, "");
    Ok(DONE)
}

fn validate(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.query("name").unwrap_or_default();
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if !is_name {
        return Err(Refusal::bad_request(format!("Invalid user name: '{name}'")));
    }
    match turn.user_named(name) {
        Some(_) => Err(Refusal::conflict(format!(
            "User name '{name}' already exists"
        ))),
        None => Ok(DONE),
    }
}

/// Organizations, as entries without a workspace, and workspaces.
fn workspaces(turn: &mut Turn<'_>) -> Reply {
    let user = turn.call.path_number("userId")?;
    if user != turn.user {
        return Err(Refusal::forbidden(
            "User not authorized to see another user's workspaces",
        ));
    }
    let state = &*turn.state;
    let mut entries = Vec::new();
    for organization in state.all("organization") {
        let id = organization.number("orgId");
        let Some(role) = access::role_in_organization(state, user, id) else {
            continue;
        };
        let entry = |workspace: Option<&Record>, roles: Vec<String>| {
            let of_workspace =
                |name: &str| workspace.map_or(Value::Null, |workspace| workspace[name].clone());
            json!({
                "orgId": id,
                "orgName": organization["name"],
                "orgLogoUrl": organization["logoUrl"],
                "orgType": organization["type"],
                "workspaceId": of_workspace("id"),
                "workspaceName": of_workspace("name"),
                "workspaceFullName": of_workspace("fullName"),
                "visibility": of_workspace("visibility"),
                "roles": roles,
            })
        };
        entries.push(entry(None, vec![role.to_owned()]));
        for workspace in state.within("workspace", id) {
            let mut roles: Vec<String> = (access::roles_in(state, user, workspace.number("id"))
                .into_iter())
            .map(|(role, _)| role)
            .collect();
            roles.dedup();
            if !roles.is_empty() {
                entries.push(entry(Some(workspace), roles));
            }
        }
    }
    answer(json!({ "orgsAndWorkspaces": entries }))
}
