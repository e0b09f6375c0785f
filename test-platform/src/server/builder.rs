//! How a Platform is started.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use super::connection::{Asked, Broken, Reply, listen, reply, serve};
use super::faults::Faults;
use super::guard::{Gate, answer};
use super::inspect::Received;
use super::{BASE_PATH, TestPlatform, World, snapshot};
use crate::behaviour::{make, quotas};
use crate::data::seed::behaviour::{ServerSeed, Span};
use crate::data::{self, Seed, SeedError};
use crate::schema::Shaping;
use crate::state::store::{self, Store};
use crate::state::{Millis, Pace, Settings, State, parse_time};

const TOKEN: &str = "token-of-the-test-platform";

type Log = Arc<dyn Fn(&Received) + Send + Sync>;

/// How a [`TestPlatform`] differs from the usual one.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    pub(super) latency: Duration,
    pub(super) calls_per_second: Option<usize>,
    pub(super) shaping: Shaping,
    pub(super) token_lifetime: Option<Duration>,
    pub(super) log: Option<Log>,
    pub(super) most_calls: usize,
    runs: usize,
    laboratory: bool,
    seeds: Vec<Seed>,
    port: u16,
    token: String,
    start_at: Option<String>,
    state_file: Option<PathBuf>,
    pace: Pace,
    settling: Duration,
    listed_after: Duration,
    uploads_take: Duration,
    drafts: bool,
    refuses_references: bool,
    quotas: BTreeMap<String, usize>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            calls_per_second: Some(20),
            shaping: Shaping::default(),
            token_lifetime: None,
            log: None,
            most_calls: 10_000,
            runs: 240,
            laboratory: true,
            seeds: Vec::new(),
            port: 0,
            token: TOKEN.to_owned(),
            start_at: None,
            state_file: None,
            pace: Pace::Time(4_000),
            settling: Duration::from_secs(1),
            listed_after: Duration::ZERO,
            uploads_take: Duration::ZERO,
            drafts: false,
            refuses_references: false,
            quotas: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("laboratory", &self.laboratory)
            .field("runs", &self.runs)
            .field("port", &self.port)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

fn millis(time: Duration) -> Millis {
    time.as_millis() as Millis
}

impl Builder {
    /// How long each API call takes at least. Default: no time.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// How many calls of a user any one second may hold before the answer is 429; `None` for no
    /// limit. Default: 20, as on the real Platform.
    pub fn calls_per_second(mut self, limit: impl Into<Option<usize>>) -> Self {
        self.calls_per_second = limit.into();
        self
    }

    /// How many past runs the laboratory has. Default: 240.
    pub fn runs(mut self, runs: usize) -> Self {
        self.runs = runs;
        self
    }

    /// How long a launched run takes from its submission to its end. Default: 4 seconds.
    pub fn run_time(mut self, time: Duration) -> Self {
        self.pace = Pace::Time(millis(time));
        self
    }

    /// Makes launched runs advance with each call that reads them, instead of with time: the
    /// first sees SUBMITTED, the one after another `polls` calls sees the end. From 2 on every
    /// run is seen RUNNING in between; with 1 it jumps.
    pub fn run_polls(mut self, polls: u32) -> Self {
        self.pace = Pace::Polls(polls.max(1));
        self
    }

    /// How long compute environments, Studios and actions take to come and to go. Default: 1 second.
    pub fn settle_time(mut self, time: Duration) -> Self {
        self.settling = time;
        self
    }

    /// How long a launched run is missing in lists. Default: no time.
    pub fn list_runs_after(mut self, time: Duration) -> Self {
        self.listed_after = time;
        self
    }

    /// How long an upload takes to be an object once it is finished, which is answered by 202 then.
    /// Default: no time, and 200.
    pub fn finish_uploads_after(mut self, time: Duration) -> Self {
        self.uploads_take = time;
        self
    }

    /// Makes an update of what is versioned of a pipeline a draft, as some servers do, instead of a
    /// new default version, as others do.
    pub fn draft_versions(mut self) -> Self {
        self.drafts = true;
        self
    }

