//! What an item says against what is there: as values of the requests' types.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::item::Item;
use super::kinds::Kind;
use super::problem::Result;
use crate::output::without_nulls;

/// Fields of states that are no fields of requests: of this module, and compared as they are.
const OWN: [&str; 7] = [
    "labels",
    "members",
    "primary",
    "content",
    "header",
    "role",
    "isDefault",
];

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// The field, as a path of the API's names.
    pub field: String,
    /// What it is; nothing where it is not there.
    pub old: Value,
    /// What it is to be.
    pub new: Value,
    /// Whether it can't be changed in what is there.
    pub immutable: bool,
    /// Whether nobody may see the values.
    pub sensitive: bool,
}

/// What a comparison found.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// The fields that differ.
    pub changes: Vec<Change>,
    /// What is there, with what differs in it.
    pub state: Value,
    /// What the item says that can't be read back.
    pub unknown: Vec<String>,
}

/// Compares what is there with what an item says, which keeps what it says nothing of.
pub fn compare<T: Serialize + DeserializeOwned + PartialEq>(
    kind: &Kind,
    item: &Item,
    present: &Value,
    desired: &Value,
) -> Result<Compared> {
    let (said, unknown) = said(kind, item, desired, |path| get(present, path).is_some());
    let mut merged = present.clone();
    overlay(&mut merged, &said);
    let (now, own_now) = parts::<T>(present)?;
    let (then, own_then) = parts::<T>(&merged)?;
    let mut changes = Vec::new();
    if now != then || own_now != own_then {
        let value = |typed: T, own: Map<String, Value>| -> Result<Value> {
            let mut value = without_nulls(serde_json::to_value(typed)?);
            if let Value::Object(fields) = &mut value {
                fields.extend(own);
            }
            Ok(value)
        };
        let (old, new) = (value(now, own_now)?, value(then, own_then)?);
        differences("", &old, &new, &mut changes);
        for change in &mut changes {
            let under =
                |path: &str| change.field == *path || change.field.starts_with(&format!("{path}."));
            change.immutable = kind.immutable.iter().any(|path| under(path));
            change.sensitive = kind.unreadable.iter().any(|path| under(path));
        }
    }
    Ok(Compared {
        changes,
        state: merged,
        unknown,
    })
}

/// What an item says that can be compared, and the fields of what it says beside that. `is_there` is
/// whether what is there has a field, which then is not changed to a mere default.
fn said(
    kind: &Kind,
    item: &Item,
    desired: &Value,
    is_there: impl Fn(&str) -> bool,
) -> (Value, Vec<String>) {
    let mut said = without_nulls(desired.clone());
    for (_, path) in kind.defaults {
        let mut keys = kind.defaults.iter().filter(|(_, other)| other == path);
        let said_so = keys.any(|(key, _)| item.fields.contains_key(*key));
        if !said_so && is_there(path) {
            remove(&mut said, path);
        }
    }
    let mut unknown = Vec::new();
    for path in kind.unreadable {
        if get(&said, path).is_some_and(|value| !is_nothing(value)) {
            unknown.push((*path).to_owned());
            remove(&mut said, path);
        }
    }
    (said, unknown)
}

/// Whether a list tells that what is there is what an item says: each field that it says is listed,
/// and the same. What the list doesn't tell, or tells otherwise, must be read.
pub fn is_listed(kind: &Kind, item: &Item, listed: &Value, desired: &Value) -> bool {
    let (said, _) = said(kind, item, desired, |_| true);
    is_within(&said, listed)
}

/// Whether all that a value says is in another one.
fn is_within(said: &Value, listed: &Value) -> bool {
    match (said, listed) {
        (Value::Object(said), Value::Object(listed)) => said.iter().all(|(name, value)| {
            let own = listed.get(name);
            own.is_some_and(|own| is_within(value, own))
        }),
        (said, listed) => said == listed,
    }
}

/// The typed part of a state, and this module's own.
fn parts<T: DeserializeOwned>(state: &Value) -> Result<(T, Map<String, Value>)> {
    let mut fields = state.as_object().cloned().unwrap_or_default();
    let mut own = Map::new();
    for name in OWN {
        if let Some(value) = fields.remove(name) {
            own.insert(name.to_owned(), value);
        }
    }
    let typed = serde_json::from_value(without_nulls(Value::Object(fields)))?;
    Ok((typed, own))
}

/// Whether a value says nothing: its absence means the same.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Bool(true) => false,
    }
}

/// Puts what is said over what is there.
pub fn overlay(present: &mut Value, said: &Value) {
    match (present, said) {
        (Value::Object(present), Value::Object(said)) => {
            for (name, value) in said {
                match present.get_mut(name) {
                    Some(own) if own.is_null() && is_nothing(value) => {}
                    Some(own) => overlay(own, value),
                    None if is_nothing(value) => {}
                    None => {
                        present.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (_, Value::Null) => {}
        (present, said) => {
            if !(is_nothing(present) && is_nothing(said)) {
                *present = said.clone();
            }
        }
    }
}

fn differences(path: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    match (old, new) {
        (Value::Object(one), Value::Object(other)) => {
            let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let inner = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                let of =
                    |fields: &Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                differences(&inner, &of(one), &of(other), changes);
            }
        }
        (old, new) if old == new => {}
        (old, new) => changes.push(Change {
            field: path.to_owned(),
            old: old.clone(),
            new: new.clone(),
            immutable: false,
            sensitive: false,
        }),
    }
}

fn get<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let found = path
        .split('.')
        .try_fold(value, |value, part| value.get(part))?;
    (!found.is_null()).then_some(found)
}

fn remove(value: &mut Value, path: &str) {
    match path.split_once('.') {
        None => {
            if let Value::Object(fields) = value {
                fields.remove(path);
            }
        }
        Some((first, rest)) => {
            if let Some(inner) = value.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}
