//! The server, the user, and the organization: workspaces, teams, members.

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::api::{Call, Refusal, Reply};
use crate::data::{ORGANIZATION, ORGANIZATION_FULL_NAME, ORGANIZATION_ID};
use crate::state::{Laboratory, Member, Shared, Team, Workspace, iso};

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/service-info", get(service_info))
        .route("/user-info", get(user_info))
        .route("/user/{userId}/workspaces", get(workspaces_of_user))
        .route("/orgs", get(organizations))
        .route("/orgs/{orgId}", get(describe_organization))
        .route("/orgs/{orgId}/members", get(members))
        .route("/orgs/{orgId}/teams", get(teams))
        .route("/orgs/{orgId}/teams/{teamId}/members", get(members_of_team))
        .route("/orgs/{orgId}/workspaces", get(workspaces))
        .route(
            "/orgs/{orgId}/workspaces/{workspaceId}",
            get(describe_workspace),
        )
        .route(
            "/orgs/{orgId}/workspaces/{workspaceId}/participants",
            get(participants),
        )
}

async fn service_info() -> Json<Value> {
    Json(json!({ "serviceInfo": {
        "version": "26.1.0-test",
        "apiVersion": "1.187.0",
        "commitId": "0000000",
        "authTypes": ["openid"],
        "loginPath": "/login",
        "navbar": { "menus": [] },
        "heartbeatInterval": 60,
        "userWorkspaceEnabled": true,
        "allowInstanceCredentials": false,
        "allowLocalRepos": false,
        "allowNextflowCliLogs": true,
        "launchParamsTextMaxSize": 102_400,
        "launchConfigTextMaxSize": 102_400,
        "contentMaxFileSize": 10 << 20,
        "forgePrefix": "TowerForge",
        "landingUrl": null,
        "termsOfUseUrl": null,
        "contactEmail": null,
        "logoutUrl": null,
        "analytics": null,
        "evalWorkspaceIds": [],
        "waveEnabled": true,
        "groundswellEnabled": false,
        "seqeraCloud": false,
        "seqeraComputeEnabled": false,
        "llmEnabled": false,
    }}))
}

async fn user_info(State(world): State<Shared>) -> Json<Value> {
    let laboratory = world.laboratory();
    let user = &laboratory.user;
    Json(json!({
        "user": {
            "id": user.user_id,
            "userName": user.user_name,
            "email": user.email(),
            "firstName": user.first_name,
            "lastName": user.last_name,
            "organization": ORGANIZATION_FULL_NAME,
            "description": null,
            "avatar": null,
            "avatarId": null,
            "notification": true,
            "termsOfUseConsent": true,
            "marketingConsent": false,
            "lastAccess": iso(laboratory.opened),
            "dateCreated": iso(laboratory.founded),
            "lastUpdated": iso(laboratory.opened),
            "deleted": false,
        },
        "needConsent": false,
        "defaultWorkspaceId": null,
    }))
}

async fn workspaces_of_user(State(world): State<Shared>, call: Call) -> Reply {
    let laboratory = world.laboratory();
    if call.path_number("userId")? != laboratory.user.user_id {
        return Err(Refusal::forbidden(
            "User not authorized to see another user's workspaces",
        ));
    }
    // The organization itself stands in the list too, as an entry without a workspace.
    let entry = |workspace: Option<&Workspace>| {
        json!({
            "orgId": ORGANIZATION_ID,
            "orgName": ORGANIZATION,
            "orgLogoUrl": null,
            "orgType": "academic",
            "workspaceId": workspace.map(|workspace| workspace.id),
            "workspaceName": workspace.map(|workspace| workspace.name),
            "workspaceFullName": workspace.map(|workspace| workspace.full_name),
            "visibility": workspace.map(|workspace| workspace.visibility),
            "roles": ["owner"],
        })
    };
    let entries: Vec<Value> = std::iter::once(None)
        .chain(laboratory.workspaces.iter().map(Some))
        .map(entry)
        .collect();
    Ok(Json(json!({ "orgsAndWorkspaces": entries })))
}

fn organization(laboratory: &Laboratory) -> Value {
    json!({
        "orgId": ORGANIZATION_ID,
        "name": ORGANIZATION,
        "fullName": ORGANIZATION_FULL_NAME,
        "description": "A laboratory that shares its methods",
        "location": null,
        "website": "https://open-genomics.example",
        "logoId": null,
        "logoUrl": null,
        "memberId": laboratory.user.member_id,
        "memberRole": laboratory.user.role,
        "type": "academic",
        "paying": false,
    })
}

