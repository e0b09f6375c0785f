//! Downloads from a data link: in ranges, several at a time, continued where they stopped.

use std::collections::HashSet;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::FuturesUnordered;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Method, Request, Response, StatusCode, Url};
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::checksum::{self, Checksum};
use super::data_links::{DataLink, JOB, Job, RefusedName, Transferred, wrong};
use crate::again::Attempts;
use crate::local::{make_folder_of, part_path, unwritable, with_suffix};
use crate::prelude::*;
use crate::remote_name::relative_path;
use crate::transport::storage::refusal;
use crate::{Error, ErrorKind, Result};

/// Small enough that little is lost when a part is cut, large enough to be worth its request.
const PART_SIZE: u64 = 32 << 20;
/// So often may an object change while it is downloaded.
const CHANGES: u32 = 3;

impl DataLink {
    /// Downloads a file. An existing local file is replaced when the new one is complete.
    ///
    /// Until then the content is in a file that ends in `.part`, with a note of what it has
    /// (`.part.json`). If the download is interrupted, by a failure or by dropping the future, the
    /// next one continues there, provided that the object has not changed: otherwise it begins
    /// anew.
    ///
    /// Where the storage states a checksum, the file is compared with it: on Google MD5 or CRC32C,
    /// on Azure the blob's MD5, on S3 an ETag that is an MD5, which it is of objects that were not
    /// uploaded in parts nor encrypted with a key of one's own. Other files are as long as the
    /// storage says, and all of one version of the object.
    ///
    /// # Errors
    /// A call of the Platform failed, or the storage did after the attempts of the client's retry
    /// policy for each part; the file can't be written; the checksum differs.
    pub async fn download_file(
        &self,
        remote: &str,
        local: impl AsRef<Path>,
    ) -> Result<Transferred> {
        let local = local.as_ref();
        let remote = remote.trim_start_matches('/');
        if remote.is_empty() || remote.ends_with('/') {
            return Err(wrong(format!(
                "`{remote}` is no file: use `download_folder`"
            )));
        }
        let job = self.job().await?;
        job.reporter()
            .update(|progress| progress.files_total = Some(1));
        // Boxed, so that its type is known to be `Send` here already.
        let running: BoxFuture<'_, _> = Box::pin(fetch(&job, remote.to_owned(), local.to_owned()));
        let bytes = running.await?;
        Ok(Transferred {
            files: 1,
            bytes,
            ..Transferred::default()
        })
    }

    /// Downloads everything below a folder into a local folder, which is made if needed. An empty
    /// path is the whole data link.
    ///
    /// Files that are there in the same size are kept, so that an interrupted download continues;
    /// others are replaced. No file gets outside of the local folder: names that would (`..`,
    /// absolute paths, drive letters), that can't be file names, or that clash with another
    /// file's (also by case alone) are left out and listed.
    ///
    /// # Errors
    /// As [`download_file`](Self::download_file). What is complete by then remains.
    pub async fn download_folder(
        &self,
        remote: &str,
        local: impl AsRef<Path>,
    ) -> Result<Transferred> {
        let job = self.job().await?;
        let (remote, local) = (
            remote.trim_matches('/').to_owned(),
            local.as_ref().to_owned(),
        );
        let running: BoxFuture<'_, _> = Box::pin(fetch_folder(&job, remote, local));
        running.await
    }
}

