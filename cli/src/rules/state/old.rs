//! Events that ended long ago, and what stays of them.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::files::places;
use super::{Result, State, millis};

/// How many are removed, or asked for, at once.
const BATCH: usize = 500;

impl State {
    /// Removes events that ended before a time, with their steps and runs. Their ids stay, so that none is
    /// carried out again when it is seen again. Those that are stuck stay, until somebody has looked; and
    /// so do those whose run counts among the ones that a rule may have at once. How many were removed.
    ///
    /// # Errors
    /// The database can't be written. What was removed until then is removed.
    pub async fn prune(&self, before: DateTime<Utc>) -> Result<u64> {
        let mut removed = 0;
        loop {
            let mut writing = self.begin().await?;
            let text = format!(
                "SELECT id FROM events WHERE ended < $1 AND state <> 'stuck' AND NOT EXISTS \
                 (SELECT 1 FROM runs WHERE runs.event = events.id AND runs.ended = 0) \
                 ORDER BY id LIMIT {BATCH}"
            );
            let rows = sqlx::query(&text)
                .bind(millis(before))
                .fetch_all(&mut *writing.transaction)
                .await?;
            let mut ids = Vec::with_capacity(rows.len());
            for row in &rows {
                ids.push(row.try_get::<String, _>(0)?);
            }
            if ids.is_empty() {
                return Ok(removed);
            }
            let places = places(ids.len());
            for text in [
                format!(
                    "INSERT INTO removed (id) SELECT id FROM events WHERE id IN ({places}) \
                     ON CONFLICT (id) DO NOTHING"
                ),
                format!("DELETE FROM steps WHERE event IN ({places})"),
                format!("DELETE FROM runs WHERE event IN ({places})"),
                format!("DELETE FROM events WHERE id IN ({places})"),
            ] {
                let mut query = sqlx::query(&text);
                for id in &ids {
                    query = query.bind(id.clone());
                }
                query.execute(&mut *writing.transaction).await?;
            }
            writing.commit().await?;
            removed += ids.len() as u64;
            if ids.len() < BATCH {
                return Ok(removed);
            }
        }
    }

    /// Which of some ids are of events that are or were noted.
    ///
    /// # Errors
    /// The database can't be read.
    pub async fn noted(&self, ids: &[String]) -> Result<BTreeSet<String>> {
        let mut noted = BTreeSet::new();
        for batch in ids.chunks(BATCH) {
            let places = places(batch.len());
            let text = format!(
                "SELECT id FROM events WHERE id IN ({places}) \
                 UNION SELECT id FROM removed WHERE id IN ({places})"
            );
            let mut query = sqlx::query(&text);
            for id in batch {
                query = query.bind(id.clone());
            }
            for row in query.fetch_all(&self.pool).await? {
                noted.insert(row.try_get(0)?);
            }
        }
        Ok(noted)
    }
}
