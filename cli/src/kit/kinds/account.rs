//! What is the user's own: access tokens and SSH keys.

use std::io::Write;

use seqera::types::{CreateAccessTokenRequest, CreateSshKeyRequest, SshPublicKey};
use serde_json::{Value, json};

use super::{Entity, Scope, Task, state_of, typed};
use crate::kit::additional::{self, OWN};
use crate::kit::item::Item;
use crate::kit::platform::{Home, Platform, Present};
use crate::kit::problem::{Error, Result};
use crate::values::TextFile;

pub struct Tokens;

/// A new file that only the user may read.
fn new_file(path: &str) -> Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path);
    file.map_err(|error| Error::other(format!("{path} can't be made: {error}")))
}

impl Entity for Tokens {
    const BLOCK: &'static str = "tokens";
    const NOUN: &'static str = "token";
    const SCOPE: Scope = Scope::Platform;
    const COMMAND: &'static [&'static str] = &[OWN, "tokens"];
    const EXPORTED: &'static [(&'static str, &'static str)] = &[("name", "name")];
    type State = CreateAccessTokenRequest;

    fn output(item: &Item, field: &str) -> Option<String> {
        let path = item.text("save-to").filter(|_| field == "accessKey")?;
        let text = TextFile(path.into()).read().ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: additional::Token = item.options()?;
        Ok(json!({"name": options.name}))
    }

    async fn list(platform: &Platform, _: &Home) -> Result<Vec<Present>> {
        let all = platform.client.token_list().send().await?.tokens;
        let present = |token: seqera::types::AccessTokenInfo| {
            let (id, name) = (token.id.unwrap_or_default(), token.name);
            Present {
                id: id.to_string(),
                state: json!({"name": name}),
                names: name.into_iter().collect(),
                raw: json!({"id": id}),
            }
        };
        Ok(all.unwrap_or_default().into_iter().map(present).collect())
    }

    /// The reply is the only one that tells the token: a file takes it, or items that name the field
    /// `accessKey`. It is told nowhere else.
    async fn create(task: Task<'_>) -> Result<Present> {
        let options: additional::Token = task.item.options()?;
        let mut file = options.save_to.as_deref().map(new_file).transpose()?;
        let body: CreateAccessTokenRequest = typed(task.desired)?;
        let made = task.platform.client.create_token().body(body).send().await;
        let saved = match made {
            Ok(made) => {
                let key = made.access_key.clone().unwrap_or_default();
                task.platform.hush(&key);
                let written = file.as_mut().map_or(Ok(()), |file| {
                    writeln!(file, "{key}").and_then(|()| file.sync_all())
                });
                let id = made.token.and_then(|token| token.id).unwrap_or_default();
                written
                    .map(|()| Present {
                        id: id.to_string(),
                        names: vec![options.name.clone()],
                        state: task.desired.clone(),
                        raw: json!({"id": id, "accessKey": key}),
                    })
                    .map_err(|error| Error::other(format!("the token is made and lost: {error}")))
            }
            Err(error) => {
                let error = Error::from(error);
                let listed = match error.is_unclear() {
                    true => Self::list(task.platform, task.home).await?,
                    false => Vec::new(),
                };
                match listed.iter().any(|one| one.names.contains(&options.name)) {
                    true => Err(Error::other(format!(
                        "{error}; there is a token of that name now, and nobody can read it any \
                         more: delete it, and apply again"
                    ))),
                    false => Err(error),
                }
            }
        };
        if let (Err(_), Some(path)) = (&saved, &options.save_to) {
            // It is empty, or holds half a token.
            let _ = std::fs::remove_file(path);
        }
        saved
    }

    async fn update(_: Task<'_>, present: &Present, _: &Value) -> Result<Present> {
        // The name is all that can be read of a token.
        Ok(present.clone())
    }

    async fn delete(platform: &Platform, _: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_token().token_id(present.number());
        Ok(call.send().await?)
    }
}

pub struct SshKeys;

fn present_key(key: &SshPublicKey) -> Result<Present> {
    let mut state = state_of::<CreateSshKeyRequest>(key)?;
    if let Some(text) = &key.public_key {
        state["publicKey"] = text.trim().into();
    }
    Ok(Present {
        id: key.id.unwrap_or_default().to_string(),
        names: key.name.clone().into_iter().collect(),
        state,
        raw: serde_json::to_value(key)?,
    })
}

impl Entity for SshKeys {
    const BLOCK: &'static str = "ssh-keys";
    const NOUN: &'static str = "SSH key";
    const SCOPE: Scope = Scope::Platform;
    const COMMAND: &'static [&'static str] = &[OWN, "ssh-keys"];
    const IMMUTABLE: &'static [&'static str] = &["publicKey"];
    const EXPORTED: &'static [(&'static str, &'static str)] =
        &[("name", "name"), ("public-key", "publicKey")];
    type State = CreateSshKeyRequest;

    fn desired(item: &Item, _: &Home, _: &Platform) -> Result<Value> {
        let options: additional::SshKey = item.options()?;
        let key = match (options.public_key, options.file_path) {
            (Some(key), None) => key,
            (None, Some(file)) => file.read().map_err(Error::other)?,
            _ => return Err(Error::other("give either `public-key` or `file-path`")),
        };
        Ok(json!({"name": options.name, "publicKey": key.trim()}))
    }

    async fn list(platform: &Platform, _: &Home) -> Result<Vec<Present>> {
        let all = platform.client.list_ssh_keys().send().await?.ssh_keys;
        all.iter().flatten().map(present_key).collect()
    }

    async fn create(task: Task<'_>) -> Result<Present> {
        let body: CreateSshKeyRequest = typed(task.desired)?;
        let call = task.platform.client.create_ssh_key().body(body);
        present_key(&call.send().await?.ssh_key.unwrap_or_default())
    }

    async fn update(_: Task<'_>, present: &Present, _: &Value) -> Result<Present> {
        // Name and key are all that there is.
        Ok(present.clone())
    }

    async fn delete(platform: &Platform, _: &Home, present: &Present) -> Result<()> {
        let call = platform.client.delete_ssh_key().key_id(present.number());
        Ok(call.send().await?)
    }
}
