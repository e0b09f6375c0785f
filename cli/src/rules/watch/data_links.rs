//! Objects of data links: one walk a look through each data link for all rules that watch it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use seqera::Client;
use seqera::types::{DataLinkItem, DataLinkItemType};

use super::memory::Memory;
use super::settle::{Found, Settling};
use crate::kit::{Error, Result};
use crate::rules::file::DataLink;
use crate::rules::pattern::{self, Part};

/// Every so many looks, folders are looked into again whose marker is known.
const AGAIN: u64 = 12;
const BATCH: usize = 1_000;

/// A pattern of a rule in a data link.
#[derive(Debug)]
struct Watched {
    parts: Vec<Part>,
    settling: Settling,
    every: Duration,
}

/// A data link, with all rules that watch it.
#[derive(Debug)]
pub struct DataLinkWatcher {
    pub(super) client: Client,
    workspace: Option<i64>,
    name: String,
    watched: Vec<Watched>,
    looks: u64,
    next: DateTime<Utc>,
}

/// Folders that are still to be looked into, with the parts that are left of each pattern.
type Open = Vec<(String, Vec<(usize, usize)>)>;

impl DataLinkWatcher {
    /// Watches a data link of a workspace for rules, each with its name.
    pub async fn new(
        client: Client,
        workspace: Option<i64>,
        rules: &[(&str, &DataLink)],
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<Self> {
        let mut watched = Vec::new();
        let mut name = String::new();
        for (rule, link) in rules {
            name.clone_from(&link.name);
            let what = format!("{}/{}", link.name, link.path);
            let more = serde_json::json!({"data_link": link.name});
            let more = more.as_object().cloned().unwrap_or_default();
            let how = (link.settled, link.existing);
            watched.push(Watched {
                parts: pattern::parts(&link.path).map_err(Error::other)?,
                settling: Settling::new(rule, ("data-link", &what), how, more, memory).await?,
                every: link.every,
            });
        }
        Ok(Self {
            client,
            workspace,
            name,
            watched,
            looks: 0,
            next: now,
        })
    }

    /// When to look next.
    pub fn next(&self) -> DateTime<Utc> {
        let settles = self
            .watched
            .iter()
            .filter_map(|one| one.settling.next())
            .min();
        settles.map_or(self.next, |settles| settles.min(self.next))
    }

    fn every(&self) -> Duration {
        let every = self.watched.iter().map(|one| one.every).min();
        every.unwrap_or(Duration::from_secs(300))
    }

    /// Looks, if it is time. How many events are new.
    pub async fn look(&mut self, now: DateTime<Utc>, memory: &Memory) -> Result<u64> {
        let due = self.next() <= now || self.next > now + self.every();
        if !due {
            return Ok(0);
        }
        // Also where it fails: others need the calls too.
        self.next = now + self.every();
        self.looks += 1;
        let id = self.id_of(&self.name).await?;
        let mut waiting: Vec<std::collections::BTreeSet<String>> = self
            .watched
            .iter()
            .map(|one| {
                one.settling
                    .due(DateTime::<Utc>::MAX_UTC)
                    .into_iter()
                    .collect()
            })
            .collect();
        let all = (0..self.watched.len()).map(|place| (place, 0)).collect();
        let mut open: Open = vec![(String::new(), all)];
        let mut new = 0;
        while let Some((folder, states)) = open.pop() {
            let states = self.unfold(states);
            let markers = self.markers(&folder, &states);
            if let Some(markers) = &markers
                && !(self.looks + hash(&folder)).is_multiple_of(AGAIN)
                && self.are_known(markers, memory).await?
            {
                continue;
            }
            let mut found: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
            let mut items = self.list(&id, &folder);
            while let Some(item) = items.try_next().await? {
                let name = item.name.unwrap_or_default();
                let is_folder = name.ends_with('/') || item.type_ == Some(DataLinkItemType::Folder);
                let name = name.trim_matches('/');
                if name.is_empty() {
                    continue;
                }
                let path = match folder.as_str() {
                    "" => name.to_owned(),
                    folder => format!("{folder}/{name}"),
                };
                let mut below = Vec::new();
                for (place, at) in &states {
                    let parts = &self.watched[*place].parts[*at..];
                    match (parts, is_folder) {
                        ([Part::Folders, ..], true) => below.push((*place, *at)),
                        ([part, _, ..], true) if part.fits(OsStr::new(name)) => {
                            below.push((*place, at + 1));
                        }
                        ([part], false) if part.fits(OsStr::new(name)) => {
                            let size = u64::try_from(item.size.unwrap_or_default()).unwrap_or(0);
                            found.entry(*place).or_default().push(Found {
                                path: path.clone(),
                                size,
                                // All that the list tells.
                                version: size.to_string(),
                                modified: None,
                            });
                        }
                        _ => {}
                    }
                }
                if !below.is_empty() {
                    open.push((path, below));
                }
                for (place, batch) in &mut found {
                    if batch.len() >= BATCH {
                        new += self.watched[*place]
                            .take(batch, &mut waiting[*place], now, memory)
                            .await?;
                    }
                }
            }
            drop(items);
            for (place, mut batch) in found {
                new += self.watched[place]
                    .take(&mut batch, &mut waiting[place], now, memory)
                    .await?;
            }
        }
        for (one, gone) in self.watched.iter_mut().zip(waiting) {
            let gone: Vec<_> = gone.into_iter().collect();
            one.settling.gone(&gone, memory).await?;
            one.settling.looked(now, memory).await?;
        }
        Ok(new)
    }

    /// What each pattern wants of a folder: `**` also stands for no folder.
    fn unfold(&self, states: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        for (place, mut at) in states {
            loop {
                if !all.contains(&(place, at)) {
                    all.push((place, at));
                }
                match self.watched[place].parts.get(at) {
                    Some(Part::Folders) => at += 1,
                    _ => break,
                }
            }
        }
        all
    }

    /// The paths that are wanted of a folder, if only some single files are.
    fn markers(&self, folder: &str, states: &[(usize, usize)]) -> Option<Vec<(usize, String)>> {
        let marker = |(place, at): &(usize, usize)| match &self.watched[*place].parts[*at..] {
            [Part::Name(name)] if !folder.is_empty() => Some((*place, format!("{folder}/{name}"))),
            _ => None,
        };
        states.iter().map(marker).collect()
    }

    async fn are_known(&self, markers: &[(usize, String)], memory: &Memory) -> Result<bool> {
        for (place, path) in markers {
            if !self.watched[*place].settling.is_told(path, memory).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn list(
        &self,
        id: &str,
        folder: &str,
    ) -> std::pin::Pin<Box<dyn futures_util::Stream<Item = seqera::Result<DataLinkItem>> + Send>>
    {
        match folder {
            "" => {
                let call = self.client.explore_data_link().data_link_id(id);
                Box::pin(call.workspace_id(self.workspace).stream())
            }
            folder => {
                let call = self.client.explore_data_link_with_path().data_link_id(id);
                Box::pin(call.path(folder).workspace_id(self.workspace).stream())
            }
        }
    }

    async fn id_of(&self, name: &str) -> Result<String> {
        let call = self.client.list_data_links().workspace_id(self.workspace);
        let mut links = call.search(name).stream();
        while let Some(link) = links.try_next().await? {
            if [&link.name, &link.id]
                .iter()
                .any(|text| text.as_deref() == Some(name))
            {
                return Ok(link.id.unwrap_or_default());
            }
        }
        Err(Error::other(format!("there is no data link `{name}`")))
    }
}

impl Watched {
    async fn take(
        &mut self,
        batch: &mut Vec<Found>,
        waiting: &mut std::collections::BTreeSet<String>,
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<u64> {
        let batch = std::mem::take(batch);
        for found in &batch {
            waiting.remove(&found.path);
        }
        self.settling.take(&batch, now, memory).await
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish() % AGAIN
}
