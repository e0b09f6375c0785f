//! Datasets by name: create and fill in one step, download a version.

use std::fmt;
use std::path::Path;

use tokio::fs;

use crate::files::{make_folder_of, part_path, unwritable};
use crate::generated::{Client, types};
use crate::names::{Edited, Workspace};
use crate::transport::response::awaited_is_sent;
use crate::{ByteStream, Error, ErrorKind, NameOrId, Result, Setting, Upload, WorkspaceRef};

/// The largest file that the Platform takes for a dataset: 10 MB.
const LARGEST_FILE: u64 = 10 << 20;
const MEDIA_TYPES: [&str; 2] = ["text/csv", "text/tab-separated-values"];

impl Client {
    /// A dataset by its exact name or its `Id`, to upload a version of it or to download one.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use seqera::Upload;
    /// let sheet = client.dataset("samples-2026-03").workspace("acme/research");
    /// let version = sheet.upload(Upload::from_path("samples.csv")).send().await?;
    /// println!("{:?}", version.url);
    /// sheet.download().to_file("copy.csv").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn dataset(&self, dataset: impl Into<NameOrId<String>>) -> Dataset {
        Dataset {
            client: self.clone(),
            dataset: dataset.into(),
            workspace: WorkspaceRef::OfClient,
        }
    }
}

/// A dataset. Made by [`Client::dataset`].
#[derive(Clone, Debug)]
pub struct Dataset {
    client: Client,
    dataset: NameOrId<String>,
    workspace: WorkspaceRef,
}

impl Dataset {
    /// The workspace of the dataset. Default: the client's.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// An upload of a CSV or TSV file, of at most 10 MB, as the first version of a new dataset.
    pub fn upload(&self, file: impl Into<Upload>) -> DatasetUpload {
        DatasetUpload {
            dataset: self.clone(),
            file: file.into(),
            header: DatasetHeader::Auto,
            description: None,
            add_version: false,
        }
    }

    /// A download of the latest version that is not disabled.
    pub fn download(&self) -> DatasetDownload {
        DatasetDownload {
            dataset: self.clone(),
            version: None,
        }
    }

    /// Describes the dataset.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn describe(&self) -> Result<types::DatasetInfo> {
        let workspace = self.workspace_of().await?;
        workspace.describe_dataset(self.dataset.clone()).await
    }

    /// Changes the dataset's name and description: see [`Workspace::edit_dataset`].
    ///
    /// # Errors
    /// There is not exactly one of that name; a call failed.
    pub async fn edit(
        &self,
        change: impl Fn(types::UpdateDatasetRequest) -> types::UpdateDatasetRequest,
    ) -> Result<Edited> {
        let workspace = self.workspace_of().await?;
        workspace.edit_dataset(self.dataset.clone(), change).await
    }

    /// Deletes the dataset with all its versions.
    ///
    /// # Errors
    /// There is not exactly one of that name; the call failed.
    pub async fn delete(&self) -> Result<()> {
        let workspace = self.workspace_of().await?;
        workspace.delete_dataset(self.dataset.clone()).await
    }

    async fn workspace_of(&self) -> Result<Workspace> {
        self.client.workspace(self.workspace.clone()).await
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.dataset {
            NameOrId::Name(name) => write!(f, "dataset `{name}`"),
            NameOrId::Id(id) => write!(f, "dataset {id}"),
        }
    }
}

async fn versions(workspace: &Workspace, id: &str) -> Result<Vec<types::DatasetVersion>> {
    let list = workspace.client.list_dataset_versions_v2();
    let list = list
        .workspace_id(workspace.id())
        .dataset_id(id)
        .send()
        .await;
    let list = list.inspect_err(|error| forget(workspace, error))?;
    Ok(list.versions.unwrap_or_default())
}

/// A name may stand for another dataset by now.
fn forget(workspace: &Workspace, error: &Error) {
    if error.is_gone_or_forbidden() {
        workspace.client.forget_names();
    }
}

/// Whether the first row of a dataset's file names its columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatasetHeader {
    /// Decided by the file: the first row is a header if there are more rows, and its cells are
    /// all filled, all different, and neither numbers nor paths.
    #[default]
    Auto,
    /// It does.
    Present,
    /// It is data.
    Absent,
}

impl From<bool> for DatasetHeader {
    fn from(present: bool) -> Self {
        if present { Self::Present } else { Self::Absent }
    }
}

impl DatasetHeader {
    fn is_present(self, content: &[u8], media_type: &str) -> bool {
        match self {
            Self::Present => true,
            Self::Absent => false,
            Self::Auto => {
                looks_like_header(content, if media_type == "text/csv" { ',' } else { '\t' })
            }
        }
    }
}

