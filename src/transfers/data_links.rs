//! The files of a data link: the handle, its settings, and its tree.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::{self, BoxStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::generated::{Client, types};
use crate::names::USUAL_LISTING;
use crate::prelude::*;
use crate::progress::Reporter;
use crate::transport::again::Attempts;
use crate::transport::storage::Storage;
use crate::{Error, ErrorKind, NameOrId, Progress, Result, Setting, WorkspaceRef};

pub(super) const JOB: &str = "data link";
/// Fills most connections, and what is under way is lost with little regret.
const CONCURRENCY: usize = 4;
/// No storage takes longer paths than 1024 bytes. What lists deeper folders lists them without end.
const DEEPEST: usize = 1024;

impl Client {
    /// A data link by its name, its URI or its `Id`: to list, download and upload files.
    ///
    /// Content goes to and from cloud storage directly, by presigned URLs that the Platform hands
    /// out, which get no access token.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// let files = client
    ///     .data_link("s3://acme-sequencing")
    ///     .workspace("acme/research")
    ///     .on_progress(|progress| eprintln!("{} bytes", progress.bytes));
    /// files.download_folder("runs/2026-03-01/multiqc", "report").await?;
    /// files.upload_file("samples.csv", "sheets/samples.csv").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn data_link(&self, data_link: impl Into<NameOrId<String>>) -> DataLink {
        DataLink {
            client: self.clone(),
            data_link: data_link.into(),
            workspace: WorkspaceRef::OfClient,
            credentials: None,
            listed_within: USUAL_LISTING,
            concurrency: CONCURRENCY,
            part_size: None,
            reporter: Reporter::default(),
        }
    }
}

/// A data link, and how to transfer its files. Made by [`Client::data_link`].
#[derive(Clone, Debug)]
pub struct DataLink {
    client: Client,
    data_link: NameOrId<String>,
    workspace: WorkspaceRef,
    credentials: Option<NameOrId<String>>,
    listed_within: Duration,
    concurrency: usize,
    part_size: Option<u64>,
    reporter: Reporter,
}

/// A data link whose names have been looked up.
#[derive(Clone, Debug)]
pub(super) struct Located {
    pub(super) client: Client,
    pub(super) id: String,
    pub(super) workspace: Option<i64>,
    pub(super) credentials: Option<String>,
    pub(super) concurrency: usize,
    pub(super) part_size: Option<u64>,
    pub(super) reporter: Reporter,
}

/// A file or folder of a data link.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DataLinkEntry {
    /// The path from the root of the data link, without slashes at its ends.
    pub path: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// The size of a file in bytes, where the server tells.
    pub size: Option<u64>,
    /// The media type of a file, where the server tells.
    pub media_type: Option<String>,
}

/// What a transfer came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transferred {
    /// How many files are there now.
    pub files: u64,
    /// How many of them were there already.
    pub kept: u64,
    /// The size of the files that were transferred.
    pub bytes: u64,
    /// Files that were left out, because of their names or because a link leads nowhere.
    pub refused: Vec<RefusedName>,
}

/// A file that was left out because it can't have its name on the other side, or can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedName {
    /// Its path, where it is.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

impl RefusedName {
    pub(super) fn new(path: String, reason: impl Into<String>) -> Self {
        Self {
            path,
            reason: reason.into(),
        }
    }
}

impl DataLink {
    /// The workspace of the data link. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// The credentials to reach the storage with, by name or `Id`, where there are several.
    pub fn credentials<M>(mut self, credentials: impl Setting<NameOrId<String>, M>) -> Self {
        self.credentials = credentials.setting();
        self
    }

    /// How long to wait for the data link to appear while the Platform is still listing the
    /// buckets, as after new credentials. Default: 30 s.
    pub fn listed_within(mut self, at_most: Duration) -> Self {
        self.listed_within = at_most;
        self
    }

    /// How many files, and how many parts of files, are under way at a time. Default 4.
    pub fn concurrency(mut self, transfers: usize) -> Self {
        self.concurrency = transfers.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// The size of parts in bytes. Default: 32 MiB for downloads, 250 MiB for uploads, which is
    /// what the Platform prepares for on S3.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes.max(1));
        self
    }

    /// Is told how far a transfer is, from whichever task runs it: return soon.
    pub fn on_progress(mut self, callback: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.reporter = Reporter::new(callback);
        self
    }

    /// Everything below a folder, depth first: each folder before what is in it, and in each
    /// folder its folders before its files, by name. An empty path is the root.
    ///
    /// Each folder costs a call for every page of it.
    ///
    /// # Errors
    /// The data link is not there or its name fits several, the path is no folder, or a call failed.
    /// The stream ends after an error.
    pub fn tree(&self, folder: &str) -> DataLinkTree {
        let (handle, root) = (self.clone(), folder.trim_matches('/').to_owned());
        let entries = async move { handle.locate().await.map(|link| link.tree(root)) };
        DataLinkTree(Box::pin(stream::once(entries).try_flatten()))
    }

    /// The files below a folder, which the server lists in one call whatever the number of folders.
    /// None if there is no folder of that name, or nothing in it.
    ///
    /// # Errors
    /// The data link is not there or its name fits several, or the call failed.
    pub async fn files_below(&self, folder: &str) -> Result<Vec<DataLinkEntry>> {
        let link = self.locate().await?;
        let folder = folder.trim_matches('/');
        let call = link.client.explore_data_link_tree();
        let listed = call
            .data_link_id(&link.id)
            .workspace_id(link.workspace)
            .credentials_id(link.credentials.clone())
            .paths([folder])
            .send()
            .await?;
        let items = listed.items.unwrap_or_default().into_iter();
        let file = |item: types::DataLinkSimpleItem| {
            // Folders end in a slash.
            let path = item.path.filter(|path| !path.ends_with('/'))?;
            Some(DataLinkEntry {
                path: path.trim_start_matches('/').to_owned(),
                is_folder: false,
                size: item.size.and_then(|size| u64::try_from(size).ok()),
                media_type: None,
            })
        };
        Ok(items.filter_map(file).collect())
    }

