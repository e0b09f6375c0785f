//! Items: what files say of one thing, checked, with variables put in.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::keys::{self, Takes};
use super::kinds::Kind;
use super::problem::{Error, Place, Result};
use super::variables::{Output, Used, Variables, outputs};

/// What becomes of an item whose thing is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExists {
    /// It is changed in place.
    #[default]
    Update,
    /// That is a failure.
    Fail,
    /// It stays as it is, whole.
    Ignore,
    /// Where it differs it is deleted, and made anew.
    Overwrite,
}

impl std::str::FromStr for OnExists {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "update" => Ok(Self::Update),
            "fail" => Ok(Self::Fail),
            "ignore" => Ok(Self::Ignore),
            "overwrite" => Ok(Self::Overwrite),
            _ => Err(format!(
                "`{text}` is none of fail, ignore, overwrite, update"
            )),
        }
    }
}

/// An item of a file.
#[derive(Clone, Debug)]
pub struct Item {
    pub(crate) kind: &'static Kind,
    /// The words that choose the command of its kind: `aws-batch forge`.
    pub(crate) variant: String,
    /// Its keys, as the options of the command take them.
    pub(crate) fields: Map<String, Value>,
    pub(crate) on_exists: OnExists,
    pub(crate) place: Place,
    /// Tells it from others that are made on every run.
    pub(crate) number: usize,
}

impl Item {
    /// An item of values that are already worked out: no variables are put in.
    pub(crate) fn of_values(
        kind: &'static Kind,
        values: Map<String, Value>,
        place: Place,
        variables: &Variables,
    ) -> Result<Self> {
        let mut known = keys::of(kind.command).unwrap_or_default().to_vec();
        known.extend((kind.extra)(""));
        let mut fields = Map::new();
        for (name, value) in values {
            let key = known.iter().rfind(|key| key.name == name);
            let key =
                key.ok_or_else(|| Error::other(format!("`{name}` is no key of `{}`", kind.block)))?;
            if let Some(value) = value_of(key.takes, &name, value)? {
                fields.insert(name, value);
            }
        }
        let mut item = Self {
            kind,
            variant: String::new(),
            fields,
            on_exists: OnExists::default(),
            place,
            number: 0,
        };
        let mut used = Used::default();
        (kind.complete)(&mut item, variables, &mut used).map_err(Error::other)?;
        (kind.check)(&item)?;
        Ok(item)
    }

    /// The name of its block.
    pub fn block(&self) -> &'static str {
        self.kind.block
    }

    /// The name that it goes by.
    pub fn name(&self) -> String {
        (self.kind.name)(self)
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A text among its keys.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str)
    }

    /// The organization or workspace that it belongs to, as it is written.
    pub(crate) fn scope(&self) -> &str {
        let key = match self.kind.scope {
            super::kinds::Scope::Platform => return "",
            super::kinds::Scope::Organization => "organization",
            super::kinds::Scope::Workspace => "workspace",
        };
        self.text(key).unwrap_or_default()
    }

    /// Its keys as the options of a command.
    pub(crate) fn options<T: DeserializeOwned>(&self) -> Result<T> {
        let options = serde_json::from_value(Value::Object(self.fields.clone()));
        options.map_err(|error| Error::other(error.to_string()))
    }

    /// How messages name it.
    pub fn label(&self) -> String {
        match self.scope() {
            "" => format!("{} {}", self.kind.noun, self.name()),
            scope => format!("{} {} of {scope}", self.kind.noun, self.name()),
        }
    }

    /// The fields of others that it names.
    pub(crate) fn outputs(&self) -> Vec<Output> {
        let mut found = Vec::new();
        let mut look = |text: &str| found.extend(outputs(text));
        self.fields
            .values()
            .for_each(|value| texts(value, &mut look));
        found
    }
}

/// A value as a key takes it; none where it says nothing.
fn value_of(takes: Takes, name: &str, value: Value) -> Result<Option<Value>> {
    let wrong = |what: &str| Err(Error::other(format!("`{name}` takes {what}")));
    let value = match (takes, value) {
        (_, Value::Null) => return Ok(None),
        (Takes::Map | Takes::Pairs, value @ Value::Object(_))
        | (Takes::Several | Takes::Pairs | Takes::File, value @ Value::Array(_)) => value,
        (Takes::Map, _) => return wrong("a map"),
        (_, Value::Array(_) | Value::Object(_)) => return wrong("one value"),
        (Takes::Flag | Takes::Truth, Value::Bool(truth)) => {
            return Ok((truth || takes == Takes::Truth).then_some(Value::Bool(truth)));
        }
        (Takes::Number, value @ Value::Number(_)) => value,
        (_, Value::String(text)) if text.trim().is_empty() => return Ok(None),
        (Takes::Flag | Takes::Truth, Value::String(text)) => match text.as_str() {
            "true" => Value::Bool(true),
            "false" if takes == Takes::Truth => Value::Bool(false),
            "false" => return Ok(None),
            _ => return wrong("true or false"),
        },
        (Takes::Number, Value::String(text)) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => return wrong("a whole number"),
        },
        (Takes::Flag | Takes::Truth, _) => return wrong("true or false"),
        (Takes::Number, _) => return wrong("a whole number"),
        (_, value @ Value::String(_)) => value,
        (_, value) => value.to_string().into(),
    };
    Ok(Some(value))
}

fn texts(value: &Value, look: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, look)),
        Value::Object(fields) => fields.values().for_each(|value| texts(value, look)),
        _ => {}
    }
}

/// Changes all texts in a value.
pub fn map_texts(value: &mut Value, change: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| map_texts(item, change)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|value| map_texts(value, change)),
        _ => {}
    }
}
