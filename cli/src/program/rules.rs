//! `rules`: runs that start as things happen. Thin over [`crate::rules`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use clap::{Args, Subcommand};
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::kit::Variables;
use crate::options::InWorkspace;
use crate::output::Column;
use crate::rules::engine::{Engine, Settings};
use crate::rules::file::{On, Reading, Rules as File};
use crate::rules::serve::Serving;
use crate::rules::state::{Condition, StateError};
use crate::rules::watch::{Looked, Memory, Told, Watchers};
use crate::rules::{Clock, State, SystemClock};
use crate::values::choices;

mod install;
mod look;
mod plan;

use look::event_value;

/// Launch as data arrives, as runs end, by the clock, or on call: what files of rules say
#[derive(Subcommand, Debug)]
pub enum Rules {
    /// Watch, and carry out what files of rules say: each event once, whatever happens
    Run(Run),
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
pub struct Run {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    at: AtState,
    /// Look once, carry out what is ready, and end: for cron
    #[arg(long)]
    once: bool,
    /// Address to listen at for webhooks, /metrics, /healthz and the page
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8730")]
    listen: SocketAddr,
    /// Do not listen at all
    #[arg(long, conflicts_with = "listen")]
    no_listen: bool,
    /// File with the password of the page, for any user name; needed to listen for other machines
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// How many events are worked on at once
    #[arg(long, value_name = "NUMBER", default_value = "8")]
    at_once: usize,
}

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
        let mut variables = Variables {
            environment: true,
            ..Variables::default()
        };
        if let Some(path) = &self.env_file {
            let text = read_text(path)?;
            let read = variables.read(&text);
            read.map_err(|problem| Failure::failed(format!("{}: {problem}", path.display())))?;
        }
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
    let text = match path.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(path),
    };
    text.map_err(|error| Failure::failed(format!("{} can't be read: {error}", path.display())))
}

/// Whether rules watch something on the Platform.
fn watches_platform(rules: &File) -> bool {
    rules
        .rules
        .iter()
        .any(|rule| matches!(rule.on, On::Run(_) | On::DataLink(_)))
}

impl Run {
    async fn run(self, context: &Context) -> Result<Exit> {
        let rules = Arc::new(self.files.read(context)?);
        log(context);
        let state = State::open(&self.at.database).await?;
        let name = format!("{}-{:08x}", std::process::id(), fastrand::u32(..));
        let runner = state.runner(&name, Duration::from_secs(30)).await?;
        tell_of_names(&rules, &state).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (send, receive) = watch::channel(rules.clone());
        let connect = context.connector()?;
        let settings = Settings {
            workspace: context.default_workspace().map(str::to_owned),
            at_once: self.at_once.max(1),
            ..Settings::default()
        };
        let engine = Engine::new(
            state.clone(),
            runner,
            receive.clone(),
            clock.clone(),
            connect,
            settings,
        );
        let memory = Memory::of(state.clone());
        if self.once {
            let mut watchers = watchers(context, &rules, None, memory, clock).await?;
            let looked = watchers.look().await;
            tell(&rules, &looked);
            engine.drain(std::future::pending()).await?;
            return once_ended(context, &state, &looked).await;
        }
        let found = Arc::new(Notify::new());
        let password = self.password_file.as_deref().map(read_text).transpose()?;
        let password = password.map(|text| text.trim().to_owned());
        let serving = Serving::new(
            state.clone(),
            receive,
            clock.clone(),
            password,
            found.clone(),
        );
        if self.no_listen {
            if rules
                .rules
                .iter()
                .any(|rule| matches!(rule.on, On::Webhook(_)))
            {
                return Err(Failure::usage(
                    "There are rules of webhooks: without listening none comes",
                ));
            }
        } else {
            let listener = serving.bind(self.listen).await?;
            let at = listener.local_addr()?;
            tracing::info!("listening at http://{at}");
            tokio::spawn(serving.clone().serve(listener));
        }
        tokio::spawn({
            let engine = engine.clone();
            async move {
                loop {
                    found.notified().await;
                    engine.wake();
                }
            }
        });
        let stop = Arc::new(Notify::new());
        let working = engine.run(stop.notified());
        let mut working = std::pin::pin!(working);
        let mut rules = rules;
        loop {
            let told = Told::by_system();
            let all = watchers(context, &rules, told, memory.clone(), clock.clone()).await?;
            tracing::info!(rules = rules.rules.len(), "watching");
            let (looking, engine, serving) = (rules.clone(), engine.clone(), serving.clone());
            let watching = all.run(move |looked| {
                tell(&looking, &looked);
                serving.looked(looked.problems.len());
                if looked.new > 0 {
                    engine.wake();
                }
            });
            tokio::select! {
                ended = &mut working => {
                    ended?;
                    return Ok(Exit::Done);
                }
                () = watching => {}
                () = asked_to_end() => {
                    tracing::info!("ending what is under way; nothing more is begun");
                    stop.notify_one();
                    working.await?;
                    return Ok(Exit::Done);
                }
                () = asked_to_reload() => match self.files.read(context) {
                    Ok(read) => {
                        rules = Arc::new(read);
                        tell_of_names(&rules, &state).await?;
                        send.send_replace(rules.clone());
                    }
                    Err(failure) => {
                        tracing::error!("the files were not taken, what they said before goes on: {}", failure.text());
                    }
                },
            }
        }
    }
}

