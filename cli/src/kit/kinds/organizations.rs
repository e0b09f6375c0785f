//! Organizations, their teams and workspaces.

use futures_util::TryStreamExt;
use seqera::types::{
    CreateTeamMemberRequest, Member, Organization, OrganizationDetails, Team, TeamDetails,
    UpdateOrganizationRequest, UpdateTeamRequest, UpdateWorkspaceRequest, WorkspaceDetails,
};
use serde_json::{Value, json};

use super::{Entity, Reference, Scope, Task, key, several, state_of, texts, typed, with_state};
use crate::commands::{organizations, teams, workspaces};
use crate::kit::item::Item;
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::requests::{changed, request};

/// A reference to the organization that an item belongs to.
pub(super) fn organization(item: &Item) -> Vec<Reference> {
    let name = item.text("organization").unwrap_or_default();
    vec![Reference {
        block: "organizations",
        home: String::new(),
        name: name.to_owned(),
        required: true,
    }]
}

/// References to people of an organization, who may be there without being made.
pub(super) fn people(organization: &str, names: Vec<String>) -> Vec<Reference> {
    let people = names.into_iter().map(|name| Reference {
        block: "members",
        home: organization.to_owned(),
        name,
        required: false,
    });
    people.collect()
}

pub struct Organizations;

fn present_organization(details: &OrganizationDetails) -> Result<Present> {
    Ok(Present {
        id: details.org_id.unwrap_or_default().to_string(),
        names: details.name.clone().into_iter().collect(),
        state: state_of::<Organization>(&json!({
            "name": details.name,
            "fullName": details.full_name,
            "description": details.description,
            "location": details.location,
            "website": details.website,
        }))?,
        raw: serde_json::to_value(details)?,
    })
}

impl Entity for Organizations {
    const BLOCK: &'static str = "organizations";
    const NOUN: &'static str = "organization";
    const SCOPE: Scope = Scope::Platform;
    const COMMAND: &'static [&'static str] = &["organizations", "add"];
    const EXPORTED: &'static [(&'static str, &'static str)] = &[
        ("name", "name"),
        ("full-name", "fullName"),
        ("description", "description"),
        ("location", "location"),
        ("website", "website"),
    ];
    type State = Organization;

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let body = item.options::<organizations::Add>()?.request()?;
        Ok(serde_json::to_value(body.organization)?)
    }

    async fn list(platform: &Platform, _: &Home) -> Result<Vec<Present>> {
        let reply = platform.client.list_organizations().send().await?;
        let all = reply.organizations.unwrap_or_default();
        all.iter().map(present_organization).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body = task.item.options::<organizations::Add>()?.request()?;
        let call = task.platform.client.create_organization().body(body);
        present_organization(&call.send().await?.organization.unwrap_or_default())
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let details: OrganizationDetails = typed(&present.raw)?;
        // All that the server tells and takes goes back, the logo among it.
        let body = changed(UpdateOrganizationRequest::from(&details), state.clone())?;
        let call = task.platform.client.update_organization();
        call.org_id(present.number()).body(body).send().await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, _: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_organization();
        Ok(call.org_id(present.number()).send().await?)
    }
}

pub struct Teams;

fn present_team(team: &TeamDetails) -> Result<Present> {
    Ok(Present {
        id: team.team_id.unwrap_or_default().to_string(),
        names: team.name.clone().into_iter().collect(),
        state: state_of::<Team>(&json!({"name": team.name, "description": team.description}))?,
        raw: serde_json::to_value(team)?,
    })
}

/// The members of a team that an item names and that are in it, as the item names them; all by
/// their e-mail addresses where there is no item.
async fn team_members(
    platform: &Platform,
    home: &Home,
    team: &Present,
    named: Option<&[String]>,
) -> Result<Vec<String>> {
    let call = platform.client.list_organization_team_members();
    let call = call.org_id(home.org()).team_id(team.number());
    let all: Vec<Member> = call.stream().try_collect().await?;
    let names = |member: &Member| [member.email.clone(), member.user_name.clone()];
    Ok(match named {
        None => all.into_iter().filter_map(|member| member.email).collect(),
        Some(named) => named
            .iter()
            .filter(|name| {
                all.iter()
                    .any(|one| names(one).contains(&Some((*name).clone())))
            })
            .cloned()
            .collect(),
    })
}

async fn add_to_team(task: &Task<'_>, team: &Present, names: &[String]) -> Result<()> {
    for name in names {
        let body = request::<CreateTeamMemberRequest>(json!({"userNameOrEmail": name}))?;
        let call = task.platform.client.create_organization_team_member();
        let call = call.org_id(task.home.org()).team_id(team.number());
        match call.body(body).send().await {
            // It is in the team already: an earlier answer was lost.
            Err(error) if error.is_conflict() => {}
            other => drop(other?),
        }
    }
    Ok(())
}

