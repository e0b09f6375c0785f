//! Who belongs where: members and collaborators of organizations, members of teams, participants of
//! workspaces, and their roles.

use serde_json::{Value, json};

use super::Routes;
use super::entity::list_reply;
use super::organizations::TEAM;
use super::turn::Turn;
use crate::behaviour::access::{self, ROLES};
use crate::behaviour::make;
use crate::call::{Answer, DONE, Refusal, Reply, answer};
use crate::state::{Record, State};

pub const ROUTES: Routes = &[
    ("ListOrganizationMembers", |turn| list(turn, false)),
    ("ListOrganizationCollaborators", |turn| list(turn, true)),
    ("CreateOrganizationMember", add_member),
    ("DeleteOrganizationMember", remove_member),
    ("LeaveOrganization", leave),
    ("UpdateOrganizationMemberRole", change_role),
    ("ListOrganizationTeamMembers", list_of_team),
    ("CreateOrganizationTeamMember", add_to_team),
    ("DeleteOrganizationTeamMember", remove_from_team),
    ("ListWorkspacesByTeam", workspaces_of_team),
    ("ListUserRolesInOrganization", roles_of_user),
    ("ListWorkspaceParticipants", list_participants),
    ("CreateWorkspaceParticipant", new_participant),
    ("DeleteWorkspaceParticipant", remove_participant),
    ("UpdateWorkspaceParticipantRole", change_participant),
    ("LeaveWorkspaceParticipant", leave_workspace),
    ("DeleteWorkspaceUser", remove_user),
];

fn names(member: &Record) -> [&str; 4] {
    ["userName", "email", "firstName", "lastName"].map(|name| member.text(name))
}

fn list(turn: &mut Turn<'_>, collaborators: bool) -> Reply {
    let search = turn.search(&[]);
    let found = (turn.state.within("member", turn.context.organization)).filter(|member| {
        (member["role"] == "collaborator") == collaborators && search.finds(names(member))
    });
    let page = turn.call.page(found)?;
    let items = page.items.into_iter().map(Record::value).collect();
    answer(list_reply(turn, items, page.total))
}

fn add_member(turn: &mut Turn<'_>) -> Reply {
    let organization = turn.context.organization;
    let name = turn.call.required("user")?.to_owned();
    let user = known_or_new_user(turn, &name)?;
    let own = turn
        .state
        .within("member", organization)
        .find(|member| member.number("userId") == user);
    match own.map(|own| (own.id.clone(), own["role"] == "collaborator")) {
        Some((_, false)) => {
            return Err(Refusal::conflict(format!(
                "User '{name}' is a member already"
            )));
        }
        Some((id, true)) => {
            turn.state.forget("member", |member| member.id == id);
        }
        None => {}
    }
    let member = make::member(turn.state, organization, user, "member");
    turn.audit("member_created", "member", &member.id, &name);
    answer(json!({ "member": member.value() }))
}

/// Who is invited by an e-mail address need not have an account yet.
fn known_or_new_user(turn: &mut Turn<'_>, name: &str) -> Result<i64, Refusal> {
    if let Some(user) = turn.user_named(name) {
        return Ok(user.number("id"));
    }
    match name.split_once('@') {
        Some((user_name, _)) => Ok(make::user(turn.state, user_name, Some(name)).number("id")),
        None => Err(Refusal::bad_request(format!("Unknown user: {name}"))),
    }
}

fn find_member(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let id = turn.call.path("memberId");
    (turn
        .state
        .find("member", turn.context.organization, id)
        .cloned())
    .ok_or_else(|| Refusal::not_found(format!("Unknown member with id: {id}")))
}

fn check_last_owner(turn: &Turn<'_>, member: &Record) -> Result<(), Refusal> {
    let owners = turn
        .state
        .within("member", member.scope)
        .filter(|member| member["role"] == "owner");
    match member["role"] == "owner" && owners.count() == 1 {
        true => Err(Refusal::bad_request(
            "The last owner of an organization can't leave it",
        )),
        false => Ok(()),
    }
}

fn forget_member(turn: &mut Turn<'_>, member: &Record) -> Reply {
    check_last_owner(turn, member)?;
    let user = member.number("userId");
    let of_organization = |state: &State, kind: &str, field: &str| -> Vec<i64> {
        state
            .within(kind, member.scope)
            .map(|record| record.number(field))
            .collect()
    };
    let workspaces = of_organization(turn.state, "workspace", "id");
    let teams = of_organization(turn.state, "team", "teamId");
    turn.state.forget("participant", |own| {
        workspaces.contains(&own.scope) && own.number("_userId") == user
    });
    turn.state.forget("team_member", |own| {
        teams.contains(&own.scope) && own.number("userId") == user
    });
    turn.state.forget_one("member", member);
    turn.audit(
        "member_deleted",
        "member",
        &member.id,
        member.text("userName"),
    );
    Ok(DONE)
}

fn remove_member(turn: &mut Turn<'_>) -> Reply {
    let member = find_member(turn)?;
    forget_member(turn, &member)
}

