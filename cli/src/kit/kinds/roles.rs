//! Roles of organizations, and the managed identities that their users log in to clusters by.

use futures_util::TryStreamExt;
use seqera::types::{
    CreateManagedIdentityRequest, CreateRoleRequest, ListRolesResponseRoleInfo,
    ManagedIdentity as Identity, UpdateManagedIdentityRequest, UpdateRoleRequest,
};
use serde_json::{Map, Value, json};

use super::organizations::organization;
use super::{Entity, Reference, Scope, Task, keys_from, state_of, texts, typed, with_state};
use crate::kit::additional::{self, OWN};
use crate::kit::item::Item;
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::Result;
use crate::requests::{fields, request};

pub struct Roles;

impl Entity for Roles {
    const BLOCK: &'static str = "roles";
    const NOUN: &'static str = "role";
    const SCOPE: Scope = Scope::Organization;
    const COMMAND: &'static [&'static str] = &[OWN, "roles"];
    const EXPORTED: &'static [(&'static str, &'static str)] = &[
        ("name", "name"),
        ("description", "description"),
        ("permissions", "permissions"),
    ];
    type State = UpdateRoleRequest;

    fn references(item: &Item) -> Vec<Reference> {
        organization(item)
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: additional::Role = item.options()?;
        let mut permissions = options.permissions.0;
        permissions.sort();
        permissions.dedup();
        let (name, description) = (options.name, options.description);
        Ok(json!({"name": name, "description": description, "permissions": permissions}))
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform.client.list_roles().org_id(home.org());
        let all: Vec<ListRolesResponseRoleInfo> =
            call.type_("custom").stream().try_collect().await?;
        let own = all.iter().filter(|role| role.is_predefined != Some(true));
        let present = |role: &ListRolesResponseRoleInfo| {
            let name = role.name.clone().unwrap_or_default();
            Ok(Present {
                id: name.clone(),
                state: json!({"name": name, "description": role.description}),
                names: vec![name],
                raw: serde_json::to_value(role)?,
            })
        };
        own.map(present).collect()
    }

    /// Lists don't tell what a role permits.
    async fn describe(
        platform: &Platform,
        home: &Home,
        _: Option<&Item>,
        present: Present,
    ) -> Result<Present> {
        let call = platform.client.describe_role().role_name(&present.id);
        let reply = call.org_id(home.org()).send().await?;
        let mut state = state_of::<UpdateRoleRequest>(&reply.role.unwrap_or_default())?;
        let mut permissions = texts(&state, "permissions");
        permissions.sort();
        state["permissions"] = permissions.into();
        Ok(with_state(&present, &state))
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body: CreateRoleRequest = typed(task.desired)?;
        let call = task.platform.client.create_role().org_id(task.home.org());
        call.body(body).send().await?;
        let name = Self::name(task.item);
        Ok(Present {
            id: name.clone(),
            raw: json!({"name": name}),
            names: vec![name],
            state: task.desired.clone(),
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let body: UpdateRoleRequest = typed(state)?;
        let call = task.platform.client.update_role().role_name(&present.id);
        call.org_id(task.home.org()).body(body).send().await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_role().role_name(&present.id);
        Ok(call.org_id(home.org()).send().await?)
    }
}

pub struct ManagedIdentities;

/// What the names of platforms end in, beside the scheduler.
const SUFFIX: &str = "-platform";

fn present_identity(identity: &Identity) -> Result<Present> {
    Ok(Present {
        id: identity.id.unwrap_or_default().to_string(),
        names: identity.name.clone().into_iter().collect(),
        state: state_of::<CreateManagedIdentityRequest>(&json!({
            "name": identity.name,
            "platform": identity.platform,
            "config": identity.config,
        }))?,
        raw: serde_json::to_value(identity)?,
    })
}

impl Entity for ManagedIdentities {
    const BLOCK: &'static str = "managed-identities";
    const NOUN: &'static str = "managed identity";
    const SCOPE: Scope = Scope::Organization;
    const COMMAND: &'static [&'static str] = &[OWN, "managed-identities"];
    const IMMUTABLE: &'static [&'static str] = &["platform", "config.discriminator"];
    type State = CreateManagedIdentityRequest;

    fn references(item: &Item) -> Vec<Reference> {
        organization(item)
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: additional::ManagedIdentity = item.options()?;
        let platform = format!("{}{SUFFIX}", options.scheduler.as_str());
        let mut config = fields(&options)?;
        config.insert("discriminator".to_owned(), platform.as_str().into());
        Ok(json!({"name": options.name, "platform": platform, "config": config}))
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform.client.list_managed_identities().org_id(home.org());
        let all: Vec<Identity> = call.stream().try_collect().await?;
        all.iter().map(present_identity).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body: CreateManagedIdentityRequest = typed(task.desired)?;
        let call = task.platform.client.create_managed_identity();
        let reply = call.org_id(task.home.org()).body(body).send().await?;
        Ok(Present {
            id: reply.id.unwrap_or_default().to_string(),
            names: vec![Self::name(task.item)],
            state: task.desired.clone(),
            raw: json!({"id": reply.id}),
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let body = request::<UpdateManagedIdentityRequest>(json!({"managedIdentity": {
            "id": present.number(),
            "name": state["name"],
            "platform": state["platform"],
            "config": state["config"],
        }}))?;
        let call = task.platform.client.update_managed_identity();
        let call = call.managed_identity_id(present.number());
        call.org_id(task.home.org()).body(body).send().await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_managed_identity();
        let call = call.managed_identity_id(present.number());
        Ok(call.org_id(home.org()).send().await?)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let mut keys = keys_from(
            &present.state,
            &[
                ("name", "name"),
                ("work-dir", "config.workDir"),
                ("launch-dir", "config.launchDir"),
                ("user-name", "config.userName"),
                ("host-name", "config.hostName"),
                ("port", "config.port"),
                ("head-queue", "config.headQueue"),
                ("compute-queue", "config.computeQueue"),
                ("max-queue-size", "config.maxQueueSize"),
                ("head-job-options", "config.headJobOptions"),
            ],
        );
        let platform = present.state["platform"].as_str().unwrap_or_default();
        let scheduler = platform.strip_suffix(SUFFIX).unwrap_or(platform);
        keys.insert("type".to_owned(), scheduler.into());
        Ok(keys)
    }
}