impl Entity for Teams {
    const BLOCK: &'static str = "teams";
    const NOUN: &'static str = "team";
    const SCOPE: Scope = Scope::Organization;
    const COMMAND: &'static [&'static str] = &["teams", "add"];
    const EXPORTED: &'static [(&'static str, &'static str)] = &[
        ("name", "name"),
        ("description", "description"),
        ("members", "members"),
    ];
    type State = Team;

    fn extra(_: &str) -> Vec<Key> {
        vec![key("members", Takes::Several)]
    }

    fn references(item: &Item) -> Vec<Reference> {
        let mut all = organization(item);
        all.extend(people(item.scope(), several(item, "members")));
        all
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let body = item.options::<teams::Add>()?.request()?;
        let mut state = serde_json::to_value(body.team)?;
        if item.fields.contains_key("members") {
            state["members"] = several(item, "members").into();
        }
        Ok(state)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform.client.list_organization_teams().org_id(home.org());
        let all: Vec<TeamDetails> = call.stream().try_collect().await?;
        all.iter().map(present_team).collect()
    }

    async fn describe(
        platform: &Platform,
        home: &Home,
        item: Option<&Item>,
        mut present: Present,
    ) -> Result<Present> {
        let named = item.map(|item| several(item, "members"));
        // Lists tell how many members there are, and not who.
        if present.raw["membersCount"] == 0 {
            present.state["members"] = json!([]);
            return Ok(present);
        }
        if named.as_ref().is_none_or(|named| !named.is_empty()) {
            let members = team_members(platform, home, &present, named.as_deref()).await?;
            present.state["members"] = members.into();
        }
        Ok(present)
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body = task.item.options::<teams::Add>()?.request()?;
        let call = task.platform.client.create_organization_team();
        let reply = call.org_id(task.home.org()).body(body).send().await?;
        let made = present_team(&reply.team.unwrap_or_default())?;
        add_to_team(&task, &made, &texts(task.desired, "members")).await?;
        Ok(made)
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let missing: Vec<_> = texts(state, "members")
            .into_iter()
            .filter(|name| !texts(&present.state, "members").contains(name))
            .collect();
        add_to_team(&task, present, &missing).await?;
        let body = request::<UpdateTeamRequest>(json!({
            "name": state["name"],
            "description": state["description"],
        }))?;
        if state["description"] != present.state["description"] {
            let call = task.platform.client.update_organization_team();
            let call = call.org_id(task.home.org()).team_id(present.number());
            call.body(body).send().await?;
        }
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_organization_team()
            .org_id(home.org());
        Ok(call.team_id(present.number()).send().await?)
    }
}

pub struct Workspaces;

fn present_workspace(id: Option<i64>, name: Option<&String>, state: &Value) -> Result<Present> {
    Ok(Present {
        id: id.unwrap_or_default().to_string(),
        names: name.cloned().into_iter().collect(),
        state: state_of::<UpdateWorkspaceRequest>(state)?,
        raw: state.clone(),
    })
}

impl Entity for Workspaces {
    const BLOCK: &'static str = "workspaces";
    const NOUN: &'static str = "workspace";
    const SCOPE: Scope = Scope::Organization;
    const COMMAND: &'static [&'static str] = &["workspaces", "add"];
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[("visibility", "visibility")];
    const EXPORTED: &'static [(&'static str, &'static str)] = &[
        ("name", "name"),
        ("full-name", "fullName"),
        ("description", "description"),
        ("visibility", "visibility"),
    ];
    type State = UpdateWorkspaceRequest;

    fn references(item: &Item) -> Vec<Reference> {
        organization(item)
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let body = item.options::<workspaces::Add>()?.request()?;
        state_of::<UpdateWorkspaceRequest>(&body.workspace)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform.client.list_workspaces().org_id(home.org());
        let all = call.send().await?.workspaces.unwrap_or_default();
        let present = |one: &WorkspaceDetails| {
            present_workspace(one.id, one.name.as_ref(), &serde_json::to_value(one)?)
        };
        all.iter().map(present).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body = task.item.options::<workspaces::Add>()?.request()?;
        let call = task.platform.client.create_workspace();
        let reply = call.org_id(task.home.org()).body(body).send().await?;
        let made = reply
            .workspace
            .ok_or_else(|| Error::other("no workspace was answered"))?;
        present_workspace(
            made.id.into_option(),
            made.name.as_ref(),
            &serde_json::to_value(&made)?,
        )
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let mut body: UpdateWorkspaceRequest = typed(state)?;
        // The server takes its own name for one that is in use.
        body.name = None;
        let call = task.platform.client.update_workspace();
        let call = call.org_id(task.home.org()).workspace_id(present.number());
        call.body(body).send().await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_workspace().org_id(home.org());
        Ok(call.workspace_id(present.number()).send().await?)
    }
}
