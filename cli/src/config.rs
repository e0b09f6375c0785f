//! The configuration file: profiles, each a Platform and an account.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};

use crate::exit::{Failure, Result};

/// The variable that names another configuration file.
pub const FILE_VARIABLE: &str = "SEQCTL_CONFIG";

/// What the configuration file holds.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The profile that is used where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    pub profiles: BTreeMap<String, Profile>,
}

/// A Platform and an account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A shell command that prints the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_command: Option<String>,
    /// The workspace that is meant where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
}

/// Where the file is: what the variable says, or the system's place for configuration.
pub fn path(variable: Option<String>) -> Result<PathBuf> {
    if let Some(path) = variable.filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    let places = etcetera::choose_base_strategy()
        .map_err(|_| Failure::failed("There is no home folder to keep a configuration file in"))?;
    Ok(places.config_dir().join("seqctl/config.yml"))
}

/// Where what is kept for a moment is.
pub fn cache() -> Option<PathBuf> {
    let places = etcetera::choose_base_strategy().ok()?;
    Some(places.cache_dir().join("seqctl"))
}

/// Writes a file that nobody else may read. It takes the old one's place at once: its rights are
/// right from the start.
pub fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let draft = path.with_extension("new");
    let _ = std::fs::remove_file(&draft);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&draft)?.write_all(content)?;
    std::fs::rename(&draft, path)
}

impl Config {
    /// Reads the file; none is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => {
                let text = format!("{} can't be read: {error}", path.display());
                return Err(Failure::failed(text));
            }
        };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        yaml_serde::from_str(&text)
            .map_err(|error| Failure::failed(format!("{} is wrong: {error}", path.display())))
    }

    /// Writes the file, which nobody else may read.
    pub fn write(&self, path: &Path) -> Result<()> {
        let complain = |error: std::io::Error| {
            Failure::failed(format!("{} can't be written: {error}", path.display()))
        };
        let text =
            yaml_serde::to_string(self).map_err(|error| Failure::failed(error.to_string()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(complain)?;
        }
        replace(path, text.as_bytes()).map_err(complain)
    }

    /// The profile of a name, or the current one.
    pub fn profile(&self, name: Option<&str>) -> Result<Profile> {
        match name.or(self.current.as_deref()) {
            None => Ok(Profile::default()),
            Some(name) => self.profiles.get(name).cloned().ok_or_else(|| {
                let known: Vec<_> = self.profiles.keys().map(String::as_str).collect();
                Failure::usage(format!(
                    "There is no profile `{name}` in the configuration file; there are: {}",
                    known.join(", ")
                ))
            }),
        }
    }
}

impl Profile {
    /// The token, from the file or from the command.
    pub fn read_token(&self) -> Result<Option<String>> {
        let Some(command) = &self.token_command else {
            return Ok(self.token.clone());
        };
        let shell = if cfg!(windows) {
            ("cmd", "/C")
        } else {
            ("sh", "-c")
        };
        let output = Command::new(shell.0)
            .args([shell.1, command])
            .stderr(std::process::Stdio::inherit())
            .output()
            .map_err(|error| Failure::failed(format!("`{command}` can't be run: {error}")))?;
        if !output.status.success() {
            return Err(Failure::failed(format!(
                "`{command}`, which prints the token, ended with {}",
                output.status
            )));
        }
        Ok(Some(
            String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        ))
    }
}
