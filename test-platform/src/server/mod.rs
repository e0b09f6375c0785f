//! The running Platform: listeners, the guard before every call, faults, inspection.

mod builder;
mod connection;
mod control;
mod faults;
mod guard;
mod inspect;
pub mod program;
mod snapshot;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

pub use builder::Builder;
pub use inspect::Received;

use crate::behaviour::make;
use crate::data::seed::behaviour::ServerSeed;
use crate::data::{BUCKET, Seed, SeedError};
use crate::schema::schema;
use crate::state::store::Store;
use crate::state::{Outcome, Pace, State, locked};
use faults::{Fault, Faults};
use guard::Gate;
use inspect::value_of;

/// The endpoint has a path, as most self-hosted Platforms' have.
pub const BASE_PATH: &str = "/api";

/// Everything that a running Platform consists of.
struct World {
    store: Store,
    state: Mutex<State>,
    gate: Mutex<Gate>,
    faults: Mutex<Faults>,
    options: Builder,
}

impl World {
    fn seed(&self, seed: Seed) -> Result<(), SeedError> {
        if seed.server != ServerSeed::default() {
            let reason = "`server` says how a Platform is started, and this one runs";
            return Err(SeedError(reason.to_owned()));
        }
        // All of a seed, or nothing.
        let (mut faults, mut state) = (locked(&self.faults), locked(&self.state));
        let (mut faults_then, mut state_then) = (faults.clone(), state.clone());
        faults_then.seed(&seed.faults)?;
        seed.sow(&mut state_then, &self.store)?;
        (*faults, *state) = (faults_then, state_then);
        locked(&self.gate).changes += 1;
        Ok(())
    }
}

/// A running Platform. It stops when this value is dropped.
pub struct TestPlatform {
    endpoint: String,
    token: String,
    world: Arc<World>,
    /// Its end of life is the servers' sign to stop.
    _running: watch::Sender<()>,
}

impl TestPlatform {
    /// Starts a Platform with the usual laboratory on any free port of loopback.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// A Platform that differs from the usual one.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The API endpoint, e.g. `http://127.0.0.1:41873/api`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The access token of the laboratory's lead or, with a seed, of its first user.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A new access token for a user, by name, e-mail address or id; `None` where there is no such user.
    pub fn token_of(&self, user: &str) -> Option<String> {
        let mut state = locked(&self.world.state);
        let id = (state.all("user"))
            .find(|known| {
                known.id == user || known.text("userName") == user || known.text("email") == user
            })?
            .number("id");
        let number = state.next_id();
        let secret = format!("token-{number}-of-{user}");
        make::token(&mut state, id, &format!("test-{number}"), secret.clone());
        Some(secret)
    }

    /// Ends a token's validity: calls with it are answered by 401 from now on. Whether it was valid.
    pub fn expire_token(&self, token: &str) -> bool {
        locked(&self.world.state).forget("token", |known| known["_secret"] == token) > 0
    }

    /// Adds what a seed says to what there is: entities, faults, the course of runs; or moves the clock.
    /// Users, organizations, teams and workspaces that there are already, by their names, are added to.
    ///
    /// # Errors
    /// If the seed names something that is not there, has something that is there already, or says how
    /// the server is to be started. Nothing has changed then.
    pub fn seed(&self, seed: Seed) -> Result<(), SeedError> {
        self.world.seed(seed)
    }

    /// Puts a file into the laboratory's bucket, as a sequencer would: `samplesheets/batch-09.csv`.
    pub fn deliver(&self, key: &str, content: impl Into<Vec<u8>>) {
        self.put_object(BUCKET, key, content);
    }

    /// Puts a file into a bucket, which need not be there yet.
    pub fn put_object(&self, bucket: &str, key: &str, content: impl Into<Vec<u8>>) {
        let content: Vec<u8> = content.into();
        self.world.store.put(bucket, key, content.into());
    }

