//! What the Platform keeps: records of every kind, runs, objects in buckets, and the clock.

mod ids;
mod record;
mod run;
pub mod store;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use ids::{below, fraction, mix, pick, short_id, uuid};
pub use record::{Record, numbers, object};
pub use run::{Launch, Outcome, Pace, Progress, Run};

/// Milliseconds since 1970, by the Platform's clock.
pub type Millis = i64;

pub const SECOND: Millis = 1000;
pub const HOUR: Millis = 3600 * SECOND;
pub const DAY: Millis = 24 * HOUR;

/// Everything the Platform knows, but for the objects in buckets.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct State {
    #[serde(skip)]
    pub settings: Settings,
    clock: Clock,
    last_id: u64,
    /// By kind, oldest first.
    records: BTreeMap<String, Vec<Record>>,
    /// Oldest first.
    pub runs: Vec<Run>,
}

/// How this Platform was started.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where its API is.
    pub endpoint: String,
    /// What makes launched runs advance.
    pub pace: Pace,
    /// How long compute environments, Studios and actions take to come and to go.
    pub settling: Millis,
    /// How long a new run is missing in lists.
    pub listed_after: Millis,
    /// How long finished uploads take to be objects.
    pub uploads_take: Millis,
    /// Whether an update of what is versioned of a pipeline makes a draft instead of a new default.
    pub drafts: bool,
    /// Whether a launch may not bring a pipeline's parameters back that refer to others.
    pub refuses_references: bool,
    /// Quotas that are kept, by their names.
    pub quotas: BTreeMap<String, usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            pace: Pace::Time(4 * SECOND),
            settling: SECOND,
            listed_after: 0,
            uploads_take: 0,
            drafts: false,
            refuses_references: false,
            quotas: BTreeMap::new(),
        }
    }
}

/// A clock that follows the system's, or stands; both move on request.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Clock {
    ahead: Millis,
    stands_at: Option<Millis>,
}

