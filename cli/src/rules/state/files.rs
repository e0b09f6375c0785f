//! Files of watched places: a table, since there may be a million of them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::{Result, State, digest, millis, time_of};

/// How many are asked for at once.
const BATCH: usize = 500;

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its version: an ETag, or size and time.
    pub version: String,
    /// Since when it has had that version, as far as it was looked at.
    pub since: DateTime<Utc>,
    /// Whether an event was made of that version, or none is to be.
    pub told: bool,
}

impl State {
    /// What is known of some files of a place, by their paths.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn known(&self, place: &str, paths: &[&str]) -> Result<HashMap<String, Known>> {
        let mut all = HashMap::with_capacity(paths.len());
        for batch in paths.chunks(BATCH) {
            let text = format!(
                "SELECT path, version, since, told FROM files WHERE id IN ({})",
                places(batch.len())
            );
            let mut query = sqlx::query(&text);
            for path in batch {
                query = query.bind(digest(&[place, path]));
            }
            for row in query.fetch_all(&self.pool).await? {
                let known = Known {
                    version: row.try_get(1)?,
                    since: time_of(row.try_get(2)?),
                    told: row.try_get::<i64, _>(3)? != 0,
                };
                all.insert(row.try_get(0)?, known);
            }
        }
        Ok(all)
    }

    /// Remembers files of a place, in one transaction.
    ///
    /// # Errors
    /// The database can't be written; then nothing is noted.
    pub async fn remember(&self, place: &str, files: &[(&str, Known)]) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let mut writing = self.begin().await?;
        for (path, known) in files {
            let text = "INSERT INTO files (id, place, path, version, since, told) \
                        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET \
                        version = excluded.version, since = excluded.since, told = excluded.told";
            sqlx::query(text)
                .bind(digest(&[place, path]))
                .bind(place.to_owned())
                .bind((*path).to_owned())
                .bind(known.version.clone())
                .bind(millis(known.since))
                .bind(i64::from(known.told))
                .execute(&mut *writing.transaction)
                .await?;
        }
        writing.commit().await
    }

    /// Forgets files of a place, so that they are new when they come again.
    ///
    /// # Errors
    /// The database can't be written.
    pub async fn forget(&self, place: &str, paths: &[&str]) -> Result<()> {
        let mut writing = self.begin().await?;
        for batch in paths.chunks(BATCH) {
            let text = format!("DELETE FROM files WHERE id IN ({})", places(batch.len()));
            let mut query = sqlx::query(&text);
            for path in batch {
                query = query.bind(digest(&[place, path]));
            }
            query.execute(&mut *writing.transaction).await?;
        }
        writing.commit().await
    }

    /// How many files of a place are known.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn count_known(&self, place: &str) -> Result<u64> {
        let row = sqlx::query("SELECT COUNT(*) FROM files WHERE place = $1")
            .bind(place.to_owned())
            .fetch_one(&self.pool)
            .await?;
        Ok(row.try_get::<i64, _>(0)?.try_into().unwrap_or(0))
    }

    /// The paths that are known of a place, some at a time, in an order of their own: those after the
    /// last one of the former call. An empty list is the end.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn known_after(
        &self,
        place: &str,
        last: Option<&str>,
        most: u32,
    ) -> Result<Vec<String>> {
        let text = "SELECT path FROM files WHERE place = $1 AND id > $2 ORDER BY id LIMIT $3";
        let rows = sqlx::query(text)
            .bind(place.to_owned())
            .bind(last.map(|path| digest(&[place, path])).unwrap_or_default())
            .bind(i64::from(most))
            .fetch_all(&self.pool)
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }
}

/// The places of so many values.
pub(super) fn places(count: usize) -> String {
    let places: Vec<_> = (1..=count).map(|number| format!("${number}")).collect();
    places.join(", ")
}
