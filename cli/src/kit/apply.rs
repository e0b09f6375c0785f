//! Carrying a plan out: each step as soon as what it needs is there, many at once.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};

use super::Kit;
use super::item::Item;
use super::kinds::Task;
use super::plan::{Action, Graph, Plan, Step, filled};
use super::platform::{Home, Present};
use super::problem::{Error, Result};
use super::read::Set;
use super::schedule::Schedule;
use super::state::{Launched, State};

/// How often something is tried whose outcome is unclear.
const TRIES: u32 = 4;

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It is done: the id of what it is of.
    Done(String),
    /// It failed: why, without secrets.
    Failed(String),
    /// It was not tried: because of what.
    NotTried(String),
}

/// What came of a step.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// What was to happen.
    pub action: Action,
    /// The block of its item.
    pub block: &'static str,
    /// Its name.
    pub name: String,
    /// The organization or workspace that it belongs to.
    pub home: String,
    /// How it ended.
    pub ended: Ended,
}

impl Outcome {
    /// As a value, for programs.
    pub fn value(&self) -> Value {
        let (result, text) = match &self.ended {
            Ended::Done(id) => ("done", json!({"id": id})),
            Ended::Failed(why) => ("failed", json!({"error": why})),
            Ended::NotTried(because) => ("not tried", json!({"because": because})),
        };
        let mut value = json!({
            "action": self.action,
            "block": self.block,
            "name": self.name,
            "in": (!self.home.is_empty()).then_some(&self.home),
            "result": result,
        });
        if let (Value::Object(fields), Value::Object(more)) = (&mut value, text) {
            fields.extend(more);
        }
        crate::output::without_nulls(value)
    }
}

/// What came of all steps that were to change something, in the order in which they ended.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// What came of each.
    pub outcomes: Vec<Outcome>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

impl Report {
    /// Whether all is done.
    pub fn is_done(&self) -> bool {
        self.outcomes
            .iter()
            .all(|outcome| matches!(outcome.ended, Ended::Done(_)))
    }
}

impl Kit {
    /// Carries a plan out. A failure stops what needs the thing, and nothing else; `stop` lets what is
    /// under way end, and begins nothing more. `told` hears of each step that has ended.
    pub async fn apply(
        &self,
        set: &Set,
        plan: &Plan,
        state: Option<&mut State>,
        stop: impl Future<Output = ()>,
        mut told: impl FnMut(&Outcome),
    ) -> Report {
        let graph = Graph::new(set);
        let state = Mutex::new(state);
        let mut report = Report::default();
        let mut end = |number: usize, ended: Ended| {
            let step = &plan.steps[number];
            let outcome = Outcome {
                action: step.action,
                block: step.block,
                name: step.name.clone(),
                home: step.home.clone(),
                ended,
            };
            told(&outcome);
            report.outcomes.push(outcome);
        };
        let steps = || plan.steps.iter().enumerate();
        // What is refused is waited for in vain.
        let tried = steps()
            .filter(|(_, step)| step.action.changes() || step.action == Action::Refused)
            .map(|(number, step)| (number, &step.needs));
        let mut schedule = Schedule::new(tried);
        let because = |need: usize| Ended::NotTried(plan.steps[need].label());
        for (number, step) in steps() {
            if matches!(step.action, Action::Immutable | Action::Refused) {
                end(number, Ended::Failed(step.note.clone().unwrap_or_default()));
            }
        }
        for (number, step) in steps() {
            if step.action == Action::Refused {
                for (other, need) in schedule.lost(number) {
                    if plan.steps[other].action.changes() {
                        end(other, because(need));
                    }
                }
            }
        }
        let mut under_way = FuturesUnordered::new();
        let mut stop = std::pin::pin!(stop);
        let mut stopped = false;
        loop {
            while !stopped && under_way.len() < self.options.at_once {
                let Some(number) = schedule.next() else { break };
                let (graph, state) = (&graph, &state);
                under_way.push(async move {
                    let step = &plan.steps[number];
                    (number, self.carry_out(set, graph, step, state).await)
                });
            }
            if under_way.is_empty() {
                break;
            }
            tokio::select! {
                ended = under_way.next() => {
                    let Some((number, ended)) = ended else { break };
                    match ended {
                        Ok(id) => {
                            end(number, Ended::Done(id));
                            schedule.done(number);
                        }
                        Err(error) => {
                            let why = self.platform.hide(&set.hide(&error.to_string()));
                            end(number, Ended::Failed(why));
                            for (other, need) in schedule.lost(number) {
                                end(other, because(need));
                            }
                        }
                    }
                }
                () = &mut stop, if !stopped => stopped = true,
            }
        }
        for number in schedule.rest() {
            end(number, Ended::NotTried("it was stopped".to_owned()));
        }
        report.stopped = stopped;
        report
    }

