//! The kinds of things, as a table: what reads, lists, compares, makes, changes and deletes each.

use std::future::Future;
use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::compare::{Compared, compare};
use super::item::Item;
use super::keys::{Key, Takes};
use super::platform::{Home, Platform, Present};
use super::problem::{Error, Result};
use super::variables::{Used, Variables};

mod account;
mod computing;
mod data;
mod launches;
mod organizations;
mod people;
mod pipelines;
mod roles;
mod settings;
mod studios;
mod versions;
mod workspaces;

pub use data::fingerprint;
pub use launches::{complete, complete_params, prepare, submit};

/// Where things of a kind belong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To the Platform.
    Platform,
    /// To an organization.
    Organization,
    /// To a workspace, or the user.
    Workspace,
}

/// Something that an item names.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    pub block: &'static str,
    pub home: String,
    pub name: String,
    /// Whether it must be there.
    pub required: bool,
}

/// What an item becomes when it is carried out.
pub struct Task<'a> {
    pub platform: &'a Platform,
    pub home: &'a Home,
    pub item: &'a Item,
    /// What it is to be, with all that is known by now.
    pub desired: &'a Value,
}

/// A kind of things: its rows of the table, of which most have usual ones.
pub trait Entity: 'static {
    /// The block that items stand in.
    const BLOCK: &'static str;
    /// What messages call one.
    const NOUN: &'static str;
    const SCOPE: Scope;
    /// The command that makes one.
    const COMMAND: &'static [&'static str];
    /// The command that makes one from a file.
    const IMPORT: Option<&'static [&'static str]> = None;
    /// Keys whose values nobody may see.
    const SECRET_KEYS: &'static [&'static str] = &[];
    /// Fields of the state that can't be read back.
    const UNREADABLE: &'static [&'static str] = &[];
    /// Fields of the state that can't be changed.
    const IMMUTABLE: &'static [&'static str] = &[];
    /// Keys that say something even where they are not given, and the field that each is of.
    const DEFAULTS: &'static [(&'static str, &'static str)] = &[];
    /// Whether one is made on every run.
    const RUNS_ALWAYS: bool = false;
    /// Why one can't be deleted; none is that it can.
    const STAYS: Option<&'static str> = None;
    /// Whether listing takes a call for each, so that only what is asked for is listed.
    const ASKS: bool = false;
    /// Whether the user has some outside of workspaces.
    const PERSONAL: bool = true;
    /// Keys of an item that makes one again, and the field of the state that each is.
    const EXPORTED: &'static [(&'static str, &'static str)] = &[];
    /// What is compared, beside fields that are this module's own.
    type State: Serialize + DeserializeOwned + PartialEq;

    /// The name that an item goes by in its list.
    fn name(item: &Item) -> String {
        item.text("name").unwrap_or_default().to_owned()
    }

    /// Keys beside the options of the command.
    fn extra(_variant: &str) -> Vec<Key> {
        Vec::new()
    }

    /// Puts in what an item leaves to files that it names.
    fn complete(_item: &mut Item, _variables: &Variables, _used: &mut Used) -> Result<(), String> {
        Ok(())
    }

    /// What an item names.
    fn references(_item: &Item) -> Vec<Reference> {
        Vec::new()
    }

    /// A field for other items that the Platform doesn't tell, and a file of the item does.
    fn output(_item: &Item, _field: &str) -> Option<String> {
        None
    }

    /// What an item says, in the fields of the state.
    fn desired(item: &Item, home: &Home, platform: &Platform) -> Result<Value>;

    /// What there is.
    fn list(platform: &Platform, home: &Home) -> impl Future<Output = Result<Vec<Present>>> + Send;

    /// What there is of one that its list does not tell, as far as an item says something of it.
    fn describe(
        _platform: &Platform,
        _home: &Home,
        _item: Option<&Item>,
        present: Present,
    ) -> impl Future<Output = Result<Present>> + Send {
        async { Ok(present) }
    }

    fn create(task: Task<'_>) -> impl Future<Output = Result<Present>> + Send;

    /// Changes one to a state, of which the fields of `task.desired` are what differs.
    fn update(
        task: Task<'_>,
        present: &Present,
        state: &Value,
    ) -> impl Future<Output = Result<Present>> + Send;

    fn delete(
        platform: &Platform,
        home: &Home,
        present: &Present,
    ) -> impl Future<Output = Result<()>> + Send;

    /// The keys of an item that makes one again, but for its place; texts of files go to `files`.
    fn export(
        _platform: &Platform,
        _home: &Home,
        present: &Present,
        _files: &mut Vec<(String, String)>,
    ) -> Result<Map<String, Value>> {
        Ok(keys_from(&present.state, Self::EXPORTED))
    }
}

