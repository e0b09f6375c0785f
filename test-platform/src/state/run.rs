//! Runs: what is kept of one. What can be seen of it at a moment follows from that (`behaviour::life`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Millis;

/// What makes launched runs advance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Pace {
    /// Time: how long a life takes.
    Time(Millis),
    /// Calls that read the run: how many after the first until the end.
    Polls(u32),
}

impl Pace {
    /// How long the life of a launched run is said to have been.
    pub fn length(self) -> Millis {
        match self {
            Self::Time(length) => length,
            Self::Polls(polls) => Millis::from(polls) * 1000,
        }
    }
}

/// How a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Succeeded,
    Failed,
    /// It doesn't end: it runs on, whatever time passes.
    Endless,
    /// It waits for its compute environment and is never more than submitted.
    Stuck,
}

/// What a launch or a pipeline is configured with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Launch {
    pub id: String,
    pub created: Millis,
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

#[derive(Clone, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    pub scope: i64,
    pub name: String,
    pub session_id: String,
    pub owner: i64,
    /// Runs started outside the Platform have none.
    pub launch_id: Option<String>,
    /// What it was launched with; for a run from outside, what it would have been.
    pub launch: Launch,
    pub pipeline: Option<i64>,
    pub labels: Vec<i64>,
    /// Users who gave it a star.
    pub stars: Vec<i64>,
    pub samples: usize,
    pub seed: u64,
    pub submitted: Millis,
    /// From submission to the end.
    pub length: Millis,
    pub outcome: Outcome,
    pub progress: Progress,
    /// Where in its life it was cancelled.
    pub cancelled: Option<f64>,
    /// What Nextflow reported of it, for a run that came by the trace operations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
    /// What extends it: `schedRunId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// What moves a run through its life.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Progress {
    Over,
    /// With time, by the Platform's clock, or with each call that reads it.
    Launched {
        pace: Pace,
        at: Millis,
        reads: u32,
    },
}

/// What the trace operations told of a run.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Report {
    pub workflow: Map<String, Value>,
    pub tasks: Vec<Value>,
    pub progress: Value,
    pub metrics: Vec<Value>,
    pub begun: bool,
    pub completed: bool,
}

impl Run {
    /// Whether it was launched from what this id launches.
    pub fn is_of(&self, launch: &Value) -> bool {
        launch.is_string() && self.launch.settings.get("id") == Some(launch)
    }

    /// Notes that a caller looks at the run, which moves it on where the pace is one of polls.
    pub fn read(&mut self) {
        if let Progress::Launched { reads, .. } = &mut self.progress {
            *reads = reads.saturating_add(1);
        }
    }

    /// How much of its life is over: 0 at its submission, 1 at its end.
    pub fn lived(&self, now: Millis) -> f64 {
        let lived = match self.progress {
            Progress::Over => 1.0,
            Progress::Launched { pace, at, reads } => match pace {
                Pace::Time(length) => (now - at) as f64 / (length.max(1)) as f64,
                Pace::Polls(polls) => f64::from(reads.saturating_sub(1)) / f64::from(polls.max(1)),
            },
        };
        let longest = match self.outcome {
            Outcome::Succeeded | Outcome::Failed => 1.0,
            Outcome::Endless => 0.9,
            Outcome::Stuck => 0.05,
        };
        self.cancelled.unwrap_or(lived.clamp(0.0, longest))
    }
}