    /// Brings one thing to what its item says, whatever is there. A Studio that is there stays as it is:
    /// it may be running.
    pub(crate) async fn bring(&self, item: &Item) -> Result<Present> {
        let kind = item.kind;
        let home = self.platform.home(kind.scope, item.scope()).await?;
        let home = home.ok_or_else(|| Error::other(format!("there is no `{}`", item.scope())))?;
        for reference in (kind.references)(item) {
            self.platform
                .read(super::kinds::of(reference.block)?, &home)
                .await?;
            let found = self
                .platform
                .find(reference.block, &home.text, &reference.name);
            if reference.required && found.is_none() {
                let text = format!("there is no `{}` among {}", reference.name, reference.block);
                return Err(Error::other(text));
            }
        }
        self.platform.read(kind, &home).await?;
        match self.find(item) {
            Some(present) if kind.block == "studios" => Ok(Present::clone(&present)),
            Some(present) => self.update(item, &home, &present).await,
            None => self.create(item, &home).await,
        }
    }

    /// Carries one step out. The id of what it is of.
    async fn carry_out(
        &self,
        set: &Set,
        graph: &Graph<'_>,
        step: &Step,
        state: &Mutex<Option<&mut State>>,
    ) -> Result<String> {
        let item = &set.items[step.item];
        if let Some(unknown) = graph.unknown(item, &self.platform)
            && step.action != Action::Delete
        {
            return Err(Error::other(format!("{unknown} is not known")));
        }
        let item = filled(item, graph, &self.platform);
        let kind = item.kind;
        let home = self.platform.home(kind.scope, item.scope()).await?;
        let home = home.ok_or_else(|| Error::other(format!("there is no `{}`", item.scope())))?;
        let present = match (step.action, &step.present) {
            (Action::Delete, Some(present)) => {
                self.delete(&item, &home, present).await?;
                return Ok(present.id.clone());
            }
            (Action::Replace, Some(present)) => {
                self.delete(&item, &home, present).await?;
                self.create(&item, &home).await?
            }
            (Action::Update, Some(present)) => {
                let present = Present::clone(present);
                self.update(&item, &home, &present).await?
            }
            (Action::Launch, _) => self.launch(&item, &home, state).await?,
            _ => self.create(&item, &home).await?,
        };
        self.platform
            .keep(kind.block, item.scope(), present.clone());
        if !kind.secret_keys.is_empty()
            && let Some(state) = &mut *state.lock().unwrap_or_else(PoisonError::into_inner)
        {
            state.remember(&item)?;
        }
        Ok(present.id)
    }

