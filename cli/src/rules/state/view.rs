//! What people look at, and change by hand.

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::event::{COLUMNS, step};
use super::{Condition, Event, Result, State, StateError, millis, time_of};

/// Which events are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this rule.
    pub rule: Option<String>,
    /// In this condition.
    pub condition: Option<Condition>,
    /// At most so many; all where there is none.
    pub most: Option<u32>,
}

/// How many events of a rule are in a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The rule.
    pub rule: String,
    /// The condition.
    pub condition: Condition,
    /// How many.
    pub events: u64,
}

/// A step that an event has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// When.
    pub at: DateTime<Utc>,
    /// What: seen, begun, looked for, done, failed, stuck, skipped, put off, tried again.
    pub what: String,
    /// What is to be said of it.
    pub note: Option<String>,
}

impl State {
    /// Events, the last first.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn events(&self, filter: &Filter) -> Result<Vec<Event>> {
        let text = format!(
            "SELECT {COLUMNS} FROM events WHERE ($1 = '' OR rule = $1) AND ($2 = '' OR state = $2) \
             ORDER BY seen DESC, id LIMIT $3"
        );
        let rows = sqlx::query(&text)
            .bind(filter.rule.clone().unwrap_or_default())
            .bind(filter.condition.map(Condition::word).unwrap_or_default())
            .bind(filter.most.map_or(i64::MAX, i64::from))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(Event::of).collect()
    }

    /// How many events there are, by rule and condition.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn counts(&self) -> Result<Vec<Count>> {
        let text =
            "SELECT rule, state, COUNT(*) FROM events GROUP BY rule, state ORDER BY rule, state";
        let rows = sqlx::query(text).fetch_all(&self.pool).await?;
        let count = |row: &sqlx::any::AnyRow| {
            Ok(Count {
                rule: row.try_get(0)?,
                condition: row.try_get::<String, _>(1)?.parse()?,
                events: row.try_get::<i64, _>(2)?.try_into().unwrap_or(0),
            })
        };
        rows.iter().map(count).collect()
    }

    /// An event with its steps, by its id or the beginning of it.
    ///
    /// # Errors
    /// There is none, or there are several; or the database can't be read.
    pub async fn show(&self, id: &str) -> Result<(Event, Vec<Happened>)> {
        let event = self.event(id).await?;
        let text = "SELECT moment, what, note FROM steps WHERE event = $1 ORDER BY number";
        let rows = sqlx::query(text).bind(event.id.clone());
        let rows = rows.fetch_all(&self.pool).await?;
        let happened = |row: &sqlx::any::AnyRow| -> Result<_> {
            Ok(Happened {
                at: time_of(row.try_get(0)?),
                what: row.try_get(1)?,
                note: row.try_get(2)?,
            })
        };
        let steps = rows.iter().map(happened).collect::<Result<_>>()?;
        Ok((event, steps))
    }

    async fn event(&self, id: &str) -> Result<Event> {
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return Err(StateError::Refused(format!("`{id}` is no id of an event")));
        }
        let text = format!("SELECT {COLUMNS} FROM events WHERE id LIKE $1 ORDER BY id LIMIT 2");
        let rows = sqlx::query(&text).bind(format!("{}%", id.to_lowercase()));
        let rows = rows.fetch_all(&self.pool).await?;
        match rows.as_slice() {
            [] => Err(StateError::Refused(format!("there is no event {id}"))),
            [row] => Event::of(row),
            _ => Err(StateError::Refused(format!(
                "several events begin with {id}"
            ))),
        }
    }

    /// Has an event carried out again. One that failed, was skipped or is done begins anew, with another
    /// name for its run; of one that is stuck, what was begun is looked for before it is done again. What
    /// waits is taken at once. Actions that are done are not done again, unless all are.
    ///
    /// # Errors
    /// There is no such event, or it is at work; or the database can't be written.
    pub async fn retry(&self, id: &str, now: DateTime<Utc>) -> Result<Event> {
        let mut event = self.event(id).await?;
        let was = event.condition;
        match was {
            Condition::Waiting | Condition::Begun => {}
            // What makes no run can't be looked for: it is meant to be done again.
            Condition::Stuck if event.run_name.as_deref().unwrap_or_default().is_empty() => {
                event.condition = Condition::Waiting;
                event.round += 1;
            }
            Condition::Stuck => {
                event.condition = Condition::Begun;
                event.looks = 0;
            }
            Condition::Done | Condition::Failed | Condition::Skipped => {
                event.condition = Condition::Waiting;
                event.round += 1;
                event.run_name = None;
                if was == Condition::Done {
                    event.made.clear();
                }
            }
        }
        if event.condition == Condition::Waiting {
            (event.run_name, event.begun) = (None, None);
        }
        if was.is_end() {
            event.admitted = None;
        }
        (event.tries, event.sent) = (0, 0);
        (event.ready, event.why, event.ended) = (now, None, None);
        self.change_by_hand(&event, was, now, "tried again", None)
            .await?;
        Ok(event)
    }

    /// Leaves an event be.
    ///
    /// # Errors
    /// There is no such event, it is done or at work; or the database can't be written.
    pub async fn skip(&self, id: &str, now: DateTime<Utc>) -> Result<Event> {
        let mut event = self.event(id).await?;
        let was = event.condition;
        if matches!(was, Condition::Done | Condition::Skipped) {
            return Err(StateError::Refused(format!(
                "event {} is {was} already",
                event.id
            )));
        }
        event.condition = Condition::Skipped;
        event.ended = Some(now);
        event.why = Some("by hand".to_owned());
        self.change_by_hand(&event, was, now, "skipped", Some("by hand"))
            .await?;
        Ok(event)
    }

    async fn change_by_hand(
        &self,
        event: &Event,
        was: Condition,
        now: DateTime<Utc>,
        what: &str,
        note: Option<&str>,
    ) -> Result<()> {
        let mut writing = self.begin().await?;
        let text = format!(
            "UPDATE events SET ready = $3, state = $4, why = $5, made = $6, tries = $7, \
             run_name = $8, begun = $9, looks = $10, ended = $11, round = $12, admitted = $13, sent = $14, runner = NULL \
             WHERE id = $1 AND state = $2 AND (runner IS NULL OR NOT EXISTS \
             (SELECT 1 FROM runners WHERE name = events.runner AND until > {}))",
            self.lease_clock()
        );
        let done = sqlx::query(&text)
            .bind(event.id.clone())
            .bind(was.word())
            .bind(millis(event.ready))
            .bind(event.condition.word())
            .bind(event.why.clone())
            .bind(serde_json::Value::from(event.made.clone()).to_string())
            .bind(i64::from(event.tries))
            .bind(event.run_name.clone())
            .bind(event.begun.map(millis))
            .bind(i64::from(event.looks))
            .bind(event.ended.map(millis))
            .bind(i64::from(event.round))
            .bind(event.admitted.map(millis))
            .bind(i64::from(event.sent))
            .execute(&mut *writing.transaction)
            .await?;
        if done.rows_affected() != 1 {
            let text = format!("event {} is at work: try again when it has ended", event.id);
            return Err(StateError::Refused(text));
        }
        step(&mut writing.transaction, &event.id, millis(now), what, note).await?;
        writing.commit().await
    }
}
