//! Runs of a seed.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::behaviour::Span;
use super::{SeedError, id_named, take_labels, user_id};
use crate::behaviour::launch::{filled_in, is_repository};
use crate::behaviour::recipes::run_name;
use crate::behaviour::versions;
use crate::state::{
    HOUR, Launch, Millis, Outcome, Pace, Progress, Run, SECOND, State, mix, object, short_id, uuid,
};

/// A run, over or under way.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RunSeed {
    /// Its name on the launchpad, or the URL of a repository.
    pipeline: String,
    name: Option<String>,
    id: Option<String>,
    user: Option<String>,
    #[serde(default = "succeeded")]
    outcome: Outcome,
    #[serde(default)]
    cancelled: bool,
    #[serde(default)]
    samples: Option<usize>,
    /// Since its submission.
    ago: Option<Span>,
    /// From submission to end; a run younger than that is under way.
    length: Option<Span>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    params: Option<Map<String, Value>>,
}

fn succeeded() -> Outcome {
    Outcome::Succeeded
}

impl RunSeed {
    pub(super) fn sow(self, state: &mut State, scope: i64, owner: i64) -> Result<(), SeedError> {
        let (pipeline, mut launch) = match id_named(state, "pipeline", scope, &self.pipeline) {
            Ok(id) => {
                let id: i64 = id.parse().unwrap_or_default();
                let version = versions::default_of(state, id);
                (
                    Some(id),
                    version.map(versions::launch_of).unwrap_or_default(),
                )
            }
            Err(_) if is_repository(&self.pipeline) => {
                let settings = Arc::new(object(json!({ "pipeline": self.pipeline })));
                (
                    None,
                    Launch {
                        settings,
                        ..Launch::default()
                    },
                )
            }
            Err(unknown) => return Err(unknown),
        };
        if let Some(params) = self.params {
            Arc::make_mut(&mut launch.settings).insert(
                "paramsText".to_owned(),
                json!(Value::Object(params).to_string()),
            );
        }
        let launch = filled_in(state, scope, launch);
        let mut fields = object(json!({ "labels": self.labels }));
        let labels = take_labels(state, scope, &mut fields)?;
        let owner = self
            .user
            .map(|name| user_id(state, &name))
            .transpose()?
            .unwrap_or(owner);
        let millis = |span: Span| span.0.as_millis() as Millis;
        let ago = self.ago.map_or(2 * HOUR, millis);
        let length = self.length.map_or(HOUR, millis);
        let now = state.now();
        let seed = mix(state.next_id());
        let is_endless = matches!(self.outcome, Outcome::Endless | Outcome::Stuck);
        let progress = match ago >= length && !is_endless {
            true => Progress::Over,
            false => Progress::Launched {
                pace: Pace::Time(length.max(SECOND)),
                at: now - ago,
                reads: 0,
            },
        };
        state.runs.push(Run {
            id: self.id.unwrap_or_else(|| short_id(seed, 14)),
            scope,
            name: self.name.unwrap_or_else(|| run_name(seed)),
            session_id: uuid(seed),
            owner,
            launch_id: Some(short_id(seed ^ 7, 22)),
            launch,
            pipeline,
            labels,
            stars: Vec::new(),
            samples: self.samples.unwrap_or(4),
            seed,
            submitted: now - ago,
            length,
            outcome: self.outcome,
            progress,
            cancelled: self.cancelled.then_some(0.5),
            report: None,
            extension: None,
        });
        Ok(())
    }
}
