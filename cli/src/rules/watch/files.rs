//! Files of this machine: regular looks, and what the system tells in between.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use notify::{EventKind, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::memory::Memory;
use super::settle::{Found, Settling};
use crate::kit::{Error, Result};
use crate::rules::file::Files;
use crate::rules::pattern::{self, Part};

/// How many files are handed over at once: all that is held of a tree of any size.
const BATCH: usize = 1_000;
/// How many folders the system is asked to tell of, at most. Others are looked at.
const MOST_FOLDERS: usize = 8_192;

/// A pattern of a rule.
#[derive(Debug)]
struct Watched {
    files: Files,
    root: PathBuf,
    /// The root, as the system tells of it.
    told_root: PathBuf,
    parts: Vec<Part>,
    settling: Settling,
    next: DateTime<Utc>,
}

/// All patterns of files.
#[derive(Debug)]
pub struct FileWatcher {
    watched: Vec<Watched>,
    told: Option<Told>,
    /// What could not be looked into, told once.
    pub notes: BTreeSet<String>,
}

impl FileWatcher {
    /// Watches patterns of rules, each with the rule's name.
    pub async fn new(
        rules: impl IntoIterator<Item = (&str, &Files)>,
        told: Option<Told>,
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<Self> {
        let mut watched = Vec::new();
        for (rule, files) in rules {
            let (root, parts) = pattern::of_files(&files.pattern).map_err(Error::other)?;
            let how = (files.settled, files.existing);
            let what = ("files", files.pattern.as_str());
            watched.push(Watched {
                settling: Settling::new(rule, what, how, Default::default(), memory).await?,
                files: files.clone(),
                told_root: std::path::absolute(&root).unwrap_or_else(|_| root.clone()),
                root,
                parts,
                next: now,
            });
        }
        Ok(Self {
            watched,
            told,
            notes: BTreeSet::new(),
        })
    }

    /// Whether there is anything to watch.
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// When to look next.
    pub fn next(&self) -> Option<DateTime<Utc>> {
        let times = self.watched.iter();
        times
            .map(|one| {
                let settles = one.settling.next();
                settles.map_or(one.next, |settles| settles.min(one.next))
            })
            .min()
    }

    /// Waits until the system tells something; for ever where it does not.
    pub async fn told(&mut self) {
        let heard = match &mut self.told {
            Some(told) => told.hear().await,
            None => None,
        };
        match heard {
            Some(heard) => {
                if let Some(told) = &mut self.told {
                    told.heard.extend(heard);
                }
            }
            None => std::future::pending().await,
        }
    }

    /// Looks at what is due, and at what the system told. How many events are new.
    pub async fn look(&mut self, now: DateTime<Utc>, memory: &Memory) -> Result<u64> {
        let mut new = 0;
        let heard = self.told.as_mut().map(Told::take).unwrap_or_default();
        for place in 0..self.watched.len() {
            new += self.look_at_some(place, &heard, now, memory).await?;
            // A clock that was set back does not end the looks.
            let one = &mut self.watched[place];
            let due = one.next <= now || one.next > now + one.files.every;
            if due || heard.is_flooded {
                one.next = now + one.files.every;
                new += self.look_at_all(place, now, memory).await?;
            }
        }
        Ok(new)
    }

    /// Looks at single files: those that the system told of, and those that were to have settled.
    async fn look_at_some(
        &mut self,
        place: usize,
        heard: &Heard,
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<u64> {
        let one = &mut self.watched[place];
        let mut paths: BTreeMap<String, Option<PathBuf>> = BTreeMap::new();
        for path in one.settling.due(now) {
            let real = PathBuf::from(&path);
            paths.insert(path, Some(real));
        }
        for path in &heard.paths {
            let Ok(rest) = path.strip_prefix(&one.told_root) else {
                // A folder on the way to the root.
                if one.told_root.starts_with(path) {
                    one.next = now;
                }
                continue;
            };
            let names: Vec<&OsStr> = rest.iter().collect();
            if pattern::fits(&one.parts, &names) {
                // As a walk finds it.
                let path = one.root.join(rest);
                paths.insert(pattern::text_of(&path), Some(path));
            } else if path.is_dir() {
                one.next = now;
            }
        }
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        for (text, path) in paths {
            match path.as_deref().and_then(found_at) {
                Some(one) => found.push(one),
                None if one.settling.waits(&text) => gone.push(text),
                None => {}
            }
        }
        if found.is_empty() && gone.is_empty() {
            return Ok(0);
        }
        one.settling.gone(&gone, memory).await?;
        one.settling.take(&found, now, memory).await
    }

    /// Goes through all that a pattern may name.
    async fn look_at_all(
        &mut self,
        place: usize,
        now: DateTime<Utc>,
        memory: &Memory,
    ) -> Result<u64> {
        let one = &mut self.watched[place];
        let (send, mut batches) = mpsc::channel(2);
        let (root, parts) = (one.root.clone(), one.parts.clone());
        let walk = tokio::task::spawn_blocking(move || {
            let mut walk = Walk {
                send,
                found: Vec::new(),
                folders: Vec::new(),
                notes: BTreeSet::new(),
            };
            walk.at_root(&root);
            walk.below(&root, &parts);
            walk.flush();
            walk.notes
        });
        let mut waiting: BTreeSet<String> = one
            .settling
            .due(DateTime::<Utc>::MAX_UTC)
            .into_iter()
            .collect();
        let mut new = 0;
        while let Some(Batch { found, folders }) = batches.recv().await {
            if let Some(told) = &mut self.told {
                self.notes.extend(told.watch(folders));
            }
            for found in &found {
                waiting.remove(&found.path);
            }
            new += one.settling.take(&found, now, memory).await?;
        }
        let notes = walk
            .await
            .map_err(|error| Error::other(error.to_string()))?;
        let is_whole = notes.is_empty();
        self.notes.extend(notes);
        if is_whole {
            let gone: Vec<_> = waiting.into_iter().collect();
            one.settling.gone(&gone, memory).await?;
        }
        one.settling.looked(now, memory).await?;
        Ok(new)
    }
}

/// What is at a path, if it is a file.
fn found_at(path: &Path) -> Option<Found> {
    let about = std::fs::metadata(path)
        .ok()
        .filter(std::fs::Metadata::is_file)?;
    let modified = about.modified().ok().map(DateTime::<Utc>::from);
    let time = modified.map(|time| {
        let (seconds, nanos) = (time.timestamp(), time.timestamp_subsec_nanos());
        format!("{seconds}.{nanos:09}")
    });
    Some(Found {
        path: pattern::text_of(path),
        size: about.len(),
        version: format!("{}-{}", about.len(), time.unwrap_or_default()),
        modified,
    })
}

struct Batch {
    found: Vec<Found>,
    folders: Vec<PathBuf>,
}

/// A walk through folders that may hold what is wanted.
struct Walk {
    send: mpsc::Sender<Batch>,
    found: Vec<Found>,
    folders: Vec<PathBuf>,
    notes: BTreeSet<String>,
}

impl Walk {
    /// The nearest folder to a root that is there: in it, or what is to be in it, the root appears.
    fn at_root(&mut self, root: &Path) {
        if let Some(there) = root.ancestors().find(|folder| folder.is_dir()) {
            self.folders.push(there.to_owned());
        }
    }

    fn below(&mut self, folder: &Path, parts: &[Part]) {
        match parts {
            _ if self.send.is_closed() => {}
            [] => {}
            [Part::Folders, rest @ ..] => {
                let folders = walkdir::WalkDir::new(folder).follow_links(true).into_iter();
                for entry in folders {
                    if self.send.is_closed() {
                        return;
                    }
                    match entry {
                        Ok(entry) if entry.file_type().is_dir() => self.below(entry.path(), rest),
                        Ok(_) => {}
                        Err(error) => {
                            let is_gone = error.io_error().is_some_and(is_gone);
                            // A circle of links is no trouble.
                            if !is_gone && error.loop_ancestor().is_none() {
                                self.notes.insert(error.to_string());
                            }
                        }
                    }
                }
            }
            [Part::Name(name)] => {
                self.folders.push(folder.to_owned());
                self.take(&folder.join(name));
            }
            [Part::Name(name), rest @ ..] => {
                self.folders.push(folder.to_owned());
                self.below(&folder.join(name), rest);
            }
            [part, rest @ ..] => {
                self.folders.push(folder.to_owned());
                let entries = match std::fs::read_dir(folder) {
                    Ok(entries) => entries,
                    Err(error) => {
                        if !is_gone(&error) {
                            self.notes.insert(format!("{}: {error}", folder.display()));
                        }
                        return;
                    }
                };
                for entry in entries
                    .flatten()
                    .filter(|entry| part.fits(&entry.file_name()))
                {
                    match rest {
                        _ if self.send.is_closed() => return,
                        [] => self.take(&entry.path()),
                        rest if entry.path().is_dir() => self.below(&entry.path(), rest),
                        _ => {}
                    }
                }
            }
        }
    }

    fn take(&mut self, path: &Path) {
        self.found.extend(found_at(path));
        if self.found.len() >= BATCH || self.folders.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let batch = Batch {
            found: std::mem::take(&mut self.found),
            folders: std::mem::take(&mut self.folders),
        };
        // Whoever looks no more needs no more.
        let _ = self.send.blocking_send(batch);
    }
}

fn is_gone(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
    )
}

/// What the system told.
#[derive(Debug, Default)]
pub struct Heard {
    /// Where something is otherwise.
    pub paths: BTreeSet<PathBuf>,
    /// Whether there was too much to tell.
    pub is_flooded: bool,
}

impl Heard {
    fn extend(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.is_flooded |= other.is_flooded;
    }
}

/// What the system tells of folders, where it can.
pub struct Told {
    watcher: Option<notify::RecommendedWatcher>,
    events: mpsc::Receiver<Option<PathBuf>>,
    folders: HashSet<PathBuf>,
    heard: Heard,
    is_full: bool,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told")
            .field("folders", &self.folders.len())
            .finish_non_exhaustive()
    }
}