async fn fetch_folder(job: &Job, remote: String, local: PathBuf) -> Result<Transferred> {
    let mut done = Transferred::default();
    let mut names = Names::default();
    let (mut files, mut bytes) = (0, 0);
    let mut running = FuturesUnordered::new();
    let mut tree = job.files.tree(remote.clone());
    loop {
        // The listing goes on while files are under way, but not far ahead of them.
        let entry = if running.len() >= job.files.concurrency {
            done.bytes += running.try_next().await?.unwrap_or_default();
            continue;
        } else if running.is_empty() {
            tree.try_next().await?
        } else {
            match select(tree.next(), running.next()).await {
                Either::Left((entry, _)) => entry.transpose()?,
                Either::Right((fetched, _)) => {
                    done.bytes += fetched.transpose()?.unwrap_or_default();
                    continue;
                }
            }
        };
        let Some(entry) = entry else { break };
        if entry.is_folder {
            continue;
        }
        let relative = match remote.as_str() {
            "" => entry.path.as_str(),
            folder => entry
                .path
                .strip_prefix(folder)
                .map_or("", |path| path.trim_start_matches('/')),
        };
        let path = match names.take(relative) {
            Ok(path) => local.join(path),
            Err(reason) => {
                done.refused.push(RefusedName {
                    path: entry.path,
                    reason: reason.to_owned(),
                });
                continue;
            }
        };
        files += 1;
        bytes += entry.size.unwrap_or_default();
        let there = fs::metadata(&path)
            .await
            .ok()
            .filter(|found| found.is_file());
        if let (Some(there), Some(size)) = (there, entry.size)
            && there.len() == size
        {
            done.kept += 1;
            job.reporter().update(|progress| {
                progress.files += 1;
                progress.bytes += size;
            });
            continue;
        }
        running.push(fetch(job, entry.path, path));
    }
    job.reporter().update(|progress| {
        progress.files_total = Some(files);
        progress.bytes_total = Some(bytes);
    });
    while let Some(fetched) = running.try_next().await? {
        done.bytes += fetched;
    }
    done.files = files;
    Ok(done)
}

/// The local names that are taken, as a file system without upper and lower case sees them.
#[derive(Default)]
struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// The relative path for a remote file, or why it can't have one.
    fn take(&mut self, remote: &str) -> std::result::Result<PathBuf, &'static str> {
        let path = relative_path(remote)?;
        let folded = remote.to_lowercase();
        let folders: Vec<_> = folded
            .match_indices('/')
            .map(|(at, _)| &folded[..at])
            .collect();
        if folders.iter().any(|folder| self.files.contains(*folder)) {
            return Err("lies in a folder that has the name of a file");
        }
        // The names of unfinished files are taken as well.
        let names = ["", ".part", ".part.json"].map(|suffix| format!("{folded}{suffix}"));
        if names.iter().any(|name| self.folders.contains(name)) {
            return Err("has the name of a folder");
        }
        if names.iter().any(|name| self.files.contains(name)) {
            return Err("has the name of another file");
        }
        self.folders.extend(folders.into_iter().map(str::to_owned));
        self.files.extend(names);
        Ok(path)
    }
}

/// What is known of an object whose download has begun, as it is noted beside the unfinished file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    length: u64,
    /// The object's ETag, or when it was changed: what tells it from a later one.
    validator: Option<String>,
    part_size: u64,
    /// The numbers of the parts that are complete.
    done: Vec<u64>,
}

impl Note {
    fn parts(&self) -> u64 {
        self.length.div_ceil(self.part_size)
    }

    /// First byte of a part, and the one after its last.
    fn bounds(&self, part: u64) -> (u64, u64) {
        let start = part * self.part_size;
        (start, self.length.min(start.saturating_add(self.part_size)))
    }

    /// Reads the note of an interrupted download that can be continued.
    async fn read(places: &Places) -> Option<Self> {
        let note: Self = serde_json::from_slice(&fs::read(&places.note).await.ok()?).ok()?;
        let content = fs::metadata(&places.part).await.ok()?;
        let usable = note.validator.is_some()
            && note.part_size > 0
            && content.len() == note.length
            && note.done.iter().all(|part| *part < note.parts());
        usable.then_some(note)
    }

    async fn write(&self, places: &Places) -> Result<()> {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let new = with_suffix(&places.note, ".new");
        fs::write(&new, text).await.map_err(unwritable(&new))?;
        fs::rename(&new, &places.note)
            .await
            .map_err(unwritable(&places.note))
    }
}

struct Places {
    file: PathBuf,
    part: PathBuf,
    note: PathBuf,
}

impl Places {
    fn new(file: PathBuf) -> Self {
        let part = part_path(&file);
        Self {
            note: with_suffix(&part, ".json"),
            part,
            file,
        }
    }

    async fn forget(&self) {
        let _ = fs::remove_file(&self.note).await;
        let _ = fs::remove_file(&self.part).await;
    }

    async fn complete(&self) -> Result<()> {
        fs::rename(&self.part, &self.file)
            .await
            .map_err(unwritable(&self.file))?;
        let _ = fs::remove_file(&self.note).await;
        Ok(())
    }
}

