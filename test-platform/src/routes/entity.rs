//! What is the same for most entities: create, list, describe, update, delete, and whether a name is
//! free. What an entity is stands in its row (`Entity`); what is peculiar to it, in its hooks.

use serde_json::{Map, Value, json};

use super::turn::Turn;
use crate::behaviour::PERMISSIONS;
use crate::call::{Answer, DONE, Refusal, Reply, answer, text};
use crate::schema::schema;
use crate::state::{Record, numbers, object, short_id};

/// Where records of a kind belong.
#[derive(Clone, Copy, PartialEq)]
pub enum Scope {
    /// The workspace, or the caller's own context.
    Context,
    /// The organization that the call names.
    Organization,
    /// The caller.
    User,
    /// The Platform.
    Platform,
}

#[derive(Clone, Copy)]
pub enum Id {
    Number,
    Text(usize),
}

#[derive(Clone, Copy, PartialEq)]
pub enum Verb {
    Create,
    List,
    Describe,
    Update,
    Delete,
    Validate,
}

/// A kind of entity.
pub struct Entity {
    pub kind: &'static str,
    /// What messages call it.
    pub title: &'static str,
    pub scope: Scope,
    pub id: Id,
    /// The field that holds its id.
    pub id_field: &'static str,
    /// The path parameter that names one.
    pub parameter: &'static str,
    /// What wraps one in requests and replies, where something does.
    pub one: &'static str,
    /// The field that is its name, which no other of the context has; empty where it has none.
    pub name: &'static str,
    /// How an unknown one is answered.
    pub missing: u16,
    /// What events of the audit log begin with.
    pub audit: &'static str,
    /// What a new one has that the request doesn't say.
    pub defaults: fn() -> Value,
    pub hooks: Hooks,
    pub operations: &'static [(&'static str, Verb)],
}

