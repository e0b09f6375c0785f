//! The access token, and where it comes from.

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::{Error, Result};

/// A personal access token. Its `Debug` shows nothing of it, and it has no `Display`.
///
/// In a configuration file it is the token itself, or says where it is kept:
///
/// ```
/// # use seqera::AccessToken;
/// for text in [
///     r#""eyJ0aWQiOiAxfQ==""#,
///     r#"{"file": "/run/secrets/seqera"}"#,
///     r#"{"command": ["pass", "show", "seqera"]}"#,
/// ] {
///     let token: AccessToken = serde_json::from_str(text)?;
/// }
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct AccessToken(Source);

#[derive(Clone)]
enum Source {
    Text(String),
    File(PathBuf),
    Command(OsString, Vec<OsString>),
}

impl AccessToken {
    /// The token in a file, without the line break at its end. It is read when the client is built.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self(Source::File(path.into()))
    }

    /// The token that a command writes to its standard output, without the line break at its end.
    /// It runs, and is waited for, when the client is built.
    pub fn from_command(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item: Into<OsString>>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self(Source::Command(program.into(), arguments))
    }

    /// The text. Errors show nothing of what was read.
    pub(super) fn read(&self) -> Result<String> {
        let text = match &self.0 {
            Source::Text(text) => return Ok(text.clone()),
            Source::File(path) => std::fs::read_to_string(path).map_err(|error| {
                let text = format!("the access token could not be read from {}", path.display());
                Error::configuration(text).caused_by(error)
            })?,
            Source::Command(program, arguments) => run(program, arguments)?,
        };
        Ok(text.trim_end_matches(['\n', '\r']).to_owned())
    }
}

fn run(program: &OsString, arguments: &[OsString]) -> Result<String> {
    let complain = |what: String| {
        let program = program.to_string_lossy();
        Error::configuration(format!("the access token's command `{program}` {what}"))
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| complain("could not be run".to_owned()).caused_by(error))?;
    if !output.status.success() {
        return Err(complain(format!("failed: {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| complain("wrote no text".to_owned()))
}

impl<T: Into<String>> From<T> for AccessToken {
    fn from(token: T) -> Self {
        Self(Source::Text(token.into()))
    }
}

impl FromStr for AccessToken {
    type Err = Infallible;

    fn from_str(token: &str) -> Result<Self, Infallible> {
        Ok(token.into())
    }
}

impl<'de> Deserialize<'de> for AccessToken {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            File { file: PathBuf },
            Command { command: Vec<String> },
        }
        let wrong = "a token is text, `file` with a path, or `command` with a program and its \
                     arguments";
        // Not the cause, which could quote the token.
        match Written::deserialize(deserializer) {
            Ok(Written::Text(text)) => Ok(text.into()),
            Ok(Written::File { file }) => Ok(Self::from_file(file)),
            Ok(Written::Command { command }) => match command.as_slice() {
                [program, arguments @ ..] => Ok(Self::from_command(program, arguments)),
                [] => Err(serde::de::Error::custom(wrong)),
            },
            Err(_) => Err(serde::de::Error::custom(wrong)),
        }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_files_and_commands_and_show_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "t0ken-s3cret\n").unwrap();
        let read: Result<_> = AccessToken::from_file(&path).read();
        assert_eq!(read.unwrap(), "t0ken-s3cret");
        let json = serde_json::json!({ "file": path });
        let token: AccessToken = serde_json::from_value(json).unwrap();
        assert_eq!(token.read().unwrap(), "t0ken-s3cret");
        assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
        std::fs::remove_file(&path).unwrap();
        let missing = token.read().unwrap_err().to_string();
        assert!(missing.contains("could not be read from"), "{missing}");

        let token: AccessToken = serde_json::from_str(r#""t0ken""#).unwrap();
        assert_eq!(token.read().unwrap(), "t0ken");
        for wrong in [r#"{"command": []}"#, r#"["t0ken-s3cret"]"#, "7"] {
            let error = serde_json::from_str::<AccessToken>(wrong).unwrap_err();
            assert!(error.to_string().contains("a token is text"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_command_writes_the_token_or_its_failure_is_told() {
        let json = r#"{"command": ["printf", "%s\n", "t0ken"]}"#;
        let token: AccessToken = serde_json::from_str(json).unwrap();
        assert_eq!(token.read().unwrap(), "t0ken");
        let failing = AccessToken::from_command("sh", ["-c", "echo s3cret; exit 3"]);
        let error = failing.read().unwrap_err().to_string();
        assert!(
            error.contains("`sh` failed") && !error.contains("s3cret"),
            "{error}"
        );
        let none: [&str; 0] = [];
        let missing = AccessToken::from_command("/no/such/program", none);
        assert!(
            missing
                .read()
                .unwrap_err()
                .to_string()
                .contains("could not be run")
        );
    }
}
