//! What a seed says of an organization: its people, teams, roles and workspaces.

use serde::Deserialize;
use serde_json::{Value, json};

use super::contents::Contents;
use super::records::check_fields;
use super::{More, SeedError, id_named, unknown, user_id};
use crate::behaviour::access::ROLES;
use crate::behaviour::{PERMISSIONS, make};
use crate::state::store::Store;
use crate::state::{Record, State};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Organization {
    name: String,
    id: Option<i64>,
    #[serde(default)]
    members: Vec<Member>,
    #[serde(default)]
    teams: Vec<Team>,
    #[serde(default)]
    roles: Vec<More>,
    #[serde(default)]
    workspaces: Vec<Workspace>,
    #[serde(flatten)]
    more: More,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Member {
    user: String,
    id: Option<i64>,
    #[serde(default = "member")]
    role: String,
}

fn member() -> String {
    "member".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
struct Team {
    name: String,
    id: Option<i64>,
    #[serde(default)]
    members: Vec<String>,
    #[serde(flatten)]
    more: More,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Workspace {
    name: String,
    id: Option<i64>,
    #[serde(default)]
    participants: Vec<Participant>,
    #[serde(flatten)]
    contents: Contents,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Participant {
    user: Option<String>,
    team: Option<String>,
    role: String,
}

/// The id of the record of this name; a new one, with a number of its own or the given one, where
/// there is none. What the seed says more of it replaces what there is.
fn named_or_new(
    state: &mut State,
    (kind, scope): (&str, i64),
    (name, id): (&str, Option<i64>),
    usual: impl FnOnce(i64) -> Value,
    more: More,
) -> i64 {
    let known = id_named(state, kind, scope, name).ok();
    let id = match known.and_then(|id| id.parse().ok()) {
        Some(known) => known,
        None => {
            let id = id.unwrap_or_else(|| state.next_id() as i64);
            state.keep(kind, Record::new(id, scope, usual(id)));
            id
        }
    };
    if let Some(record) = state.find_mut(kind, scope, &id.to_string()) {
        record.fields.extend(more);
    }
    id
}

impl Organization {
    pub(super) fn sow(self, state: &mut State, store: &Store) -> Result<(), SeedError> {
        let name = self.name;
        check_fields(
            &format!("organization {name}"),
            &self.more,
            &["OrganizationDbDto"],
        )?;
        let usual = |id| json!({ "orgId": id, "name": name, "fullName": name, "type": "basic", "paying": false });
        let id = named_or_new(
            state,
            ("organization", 0),
            (&name, self.id),
            usual,
            self.more,
        );
        for member in &self.members {
            let user = user_id(state, &member.user)?;
            if !["owner", "member", "collaborator"].contains(&member.role.as_str()) {
                return Err(unknown("role of members", &member.role));
            }
            let known = (state.all_mut("member"))
                .find(|known| known.scope == id && known.number("userId") == user);
            if let Some(known) = known {
                known.set("role", member.role.clone());
                continue;
            }
            let number = member.id.unwrap_or_else(|| state.next_id() as i64);
            make::member_with_id(state, number, id, user, &member.role);
        }
        for team in self.teams {
            check_fields(&format!("team {}", team.name), &team.more, &["TeamDbDto"])?;
            let usual = |id| json!({ "teamId": id, "name": team.name });
            let team_id =
                named_or_new(state, ("team", id), (&team.name, team.id), usual, team.more);
            for name in &team.members {
                let user = user_id(state, name)?;
                let member = make::member(state, id, user, "member");
                if state.find("team_member", team_id, &member.id).is_none() {
                    make::join_team(state, team_id, &member);
                }
            }
        }
        for role in self.roles {
            check_fields("role", &role, &["RoleDto"])?;
            let name = role.get("name").and_then(Value::as_str).unwrap_or_default();
            let permissions = role.get("permissions").and_then(Value::as_array);
            for permission in permissions.into_iter().flatten() {
                if !PERMISSIONS.iter().any(|(known, _)| permission == known) {
                    return Err(unknown("permission", &permission.to_string()));
                }
            }
            let mut record = Record::new(name, id, json!({}));
            record.fields = role;
            record.set("isPredefined", false);
            state.keep("role", record);
        }
        let owner = (state.within("member", id)).find(|member| member["role"] == "owner");
        let owner = owner.map_or(0, |owner| owner.number("userId"));
        for workspace in self.workspaces {
            workspace.sow(state, store, id, owner)?;
        }
        Ok(())
    }
}

impl Workspace {
    fn sow(
        self,
        state: &mut State,
        store: &Store,
        organization: i64,
        owner: i64,
    ) -> Result<(), SeedError> {
        let (name, mut contents) = (self.name, self.contents);
        let more = std::mem::take(&mut contents.more);
        check_fields(&format!("workspace {name}"), &more, &["WorkspaceDbDto"])?;
        let usual = |id| json!({ "id": id, "name": name, "fullName": name, "description": null, "visibility": "PRIVATE" });
        let scope = named_or_new(
            state,
            ("workspace", organization),
            (&name, self.id),
            usual,
            more,
        );
        for participant in &self.participants {
            let role = &participant.role;
            let is_role = ROLES.iter().any(|(known, _)| known == role)
                || state.find("role", organization, role).is_some();
            if !is_role {
                return Err(unknown("role", role));
            }
            match (&participant.user, &participant.team) {
                (Some(user), None) => {
                    let user = user_id(state, user)?;
                    state.forget("participant", |known| {
                        known.scope == scope && known["_userId"] == user
                    });
                    make::participant(state, scope, organization, user, role);
                }
                (None, Some(name)) => {
                    let team = id_named(state, "team", organization, name)?;
                    state.forget("participant", |known| {
                        known.scope == scope && known["teamName"] == name.as_str()
                    });
                    if let Some(team) = state.find("team", organization, &team).cloned() {
                        make::team_participant(state, scope, &team, role);
                    }
                }
                _ => return Err(SeedError("a participant is a user or a team".to_owned())),
            }
        }
        contents.sow(state, store, scope, owner)
    }
}
