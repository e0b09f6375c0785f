//! What rules do. A [`Value`] in it is a template: texts in it, as deep as they stand, are filled with
//! what the event holds and what former actions made.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::kit::Place;

/// One of the actions of a rule.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// Where it stands.
    pub place: Place,
}

/// What is done.
#[derive(Clone, Debug)]
pub enum Action {
    /// A table of files is made into a dataset.
    Collect(Collect),
    /// A pipeline is launched: a `launch` item of a set-up.
    Launch(Item),
    /// The run is launched again.
    Relaunch(Relaunch),
    /// A file is uploaded: an item of `datasets` of a set-up.
    Dataset(Item),
    /// A Studio is made and started: an item of `studios` of a set-up.
    Studio(Item),
    /// The run is cancelled.
    Cancel(Cancel),
    /// Labels of the run are changed.
    Label(Label),
    /// Somebody is told.
    Notify(Notify),
    /// A program of this machine is run.
    Command(Command),
}

impl Action {
    /// The word that the file has for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Collect(_) => "collect",
            Self::Launch(_) => "launch",
            Self::Relaunch(_) => "relaunch",
            Self::Dataset(_) => "dataset",
            Self::Studio(_) => "studio",
            Self::Cancel(_) => "cancel",
            Self::Label(_) => "label",
            Self::Notify(_) => "notify",
            Self::Command(_) => "command",
        }
    }

    /// The name under which later actions see what it made.
    pub fn made(&self) -> &'static str {
        match self {
            Self::Collect(_) => "sheet",
            other => other.word(),
        }
    }
}

/// An item of a set-up, whose texts are templates.
#[derive(Clone, Debug)]
pub struct Item {
    /// The block of set-ups that it could stand in.
    pub block: &'static str,
    /// Its keys, as the file has them, with variables put in.
    pub fields: Map<String, Value>,
    /// Where it stands.
    pub place: Place,
}

/// A table of files.
#[derive(Clone, Debug)]
pub struct Collect {
    /// The pattern of their paths, a template: `{1,2}` makes pairs that stand in one row.
    pub files: String,
    /// The columns with their values, each a template that sees `file`, the first one of the row, and
    /// `files`, all of them.
    pub rows: Map<String, Value>,
    /// The name of the dataset, a template.
    pub dataset: String,
    /// The least number of rows; with fewer the event fails.
    pub at_least: usize,
}

/// A run that is launched again.
#[derive(Clone, Debug)]
pub struct Relaunch {
    /// The id of the run, a template.
    pub run: String,
    /// Whether it goes on from what is done.
    pub resume: bool,
    /// How often one run, with all that came of it, is launched again.
    pub at_most: u32,
    /// How long after the event.
    pub after: Duration,
    /// What is otherwise than in the run: keys of a `launch` item.
    pub fields: Map<String, Value>,
}

/// A run that is cancelled.
#[derive(Clone, Debug)]
pub struct Cancel {
    /// The id of the run, a template.
    pub run: String,
}

/// A change of the labels of a run.
#[derive(Clone, Debug)]
pub struct Label {
    /// The id of the run, a template.
    pub run: String,
    /// The labels that it gets, templates.
    pub add: Vec<String>,
    /// The labels that it loses, templates.
    pub remove: Vec<String>,
}

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct Notify {
    /// The address to which it is sent, a template.
    pub post: String,
    /// The body as JSON, a template.
    pub json: Option<Value>,
    /// The body as text, a template.
    pub text: Option<String>,
    /// Headers, templates.
    pub headers: Map<String, Value>,
}

/// A program of this machine. The event is JSON on its input, and no shell reads its words.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its words, each a template.
    pub words: Vec<String>,
    /// The folder that it runs in, a template; that of the runner where there is none.
    pub folder: Option<String>,
    /// How long it may run.
    pub timeout: Duration,
}