    async fn create(&self, item: &Item, home: &Home) -> Result<Present> {
        let kind = item.kind;
        let desired = (kind.desired)(item, home, &self.platform)?;
        let task = || Task {
            platform: &self.platform,
            home,
            item,
            desired: &desired,
        };
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match (kind.create)(task()).await {
                Ok(present) => return Ok(present),
                Err(error) => error,
            };
            if !error.is_unclear() {
                return Err(error);
            }
            // The answer may have been lost, and not the thing.
            self.platform.reload(kind, home).await;
            if let Some(present) = self.find(item) {
                return self.update(item, home, &present).await;
            }
            if error.is_conflict() || tries == TRIES {
                return Err(error);
            }
            pause(tries).await;
        }
    }

    /// Changes what is there to what an item says, as far as it still differs.
    async fn update(&self, item: &Item, home: &Home, present: &Present) -> Result<Present> {
        let kind = item.kind;
        let desired = (kind.desired)(item, home, &self.platform)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let described =
                (kind.describe)(&self.platform, home, Some(item), present.clone()).await;
            let now = match described {
                Ok(now) => now,
                // It has gone since.
                Err(Error::Platform(error)) if error.is_not_found() => {
                    self.platform.forget(kind.block, item.scope(), &present.id);
                    return Box::pin(self.create(item, home)).await;
                }
                Err(error) => return Err(error),
            };
            let compared = (kind.compare)(kind, item, &now.state, &desired)?;
            let secret = self.options.update_secrets || !compared.unknown.is_empty();
            if compared.changes.is_empty() && (!secret || tries > 1) {
                return Ok(now);
            }
            let task = Task {
                platform: &self.platform,
                home,
                item,
                desired: &desired,
            };
            match (kind.update)(task, &now, &compared.state).await {
                Ok(present) => return Ok(present),
                Err(error) if error.is_unclear() && tries < TRIES => pause(tries).await,
                // It has gone since; servers forbid to look at what is not there.
                Err(Error::Platform(error)) if error.is_gone_or_forbidden() => {
                    self.platform.reload(kind, home).await;
                    match self.find(item) {
                        Some(_) => return Err(error.into()),
                        None => return Box::pin(self.create(item, home)).await,
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn delete(&self, item: &Item, home: &Home, present: &Present) -> Result<()> {
        let kind = item.kind;
        let mut tries = 0;
        loop {
            tries += 1;
            let error = match (kind.delete)(&self.platform, home, present).await {
                Ok(()) => break,
                Err(Error::Platform(error)) if error.is_not_found() => break,
                Err(error) => error,
            };
            // It may be gone, also where the server forbids to look at what is not there.
            self.platform.reload(kind, home).await;
            let listed = self.platform.listed(kind.block, &home.text);
            let gone = listed.is_ok_and(|all| all.iter().all(|one| one.id != present.id));
            if gone {
                break;
            }
            if !error.is_unclear() || error.is_conflict() || tries == TRIES {
                return Err(error);
            }
            pause(tries).await;
        }
        self.platform.forget(kind.block, item.scope(), &present.id);
        Ok(())
    }

    /// Launches, once where a key says so.
    async fn launch(
        &self,
        item: &Item,
        home: &Home,
        state: &Mutex<Option<&mut State>>,
    ) -> Result<Present> {
        let kind = item.kind;
        let mut desired = (kind.desired)(item, home, &self.platform)?;
        let key = self.options.launch_once.as_deref();
        let note = |launched: Launched| match (
            key,
            &mut *state.lock().unwrap_or_else(PoisonError::into_inner),
        ) {
            (Some(key), Some(state)) => state.note(key, item, launched),
            _ => Ok(()),
        };
        let begun = match (key, &*state.lock().unwrap_or_else(PoisonError::into_inner)) {
            (Some(key), Some(state)) => state.begun(key, item).cloned(),
            _ => None,
        };
        let mut launched = match (&begun, key) {
            (Some(begun), _) => begun.clone(),
            (None, Some(key)) => {
                let own = desired["runName"].as_str().map(str::to_owned);
                let id = format!("{key} {} {} {}", item.scope(), item.name(), item.number);
                let made = || format!("once-{}", &super::kinds::fingerprint(id.as_bytes())[..16]);
                let run_name = own.unwrap_or_else(made);
                let before = self.runs_of(home, &run_name).await?;
                let launched = Launched {
                    before,
                    run_name,
                    workflow_id: None,
                };
                note(launched.clone())?;
                launched
            }
            (None, None) => Launched::default(),
        };
        let of_run = |id: &str| Present {
            id: id.to_owned(),
            names: vec![item.name()],
            raw: json!({"workflowId": id, "id": id}),
            state: Value::Null,
        };
        if key.is_some() {
            desired["runName"] = launched.run_name.as_str().into();
        }
        if begun.is_some()
            && let Some(id) = self.new_run(home, &launched).await?
        {
            launched.workflow_id = Some(id.clone());
            note(launched)?;
            return Ok(of_run(&id));
        }
        let task = Task {
            platform: &self.platform,
            home,
            item,
            desired: &desired,
        };
        let present = match (kind.create)(task).await {
            Ok(present) => present,
            Err(error) if error.may_have_launched() && key.is_some() => {
                // The list of runs may take a moment to have it.
                let mut found = None;
                for tries in 1..TRIES {
                    pause(tries).await;
                    found = self.new_run(home, &launched).await?;
                    if found.is_some() {
                        break;
                    }
                }
                match found {
                    Some(id) => of_run(&id),
                    None => return Err(error),
                }
            }
            Err(error) if error.may_have_launched() && !error.is_conflict() => {
                return Err(Error::other(format!(
                    "{error}; it may have been launched all the same: look at the runs"
                )));
            }
            Err(error) => return Err(error),
        };
        launched.workflow_id = Some(present.id.clone());
        note(launched)?;
        Ok(present)
    }

    async fn runs_of(&self, home: &Home, name: &str) -> Result<Vec<String>> {
        let call = self
            .platform
            .client
            .list_workflows()
            .workspace_id(home.workspace);
        let mut runs = call.search(name).stream();
        let mut ids = Vec::new();
        while let Some(run) = runs.try_next().await? {
            let run = run.workflow.unwrap_or_default();
            if run.run_name.as_deref() == Some(name) {
                ids.extend(run.id);
            }
        }
        Ok(ids)
    }

    /// The run of a launch whose end nobody saw.
    async fn new_run(&self, home: &Home, launched: &Launched) -> Result<Option<String>> {
        let runs = self.runs_of(home, &launched.run_name).await?;
        Ok(runs.into_iter().find(|id| !launched.before.contains(id)))
    }
}

async fn pause(tries: u32) {
    tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(tries - 1)).await;
}