/// Fetches an object into a file, and returns its size.
async fn fetch(job: &Job, remote: String, local: PathBuf) -> Result<u64> {
    let places = Places::new(local);
    make_folder_of(&places.file).await?;
    let object = Object {
        job,
        remote: &remote,
        url: Mutex::new(None),
        counted: AtomicU64::new(0),
    };
    let named = |error: Error| match error.operation() {
        None => error.in_operation(JOB).at(format!("`{remote}`")),
        Some(_) => error,
    };
    for _ in 0..CHANGES {
        if let Some(bytes) = object.fetch(&places).await.map_err(named)? {
            job.reporter().update(|progress| progress.files += 1);
            return Ok(bytes);
        }
        places.forget().await;
        object.uncount();
    }
    Err(named(Error::new(
        ErrorKind::InvalidResponse,
        "the object changes again and again while it is downloaded",
    )))
}

struct Object<'a> {
    job: &'a Job,
    remote: &'a str,
    /// The presigned URL, until it is refused.
    url: Mutex<Option<Url>>,
    counted: AtomicU64,
}

/// The beginning of a download.
enum Begun {
    /// The first part's reply, with the permit to read it.
    InParts(Note, Option<Checksum>, Response, OwnedSemaphorePermit),
    /// The storage knows no ranges: this is all of it.
    Whole(Response, OwnedSemaphorePermit),
    Empty,
}