/// That the call is about the one organization.
fn check_organization(call: &Call) -> Result<(), Refusal> {
    match call.path_number("orgId")? {
        ORGANIZATION_ID => Ok(()),
        _ => Err(Refusal::forbidden(
            "User not authorized to access this organization",
        )),
    }
}

async fn organizations(State(world): State<Shared>) -> Json<Value> {
    let laboratory = world.laboratory();
    Json(json!({ "organizations": [organization(&laboratory)], "totalSize": 1 }))
}

async fn describe_organization(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    Ok(Json(
        json!({ "organization": organization(&world.laboratory()) }),
    ))
}

fn member_json(member: &Member) -> Value {
    json!({
        "memberId": member.member_id,
        "userId": member.user_id,
        "userName": member.user_name,
        "email": member.email(),
        "firstName": member.first_name,
        "lastName": member.last_name,
        "avatar": null,
        "role": member.role,
    })
}

async fn members(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    let laboratory = world.laboratory();
    let page = call.page(
        laboratory
            .members
            .iter()
            .filter(|member| call.finds(member.user_name)),
    )?;
    let members: Vec<_> = page.items.into_iter().map(member_json).collect();
    Ok(Json(json!({ "members": members, "totalSize": page.total })))
}

async fn teams(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    let laboratory = world.laboratory();
    let page = call.page(laboratory.teams.iter().filter(|team| call.finds(team.name)))?;
    let team_json = |team: &Team| {
        json!({
            "teamId": team.id,
            "name": team.name,
            "description": team.description,
            "avatarUrl": null,
            "membersCount": team.members.len(),
            "idpGroupId": null,
            "idpGroupName": null,
        })
    };
    let teams: Vec<_> = page.items.into_iter().map(team_json).collect();
    Ok(Json(json!({ "teams": teams, "totalSize": page.total })))
}

async fn members_of_team(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    let laboratory = world.laboratory();
    let id = call.path_number("teamId")?;
    let team = (laboratory.teams.iter())
        .find(|team| team.id == id)
        .ok_or_else(|| Refusal::not_found(format!("Unknown team with id: {id}")))?;
    let members = (laboratory.members.iter())
        .filter(|member| team.members.contains(&member.user_id) && call.finds(member.user_name));
    let page = call.page(members)?;
    let members: Vec<_> = page.items.into_iter().map(member_json).collect();
    Ok(Json(json!({ "members": members, "totalSize": page.total })))
}

async fn workspaces(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    let workspaces: Vec<_> = (world.laboratory().workspaces.iter())
        .map(workspace_json)
        .collect();
    Ok(Json(json!({ "workspaces": workspaces })))
}

fn workspace_json(workspace: &Workspace) -> Value {
    json!({
        "id": workspace.id,
        "name": workspace.name,
        "fullName": workspace.full_name,
        "description": workspace.description,
        "visibility": workspace.visibility,
    })
}

async fn describe_workspace(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    let laboratory = world.laboratory();
    let id = laboratory.workspace(call.workspace()?)?;
    let workspace = (laboratory.workspaces.iter()).find(|workspace| workspace.id == id);
    Ok(Json(json!({ "workspace": workspace.map(workspace_json) })))
}

async fn participants(State(world): State<Shared>, call: Call) -> Reply {
    check_organization(&call)?;
    let laboratory = world.laboratory();
    laboratory.workspace(call.workspace()?)?;
    let page = call.page(
        laboratory
            .members
            .iter()
            .filter(|member| call.finds(member.user_name)),
    )?;
    let participants: Vec<_> = (page.items.into_iter())
        .map(|member| {
            json!({
                "participantId": member.member_id + 1,
                "memberId": member.member_id,
                "userName": member.user_name,
                "firstName": member.first_name,
                "lastName": member.last_name,
                "email": member.email(),
                "orgRole": member.role,
                "teamId": null,
                "teamName": null,
                "wspRole": if member.role == "owner" { "owner" } else { "launch" },
                "type": "MEMBER",
                "teamAvatarUrl": null,
                "userAvatarUrl": null,
            })
        })
        .collect();
    Ok(Json(
        json!({ "participants": participants, "totalSize": page.total }),
    ))
}
