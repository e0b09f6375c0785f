//! How a command ends: its exit status, and the line that tells of a failure.

use std::fmt::Write as _;

use seqera::{Error, ErrorKind};

/// The exit status of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// What was asked for is done.
    Done,
    /// The answer says that something is wrong.
    Failed,
    /// What was waited for ended otherwise than wanted.
    Otherwise,
    /// What was looked for changes is there.
    Changes,
    /// A command that was run for the user ended so.
    Of(u8),
}

/// Kinds of failures that scripts tell apart by the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Failed,
    Usage,
    Unauthorized,
    NotFound,
    Conflict,
    NoAnswer,
    /// The user ended it.
    Interrupted,
    /// A dry run came to what would change something.
    NotSent,
}

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    /// The line, as `tw` words it.
    text: String,
    /// The line with what was tried and what to do.
    advice: Option<String>,
    /// What a dry run would have sent.
    unsent: Option<serde_json::Value>,
    /// The error of the library that it tells of.
    error: Option<Box<Error>>,
}

pub type Result<T, E = Failure> = std::result::Result<T, E>;

impl Failure {
    pub fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            advice: None,
            unsent: None,
            error: None,
        }
    }

    /// The error of the library that it tells of, if it tells of one.
    pub fn into_error(self) -> Result<Box<Error>> {
        match self.error {
            Some(error) => Ok(error),
            None => Err(self),
        }
    }

    pub fn failed(text: impl Into<String>) -> Self {
        Self::new(Kind::Failed, text)
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Self::new(Kind::Usage, text)
    }

    pub fn not_found(text: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, text)
    }

    /// The line.
    pub fn text(&self) -> &str {
        self.advice.as_deref().unwrap_or(&self.text)
    }

    /// The kind of failure.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The request that a dry run would have sent, without secrets.
    pub fn unsent(&self) -> Option<serde_json::Value> {
        let mut request = self.unsent.clone()?;
        let url = request["url"].as_str().unwrap_or_default();
        // A value is a secret there, and the value of a label elsewhere.
        let of_secret = url.contains("/pipeline-secrets");
        hide(&mut request, &|name| {
            SECRETS.contains(&name) || (of_secret && name == "value")
        });
        Some(request)
    }

    /// The same failure, told in other words that the server's follow.
    pub fn told(mut self, before: &str) -> Self {
        self.text = format!("{before}: {}", self.text);
        self.advice = None;
        self
    }

    /// The line that tells of it.
    pub fn line(&self, as_tw: bool) -> &str {
        match &self.advice {
            Some(advice) if !as_tw => advice,
            _ => &self.text,
        }
    }

    /// Writes the line to standard error.
    pub fn report(&self, as_tw: bool) {
        let text = self.line(as_tw);
        if self.kind == Kind::Usage {
            anstream::eprintln!("{text}");
        } else {
            anstream::eprintln!("\n ERROR: {text}\n");
        }
    }

    /// The exit status.
    pub fn status(&self, as_tw: bool) -> u8 {
        match self.kind {
            Kind::NotSent => 0,
            Kind::Usage => 2,
            _ if as_tw => 1,
            Kind::Failed => 1,
            Kind::Unauthorized => 4,
            Kind::NotFound => 5,
            Kind::Conflict => 6,
            Kind::NoAnswer => 7,
            // As shells tell it.
            Kind::Interrupted => 130,
        }
    }
}

impl Exit {
    /// The exit status.
    pub fn status(self, as_tw: bool) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 10,
            Self::Of(status) => status,
            Self::Otherwise => {
                if as_tw {
                    1
                } else {
                    3
                }
            }
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let unsent = error
            .details()
            .filter(|_| error.kind() == ErrorKind::NotSent);
        let kind = if unsent.is_some() {
            Kind::NotSent
        } else if error.is_unauthorized() || error.is_forbidden() {
            Kind::Unauthorized
        } else if error.is_not_found() {
            Kind::NotFound
        } else if error.is_conflict() {
            Kind::Conflict
        } else if error.is_timeout() || error.is_connect() || error.is_rate_limited() {
            Kind::NoAnswer
        } else {
            Kind::Failed
        };
        let mut text = text_of(&error);
        // Wrappers look for these words, whatever the server's own are.
        for (meant, words) in [
            (error.is_not_found(), "not found"),
            (creates(&error) && error.is_conflict(), "already exists"),
        ] {
            if meant && !text.to_lowercase().contains(words) && !text.contains("already ") {
                let _ = write!(text, " ({words})");
            }
        }
        let mut advice = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(source) = cause {
            let _ = write!(advice, ": {source}");
            cause = source.source();
        }
        Self {
            kind,
            text,
            advice: Some(advice),
            unsent,
            error: Some(Box::new(error)),
        }
    }
}

/// Names of fields whose text is a secret.
const SECRETS: [&str; 11] = [
    "accessKey",
    "batchKey",
    "certificate",
    "clientSecret",
    "data",
    "passphrase",
    "password",
    "privateKey",
    "secretKey",
    "storageKey",
    "token",
];

fn hide(value: &mut serde_json::Value, is_secret: &impl Fn(&str) -> bool) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if is_secret(name) => "…".clone_into(text),
                    value => hide(value, is_secret),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| hide(value, is_secret)),
        _ => {}
    }
}

fn creates(error: &Error) -> bool {
    error
        .operation()
        .is_some_and(|name| name.starts_with("create_") || name.starts_with("validate_"))
}

fn text_of(error: &Error) -> String {
    if error.is_unauthorized() {
        return "Unauthorized. Check your access token, workspace id and tower server url."
            .to_owned();
    }
    match error.kind() {
        ErrorKind::Status => reason_of(error),
        _ => {
            let mut text = error.to_string();
            if let Some(source) = std::error::Error::source(error) {
                let _ = write!(text, ": {source}");
            }
            if error.is_connect() {
                text.push_str(
                    "\n ERROR: Connection error. Check the connection using the command 'tw info'.",
                );
            }
            text
        }
    }
}

/// The server's reason in the words of `tw`.
fn reason_of(error: &Error) -> String {
    use serde_json::Value;
    let body = serde_json::from_slice(error.body().unwrap_or_default());
    let said = match &body {
        Ok(Value::Object(fields)) => fields.get("message").and_then(Value::as_str),
        _ => Some(error.message()),
    };
    match (said, error.is_forbidden()) {
        (Some(""), false) => "error",
        (None | Some(""), true) => "Forbidden",
        (None, false) => "null",
        (Some(reason), _) => reason,
    }
    .to_owned()
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<serde_json::Error> for Failure {
    /// Options that can't be written as a request: a file that can't be read, mostly.
    fn from(error: serde_json::Error) -> Self {
        Self::failed(error.to_string())
    }
}
