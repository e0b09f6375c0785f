//! What the laboratory consists of, and finding things in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use crate::api::Refusal;
use crate::life::{Outcome, Pace, Recipe, Stage};
use crate::server::Gate;
use crate::store::Store;

/// Everything that routes reach.
pub struct World {
    pub endpoint: String,
    pub pace: Pace,
    pub store: Store,
    pub laboratory: Mutex<Laboratory>,
    pub gate: Mutex<Gate>,
}

pub type Shared = Arc<World>;

impl World {
    pub fn laboratory(&self) -> MutexGuard<'_, Laboratory> {
        locked(&self.laboratory)
    }
}

/// A lock that outlives a panic of another holder: the data stays readable.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct Laboratory {
    /// When the Platform was started.
    pub opened: SystemTime,
    pub founded: SystemTime,
    pub user: Member,
    pub members: Vec<Member>,
    pub workspaces: Vec<Workspace>,
    pub teams: Vec<Team>,
    pub credentials: Vec<Credentials>,
    pub compute_envs: Vec<ComputeEnv>,
    pub labels: Vec<Label>,
    pub pipelines: Vec<Pipeline>,
    pub datasets: Vec<Dataset>,
    pub data_links: Vec<DataLink>,
    pub studios: Vec<Studio>,
    /// Oldest first.
    pub runs: Vec<Run>,
    pub last_id: u64,
}

#[derive(Clone)]
pub struct Member {
    pub member_id: i64,
    pub user_id: i64,
    pub user_name: &'static str,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub role: &'static str,
}

pub struct Workspace {
    pub id: i64,
    pub name: &'static str,
    pub full_name: &'static str,
    pub description: &'static str,
    pub visibility: &'static str,
}

pub struct Team {
    pub id: i64,
    pub name: &'static str,
    pub description: &'static str,
    /// Ids of users.
    pub members: Vec<i64>,
}

pub struct Credentials {
    pub id: &'static str,
    pub workspace: i64,
    pub name: &'static str,
    pub provider: &'static str,
    pub keys: Value,
}

pub struct ComputeEnv {
    pub id: &'static str,
    pub workspace: i64,
    pub name: &'static str,
    pub description: &'static str,
    pub platform: &'static str,
    pub region: Option<&'static str>,
    pub primary: bool,
    pub credentials: &'static str,
    pub labels: Vec<i64>,
    /// With the discriminator that names its kind.
    pub config: Value,
}

pub struct Label {
    pub id: i64,
    pub workspace: i64,
    pub name: String,
    /// Resource labels have one.
    pub value: Option<String>,
    pub is_default: bool,
    pub created: SystemTime,
}

pub struct Pipeline {
    pub id: i64,
    pub workspace: i64,
    pub name: String,
    pub description: Option<String>,
    pub icon: Option<String>,
    pub labels: Vec<i64>,
    pub launch: Launch,
    pub version: String,
    pub updated: SystemTime,
}

/// What a launch or a pipeline is configured with.
#[derive(Clone)]
pub struct Launch {
    pub id: String,
    pub created: SystemTime,
    /// The fields of a launch request as they were given.
    pub settings: Arc<Map<String, Value>>,
}

impl Launch {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.settings.get(name)?.as_str()
    }

    pub fn repository(&self) -> &str {
        self.text("pipeline").unwrap_or_default()
    }
}

pub struct Dataset {
    pub id: String,
    pub workspace: i64,
    pub name: String,
    pub description: Option<String>,
    pub linked: bool,
    pub labels: Vec<i64>,
    pub created: SystemTime,
    /// The first is version 1.
    pub versions: Vec<DatasetVersion>,
}

pub struct DatasetVersion {
    pub file_name: String,
    pub media_type: String,
    pub has_header: bool,
    pub created: SystemTime,
    pub content: Bytes,
}

pub struct DataLink {
    pub id: String,
    pub workspace: i64,
    pub name: String,
    pub description: &'static str,
    pub bucket: String,
    pub region: &'static str,
    pub credentials: &'static str,
}

pub struct Studio {
    pub session_id: &'static str,
    pub workspace: i64,
    pub name: &'static str,
    pub description: &'static str,
    pub tool: &'static str,
    pub compute_env: &'static str,
    pub switched: Switched,
}

/// When a Studio was last switched on or off; it takes a moment to obey.
#[derive(Clone, Copy)]
pub enum Switched {
    On(Instant),
    Off(Instant),
    /// Since before the Platform started.
    LongOff,
}

impl Switched {
    pub fn status(self) -> &'static str {
        const A_MOMENT: Duration = Duration::from_secs(1);
        match self {
            Self::On(since) if since.elapsed() < A_MOMENT => "starting",
            Self::On(_) => "running",
            Self::Off(since) if since.elapsed() < A_MOMENT => "stopping",
            Self::Off(_) | Self::LongOff => "stopped",
        }
    }
}

pub struct Run {
    pub id: String,
    pub workspace: i64,
    pub name: String,
    pub session_id: String,
    pub owner: i64,
    /// Runs started outside the Platform have none.
    pub launch_id: Option<String>,
    /// What it was launched with; for a run from outside, what it would have been.
    pub launch: Launch,
    pub pipeline: Option<i64>,
    pub labels: Vec<i64>,
    pub starred: bool,
    pub recipe: &'static Recipe,
    pub samples: usize,
    pub seed: u64,
    pub submitted: SystemTime,
    /// From submission to the end.
    pub length: Duration,
    pub outcome: Outcome,
    pub clock: Clock,
    /// Where in its life it was cancelled.
    pub cancelled: Option<f64>,
}

