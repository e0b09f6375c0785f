//! Those who take events: what keeps two from the same.

use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::event::COLUMNS;
use super::{Event, Kind, Result, State, StateError, millis, schema, time_of};

/// Somebody who takes events.
#[derive(Clone, Debug)]
pub struct Runner {
    name: Arc<str>,
    lease: Duration,
    /// The lock of a file that only one may work with. It ends with the last of its copies.
    _lock: Option<Arc<File>>,
}

impl Runner {
    /// The name that others see.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long others believe that it is at work after it has last said so.
    pub fn lease(&self) -> Duration {
        self.lease
    }
}

impl State {
    /// A new runner, under a name that no other has. A file takes only one at a time; in PostgreSQL the
    /// events of one that has not told [`still_here`](Self::still_here) for `lease` are taken over.
    ///
    /// # Errors
    /// Another runner is at work with the file, or the database is damaged or can't be written.
    pub async fn runner(&self, name: &str, lease: Duration) -> Result<Runner> {
        let lock = match self.kind {
            Kind::Postgres => None,
            Kind::Sqlite => Some(Arc::new(lock(&self.at).await?)),
        };
        schema::check_pages(self).await?;
        let runner = Runner {
            name: name.into(),
            lease,
            _lock: lock,
        };
        if self.kind == Kind::Sqlite {
            // Whoever had it before is no more.
            let mut writing = self.begin().await?;
            for text in [
                "DELETE FROM runners",
                "UPDATE events SET runner = NULL WHERE runner IS NOT NULL",
            ] {
                sqlx::query(text).execute(&mut *writing.transaction).await?;
            }
            writing.commit().await?;
        }
        self.still_here(&runner).await?;
        Ok(runner)
    }

    /// The time by which runners believe each other: of the database, where they are on several machines.
    pub(super) fn lease_clock(&self) -> String {
        match self.kind {
            Kind::Sqlite => millis(Utc::now()).to_string(),
            Kind::Postgres => {
                "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)".to_owned()
            }
        }
    }

    /// Tells the others that a runner is at work. To be told several times within its lease.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn still_here(&self, runner: &Runner) -> Result<()> {
        let mut writing = self.begin().await?;
        let text = format!(
            "INSERT INTO runners (name, until) VALUES ($1, {} + $2) \
             ON CONFLICT (name) DO UPDATE SET until = excluded.until",
            self.lease_clock()
        );
        let lease = i64::try_from(runner.lease.as_millis()).unwrap_or(i64::MAX / 4);
        sqlx::query(&text)
            .bind(runner.name.to_string())
            .bind(lease)
            .execute(&mut *writing.transaction)
            .await?;
        writing.commit().await
    }

    /// Tells the others that a runner has ended: what it had is theirs at once.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn leave(&self, runner: &Runner) -> Result<()> {
        let mut writing = self.begin().await?;
        for text in [
            "UPDATE events SET runner = NULL WHERE runner = $1",
            "DELETE FROM runners WHERE name = $1",
        ] {
            sqlx::query(text)
                .bind(runner.name.to_string())
                .execute(&mut *writing.transaction)
                .await?;
        }
        writing.commit().await
    }

    /// Takes the event that has been ready for the longest, of some rules: no other runner has it then,
    /// nor takes it as long as this one is at work.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn take(
        &self,
        runner: &Runner,
        rules: &[&str],
        now: DateTime<Utc>,
    ) -> Result<Option<Event>> {
        if rules.is_empty() {
            return Ok(None);
        }
        let mut writing = self.begin().await?;
        let of_rules: Vec<_> = (0..rules.len())
            .map(|number| format!("${}", number + 3))
            .collect();
        let skip_locked = match self.kind {
            Kind::Sqlite => "",
            Kind::Postgres => "FOR UPDATE SKIP LOCKED",
        };
        let text = format!(
            "UPDATE events SET runner = $1 WHERE id = (SELECT id FROM events \
             WHERE ended IS NULL AND ready <= $2 AND rule IN ({}) \
             AND (runner IS NULL OR NOT EXISTS (SELECT 1 FROM runners WHERE name = events.runner AND until > {})) \
             ORDER BY ready, id LIMIT 1 {skip_locked}) RETURNING {COLUMNS}",
            of_rules.join(", "),
            self.lease_clock(),
        );
        let mut query = sqlx::query(&text)
            .bind(runner.name.to_string())
            .bind(millis(now));
        for rule in rules {
            query = query.bind((*rule).to_owned());
        }
        let row = query.fetch_optional(&mut *writing.transaction).await?;
        let event = row.as_ref().map(Event::of).transpose()?;
        writing.commit().await?;
        Ok(event)
    }

    /// When the next event of some rules that nobody has will be ready; none if there is none.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn next_ready(&self, rules: &[&str]) -> Result<Option<DateTime<Utc>>> {
        if rules.is_empty() {
            return Ok(None);
        }
        let text = format!(
            "SELECT ready FROM events WHERE ended IS NULL AND runner IS NULL \
             AND rule IN ({}) ORDER BY ready LIMIT 1",
            super::files::places(rules.len())
        );
        let mut query = sqlx::query(&text);
        for rule in rules {
            query = query.bind((*rule).to_owned());
        }
        let row = query.fetch_optional(&self.pool).await?;
        row.map(|row| Ok(time_of(row.try_get(0)?))).transpose()
    }
}

/// How long a lock is waited for: one that ends takes a moment to let go, and so do programs that it
/// has just started.
const LETTING_GO: Duration = Duration::from_secs(1);

async fn lock(at: &str) -> Result<File> {
    let path = format!("{at}.lock");
    let told = |error: std::io::Error| StateError::Unusable(format!("{path}: {error}"));
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(told)?;
    let until = tokio::time::Instant::now() + LETTING_GO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(told(error)),
            Err(TryLockError::WouldBlock) if tokio::time::Instant::now() < until => {
                tokio::time::sleep(LETTING_GO / 20).await;
            }
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Locked(format!(
                    "another runner is at work with the state {at}: a file takes one at a time"
                )));
            }
        }
    }
}
