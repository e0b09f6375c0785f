//! `rules plan`: what would fire now, and what would come of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Plan, watchers};
use crate::context::Context;
use crate::exit::{Exit, Result};
use crate::output::{Answer, View};
use crate::rules::file::{Action, Rule};
use crate::rules::state::{Condition, Filter, id_of};
use crate::rules::watch::Memory;
use crate::rules::{Clock, Seen, State, SystemClock, template};

impl Plan {
    pub(super) async fn run(self, context: &Context) -> Result<Exit> {
        let rules = self.files.read(context)?;
        let database = &self.at.database;
        let is_there = database.contains("://") || Path::new(database).exists();
        // Where nothing has happened, nothing is begun.
        let empty = tempfile::tempdir()?;
        let state = match is_there {
            true => State::open(database).await?,
            false => State::open(&empty.path().join("empty.db").to_string_lossy()).await?,
        };
        let memory = Memory::dry(state.clone());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut watchers = watchers(context, &rules, None, memory.clone(), clock).await?;
        let looked = watchers.look().await;
        let mut known = BTreeSet::new();
        for event in state.events(&Filter::default()).await? {
            known.insert(event.id.clone());
        }
        let mut seen: Vec<Seen> = memory.would();
        seen.retain(|one| !known.contains(&id_of(&one.rule, &one.key)));
        let waiting = Filter {
            condition: Some(Condition::Waiting),
            ..Filter::default()
        };
        let waiting = state.events(&waiting).await?;
        let new = seen
            .iter()
            .map(|one| ("new", one.rule.as_str(), one.key.as_str(), &one.data));
        let old = waiting
            .iter()
            .map(|one| ("waiting", one.rule.as_str(), one.key.as_str(), &one.data));
        let events: Vec<Value> = new
            .chain(old)
            .filter_map(|(state, name, key, data)| {
                let rule = rules.get(name)?;
                Some(planned(rule, state, key, data))
            })
            .collect();
        let mut value = json!({"events": events, "problems": looked.problems});
        rules.hide_in(&mut value);
        let mut text = String::new();
        for event in value["events"].as_array().into_iter().flatten() {
            let word = |name: &str| event[name].as_str().unwrap_or_default();
            let _ = writeln!(
                text,
                "{} {}: {}",
                sign(word("state")),
                word("rule"),
                word("key")
            );
            if let Some(why) = event["not"].as_str() {
                let _ = writeln!(text, "    not carried out: {why}");
            }
            for action in event["actions"].as_array().into_iter().flatten() {
                let _ = writeln!(text, "    {}", action);
            }
        }
        for problem in value["problems"].as_array().into_iter().flatten() {
            let _ = writeln!(text, "! {}", problem.as_str().unwrap_or_default());
        }
        let _ = match value["events"].as_array().map_or(0, Vec::len) {
            0 => write!(text, "Nothing would fire now."),
            count => write!(text, "{count} events would be carried out."),
        };
        context.show(&Answer::new(value, View::Text(text)))
    }
}

fn sign(state: &str) -> &str {
    match state {
        "new" => "+",
        _ => "=",
    }
}

/// What would come of an event. What its actions make is not known yet, and stands in words.
fn planned(rule: &Rule, state: &str, key: &str, data: &Value) -> Value {
    let mut data = data.clone();
    let mut event = json!({"rule": rule.name, "key": key, "state": state});
    match rule.when.as_ref().map(|when| when.holds(&data)) {
        Some(Ok(false)) => event["not"] = "`when` does not hold".into(),
        Some(Err(wrong)) => event["not"] = wrong.to_string().into(),
        None | Some(Ok(true)) => {}
    }
    if event.get("not").is_some() {
        return event;
    }
    let mut actions = Vec::new();
    for step in &rule.then {
        let (word, fields) = (step.action.word(), templates(&step.action));
        let filled = template::fill_map(&fields, &data);
        actions.push(match filled {
            Ok(filled) => json!({word: filled}),
            Err(wrong) => json!({word: {"error": wrong.to_string()}}),
        });
        data[step.action.made()] = later(step.action.made());
    }
    event["actions"] = actions.into();
    event
}

/// What an action will make.
fn later(made: &str) -> Value {
    let names = [
        "id",
        "name",
        "runName",
        "url",
        "workflowId",
        "workflowUrl",
        "rows",
        "status",
        "output",
    ];
    let words = names.map(|name| (name.to_owned(), Value::from(format!("({name} of {made})"))));
    Value::Object(words.into_iter().collect())
}

/// The texts of an action that are filled.
fn templates(action: &Action) -> Map<String, Value> {
    let value = match action {
        Action::Launch(item) | Action::Dataset(item) | Action::Studio(item) => {
            return item.fields.clone();
        }
        // Its rows are known when its files are.
        Action::Collect(collect) => json!({"files": collect.files, "dataset": collect.dataset}),
        Action::Relaunch(relaunch) => {
            let mut fields = relaunch.fields.clone();
            fields.insert("run".to_owned(), relaunch.run.as_str().into());
            fields.insert("resume".to_owned(), relaunch.resume.into());
            return fields;
        }
        Action::Cancel(cancel) => json!({"run": cancel.run}),
        Action::Label(label) => json!({"run": label.run, "add": label.add, "remove": label.remove}),
        Action::Notify(notify) => {
            json!({"post": notify.post, "json": notify.json, "text": notify.text})
        }
        Action::Command(command) => json!({"run": command.words, "folder": command.folder}),
    };
    match value {
        Value::Object(mut fields) => {
            fields.retain(|_, value| !value.is_null());
            fields
        }
        _ => Map::new(),
    }
}