impl Object<'_> {
    /// `None` if the object changed on the way.
    async fn fetch(&self, places: &Places) -> Result<Option<u64>> {
        if let Some(mut note) = Note::read(places).await {
            let done = note.done.iter().map(|part| note.bounds(*part));
            self.count(done.map(|(start, end)| end - start).sum());
            return self.parts(places, &mut note, None, None).await;
        }
        let mut attempts = self.attempts();
        loop {
            match self.begin().await {
                Ok(Begun::InParts(mut note, checksum, reply, permit)) => {
                    let file = fs::File::create(&places.part).await;
                    let file = file.map_err(unwritable(&places.part))?;
                    file.set_len(note.length)
                        .await
                        .map_err(unwritable(&places.part))?;
                    note.write(places).await?;
                    let first = Some((reply, permit));
                    return self.parts(places, &mut note, checksum, first).await;
                }
                Ok(Begun::Whole(reply, _permit)) => match self.whole(places, reply).await {
                    Ok(bytes) => return Ok(Some(bytes)),
                    Err(error) => {
                        self.uncount();
                        self.again(&mut attempts, error).await?;
                    }
                },
                Ok(Begun::Empty) => {
                    fs::File::create(&places.part)
                        .await
                        .map_err(unwritable(&places.part))?;
                    places.complete().await?;
                    return Ok(Some(0));
                }
                Err(error) => self.again(&mut attempts, error).await?,
            }
        }
    }

    /// Asks for the first part, and so learns about the object.
    async fn begin(&self) -> Result<Begun> {
        let part_size = self.job.files.part_size.unwrap_or(PART_SIZE);
        let permit = self.permit().await?;
        let reply = self.range(0, part_size, None).await?;
        let headers = reply.headers();
        match reply.status() {
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(Begun::Empty),
            StatusCode::PARTIAL_CONTENT => match content_range(headers) {
                Some((0, length)) => {
                    let note = Note {
                        length,
                        validator: validator(headers),
                        part_size,
                        done: Vec::new(),
                    };
                    let checksum = checksum::of_object(reply.status(), headers);
                    Ok(Begun::InParts(note, checksum, reply, permit))
                }
                _ => Err(Error::new(
                    ErrorKind::InvalidResponse,
                    "the storage does not say which part it sends",
                )),
            },
            _ => Ok(Begun::Whole(reply, permit)),
        }
    }

    /// Reads an object that comes in one piece.
    async fn whole(&self, places: &Places, mut reply: Response) -> Result<u64> {
        let checksum = checksum::of_object(reply.status(), reply.headers());
        let failed = unwritable(&places.part);
        let mut file = fs::File::create(&places.part).await.map_err(&failed)?;
        let mut length = 0;
        while let Some(chunk) = self.storage().chunk(&mut reply).await? {
            file.write_all(&chunk).await.map_err(&failed)?;
            length += chunk.len() as u64;
            self.count(chunk.len() as u64);
        }
        file.flush().await.map_err(&failed)?;
        self.finish(places, length, checksum).await?;
        Ok(length)
    }

    /// Fetches the parts that are not done. `None` if the object changed.
    async fn parts(
        &self,
        places: &Places,
        note: &mut Note,
        checksum: Option<Checksum>,
        mut first: Option<(Response, OwnedSemaphorePermit)>,
    ) -> Result<Option<u64>> {
        let mut checksum = checksum;
        let mut missing = (0..note.parts())
            .filter(|part| !note.done.contains(part))
            .collect::<Vec<_>>();
        missing.reverse();
        let validator = note.validator.clone();
        let mut running = FuturesUnordered::new();
        loop {
            while running.len() < self.job.files.concurrency
                && let Some(part) = missing.pop()
            {
                let begun = first.take();
                let (start, end) = note.bounds(part);
                let whole = note.length;
                let validator = validator.as_deref();
                running.push(async move {
                    let fetched = self.part(places, (start, end, whole), validator, begun);
                    fetched.await.map(|found| (part, found))
                });
            }
            match running.try_next().await? {
                Some((_, None)) => return Ok(None),
                Some((part, Some(found))) => {
                    checksum = checksum.or(found.0);
                    note.done.push(part);
                    note.write(places).await?;
                }
                None => break,
            }
        }
        drop(running);
        self.finish(places, note.length, checksum).await?;
        Ok(Some(note.length))
    }

    /// Fetches a part to its place in the file. `None` if the object changed; otherwise the
    /// checksum of the whole, where the reply states it.
    async fn part(
        &self,
        places: &Places,
        (start, end, whole): (u64, u64, u64),
        expected: Option<&str>,
        first: Option<(Response, OwnedSemaphorePermit)>,
    ) -> Result<Option<Stated>> {
        let (mut reply, _permit) = match first {
            Some((reply, permit)) => (Some(reply), permit),
            None => (None, self.permit().await?),
        };
        let failed = unwritable(&places.part);
        let file = fs::OpenOptions::new().write(true).open(&places.part).await;
        let mut file = file.map_err(&failed)?;
        file.seek(SeekFrom::Start(start)).await.map_err(&failed)?;
        let mut at = start;
        let mut stated = None;
        let mut attempts = self.attempts();
        while at < end {
            let begun = match reply.take() {
                Some(reply) => Ok(reply),
                None => self.range(at, end - at, expected).await,
            };
            let mut reply = match begun {
                Ok(reply) => reply,
                Err(error) => {
                    self.again(&mut attempts, error).await?;
                    continue;
                }
            };
            let headers = reply.headers();
            // Without a validator of its own, the storage ignored `If-Range` for a reason.
            let same = reply.status() == StatusCode::PARTIAL_CONTENT
                && content_range(headers) == Some((at, whole))
                && validator(headers).as_deref() == expected;
            if !same {
                return Ok(None);
            }
            stated = checksum::of_object(reply.status(), headers);
            let before = at;
            let error = loop {
                match self.storage().chunk(&mut reply).await {
                    Ok(Some(chunk)) => {
                        let room = usize::try_from(end - at).unwrap_or(usize::MAX);
                        let chunk = &chunk[..chunk.len().min(room)];
                        file.write_all(chunk).await.map_err(&failed)?;
                        at += chunk.len() as u64;
                        self.count(chunk.len() as u64);
                        if at == end {
                            break None;
                        }
                    }
                    Ok(None) => {
                        let text = "the storage sent less than it was asked for";
                        break Some(Error::new(ErrorKind::Connection, text));
                    }
                    Err(error) => break Some(error),
                }
            };
            if let Some(error) = error {
                if at > before {
                    attempts.renew();
                }
                self.again(&mut attempts, error).await?;
            }
        }
        file.flush().await.map_err(&failed)?;
        // What the note says is there must survive a crash.
        file.sync_data().await.map_err(&failed)?;
        Ok(Some(Stated(stated)))
    }

    /// Checks a complete file and gives it its name.
    async fn finish(&self, places: &Places, length: u64, checksum: Option<Checksum>) -> Result<()> {
        if let Some(expected) = checksum
            && let Err(error) = checksum::verify(&places.part, 0, length, expected).await
        {
            places.forget().await;
            return Err(error);
        }
        places.complete().await
    }

    /// Asks the storage for a range. A success, or 416, is a reply.
    async fn range(&self, start: u64, length: u64, validator: Option<&str>) -> Result<Response> {
        let (url, is_new) = self.url().await?;
        let reply = self.ask(url, start, length, validator).await?;
        let refused = matches!(reply.status().as_u16(), 400 | 401 | 403);
        let reply = if refused && !is_new {
            // It has expired.
            *self.url.lock().await = None;
            let (url, _) = self.url().await?;
            self.ask(url, start, length, validator).await?
        } else {
            reply
        };
        match reply.status() {
            StatusCode::RANGE_NOT_SATISFIABLE => Ok(reply),
            status if status.is_success() => Ok(reply),
            _ => Err(refusal(reply).await),
        }
    }

    async fn ask(
        &self,
        url: Url,
        start: u64,
        length: u64,
        validator: Option<&str>,
    ) -> Result<Response> {
        let mut request = Request::new(Method::GET, url);
        let headers = request.headers_mut();
        let last = start.saturating_add(length) - 1;
        if let Ok(range) = HeaderValue::from_str(&format!("bytes={start}-{last}")) {
            headers.insert(RANGE, range);
        }
        if let Some(validator) = validator.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(IF_RANGE, validator);
        }
        // Ranges and lengths are those of the stored bytes.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self.storage().send(request, &AtomicU64::new(0)).await
    }

    /// The presigned URL, and whether it was just made.
    async fn url(&self) -> Result<(Url, bool)> {
        let mut kept = self.url.lock().await;
        if let Some(url) = &*kept {
            return Ok((url.clone(), false));
        }
        let files = &self.job.files;
        let reply = files
            .client
            .generate_download_url_data_link()
            .data_link_id(&files.id)
            .workspace_id(files.workspace)
            .credentials_id(files.credentials.clone())
            .file_path(self.remote)
            .resolve_symlink(true)
            .send()
            .await?;
        let url = reply.into_inner().url;
        let url = url.and_then(|url| files.client.inner.presigned(&url));
        let url = url.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidResponse,
                "the Platform gave no URL that may be followed",
            )
        })?;
        *kept = Some(url.clone());
        Ok((url, true))
    }

    async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.job.permits.clone().acquire_owned().await;
        permit.map_err(|_| Error::new(ErrorKind::Io, "the transfer is over"))
    }

    fn storage(&self) -> &crate::transport::storage::Storage {
        self.job.files.client.inner.storage()
    }

    fn attempts(&self) -> Attempts {
        Attempts::new(self.job.files.client.inner.retry)
    }

    async fn again(&self, attempts: &mut Attempts, error: Error) -> Result<()> {
        // The Platform's calls had their attempts.
        if error.operation().is_some() {
            return Err(error);
        }
        attempts.again(error).await?;
        self.job.reporter().update(|progress| progress.retries += 1);
        Ok(())
    }

    fn count(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.job
            .reporter()
            .update(|progress| progress.bytes += bytes);
    }

    /// Takes back what was counted, because it is to be fetched again.
    fn uncount(&self) {
        let bytes = self.counted.swap(0, Ordering::Relaxed);
        self.job
            .reporter()
            .update(|progress| progress.bytes -= bytes);
    }
}

/// The checksum of a whole object that a reply stated, if it did.
struct Stated(Option<Checksum>);

/// The first byte and the object's length in `bytes 0-99/1234`.
fn content_range(headers: &HeaderMap) -> Option<(u64, u64)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, length.trim().parse().ok()?))
}

/// What `If-Range` takes: a strong ETag, or else the time of the last change.
fn validator(headers: &HeaderMap) -> Option<String> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let strong = text(ETAG).filter(|etag| etag.starts_with('"'));
    strong.or_else(|| text(LAST_MODIFIED)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_clash_are_refused() {
        let mut names = Names::default();
        for name in ["a/b.txt", "a/c", "d"] {
            assert!(names.take(name).is_ok(), "{name}");
        }
        for name in [
            "A/B.TXT",
            "a/b.txt",
            "a",
            "D/x",
            "a/c/x",
            "d.part",
            "d.part.json",
            "../d",
        ] {
            assert!(names.take(name).is_err(), "{name}");
        }
        assert!(names.take("a/d").is_ok());
        assert_eq!(names.take("e").as_deref(), Ok(Path::new("e")));
        assert!(names.take("f.part/x").is_ok());
        assert!(
            names.take("f").is_err(),
            "its unfinished file has the name of a folder"
        );
    }
}
