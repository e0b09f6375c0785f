//! `rules plan`: what would fire now, and what would come of it.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{File, Plan, watchers};
use crate::context::{Connector, Context};
use crate::exit::{Exit, Result};
use crate::kit::Platform;
use crate::output::{Answer, View};
use crate::rules::actions::{Outcome, launch};
use crate::rules::file::{Action, Rule, Step};
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
        let connect = connector(context);
        let mut watchers = watchers(context, &connect, &rules, None, memory.clone(), clock).await?;
        let looked = watchers.look().await;
        let mut seen: Vec<Seen> = memory.would();
        let ids: Vec<String> = seen.iter().map(|one| id_of(&one.rule, &one.key)).collect();
        let known = state.noted(&ids).await?;
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
        let mut requests = Requests::new(context, &connect, &rules);
        let mut events: Vec<Value> = Vec::new();
        for (state, name, key, data) in new.chain(old) {
            if let Some(rule) = rules.get(name) {
                events.push(planned(rule, state, key, data, &mut requests).await);
            }
        }
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
                let request = &action["request"];
                let word = |name: &str| request[name].as_str().unwrap_or_default();
                let _ = match request.is_object() {
                    true => writeln!(
                        text,
                        "    {} {} {}",
                        word("method"),
                        word("url"),
                        request["body"]
                    ),
                    false => writeln!(text, "    {action}"),
                };
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

/// What makes clients; where none can be made, the events can still be told.
fn connector(context: &Context) -> Connector {
    context.connector().unwrap_or_else(|failure| {
        let text = failure.text().to_owned();
        Arc::new(move || Err(text.clone()))
    })
}

/// The requests of launches, worked out with calls that only read.
struct Requests<'a> {
    rules: &'a File,
    platform: Option<Platform>,
    workspace: String,
    /// How many are still worked out: each takes some calls.
    left: usize,
}

impl<'a> Requests<'a> {
    fn new(context: &Context, connect: &Connector, rules: &'a File) -> Self {
        Self {
            rules,
            platform: connect().ok().map(|client| Platform::new(client.dry_run())),
            workspace: context.default_workspace().unwrap_or_default().to_owned(),
            left: 20,
        }
    }

    /// The request of a launch, or why there is none.
    async fn of(
        &mut self,
        rule: &Rule,
        step: &Step,
        event: (&str, usize),
        data: &Value,
    ) -> Option<Value> {
        let platform = self.platform.as_ref().filter(|_| self.left > 0)?;
        self.left -= 1;
        let workspace = rule.workspace.as_deref().unwrap_or(&self.workspace);
        match launch::request(
            platform,
            workspace,
            (self.rules, &rule.name),
            step,
            event,
            data,
        )
        .await
        {
            Ok(request) => Some(request),
            Err(Outcome::Nobody(why)) => {
                // Neither is it for the next one.
                self.platform = None;
                Some(why.into())
            }
            Err(outcome) => Some(outcome.text().into()),
        }
    }
}

/// What would come of an event. What its actions make is not known yet, and stands in words.
async fn planned(
    rule: &Rule,
    state: &str,
    key: &str,
    data: &Value,
    requests: &mut Requests<'_>,
) -> Value {
    let mut data = rule.data(data, &[]);
    let mut event = json!({"rule": rule.name, "key": key, "state": state});
    match rule.when.as_ref().map(|when| when.holds(&data)) {
        Some(Ok(false)) => event["not"] = "`when` does not hold".into(),
        Some(Err(wrong)) => event["not"] = wrong.to_string().into(),
        None | Some(Ok(true)) => {}
    }
    if event.get("not").is_some() {
        return event;
    }
    let id = id_of(&rule.name, key);
    let mut actions = Vec::new();
    for (number, step) in rule.then.iter().enumerate() {
        let (word, fields) = (step.action.word(), templates(&step.action));
        let filled = template::fill_map(&fields, &data);
        let mut action = match &filled {
            Ok(filled) => json!({word: filled}),
            Err(wrong) => json!({word: {"error": wrong.to_string()}}),
        };
        if filled.is_ok()
            && step.action.makes_run()
            && let Some(request) = requests.of(rule, step, (&id, number), &data).await
        {
            action["request"] = request;
        }
        actions.push(action);
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
