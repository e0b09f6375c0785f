//! Labels, credentials and secrets of workspaces.

use futures_util::TryStreamExt;
use seqera::types::{
    CreateLabelRequest, CreatePipelineSecretRequest, Credentials as CredentialsInfo, Label,
    PipelineSecret, UpdateCredentialsRequest, UpdatePipelineSecretRequest,
};
use serde_json::{Map, Value, json};

use super::{Entity, Scope, Task, key, keys_from, label_name, state_of, typed, with_state};
use crate::commands::{credentials, labels, secrets};
use crate::kit::export::VARIABLE;
use crate::kit::item::Item;
use crate::kit::keys::{Key, Takes};
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::requests::request;

pub struct Labels;

fn present_label(label: &Label) -> Result<Present> {
    Ok(Present {
        id: label.id.unwrap_or_default().to_string(),
        names: vec![label_name(label)],
        state: state_of::<CreateLabelRequest>(&json!({
            "name": label.name,
            "value": label.value.as_deref().filter(|value| !value.is_empty()),
            "resource": label.resource,
        }))?,
        raw: serde_json::to_value(label)?,
    })
}

impl Entity for Labels {
    const BLOCK: &'static str = "labels";
    const NOUN: &'static str = "label";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["labels", "add"];
    const EXPORTED: &'static [(&'static str, &'static str)] =
        &[("name", "name"), ("value", "value")];
    type State = CreateLabelRequest;

    fn name(item: &Item) -> String {
        let name = item.text("name").unwrap_or_default();
        match item.text("value") {
            Some(value) => format!("{name}={value}"),
            None => name.to_owned(),
        }
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let label: labels::Add = item.options()?;
        let label = crate::values::Label {
            name: label.name,
            value: label.value,
        };
        Ok(serde_json::to_value(labels::request_of(&label)?)?)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform.client.list_labels().workspace_id(home.workspace);
        let all: Vec<Label> = call.type_("all").stream().try_collect().await?;
        all.iter().map(present_label).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let names = [Self::name(task.item)];
        let ids = task.platform.label_ids(task.home, &names).await?;
        Ok(Present {
            id: ids.first().copied().unwrap_or_default().to_string(),
            names: names.into(),
            state: task.desired.clone(),
            raw: json!({"id": ids.first()}),
        })
    }

    async fn update(_: Task<'_>, present: &Present, _: &Value) -> Result<Present> {
        // Name and value are all that a label is.
        Ok(present.clone())
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_label().label_id(present.number());
        Ok(call.workspace_id(home.workspace).send().await?)
    }
}

pub struct Credentials;

fn present_credentials(credentials: &CredentialsInfo) -> Result<Present> {
    Ok(Present {
        id: credentials.id.clone().unwrap_or_default(),
        names: credentials.name.clone().into_iter().collect(),
        state: state_of::<CredentialsInfo>(&json!({
            "name": credentials.name,
            "provider": credentials.provider,
            "baseUrl": credentials.base_url,
            "keys": credentials.keys,
        }))?,
        raw: serde_json::to_value(credentials)?,
    })
}

/// Keys of items and fields of keys that are no secret, and what can be exported.
const TOLD: &[(&str, &str)] = &[
    ("assume-role-arn", "keys.assumeRoleArn"),
    ("base-url", "baseUrl"),
    ("batch-name", "keys.batchName"),
    ("client-id", "keys.clientId"),
    ("connection-id", "keys.connectionId"),
    ("registry", "keys.registry"),
    ("service-account-email", "keys.serviceAccountEmail"),
    ("storage-name", "keys.storageName"),
    ("tenant-id", "keys.tenantId"),
    ("token-audience", "keys.tokenAudience"),
    ("username", "keys.username"),
    ("work-dir", "keys.workDir"),
    (
        "workload-identity-provider",
        "keys.workloadIdentityProvider",
    ),
];