impl Told {
    /// What the system of this machine tells; none where it tells nothing.
    pub fn by_system() -> Option<Self> {
        let (send, events) = mpsc::channel(10_000);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let paths = match event {
                Ok(event) => match event.kind {
                    EventKind::Access(notify::event::AccessKind::Close(
                        notify::event::AccessMode::Write,
                    ))
                    | EventKind::Create(_)
                    | EventKind::Modify(_)
                    | EventKind::Remove(_)
                    | EventKind::Any => event.paths,
                    EventKind::Access(_) | EventKind::Other => return,
                },
                Err(_) => Vec::new(),
            };
            if paths.is_empty() {
                let _ = send.try_send(None);
            }
            for path in paths {
                // Where it is full, it is seen to be full.
                let _ = send.try_send(Some(path));
            }
        });
        Some(Self {
            watcher: Some(watcher.ok()?),
            events,
            folders: HashSet::new(),
            heard: Heard::default(),
            is_full: false,
        })
    }

    /// What somebody else tells: paths, or nothing for too much to tell.
    pub fn by(events: mpsc::Receiver<Option<PathBuf>>) -> Self {
        Self {
            watcher: None,
            events,
            folders: HashSet::new(),
            heard: Heard::default(),
            is_full: false,
        }
    }

    async fn hear(&mut self) -> Option<Heard> {
        let mut heard = Heard::default();
        heard.add(self.events.recv().await?);
        Some(heard)
    }

    /// All that was told by now.
    fn take(&mut self) -> Heard {
        // A queue that is full has lost some.
        self.heard.is_flooded |= self.events.capacity() == 0;
        while let Ok(event) = self.events.try_recv() {
            self.heard.add(event);
        }
        for path in &self.heard.paths {
            // A folder that comes again is watched again.
            self.folders.remove(path);
        }
        std::mem::take(&mut self.heard)
    }

    /// Asks the system to tell of folders. What there is to say of those that it can't.
    fn watch(&mut self, folders: Vec<PathBuf>) -> Option<String> {
        let watcher = self.watcher.as_mut()?;
        for folder in folders {
            if self.folders.contains(&folder) || self.is_full || !folder.is_dir() {
                continue;
            }
            if self.folders.len() >= MOST_FOLDERS {
                self.is_full = true;
                return Some(format!(
                    "more than {MOST_FOLDERS} folders: some are only looked at"
                ));
            }
            if let Err(error) = watcher.watch(&folder, RecursiveMode::NonRecursive) {
                self.is_full = matches!(error.kind, notify::ErrorKind::MaxFilesWatch);
                return Some(format!("{} is only looked at: {error}", folder.display()));
            }
            self.folders.insert(folder);
        }
        None
    }
}

impl Heard {
    fn add(&mut self, event: Option<PathBuf>) {
        match event {
            Some(path) => drop(self.paths.insert(path)),
            None => self.is_flooded = true,
        }
    }
}
