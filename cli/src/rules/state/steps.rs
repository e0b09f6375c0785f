//! The steps of an event, each a transaction.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;
use sqlx::Row;

use super::event::{plain, step};
use super::{Condition, Event, Kind, Result, Runner, State, StateError, millis, time_of};
use crate::rules::file::Limit;

/// What is noted of an event.
#[derive(Clone, Debug)]
pub enum Note<'a> {
    /// Its next action is begun from now on; the name of its run, empty if it makes none.
    Begun {
        /// The name.
        run_name: &'a str,
    },
    /// An action that is begun was looked for, and not found; to be looked for again.
    Looked {
        /// When to look again.
        again: DateTime<Utc>,
        /// Whether it counts: whether the server has answered.
        counts: bool,
        /// What is to be said of it.
        why: &'a str,
    },
    /// Its action is done.
    Made {
        /// What it made.
        made: &'a Value,
        /// The run, if it made one.
        run: Option<MadeRun<'a>>,
        /// Whether there are no more actions.
        last: bool,
    },
    /// It failed, without an effect.
    Failed(&'a str),
    /// Nobody can tell what came of it.
    Stuck(&'a str),
    /// It is not wanted.
    Skipped(&'a str),
    /// Something stands in its way; nothing of its action has begun.
    PutOff {
        /// Until when.
        until: DateTime<Utc>,
        /// What.
        why: &'a str,
    },
}

/// A run that an action made.
#[derive(Clone, Copy, Debug)]
pub struct MadeRun<'a> {
    /// Its id.
    pub id: &'a str,
    /// Where it is, as the rule has it.
    pub workspace: &'a str,
    /// Whether it counts among those that the rule may have at once.
    pub counts: bool,
}

/// Whether an event may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may, and counts from now on.
    Now,
    /// It was given back. Nothing of its rule may begin before that time; unknown where it depends on
    /// when others end.
    Later(Option<DateTime<Utc>>),
}

impl State {
    /// Notes a step of an event that a runner has taken, and changes `event` to what is noted. All but
    /// [`Note::Begun`], and [`Note::Made`] of an action that is not the last, give the event back.
    ///
    /// # Errors
    /// [`StateError::Lost`] if another runner has taken it over; or the database can't be written. Then
    /// nothing is noted.
    pub async fn note(
        &self,
        runner: &Runner,
        event: &mut Event,
        now: DateTime<Utc>,
        note: Note<'_>,
    ) -> Result<()> {
        let mut next = event.clone();
        let (what, told) = change(&mut next, now, &note);
        let mut writing = self.begin().await?;
        let text = "UPDATE events SET ready = $3, state = $4, why = $5, made = $6, tries = $7, \
                    run_name = $8, begun = $9, looks = $10, runner = $11, ended = $12, sent = $13 \
                    WHERE id = $1 AND runner = $2";
        let done = sqlx::query(text)
            .bind(next.id.clone())
            .bind(runner.name().to_owned())
            .bind(millis(next.ready))
            .bind(next.condition.word())
            .bind(next.why.as_deref().map(plain))
            .bind(Value::from(next.made.clone()).to_string())
            .bind(i64::from(next.tries))
            .bind(next.run_name.clone())
            .bind(next.begun.map(millis))
            .bind(i64::from(next.looks))
            .bind(next.runner.clone())
            .bind(next.ended.map(millis))
            .bind(i64::from(next.sent))
            .execute(&mut *writing.transaction)
            .await?;
        if done.rows_affected() != 1 {
            return Err(StateError::Lost);
        }
        if let Note::Made { run: Some(run), .. } = &note {
            let text = "INSERT INTO runs (id, event, rule, workspace, launched, ended) \
                        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
            sqlx::query(text)
                .bind(run.id.to_owned())
                .bind(next.id.clone())
                .bind(next.rule.clone())
                .bind(run.workspace.to_owned())
                .bind(millis(now))
                .bind(i64::from(!run.counts))
                .execute(&mut *writing.transaction)
                .await?;
        }
        // The same trouble again is no step.
        let same =
            matches!(note, Note::PutOff { .. } | Note::Looked { .. }) && event.why == next.why;
        if !same {
            step(
                &mut writing.transaction,
                &next.id,
                millis(now),
                what,
                told.as_deref(),
            )
            .await?;
        }
        writing.commit().await?;
        *event = next;
        Ok(())
    }

