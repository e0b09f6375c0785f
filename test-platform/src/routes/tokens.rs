//! What identifies a user: access tokens and SSH keys.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::turn::Turn;
use crate::behaviour::make;
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::{Record, short_id};

pub const ROUTES: Routes = &[
    ("TokenList", list),
    ("CreateToken", create),
    ("DeleteToken", delete),
    ("DeleteAllTokens", delete_all),
    ("ValidateSshKey", validate_key),
    ("ValidateSshKeyName", |turn| {
        SSH_KEY.carry_out(Verb::Validate, turn)
    }),
];

fn list(turn: &mut Turn<'_>) -> Reply {
    let tokens: Vec<Value> = turn
        .state
        .within("token", -turn.user)
        .map(Record::value)
        .collect();
    answer(json!({ "tokens": tokens }))
}

fn create(turn: &mut Turn<'_>) -> Reply {
    let name = turn.call.required("name")?.to_owned();
    let mut own = turn.state.within("token", -turn.user);
    if own.any(|token| token.text("name") == name) {
        return Err(Refusal::conflict(format!(
            "Token name '{name}' already exists"
        )));
    }
    drop(own);
    let secret = format!("eyJ0aWQiOiA{}", short_id(turn.state.next_id() ^ 0x70CE, 40));
    let token = make::token(turn.state, turn.user, &name, secret.clone());
    turn.audit("access_token_created", "access_token", &token.id, &name);
    answer(json!({ "accessKey": secret, "token": token.value() }))
}

fn delete(turn: &mut Turn<'_>) -> Reply {
    let id = turn.call.path("tokenId").to_owned();
    let user = turn.user;
    if turn
        .state
        .forget("token", |token| token.scope == -user && token.id == id)
        == 0
    {
        return Err(Refusal::not_found(format!("Unknown token with id: {id}")));
    }
    turn.audit("access_token_deleted", "access_token", &id, "");
    Ok(DONE)
}

fn delete_all(turn: &mut Turn<'_>) -> Reply {
    let user = turn.user;
    turn.state.forget("token", |token| token.scope == -user);
    Ok(DONE)
}

pub static SSH_KEY: Entity = Entity {
    kind: "ssh_key",
    title: "SSH key",
    scope: Scope::User,
    id: Id::Number,
    id_field: "id",
    parameter: "keyId",
    one: "sshKey",
    name: "name",
    missing: 404,
    audit: "ssh_key",
    defaults: || json!({ "lastUsed": null }),
    hooks: Hooks {
        made: |turn, record| {
            let key = record.text("publicKey").to_owned();
            check_key(turn, &key)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateSshKey", Verb::Create),
        ("ListSshKeys", Verb::List),
        ("DescribeSshKey", Verb::Describe),
        ("DeleteSshKey", Verb::Delete),
    ],
};

fn validate_key(turn: &mut Turn<'_>) -> Reply {
    let key = turn.call.query("key").unwrap_or_default().to_owned();
    check_key(turn, &key)?;
    Ok(DONE)
}

fn check_key(turn: &Turn<'_>, key: &str) -> Result<(), Refusal> {
    const SORTS: &[&str] = &[
        "ssh-rsa ",
        "ssh-ed25519 ",
        "ecdsa-sha2-nistp256 ",
        "ecdsa-sha2-nistp384 ",
        "ecdsa-sha2-nistp521 ",
    ];
    let is_key = SORTS
        .iter()
        .any(|sort| key.strip_prefix(sort).is_some_and(|rest| rest.len() > 8));
    if !is_key {
        return Err(Refusal::bad_request("Invalid SSH public key"));
    }
    match turn
        .state
        .within("ssh_key", -turn.user)
        .any(|own| own["publicKey"] == key)
    {
        true => Err(Refusal::conflict("The SSH public key exists already")),
        false => Ok(()),
    }
}