impl State {
    pub fn now(&self) -> Millis {
        let system = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| since.as_millis() as Millis)
        };
        self.clock.stands_at.unwrap_or_else(system) + self.clock.ahead
    }

    pub fn today(&self) -> String {
        iso(self.now())
    }

    pub fn advance(&mut self, by: Duration) {
        self.clock.ahead += by.as_millis() as Millis;
    }

    pub fn stop_clock(&mut self, at: Millis) {
        self.clock = Clock {
            ahead: 0,
            stands_at: Some(at),
        };
    }

    /// A number that was not handed out before.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Makes ids start behind a number.
    pub fn number_from(&mut self, number: u64) {
        self.last_id = self.last_id.max(number);
    }

    pub fn all(&self, kind: &str) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.get(kind).into_iter().flatten()
    }

    pub fn all_mut(&mut self, kind: &str) -> impl DoubleEndedIterator<Item = &mut Record> {
        self.records.get_mut(kind).into_iter().flatten()
    }

    /// The records of a kind in a context: a workspace, an organization, a user.
    pub fn within(&self, kind: &str, scope: i64) -> impl DoubleEndedIterator<Item = &Record> {
        self.all(kind).filter(move |record| record.scope == scope)
    }

    pub fn find(&self, kind: &str, scope: i64, id: &str) -> Option<&Record> {
        self.within(kind, scope).find(|record| record.id == id)
    }

    pub fn find_mut(&mut self, kind: &str, scope: i64, id: &str) -> Option<&mut Record> {
        self.all_mut(kind)
            .find(|record| record.scope == scope && record.id == id)
    }

    /// A record by its id alone.
    pub fn known(&self, kind: &str, id: &str) -> Option<&Record> {
        self.all(kind).find(|record| record.id == id)
    }

    pub fn known_mut(&mut self, kind: &str, id: &str) -> Option<&mut Record> {
        self.all_mut(kind).find(|record| record.id == id)
    }

    /// Keeps a record; one of the same id in the same context gives way.
    pub fn keep(&mut self, kind: &str, record: Record) {
        match self.records.get_mut(kind) {
            None => {
                self.records.insert(kind.to_owned(), vec![record]);
            }
            Some(records) => records.push(record),
        }
    }

    /// Puts a record in the place of the one of its id.
    pub fn replace(&mut self, kind: &str, record: &Record) {
        if let Some(kept) = self.find_mut(kind, record.scope, &record.id) {
            *kept = record.clone();
        }
    }

    /// Forgets one record.
    pub fn forget_one(&mut self, kind: &str, record: &Record) {
        self.forget(kind, |other| {
            other.scope == record.scope && other.id == record.id
        });
    }

    /// Forgets the records that `which` names.
    pub fn forget(&mut self, kind: &str, which: impl Fn(&Record) -> bool) -> usize {
        let Some(records) = self.records.get_mut(kind) else {
            return 0;
        };
        let before = records.len();
        records.retain(|record| !which(record));
        before - records.len()
    }

    pub fn run(&self, scope: i64, id: &str) -> Option<&Run> {
        (self.runs.iter().rev()).find(|run| run.scope == scope && run.id == id)
    }

    pub fn run_mut(&mut self, scope: i64, id: &str) -> Option<&mut Run> {
        (self.runs.iter_mut().rev()).find(|run| run.scope == scope && run.id == id)
    }

    /// The workspace of a context.
    pub fn workspace(&self, scope: i64) -> Option<&Record> {
        (scope > 0).then(|| self.known("workspace", &scope.to_string()))?
    }

    /// The organization of a workspace.
    pub fn organization_of(&self, scope: i64) -> Option<&Record> {
        let organization = self.workspace(scope)?.scope;
        self.known("organization", &organization.to_string())
    }

    /// A field of the workspace's record, or null in the personal context.
    pub fn workspace_field(&self, scope: i64, name: &str) -> Value {
        self.workspace(scope)
            .map_or(Value::Null, |workspace| workspace[name].clone())
    }

    /// Id and names of the context, as they stand beside runs and pipelines.
    pub fn context(&self, scope: i64) -> Map<String, Value> {
        let organization = self.organization_of(scope);
        let of_organization =
            |name: &str| organization.map_or(Value::Null, |record| record[name].clone());
        object(json!({
            "orgId": of_organization("orgId"),
            "orgName": of_organization("name"),
            "workspaceId": (scope > 0).then_some(scope),
            "workspaceName": self.workspace_field(scope, "name"),
            "workspaceFullName": self.workspace_field(scope, "fullName"),
            "visibility": self.workspace_field(scope, "visibility"),
        }))
    }

    /// The short form in which users stand beside what they made.
    pub fn user_info(&self, user: i64) -> Value {
        match self.known("user", &user.to_string()) {
            None => Value::Null,
            Some(record) => json!({
                "id": user,
                "userName": record["userName"],
                "email": record["email"],
                "avatar": record["avatar"],
            }),
        }
    }

    /// The labels of ids, as they stand in what carries them.
    pub fn labels(&self, ids: &[i64]) -> Value {
        (ids.iter())
            .filter_map(|id| self.known("label", &id.to_string()))
            .map(|label| Value::Object(label.fields.clone()))
            .collect()
    }

    /// The records of every kind, each with where it belongs, as one value to compare.
    pub fn value_of_records(&self) -> Value {
        let records = self.records.iter().map(|(kind, records)| {
            let records = records.iter().map(|record| {
                let mut value = record.value();
                value["_scope"] = json!(record.scope);
                value
            });
            (kind.clone(), records.collect())
        });
        Value::Object(records.collect())
    }
}

/// A lock that outlives a panic of another holder: the data stays readable.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// ISO 8601 with `Z`, to the second.
pub fn iso(time: Millis) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(time.max(0) as u64);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The time that a text names: a date, or a date with a time.
pub fn parse_time(text: &str) -> Option<Millis> {
    let text = text.trim();
    let full = match text.len() {
        0..4 => return None,
        4 => format!("{text}-01-01T00:00:00Z"),
        7 => format!("{text}-01T00:00:00Z"),
        10 => format!("{text}T00:00:00Z"),
        _ if text.ends_with('Z') => text.to_owned(),
        _ => format!("{text}Z"),
    };
    let time = humantime::parse_rfc3339(&full).ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(since.as_millis() as Millis)
}