    async fn locate(&self) -> Result<Located> {
        let workspace = self.client.workspace(self.workspace.clone()).await?;
        let data_link = self.data_link.clone();
        let id = workspace
            .listed_data_link(data_link, self.listed_within)
            .await?;
        let credentials = match self.credentials.clone() {
            Some(credentials) => Some(workspace.credentials(credentials).await?),
            None => None,
        };
        Ok(Located {
            id,
            workspace: workspace.id(),
            client: workspace.client,
            credentials,
            concurrency: self.concurrency,
            part_size: self.part_size,
            reporter: self.reporter.restarted(),
        })
    }

    pub(super) async fn job(&self) -> Result<Job> {
        let files = self.locate().await?;
        Ok(Job {
            permits: Arc::new(Semaphore::new(files.concurrency)),
            files,
        })
    }
}

/// What is below a folder: see [`DataLink::tree`].
#[must_use = "a stream does nothing until it is polled"]
pub struct DataLinkTree(BoxStream<'static, Result<DataLinkEntry>>);

impl Stream for DataLinkTree {
    type Item = Result<DataLinkEntry>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for DataLinkTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataLinkTree").finish_non_exhaustive()
    }
}

impl Located {
    pub(super) fn tree(&self, root: String) -> BoxStream<'static, Result<DataLinkEntry>> {
        let walk = Walk {
            files: self.clone(),
            root: Some(root),
            stack: Vec::new(),
        };
        Box::pin(stream::try_unfold(walk, |mut walk| async {
            Ok(walk.next().await?.map(|entry| (entry, walk)))
        }))
    }

    /// What is directly in a folder, folders first.
    pub(super) async fn list(&self, folder: &str) -> Result<Vec<DataLinkEntry>> {
        let items: Vec<types::DataLinkItem> = if folder.is_empty() {
            let call = self.client.explore_data_link();
            call.data_link_id(&self.id)
                .workspace_id(self.workspace)
                .credentials_id(self.credentials.clone())
                .stream()
                .try_collect()
                .await?
        } else {
            let call = self.client.explore_data_link_with_path();
            call.data_link_id(&self.id)
                .path(folder)
                .workspace_id(self.workspace)
                .credentials_id(self.credentials.clone())
                .stream()
                .try_collect()
                .await?
        };
        let mut entries: Vec<_> = items
            .into_iter()
            .filter_map(|item| entry(folder, item))
            .collect();
        entries.sort_by(|a, b| (!a.is_folder, &a.path).cmp(&(!b.is_folder, &b.path)));
        Ok(entries)
    }
}

/// One transfer, of one file or many.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub files: Located,
    /// For what goes to and from the storage at a time.
    pub permits: Arc<Semaphore>,
}

impl Job {
    pub(super) fn reporter(&self) -> &Reporter {
        &self.files.reporter
    }

    pub(super) async fn permit(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.permits.clone().acquire_owned().await;
        permit.map_err(|_| Error::new(ErrorKind::Io, "the transfer is over"))
    }

    pub(super) fn storage(&self) -> &Storage {
        self.files.client.inner.storage()
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.files.client.inner.retry)
    }

    pub(super) async fn again(&self, attempts: &mut Attempts, error: Error) -> Result<()> {
        attempts.again(error).await?;
        self.reporter().update(|progress| progress.retries += 1);
        Ok(())
    }
}

/// Says of which file an error is, unless it is of a call, which says so itself.
pub(super) fn named(error: Error, remote: &str) -> Error {
    match error.operation() {
        None => error.in_operation(JOB).at(format!("`{remote}`")),
        Some(_) => error,
    }
}

struct Walk {
    files: Located,
    root: Option<String>,
    /// What is still to come, the next last.
    stack: Vec<DataLinkEntry>,
}

impl Walk {
    async fn next(&mut self) -> Result<Option<DataLinkEntry>> {
        if let Some(root) = self.root.take() {
            self.enter(&root).await?;
        }
        let Some(entry) = self.stack.pop() else {
            return Ok(None);
        };
        if entry.is_folder {
            self.enter(&entry.path).await?;
        }
        Ok(Some(entry))
    }

    async fn enter(&mut self, folder: &str) -> Result<()> {
        if folder.matches('/').count() >= DEEPEST {
            let text = format!("folders are listed more than {DEEPEST} levels deep");
            return Err(Error::new(ErrorKind::InvalidResponse, text).in_operation(JOB));
        }
        let entries = self.files.list(folder).await?;
        self.stack.extend(entries.into_iter().rev());
        Ok(())
    }
}

/// An item of a listing. Storage marks empty folders by objects without a name, which are left out.
fn entry(folder: &str, item: types::DataLinkItem) -> Option<DataLinkEntry> {
    let name = item.name?;
    let is_folder = name.ends_with('/') || item.type_ == Some(types::DataLinkItemType::Folder);
    let name = name.trim_end_matches('/');
    if name.is_empty() {
        return None;
    }
    let is_link = item.type_ == Some(types::DataLinkItemType::FusionSymlinkFile);
    Some(DataLinkEntry {
        path: match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        },
        is_folder,
        // The size of a link is not the size of what it leads to.
        size: (!is_folder && !is_link)
            .then(|| item.size.and_then(|size| size.try_into().ok()))
            .flatten(),
        media_type: item.mime_type,
    })
}

pub(super) fn wrong(text: impl AsRef<str>) -> Error {
    Error::invalid_request(JOB, text)
}