    /// Refuses launches that bring a pipeline's parameters back where they refer to others (`${…}`), as
    /// some servers do.
    pub fn refuse_references(mut self) -> Self {
        self.refuses_references = true;
        self
    }

    /// Keeps a quota of organizations, by the name that `DescribeOrganizationQuotas` gives it, such as
    /// `maxTeams`: what would exceed it is answered by 400. Default: quotas are shown and not kept.
    ///
    /// # Panics
    /// If there is no quota of this name that can be kept.
    pub fn quota(mut self, name: &str, most: usize) -> Self {
        assert!(quotas::is_kept(name), "there is no quota {name} to keep");
        self.quotas.insert(name.to_owned(), most);
        self
    }

    /// How long a token is valid after its creation, by the Platform's clock. Default: for ever.
    pub fn token_lifetime(mut self, time: Duration) -> Self {
        self.token_lifetime = Some(time);
        self
    }

    /// Answers as an older server does: fields without a value are left out, some that are required
    /// today are missing, and `exit` of a task is a text.
    pub fn older_server(mut self) -> Self {
        self.shaping.older = true;
        self
    }

    /// Answers as a newer server does: every object has a field that no schema knows. For enum
    /// values and kinds that none knows, see [`TestPlatform::alter_replies`].
    pub fn newer_server(mut self) -> Self {
        self.shaping.newer = true;
        self
    }

    /// Leaves the laboratory out: there is one user, `bench-lead`, and nothing else but what seeds say.
    pub fn empty(mut self) -> Self {
        self.laboratory = false;
        self
    }

    /// Adds what a seed says. With [`empty`](Self::empty) and a seed with users, there is no other
    /// user, and the Platform's token belongs to the first.
    pub fn seed(mut self, seed: Seed) -> Self {
        self = self.behave(&seed.server);
        self.seeds.push(seed);
        self
    }

    /// Takes over what a seed says of the server.
    fn behave(mut self, server: &ServerSeed) -> Self {
        let millis = |span: Span| millis(span.0);
        self.latency = server.latency.map_or(self.latency, |span| span.0);
        if let Some(limit) = server.calls_per_second {
            self.calls_per_second = (limit > 0).then_some(limit);
        }
        let time = server.run_time.map(|span| Pace::Time(millis(span)));
        let polls = server.run_polls.map(|polls| Pace::Polls(polls.max(1)));
        self.pace = time.or(polls).unwrap_or(self.pace);
        self.settling = server.settle_time.map_or(self.settling, |span| span.0);
        self.listed_after = (server.list_runs_after).map_or(self.listed_after, |span| span.0);
        self.uploads_take = (server.finish_uploads_after).map_or(self.uploads_take, |span| span.0);
        self.token_lifetime = (server.token_lifetime.map(|span| span.0)).or(self.token_lifetime);
        self.start_at = server.clock_at.clone().or(self.start_at);
        self.shaping.older |= server.older_server;
        self.shaping.newer |= server.newer_server;
        self.drafts |= server.draft_versions;
        self.refuses_references |= server.refuse_references;
        self.quotas.extend(server.quotas.clone());
        self
    }

    /// Adds what a seed in YAML says.
    ///
    /// # Errors
    /// If the text is not a seed.
    pub fn seed_yaml(self, text: &str) -> Result<Self, SeedError> {
        Ok(self.seed(Seed::from_yaml(text)?))
    }