/// What is peculiar to an entity.
pub struct Hooks {
    /// Whether the list holds it.
    pub listed: fn(&Turn<'_>, &Record) -> bool,
    /// Checks and completes a new one, after its body.
    pub made: fn(&mut Turn<'_>, &mut Record) -> Result<(), Refusal>,
    /// Checks and completes a changed one; the last is the one from before.
    pub changed: fn(&mut Turn<'_>, &mut Record, &Record) -> Result<(), Refusal>,
    /// What is shown that isn't kept.
    pub shown: fn(&Turn<'_>, &Record, &mut Value),
    /// Checks whether one may go. Whether it goes at once.
    pub leaves: fn(&mut Turn<'_>, &Record) -> Result<bool, Refusal>,
}

/// Nothing is peculiar.
pub const PLAIN: Hooks = Hooks {
    listed: |_, _| true,
    made: |_, _| Ok(()),
    changed: |_, _, _| Ok(()),
    shown: |_, _, _| (),
    leaves: |_, _| Ok(true),
};

pub fn no_defaults() -> Value {
    json!({})
}

impl Entity {
    pub fn carry_out(&self, verb: Verb, turn: &mut Turn<'_>) -> Reply {
        match verb {
            Verb::Create => self.create(turn),
            Verb::List => self.list(turn),
            Verb::Describe => self.describe(turn),
            Verb::Update => self.update(turn),
            Verb::Delete => self.delete(turn),
            Verb::Validate => self.validate(turn),
        }
    }

    pub fn scope(&self, turn: &Turn<'_>) -> Result<i64, Refusal> {
        match self.scope {
            Scope::Context => Ok(turn.scope()),
            Scope::User => Ok(-turn.user),
            Scope::Platform => Ok(0),
            Scope::Organization => match turn.context.organization {
                0 => Err(Refusal::bad_request("Missing `orgId` parameter")),
                id => Ok(id),
            },
        }
    }

    pub fn unknown(&self, id: &str) -> Refusal {
        Refusal::new(
            self.missing,
            format!("Unknown {} with id: {id}", self.title),
        )
    }

    /// The record of the call's path.
    pub fn find(&self, turn: &Turn<'_>) -> Result<Record, Refusal> {
        let id = turn.call.path(self.parameter);
        let scope = self.scope(turn)?;
        (turn.state.find(self.kind, scope, id).cloned()).ok_or_else(|| self.unknown(id))
    }

    /// What a request holds of the entity.
    fn given(&self, turn: &Turn<'_>) -> Map<String, Value> {
        let body = turn.call.body.clone();
        match body.get(self.one) {
            Some(inner) if inner.is_object() => object(inner.clone()),
            _ => object(body),
        }
    }

    /// That a name is there, and no other record has it.
    pub fn check_name(
        &self,
        turn: &Turn<'_>,
        name: &str,
        own: Option<&str>,
    ) -> Result<(), Refusal> {
        if self.name.is_empty() {
            return Ok(());
        }
        if name.trim().is_empty() {
            return Err(Refusal::bad_request(format!(
                "Missing `{}` parameter",
                self.name
            )));
        }
        if name.chars().count() > 100
            || name
                .chars()
                .any(|letter| letter.is_control() || "/\\<>".contains(letter))
        {
            return Err(Refusal::bad_request(format!(
                "Invalid {} name: '{name}'",
                self.title
            )));
        }
        let scope = self.scope(turn)?;
        let mut others = turn.state.within(self.kind, scope);
        match others.any(|other| other.text(self.name) == name && Some(other.id.as_str()) != own) {
            true => Err(Refusal::conflict(format!(
                "{} name '{name}' already exists",
                capitalised(self.title)
            ))),
            false => Ok(()),
        }
    }

    /// That there are such labels, and that the caller may put them on this kind where that is a
    /// permission of its own.
    pub fn check_labels(
        &self,
        turn: &Turn<'_>,
        labels: &[i64],
        before: &[i64],
    ) -> Result<(), Refusal> {
        turn.check_labels(labels)?;
        let permission = format!("{}_label:write", self.kind);
        match labels != before && PERMISSIONS.iter().any(|(name, _)| *name == permission) {
            true => turn.demand(&permission),
            false => Ok(()),
        }
    }

    fn create(&self, turn: &mut Turn<'_>) -> Reply {
        let given = Value::Object(self.given(turn));
        if !self.name.is_empty() {
            self.check_name(turn, text(&given, self.name).unwrap_or_default(), None)?;
        }
        let scope = self.scope(turn)?;
        let labels = given_labels(&turn.call.body).unwrap_or_default();
        self.check_labels(turn, &labels, &[])?;
        let mut record = Record::new("", scope, (self.defaults)());
        record.fields.extend(object(given));
        record.fields.remove("labelIds");
        record.set_labels(&labels);
        let now = turn.state.today();
        record.set("dateCreated", now.clone());
        record.set("lastUpdated", now);
        record.set("_user", turn.user);
        (self.hooks.made)(turn, &mut record)?;
        self.identify(turn, &mut record);
        turn.state.keep(self.kind, record.clone());
        let name = record.text(self.name).to_owned();
        turn.audit(
            &format!("{}_created", self.audit),
            self.kind,
            &record.id,
            &name,
        );
        self.reply(turn, &record)
    }

    /// Gives a record an id, unless it has one.
    pub fn identify(&self, turn: &mut Turn<'_>, record: &mut Record) {
        if !record.id.is_empty() {
            return;
        }
        let number = turn.state.next_id();
        let id = match self.id {
            Id::Number => json!(number),
            Id::Text(length) => json!(short_id(number, length)),
        };
        record.id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        record.set(self.id_field, id);
    }

    pub fn show(&self, turn: &Turn<'_>, record: &Record) -> Value {
        let mut value = turn.with_labels(record);
        (self.hooks.shown)(turn, record, &mut value);
        value
    }

    fn list(&self, turn: &mut Turn<'_>) -> Reply {
        let scope = self.scope(turn)?;
        let search = turn.search(&[]);
        let found = (turn.state.within(self.kind, scope)).filter(|record| {
            search.finds([record.text(self.name)]) && (self.hooks.listed)(turn, record)
        });
        let page = turn.call.page(found)?;
        let items: Vec<Value> = page
            .items
            .iter()
            .map(|record| self.show(turn, record))
            .collect();
        answer(list_reply(turn, items, page.total))
    }

    fn describe(&self, turn: &mut Turn<'_>) -> Reply {
        let record = self.find(turn)?;
        self.reply(turn, &record)
    }

    fn update(&self, turn: &mut Turn<'_>) -> Reply {
        let before = self.find(turn)?;
        let mut record = before.clone();
        let given = Value::Object(self.given(turn));
        let name = text(&given, self.name).unwrap_or_default();
        if !name.is_empty() {
            self.check_name(turn, name, Some(&before.id))?;
        }
        if let Some(labels) = given_labels(&turn.call.body) {
            self.check_labels(turn, &labels, &before.labels())?;
            record.set_labels(&labels);
        }
        replace(turn, self.one, &mut record, &given);
        record.set("lastUpdated", turn.state.today());
        (self.hooks.changed)(turn, &mut record, &before)?;
        turn.state.replace(self.kind, &record);
        let name = record.text(self.name).to_owned();
        turn.audit(
            &format!("{}_updated", self.audit),
            self.kind,
            &record.id,
            &name,
        );
        self.reply(turn, &record)
    }

    fn delete(&self, turn: &mut Turn<'_>) -> Reply {
        let record = self.find(turn)?;
        if (self.hooks.leaves)(turn, &record)? {
            turn.state.forget_one(self.kind, &record);
        }
        let name = record.text(self.name).to_owned();
        turn.audit(
            &format!("{}_deleted", self.audit),
            self.kind,
            &record.id,
            &name,
        );
        Ok(DONE)
    }

    fn validate(&self, turn: &mut Turn<'_>) -> Reply {
        self.check_name(turn, turn.call.query("name").unwrap_or_default(), None)?;
        Ok(DONE)
    }

    /// Answers with a record in the form that the operation has: wrapped, bare, its id, or nothing.
    pub fn reply(&self, turn: &Turn<'_>, record: &Record) -> Reply {
        let operation = turn.call.operation;
        let reply = schema().resolve(operation.reply(operation.success(true)));
        let Some(fields) = reply["properties"].as_object() else {
            return Ok(DONE);
        };
        let is_object = |value: &Value| {
            let value = schema().resolve(value);
            !value["properties"].is_null() || !value["discriminator"].is_null()
        };
        let wrapped = match fields.get(self.one) {
            Some(one) if is_object(one) => Some(self.one),
            _ => None,
        };
        Ok(match (wrapped, fields.len()) {
            (Some(name), _) => json!({ name: self.show(turn, record) }).into(),
            (None, 1) => {
                let (name, schema) = fields
                    .iter()
                    .next()
                    .map_or(("", &Value::Null), |(n, s)| (n.as_str(), s));
                match is_object(schema) {
                    true => json!({ name: self.show(turn, record) }).into(),
                    false => Answer::from(json!({ name: record[self.id_field] })),
                }
            }
            (None, _) => self.show(turn, record).into(),
        })
    }
}

/// The labels that a request names: beside the entity or, as actions have them, in what it launches.
/// A launch without labels has none.
fn given_labels(body: &Value) -> Option<Vec<i64>> {
    match (&body["labelIds"], &body["launch"]) {
        (Value::Array(_), _) => Some(numbers(&body["labelIds"])),
        (_, Value::Object(_)) => Some(numbers(&body["launch"]["labelIds"])),
        _ => None,
    }
}

/// A list in the form that the operation has: its array, and the total.
pub fn list_reply(turn: &Turn<'_>, items: Vec<Value>, total: usize) -> Value {
    let operation = turn.call.operation;
    let reply = schema().resolve(operation.reply(operation.success(true)));
    let array = (reply["properties"].as_object().into_iter().flatten())
        .find(|(_, field)| field["type"] == "array")
        .map_or("items", |(name, _)| name);
    json!({ array: items, "totalSize": total })
}

/// Puts what a request says into a record. A PUT replaces: what it leaves out is cleared, but for
/// names, for what may be null (absent leaves, null clears), and for objects of secrets.
fn replace(turn: &Turn<'_>, one: &str, record: &mut Record, given: &Value) {
    let body = schema().resolve(turn.call.operation.body());
    let inner = match body["properties"].get(one) {
        Some(inner) => schema().resolve(inner),
        None => body,
    };
    for (name, field) in inner["properties"].as_object().into_iter().flatten() {
        let kept = [
            "id",
            "deleted",
            "status",
            "dateCreated",
            "lastUpdated",
            "lastUsed",
            "lastValidated",
            "labelIds",
            "provider",
            "platform",
            "message",
        ];
        if kept.contains(&name.as_str()) {
            continue;
        }
        match given.get(name) {
            Some(Value::Null) if is_name(name) => {}
            Some(value) => record.set(name, value.clone()),
            None if is_name(name) || field["nullable"] == true || is_object(field) => {}
            None => record.set(name, Value::Null),
        }
    }
}

fn is_name(field: &str) -> bool {
    matches!(
        field,
        "name" | "fullName" | "userName" | "email" | "visibility"
    )
}

fn is_object(field: &Value) -> bool {
    let field = schema().resolve(field);
    field["type"] != "array"
        && (field["type"] == "object"
            || !field["discriminator"].is_null()
            || !field["properties"].is_null())
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
