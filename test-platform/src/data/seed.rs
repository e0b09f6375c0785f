//! What a Platform holds at the start, written down: in YAML, or as a value.

pub mod behaviour;
mod contents;
mod organization;
mod records;
mod run;

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use behaviour::{CourseSeed, FaultSeed, ServerSeed, Span};
use contents::Contents;
use organization::Organization;
use records::check_fields;

use crate::behaviour::make;
use crate::state::store::Store;
use crate::state::{Pace, State};

/// What a Platform holds at the start. The guide of this crate shows the form.
///
/// ```
/// # use seqera_test_platform::Seed;
/// let seed = Seed::from_yaml("
/// users:
///   - { userName: ada, token: token-of-ada }
/// organizations:
///   - name: acme
///     members: [{ user: ada, role: owner }]
///     workspaces:
///       - name: research
///         credentials: [{ name: aws, provider: aws }]
///         computeEnvs:
///           - { name: batch, platform: aws-batch, credentials: aws, primary: true, config: { workDir: s3://acme-work } }
///         pipelines:
///           - { name: rnaseq, launch: { pipeline: https://github.com/nf-core/rnaseq } }
///         runs:
///           - { pipeline: rnaseq, outcome: failed, ago: 2h }
/// files:
///   acme-data: { README.md: 'Reads.' }
/// ")?;
/// # Ok::<(), seqera_test_platform::SeedError>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Seed {
    users: Vec<User>,
    organizations: Vec<Organization>,
    /// By bucket and key.
    files: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) server: ServerSeed,
    pub(crate) faults: Vec<FaultSeed>,
    courses: Vec<CourseSeed>,
    /// Tokens whose validity ends.
    expired_tokens: Vec<String>,
    /// How far the clock moves, once all the rest is there.
    advance: Option<Span>,
}

/// Why a seed can't be used.
#[derive(Debug, Clone)]
pub struct SeedError(pub(crate) String);

impl fmt::Display for SeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the seed can't be used: {}", self.0)
    }
}

impl std::error::Error for SeedError {}

impl From<SeedError> for std::io::Error {
    fn from(error: SeedError) -> Self {
        Self::new(std::io::ErrorKind::InvalidInput, error)
    }
}

/// Fields beyond those that a seed treats: they are taken over as the API names them.
type More = Map<String, Value>;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    user_name: String,
    id: Option<i64>,
    token: Option<String>,
    /// What is in the user's own context.
    #[serde(default)]
    personal: Contents,
    #[serde(flatten)]
    more: More,
}

impl Seed {
    /// Reads a seed.
    ///
    /// # Errors
    /// If the text is no YAML, or has not the form of a seed.
    pub fn from_yaml(text: &str) -> Result<Self, SeedError> {
        yaml_serde::from_str(text).map_err(|error| SeedError(error.to_string()))
    }

    /// Reads a seed from a value of the same form.
    ///
    /// # Errors
    /// If it has not the form of a seed.
    pub fn from_value(value: Value) -> Result<Self, SeedError> {
        serde_json::from_value(value).map_err(|error| SeedError(error.to_string()))
    }

    /// Puts everything into the state and the store.
    pub(crate) fn sow(self, state: &mut State, store: &Store) -> Result<(), SeedError> {
        // Ids that a seed gives are small or large; those of what comes later are in between.
        state.number_from(1_000_000);
        let mut personal = Vec::new();
        for user in self.users {
            check_fields("a user", &user.more, &["UserResponseDto"])?;
            let id = match user_id(state, &user.user_name) {
                Ok(known) => known,
                Err(_) => {
                    let id = user.id.unwrap_or_else(|| state.next_id() as i64);
                    make::user_with_id(state, id, &user.user_name, None, ("", ""));
                    id
                }
            };
            if let Some(record) = state.known_mut("user", &id.to_string()) {
                record.fields.extend(user.more);
            }
            if let Some(token) = user.token {
                make::token(state, id, "seed", token);
            }
            check_fields("a user's own context", &user.personal.more, &[])?;
            personal.push((id, user.personal));
        }
        for organization in self.organizations {
            organization.sow(state, store)?;
        }
        for (user, contents) in personal {
            contents.sow(state, store, -user, user)?;
        }
        // The oldest first, as they came to be.
        state.runs.sort_by_key(|run| run.submitted);
        for (bucket, files) in self.files {
            for (key, content) in files {
                store.put(&bucket, &key, content.into());
            }
        }
        for course in self.courses {
            let pace = match (course.takes, course.polls) {
                (Some(Span(time)), _) => Some(Pace::Time(time.as_millis() as i64)),
                (None, Some(polls)) => Some(Pace::Polls(polls.max(1))),
                (None, None) => None,
            };
            let (outcome, samples) = (course.outcome, course.samples);
            make::course(
                state,
                &course.pipeline,
                (outcome, samples, pace),
                course.always,
            );
        }
        for token in &self.expired_tokens {
            if state.forget("token", |known| known["_secret"] == token.as_str()) == 0 {
                return Err(unknown("token", token));
            }
        }
        if let Some(Span(by)) = self.advance {
            state.advance(by);
        }
        Ok(())
    }
}

fn unknown(what: &str, name: &str) -> SeedError {
    SeedError(format!("there is no {what} named {name}"))
}

fn user_id(state: &State, name: &str) -> Result<i64, SeedError> {
    let user = state.all("user").find(|user| user.text("userName") == name);
    user.map(|user| user.number("id"))
        .ok_or_else(|| unknown("user", name))
}

/// The id of a record of a name in the context.
fn id_named(state: &State, kind: &str, scope: i64, name: &str) -> Result<String, SeedError> {
    let record = (state.within(kind, scope)).find(|record| record.text("name") == name);
    record
        .map(|record| record.id.clone())
        .ok_or_else(|| unknown(kind, name))
}

/// The ids of the labels that a record names.
fn take_labels(state: &State, scope: i64, fields: &mut More) -> Result<Vec<i64>, SeedError> {
    let names = fields.remove("labels").unwrap_or_default();
    (names.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .map(|name| {
            Ok(id_named(state, "label", scope, name)?
                .parse()
                .unwrap_or_default())
        })
        .collect()
}
