//! One object: asked for in parts, each until it is there.

use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::FuturesUnordered;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};
use reqwest::{Method, Request, Response, StatusCode, Url};
use tokio::fs;
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use tokio::sync::{Mutex, OwnedSemaphorePermit};

use super::note::{Note, Places};
use crate::files::{make_folder_of, unwritable};
use crate::prelude::*;
use crate::transfers::checksum::{self, Checksum};
use crate::transfers::data_links::{Job, named};
use crate::transport::again::Attempts;
use crate::transport::storage::refusal;
use crate::{Error, ErrorKind, Result};

/// Small enough that little is lost when a part is cut, large enough to be worth its request.
const PART_SIZE: u64 = 32 << 20;
/// So often may an object change while it is downloaded.
const CHANGES: u32 = 3;

/// Fetches an object into a file, and returns its size.
pub(super) async fn fetch(job: &Job, remote: String, local: PathBuf) -> Result<u64> {
    let places = Places::new(local);
    make_folder_of(&places.file).await?;
    let _alone = places.lock()?;
    let object = Object {
        job,
        remote: &remote,
        url: Mutex::new(None),
        counted: AtomicU64::new(0),
    };
    let named = |error| named(error, &remote);
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
        let mut attempts = self.job.attempts();
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
        let permit = self.job.permit().await?;
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
        while let Some(chunk) = self.job.storage().chunk(&mut reply).await? {
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
            None => (None, self.job.permit().await?),
        };
        let failed = unwritable(&places.part);
        let file = fs::OpenOptions::new().write(true).open(&places.part).await;
        let mut file = file.map_err(&failed)?;
        file.seek(SeekFrom::Start(start)).await.map_err(&failed)?;
        let mut at = start;
        let mut stated = None;
        let mut attempts = self.job.attempts();
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
                match self.job.storage().chunk(&mut reply).await {
                    Ok(Some(chunk)) if chunk.len() as u64 > end - at => {
                        let text = "more came than the storage was asked for: the HTTP client \
                                    must not decompress";
                        break Some(Error::new(ErrorKind::InvalidResponse, text));
                    }
                    Ok(Some(chunk)) => {
                        file.write_all(&chunk).await.map_err(&failed)?;
                        at += chunk.len() as u64;
                        self.count(chunk.len() as u64);
                    }
                    Ok(None) if at == end => break None,
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
        let (url, is_new) = self.url(None).await?;
        let reply = self.ask(url.clone(), start, length, validator).await?;
        let refused = matches!(reply.status().as_u16(), 400 | 401 | 403);
        let reply = if refused && !is_new {
            // It has expired.
            let (url, _) = self.url(Some(&url)).await?;
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
        self.job.storage().send(request, &AtomicU64::new(0)).await
    }

    /// The presigned URL, another than one that was refused, and whether it was just made. Parts that
    /// are refused at the same time share the next one.
    async fn url(&self, refused: Option<&Url>) -> Result<(Url, bool)> {
        let mut kept = self.url.lock().await;
        if let Some(url) = kept.as_ref().filter(|url| refused != Some(url)) {
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
            .preview(false)
            .resolve_symlink(true)
            .send()
            .await?;
        let url = reply.url;
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

    async fn again(&self, attempts: &mut Attempts, error: Error) -> Result<()> {
        // The Platform's calls had their attempts.
        if error.operation().is_some() {
            return Err(error);
        }
        self.job.again(attempts, error).await
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
