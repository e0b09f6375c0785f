//! Why the state can't be used.

use std::fmt;

/// Why the state can't be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum StateError {
    /// Another runner is at work with the file.
    Locked(String),
    /// It is damaged. Nothing was changed in it.
    Damaged(String),
    /// It is something else, of a newer version, or of a kind that is not built in.
    Unusable(String),
    /// There is no such event, or what is asked for does not fit the condition that it is in.
    Refused(String),
    /// Another runner has taken the event over meanwhile.
    Lost,
    /// The database can't be reached, read or written.
    Database(String),
}

impl StateError {
    /// With the place of the database in front.
    pub(super) fn of(self, at: &str) -> Self {
        let told = |text| format!("the state {at}: {text}");
        match self {
            Self::Damaged(text) => Self::Damaged(told(text)),
            Self::Unusable(text) => Self::Unusable(told(text)),
            Self::Database(text) => Self::Database(told(text)),
            other => other,
        }
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(text) => write!(
                f,
                "{text}. It was left as it is: put a copy in its place, or move it away to begin anew"
            ),
            Self::Locked(text)
            | Self::Unusable(text)
            | Self::Refused(text)
            | Self::Database(text) => f.write_str(text),
            Self::Lost => f.write_str("another runner has taken the event over"),
        }
    }
}

impl std::error::Error for StateError {}

impl From<sqlx::Error> for StateError {
    fn from(error: sqlx::Error) -> Self {
        // 11 and 26 are SQLite's codes for a damaged file and for one that is no database.
        let code = match &error {
            sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()),
            _ => None,
        };
        let is_of_sqlite = matches!(&error, sqlx::Error::Database(error)
            if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some());
        match code.map(|code| code & 0xff) {
            Some(11 | 26) if is_of_sqlite => Self::Damaged(told(&error)),
            _ => Self::Database(told(&error)),
        }
    }
}

/// An error with all its causes, without repeating any.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = source.source();
    }
    text
}