    /// A file of a bucket.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.world
            .store
            .get(bucket, key)
            .map(|object| object.content.to_vec())
    }

    /// Moves the clock: runs advance, tokens age, schedules set actions off.
    pub fn advance(&self, by: Duration) {
        locked(&self.world.state).advance(by);
    }

    /// What the clock shows, in ISO 8601.
    pub fn now(&self) -> String {
        locked(&self.world.state).today()
    }

    /// Decides how the next run of a pipeline goes, ahead of [`every_run`](Self::every_run). Courses for
    /// one pipeline are taken in their order.
    ///
    /// `pipeline` is its name on the launchpad, the URL of a repository as a launch names it, or `*` for
    /// any.
    pub fn next_run(&self, pipeline: &str, course: Course) {
        self.set_course(pipeline, course, false);
    }

    /// Decides how every run of a pipeline goes that is launched from now on. What was said last holds.
    ///
    /// `pipeline` is as in [`next_run`](Self::next_run).
    pub fn every_run(&self, pipeline: &str, course: Course) {
        self.set_course(pipeline, course, true);
    }

    fn set_course(&self, pipeline: &str, course: Course, always: bool) {
        let course = (course.outcome, course.samples, course.pace);
        make::course(&mut locked(&self.world.state), pipeline, course, always);
    }

    /// Answers the next `times` calls of an operation with a status, without carrying them out.
    ///
    /// `operation` is an id of the API, such as `ListWorkflows`, or `*` for any. Calls that are refused
    /// for their token or their rate (401, 429) don't count.
    ///
    /// # Panics
    /// If the API has no such operation: a test that waits for it would wait in vain.
    pub fn fail_next(&self, operation: &str, times: usize, status: u16) {
        self.set_fault(operation, times, Fault::Fail(status));
    }

    /// Carries the next `times` calls of an operation out, and answers with a failure all the same.
    ///
    /// # Panics
    /// As [`fail_next`](Self::fail_next).
    pub fn act_then_fail(&self, operation: &str, times: usize, status: u16) {
        self.set_fault(operation, times, Fault::ActThenFail(status));
    }

    /// Breaks the connection of the next `times` calls of an operation, without carrying them out.
    ///
    /// # Panics
    /// As [`fail_next`](Self::fail_next).
    pub fn break_next(&self, operation: &str, times: usize) {
        self.set_fault(operation, times, Fault::Break);
    }

    /// Carries the next `times` calls of an operation out, and breaks the connection before it answers.
    ///
    /// # Panics
    /// As [`fail_next`](Self::fail_next).
    pub fn act_then_break(&self, operation: &str, times: usize) {
        self.set_fault(operation, times, Fault::ActThenBreak);
    }

    /// Puts a value into every reply of an operation from now on, at a JSON pointer: an enum value
    /// that no schema knows, a null, another type.
    ///
    /// # Panics
    /// As [`fail_next`](Self::fail_next).
    pub fn alter_replies(&self, operation: &str, pointer: &str, value: Value) {
        check_operation(operation);
        locked(&self.world.faults).alter(operation, pointer, value);
    }

    /// Answers the next `times` calls of `ListDataLinks` with 202 and an empty list, as a server does
    /// while it looks into the clouds.
    pub fn fill_data_link_cache_slowly(&self, times: usize) {
        self.set_fault("ListDataLinks", times, Fault::Pending);
    }

    fn set_fault(&self, operation: &str, times: usize, fault: Fault) {
        check_operation(operation);
        locked(&self.world.faults).add(operation, times, fault);
    }

    /// Ends all faults, and alterations of replies.
    pub fn clear_faults(&self) {
        *locked(&self.world.faults) = Faults::default();
    }

    /// The latest API calls, refused ones too, as `GET /workflow?max=100`, in the order in which they
    /// came in. Calls to the object store are not among them.
    pub fn calls(&self) -> Vec<String> {
        locked(&self.world.gate)
            .calls
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// The same calls with what is known of each.
    pub fn received(&self) -> Vec<Received> {
        locked(&self.world.gate).calls.iter().cloned().collect()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        locked(&self.world.gate).calls.clear();
    }

    /// How many calls and seeds have changed something, whatever the calls were then answered with.
    pub fn changes(&self) -> u64 {
        locked(&self.world.gate).changes
    }

    /// Everything that the Platform keeps, but for the content of buckets, by kind (`label`,
    /// `compute_env`, `run`, …), the oldest first: to compare, and to look into. Fields have the names
    /// that the API gives them; those that begin with `_` are not part of it, and may change.
    pub fn state(&self) -> Value {
        value_of(&locked(&self.world.state))
    }

    /// Writes everything to a file, with which [`Builder::state_file`] goes on.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        snapshot::write(path, &locked(&self.world.state), &self.world.store)
    }
}

fn is_operation(operation: &str) -> bool {
    operation == "*" || schema().operation(operation).is_some()
}

fn check_operation(operation: &str) {
    assert!(
        is_operation(operation),
        "the API has no operation {operation}"
    );
}

/// How a run goes.
///
/// ```
/// # use std::time::Duration;
/// # use seqera_test_platform::Course;
/// let slow_failure = Course::fails().samples(12).takes(Duration::from_secs(60));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Course {
    outcome: Outcome,
    samples: Option<usize>,
    pace: Option<Pace>,
}

impl Course {
    fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            samples: None,
            pace: None,
        }
    }

    /// It ends SUCCEEDED.
    pub fn succeeds() -> Self {
        Self::of(Outcome::Succeeded)
    }

    /// It ends FAILED, halfway through its processes.
    pub fn fails() -> Self {
        Self::of(Outcome::Failed)
    }

    /// It is RUNNING and never ends.
    pub fn never_ends() -> Self {
        Self::of(Outcome::Endless)
    }

    /// It is SUBMITTED and never starts.
    pub fn never_starts() -> Self {
        Self::of(Outcome::Stuck)
    }

    /// How many samples it works on, and so how many tasks it has.
    pub fn samples(mut self, samples: usize) -> Self {
        self.samples = Some(samples);
        self
    }

    /// How long it takes, by the Platform's clock.
    pub fn takes(mut self, time: Duration) -> Self {
        self.pace = Some(Pace::Time(time.as_millis() as i64));
        self
    }

    /// After how many calls that read it, after the first, it ends.
    pub fn polls(mut self, polls: u32) -> Self {
        self.pace = Some(Pace::Polls(polls.max(1)));
        self
    }
}

impl std::fmt::Debug for TestPlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestPlatform")
            .field("endpoint", &self.endpoint)
            .field("runs", &locked(&self.world.state).runs.len())
            .finish_non_exhaustive()
    }
}
