//! Managed identities: clusters to which each user of an organization logs in with own credentials.

use serde_json::{Value, json};

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb, list_reply};
use super::turn::Turn;
use crate::behaviour::compute::{dependent_runs, identity_id};
use crate::call::{DONE, Refusal, Reply, answer};
use crate::state::Record;

pub const ROUTES: Routes = &[
    ("ListManagedIdentities", list),
    ("ListManagedCredentials", list_credentials),
    ("CreateManagedCredentials", add_credentials),
    ("UpdateManagedCredentials", update_credentials),
    ("DeleteManagedCredentials", delete_credentials),
];

pub static IDENTITY: Entity = Entity {
    kind: "managed_identity",
    title: "managed identity",
    scope: Scope::Organization,
    id: Id::Number,
    id_field: "id",
    parameter: "managedIdentityId",
    one: "managedIdentity",
    name: "name",
    missing: 404,
    audit: "managed_identity",
    defaults: super::entity::no_defaults,
    hooks: Hooks {
        made: name_kind,
        changed: |turn, record, _| name_kind(turn, record),
        leaves: |turn, record| {
            check_dependents(turn, record, None)?;
            let id = record.number("id");
            turn.state
                .forget("managed_credentials", |credentials| credentials.scope == id);
            Ok(true)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateManagedIdentity", Verb::Create),
        ("DescribeManagedIdentity", Verb::Describe),
        ("UpdateManagedIdentity", Verb::Update),
        ("DeleteManagedIdentity", Verb::Delete),
    ],
};

/// That no active run reaches its compute environment by this identity or, where credentials of it
/// are given, by those.
fn check_dependents(
    turn: &Turn<'_>,
    identity: &Record,
    credentials: Option<&Record>,
) -> Result<(), Refusal> {
    let conflicts = dependent_runs(turn.state, |run, env| {
        identity_id(env).as_ref() == Some(&identity.id)
            && credentials.is_none_or(|own| own["userId"] == run.owner)
    });
    if !turn.call.flag("checked") || conflicts.is_empty() {
        return Ok(());
    }
    let id = credentials.map(|credentials| &credentials.id);
    Err(Refusal {
        status: 409,
        body: json!({ "managedCredentialsId": id, "conflicts": conflicts }),
    })
}

fn name_kind(_: &mut Turn<'_>, record: &mut Record) -> Result<(), Refusal> {
    let platform = record["platform"].clone();
    if !platform.is_string() {
        return Err(Refusal::bad_request("Missing `platform` parameter"));
    }
    if let Some(Value::Object(config)) = record.fields.get_mut("config") {
        config.insert("discriminator".to_owned(), platform);
    }
    Ok(())
}

fn list(turn: &mut Turn<'_>) -> Reply {
    let organization = IDENTITY.scope(turn)?;
    let search = turn.search(&["platform"]);
    let found = (turn.state.within("managed_identity", organization))
        .filter(|identity| search.finds([identity.text("name")]))
        .filter(|identity| {
            search.all("platform", |platform| identity.text("platform") == platform)
        });
    let page = turn.call.page(found)?;
    let items = page.items.into_iter().map(Record::value).collect();
    answer(list_reply(turn, items, page.total))
}

/// One line for each member: with credentials, or `is:missing`.
fn list_credentials(turn: &mut Turn<'_>) -> Reply {
    let identity = IDENTITY.find(turn)?;
    let search = turn.search(&["is"]);
    let wanted = |what: &str| search.keywords.iter().any(|(_, value)| value == what);
    let either = wanted("missing") == wanted("added");
    let only = turn.call.query_number("userId")?;
    let lines = (turn.state.within("member", identity.scope))
        .filter(|member| only.is_none_or(|user| member.number("userId") == user))
        .filter(|member| {
            let full = format!("{} {}", member.text("firstName"), member.text("lastName"));
            search.finds([member.text("userName"), full.as_str()])
        })
        .filter_map(|member| {
            let own = (turn
                .state
                .within("managed_credentials", identity.number("id")))
            .find(|credentials| credentials["userId"] == member["userId"]);
            let fits = either || wanted("added") == own.is_some();
            fits.then(|| {
                json!({
                    "managedCredentialsId": own.map(|own| own.number("id")),
                    "userId": member["userId"],
                    "userName": member["userName"],
                    "firstName": member["firstName"],
                    "lastName": member["lastName"],
                    "avatarUrl": null,
                    "provider": own.map(|own| own["provider"].clone()),
                    "metadata": own.map(|own| own["metadata"].clone()),
                })
            })
        });
    let page = turn.call.page(lines)?;
    answer(json!({ "managedCredentials": page.items, "totalSize": page.total }))
}

fn add_credentials(turn: &mut Turn<'_>) -> Reply {
    let identity = IDENTITY.find(turn)?;
    let user = turn.call.query_number("userId")?.unwrap_or(turn.user);
    let own = |record: &Record| record.number("userId") == user;
    if turn
        .state
        .within("managed_credentials", identity.number("id"))
        .any(own)
    {
        return Err(Refusal::conflict(
            "The user has managed credentials already",
        ));
    }
    let number = turn.state.next_id();
    let record = json!({
        "id": number,
        "userId": user,
        "provider": turn.call.text("provider").unwrap_or("ssh"),
        "metadata": turn.call.field("metadata"),
        "_secrets": turn.call.field("credentials"),
    });
    turn.state.keep(
        "managed_credentials",
        Record::new(number, identity.number("id"), record),
    );
    turn.audit(
        "managed_credentials_created",
        "managed_credentials",
        &number.to_string(),
        "",
    );
    answer(json!({ "managedCredentials": { "id": number } }))
}

fn find_credentials(turn: &Turn<'_>) -> Result<Record, Refusal> {
    let identity = IDENTITY.find(turn)?;
    let id = turn.call.path("managedCredentialsId");
    (turn
        .state
        .find("managed_credentials", identity.number("id"), id)
        .cloned())
    .ok_or_else(|| Refusal::not_found(format!("Unknown managed credentials with id: {id}")))
}

fn update_credentials(turn: &mut Turn<'_>) -> Reply {
    let record = find_credentials(turn)?;
    let (metadata, secrets) = (
        turn.call.field("metadata").clone(),
        turn.call.field("credentials").clone(),
    );
    if let Some(kept) = turn
        .state
        .find_mut("managed_credentials", record.scope, &record.id)
    {
        kept.set("metadata", metadata);
        kept.set("_secrets", secrets);
    }
    turn.audit(
        "managed_credentials_updated",
        "managed_credentials",
        &record.id,
        "",
    );
    Ok(DONE)
}

fn delete_credentials(turn: &mut Turn<'_>) -> Reply {
    let record = find_credentials(turn)?;
    let identity = IDENTITY.find(turn)?;
    check_dependents(turn, &identity, Some(&record))?;
    turn.state.forget_one("managed_credentials", &record);
    turn.audit(
        "managed_credentials_deleted",
        "managed_credentials",
        &record.id,
        "",
    );
    Ok(DONE)
}
