//! `rules run`: the process, from its start to its end.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::{AtState, File, Files, read_text, signals, watchers};
use crate::context::{Connector, Context};
use crate::exit::{Exit, Failure, Kind, Result};
use crate::rules::engine::{Engine, Settings};
use crate::rules::file::{On, span};
use crate::rules::serve::Serving;
use crate::rules::state::{Condition, Runner, StateError};
use crate::rules::watch::{Looked, Memory, Told, Watchers};
use crate::rules::{Clock, State, SystemClock};
use signals::{Ends, Reloads};

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
    /// How long events that have ended are kept, at least 30d; of those that go no more than the id stays
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = keep)]
    keep: Duration,
}

/// The least time for which ended events are kept. How often a run is launched again, and how long a
/// chain of runs is, is counted by the events that made them: no run goes on for longer.
const LEAST_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// How often is looked for what is old.
const EACH: Duration = Duration::from_secs(3_600);

fn keep(text: &str) -> std::result::Result<Duration, String> {
    match span(text.trim()) {
        Some(time) if time >= LEAST_KEPT => Ok(time),
        Some(_) => Err("events are kept for at least 30d".to_owned()),
        None => Err("a time is such as 90d or 26w".to_owned()),
    }
}

/// All that a runner works with.
struct Parts<'a> {
    context: &'a Context,
    rules: Arc<File>,
    state: State,
    clock: Arc<dyn Clock>,
    connect: Connector,
    engine: Arc<Engine>,
    memory: Memory,
    send: watch::Sender<Arc<File>>,
}

/// What looks, for ever.
type Watching<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

impl Run {
    pub(super) async fn run(self, context: &Context) -> Result<Exit> {
        // Before anything else, so that none ends the program in the middle of its start.
        let mut ends = Ends::new()?;
        let mut reloads = match self.once {
            true => Reloads::none(),
            false => Reloads::new()?,
        };
        let parts = tokio::select! {
            parts = self.start(context) => parts?,
            () = ends.come() => return Ok(Exit::Done),
        };
        let state = parts.state.clone();
        let ended = match self.once {
            true => self.once(&parts, &mut ends).await,
            false => self.serve(parts, &mut ends, &mut reloads).await,
        };
        if ended.is_ok() {
            state.close().await;
        }
        ended
    }

    fn read(&self, context: &Context) -> Result<Arc<File>> {
        let rules = self.files.read(context)?;
        let mut all = rules.rules.iter();
        if self.no_listen && all.any(|rule| matches!(rule.on, On::Webhook(_))) {
            let text = "There are rules of webhooks: without listening none comes";
            return Err(Failure::usage(text));
        }
        Ok(Arc::new(rules))
    }

