//! Who belongs to an organization, and who takes part in a workspace.

use futures_util::TryStreamExt;
use seqera::types::{
    AddMemberRequest, AddParticipantRequest, Member, Participant, UpdateMemberRoleRequest,
    UpdateParticipantRoleRequest,
};
use serde_json::{Map, Value, json};

use super::organizations::{organization, people};
use super::{Entity, Reference, Scope, Task, key, keys_from, state_of, with_state};
use crate::kit::item::Item;
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::requests::request;

pub struct Members;

fn present_member(member: &Member) -> Result<Present> {
    Ok(Present {
        id: member.member_id.unwrap_or_default().to_string(),
        names: [&member.email, &member.user_name]
            .into_iter()
            .flatten()
            .cloned()
            .collect(),
        state: state_of::<UpdateMemberRoleRequest>(&json!({"role": member.role}))?,
        raw: serde_json::to_value(member)?,
    })
}

async fn set_member_role(task: &Task<'_>, present: &Present, role: &Value) -> Result<()> {
    let body = request::<UpdateMemberRoleRequest>(json!({"role": role}))?;
    let call = task.platform.client.update_organization_member_role();
    let call = call.org_id(task.home.org()).member_id(present.number());
    Ok(call.body(body).send().await?)
}

impl Entity for Members {
    const BLOCK: &'static str = "members";
    const NOUN: &'static str = "member";
    const SCOPE: Scope = Scope::Organization;
    const COMMAND: &'static [&'static str] = &["members", "add"];
    type State = UpdateMemberRoleRequest;

    fn name(item: &Item) -> String {
        item.text("user").unwrap_or_default().to_owned()
    }

    fn extra(_: &str) -> Vec<Key> {
        let words = ["owner", "member", "collaborator"];
        vec![Key {
            words: words.map(str::to_owned).into(),
            ..key("role", Takes::Text)
        }]
    }

    fn references(item: &Item) -> Vec<Reference> {
        organization(item)
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        Ok(json!({"role": item.text("role").map(str::to_lowercase)}))
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_organization_members()
            .org_id(home.org());
        let all: Vec<Member> = call.stream().try_collect().await?;
        all.iter().map(present_member).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body = request::<AddMemberRequest>(json!({"user": Self::name(task.item)}))?;
        let call = task.platform.client.create_organization_member();
        let reply = call.org_id(task.home.org()).body(body).send().await?;
        let made = present_member(&reply.member.unwrap_or_default())?;
        let role = &task.desired["role"];
        if !role.is_null() && *role != made.state["role"] {
            set_member_role(&task, &made, role).await?;
        }
        Ok(made)
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        set_member_role(&task, present, &state["role"]).await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_organization_member()
            .org_id(home.org());
        Ok(call.member_id(present.number()).send().await?)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let mut keys = keys_from(&present.state, &[("role", "role")]);
        keys.insert("user".to_owned(), present.names.first().cloned().into());
        Ok(keys)
    }
}

pub struct Participants;

/// The roles that there are everywhere; they are written in any case.
const ROLES: [&str; 6] = ["owner", "admin", "maintain", "launch", "connect", "view"];

fn role(text: &str) -> String {
    let lower = text.to_lowercase();
    match ROLES.contains(&lower.as_str()) {
        true => lower,
        false => text.to_owned(),
    }
}

fn present_participant(participant: &Participant) -> Result<Present> {
    let kind = participant
        .type_
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let names = match kind.as_str() {
        "TEAM" => [&participant.team_name, &None],
        _ => [&participant.email, &participant.user_name],
    };
    let names = names
        .into_iter()
        .flatten()
        .map(|name| format!("{kind} {name}"));
    Ok(Present {
        id: participant.participant_id.unwrap_or_default().to_string(),
        names: names.collect(),
        state: state_of::<UpdateParticipantRoleRequest>(
            &json!({"role": participant.wsp_role.as_deref().map(role)}),
        )?,
        raw: serde_json::to_value(participant)?,
    })
}

