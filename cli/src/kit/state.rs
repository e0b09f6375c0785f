//! A file that remembers what the Platform can't tell: launches that were done, and, where that is
//! asked for, by which secrets things were made. Of secrets it holds salted fingerprints.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::kinds::fingerprint;
use super::problem::{Error, Result};
use crate::values::TextFile;

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
struct Data {
    salt: String,
    /// By key, and by what was launched.
    launches: BTreeMap<String, BTreeMap<String, Launched>>,
    /// Fingerprints, by whose secrets they are of.
    secrets: BTreeMap<String, String>,
}

/// A launch that was begun.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Launched {
    pub run_name: String,
    /// Runs of that name from before.
    pub before: Vec<String>,
    /// The run; none while nobody knows whether there is one.
    pub workflow_id: Option<String>,
}

/// The file, which nobody else writes while it is open.
#[derive(Debug)]
pub struct State {
    path: PathBuf,
    data: Data,
    remembers_secrets: bool,
    /// Its lock ends with it.
    _lock: File,
}

impl State {
    /// Opens a file, or begins a new one; `remembers_secrets` is whether fingerprints of secrets are
    /// kept in it.
    ///
    /// # Errors
    /// Another run has it open, or it can't be read.
    pub fn open(path: &Path, remembers_secrets: bool) -> Result<Self> {
        let told = |error: std::io::Error| {
            Error::other(format!("the state file {}: {error}", path.display()))
        };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let lock = File::options()
            .create(true)
            .append(true)
            .open(beside)
            .map_err(told)?;
        if lock.try_lock().is_err() {
            return Err(Error::Locked(format!(
                "another run is at work with the state file {}",
                path.display()
            )));
        }
        let mut data = match std::fs::read_to_string(path) {
            Ok(text) => serde_json::from_str::<Data>(&text).map_err(|error| {
                Error::other(format!("{} is no state file: {error}", path.display()))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Data::default(),
            Err(error) => return Err(told(error)),
        };
        if data.salt.is_empty() {
            data.salt = format!("{:016x}{:016x}", random(), random());
        }
        Ok(Self {
            path: path.to_owned(),
            data,
            remembers_secrets,
            _lock: lock,
        })
    }

    /// The run of an item that was launched under a key.
    pub(crate) fn launched(&self, key: &str, item: &Item) -> Option<&str> {
        self.begun(key, item)?.workflow_id.as_deref()
    }

    /// What is known of a launch.
    pub(crate) fn begun(&self, key: &str, item: &Item) -> Option<&Launched> {
        self.data.launches.get(key)?.get(&id_of(item))
    }

    /// Notes a launch, at once.
    pub(crate) fn note(&mut self, key: &str, item: &Item, launched: Launched) -> Result<()> {
        let of_key = self.data.launches.entry(key.to_owned()).or_default();
        of_key.insert(id_of(item), launched);
        self.save()
    }

    /// Whether an item has other secrets than those that are remembered.
    pub(crate) fn differs(&self, item: &Item) -> bool {
        let remembered = self.data.secrets.get(&id_of(item));
        remembered.is_some_and(|known| Some(known) != self.secrets_of(item).as_ref())
    }

    /// Remembers the secrets of an item that was carried out.
    pub(crate) fn remember(&mut self, item: &Item) -> Result<()> {
        let Some(secrets) = self.secrets_of(item).filter(|_| self.remembers_secrets) else {
            return Ok(());
        };
        if self
            .data
            .secrets
            .insert(id_of(item), secrets.clone())
            .as_ref()
            == Some(&secrets)
        {
            return Ok(());
        }
        self.save()
    }

    fn secrets_of(&self, item: &Item) -> Option<String> {
        let mut text = String::new();
        for key in item.kind.secret_keys {
            text.push_str(item.text(key).unwrap_or_default());
            text.push('\n');
        }
        // Files of keys are secrets too.
        for key in ["key", "private-key", "certificate"] {
            if let Some(path) = item.text(key).filter(|_| !item.kind.unreadable.is_empty()) {
                text.push_str(&TextFile(path.into()).read().unwrap_or_default());
            }
        }
        let has_some = !text.trim().is_empty();
        has_some.then(|| stretched(&self.data.salt, &text))
    }

    fn save(&self) -> Result<()> {
        let told = |error: std::io::Error| {
            Error::other(format!("{} can't be written: {error}", self.path.display()))
        };
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(told)?;
        let text = serde_json::to_string_pretty(&self.data)?;
        file.write_all(text.as_bytes()).map_err(told)?;
        file.as_file().sync_all().map_err(told)?;
        file.persist(&self.path)
            .map_err(|error| told(error.error))?;
        Ok(())
    }
}

/// A fingerprint that takes a while to try out.
fn stretched(salt: &str, text: &str) -> String {
    let first = fingerprint(format!("{salt}\n{text}").as_bytes());
    (0..20_000).fold(first, |last, _| {
        fingerprint(format!("{salt}{last}").as_bytes())
    })
}

fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Each has keys of its own, from the system.
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

fn id_of(item: &Item) -> String {
    let unnamed = item.kind.runs_always && item.text("name").is_none();
    let number = match unnamed {
        // Where it stands among the items tells it from others.
        true => format!("#{}", item.number),
        false => String::new(),
    };
    format!(
        "{} {} {}{number}",
        item.kind.block,
        item.scope(),
        item.name()
    )
}
