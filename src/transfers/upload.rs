//! Uploads to a data link, by the protocol of its storage.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use reqwest::header::{CONTENT_LENGTH, HeaderValue};
use reqwest::{Body, Method, Request, Response, Url};
use tokio::fs;
use tokio::io::AsyncSeekExt;

use super::data_links::{DataLink, JOB, Job, RefusedName, Transferred, named, wrong};
use crate::files::unreadable;
use crate::generated::types;
use crate::prelude::*;
use crate::transport::multipart::{file_content, media_type_of};
use crate::transport::storage::{REDIRECTS, redirect, refusal};
use crate::{Error, ErrorKind, Result};

mod azure;
mod google;
mod s3;

/// What the Platform presigns parts of an S3 upload for.
const PART_SIZE: u64 = 250 << 20;

impl DataLink {
    /// Uploads a file, read from disk as it is sent. An object of that path is replaced once the
    /// upload is complete.
    ///
    /// The storage decides on the protocol: S3 multipart upload, Azure block list or Google
    /// resumable session. Parts are sent again when they fail, within the client's retry policy,
    /// and compared with the checksum that the storage states. It is complete when the storage has
    /// said so (on S3, by way of the Platform).
    ///
    /// An upload that fails, or whose future is dropped, is no object. On S3 it is called off. On
    /// Azure and Google the storage drops what was sent of it within a week; that of a failed one,
    /// Google at once. One failure comes too late for that: Google tells its checksum when the
    /// object is there, so that where it differs, a wrong object is.
    ///
    /// # Errors
    /// A call of the Platform failed, or the storage did after the attempts for a part; the file
    /// can't be read, or became shorter meanwhile.
    pub async fn upload_file(&self, local: impl AsRef<Path>, remote: &str) -> Result<Transferred> {
        let remote = remote.trim_start_matches('/');
        if remote.is_empty() || remote.ends_with('/') {
            return Err(wrong(format!("`{remote}` is no file: give the whole path")));
        }
        let job = self.job().await?;
        job.reporter()
            .update(|progress| progress.files_total = Some(1));
        let protocol = protocol(&job).await?;
        // Boxed, so that its type is known to be `Send` here already.
        let running: BoxFuture<'_, _> = Box::pin(send_file(
            &job,
            protocol,
            local.as_ref().to_owned(),
            remote.to_owned(),
        ));
        let bytes = running.await?;
        Ok(Transferred {
            files: 1,
            bytes,
            ..Transferred::default()
        })
    }

    /// Uploads everything below a local folder into a folder; an empty path is the root of the
    /// data link. Links to files are followed, links to folders are not; links that lead nowhere
    /// are left out and listed. Empty folders are left out, because storage has none.
    ///
    /// # Errors
    /// As [`upload_file`](Self::upload_file). What is complete by then remains.
    pub async fn upload_folder(
        &self,
        local: impl AsRef<Path>,
        remote: &str,
    ) -> Result<Transferred> {
        let job = self.job().await?;
        let (local, remote) = (
            local.as_ref().to_owned(),
            remote.trim_matches('/').to_owned(),
        );
        let running: BoxFuture<'_, _> = Box::pin(send_folder(&job, local, remote));
        running.await
    }
}

async fn send_folder(job: &Job, local: PathBuf, remote: String) -> Result<Transferred> {
    let mut done = Transferred::default();
    let mut files = find_files(&local, &mut done.refused).await?;
    files.sort();
    done.files = files.len() as u64;
    job.reporter()
        .update(|progress| progress.files_total = Some(done.files));
    let protocol = protocol(job).await?;
    let mut running = FuturesUnordered::new();
    for (relative, path) in files {
        if running.len() >= job.files.concurrency {
            done.bytes += running.try_next().await?.unwrap_or_default();
        }
        let target = match remote.as_str() {
            "" => relative,
            folder => format!("{folder}/{relative}"),
        };
        running.push(send_file(job, protocol, path, target));
    }
    while let Some(bytes) = running.try_next().await? {
        done.bytes += bytes;
    }
    Ok(done)
}