    /// The port of loopback to listen on. Default: any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The token that calls carry. Default: a fixed one, which [`TestPlatform::token`] gives.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = token.into();
        self
    }

    /// Sets the clock to a moment in ISO 8601, at which it stands until
    /// [`advance`](TestPlatform::advance) moves it. Default: it follows the system's clock.
    pub fn clock_at(mut self, moment: impl Into<String>) -> Self {
        self.start_at = Some(moment.into());
        self
    }

    /// Goes on with what [`TestPlatform::save`] wrote, if the file is there; seeds are left out then.
    pub fn state_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.state_file = Some(path.into());
        self
    }

    /// How many calls [`TestPlatform::calls`] remembers. Default: the latest 10,000.
    pub fn remember_calls(mut self, calls: usize) -> Self {
        self.most_calls = calls;
        self
    }

    /// Calls a function with each call once it is answered, or its connection broken.
    pub fn on_call(mut self, log: impl Fn(&Received) + Send + Sync + 'static) -> Self {
        self.log = Some(Arc::new(log));
        self
    }

    /// Starts the Platform.
    ///
    /// # Errors
    /// If the port can't be listened on, or a seed, the clock's moment or the state file can't be used.
    pub async fn start(self) -> io::Result<TestPlatform> {
        let (api, api_host) = listen(self.port).await?;
        // A port of its own makes the store another host for clients that mind where their token goes.
        let (objects, store_host) = listen(0).await?;
        let endpoint = format!("{api_host}{BASE_PATH}");
        let store = Store::new(store_host);
        let mut state = State::default();
        state.settings = Settings {
            endpoint: endpoint.clone(),
            pace: self.pace,
            settling: millis(self.settling),
            listed_after: millis(self.listed_after),
            uploads_take: millis(self.uploads_take),
            drafts: self.drafts,
            refuses_references: self.refuses_references,
            quotas: self.quotas.clone(),
        };
        if let Some(moment) = &self.start_at {
            let invalid = || {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("`{moment}` is no moment"),
                )
            };
            state.stop_clock(parse_time(moment).ok_or_else(invalid)?);
        }
        if let Some(unknown) = self.quotas.keys().find(|name| !quotas::is_kept(name)) {
            let reason = format!("there is no quota {unknown} to keep");
            return Err(SeedError(reason).into());
        }
        self.fill(&mut state, &store)?;
        let mut faults = Faults::default();
        for seed in &self.seeds {
            faults.seed(&seed.faults)?;
        }
        let token = self.token.clone();
        let world = Arc::new(World {
            store,
            state: Mutex::new(state),
            gate: Mutex::new(Gate::default()),
            faults: Mutex::new(faults),
            options: self,
        });

        let (running, stop) = watch::channel(());
        let of_api = world.clone();
        serve(api, stop.clone(), move |asked| {
            answer(of_api.clone(), asked)
        });
        let of_store = world.clone();
        serve(objects, stop, move |asked| {
            serve_object(of_store.clone(), asked)
        });
        Ok(TestPlatform {
            endpoint,
            token,
            world,
            _running: running,
        })
    }

    fn fill(&self, state: &mut State, store: &Store) -> io::Result<()> {
        match self.state_file.as_ref().filter(|path| path.exists()) {
            Some(path) => snapshot::read(path, state, store)?,
            None => self.sow(state, store)?,
        }
        let has_token = (state.all("token")).any(|known| known["_secret"] == self.token.as_str());
        if !has_token {
            let first = state.all("user").next().map_or(0, |user| user.number("id"));
            make::token(state, first, "test", self.token.clone());
        }
        Ok(())
    }

    fn sow(&self, state: &mut State, store: &Store) -> Result<(), SeedError> {
        if self.laboratory {
            data::laboratory(state, store, self.runs)?;
        }
        for seed in self.seeds.clone() {
            seed.sow(state, store)?;
        }
        if state.all("user").next().is_none() {
            state.number_from(1_000_000);
            make::user(state, data::USER, None);
        }
        Ok(())
    }
}

async fn serve_object(world: Arc<World>, asked: Asked) -> Result<Reply, Broken> {
    let uri = &asked.head.uri;
    let answered = world.store.serve(store::Asked {
        method: asked.head.method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        authorised: asked.header("authorization").is_some(),
        range: asked.header("range"),
        body: asked.body.clone(),
    });
    let headers = answered
        .headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    Ok(reply(answered.status, headers, answered.body))
}