    /// Follows a clock that was set back: what was put off waits no longer for it. Where several runners
    /// share the database, their clocks are looked after, and nothing is done.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn set_back(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<()> {
        if self.kind == Kind::Postgres {
            return Ok(());
        }
        let mut writing = self.begin().await?;
        sqlx::query("UPDATE events SET ready = ready - $1 WHERE ended IS NULL AND ready > $2")
            .bind(millis(from) - millis(to))
            .bind(millis(to))
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await
    }

    /// Gives an event back as it is.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn give_back(&self, runner: &Runner, event: &Event) -> Result<()> {
        let mut writing = self.begin().await?;
        sqlx::query("UPDATE events SET runner = NULL WHERE id = $1 AND runner = $2")
            .bind(event.id.clone())
            .bind(runner.name().to_owned())
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await
    }

    /// Counts an event among those that its rule has begun, if the rule may begin one more; else gives
    /// it back.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub async fn admit(
        &self,
        runner: &Runner,
        event: &mut Event,
        limit: Limit,
        now: DateTime<Utc>,
    ) -> Result<Admission> {
        if event.admitted.is_some() {
            return Ok(Admission::Now);
        }
        let mut writing = self.begin().await?;
        let limited = limit.at_once.is_some() || limit.per_hour.is_some();
        if self.kind == Kind::Postgres && limited {
            // One at a time counts.
            sqlx::query("SELECT CAST(pg_advisory_xact_lock(hashtext($1)) AS TEXT)")
                .bind(event.rule.clone())
                .fetch_all(&mut *writing.transaction)
                .await?;
        }
        let mut admission = Admission::Now;
        if let Some(most) = limit.at_once {
            let text = "SELECT COUNT(*) FROM (SELECT id FROM events WHERE rule = $1 \
                        AND admitted IS NOT NULL AND ended IS NULL \
                        UNION SELECT event FROM runs WHERE rule = $1 AND ended = 0) AS going_on";
            let row = sqlx::query(text).bind(event.rule.clone());
            let row = row.fetch_one(&mut *writing.transaction).await?;
            if row.try_get::<i64, _>(0)? >= i64::from(most) {
                admission = Admission::Later(None);
            }
        }
        if let Some(most) = limit.per_hour {
            let hour = Duration::hours(1);
            let text = "SELECT admitted FROM events WHERE rule = $1 AND admitted > $2 \
                        ORDER BY admitted DESC LIMIT 1 OFFSET $3";
            let row = sqlx::query(text)
                .bind(event.rule.clone())
                .bind(millis(now - hour))
                .bind(i64::from(most.max(1)) - 1)
                .fetch_optional(&mut *writing.transaction)
                .await?;
            if let Some(row) = row {
                // A clock that was set back may have left times that are to come.
                let first = time_of(row.try_get(0)?).min(now);
                admission = Admission::Later(Some(first + hour));
            }
        }
        let (admitted, keeps) = match admission {
            Admission::Now => (Some(now), Some(runner.name().to_owned())),
            Admission::Later(_) => (None, None),
        };
        let text = "UPDATE events SET admitted = $3, runner = $4 WHERE id = $1 AND runner = $2";
        let done = sqlx::query(text)
            .bind(event.id.clone())
            .bind(runner.name().to_owned())
            .bind(admitted.map(millis))
            .bind(keeps)
            .execute(&mut *writing.transaction)
            .await?;
        if done.rows_affected() != 1 {
            return Err(StateError::Lost);
        }
        writing.commit().await?;
        event.admitted = admitted;
        Ok(admission)
    }

    /// The runs of some rules that count among those that they may have at once: id, workspace, and
    /// when they were launched.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn going_on(&self, rules: &[&str]) -> Result<Vec<(String, String, DateTime<Utc>)>> {
        let rows = sqlx::query("SELECT id, workspace, launched, rule FROM runs WHERE ended = 0")
            .fetch_all(&self.pool)
            .await?;
        let mut all = Vec::new();
        for row in rows {
            let rule: String = row.try_get(3)?;
            if rules.contains(&rule.as_str()) {
                all.push((row.try_get(0)?, row.try_get(1)?, time_of(row.try_get(2)?)));
            }
        }
        Ok(all)
    }

    /// Notes that runs have ended.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn ended(&self, runs: &[&str]) -> Result<()> {
        let mut writing = self.begin().await?;
        for run in runs {
            sqlx::query("UPDATE runs SET ended = 1 WHERE id = $1")
                .bind((*run).to_owned())
                .execute(&mut *writing.transaction)
                .await?;
        }
        writing.commit().await
    }

    /// The event that made a run, if one did.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn maker_of(&self, run: &str) -> Result<Option<Event>> {
        let text = format!(
            "SELECT {} FROM events WHERE id = (SELECT event FROM runs WHERE id = $1)",
            super::event::COLUMNS
        );
        let row = sqlx::query(&text).bind(run.to_owned());
        let row = row.fetch_optional(&self.pool).await?;
        row.as_ref().map(Event::of).transpose()
    }
}

