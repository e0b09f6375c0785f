//! What a seed says of the server's behaviour: its settings, what goes wrong, the course of runs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::state::Outcome;

/// A span such as `90s`, `2h` or `3 days`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = humantime::parse_duration(&text);
        span.map(Self)
            .map_err(|error| serde::de::Error::custom(format!("`{text}`: {error}")))
    }
}

/// What [`Builder`](crate::Builder) sets, by the same names.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServerSeed {
    pub latency: Option<Span>,
    /// 0 for no limit.
    pub calls_per_second: Option<usize>,
    pub run_time: Option<Span>,
    pub run_polls: Option<u32>,
    pub settle_time: Option<Span>,
    pub list_runs_after: Option<Span>,
    pub finish_uploads_after: Option<Span>,
    pub token_lifetime: Option<Span>,
    pub clock_at: Option<String>,
    pub older_server: bool,
    pub newer_server: bool,
    pub draft_versions: bool,
    pub refuse_references: bool,
    pub quotas: BTreeMap<String, usize>,
}

/// One thing that goes wrong: a status, a broken connection, or an altered reply.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultSeed {
    pub operation: String,
    #[serde(default = "once")]
    pub times: usize,
    pub fail: Option<u16>,
    pub act_then_fail: Option<u16>,
    #[serde(default)]
    pub r#break: bool,
    #[serde(default)]
    pub act_then_break: bool,
    /// Where an altered reply has another value, as a JSON pointer.
    pub at: Option<String>,
    #[serde(default)]
    pub value: Value,
}

fn once() -> usize {
    1
}

/// How the next run of a pipeline goes, or every one.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CourseSeed {
    pub pipeline: String,
    pub outcome: Outcome,
    pub samples: Option<usize>,
    pub takes: Option<Span>,
    pub polls: Option<u32>,
    #[serde(default)]
    pub always: bool,
}