fn leave(turn: &mut Turn<'_>) -> Reply {
    let own = (turn.state.within("member", turn.context.organization))
        .find(|member| member.number("userId") == turn.user);
    match own.cloned() {
        Some(member) => forget_member(turn, &member),
        None => Err(Refusal::not_found("The user is no member")),
    }
}

fn change_role(turn: &mut Turn<'_>) -> Reply {
    let member = find_member(turn)?;
    let role = turn.call.required("role")?.to_owned();
    if !matches!(role.as_str(), "owner" | "member" | "collaborator") {
        return Err(Refusal::bad_request(format!("Unknown role: {role}")));
    }
    if role != "owner" {
        check_last_owner(turn, &member)?;
    }
    if let Some(kept) = turn.state.find_mut("member", member.scope, &member.id) {
        kept.set("role", role);
    }
    turn.audit(
        "member_role_updated",
        "member",
        &member.id,
        member.text("userName"),
    );
    Ok(DONE)
}

fn list_of_team(turn: &mut Turn<'_>) -> Reply {
    let team = TEAM.find(turn)?;
    let search = turn.search(&[]);
    let found = (turn.state.within("team_member", team.number("teamId")))
        .filter_map(|own| turn.state.find("member", team.scope, own.text("memberId")))
        .filter(|member| search.finds(names(member)));
    let page = turn.call.page(found)?;
    let items = page.items.into_iter().map(Record::value).collect();
    answer(list_reply(turn, items, page.total))
}

fn add_to_team(turn: &mut Turn<'_>) -> Reply {
    let team = TEAM.find(turn)?;
    let name = turn.call.required("userNameOrEmail")?.to_owned();
    let user = known_or_new_user(turn, &name)?;
    let id = team.number("teamId");
    if access::is_in_team(turn.state, user, id) {
        return Err(Refusal::conflict(format!(
            "User '{name}' is in the team already"
        )));
    }
    let member = make::member(turn.state, team.scope, user, "member");
    make::join_team(turn.state, id, &member);
    turn.audit("team_member_created", "team_member", &member.id, &name);
    answer(json!({ "member": member.value() }))
}

fn remove_from_team(turn: &mut Turn<'_>) -> Reply {
    let team = TEAM.find(turn)?;
    let (team, id) = (team.number("teamId"), turn.call.path("memberId").to_owned());
    if turn
        .state
        .forget("team_member", |own| own.scope == team && own.id == id)
        == 0
    {
        return Err(Refusal::not_found(format!("Unknown member with id: {id}")));
    }
    turn.audit("team_member_deleted", "team_member", &id, "");
    Ok(DONE)
}

fn workspaces_of_team(turn: &mut Turn<'_>) -> Reply {
    let team = TEAM.find(turn)?;
    let search = turn.search(&[]);
    let found = (turn.state.all("participant"))
        .filter(|participant| participant["teamId"] == team["teamId"])
        .filter_map(|participant| {
            let context = turn.state.context(participant.scope);
            let name = context["workspaceName"].as_str().unwrap_or_default();
            search.finds([name]).then(|| {
                let mut entry = Value::Object(context.clone());
                entry["participantId"] = participant["participantId"].clone();
                entry["participantRole"] = participant["wspRole"].clone();
                entry
            })
        });
    let page = turn.call.page(found)?;
    answer(json!({ "workspaces": page.items, "totalSize": page.total }))
}

/// Each role with where it comes from.
fn roles_of_user(turn: &mut Turn<'_>) -> Reply {
    let (organization, user) = (turn.context.organization, turn.call.path_number("userId")?);
    let member =
        (turn.state.within("member", organization)).find(|member| member.number("userId") == user);
    let Some(member) = member.map(Record::value) else {
        return Err(Refusal::not_found(format!("Unknown user with id: {user}")));
    };
    let state = &*turn.state;
    let workspaces: Vec<Value> = (state.within("workspace", organization))
        .filter_map(|workspace| {
            let roles = access::roles_in(state, user, workspace.number("id"));
            if roles.is_empty() {
                return None;
            }
            let team = |id: &Option<i64>| {
                id.and_then(|id| state.find("team", organization, &id.to_string()))
            };
            let sources: Vec<Value> = (roles.iter())
                .map(|(role, source)| {
                    json!({
                        "role": role,
                        "roleSourceType": if source.is_some() { "team" } else { "individual" },
                        "sourceTeamId": source,
                        "sourceTeamName": team(source).map(|team| team.text("name")),
                        "sourceTeamType": source.map(|_| "regular"),
                    })
                })
                .collect();
            let permissions: Vec<Value> = (crate::behaviour::PERMISSIONS.iter())
                .filter_map(|(permission, _)| {
                    let with: Vec<&str> = (roles.iter())
                        .map(|(role, _)| role.as_str())
                        .filter(|role| super::roles::permits(state, organization, role, permission))
                        .collect();
                    (!with.is_empty()).then(|| json!({ "permission": permission, "roles": with }))
                })
                .collect();
            Some(json!({
                "workspaceId": workspace["id"],
                "workspaceName": workspace["name"],
                "roles": sources,
                "permissions": permissions,
            }))
        })
        .collect();
    answer(json!({ "user": member, "userWorkspaces": workspaces }))
}

