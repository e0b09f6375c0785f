//! The engine of rules: its state, its steps, and processes that are killed.

#[path = "engine/actions.rs"]
mod actions;
#[path = "engine/kill.rs"]
mod kill;
#[path = "engine/postgres.rs"]
mod postgres;
#[path = "engine/state.rs"]
mod state;
#[path = "engine/steps.rs"]
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use seqera::{Client, RateLimit};
use seqera_cli::kit::Place;
use seqera_cli::rules::engine::Connect;
use seqera_cli::rules::file::{Item, Limit, Webhook};
use seqera_cli::rules::state::{Condition, Event, Filter};
use seqera_cli::rules::{
    Action, Clock, Engine, On, Rule, Rules, Seen, Settings, State, Step, SystemClock,
};
use seqera_test_platform::{Builder, TestPlatform, WORKSPACE};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

const PIPELINE: &str = "nf-core-rnaseq";

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// A launch of the pipeline, with the event's `sample` as a parameter.
fn launch() -> Action {
    launch_of(json!({"pipeline": PIPELINE, "params": {"sample": "{{ event.sample }}"}}))
}

fn launch_of(keys: Value) -> Action {
    Action::Launch(Item {
        block: "launch",
        fields: fields(keys),
        place: Place::default(),
    })
}

fn rule(name: &str, actions: Vec<Action>) -> Rule {
    let step = |action| Step {
        action,
        place: Place::default(),
    };
    Rule {
        name: name.to_owned(),
        workspace: None,
        on: On::Webhook(Webhook {
            path: "/in".to_owned(),
            secret: "nobody-calls".to_owned(),
        }),
        when: None,
        limit: Limit::default(),
        then: actions.into_iter().map(step).collect(),
        place: Place::default(),
    }
}

fn rules(all: Vec<Rule>) -> Arc<Rules> {
    let mut rules = Rules::default();
    rules.rules = all;
    Arc::new(rules)
}

fn seen(rule: &str, key: &str) -> Seen {
    seen_with(rule, key, json!({"event": {"sample": key}}))
}

fn seen_with(rule: &str, key: &str, data: Value) -> Seen {
    let long_ago = DateTime::<Utc>::UNIX_EPOCH;
    Seen {
        rule: rule.to_owned(),
        key: key.to_owned(),
        data,
        at: Utc::now(),
        ready: long_ago,
    }
}

async fn platform(change: impl FnOnce(Builder) -> Builder) -> TestPlatform {
    let builder = TestPlatform::builder().runs(0).calls_per_second(None);
    change(builder.run_time(Duration::from_secs(3600)))
        .start()
        .await
        .unwrap()
}

fn client(endpoint: &str, token: &str) -> Client {
    let builder = Client::builder(token).endpoint(endpoint);
    builder.rate_limit(RateLimit::unlimited()).build().unwrap()
}

fn connect(platform: &TestPlatform) -> Connect {
    let (endpoint, token) = (platform.endpoint().to_owned(), platform.token().to_owned());
    Arc::new(move || Ok(client(&endpoint, &token)))
}

/// The settings of tests, in which nothing waits for long.
fn settings() -> Settings {
    Settings {
        workspace: Some(WORKSPACE.to_owned()),
        catch_up: Duration::from_secs(3),
        poll: Duration::from_millis(50),
        ..Settings::default()
    }
}

/// An engine at work on some rules, as a task.
struct Work {
    engine: Arc<Engine>,
    state: State,
    _rules: watch::Sender<Arc<Rules>>,
}

async fn work_with(
    state: &State,
    rules: Arc<Rules>,
    connect: Connect,
    clock: Arc<dyn Clock>,
    settings: Settings,
) -> Work {
    let runner = state.runner("test", Duration::from_secs(30)).await.unwrap();
    let (sender, receiver) = watch::channel(rules);
    Work {
        engine: Engine::new(state.clone(), runner, receiver, clock, connect, settings),
        state: state.clone(),
        _rules: sender,
    }
}

async fn work(state: &State, rules: Arc<Rules>, platform: &TestPlatform) -> Work {
    let clock = Arc::new(SystemClock);
    work_with(state, rules, connect(platform), clock, settings()).await
}

impl Work {
    /// Works until all events have ended, for a minute at most.
    async fn until_all_ended(&self) {
        let ended = async {
            while open(&self.state).await > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let bounded = async {
            tokio::time::timeout(Duration::from_secs(60), ended)
                .await
                .unwrap()
        };
        self.engine.run(bounded).await.unwrap();
    }
}

/// How many events have not ended.
async fn open(state: &State) -> u64 {
    let counts = state.counts().await.unwrap().into_iter();
    let open = counts.filter(|count| !count.condition.is_end());
    open.map(|count| count.events).sum()
}

async fn all(state: &State) -> Vec<Event> {
    let mut all = state.events(&Filter::default()).await.unwrap();
    all.sort_by(|one, other| one.key.cmp(&other.key));
    all
}

async fn only(state: &State) -> Event {
    let all = all(state).await;
    assert_eq!(all.len(), 1, "{all:#?}");
    all.into_iter().next().unwrap()
}

/// The runs of a Platform, as how many there are of each name.
async fn runs(platform: &TestPlatform) -> BTreeMap<String, usize> {
    let client = client(platform.endpoint(), platform.token());
    let workspace = client.workspace(WORKSPACE).await.unwrap();
    let list = client.list_workflows().workspace_id(workspace.id());
    let runs: Vec<_> = list.stream().try_collect().await.unwrap();
    let mut names = BTreeMap::new();
    for run in runs {
        let name = run
            .workflow
            .unwrap_or_default()
            .run_name
            .unwrap_or_default();
        *names.entry(name).or_default() += 1;
    }
    names
}

/// Each event is done, and has exactly one run; no run is of nobody.
async fn each_has_one_run(state: &State, platform: &TestPlatform, events: usize) {
    let runs = runs(platform).await;
    let events_seen = all(state).await;
    assert_eq!(events_seen.len(), events);
    for event in &events_seen {
        assert_eq!(event.condition, Condition::Done, "{event:#?}");
        let name = event.made[0]["name"].as_str().unwrap();
        assert_eq!(runs.get(name), Some(&1), "{event:#?}");
    }
    let twice: Vec<_> = runs.iter().filter(|(_, number)| **number != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(runs.len(), events);
}
