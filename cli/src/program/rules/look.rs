//! What has happened, as people look at it and change it by hand.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AtState, EVENT_COLUMNS, Emit, Events, One, STATUS_COLUMNS, read_text};
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::lists::table;
use crate::output::{Answer, Column, View};
use crate::rules::state::{Condition, Event, Filter, id_of};
use crate::rules::{Seen, State};

impl AtState {
    /// The database, which must be there.
    pub(super) async fn there(&self) -> Result<State> {
        there(&self.database).await
    }

    pub(super) async fn status(self, context: &Context) -> Result<Exit> {
        let state = self.there().await?;
        let mut rows: Vec<Value> = Vec::new();
        for count in state.counts().await? {
            if rows.last().is_none_or(|row| row["rule"] != count.rule) {
                let mut row = json!({"rule": count.rule});
                for condition in Condition::ALL {
                    row[condition.word()] = 0.into();
                }
                rows.push(row);
            }
            if let Some(row) = rows.last_mut() {
                row[count.condition.word()] = count.events.into();
            }
        }
        let view = table("Rules", STATUS_COLUMNS, &rows)?;
        context.show(&Answer::new(json!({"rules": rows}), view))
    }
}

async fn there(database: &str) -> Result<State> {
    if !database.contains("://") && !Path::new(database).exists() {
        let text = format!(
            "There is no database {database}: name that of `rules run` with --database (not found)"
        );
        return Err(Failure::not_found(text));
    }
    Ok(State::open(database).await?)
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn event_value(event: &Event) -> Value {
    json!({
        "id": event.id,
        "rule": event.rule,
        "key": event.key,
        "state": event.condition.word(),
        "happened": time(event.happened),
        "seen": time(event.seen),
        "ready": time(event.ready),
        "ended": event.ended.map(time),
        "why": event.why,
        "made": event.made,
        "tries": event.tries,
        "sent": event.sent,
    })
}

impl Events {
    pub(super) async fn run(self, context: &Context) -> Result<Exit> {
        let state = there(&self.database).await?;
        let filter = Filter {
            rule: self.rule,
            condition: self
                .state
                .map(|wanted| wanted.as_str().parse())
                .transpose()?,
            most: Some(self.max),
        };
        let events = state.events(&filter).await?;
        let events: Vec<_> = events.iter().map(event_value).collect();
        let view = table("Events", EVENT_COLUMNS, &events)?;
        context.show(&Answer::new(json!({"events": events}), view))
    }
}

impl One {
    pub(super) async fn show(self, context: &Context) -> Result<Exit> {
        let (event, steps) = self.at.there().await?.show(&self.event).await?;
        let steps: Vec<_> = steps
            .iter()
            .map(|step| json!({"at": time(step.at), "what": step.what, "note": step.note}))
            .collect();
        let mut value = event_value(&event);
        value["data"] = event.data.clone();
        value["steps"] = steps.clone().into();
        let mut facts: Vec<(String, String)> = Vec::new();
        for name in [
            "id", "rule", "key", "state", "seen", "ready", "ended", "why",
        ] {
            if let Some(text) = value[name].as_str() {
                facts.push((name.to_owned(), text.to_owned()));
            }
        }
        for made in &event.made {
            facts.push(("made".to_owned(), made.to_string()));
        }
        facts.push(("data".to_owned(), format!("{:#}", event.data)));
        const COLUMNS: &[Column] = &[
            Column::new("At", "at"),
            Column::new("Step", "what"),
            Column::new("Note", "note"),
        ];
        let steps = table("Steps", COLUMNS, &steps)?;
        context.show(&Answer::new(
            value,
            View::Parts(vec![View::Facts(facts), steps]),
        ))
    }
}

/// An event that is fed by hand.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fed {
    rule: String,
    key: Option<String>,
    #[serde(default)]
    data: Value,
}

impl Emit {
    pub(super) async fn run(self, context: &Context) -> Result<Exit> {
        let text = read_text(&self.file)?;
        let fed: Fed = serde_json::from_str(&text).map_err(|error| {
            Failure::failed(format!("{} is no event: {error}", self.file.display()))
        })?;
        let now = Utc::now();
        let key = fed
            .key
            .unwrap_or_else(|| format!("by hand at {}", now.to_rfc3339()));
        let mut data = match fed.data {
            Value::Null => json!({}),
            data @ Value::Object(_) => data,
            _ => return Err(Failure::failed("`data` of an event is a map")),
        };
        if data.get("event").is_none() {
            data["event"] = json!({"kind": "emitted"});
        }
        let seen = Seen {
            rule: fed.rule,
            key,
            data,
            at: now,
            ready: now,
        };
        let new = State::open(&self.at.database)
            .await?
            .see(std::slice::from_ref(&seen), None)
            .await?;
        let id = id_of(&seen.rule, &seen.key);
        let text = match new {
            0 => format!("Event {id} of `{}` is known already", seen.rule),
            _ => format!("Event {id} of `{}` waits", seen.rule),
        };
        context.say(
            json!({"id": id, "rule": seen.rule, "key": seen.key, "new": new == 1}),
            text,
        )
    }
}