fn list_participants(turn: &mut Turn<'_>) -> Reply {
    let search = turn.search(&[]);
    let found = (turn.state.within("participant", turn.scope())).filter(|participant| {
        search.finds(names(participant)) || search.finds([participant.text("teamName")])
    });
    let page = turn.call.page(found)?;
    let items = page.items.into_iter().map(Record::value).collect();
    answer(list_reply(turn, items, page.total))
}

fn new_participant(turn: &mut Turn<'_>) -> Reply {
    let (scope, organization) = (turn.scope(), turn.context.organization);
    let already = || Refusal::conflict("It is a participant already");
    if let Some(team) = turn.call.field("teamId").as_i64() {
        let team = (turn
            .state
            .find("team", organization, &team.to_string())
            .cloned())
        .ok_or_else(|| Refusal::bad_request(format!("Unknown team with id: {team}")))?;
        if turn
            .state
            .within("participant", scope)
            .any(|own| own["teamId"] == team["teamId"])
        {
            return Err(already());
        }
        let participant = make::team_participant(turn.state, scope, &team, "launch");
        turn.audit(
            "participant_created",
            "participant",
            &participant.id,
            team.text("name"),
        );
        return answer(json!({ "participant": participant.value() }));
    }
    let user = match turn.call.field("memberId").as_i64() {
        Some(id) => (turn.state.find("member", organization, &id.to_string()))
            .map(|member| member.number("userId"))
            .ok_or_else(|| Refusal::bad_request(format!("Unknown member with id: {id}")))?,
        None => {
            let name = turn.call.required("userNameOrEmail")?.to_owned();
            known_or_new_user(turn, &name)?
        }
    };
    if turn
        .state
        .within("participant", scope)
        .any(|own| own.number("_userId") == user)
    {
        return Err(already());
    }
    let participant = make::participant(turn.state, scope, organization, user, "launch");
    turn.audit(
        "participant_created",
        "participant",
        &participant.id,
        participant.text("userName"),
    );
    answer(json!({ "participant": participant.value() }))
}

fn find_participant(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let id = turn.call.path("participantId");
    (turn.state.find("participant", turn.scope(), id).cloned())
        .ok_or_else(|| Refusal::not_found(format!("Unknown participant with id: {id}")))
}

fn forget_participant(turn: &mut Turn<'_>, participant: &Record) -> Result<Answer, Refusal> {
    if participant["wspRole"] == "owner" && participant.number("_userId") != turn.user {
        turn.demand("workspace:admin")?;
    }
    turn.state.forget_one("participant", participant);
    turn.audit(
        "participant_deleted",
        "participant",
        &participant.id,
        participant.text("userName"),
    );
    Ok(DONE)
}

fn remove_participant(turn: &mut Turn<'_>) -> Reply {
    let participant = find_participant(turn)?;
    forget_participant(turn, &participant)
}

fn participant_of_user(turn: &Turn<'_>, user: i64) -> Result<Record, Refusal> {
    (turn.state.within("participant", turn.scope()))
        .find(|own| own.number("_userId") == user && own["teamId"].is_null())
        .cloned()
        .ok_or_else(|| Refusal::not_found("The user is no participant"))
}

fn leave_workspace(turn: &mut Turn<'_>) -> Reply {
    let participant = participant_of_user(turn, turn.user)?;
    forget_participant(turn, &participant)
}

/// By the id of a user, a member or a collaborator.
fn remove_user(turn: &mut Turn<'_>) -> Reply {
    let id = turn.call.path_number("userId")?;
    let by_member = (turn.state.within("participant", turn.scope()))
        .find(|own| own["memberId"] == id)
        .cloned();
    let participant = match by_member {
        Some(participant) => participant,
        None => participant_of_user(turn, id)?,
    };
    forget_participant(turn, &participant)
}

fn change_participant(turn: &mut Turn<'_>) -> Reply {
    let participant = find_participant(turn)?;
    let role = turn.call.required("role")?.to_owned();
    let is_custom = turn
        .state
        .find("role", turn.context.organization, &role)
        .is_some();
    if !is_custom && ROLES.iter().all(|(name, _)| *name != role) {
        return Err(Refusal::bad_request(format!("Unknown role: {role}")));
    }
    if role == "owner" || participant["wspRole"] == "owner" {
        turn.demand("workspace:admin")?;
    }
    if let Some(kept) = turn
        .state
        .find_mut("participant", participant.scope, &participant.id)
    {
        kept.set("wspRole", role);
    }
    turn.audit(
        "participant_role_updated",
        "participant",
        &participant.id,
        participant.text("userName"),
    );
    Ok(DONE)
}
