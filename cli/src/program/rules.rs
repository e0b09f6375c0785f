//! `rules`: runs that start as things happen. Thin over [`crate::rules`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::context::{Connector, Context};
use crate::exit::{Exit, Failure, Result};
use crate::kit::Variables;
use crate::options::InWorkspace;
use crate::output::Column;
use crate::rules::Clock;
use crate::rules::file::{On, Reading, Rules as File};
use crate::rules::state::StateError;
use crate::rules::watch::{Memory, Told, Watchers};
use crate::values::{TextFile, choices};

mod install;
mod look;
mod plan;
mod run;
mod signals;

use look::event_value;

/// Launch as data arrives, as runs end, by the clock, or on call: what files of rules say
#[derive(Subcommand, Debug)]
pub enum Rules {
    /// Watch, and carry out what files of rules say: each event once, whatever happens
    Run(run::Run),
    /// Show what would fire now, and what it would do; nothing is sent, and nothing noted
    Plan(Plan),
    /// Check files of rules without the network; all mistakes at once
    Validate(Validate),
    /// Show how many events of each rule wait, are done, have failed
    Status(AtState),
    /// List events, the newest first
    Events(Events),
    /// Show an event with all its steps
    Show(One),
    /// Carry an event out again; steps that are done stay done, unless all are
    Retry(One),
    /// Leave an event out: it is not carried out
    Skip(One),
    /// Add an event by hand
    Emit(Emit),
    /// Print a systemd unit and a container recipe for `rules run`
    Install(install::Install),
}

/// Files of rules, and how they are read.
#[derive(Args, Clone, Debug)]
pub struct Files {
    /// Files and folders of YAML with rules; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// YAML file with variables for the files
    #[arg(long)]
    env_file: Option<PathBuf>,
    #[command(flatten)]
    workspace: InWorkspace,
}

/// Where it is kept what has happened.
#[derive(Args, Clone, Debug)]
pub struct AtState {
    /// Database of what has happened: a file, or postgres://…, which several runners can share
    #[arg(long, value_name = "FILE|URL", visible_alias = "state", default_value = STATE)]
    database: String,
}

const STATE: &str = "seqctl-rules.db";

#[derive(Args, Debug)]
pub struct Plan {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    at: AtState,
}

#[derive(Args, Debug)]
pub struct Validate {
    #[command(flatten)]
    files: Files,
}

choices! {
    /// How far an event is.
    Wanted {
        Waiting = "waiting",
        Begun = "begun",
        Done = "done",
        Failed = "failed",
        Stuck = "stuck",
        Skipped = "skipped",
    }
}

#[derive(Args, Debug)]
pub struct Events {
    /// Database of what has happened: a file, or postgres://…
    #[arg(long, value_name = "FILE|URL", default_value = STATE)]
    database: String,
    /// Only events of this rule
    #[arg(long)]
    rule: Option<String>,
    /// Only those in this state
    #[arg(long, value_enum)]
    state: Option<Wanted>,
    /// Most entries to show
    #[arg(long, default_value = "100")]
    max: u32,
}

#[derive(Args, Debug)]
pub struct One {
    /// Id of the event, or its beginning
    #[arg(value_name = "EVENT")]
    event: String,
    #[command(flatten)]
    at: AtState,
}

#[derive(Args, Debug)]
pub struct Emit {
    /// JSON file with the event: `rule`, `key`, and `data`, which its templates see; - is standard input
    #[arg(value_name = "EVENT.json")]
    file: PathBuf,
    #[command(flatten)]
    at: AtState,
}

const EVENT_COLUMNS: &[Column] = &[
    Column::new("Id", "id"),
    Column::new("Seen", "seen"),
    Column::new("Rule", "rule"),
    Column::new("State", "state"),
    Column::new("Event", "key"),
    Column::new("Why", "why"),
];

const STATUS_COLUMNS: &[Column] = &[
    Column::new("Rule", "rule"),
    Column::new("Waiting", "waiting"),
    Column::new("Begun", "begun"),
    Column::new("Done", "done"),
    Column::new("Failed", "failed"),
    Column::new("Stuck", "stuck"),
    Column::new("Skipped", "skipped"),
];

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self::failed(error.to_string())
    }
}

impl Rules {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        match self {
            Self::Run(run) => run.run(context).await,
            Self::Plan(plan) => plan.run(context).await,
            Self::Validate(validate) => validate.run(context),
            Self::Status(at) => at.status(context).await,
            Self::Events(events) => events.run(context).await,
            Self::Show(one) => one.show(context).await,
            Self::Retry(one) => {
                let event = one.at.there().await?.retry(&one.event, Utc::now()).await?;
                context.say(
                    event_value(&event),
                    format!("Event {} waits again", event.id),
                )
            }
            Self::Skip(one) => {
                let event = one.at.there().await?.skip(&one.event, Utc::now()).await?;
                context.say(
                    event_value(&event),
                    format!("Event {} is left be", event.id),
                )
            }
            Self::Emit(emit) => emit.run(context).await,
            Self::Install(install) => install.run(context),
        }
    }
}

impl Files {
    fn read(&self, context: &Context) -> Result<File> {
        let variables = Variables::of_environment(self.env_file.as_deref());
        let variables = variables.map_err(Failure::failed)?;
        let workspace = self
            .workspace
            .workspace
            .as_deref()
            .or(context.default_workspace());
        let reading = Reading {
            variables,
            workspace: workspace.map(str::to_owned),
        };
        let rules = reading.read(&self.files)?;
        for note in &rules.notes {
            anstream::eprintln!("{note}");
        }
        Ok(rules)
    }
}

fn read_text(path: &Path) -> Result<String> {
    TextFile(path.to_owned()).read().map_err(Failure::failed)
}

/// Whether rules watch something on the Platform.
fn watches_platform(rules: &File) -> bool {
    rules
        .rules
        .iter()
        .any(|rule| matches!(rule.on, On::Run(_) | On::DataLink(_)))
}

async fn watchers(
    context: &Context,
    connect: &Connector,
    rules: &File,
    told: Option<Told>,
    memory: Memory,
    clock: Arc<dyn Clock>,
) -> Result<Watchers> {
    let client = watches_platform(rules).then(|| connect()).transpose();
    let client = client.map_err(Failure::failed)?;
    let web = context.web();
    let watchers = Watchers::new(rules, client.as_ref(), &web, told, memory, clock).await?;
    Ok(watchers.with_new_clients(connect.clone()))
}

impl Validate {
    fn run(self, context: &Context) -> Result<Exit> {
        let rules = self.files.read(context)?;
        let count = rules.rules.len();
        context.say(
            json!({"valid": true, "rules": count, "problems": []}),
            format!("{count} rules, no mistake"),
        )
    }
}