fn looks_like_header(content: &[u8], separator: char) -> bool {
    let mut lines = content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    let (Some(first), Some(_)) = (lines.next(), lines.next()) else {
        return false;
    };
    let first = String::from_utf8_lossy(first);
    let mut seen = std::collections::HashSet::new();
    first
        .trim_start_matches('\u{feff}')
        .trim_end_matches('\r')
        .split(separator)
        .map(|cell| cell.trim().trim_matches('"'))
        .all(|cell| {
            !cell.is_empty()
                && !cell.contains('/')
                && cell.parse::<f64>().is_err()
                && seen.insert(cell)
        })
}

/// An upload of a dataset version. Made by [`Dataset::upload`].
#[derive(Clone, Debug)]
#[must_use = "an upload does nothing until it is sent"]
pub struct DatasetUpload {
    dataset: Dataset,
    file: Upload,
    header: DatasetHeader,
    description: Option<String>,
    add_version: bool,
}

awaited_is_sent!(DatasetUpload => types::DatasetVersion);

impl DatasetUpload {
    /// Whether the first row names the columns: a `bool`, or [`DatasetHeader::Auto`], the default.
    pub fn header(mut self, header: impl Into<DatasetHeader>) -> Self {
        self.header = header.into();
        self
    }

    /// The description of a new dataset.
    pub fn description<M>(mut self, text: impl Setting<String, M>) -> Self {
        self.description = text.setting();
        self
    }

    /// Where a dataset of this name exists, adds a version to it instead of failing. One that is
    /// given by its id exists.
    pub fn add_version(mut self, allow: bool) -> Self {
        self.add_version = allow;
        self
    }

    /// Creates the dataset and uploads its first version, or adds a version to the one that exists.
    ///
    /// A dataset that was created here and got no version is deleted again. If this future is
    /// dropped between the two calls, an empty dataset may remain.
    ///
    /// # Errors
    /// The file can't be read, is over 10 MB, is neither CSV nor TSV, or is empty: nothing was
    /// sent. The Platform refuses a second dataset of that name with 409, unless a version is to
    /// be added. A call failed; the error says where an empty dataset remains because it could not
    /// be deleted.
    pub async fn send(self) -> Result<types::DatasetVersion> {
        const JOB: &str = "dataset upload";
        let wrong = |text: String| Error::invalid_request(JOB, text);
        let (file, content) = self
            .file
            .load(LARGEST_FILE)
            .await
            .map_err(|error| error.in_operation(JOB))?;
        let media_type = file.effective_media_type();
        if !MEDIA_TYPES.contains(&media_type) {
            return Err(wrong(format!(
                "a dataset is CSV or TSV, not {media_type}: name the file *.csv or *.tsv, or set \
                 its media type"
            )));
        }
        if content.is_empty() {
            return Err(wrong("the file is empty".to_owned()));
        }
        let header = self.header.is_present(&content, media_type);
        let workspace = self.dataset.workspace_of().await?;
        let upload = |id: &str| {
            let call = workspace.client.upload_dataset_v2();
            call.workspace_id(workspace.id())
                .dataset_id(id)
                .header(header)
                .file(file.clone())
                .send()
        };

        let (name, there) = match self.dataset.dataset.clone() {
            NameOrId::Id(id) => (String::new(), Some(id)),
            NameOrId::Name(name) if self.add_version => {
                let found = workspace.dataset(&name).await;
                (name, found.map(Some).or_else(unless_missing)?)
            }
            NameOrId::Name(name) => (name, None),
        };
        if let Some(id) = there {
            let reply = upload(&id).await;
            return version_of(reply.inspect_err(|error| forget(&workspace, error))?);
        }
        let mut body = types::CreateDatasetRequest::new().name(&name);
        body.description = self.description.clone();
        let call = workspace.client.create_dataset_v2();
        let created = call.workspace_id(workspace.id()).body(body).send().await;
        let created = created.map_err(|error| match error.is_conflict() {
            true => error.noting("call .add_version(true) to add a version to it"),
            false => error,
        })?;
        let id = created.dataset.and_then(|dataset| dataset.id);
        let id = id.ok_or_else(|| no_field("create_dataset_v2", "dataset.id"))?;
        match upload(&id).await {
            Ok(reply) => version_of(reply),
            Err(error) => recover(&workspace, &name, &id, error).await,
        }
    }
}

fn unless_missing<T>(error: Error) -> Result<Option<T>> {
    match error.kind() {
        ErrorKind::NotFound => Ok(None),
        _ => Err(error),
    }
}

