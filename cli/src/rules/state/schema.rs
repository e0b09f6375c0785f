//! The tables, and how a database comes to have them.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use futures_util::future::BoxFuture;
use sqlx::migrate::{MigrateError, Migration, MigrationSource, MigrationType, Migrator};
use sqlx::{AnyConnection, Row};

use super::{Kind, Result, State, StateError};

/// The steps from an empty database to the tables of this version, by number. One that was released
/// is never changed.
const STEPS: [(i64, &str, &str); 1] =
    [(1, "events, files and watchers", include_str!("schema.sql"))];

/// By this number in the header of a SQLite file its program is known.
const APPLICATION: i64 = 0x7365_7163;

#[derive(Debug)]
struct Steps;

impl MigrationSource<'static> for Steps {
    fn resolve(
        self,
    ) -> BoxFuture<'static, std::result::Result<Vec<Migration>, sqlx::error::BoxDynError>> {
        let steps = STEPS.into_iter().map(|(version, what, sql)| {
            let (what, sql) = (Cow::Borrowed(what), Cow::Borrowed(sql));
            Migration::new(version, what, MigrationType::Simple, sql, false)
        });
        let steps = steps.collect();
        Box::pin(async { Ok(steps) })
    }
}

/// Refuses files that are no databases, before anything opens them for writing.
pub fn check_file(path: &Path) -> Result<()> {
    let told = |error: std::io::Error| {
        StateError::Unusable(format!(
            "the state {} can't be read: {error}",
            path.display()
        ))
    };
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(told(error)),
    };
    let mut head = Vec::new();
    file.by_ref()
        .take(16)
        .read_to_end(&mut head)
        .map_err(told)?;
    match head.is_empty() || head == b"SQLite format 3\0" {
        true => Ok(()),
        false => Err(StateError::Damaged(format!(
            "the state {} is no database of SQLite",
            path.display()
        ))),
    }
}

/// Brings a database to the tables of this version.
pub async fn bring_up(state: &State) -> Result<()> {
    let migrator = Migrator::new(Steps).await.map_err(of_migration)?;
    match state.kind {
        Kind::Sqlite => {
            let mut writing = state.begin().await?;
            is_ours(&mut writing.transaction).await?;
            let done = migrator.run_direct(&mut *writing.transaction).await;
            done.map_err(of_migration)?;
            writing.commit().await
        }
        // It has a lock of its own for this.
        Kind::Postgres => migrator.run(&state.pool).await.map_err(of_migration),
    }
}

/// Refuses a file of another program, and one that is damaged; marks a new one.
async fn is_ours(connection: &mut AnyConnection) -> Result<()> {
    let number = |row: sqlx::any::AnyRow| row.try_get::<i64, _>(0);
    let tables = sqlx::query("SELECT COUNT(*) FROM sqlite_master").fetch_one(&mut *connection);
    let tables = number(tables.await?)?;
    let application = sqlx::query("PRAGMA application_id").fetch_one(&mut *connection);
    let application = number(application.await?)?;
    if tables == 0 {
        let mark = format!("PRAGMA application_id = {APPLICATION}");
        sqlx::query(&mark).execute(&mut *connection).await?;
        return Ok(());
    }
    if application != APPLICATION {
        let text = "it is a database of another program";
        return Err(StateError::Unusable(text.to_owned()));
    }
    Ok(())
}

/// Looks through a whole SQLite file.
pub async fn check_pages(state: &State) -> Result<()> {
    if state.kind != Kind::Sqlite {
        return Ok(());
    }
    let row = sqlx::query("PRAGMA quick_check(1)").fetch_one(&state.pool);
    let found: String = row.await?.try_get(0)?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(StateError::Damaged(found.trim().to_owned()).of(&state.at)),
    }
}

fn of_migration(error: MigrateError) -> StateError {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) => StateError::Unusable(
            "it is of another version of this program, perhaps a newer one".to_owned(),
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => StateError::Database(other.to_string()),
    }
}