/// A rule under another name is another rule.
async fn tell_of_names(rules: &File, state: &State) -> Result<()> {
    let known: BTreeSet<String> = state
        .counts()
        .await?
        .into_iter()
        .map(|count| count.rule)
        .collect();
    for gone in known.iter().filter(|name| rules.get(name).is_none()) {
        tracing::warn!(
            rule = gone,
            "there is no such rule any more: its events wait. One that was renamed is a new one"
        );
    }
    Ok(())
}

async fn once_ended(context: &Context, state: &State, looked: &Looked) -> Result<Exit> {
    let counts = state.counts().await?;
    let count = |wanted| -> u64 {
        let of = counts.iter().filter(|count| count.condition == wanted);
        of.map(|count| count.events).sum()
    };
    let mut value = json!({"new": looked.new, "problems": looked.problems});
    let mut parts = vec![format!("{} new", looked.new)];
    for condition in Condition::ALL {
        value[condition.word()] = count(condition).into();
        parts.push(format!("{} {condition}", count(condition)));
    }
    context.say(value, parts.join(", "))?;
    Ok(match looked.problems.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

async fn watchers(
    context: &Context,
    rules: &File,
    told: Option<Told>,
    memory: Memory,
    clock: Arc<dyn Clock>,
) -> Result<Watchers> {
    let client = match watches_platform(rules) {
        true => Some(context.client()?),
        false => None,
    };
    Ok(Watchers::new(rules, client, &context.web(), told, memory, clock).await?)
}

fn tell(rules: &File, looked: &Looked) {
    if looked.new > 0 {
        tracing::info!(new = looked.new, "events");
    }
    for problem in &looked.problems {
        tracing::warn!("{}", rules.hide(problem));
    }
}

/// Logs on standard error; as JSON where the result is.
fn log(context: &Context) {
    let log = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false);
    let _ = match context.printer.for_people() {
        true => log.try_init(),
        false => log.json().try_init(),
    };
}

#[cfg(unix)]
async fn signal(kind: tokio::signal::unix::SignalKind) {
    match tokio::signal::unix::signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}

async fn asked_to_end() {
    #[cfg(unix)]
    let terminated = signal(tokio::signal::unix::SignalKind::terminate());
    #[cfg(not(unix))]
    let terminated = std::future::pending::<()>();
    tokio::select! {
        ended = tokio::signal::ctrl_c() => if ended.is_err() {
            std::future::pending::<()>().await;
        },
        () = terminated => {}
    }
}

async fn asked_to_reload() {
    #[cfg(unix)]
    signal(tokio::signal::unix::SignalKind::hangup()).await;
    #[cfg(not(unix))]
    std::future::pending::<()>().await;
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