/// What is left of a new dataset whose upload failed: the version, if it arrived after all;
/// else nothing, so the dataset is deleted.
async fn recover(
    workspace: &Workspace,
    name: &str,
    id: &str,
    error: Error,
) -> Result<types::DatasetVersion> {
    let remains = |error: Error, why: &str| {
        Err(error.noting(format!("the new dataset {name} ({id}) remains: {why}")))
    };
    if error.is_retryable() && !error.is_connect() && !error.is_rate_limited() {
        match versions(workspace, id).await {
            Ok(mut versions) => {
                if let Some(version) = versions.pop() {
                    return Ok(version);
                }
            }
            Err(_) => return remains(error, "whether it has a version could not be told"),
        }
    }
    let call = workspace.client.delete_dataset_v2();
    let call = call.workspace_id(workspace.id()).dataset_id(id);
    match call.send().await {
        Ok(_) => Err(error),
        Err(deletion) if deletion.is_not_found() => Err(error),
        Err(deletion) => remains(error, &format!("it could not be deleted ({deletion})")),
    }
}

fn version_of(reply: types::UploadDatasetVersionResponse) -> Result<types::DatasetVersion> {
    let version = reply.version;
    version.ok_or_else(|| no_field("upload_dataset_v2", "version"))
}

fn no_field(operation: &'static str, field: &str) -> Error {
    Error::new(
        ErrorKind::InvalidResponse,
        format!("the reply has no `{field}`"),
    )
    .in_operation(operation)
}

/// A download of a dataset version. Made by [`Dataset::download`].
#[derive(Clone, Debug)]
#[must_use = "a download does nothing until it is sent"]
pub struct DatasetDownload {
    dataset: Dataset,
    version: Option<i64>,
}

awaited_is_sent!(DatasetDownload => ByteStream);

impl DatasetDownload {
    /// Another version than the latest, counted from 1.
    pub fn version<M>(mut self, number: impl Setting<i64, M>) -> Self {
        self.version = number.setting();
        self
    }

    /// The content of the version, as it arrives.
    ///
    /// # Errors
    /// No dataset of that exact name, or no such version, and what there is instead; or a call
    /// failed.
    pub async fn send(self) -> Result<ByteStream> {
        let workspace = self.dataset.workspace_of().await?;
        let id = workspace.dataset(self.dataset.dataset.clone()).await?;
        let versions = versions(&workspace, &id).await?;
        let wanted = |version: &&types::DatasetVersion| match self.version {
            Some(number) => version.version == Some(number),
            None => version.disabled != Some(true),
        };
        let latest = versions
            .iter()
            .filter(wanted)
            .max_by_key(|version| version.version);
        let Some(version) = latest else {
            return Err(self.no_version(&versions));
        };
        let number = version.version.unwrap_or_default();
        let call = workspace.client.download_dataset_v2();
        let reply = call
            .workspace_id(workspace.id())
            .dataset_id(id)
            .version(number.to_string())
            .file_name(version.file_name.clone())
            .send()
            .await?;
        Ok(reply)
    }

    fn no_version(&self, there: &[types::DatasetVersion]) -> Error {
        let lacks = match self.version {
            Some(number) => format!("{} has no version {number}", self.dataset),
            None => format!("{} has no version that is not disabled", self.dataset),
        };
        let mut numbers: Vec<_> = there.iter().filter_map(|version| version.version).collect();
        numbers.sort_unstable();
        let text = match numbers.as_slice() {
            [] => format!("{lacks}: it has none"),
            numbers => format!("{lacks}: it has {numbers:?}"),
        };
        Error::new(ErrorKind::NotFound, text).in_operation("dataset download")
    }

    /// Writes the version to a file, which appears when it is complete, in a folder that is made if
    /// needed. Returns its size.
    ///
    /// # Errors
    /// As [`send`](Self::send), or the file could not be written.
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref();
        let part = part_path(path);
        let content = self.send().await?;
        make_folder_of(path).await?;
        let mut file = fs::File::create(&part).await.map_err(unwritable(&part))?;
        let written = content.write_to(&mut file).await?;
        fs::rename(&part, path).await.map_err(unwritable(path))?;
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_told_from_data() {
        let table = [
            ("sample,fastq_1\nA,a.fq.gz\n", true),
            ("\u{feff}\"sample\",\"fastq_1\"\r\nA,a.fq.gz\r\n", true),
            ("sample,fastq_1\n", false),
            ("A,s3://bucket/a.fq.gz\nB,s3://bucket/b.fq.gz\n", false),
            ("A,12\nB,13\n", false),
            ("A,A\nB,C\n", false),
            ("sample,,b\nA,,c\n", false),
            ("", false),
        ];
        for (content, expected) in table {
            assert_eq!(
                looks_like_header(content.as_bytes(), ','),
                expected,
                "{content:?}"
            );
        }
        assert!(looks_like_header(b"sample\tfastq\nA\tb\n", '\t'));
    }
}
