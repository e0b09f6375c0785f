//! One event: decided on, carried out action by action, each step noted before the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Engine;
use crate::rules::actions::{self, Outcome, Task};
use crate::rules::file::{Rule, Rules};
use crate::rules::state::{Admission, Condition, Event, MadeRun, Note, StateError};

/// What became of the work on an event.
#[derive(Debug)]
pub enum Worked {
    /// It went on, or ended.
    On,
    /// Something stood in its way that stands in everybody's.
    Nobody(String),
    /// Its rule may begin nothing more before a time.
    Held(String, DateTime<Utc>),
    /// It could not be noted.
    State(StateError),
}

/// In which parts of `catch_up` a launch without an answer is looked for again. They come to more than
/// the whole, so that a clock that is set in between makes none too short.
const PAUSES: [f64; 4] = [1.0 / 6.0, 1.0 / 3.0, 0.5, 0.5];

/// How often a launch is sent whose answer is lost each time.
const MOST_SENT: u32 = 8;

/// How old the note may be that a launch begins when it is sent. Another runner may have taken the event
/// over where this one stood still for longer.
const FRESH: Duration = Duration::from_secs(10);

enum Next {
    Go,
    Stop(Worked),
}

impl Engine {
    pub(super) async fn work(self: Arc<Self>, mut event: Event) -> Worked {
        let rules = self.rules.borrow().clone();
        let worked = match rules.get(&event.rule) {
            Some(rule) => self.carry_on(&rules, rule, &mut event).await,
            None => Err(StateError::Lost),
        };
        let worked = worked.unwrap_or_else(Worked::State);
        if matches!(worked, Worked::Nobody(_) | Worked::State(_)) {
            // As long as it is not given back, nobody else looks after it.
            while self.state.give_back(&self.runner, &event).await.is_err()
                && !self.stopping.load(Ordering::Relaxed)
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        worked
    }

    async fn carry_on(
        &self,
        rules: &Rules,
        rule: &Rule,
        event: &mut Event,
    ) -> Result<Worked, StateError> {
        if let Next::Stop(worked) = self.decide(rules, rule, event).await? {
            return Ok(worked);
        }
        loop {
            let number = event.made.len();
            let Some(step) = rule.then.get(number) else {
                // The rule had more actions once.
                let note = Note::Skipped("its rule has no more actions");
                self.note(rules, event, note).await?;
                return Ok(Worked::On);
            };
            let task = Task {
                engine: self,
                rules,
                rule,
                step,
                data: rule.data(&event.data, &event.made),
                last: number + 1 >= rule.then.len(),
            };
            let outcome = match step.action.makes_run() {
                true => self.launch(&task, event).await?,
                false => self.act(&task, event).await?,
            };
            match self.conclude(&task, event, outcome).await? {
                Next::Go => {}
                Next::Stop(worked) => return Ok(worked),
            }
        }
    }

    /// Whether an event is wanted, and may begin by now.
    async fn decide(
        &self,
        rules: &Rules,
        rule: &Rule,
        event: &mut Event,
    ) -> Result<Next, StateError> {
        if event.admitted.is_some() || event.condition == Condition::Begun {
            return Ok(Next::Go);
        }
        if let Some(when) = &rule.when {
            let note = match when.holds(&rule.data(&event.data, &[])) {
                Ok(true) => None,
                Ok(false) => Some(Ok("`when` does not hold".to_owned())),
                Err(wrong) => Some(Err(format!("`when`: {wrong}"))),
            };
            if let Some(said) = note {
                let note = match &said {
                    Ok(why) => Note::Skipped(why),
                    Err(why) => Note::Failed(why),
                };
                self.note(rules, event, note).await?;
                return Ok(Next::Stop(Worked::On));
            }
        }
        let fired = self.fired_in_chain(rule, event).await?;
        // By hand it may go on.
        if fired >= self.settings.longest_chain && event.round == 0 {
            let why = format!(
                "the rule has fired {fired} times along the chain of runs that this one ends, each made as the \
                 one before it ended: it would go on for ever. `seqctl rules retry {}` lets it go on once",
                event.id
            );
            self.note(rules, event, Note::Stuck(&why)).await?;
            return Ok(Next::Stop(Worked::On));
        }
        let now = self.clock.now();
        let admission = self
            .state
            .admit(&self.runner, event, rule.limit, now)
            .await?;
        Ok(match admission {
            Admission::Now => Next::Go,
            Admission::Later(until) => {
                let until = until.unwrap_or(now + self.settings.ends_every);
                Next::Stop(Worked::Held(rule.name.clone(), until))
            }
        })
    }

    /// How often a rule has fired along the chain of runs at whose end an event stands.
    async fn fired_in_chain(&self, rule: &Rule, event: &Event) -> Result<u32, StateError> {
        let mut fired = 0;
        let mut run = run_of(event);
        for _ in 0..self.settings.longest_chain.saturating_mul(10) {
            let Some(id) = run else { break };
            let Some(maker) = self.state.maker_of(&id).await? else {
                break;
            };
            fired += u32::from(maker.rule == rule.name);
            run = run_of(&maker);
        }
        Ok(fired)
    }

    /// An action that may be begun again, or can't be looked for.
    async fn act(&self, task: &Task<'_>, event: &mut Event) -> Result<Outcome, StateError> {
        let again = event.condition == Condition::Begun;
        if again && !task.step.action.may_be_repeated() {
            return Ok(Outcome::Stuck(format!(
                "`{}` was begun, and nobody saw its end. `seqctl rules retry {}` does it again",
                task.step.action.word(),
                event.id
            )));
        }
        if !again {
            self.note(task.rules, event, Note::Begun { run_name: "" })
                .await?;
        }
        Ok(actions::act(task, event).await)
    }

    /// A launch: looked for where it may have been sent, noted, sent.
    async fn launch(&self, task: &Task<'_>, event: &mut Event) -> Result<Outcome, StateError> {
        let mut sent_before = 0;
        if let (Condition::Begun, Some(name)) = (event.condition, event.run_name.clone()) {
            match actions::launch::find(task, &name).await {
                Ok(Some(id)) => return Ok(actions::launch::made(task, &id, &name).await),
                Ok(None) if (event.looks as usize) < PAUSES.len() => {
                    return Ok(Outcome::Unclear(format!("there is no run {name} yet")));
                }
                Ok(None) => sent_before = event.sent,
                // Whatever it is, nothing is decided.
                Err(Outcome::Nobody(why)) => return Ok(Outcome::Nobody(why)),
                Err(outcome) => return Ok(Outcome::Unseen(outcome.text())),
            }
        }
        if sent_before >= MOST_SENT {
            return Ok(Outcome::Stuck(format!(
                "it was sent {sent_before} times, the server never answered, and no run came of it"
            )));
        }
        let name = match actions::launch::run_name(task, event) {
            Ok(name) => name,
            Err(outcome) => return Ok(outcome),
        };
        let ready = match actions::launch::prepare(task, event, &name).await {
            Ok(ready) => ready,
            Err(outcome) => return Ok(outcome),
        };
        self.note(task.rules, event, Note::Begun { run_name: &name })
            .await?;
        let begun = event.begun.unwrap_or_default();
        let age = (self.clock.now() - begun).to_std().unwrap_or_default();
        if age > FRESH {
            let why = "the machine stood still before it was sent";
            return Ok(Outcome::At(self.clock.now(), why.to_owned()));
        }
        Ok(actions::launch::send(ready, &name).await)
    }

    /// Notes what came of an action.
    async fn conclude(
        &self,
        task: &Task<'_>,
        event: &mut Event,
        outcome: Outcome,
    ) -> Result<Next, StateError> {
        let now = self.clock.now();
        let later = |pause: Duration| now + pause;
        // For how long it has stood still.
        let since = event.admitted.unwrap_or(event.seen);
        let patient = (now - since).to_std().unwrap_or_default() < self.settings.patience;
        let worked = match outcome {
            Outcome::Done { made, run } => {
                let run = run.as_ref().map(|run| MadeRun {
                    id: &run.id,
                    workspace: &run.workspace,
                    counts: task.rule.limit.at_once.is_some(),
                });
                let mut made = made;
                task.rules.hide_in(&mut made);
                let note = Note::Made {
                    made: &made,
                    run,
                    last: task.last,
                };
                self.state.note(&self.runner, event, now, note).await?;
                if !task.last {
                    return Ok(Next::Go);
                }
                tracing::info!(rule = event.rule, event = event.id, key = event.key, "done");
                Worked::On
            }
            Outcome::Failed(why) => {
                tracing::warn!(
                    rule = event.rule,
                    event = event.id,
                    why = task.rules.hide(&why),
                    "failed"
                );
                self.note(task.rules, event, Note::Failed(&why)).await?;
                Worked::On
            }
            Outcome::Stuck(why) => {
                tracing::warn!(
                    rule = event.rule,
                    event = event.id,
                    why = task.rules.hide(&why),
                    "stuck"
                );
                self.note(task.rules, event, Note::Stuck(&why)).await?;
                Worked::On
            }
            Outcome::Skipped(why) => {
                self.note(task.rules, event, Note::Skipped(&why)).await?;
                Worked::On
            }
            Outcome::At(until, why) => {
                self.note(task.rules, event, Note::PutOff { until, why: &why })
                    .await?;
                Worked::On
            }
            Outcome::Later(why) if patient => {
                let pause = Duration::from_secs(5) * 2_u32.pow(event.tries.min(7));
                let note = Note::PutOff {
                    until: later(pause.min(Duration::from_secs(600))),
                    why: &why,
                };
                self.note(task.rules, event, note).await?;
                Worked::On
            }
            Outcome::Later(why) => {
                let why = format!(
                    "it has not come through for {:?}: {why}",
                    self.settings.patience
                );
                self.note(task.rules, event, Note::Stuck(&why)).await?;
                Worked::On
            }
            Outcome::Unclear(why) => {
                let part = PAUSES.get(event.looks as usize).copied().unwrap_or(0.5);
                let note = Note::Looked {
                    again: later(self.settings.catch_up.mul_f64(part)),
                    counts: true,
                    why: &why,
                };
                self.note(task.rules, event, note).await?;
                Worked::On
            }
            Outcome::Unseen(why) => {
                let note = Note::Looked {
                    again: later(Duration::from_secs(5).max(self.settings.catch_up / 6)),
                    counts: false,
                    why: &why,
                };
                self.note(task.rules, event, note).await?;
                Worked::On
            }
            Outcome::Nobody(why) => Worked::Nobody(task.rules.hide(&why)),
            Outcome::NotSent(why) => {
                // Nothing came to the server: it need not be looked for.
                let note = Note::PutOff {
                    until: now,
                    why: &why,
                };
                self.note(task.rules, event, note).await?;
                Worked::Nobody(task.rules.hide(&why))
            }
        };
        Ok(Next::Stop(worked))
    }

    async fn note(
        &self,
        rules: &Rules,
        event: &mut Event,
        note: Note<'_>,
    ) -> Result<(), StateError> {
        let hidden = |why: &str| rules.hide(why);
        let now = self.clock.now();
        let (state, runner) = (&self.state, &self.runner);
        match note {
            Note::Failed(why) => {
                state
                    .note(runner, event, now, Note::Failed(&hidden(why)))
                    .await
            }
            Note::Stuck(why) => {
                state
                    .note(runner, event, now, Note::Stuck(&hidden(why)))
                    .await
            }
            Note::Skipped(why) => {
                state
                    .note(runner, event, now, Note::Skipped(&hidden(why)))
                    .await
            }
            Note::PutOff { until, why } => {
                let why = &hidden(why);
                state
                    .note(runner, event, now, Note::PutOff { until, why })
                    .await
            }
            Note::Looked { again, counts, why } => {
                let why = &hidden(why);
                state
                    .note(runner, event, now, Note::Looked { again, counts, why })
                    .await
            }
            other => state.note(runner, event, now, other).await,
        }
    }
}

/// The run at whose end an event stands, if it is of one.
fn run_of(event: &Event) -> Option<String> {
    event
        .data
        .get("run")?
        .get("id")?
        .as_str()
        .map(str::to_owned)
}