type Listing = for<'a> fn(&'a Platform, &'a Home) -> BoxFuture<'a, Result<Vec<Present>>>;
type Describing =
    for<'a> fn(&'a Platform, &'a Home, Option<&'a Item>, Present) -> BoxFuture<'a, Result<Present>>;
type Creating = for<'a> fn(Task<'a>) -> BoxFuture<'a, Result<Present>>;
type Updating = for<'a> fn(Task<'a>, &'a Present, &'a Value) -> BoxFuture<'a, Result<Present>>;
type Deleting = for<'a> fn(&'a Platform, &'a Home, &'a Present) -> BoxFuture<'a, Result<()>>;
type Exporting =
    fn(&Platform, &Home, &Present, &mut Vec<(String, String)>) -> Result<Map<String, Value>>;

/// A row of the table.
pub struct Kind {
    pub block: &'static str,
    pub noun: &'static str,
    pub scope: Scope,
    pub command: &'static [&'static str],
    pub import: Option<&'static [&'static str]>,
    pub secret_keys: &'static [&'static str],
    pub unreadable: &'static [&'static str],
    pub immutable: &'static [&'static str],
    pub defaults: &'static [(&'static str, &'static str)],
    pub runs_always: bool,
    pub stays: Option<&'static str>,
    pub asks: bool,
    pub personal: bool,
    pub name: fn(&Item) -> String,
    pub extra: fn(&str) -> Vec<Key>,
    pub complete: fn(&mut Item, &Variables, &mut Used) -> Result<(), String>,
    pub check: fn(&Item) -> Result<()>,
    pub references: fn(&Item) -> Vec<Reference>,
    pub output: fn(&Item, &str) -> Option<String>,
    pub desired: fn(&Item, &Home, &Platform) -> Result<Value>,
    pub compare: fn(&Kind, &Item, &Value, &Value) -> Result<Compared>,
    pub list: Listing,
    pub describe: Describing,
    pub create: Creating,
    pub update: Updating,
    pub delete: Deleting,
    pub export: Exporting,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.block)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.block == other.block
    }
}

const fn row<E: Entity>() -> Kind {
    Kind {
        block: E::BLOCK,
        noun: E::NOUN,
        scope: E::SCOPE,
        command: E::COMMAND,
        import: E::IMPORT,
        secret_keys: E::SECRET_KEYS,
        unreadable: E::UNREADABLE,
        immutable: E::IMMUTABLE,
        defaults: E::DEFAULTS,
        runs_always: E::RUNS_ALWAYS,
        stays: E::STAYS,
        asks: E::ASKS,
        personal: E::PERSONAL,
        name: E::name,
        extra: E::extra,
        complete: E::complete,
        // What an item says can be read without a Platform: names stand for ids.
        check: |item| E::desired(item, &Home::default(), nobody()?).map(|_| ()),
        references: E::references,
        output: E::output,
        desired: E::desired,
        compare: compare::<E::State>,
        list: |platform, home| Box::pin(E::list(platform, home)),
        describe: |platform, home, item, present| {
            Box::pin(E::describe(platform, home, item, present))
        },
        create: |task| Box::pin(E::create(task)),
        update: |task, present, state| Box::pin(E::update(task, present, state)),
        delete: |platform, home, present| Box::pin(E::delete(platform, home, present)),
        export: E::export,
    }
}

/// A Platform that nobody asks.
fn nobody() -> Result<&'static Platform> {
    static NOBODY: OnceLock<Platform> = OnceLock::new();
    if NOBODY.get().is_none() {
        let client = seqera::Client::builder("nobody").build()?;
        let _ = NOBODY.set(Platform::new(client));
    }
    NOBODY
        .get()
        .ok_or_else(|| Error::other("there is no client"))
}

/// All kinds, in the order in which they are made.
pub static KINDS: [Kind; 22] = [
    row::<organizations::Organizations>(),
    row::<organizations::Teams>(),
    row::<organizations::Workspaces>(),
    row::<settings::WorkspaceSettings>(),
    row::<workspaces::Labels>(),
    row::<people::Members>(),
    row::<roles::Roles>(),
    row::<people::Participants>(),
    row::<account::SshKeys>(),
    row::<account::Tokens>(),
    row::<roles::ManagedIdentities>(),
    row::<workspaces::Credentials>(),
    row::<computing::ComputeEnvs>(),
    row::<workspaces::Secrets>(),
    row::<pipelines::Actions>(),
    row::<data::Datasets>(),
    row::<pipelines::Pipelines>(),
    row::<versions::PipelineSchemas>(),
    row::<versions::PipelineVersions>(),
    row::<launches::Launches>(),
    row::<data::DataLinks>(),
    row::<studios::Studios>(),
];

