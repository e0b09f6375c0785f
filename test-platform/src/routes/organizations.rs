//! Organizations, their workspaces and teams, quotas, groups of an identity provider, SCIM tokens.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::turn::Turn;
use crate::behaviour::{access, make, quotas};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, State, short_id};

pub const ROUTES: Routes = &[
    ("ListOrganizations", list),
    ("DescribeOrganizationQuotas", list_quotas),
    ("ListOrganizationIdpGroups", list_groups),
    ("CreateOrganizationIdpGroup", add_group),
    ("DeleteOrganizationIdpGroup", delete_group),
    ("DescribeOrganizationScimConfig", scim),
    ("CreateOrganizationScimToken", |turn| {
        new_scim_token(turn, false)
    }),
    ("RotateOrganizationScimToken", |turn| {
        new_scim_token(turn, true)
    }),
    ("RevokeOrganizationScimToken", revoke_scim_token),
    ("FindDataStudiosWorkspaceSettings", studio_settings),
    ("UpdateDataStudiosWorkspaceSettings", update_studio_settings),
];

pub static ORGANIZATION: Entity = Entity {
    kind: "organization",
    title: "organization",
    scope: Scope::Platform,
    id: Id::Number,
    id_field: "orgId",
    parameter: "orgId",
    one: "organization",
    name: "name",
    missing: 403,
    audit: "organization",
    defaults: || json!({ "type": "basic", "paying": false, "logoId": null, "logoUrl": null }),
    hooks: Hooks {
        made: |turn, record| {
            full_name(record)?;
            ORGANIZATION.identify(turn, record);
            record.fields.remove("id");
            let id = record.number("orgId");
            make::member(turn.state, id, turn.user, "owner");
            Ok(())
        },
        shown: |turn, record, value| {
            let id = record.number("orgId");
            let own = (turn.state.within("member", id))
                .find(|member| member.number("userId") == turn.user);
            value["memberId"] = json!(own.map(|own| own.number("memberId")));
            value["memberRole"] = json!(own.map(|own| own.text("role")));
        },
        leaves: |turn, record| {
            let id = record.number("orgId");
            let workspaces: Vec<i64> = turn
                .state
                .within("workspace", id)
                .map(|workspace| workspace.number("id"))
                .collect();
            for workspace in workspaces {
                clear_context(turn.state, workspace);
            }
            clear_context(turn.state, id);
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateOrganization", Verb::Create),
        ("DescribeOrganization", Verb::Describe),
        ("UpdateOrganization", Verb::Update),
        ("DeleteOrganization", Verb::Delete),
        ("ValidateOrganizationName", Verb::Validate),
    ],
};

fn full_name(record: &Record) -> Result<(), Refusal> {
    match record.text("fullName").trim().is_empty() {
        true => Err(Refusal::bad_request("Missing `fullName` parameter")),
        false => Ok(()),
    }
}

/// Forgets everything of a workspace or an organization.
fn clear_context(state: &mut State, scope: i64) {
    const KINDS: &[&str] = &[
        "action",
        "agent",
        "compute_env",
        "credentials",
        "data_link",
        "dataset",
        "dataset_version",
        "idp_group",
        "label",
        "managed_identity",
        "member",
        "participant",
        "pipeline",
        "pipeline_secret",
        "pipeline_version",
        "role",
        "scim_token",
        "studio",
        "studio_settings",
        "team",
        "workspace",
    ];
    for kind in KINDS {
        state.forget(kind, |record| record.scope == scope);
    }
    state.runs.retain(|run| run.scope != scope);
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let role = turn.call.query("role");
    let organizations: Vec<Value> = (turn.state.all("organization"))
        .filter(|organization| {
            let own =
                access::role_in_organization(turn.state, turn.user, organization.number("orgId"));
            own.is_some() && role.is_none_or(|role| own == Some(role))
        })
        .map(|organization| ORGANIZATION.show(turn, organization))
        .collect();
    let total = organizations.len();
    answer(json!({ "organizations": organizations, "totalSize": total }))
}

pub static WORKSPACE: Entity = Entity {
    kind: "workspace",
    title: "workspace",
    scope: Scope::Organization,
    id: Id::Number,
    id_field: "id",
    parameter: "workspaceId",
    one: "workspace",
    name: "name",
    missing: 403,
    audit: "workspace",
    defaults: || json!({ "visibility": "PRIVATE", "description": null }),
    hooks: Hooks {
        listed: |turn, record| {
            !access::roles_in(turn.state, turn.user, record.number("id")).is_empty()
        },
        made: |turn, record| {
            full_name(record)?;
            record.id = String::new();
            WORKSPACE.identify(turn, record);
            let id = record.number("id");
            make::participant(turn.state, id, record.scope, turn.user, "owner");
            Ok(())
        },
        leaves: |turn, record| {
            clear_context(turn.state, record.number("id"));
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateWorkspace", Verb::Create),
        ("ListWorkspaces", Verb::List),
        ("DescribeWorkspace", Verb::Describe),
        ("UpdateWorkspace", Verb::Update),
        ("DeleteWorkspace", Verb::Delete),
        ("ValidateWorkspaceName", Verb::Validate),
    ],
};

pub static TEAM: Entity = Entity {
    kind: "team",
    title: "team",
    scope: Scope::Organization,
    id: Id::Number,
    id_field: "teamId",
    parameter: "teamId",
    one: "team",
    name: "name",
    missing: 404,
    audit: "team",
    defaults: || json!({ "description": null, "avatarUrl": null, "idpGroupId": null }),
    hooks: Hooks {
        made: |turn, record| {
            record.fields.remove("id");
            record.set("idpGroupId", turn.call.field("idpGroupId").clone());
            Ok(())
        },
        shown: |turn, record, value| {
            let id = record.number("teamId");
            value["membersCount"] = json!(turn.state.within("team_member", id).count());
            let group = (record["idpGroupId"].as_i64()).and_then(|group| {
                turn.state
                    .find("idp_group", record.scope, &group.to_string())
            });
            value["idpGroupName"] = json!(group.map(|group| group.text("displayName")));
        },
        leaves: |turn, record| {
            let id = record.number("teamId");
            turn.state
                .forget("team_member", |member| member.scope == id);
            turn.state
                .forget("participant", |participant| participant["teamId"] == id);
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateOrganizationTeam", Verb::Create),
        ("ListOrganizationTeams", Verb::List),
        ("DescribeOrganizationTeam", Verb::Describe),
        ("UpdateOrganizationTeam", Verb::Update),
        ("DeleteOrganizationTeam", Verb::Delete),
        ("ValidateTeamName", Verb::Validate),
    ],
};

fn list_quotas(turn: &mut Turn<'_>) -> Reply {
    let wanted = turn.call.query_list("include");
    let quotas: serde_json::Map<String, Value> = (quotas::shown(turn.state))
        .filter(|(name, _)| wanted.is_empty() || wanted.contains(name))
        .map(|(name, quota)| (name.to_owned(), json!(quota)))
        .collect();
    answer(json!({ "quotas": quotas }))
}

fn list_groups(turn: &mut Turn<'_>) -> Reply {
    let groups: Vec<Value> = turn
        .state
        .within("idp_group", turn.context.organization)
        .map(Record::value)
        .collect();
    answer(json!({ "groups": groups }))
}

fn add_group(turn: &mut Turn<'_>) -> Reply {
    let organization = turn.context.organization;
    let name = turn.call.required("displayName")?.to_owned();
    let has_name = |group: &Record| group.text("displayName") == name;
    if turn.state.within("idp_group", organization).any(has_name) {
        return Err(Refusal::conflict(format!("Group '{name}' already exists")));
    }
    let number = turn.state.next_id();
    let group = json!({ "id": number, "displayName": name, "source": "MANUAL" });
    let group = Record::new(number, organization, group);
    turn.state.keep("idp_group", group.clone());
    turn.audit("idp_group_created", "idp_group", &group.id, &name);
    answer(group.value())
}

fn delete_group(turn: &mut Turn<'_>) -> Reply {
    let (organization, id) = (
        turn.context.organization,
        turn.call.path("groupId").to_owned(),
    );
    match turn.state.find("idp_group", organization, &id) {
        None => return Err(Refusal::not_found(format!("Unknown group with id: {id}"))),
        Some(group) if group["source"] == "SCIM" => {
            return Err(Refusal::conflict("The group is managed by SCIM"));
        }
        Some(_) => {}
    }
    turn.state.forget("idp_group", |group| {
        group.scope == organization && group.id == id
    });
    turn.audit("idp_group_deleted", "idp_group", &id, "");
    Ok(DONE)
}

fn active_scim_token(turn: &Turn<'_>) -> Option<Record> {
    turn.state
        .within("scim_token", turn.context.organization)
        .next()
        .cloned()
}

fn scim_endpoint(turn: &Turn<'_>) -> String {
    format!(
        "{}/scim/v2/{}",
        turn.state.settings.endpoint, turn.context.organization
    )
}

fn scim(turn: &mut Turn<'_>) -> Reply {
    let token = active_scim_token(turn);
    let groups = (turn.state.within("idp_group", turn.context.organization))
        .filter(|group| group["source"] == "SCIM");
    answer(json!({
        "endpointUrl": scim_endpoint(turn),
        "ssoActive": false,
        "groupCount": groups.count(),
        "hasActiveToken": token.is_some(),
        "maskedToken": token.as_ref().map(|token| token["maskedToken"].clone()),
        "tokenCreatedAt": token.as_ref().map(|token| token["dateCreated"].clone()),
        "tokenLastUsed": null,
    }))
}

/// A new token revokes the active one; a rotation needs one.
fn new_scim_token(turn: &mut Turn<'_>, rotate: bool) -> Reply {
    if rotate && active_scim_token(turn).is_none() {
        return Err(Refusal::not_found("There is no active SCIM token"));
    }
    let organization = turn.context.organization;
    turn.state
        .forget("scim_token", |token| token.scope == organization);
    let number = turn.state.next_id();
    let secret = format!("scim_{}", short_id(number, 40));
    let masked = format!("{}…", &secret[..9]);
    let token =
        json!({ "maskedToken": masked, "dateCreated": turn.state.today(), "_secret": secret });
    turn.state
        .keep("scim_token", Record::new(number, organization, token));
    turn.audit("scim_token_created", "scim_token", &number.to_string(), "");
    answer(json!({ "endpointUrl": scim_endpoint(turn), "maskedToken": masked, "token": secret }))
}

fn revoke_scim_token(turn: &mut Turn<'_>) -> Reply {
    let organization = turn.context.organization;
    if turn
        .state
        .forget("scim_token", |token| token.scope == organization)
        == 0
    {
        return Err(Refusal::not_found("There is no active SCIM token"));
    }
    Ok(DONE)
}

/// The Studios' settings of a workspace.
pub fn studio_settings_of(state: &State, scope: i64) -> Record {
    (state.within("studio_settings", scope).next().cloned()).unwrap_or_else(|| {
        let settings = json!({
            "containerRepository": null, "lifespanHours": 0, "nameStrategy": null, "privateStudioByDefault": false,
        });
        Record::new(scope, scope, settings)
    })
}

fn studio_settings(turn: &mut Turn<'_>) -> Reply {
    let mut settings = studio_settings_of(turn.state, turn.scope()).value();
    settings["orgId"] = json!(turn.context.organization);
    settings["wspId"] = json!(turn.scope());
    answer(settings)
}

/// Absent leaves, null clears.
fn update_studio_settings(turn: &mut Turn<'_>) -> Reply {
    let scope = turn.scope();
    let mut settings = studio_settings_of(turn.state, scope);
    for name in [
        "containerRepository",
        "lifespanHours",
        "nameStrategy",
        "privateStudioByDefault",
    ] {
        if let Some(value) = turn.call.body.get(name) {
            settings.set(name, value.clone());
        }
    }
    if settings.number("lifespanHours") < 0 {
        return Err(Refusal::bad_request("Invalid lifespanHours"));
    }
    turn.state
        .forget("studio_settings", |other| other.scope == scope);
    turn.state.keep("studio_settings", settings);
    Ok(DONE)
}