async fn set_participant_role(task: &Task<'_>, present: &Present, role: &Value) -> Result<()> {
    let body = request::<UpdateParticipantRoleRequest>(json!({"role": role}))?;
    let call = task.platform.client.update_workspace_participant_role();
    let call = call
        .org_id(task.home.org())
        .workspace_id(task.home.workspace.unwrap_or_default());
    Ok(call
        .participant_id(present.number())
        .body(body)
        .send()
        .await?)
}

impl Participants {
    fn kind(item: &Item) -> String {
        item.text("type").unwrap_or_default().to_uppercase()
    }

    fn organization(item: &Item) -> &str {
        item.scope().split('/').next().unwrap_or_default().trim()
    }
}

impl Entity for Participants {
    const BLOCK: &'static str = "participants";
    const NOUN: &'static str = "participant";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["participants", "add"];
    const PERSONAL: bool = false;
    type State = UpdateParticipantRoleRequest;

    fn name(item: &Item) -> String {
        format!(
            "{} {}",
            Self::kind(item),
            item.text("name").unwrap_or_default()
        )
    }

    fn extra(_: &str) -> Vec<Key> {
        vec![key("role", Takes::Text)]
    }

    fn references(item: &Item) -> Vec<Reference> {
        let name = item.text("name").unwrap_or_default().to_owned();
        let home = Self::organization(item);
        let mut all = match Self::kind(item).as_str() {
            "TEAM" => vec![Reference {
                block: "teams",
                home: home.to_owned(),
                name,
                required: true,
            }],
            _ => people(home, vec![name]),
        };
        // One of the organization's own.
        all.extend(item.text("role").map(|role| Reference {
            block: "roles",
            home: home.to_owned(),
            name: role.to_owned(),
            required: false,
        }));
        all
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        Ok(json!({"role": item.text("role").map(role)}))
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let Some(workspace) = home.workspace else {
            return Err(Error::other("participants need a workspace"));
        };
        let call = platform.client.list_workspace_participants();
        let call = call.org_id(home.org()).workspace_id(workspace);
        let all: Vec<Participant> = call.stream().try_collect().await?;
        all.iter().map(present_participant).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let name = task.item.text("name").unwrap_or_default();
        let organization = Self::organization(task.item);
        let body = match Self::kind(task.item).as_str() {
            "TEAM" => {
                let team = task.platform.find("teams", organization, name);
                let team =
                    team.ok_or_else(|| Error::other(format!("there is no team `{name}`")))?;
                json!({"teamId": team.number()})
            }
            "MEMBER" => {
                let platform = task.platform;
                if let Some(home) = platform.home(Scope::Organization, organization).await? {
                    platform.load(super::of("members")?, &home).await;
                }
                match platform.find("members", organization, name) {
                    Some(member) => json!({"memberId": member.number()}),
                    None => json!({"userNameOrEmail": name}),
                }
            }
            _ => json!({"userNameOrEmail": name}),
        };
        let call = task.platform.client.create_workspace_participant();
        let call = call.org_id(task.home.org());
        let call = call.workspace_id(task.home.workspace.unwrap_or_default());
        let reply = call
            .body(request::<AddParticipantRequest>(body)?)
            .send()
            .await?;
        let made = present_participant(&reply.participant.unwrap_or_default())?;
        let role = &task.desired["role"];
        if !role.is_null() && *role != made.state["role"] {
            set_participant_role(&task, &made, role).await?;
        }
        Ok(made)
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        set_participant_role(&task, present, &state["role"]).await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_workspace_participant()
            .org_id(home.org());
        let call = call.workspace_id(home.workspace.unwrap_or_default());
        Ok(call.participant_id(present.number()).send().await?)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let mut keys = keys_from(&present.state, &[("role", "role")]);
        let name = present.names.first().cloned().unwrap_or_default();
        let (kind, name) = name.split_once(' ').unwrap_or(("MEMBER", &name));
        keys.insert("name".to_owned(), name.into());
        keys.insert("type".to_owned(), kind.into());
        Ok(keys)
    }
}
