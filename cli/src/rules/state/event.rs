//! Events, as they are noted.

use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::{Result, StateError, json_of, millis, time_of};
use crate::rules::event::Seen;

/// How far an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Condition {
    /// Nothing of its next action has begun: it settles, waits for its turn, or is at work.
    Waiting,
    /// An action was begun whose outcome is not noted: before it is begun again, it is looked for.
    Begun,
    /// All is done.
    Done,
    /// An action failed, and had no effect.
    Failed,
    /// Nobody can tell whether an action had an effect, or it stopped for another reason: somebody has
    /// to look.
    Stuck,
    /// It was not wanted.
    Skipped,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Begun,
        Self::Done,
        Self::Failed,
        Self::Stuck,
        Self::Skipped,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
            Self::Skipped => "skipped",
        }
    }

    /// Whether nothing happens to it any more by itself.
    pub fn is_end(self) -> bool {
        !matches!(self, Self::Waiting | Self::Begun)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl std::str::FromStr for Condition {
    type Err = StateError;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|one| one.word() == text);
        found.ok_or_else(|| StateError::Damaged(format!("it has an event that is `{text}`")))
    }
}

/// An event, as it is noted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// Its id, made of rule and key.
    pub id: String,
    /// The rule that it is of.
    pub rule: String,
    /// Its key among those of its rule.
    pub key: String,
    /// What templates see.
    pub data: Value,
    /// When it happened.
    pub happened: DateTime<Utc>,
    /// When it was noted.
    pub seen: DateTime<Utc>,
    /// When it is taken, at the earliest.
    pub ready: DateTime<Utc>,
    /// How far it is.
    pub condition: Condition,
    /// Why it failed, is stuck, was skipped, or was put off.
    pub why: Option<String>,
    /// What the actions that are done have made, in their order.
    pub made: Vec<Value>,
    /// How often it was begun anew by hand.
    pub round: u32,
    /// How often in a row something stood in its way.
    pub tries: u32,
    /// How often the action that is begun may have been sent.
    pub sent: u32,
    /// Since when it counts among those that its rule has begun.
    pub admitted: Option<DateTime<Utc>>,
    /// The name of the run of the action that is begun; empty for one that makes no run.
    pub run_name: Option<String>,
    /// When that action was begun, the last time.
    pub begun: Option<DateTime<Utc>>,
    /// How often it was looked for since.
    pub looks: u32,
    /// The runner that is at work on it, or was.
    pub runner: Option<String>,
    /// When it ended.
    pub ended: Option<DateTime<Utc>>,
}

pub(super) const COLUMNS: &str = "id, rule, event_key, data, happened, seen, ready, state, why, made, \
     round, tries, sent, admitted, run_name, begun, looks, runner, ended";

impl Event {
    pub(super) fn of(row: &AnyRow) -> Result<Self> {
        let time = |name| -> Result<_> { Ok(time_of(row.try_get(name)?)) };
        let maybe_time =
            |name| -> Result<_> { Ok(row.try_get::<Option<i64>, _>(name)?.map(time_of)) };
        let count =
            |name| -> Result<_> { Ok(u32::try_from(row.try_get::<i64, _>(name)?).unwrap_or(0)) };
        let made = json_of(&row.try_get::<String, _>("made")?)?;
        Ok(Self {
            id: row.try_get("id")?,
            rule: row.try_get("rule")?,
            key: row.try_get("event_key")?,
            data: json_of(&row.try_get::<String, _>("data")?)?,
            happened: time("happened")?,
            seen: time("seen")?,
            ready: time("ready")?,
            condition: row.try_get::<String, _>("state")?.parse()?,
            why: row.try_get("why")?,
            made: made.as_array().cloned().unwrap_or_default(),
            round: count("round")?,
            tries: count("tries")?,
            sent: count("sent")?,
            admitted: maybe_time("admitted")?,
            run_name: row.try_get("run_name")?,
            begun: maybe_time("begun")?,
            looks: count("looks")?,
            runner: row.try_get("runner")?,
            ended: maybe_time("ended")?,
        })
    }
}

/// The id of an event, from its rule and its key.
pub fn id_of(rule: &str, key: &str) -> String {
    super::digest(&[rule, key])
}

/// Notes an event, unless it is or was noted. How many are new.
pub(super) async fn insert(connection: &mut AnyConnection, seen: &Seen) -> Result<u64> {
    let id = id_of(&seen.rule, &seen.key);
    let text = "INSERT INTO events (id, rule, event_key, data, happened, seen, ready, state, made, round, \
                tries, sent, looks) SELECT $1, $2, $3, $4, $5, $6, $7, 'waiting', '[]', 0, 0, 0, 0 \
                WHERE NOT EXISTS (SELECT 1 FROM removed WHERE id = $1) ON CONFLICT (id) DO NOTHING";
    let now = millis(Utc::now());
    let done = sqlx::query(text)
        .bind(id.clone())
        .bind(seen.rule.clone())
        .bind(plain(&seen.key))
        .bind(seen.data.to_string())
        .bind(millis(seen.at))
        .bind(now)
        .bind(millis(seen.ready))
        .execute(&mut *connection)
        .await?;
    if done.rows_affected() == 1 {
        step(connection, &id, now, "seen", None).await?;
    }
    Ok(done.rows_affected())
}

/// A text without the one character that PostgreSQL has none of.
pub(super) fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Notes a step of an event.
pub(super) async fn step(
    connection: &mut AnyConnection,
    event: &str,
    moment: i64,
    what: &str,
    note: Option<&str>,
) -> Result<()> {
    let text = "INSERT INTO steps (event, number, moment, what, note) SELECT $1, \
                COALESCE(MAX(number), 0) + 1, $2, $3, $4 FROM steps WHERE event = $1";
    sqlx::query(text)
        .bind(event.to_owned())
        .bind(moment)
        .bind(what.to_owned())
        .bind(note.map(plain))
        .execute(connection)
        .await?;
    Ok(())
}
