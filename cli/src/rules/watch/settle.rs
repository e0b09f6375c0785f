//! From what is there to what is new: files are told of once for each version, when they have settled.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::memory::Memory;
use crate::kit::Result;
use crate::rules::event::Seen;
use crate::rules::file::Existing;
use crate::rules::state::Known;

/// A file or object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path, as text.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// What changes with its content.
    pub version: String,
    /// When it was changed last, where that is known.
    pub modified: Option<DateTime<Utc>>,
}

/// The files of a rule.
#[derive(Debug)]
pub struct Settling {
    rule: String,
    /// Under which what is known of them is kept. Another pattern is another place.
    place: String,
    kind: &'static str,
    settled: Duration,
    existing: Existing,
    /// Whether nothing was looked at before.
    first: bool,
    /// What has not settled, with when it will have.
    waiting: BTreeMap<String, DateTime<Utc>>,
    /// More that events tell.
    more: Map<String, Value>,
}

impl Settling {
    /// The files of a rule; what was looked at before is known.
    pub async fn new(
        rule: &str,
        (kind, what): (&'static str, &str),
        (settled, existing): (Duration, Existing),
        more: Map<String, Value>,
        memory: &Memory,
    ) -> Result<Self> {
        let place = format!("{kind} of {rule}: {what}");
        Ok(Self {
            rule: rule.to_owned(),
            kind,
            settled,
            existing,
            first: memory.memory(&place).await?.is_none(),
            place,
            waiting: BTreeMap::new(),
            more,
        })
    }

    /// When to look at what has not settled.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        self.waiting.values().min().copied()
    }

    /// What was to have settled by now.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<String> {
        let due = self.waiting.iter().filter(|(_, time)| **time <= now);
        due.map(|(path, _)| path.clone()).collect()
    }

    /// Whether a path has not settled.
    pub fn waits(&self, path: &str) -> bool {
        self.waiting.contains_key(path)
    }

    /// Whether all is done about a path, as far as it is known.
    pub async fn is_told(&self, path: &str, memory: &Memory) -> Result<bool> {
        let known = memory.known(&self.place, &[path]).await?;
        Ok(known.get(path).is_some_and(|known| known.told))
    }

    /// Takes files that are there. How many events are new.
    pub async fn take(
        &mut self,
        found: &[Found],
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<u64> {
        let paths: Vec<_> = found.iter().map(|found| found.path.as_str()).collect();
        let known = memory.known(&self.place, &paths).await?;
        let mut seen = Vec::new();
        let mut changes = Vec::new();
        for found in found {
            let before = known.get(&found.path);
            let same = before.filter(|known| known.version == found.version);
            if same.is_some_and(|known| known.told) {
                self.waiting.remove(&found.path);
                continue;
            }
            let baseline = self.first && self.existing == Existing::Ignore && before.is_none();
            // A clock that was set back does not make it wait the longer.
            let since = same.map_or(now, |known| known.since.min(now));
            let due = since + self.settled;
            let told = baseline || due <= now;
            if told && !baseline {
                seen.push(self.event(found, now));
            }
            match told {
                true => drop(self.waiting.remove(&found.path)),
                false => drop(self.waiting.insert(found.path.clone(), due)),
            }
            let is_noted = same.is_some_and(|known| known.since == since && known.told == told);
            if !is_noted {
                let known = Known {
                    version: found.version.clone(),
                    since,
                    told,
                };
                changes.push((found.path.as_str(), known));
            }
        }
        let new = memory.see(&seen, None).await?;
        memory.remember(&self.place, &changes).await?;
        Ok(new)
    }

    /// Takes that files are gone which had not settled: they begin anew when they come again.
    pub async fn gone(&mut self, paths: &[String], memory: &Memory) -> Result<()> {
        for path in paths {
            self.waiting.remove(path);
        }
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        memory.forget(&self.place, &paths).await
    }

    /// Takes that a look has come to its end: what comes from now on is new.
    pub async fn looked(&mut self, now: DateTime<Utc>, memory: &Memory) -> Result<()> {
        if self.first {
            let note = json!({"first": now.to_rfc3339()});
            memory.see(&[], Some((&self.place, note))).await?;
            self.first = false;
        }
        Ok(())
    }

    fn event(&self, found: &Found, now: DateTime<Utc>) -> Seen {
        let (folder, name) = match found.path.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None => ("", found.path.as_str()),
        };
        let mut file = json!({
            "path": found.path,
            "name": name,
            "folder": folder,
            "folder_name": folder.rsplit('/').next().unwrap_or_default(),
            "size": found.size,
        });
        if let Some(modified) = found.modified {
            file["modified"] = modified.to_rfc3339().into();
        }
        let mut event = file.clone();
        event["kind"] = self.kind.into();
        event["version"] = found.version.clone().into();
        for value in [&mut file, &mut event] {
            if let Value::Object(fields) = value {
                fields.extend(self.more.clone());
            }
        }
        Seen {
            rule: self.rule.clone(),
            key: format!("{}@{}", found.path, found.version),
            data: json!({"event": event, "file": file}),
            at: found.modified.unwrap_or(now),
            ready: now,
        }
    }
}
