//! What rules watch.

use std::time::Duration;

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// What a rule watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// Files of this machine.
    Files(Files),
    /// Objects of a data link.
    DataLink(DataLink),
    /// Runs that come to a status.
    Run(Run),
    /// Moments.
    Schedule(Schedule),
    /// Calls from elsewhere.
    Webhook(Webhook),
}

impl On {
    /// The word that the file has for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Files(_) => "files",
            Self::DataLink(_) => "data-link",
            Self::Run(_) => "run",
            Self::Schedule(_) => "schedule",
            Self::Webhook(_) => "webhook",
        }
    }
}

/// What becomes of what is there at the very first look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is known from then on, and nothing else.
    #[default]
    Ignore,
    /// It is taken as new.
    Launch,
}

/// Files of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The pattern of their paths: `*`, `?`, `[…]` and `{a,b}` within a name, `**` for any folders.
    pub pattern: String,
    /// How often to look, beside what the system tells.
    pub every: Duration,
    /// How long one must have stayed as it is.
    pub settled: Duration,
    /// What becomes of what is there at the first look.
    pub existing: Existing,
}

/// Objects of a data link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataLink {
    /// The data link, by name or id.
    pub name: String,
    /// The pattern of the paths in it.
    pub path: String,
    /// How often to look.
    pub every: Duration,
    /// How long one must have stayed as it is.
    pub settled: Duration,
    /// What becomes of what is there at the first look.
    pub existing: Existing,
}

/// Runs that come to a status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The pipelines: names of the launchpad, or addresses or names of repositories. Any, if empty.
    pub pipeline: Vec<String>,
    /// The statuses, in capitals. Any at which a run ends, if empty.
    pub status: Vec<String>,
    /// The labels, all of which it must have: `name`, or `name=value`.
    pub labels: Vec<String>,
    /// The exit statuses, one of which a failed task must have had. Any, if empty.
    pub exit: Vec<i64>,
    /// How often to look.
    pub every: Duration,
}

/// Moments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The five fields of cron.
    pub cron: String,
    /// The time zone, as the tz database names it.
    pub timezone: chrono_tz::Tz,
    /// What becomes of moments that passed while nobody looked.
    pub missed: Missed,
}

/// What becomes of moments that passed while nobody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// The last of them counts.
    #[default]
    Once,
    /// Each counts.
    All,
    /// None counts.
    Skip,
}

/// Calls from elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The path of the address.
    pub path: String,
    /// What senders sign with.
    pub secret: String,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Reads the five fields of cron.
///
/// # Errors
/// They are none, in words.
pub fn parse_cron(text: &str) -> Result<Cron, String> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    let cron = parser.parse(text);
    let cron = cron.map_err(|error| {
        format!("`{text}` is no schedule of five fields, such as `0 2 * * 1-5`: {error}")
    })?;
    // One that never comes, such as the 30th of February.
    match cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!("`{text}` never comes")),
    }
}