impl Entity for Credentials {
    const BLOCK: &'static str = "credentials";
    const NOUN: &'static str = "credentials";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["credentials", "add"];
    const SECRET_KEYS: &'static [&'static str] = &[
        "access-key",
        "batch-key",
        "client-secret",
        "passphrase",
        "password",
        "secret-key",
        "storage-key",
        "token",
    ];
    const UNREADABLE: &'static [&'static str] = &[
        "keys.accessKey",
        "keys.batchKey",
        "keys.certificate",
        "keys.clientSecret",
        "keys.data",
        "keys.passphrase",
        "keys.password",
        "keys.privateKey",
        "keys.secretKey",
        "keys.storageKey",
        "keys.token",
    ];
    const IMMUTABLE: &'static [&'static str] = &["provider"];
    const DEFAULTS: &'static [(&'static str, &'static str)] =
        &[("registry", "keys.registry"), ("work-dir", "keys.workDir")];
    type State = CredentialsInfo;

    fn extra(_: &str) -> Vec<Key> {
        vec![key("type", Takes::Text), key("config-mode", Takes::Text)]
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options = Value::Object(item.fields.clone());
        let (body, _) = credentials::create::request_of(&item.variant, options)?;
        Ok(serde_json::to_value(body.credentials)?)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_credentials()
            .workspace_id(home.workspace);
        let all = call.send().await?.credentials.unwrap_or_default();
        all.iter().map(present_credentials).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let options = Value::Object(task.item.fields.clone());
        let (body, external) = credentials::create::request_of(&task.item.variant, options)?;
        let client = &task.platform.client;
        let call = client
            .create_credentials()
            .workspace_id(task.home.workspace);
        let reply = call.use_external_id(external).body(body).send().await?;
        let id = reply.credentials_id.unwrap_or_default();
        Ok(Present {
            names: vec![Self::name(task.item)],
            raw: json!({"id": id}),
            id,
            state: Value::Null,
        })
    }

    async fn update(task: Task<'_>, present: &Present, _: &Value) -> Result<Present> {
        let options = Value::Object(task.item.fields.clone());
        let (body, external) = credentials::create::request_of(&task.item.variant, options)?;
        let mut spec = serde_json::to_value(body.credentials)?;
        spec["id"] = present.id.as_str().into();
        for name in ["description", "baseUrl"] {
            if spec[name].is_null() {
                spec[name] = present.raw[name].clone();
            }
        }
        let body = request::<UpdateCredentialsRequest>(json!({"credentials": spec}))?;
        let call = task
            .platform
            .client
            .update_credentials()
            .credentials_id(&present.id);
        let call = call.workspace_id(task.home.workspace);
        call.use_external_id(external.then_some(true))
            .body(body)
            .send()
            .await?;
        Ok(present.clone())
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_credentials()
            .credentials_id(&present.id);
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let provider = present.state["provider"].as_str().unwrap_or_default();
        let variant = match provider {
            "tw-agent" => "agent",
            "azure_entra" => "azure-entra",
            provider => provider,
        };
        let path = ["credentials", "add", variant];
        let known = crate::kit::keys::of(&path)
            .ok_or_else(|| Error::other(format!("there is no command for {provider}")))?;
        let mut keys = keys_from(&present.state, TOLD);
        if let Some(user) = present.state["keys"].get("userName").cloned() {
            keys.insert("username".to_owned(), user);
        }
        let name = present.names.first().cloned().unwrap_or_default();
        for key in known.iter() {
            let usual = ["access-key", "key", "secret-key"].contains(&key.name.as_str())
                || (variant == "k8s" && key.name == "token");
            let asked = key.required || usual;
            let others = ["assume-role-arn", "workload-identity-provider"];
            let by_role = others.iter().any(|key| keys.contains_key(*key)) && !key.required;
            if asked && !by_role && !["name", "work-dir"].contains(&key.name.as_str()) {
                let variable = variable_of(&name, &key.name);
                keys.entry(key.name.clone())
                    .or_insert_with(|| variable.into());
            }
        }
        keys.retain(|key, _| known.iter().any(|one| one.name == *key));
        keys.insert("name".to_owned(), name.into());
        keys.insert("type".to_owned(), variant.into());
        Ok(keys)
    }
}

/// A variable that stands for a secret of something.
fn variable_of(name: &str, key: &str) -> String {
    let text = format!("{name}_{key}").to_uppercase();
    let text: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    match text.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("{VARIABLE}_{text}"),
        false => format!("{VARIABLE}{text}"),
    }
}

pub struct Secrets;

impl Entity for Secrets {
    const BLOCK: &'static str = "secrets";
    const NOUN: &'static str = "secret";
    const SCOPE: Scope = Scope::Workspace;
    const COMMAND: &'static [&'static str] = &["secrets", "add"];
    const SECRET_KEYS: &'static [&'static str] = &["value"];
    const UNREADABLE: &'static [&'static str] = &["value"];
    type State = CreatePipelineSecretRequest;

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let body = item.options::<secrets::Add>()?.request()?;
        Ok(serde_json::to_value(body)?)
    }

    async fn list(platform: &Platform, home: &Home) -> Result<Vec<Present>> {
        let call = platform
            .client
            .list_pipeline_secrets()
            .workspace_id(home.workspace);
        let all = call.send().await?.pipeline_secrets.unwrap_or_default();
        let present = |secret: &PipelineSecret| {
            Ok(Present {
                id: secret.id.unwrap_or_default().to_string(),
                names: secret.name.clone().into_iter().collect(),
                state: json!({"name": secret.name}),
                raw: serde_json::to_value(secret)?,
            })
        };
        all.iter().map(present).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body: CreatePipelineSecretRequest = typed(task.desired)?;
        let call = task.platform.client.create_pipeline_secret();
        let reply = call
            .workspace_id(task.home.workspace)
            .body(body)
            .send()
            .await?;
        Ok(Present {
            id: reply.secret_id.unwrap_or_default().to_string(),
            names: vec![Self::name(task.item)],
            raw: json!({"id": reply.secret_id}),
            state: Value::Null,
        })
    }

    async fn update(task: Task<'_>, present: &Present, state: &Value) -> Result<Present> {
        let body = request::<UpdatePipelineSecretRequest>(json!({"value": task.desired["value"]}))?;
        let call = task.platform.client.update_pipeline_secret();
        let call = call
            .secret_id(present.number())
            .workspace_id(task.home.workspace);
        call.body(body).send().await?;
        Ok(with_state(present, state))
    }

    async fn delete(platform: &Platform, home: &Home, present: &Present) -> Result<()> {
        let call = platform
            .client
            .delete_pipeline_secret()
            .secret_id(present.number());
        Ok(call.workspace_id(home.workspace).send().await?)
    }

    fn export(
        _: &Platform,
        _: &Home,
        present: &Present,
        _: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        let mut keys = keys_from(&present.state, &[("name", "name")]);
        let name = present.names.first().cloned().unwrap_or_default();
        keys.insert("value".to_owned(), variable_of("SECRET", &name).into());
        Ok(keys)
    }
}
