//! What rules do. A launch is once: it is noted before it is sent, and looked for where its answer was
//! lost. Datasets, Studios, labels and cancellations are compared with what is there, so that doing them
//! again changes nothing. Somebody is told at least once: a note that may have been sent is sent again,
//! under the same `Idempotency-Key`. A program is run once; where its end was not seen, somebody decides.

mod collect;
mod command;
mod items;
pub(crate) mod launch;
mod notify;
mod run;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::engine::Engine;
use super::file::{Action, Rule, Rules, Step};
use super::state::Event;
use super::template;
use crate::kit::{Home, Platform, Scope};
use crate::rules::engine::judge;

/// What came of an action.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is done.
    Done { made: Value, run: Option<Run> },
    /// It had no effect, and never will.
    Failed(String),
    /// Somebody has to look.
    Stuck(String),
    /// It is not wanted.
    Skipped(String),
    /// It has its time.
    At(DateTime<Utc>, String),
    /// It had no effect; later it may.
    Later(String),
    /// It may have had an effect.
    Unclear(String),
    /// Whether it had an effect could not be seen.
    Unseen(String),
    /// Nobody can do anything for now. What is noted of the event stays.
    Nobody(String),
    /// The same, and what was begun came to nothing.
    NotSent(String),
}

impl Outcome {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Done { .. } => String::new(),
            Self::Failed(text)
            | Self::Stuck(text)
            | Self::Skipped(text)
            | Self::At(_, text)
            | Self::Later(text)
            | Self::Unclear(text)
            | Self::Unseen(text)
            | Self::Nobody(text)
            | Self::NotSent(text) => text,
        }
    }

    fn done(made: Value) -> Self {
        Self::Done { made, run: None }
    }
}

impl From<template::Wrong> for Outcome {
    fn from(wrong: template::Wrong) -> Self {
        Self::Failed(wrong.0)
    }
}

/// A run that was made.
#[derive(Debug)]
pub(crate) struct Run {
    pub id: String,
    pub workspace: String,
}

/// An action that is to be done.
pub(crate) struct Task<'a> {
    pub engine: &'a Engine,
    pub rules: &'a Rules,
    pub rule: &'a Rule,
    pub step: &'a Step,
    /// What templates see.
    pub data: Value,
    /// Whether no action comes after it.
    pub last: bool,
}

impl Task<'_> {
    /// The workspace of the rule, as files name it.
    fn workspace(&self) -> &str {
        let own = self.rule.workspace.as_deref();
        own.or(self.engine.workspace()).unwrap_or_default()
    }

    /// A workspace of the Platform.
    async fn home(&self, platform: &Platform, workspace: &str) -> Result<Home, Outcome> {
        home(platform, workspace).await
    }

    fn text(&self, template: &str) -> Result<String, Outcome> {
        Ok(template::fill_to_text(template, &self.data)?)
    }
}

async fn home(platform: &Platform, workspace: &str) -> Result<Home, Outcome> {
    let home = platform.home(Scope::Workspace, workspace).await;
    let home = home.map_err(|error| judge::of_kit(&error))?;
    home.ok_or_else(|| Outcome::Failed(format!("there is no workspace `{workspace}`")))
}

impl Rule {
    /// What templates see of an event: what it holds, the rule's name, and what actions have made.
    pub(crate) fn data(&self, data: &Value, made: &[Value]) -> Value {
        let mut data = data.clone();
        if let Value::Object(fields) = &mut data {
            fields
                .entry("rule")
                .or_insert_with(|| self.name.as_str().into());
        }
        self.add_made(made, &mut data);
        data
    }

    /// Adds what actions have made to what templates see.
    pub(crate) fn add_made(&self, made: &[Value], data: &mut Value) {
        if let Value::Object(fields) = data {
            for (step, made) in self.then.iter().zip(made) {
                fields.insert(step.action.made().to_owned(), made.clone());
            }
        }
    }
}

impl Action {
    /// Whether it makes a run.
    pub(crate) fn makes_run(&self) -> bool {
        matches!(self, Self::Launch(_) | Self::Relaunch(_))
    }

    /// Whether it may be done again where nobody saw its end.
    pub(crate) fn may_be_repeated(&self) -> bool {
        !matches!(self, Self::Command(_))
    }
}

/// Does what makes no run.
pub(crate) async fn act(task: &Task<'_>, event: &Event) -> Outcome {
    let done = match &task.step.action {
        Action::Collect(collect) => collect::act(task, collect).await,
        Action::Dataset(item) | Action::Studio(item) => items::act(task, item).await,
        Action::Cancel(cancel) => run::cancel(task, cancel).await,
        Action::Label(label) => run::label(task, label).await,
        Action::Notify(notify) => notify::act(task, notify, event).await,
        Action::Command(command) => command::act(task, command, event).await,
        Action::Launch(_) | Action::Relaunch(_) => {
            Err(Outcome::Stuck("a launch is no such action".to_owned()))
        }
    };
    done.map_or_else(|outcome| outcome, Outcome::done)
}