/// Where a block stands in the order.
pub fn rank(block: &str) -> Option<usize> {
    KINDS.iter().position(|kind| kind.block == block)
}

/// The kind of a block.
pub fn of(block: &str) -> Result<&'static Kind> {
    let kind = KINDS.iter().find(|kind| kind.block == block);
    kind.ok_or_else(|| Error::other(format!("there is no block `{block}`")))
}

/// A key beside the options of a command.
fn key(name: &str, takes: Takes) -> Key {
    Key {
        name: name.to_owned(),
        takes,
        required: false,
        words: Vec::new(),
    }
}

/// A reference to something in the same place.
fn beside(item: &Item, block: &'static str, key: &str) -> Option<Reference> {
    item.text(key).map(|name| Reference {
        block,
        home: item.scope().to_owned(),
        name: name.to_owned(),
        required: true,
    })
}

/// References to the labels that an item names, which are made where nobody makes them.
fn labels_of(item: &Item) -> Vec<Reference> {
    let names = several(item, "labels").into_iter();
    let labels = names.map(|name| Reference {
        block: "labels",
        home: item.scope().to_owned(),
        name,
        required: false,
    });
    labels.collect()
}

/// The texts of a key that takes several.
pub fn several(item: &Item, key: &str) -> Vec<String> {
    match item.fields.get(key) {
        Some(Value::Array(texts)) => texts
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        Some(Value::String(text)) => text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// The labels that an item says, sorted; none where it says nothing.
fn said_labels(item: &Item) -> Option<Value> {
    item.fields.contains_key("labels").then(|| {
        let mut names = several(item, "labels");
        names.sort();
        names.dedup();
        names.into()
    })
}

/// Labels of something that is there, as items name them.
fn label_names(labels: &Option<Vec<seqera::types::Label>>) -> Value {
    let mut names: Vec<String> = labels.iter().flatten().map(label_name).collect();
    names.sort();
    names.into()
}

fn label_name(label: &seqera::types::Label) -> String {
    let name = label.name.clone().unwrap_or_default();
    match label.value.as_deref().filter(|value| !value.is_empty()) {
        Some(value) => format!("{name}={value}"),
        None => name,
    }
}

/// The texts of a list among the fields of a state.
fn texts(state: &Value, field: &str) -> Vec<String> {
    let list = state.get(field).and_then(Value::as_array);
    let texts = list.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

/// The id of what an item names; what stands for it until it is there.
fn id_of(platform: &Platform, block: &'static str, home: &str, name: &str) -> String {
    let found = platform.find(block, home, name);
    found.map_or_else(
        || format!("({name}, not there yet)"),
        |present| present.id.clone(),
    )
}

/// A state of a type, and so without what is not of it.
fn state_of<T: Serialize + DeserializeOwned>(value: &impl Serialize) -> Result<Value> {
    let value = crate::output::without_nulls(serde_json::to_value(value)?);
    let state: T = serde_json::from_value(value)?;
    Ok(crate::output::without_nulls(serde_json::to_value(state)?))
}

/// A value of a type, from the fields of a state that it has.
fn typed<T: DeserializeOwned>(state: &Value) -> Result<T> {
    Ok(serde_json::from_value(crate::output::without_nulls(
        state.clone(),
    ))?)
}

/// The present with other fields in its state.
fn with_state(present: &Present, state: &Value) -> Present {
    Present {
        state: state.clone(),
        ..present.clone()
    }
}

/// An item's keys from the fields of a state, by a table of key and field.
fn keys_from(state: &Value, table: &[(&str, &str)]) -> Map<String, Value> {
    let keys = table.iter().filter_map(|(key, field)| {
        let value = field
            .split('.')
            .try_fold(state, |value, part| value.get(part))?;
        let says = match value {
            Value::Null | Value::Bool(false) => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
            _ => true,
        };
        says.then(|| ((*key).to_owned(), value.clone()))
    });
    keys.collect()
}

/// A name as that of a file.
fn file_name(name: &str) -> String {
    let fits = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let name: String = name
        .chars()
        .map(|c| if fits(c) { c } else { '_' })
        .collect();
    match name.trim_start_matches('.') {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}