/// The files below a folder, by their paths with slashes.
async fn find_files(root: &Path, refused: &mut Vec<RefusedName>) -> Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    let mut folders = vec![(String::new(), root.to_owned())];
    while let Some((prefix, folder)) = folders.pop() {
        let failed = unreadable(&folder);
        let mut entries = fs::read_dir(&folder).await.map_err(&failed)?;
        while let Some(entry) = entries.next_entry().await.map_err(&failed)? {
            let path = entry.path();
            let mut refuse = |reason: String| {
                refused.push(RefusedName::new(path.display().to_string(), reason));
            };
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.contains('\\')) else {
                refuse("is not UTF-8, or has a backslash".to_owned());
                continue;
            };
            if entry.file_type().await.map_err(&failed)?.is_dir() {
                folders.push((format!("{prefix}{name}/"), path));
                continue;
            }
            match fs::metadata(&path).await {
                Ok(about) if about.is_file() => found.push((format!("{prefix}{name}"), path)),
                Ok(_) => {}
                Err(error) => refuse(format!("can't be read: {error}")),
            }
        }
    }
    Ok(found)
}

/// How the storage takes content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    S3,
    Azure,
    Google,
}

async fn protocol(job: &Job) -> Result<Protocol> {
    use types::DataLinkProvider::*;
    let files = &job.files;
    let reply = files
        .client
        .describe_data_link()
        .data_link_id(&files.id)
        .workspace_id(files.workspace)
        .credentials_id(files.credentials.clone())
        .send()
        .await?;
    let link = reply.data_link.unwrap_or_default();
    match link.provider {
        Some(Google) => Ok(Protocol::Google),
        Some(Azure | AzureEntra | AzureCloud) => Ok(Protocol::Azure),
        Some(Aws | Seqeracompute | S3) => Ok(Protocol::S3),
        // A newer kind of provider: the location tells how it is spoken to.
        other => match link
            .resource_ref
            .as_deref()
            .and_then(|at| at.split_once("://"))
        {
            Some(("gs", _)) => Ok(Protocol::Google),
            Some(("az" | "azure", _)) => Ok(Protocol::Azure),
            Some(("s3", _)) => Ok(Protocol::S3),
            _ => Err(wrong(format!(
                "it is not known how to upload to storage of the kind {}",
                other.map_or("(none)".to_owned(), |kind| kind.to_string())
            ))),
        },
    }
}

/// Uploads a file, and returns its size.
async fn send_file(job: &Job, protocol: Protocol, local: PathBuf, remote: String) -> Result<u64> {
    let failed = unreadable(&local);
    let about = fs::metadata(&local).await.map_err(&failed)?;
    if !about.is_file() {
        let text = format!("{} is no file: use `upload_folder`", local.display());
        return Err(wrong(text));
    }
    let length = about.len();
    let upload = Upload::begin(job, local.clone(), remote.clone(), length).await?;
    let sent = match protocol {
        Protocol::S3 => s3::send(upload).await,
        Protocol::Azure => azure::send(&upload).await,
        Protocol::Google => google::send(upload).await,
    };
    sent.map_err(|error| named(error, &remote))?;
    job.reporter().update(|progress| progress.files += 1);
    Ok(length)
}

/// An upload that has begun.
struct Upload<'a> {
    job: &'a Job,
    local: PathBuf,
    folder: Option<String>,
    name: String,
    remote: String,
    length: u64,
    id: Option<String>,
    urls: Vec<Url>,
}

impl<'a> Upload<'a> {
    async fn begin(job: &'a Job, local: PathBuf, remote: String, length: u64) -> Result<Self> {
        let (folder, name) = match remote.rsplit_once('/') {
            Some((folder, name)) => (Some(folder.to_owned()), name.to_owned()),
            None => (None, remote.clone()),
        };
        let files = &job.files;
        let mut body = types::DataLinkMultiPartUploadRequest::new()
            .file_name(&name)
            .content_type(media_type_of(&name));
        body.content_length = i64::try_from(length).ok();
        let reply = match &folder {
            None => {
                let call = files.client.generate_data_link_upload_url();
                call.data_link_id(&files.id)
                    .workspace_id(files.workspace)
                    .credentials_id(files.credentials.clone())
                    .body(body)
                    .send()
                    .await?
            }
            Some(folder) => {
                let call = files.client.generate_data_link_upload_url_with_path();
                call.data_link_id(&files.id)
                    .dir_path(folder)
                    .workspace_id(files.workspace)
                    .credentials_id(files.credentials.clone())
                    .body(body)
                    .send()
                    .await?
            }
        };
        let urls: Option<Vec<_>> = reply
            .upload_urls
            .unwrap_or_default()
            .iter()
            .map(|url| files.client.inner.presigned(url))
            .collect();
        let urls = urls.filter(|urls| !urls.is_empty()).ok_or_else(|| {
            invalid("the Platform gave no URLs that may be followed").in_operation(JOB)
        })?;
        Ok(Self {
            job,
            local,
            folder,
            name,
            remote,
            length,
            id: reply.upload_id,
            urls,
        })
    }

