//! Who may do what: the context of a call, roles, permissions.

use super::permissions::{NEEDS, PERMISSIONS};
use crate::call::{Call, Refusal};
use crate::state::State;

/// The predefined roles of a workspace, the mightiest first.
pub const ROLES: &[(&str, &str)] = &[
    ("owner", "All permissions"),
    ("admin", "All but those on the workspace itself"),
    (
        "maintain",
        "Manages pipelines and launches them, without compute environments and credentials",
    ),
    (
        "launch",
        "Launches pipelines of the launchpad as they are configured",
    ),
    ("connect", "Reads, and connects to running Studios"),
    ("view", "Reads"),
];

/// What only owners of an organization may do.
const OWNERS_ONLY: &[&str] = &[
    "CreateManagedIdentity",
    "CreateOrganizationIdpGroup",
    "CreateOrganizationMember",
    "CreateOrganizationScimToken",
    "CreateOrganizationTeam",
    "CreateOrganizationTeamMember",
    "CreateRole",
    "CreateWorkspace",
    "DeleteManagedIdentity",
    "DeleteOrganization",
    "DeleteOrganizationIdpGroup",
    "DeleteOrganizationMember",
    "DeleteOrganizationTeam",
    "DeleteOrganizationTeamMember",
    "DeleteRole",
    "DescribeOrganizationQuotas",
    "RevokeOrganizationScimToken",
    "RotateOrganizationScimToken",
    "UpdateManagedIdentity",
    "UpdateOrganization",
    "UpdateOrganizationMemberRole",
    "UpdateOrganizationTeam",
    "UpdateRole",
];

/// Where a call takes place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// A workspace, or the user's own with a minus before it.
    pub scope: i64,
    /// The organization that the call names, else 0.
    pub organization: i64,
}

/// The context of a user's call, if the user may make it there.
pub fn enter(state: &State, call: &Call, user: i64) -> Result<Context, Refusal> {
    let mut context = Context {
        scope: -user,
        organization: 0,
    };
    let named = |name: &str| -> Result<Option<i64>, Refusal> {
        match call.path(name) {
            "" => call.query_number(name),
            _ => call.path_number(name).map(Some),
        }
    };
    let operation = call.operation.id;
    if let Some(id) = named("orgId")? {
        let role = role_in_organization(state, user, id);
        match role {
            None => {
                return Err(Refusal::forbidden(
                    "User not authorized to access this organization",
                ));
            }
            Some("owner") => {}
            Some(_) if OWNERS_ONLY.contains(&operation) => {
                return Err(Refusal::forbidden(
                    "Missing permission(s): \"organization:write\"",
                ));
            }
            Some(_) => {}
        }
        context.organization = id;
    }
    if let Some(id) = named("workspaceId")? {
        let refused = || Refusal::forbidden("User not authorized to access this workspace");
        let workspace = state.workspace(id).ok_or_else(refused)?;
        if context.organization != 0 && workspace.scope != context.organization {
            return Err(refused());
        }
        if roles_in(state, user, id).is_empty() {
            return Err(refused());
        }
        context.scope = id;
        if let Some((needed, _)) =
            (NEEDS.iter()).find(|(_, operations)| operations.contains(&operation))
        {
            demand(state, user, id, needed)?;
        }
    }
    Ok(context)
}

/// Refuses what a user may not do in a workspace. In the own context everything is allowed.
pub fn demand(state: &State, user: i64, scope: i64, permission: &str) -> Result<(), Refusal> {
    if scope <= 0 || permits(state, user, scope, permission) {
        return Ok(());
    }
    Err(Refusal::forbidden(format!(
        "Missing permission(s): \"{permission}\""
    )))
}

/// Whether one of the user's roles in the workspace has the permission.
pub fn permits(state: &State, user: i64, scope: i64, permission: &str) -> bool {
    let organization = state
        .workspace(scope)
        .map_or(0, |workspace| workspace.scope);
    (roles_in(state, user, scope).iter())
        .any(|(role, _)| role_permits(state, organization, role, permission))
}

/// Whether a role has a permission.
pub fn role_permits(state: &State, organization: i64, role: &str, permission: &str) -> bool {
    match ROLES.iter().any(|(name, _)| *name == role) {
        true => (PERMISSIONS.iter())
            .any(|(name, initials)| *name == permission && has_initial(initials, role)),
        false => (state.find("role", organization, role))
            .and_then(|custom| custom["permissions"].as_array())
            .is_some_and(|permissions| permissions.iter().any(|own| own == permission)),
    }
}

/// The permissions of a predefined role.
pub fn permissions_of(role: &str) -> Vec<&'static str> {
    (PERMISSIONS.iter())
        .filter(|(_, initials)| has_initial(initials, role))
        .map(|(name, _)| *name)
        .collect()
}

fn has_initial(initials: &str, role: &str) -> bool {
    role.get(..1)
        .is_some_and(|first| initials.contains(&first.to_uppercase()))
}

/// owner, member or collaborator, if the user is of the organization.
pub fn role_in_organization(state: &State, user: i64, organization: i64) -> Option<&str> {
    let member =
        (state.within("member", organization)).find(|member| member.number("userId") == user)?;
    Some(member.text("role"))
}

/// The user's roles in a workspace, each with the team that it comes from, if from one.
pub fn roles_in(state: &State, user: i64, scope: i64) -> Vec<(String, Option<i64>)> {
    let Some(workspace) = state.workspace(scope) else {
        return Vec::new();
    };
    let mut roles = Vec::new();
    let in_organization = role_in_organization(state, user, workspace.scope);
    if in_organization == Some("owner") {
        roles.push(("owner".to_owned(), None));
    }
    for participant in state.within("participant", scope) {
        let role = participant.text("wspRole").to_owned();
        match participant["teamId"].as_i64() {
            Some(team) if is_in_team(state, user, team) => roles.push((role, Some(team))),
            None if participant.number("_userId") == user => roles.push((role, None)),
            _ => {}
        }
    }
    // All of the organization may look into a shared workspace.
    let is_member = in_organization.is_some_and(|role| role != "collaborator");
    if roles.is_empty() && is_member && workspace["visibility"] == "SHARED" {
        roles.push(("view".to_owned(), None));
    }
    roles
}

pub fn is_in_team(state: &State, user: i64, team: i64) -> bool {
    (state.within("team_member", team)).any(|member| member.number("userId") == user)
}
