//! What would happen: each item of the files against what is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::compare::Change;
use super::kinds;
use super::platform::Present;
use super::problem::Place;
use super::read::Set;

mod decide;
mod graph;

pub(crate) use graph::{Graph, filled};

/// What happens to the thing that an item says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Action {
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is deleted and made anew.
    Replace,
    /// It is launched.
    Launch,
    /// It is deleted.
    Delete,
    /// Nothing: it differs in what can't be changed.
    Immutable,
    /// Nothing: it is there, or can't be read, and that is a failure.
    Refused,
    /// Nothing: it is there, and the item says to leave it.
    Ignore,
    /// Nothing: it is as it is to be.
    Same,
}

impl Action {
    /// Whether the Platform is changed.
    pub fn changes(self) -> bool {
        !matches!(
            self,
            Self::Immutable | Self::Refused | Self::Ignore | Self::Same
        )
    }

    /// The sign that tells it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Launch => ">",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete => "-",
            Self::Immutable | Self::Refused => "!",
            Self::Ignore | Self::Same => "=",
        }
    }
}

/// What happens to one thing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What happens.
    pub action: Action,
    /// The block of its item.
    pub block: &'static str,
    /// Its name.
    pub name: String,
    /// The organization or workspace that it belongs to; empty is the Platform, or the user.
    pub home: String,
    /// The fields that differ, for people: without secrets, with names in the place of ids.
    pub changes: Vec<Change>,
    /// Fields that can't be read back.
    pub unknown: Vec<String>,
    /// What else is to be said.
    pub note: Option<String>,
    /// Where its item stands.
    pub place: Place,
    pub(crate) item: usize,
    pub(crate) present: Option<Arc<Present>>,
    /// The steps that must have been carried out before.
    pub(crate) needs: BTreeSet<usize>,
}

impl Step {
    /// How messages name it.
    pub fn label(&self) -> String {
        match self.home.as_str() {
            "" => format!("{} {}", self.block, self.name),
            home => format!("{} {} ({home})", self.block, self.name),
        }
    }

    /// As a value, for programs.
    pub fn value(&self) -> Value {
        let changes = self.changes.iter().map(|change| {
            json!({
                "field": change.field,
                "old": change.old,
                "new": change.new,
                "immutable": change.immutable,
            })
        });
        crate::output::without_nulls(json!({
            "action": self.action,
            "block": self.block,
            "name": self.name,
            "in": (!self.home.is_empty()).then_some(&self.home),
            "changes": changes.collect::<Vec<_>>(),
            "unknown": self.unknown,
            "note": self.note,
            "place": self.place.to_string(),
        }))
    }
}

/// What would happen.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The steps, in an order in which they can be carried out.
    pub steps: Vec<Step>,
}

impl Plan {
    /// Whether all is as the files say.
    pub fn is_empty(&self) -> bool {
        let same = |step: &Step| matches!(step.action, Action::Same | Action::Ignore);
        self.steps.iter().all(same)
    }

    /// How many steps are of each action.
    pub fn count(&self, action: Action) -> usize {
        self.steps
            .iter()
            .filter(|step| step.action == action)
            .count()
    }

    /// Tells this plan, of these files, from others.
    pub fn fingerprint(&self, set: &Set) -> String {
        let texts: Vec<_> = set.texts.iter().map(|(_, text)| text.as_str()).collect();
        let told = json!({"plan": self.value(), "texts": texts});
        kinds::fingerprint(told.to_string().as_bytes())
    }

    /// As a value, for programs: all steps.
    pub fn value(&self) -> Value {
        let steps: Vec<_> = self.steps.iter().map(Step::value).collect();
        json!({"steps": steps})
    }
}