    fn part_size(&self) -> u64 {
        self.job.files.part_size.unwrap_or(PART_SIZE)
    }

    /// Sends a part of the file until it is accepted, and returns the reply.
    async fn put_part(
        &self,
        (start, end): (u64, u64),
        request: impl Fn() -> Result<Request>,
    ) -> Result<Response> {
        let _permit = self.job.permit().await?;
        let mut attempts = self.job.attempts();
        loop {
            let sent = Arc::new(AtomicU64::new(0));
            let error = match self.put_once((start, end), request()?, &sent).await {
                Ok(reply) if reply.status().is_success() => return Ok(reply),
                Ok(reply) => refusal(reply).await,
                Err(error) => error,
            };
            self.settle(sent, 0);
            self.job.again(&mut attempts, error).await?;
        }
    }

    /// Sends a part of the file once, and returns the reply, whatever its status. Where the storage
    /// has moved, it goes there.
    async fn put_once(
        &self,
        (start, end): (u64, u64),
        mut request: Request,
        sent: &Arc<AtomicU64>,
    ) -> Result<Response> {
        // Storage refuses content without a length, which a stream does not tell.
        request
            .headers_mut()
            .insert(CONTENT_LENGTH, HeaderValue::from(end - start));
        for _ in 0..REDIRECTS {
            let again = request.try_clone();
            *request.body_mut() = Some(self.body(start, end, Arc::downgrade(sent)).await?);
            let reply = self.job.storage().send(request, sent).await?;
            match (redirect(&reply), again) {
                (Some(to), Some(again)) => {
                    self.uncount(sent);
                    request = again;
                    *request.url_mut() = to;
                }
                _ => return Ok(reply),
            }
        }
        Err(invalid("the storage redirects again and again"))
    }

    /// Takes back what was counted of a body.
    fn uncount(&self, sent: &AtomicU64) {
        self.job
            .reporter()
            .update(|progress| progress.bytes -= sent.swap(0, Ordering::Relaxed));
    }

    /// A part of the file, read as it is sent, and counted until it is [settled](Self::settle).
    async fn body(&self, start: u64, end: u64, sent: Weak<AtomicU64>) -> Result<Body> {
        if start == end {
            return Ok(Body::from(""));
        }
        let failed = unreadable(&self.local);
        let mut file = fs::File::open(&self.local).await.map_err(&failed)?;
        file.seek(std::io::SeekFrom::Start(start))
            .await
            .map_err(&failed)?;
        let reporter = self.job.reporter().clone();
        let chunks = file_content(file, end - start).inspect_ok(move |chunk| {
            let read = chunk.len() as u64;
            reporter.update(|progress| {
                if let Some(sent) = sent.upgrade() {
                    sent.fetch_add(read, Ordering::Relaxed);
                    progress.bytes += read;
                }
            });
        });
        Ok(Body::wrap_stream(chunks))
    }

    /// Sends a request without content of the file until it is accepted.
    async fn send_small(&self, request: impl Fn() -> Result<Request>) -> Result<Response> {
        let mut attempts = self.job.attempts();
        loop {
            let error = match self
                .job
                .storage()
                .send(request()?, &AtomicU64::new(0))
                .await
            {
                Ok(reply) if reply.status().is_success() => return Ok(reply),
                Ok(reply) => refusal(reply).await,
                Err(error) => error,
            };
            self.job.again(&mut attempts, error).await?;
        }
    }

    fn count(&self, bytes: u64) {
        self.job
            .reporter()
            .update(|progress| progress.bytes += bytes);
    }

    /// Counts what the storage kept of a request, in place of what was sent of it. A body may go
    /// on being sent after the reply; that counts no more.
    fn settle(&self, sent: Arc<AtomicU64>, kept: u64) {
        // Within the update, where bodies count too, so that none counts in between.
        self.job.reporter().update(move |progress| {
            progress.bytes = progress.bytes + kept - sent.load(Ordering::Relaxed);
            drop(sent);
        });
    }
}

fn put(url: &Url) -> Request {
    Request::new(Method::PUT, url.clone())
}

fn invalid(text: &str) -> Error {
    Error::new(ErrorKind::InvalidResponse, text)
}
