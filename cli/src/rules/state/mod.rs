//! What is known, in a database: events with their steps, files, what watchers remember. Each step of an
//! event is a transaction. SQLite in a file is for one runner; PostgreSQL is for any number, which take
//! events by row locks, and take over those of a runner that is dead.

mod event;
mod files;
mod old;
mod problem;
mod runner;
mod schema;
mod steps;
mod view;

use std::path::Path;
use std::sync::{Arc, Once};

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyPool, Connection, Row, Transaction};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::event::Seen;

pub use event::{Condition, Event, id_of};
pub use files::Known;
pub use problem::StateError;
pub use runner::Runner;
pub use steps::{Admission, MadeRun, Note};
pub use view::{Count, Filter, Happened};

type Result<T, E = StateError> = std::result::Result<T, E>;

/// The database.
#[derive(Clone, Debug)]
pub struct State {
    pool: AnyPool,
    kind: Kind,
    /// Its path, or the address without what is secret in it.
    at: Arc<str>,
    /// Whoever writes to SQLite waits here, and not in the database, which would give up.
    writing: Arc<Mutex<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sqlite,
    Postgres,
}

/// How a file is used: whole also after a loss of power.
const SETTINGS: &str =
    "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";

/// A transaction; what is not committed has not happened.
struct Writing {
    transaction: Transaction<'static, Any>,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Writing {
    async fn commit(self) -> Result<()> {
        Ok(self.transaction.commit().await?)
    }
}

impl State {
    /// Opens a database: `postgres://…`, or the path of a file, which is made if it is not there, and
    /// brought to the tables of this version.
    ///
    /// # Errors
    /// It can't be reached, is damaged, is something else, or is of a newer version.
    pub async fn open(at: &str) -> Result<Self> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        match at.starts_with("postgres://") || at.starts_with("postgresql://") {
            true => Self::postgres(at).await,
            false => Self::sqlite(Path::new(at)).await,
        }
    }

    async fn sqlite(path: &Path) -> Result<Self> {
        schema::check_file(path)?;
        // What an address would take for more than a path.
        let Some(text) = path.to_str() else {
            let text = format!("the path of the state, {}, is no Unicode", path.display());
            return Err(StateError::Unusable(text));
        };
        let mut address = String::from("sqlite:");
        for c in text.chars() {
            match c {
                '%' | '?' | '#' | '\t' | '\n' | '\r' | ' ' => {
                    address.push_str(&format!("%{:02X}", u32::from(c)));
                }
                c => address.push(c),
            }
        }
        address.push_str("?mode=rwc");
        let at: Arc<str> = text.into();
        let of_file = |error: StateError| error.of(&at);
        // A pool tells only that it has waited for long.
        let first = async {
            let mut first = sqlx::AnyConnection::connect(&address).await?;
            sqlx::Executor::execute(&mut first, SETTINGS).await?;
            first.close().await
        };
        first.await.map_err(StateError::from).map_err(of_file)?;
        let pool = AnyPoolOptions::new()
            .max_connections(4)
            // One that is made on a full disk is of no use.
            .min_connections(4)
            .idle_timeout(None)
            .max_lifetime(None)
            // One whose transaction could neither be committed nor rolled back, on a full disk, is closed.
            .before_acquire(|connection, _| {
                let is_free = !connection.is_in_transaction();
                Box::pin(async move { Ok(is_free) })
            })
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::Executor::execute(connection, SETTINGS).await?;
                    Ok(())
                })
            })
            .connect(&address);
        let pool = pool.await.map_err(StateError::from).map_err(of_file)?;
        let state = Self {
            pool,
            kind: Kind::Sqlite,
            at: at.clone(),
            writing: Arc::default(),
        };
        schema::bring_up(&state).await.map_err(of_file)?;
        Ok(state)
    }

    #[cfg(feature = "postgres")]
    async fn postgres(address: &str) -> Result<Self> {
        let at: Arc<str> = without_password(address).into();
        let of_database = |error: StateError| error.of(&at);
        let pool = AnyPoolOptions::new()
            .max_connections(8)
            .connect(address)
            .await
            .map_err(StateError::from)
            .map_err(of_database)?;
        let state = Self {
            pool,
            kind: Kind::Postgres,
            at: at.clone(),
            writing: Arc::default(),
        };
        schema::bring_up(&state).await.map_err(of_database)?;
        Ok(state)
    }

    #[cfg(not(feature = "postgres"))]
    async fn postgres(_: &str) -> Result<Self> {
        let text = "this program was built without PostgreSQL: the feature `postgres` is off";
        Err(StateError::Unusable(text.to_owned()))
    }

    /// Where it is: a path, or an address without its password.
    pub fn place(&self) -> &str {
        &self.at
    }

    /// Whether several runners may share it.
    pub fn is_shared(&self) -> bool {
        self.kind == Kind::Postgres
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Writing> {
        let (turn, statement) = match self.kind {
            // One that begins to write later may find that it can't any more.
            Kind::Sqlite => (
                Some(self.writing.clone().lock_owned().await),
                "BEGIN IMMEDIATE",
            ),
            Kind::Postgres => (None, "BEGIN"),
        };
        Ok(Writing {
            transaction: self.pool.begin_with(statement).await?,
            _turn: turn,
        })
    }

    /// Notes what is new of what was seen, together with what the watcher is to remember, in one
    /// transaction. How many are new.
    ///
    /// # Errors
    /// The database can't be written; then nothing is noted.
    pub async fn see(&self, seen: &[Seen], memory: Option<(&str, Value)>) -> Result<u64> {
        let mut writing = self.begin().await?;
        let mut new = 0;
        for one in seen {
            new += event::insert(&mut writing.transaction, one).await?;
        }
        if let Some((watcher, memory)) = memory {
            let text = "INSERT INTO memories (watcher, memory) VALUES ($1, $2) \
                        ON CONFLICT (watcher) DO UPDATE SET memory = excluded.memory";
            sqlx::query(text)
                .bind(watcher.to_owned())
                .bind(memory.to_string())
                .execute(&mut *writing.transaction)
                .await?;
        }
        writing.commit().await?;
        Ok(new)
    }

    /// What a watcher remembers; none at its very first look.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn memory(&self, watcher: &str) -> Result<Option<Value>> {
        let row = sqlx::query("SELECT memory FROM memories WHERE watcher = $1")
            .bind(watcher.to_owned())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(json_of(&row.try_get::<String, _>(0)?)?))
    }
}

/// An address as it may be told.
#[cfg(feature = "postgres")]
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let plain = rest.split(['?', '#']).next().unwrap_or_default();
    let place = plain.rsplit_once('@').map_or(plain, |(_, place)| place);
    format!("{scheme}://{place}")
}

fn json_of(text: &str) -> Result<Value> {
    serde_json::from_str(text)
        .map_err(|error| StateError::Damaged(format!("what is in it is no JSON: {error}")))
}

fn millis(time: DateTime<Utc>) -> i64 {
    time.timestamp_millis()
}

fn time_of(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// A digest of several texts, of which none runs into the next.
fn digest(parts: &[&str]) -> String {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let bytes = hasher.finalize();
    bytes
        .iter()
        .take(10)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
