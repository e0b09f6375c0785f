//! The rules' file: what it says, and how it is read.

mod action;
mod cycles;
mod fields;
mod on;
mod read;

use serde_json::Value;

use crate::kit::{self, Place, Variables};
use crate::rules::template::Expression;

pub use action::{Action, Cancel, Collect, Command, Item, Label, Notify, Relaunch, Step};
pub use cycles::is_pipeline;
pub(crate) use fields::span;
pub use on::{DataLink, Existing, Files, Missed, On, Run, Schedule, Webhook, parse_cron};

/// What files of rules say.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The rules, in the order of the files.
    pub rules: Vec<Rule>,
    /// What is to be said of the files that is no mistake.
    pub notes: Vec<String>,
    /// What variables stand for in files of parameters.
    pub(crate) variables: Variables,
    /// Secret values, which nothing may tell.
    pub(crate) secrets: kit::Secrets,
}

impl Rules {
    /// A rule, by its name.
    pub fn get(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// A text without the secrets of the files.
    pub fn hide(&self, text: &str) -> String {
        self.secrets.hide(text)
    }

    /// Takes the secrets of the files out of a value.
    pub fn hide_in(&self, value: &mut Value) {
        self.secrets.hide_in(value);
    }
}

/// A rule: what is watched, and what is done.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, by which what it has done is known.
    pub name: String,
    /// Its workspace: organization/workspace, or an id; none is that of the command.
    pub workspace: Option<String>,
    /// What it watches.
    pub on: On,
    /// Which of the events are wanted; all where there is none.
    pub when: Option<Expression>,
    /// How many may be under way, or begun.
    pub limit: Limit,
    /// What is done, one after the other.
    pub then: Vec<Step>,
    /// Where it stands.
    pub place: Place,
}

/// What holds events of a rule back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// How many runs of the rule go on at once, at most.
    pub at_once: Option<u32>,
    /// How many events begin within an hour, at most.
    pub per_hour: Option<u32>,
}

/// How files are read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// What variables in texts stand for.
    pub variables: Variables,
    /// The workspace of rules that name none.
    pub workspace: Option<String>,
}

#[cfg(test)]
mod tests;