/// What a note makes of an event: the word for the step, and what is to be said of it.
fn change(
    event: &mut Event,
    now: DateTime<Utc>,
    note: &Note<'_>,
) -> (&'static str, Option<String>) {
    let end = |event: &mut Event, condition: Condition, why: Option<&str>| {
        event.condition = condition;
        event.why = why.map(str::to_owned);
        event.runner = None;
        event.ended = Some(now);
    };
    match note {
        Note::Begun { run_name } => {
            event.sent += 1;
            event.condition = Condition::Begun;
            event.run_name = Some((*run_name).to_owned());
            event.begun = Some(now);
            event.looks = 0;
            (
                "begun",
                (!run_name.is_empty()).then(|| (*run_name).to_owned()),
            )
        }
        Note::Looked { again, counts, why } => {
            event.looks += u32::from(*counts);
            event.ready = *again;
            event.why = Some((*why).to_owned());
            event.runner = None;
            ("looked for", Some((*why).to_owned()))
        }
        Note::Made { made, last, .. } => {
            event.made.push((*made).clone());
            (event.run_name, event.begun, event.looks) = (None, None, 0);
            (event.tries, event.sent) = (0, 0);
            event.why = None;
            event.condition = Condition::Waiting;
            if *last {
                end(event, Condition::Done, None);
            }
            ("done", Some(made.to_string()))
        }
        Note::Failed(why) => {
            end(event, Condition::Failed, Some(why));
            ("failed", Some((*why).to_owned()))
        }
        Note::Stuck(why) => {
            end(event, Condition::Stuck, Some(why));
            ("stuck", Some((*why).to_owned()))
        }
        Note::Skipped(why) => {
            end(event, Condition::Skipped, Some(why));
            ("skipped", Some((*why).to_owned()))
        }
        Note::PutOff { until, why } => {
            if event.condition == Condition::Begun {
                event.sent = event.sent.saturating_sub(1);
            }
            event.condition = Condition::Waiting;
            (event.run_name, event.begun, event.looks) = (None, None, 0);
            event.tries += 1;
            event.ready = *until;
            event.why = Some((*why).to_owned());
            event.runner = None;
            ("put off", Some((*why).to_owned()))
        }
    }
}