    async fn start<'a>(&self, context: &'a Context) -> Result<Parts<'a>> {
        let rules = self.read(context)?;
        log(context);
        let state = State::open(&self.at.database).await?;
        let name = format!("{}-{:08x}", std::process::id(), fastrand::u32(..));
        let runner: Runner = state.runner(&name, Duration::from_secs(30)).await?;
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
            receive,
            clock.clone(),
            connect.clone(),
            settings,
        );
        Ok(Parts {
            context,
            rules,
            memory: Memory::of(state.clone()),
            state,
            clock,
            connect,
            engine,
            send,
        })
    }

    /// Looks once, and carries out what is ready.
    async fn once(&self, parts: &Parts<'_>, ends: &mut Ends) -> Result<Exit> {
        let stop = Notify::new();
        let looking = async {
            let mut watchers = parts.watchers(&parts.rules, None).await?;
            Ok::<_, Failure>(watchers.look().await)
        };
        let mut looked = tokio::select! {
            looked = looking => looked?,
            () = ends.come() => {
                stop.notify_one();
                Looked::default()
            }
        };
        tell(&parts.rules, &looked);
        let working = std::pin::pin!(parts.engine.drain(stop.notified()));
        to_the_end(working, &stop, ends).await?;
        // What stands in everybody's way is no failure of an event: they wait.
        if let Some(trouble) = parts.engine.trouble() {
            looked.problems.push(trouble.why);
        }
        prune(&parts.state, &*parts.clock, self.keep).await;
        once_ended(parts.context, &parts.state, &looked).await
    }

    /// Looks and works until it is asked to end.
    async fn serve(
        &self,
        parts: Parts<'_>,
        ends: &mut Ends,
        reloads: &mut Reloads,
    ) -> Result<Exit> {
        let (found, stop) = (Arc::new(Notify::new()), Notify::new());
        let starting = async {
            let serving = self.listen(&parts, found.clone()).await?;
            let watchers = parts.watchers(&parts.rules, Told::by_system()).await?;
            let watching = parts.watch(&parts.rules, watchers, &serving);
            Ok::<_, Failure>((serving, watching))
        };
        let (serving, mut watching) = tokio::select! {
            started = starting => started?,
            () = ends.come() => {
                stop.notify_one();
                parts.engine.run(stop.notified()).await?;
                return Ok(Exit::Done);
            }
        };
        let mut working = std::pin::pin!(parts.engine.run(stop.notified()));
        let mut pruning: Watching<'_> = Box::pin(async {
            loop {
                prune(&parts.state, &*parts.clock, self.keep).await;
                parts.clock.sleep_until(parts.clock.now() + EACH).await;
            }
        });
        // What is read anew, until it is taken.
        let mut reading: Option<Pin<Box<dyn Future<Output = _> + '_>>> = None;
        loop {
            tokio::select! {
                ended = &mut working => {
                    ended?;
                    return Ok(Exit::Done);
                }
                () = &mut watching => {}
                () = &mut pruning => {}
                () = found.notified() => parts.engine.wake(),
                () = ends.come() => break,
                () = reloads.come() => {
                    tracing::info!("reading the files again");
                    reading = Some(Box::pin(self.read_again(&parts)));
                }
                read = next(&mut reading) => {
                    reading = None;
                    match read {
                        Ok((rules, watchers)) => {
                            watching = parts.watch(&rules, watchers, &serving);
                            parts.send.send_replace(rules);
                            parts.engine.wake();
                        }
                        Err(failure) => tracing::error!(
                            "the files were not taken, what they said before goes on: {}",
                            failure.text().trim()
                        ),
                    }
                }
            }
        }
        // What stands still may hold what the engine needs.
        drop((watching, pruning, reading));
        tracing::info!("ending what is under way; nothing more is begun");
        stop.notify_one();
        to_the_end(working, &stop, ends).await?;
        Ok(Exit::Done)
    }

    async fn listen(&self, parts: &Parts<'_>, found: Arc<Notify>) -> Result<Arc<Serving>> {
        let password = self.password_file.as_deref().map(read_text).transpose()?;
        let password = password.map(|text| text.trim().to_owned());
        let (state, clock) = (parts.state.clone(), parts.clock.clone());
        let serving = Serving::new(state, parts.send.subscribe(), clock, password, found);
        if !self.no_listen {
            let listener = serving.bind(self.listen).await?;
            tracing::info!("listening at http://{}", listener.local_addr()?);
            tokio::spawn(serving.clone().serve(listener));
        }
        Ok(serving)
    }

    /// The files as they are now, and what watches for them.
    async fn read_again(&self, parts: &Parts<'_>) -> Result<(Arc<File>, Watchers)> {
        let rules = self.read(parts.context)?;
        let watchers = parts.watchers(&rules, Told::by_system()).await?;
        tell_of_names(&rules, &parts.state).await?;
        Ok((rules, watchers))
    }
}

impl Parts<'_> {
    async fn watchers(&self, rules: &File, told: Option<Told>) -> Result<Watchers> {
        let (memory, clock) = (self.memory.clone(), self.clock.clone());
        watchers(self.context, &self.connect, rules, told, memory, clock).await
    }

    fn watch(
        &self,
        rules: &Arc<File>,
        watchers: Watchers,
        serving: &Arc<Serving>,
    ) -> Watching<'static> {
        tracing::info!(rules = rules.rules.len(), "watching");
        let (rules, engine, serving) = (rules.clone(), self.engine.clone(), serving.clone());
        Box::pin(watchers.run(move |looked| {
            tell(&rules, &looked);
            serving.looked(looked.problems.len());
            if looked.new > 0 {
                engine.wake();
            }
        }))
    }
}

/// What comes of a future, if there is one.
async fn next<T>(future: &mut Option<Pin<Box<dyn Future<Output = T> + '_>>>) -> T {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// Lets the engine come to its end. Whoever asks once has it end what is under way, and whoever asks
/// again does not wait for that.
async fn to_the_end(
    mut working: Pin<&mut impl Future<Output = Result<(), StateError>>>,
    stop: &Notify,
    ends: &mut Ends,
) -> Result<()> {
    loop {
        tokio::select! {
            ended = &mut working => return Ok(ended?),
            () = ends.come() => {
                if ends.asked() > 1 {
                    let text = "Ended at once: what was under way is looked for at the next start.";
                    return Err(Failure::new(Kind::Interrupted, text));
                }
                tracing::info!("ending what is under way; nothing more is begun");
                stop.notify_one();
            }
        }
    }
}

/// Removes what is old. What goes wrong is tried again the next time.
async fn prune(state: &State, clock: &dyn Clock, keep: Duration) {
    match state.prune(clock.now() - keep).await {
        Ok(0) => {}
        Ok(events) => tracing::info!(events, "events that ended long ago are removed"),
        Err(error) => tracing::warn!(%error, "old events could not be removed"),
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