/// What moves a run through its life.
pub enum Clock {
    Past,
    Launched { at: Instant, reads: u32 },
}

impl Run {
    /// Notes that a caller looks at the run, which moves it on where the pace is one of polls.
    pub fn read(&mut self) {
        if let Clock::Launched { reads, .. } = &mut self.clock {
            *reads = reads.saturating_add(1);
        }
    }

    /// How much of its life is over: 0 at its submission, 1 at its end.
    pub fn lived(&self, pace: Pace) -> f64 {
        let lived = match self.clock {
            Clock::Past => 1.0,
            Clock::Launched { at, reads } => match pace {
                Pace::Time(length) => at.elapsed().as_secs_f64() / length.as_secs_f64().max(1e-9),
                Pace::Polls(polls) => f64::from(reads.saturating_sub(1)) / f64::from(polls),
            },
        };
        self.cancelled.unwrap_or(lived.min(1.0))
    }

    pub fn stage(&self, pace: Pace) -> Stage {
        Stage::of(self, self.lived(pace))
    }
}

impl Laboratory {
    /// A number that was not handed out before.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The workspace a call means, which the user must be a member of. The personal context is
    /// empty in this laboratory, so that its id matches nothing.
    pub fn workspace(&self, id: Option<i64>) -> Result<i64, Refusal> {
        match id {
            None => Ok(PERSONAL),
            Some(id) if self.workspaces.iter().any(|workspace| workspace.id == id) => Ok(id),
            Some(_) => Err(Refusal::forbidden(
                "User not authorized to access this workspace",
            )),
        }
    }

    pub fn workspace_name(&self, id: i64) -> Option<&'static str> {
        (self.workspaces.iter())
            .find(|workspace| workspace.id == id)
            .map(|workspace| workspace.name)
    }

    pub fn run(&self, workspace: i64, id: &str) -> Result<&Run, Refusal> {
        (self.runs.iter().rev())
            .find(|run| run.workspace == workspace && run.id == id)
            .ok_or_else(|| unknown_run(id))
    }

    pub fn run_mut(&mut self, workspace: i64, id: &str) -> Result<&mut Run, Refusal> {
        (self.runs.iter_mut().rev())
            .find(|run| run.workspace == workspace && run.id == id)
            .ok_or_else(|| unknown_run(id))
    }

    pub fn compute_env(&self, workspace: i64, id: &str) -> Option<&ComputeEnv> {
        (self.compute_envs.iter()).find(|env| env.workspace == workspace && env.id == id)
    }

    pub fn user(&self, user_id: i64) -> &Member {
        (self.members.iter())
            .find(|member| member.user_id == user_id)
            .unwrap_or(&self.user)
    }

    pub fn label(&self, id: i64) -> Option<&Label> {
        self.labels.iter().find(|label| label.id == id)
    }

    /// The labels of the ids, as they stand in pipelines, runs and datasets.
    pub fn labels_json(&self, ids: &[i64]) -> Value {
        ids.iter()
            .filter_map(|&id| self.label(id))
            .map(Label::json)
            .collect()
    }

    /// That each id is a label of the workspace.
    pub fn check_labels(&self, workspace: i64, ids: &[i64]) -> Result<(), Refusal> {
        match ids.iter().find(|&&id| {
            self.label(id)
                .is_none_or(|label| label.workspace != workspace)
        }) {
            Some(unknown) => Err(Refusal::bad_request(format!(
                "Unknown label with ID {unknown}"
            ))),
            None => Ok(()),
        }
    }
}

/// Stands for the personal context; no workspace has this id.
const PERSONAL: i64 = 0;

fn unknown_run(id: &str) -> Refusal {
    Refusal::not_found(format!("Unknown workflow with id: {id}"))
}

impl Label {
    pub fn json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "value": self.value,
            "resource": self.value.is_some(),
            "isDefault": self.is_default,
            "isDynamic": false,
            "isInterpolated": false,
            "dateCreated": iso(self.created),
        })
    }
}

impl Member {
    pub fn email(&self) -> String {
        format!("{}@open-genomics.example", self.user_name)
    }

    /// The short form in which users stand beside what they made.
    pub fn json(&self) -> Value {
        json!({
            "id": self.user_id,
            "userName": self.user_name,
            "email": self.email(),
            "avatar": null,
        })
    }
}

/// ISO 8601 with `Z`, to the second.
pub fn iso(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

/// Well-spread bits of a seed: the laboratory's data come out the same at each start.
pub fn mix(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

/// One of `choices`.
pub fn pick<T>(choices: &[T], seed: u64) -> &T {
    &choices[below(choices.len() as u64, seed) as usize]
}

/// A number from 0 up to `end`, without it.
pub fn below(end: u64, seed: u64) -> u64 {
    mix(seed) % end.max(1)
}

/// A number from 0 to 1.
pub fn fraction(seed: u64) -> f64 {
    (mix(seed) >> 11) as f64 / (1u64 << 53) as f64
}

/// A short string id, of the length of the Platform's own.
pub fn short_id(seed: u64, length: usize) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    (0..length as u64)
        .map(|place| *pick(LETTERS, mix(seed) ^ place.wrapping_mul(0x5851_F42D)) as char)
        .collect()
}

/// A UUID's form.
pub fn uuid(seed: u64) -> String {
    let (high, low) = (mix(seed), mix(seed ^ 0xFFFF));
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}
