//! What is wrong with files, and where; and why something could not be done.

use std::fmt;
use std::sync::Arc;

use crate::exit::{Failure, Kind};

/// A place in a text, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// A place in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file, as it was named; `-` is standard input.
    pub file: Arc<str>,
    /// Where in it.
    pub mark: Mark,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.mark.line, self.mark.column)
    }
}

/// A mistake in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What it is, and what to do.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Why something could not be done.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The files are wrong: all mistakes that were found.
    Invalid(Vec<Problem>),
    /// The Platform refused, or could not be reached.
    Platform(Box<seqera::Error>),
    /// The Platform has changed since the plan was made.
    Changed(String),
    /// Somebody else is at work.
    Locked(String),
    /// Something else, in words.
    Other(String),
}

/// A result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(problems) => {
                let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
            Self::Platform(error) => {
                write!(f, "{error}")?;
                let mut cause = std::error::Error::source(error.as_ref());
                while let Some(source) = cause {
                    write!(f, ": {source}")?;
                    cause = source.source();
                }
                Ok(())
            }
            Self::Changed(text) | Self::Locked(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Platform(error) => Some(error),
            _ => None,
        }
    }
}

impl Error {
    /// An error in words.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into())
    }

    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Platform(error) if error.is_conflict())
    }

    /// Whether a run may have been launched all the same.
    pub(crate) fn may_have_launched(&self) -> bool {
        let operation = match self {
            Self::Platform(error) => error.operation(),
            _ => None,
        };
        self.is_unclear() && operation == Some("create_workflow_launch")
    }

    /// Whether the call may have been carried out all the same.
    pub(crate) fn is_unclear(&self) -> bool {
        match self {
            Self::Platform(error) => {
                error.is_retryable()
                    || error.is_conflict()
                    || error.is_timeout()
                    || error.is_connect()
                    || error.status().is_none_or(|status| status.as_u16() >= 500)
            }
            _ => false,
        }
    }
}

impl From<Box<seqera::Error>> for Error {
    fn from(error: Box<seqera::Error>) -> Self {
        Self::Platform(error)
    }
}

impl From<seqera::Error> for Error {
    fn from(error: seqera::Error) -> Self {
        Self::Platform(Box::new(error))
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::Other(failure.text().to_owned())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Platform(error) => (*error).into(),
            Error::Changed(text) => Self::new(Kind::Conflict, text),
            error => Self::failed(error.to_string()),
        }
    }
}
