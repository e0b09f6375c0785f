//! Datasets by name: create and fill in one step, download a version.

use std::path::Path;

use progenitor_client::ResponseValue;
use tokio::fs;

use crate::generated::{Client, types};
use crate::local::{make_folder_of, part_path, unwritable};
use crate::prelude::*;
use crate::scope::Scope;
use crate::{Argument, ByteStream, Error, ErrorKind, Result, Upload};

/// The largest file that the Platform takes for a dataset: 10 MB.
const LARGEST_FILE: u64 = 10 << 20;
const MEDIA_TYPES: [&str; 2] = ["text/csv", "text/tab-separated-values"];
/// So many other names are listed where one is not found.
const SUGGESTIONS: usize = 5;

impl Client {
    /// A dataset by its exact name, to upload a version of it or to download one.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use seqera::Upload;
    /// let sheet = client.dataset_named("samples-2026-03").workspace_id(42);
    /// let version = sheet.upload(Upload::from_path("samples.csv")).send().await?;
    /// println!("{:?}", version.url);
    /// sheet.download().to_file("copy.csv").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn dataset_named(&self, name: impl Into<String>) -> DatasetByName {
        DatasetByName {
            client: self.clone(),
            name: name.into(),
            workspace: Scope::PERSONAL,
        }
    }
}

/// A dataset by name. Made by [`Client::dataset_named`].
#[derive(Clone, Debug)]
pub struct DatasetByName {
    client: Client,
    name: String,
    workspace: Scope,
}

impl DatasetByName {
    /// The workspace of the dataset; without it, the personal context.
    pub fn workspace_id(mut self, id: impl Argument<i64>) -> Self {
        self.workspace = Scope::new(id);
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

    /// The id of the dataset, or `Err` with the names that are near.
    async fn find(&self, workspace: Option<i64>) -> Result<Result<String, Vec<String>>> {
        let mut near = Vec::new();
        let mut datasets = self
            .client
            .list_datasets_v2()
            .workspace_id(workspace)
            .search(&self.name)
            .stream();
        while let Some(dataset) = datasets.try_next().await? {
            match (dataset.name, dataset.id) {
                (Some(name), Some(id)) if name == self.name => return Ok(Ok(id)),
                (Some(name), _) if near.len() < SUGGESTIONS => near.push(name),
                _ => {}
            }
        }
        Ok(Err(near))
    }

    async fn versions(
        &self,
        workspace: Option<i64>,
        id: &str,
    ) -> Result<Vec<types::DatasetVersionDto>> {
        let list = self
            .client
            .list_dataset_versions_v2()
            .workspace_id(workspace)
            .dataset_id(id)
            .send()
            .await?;
        Ok(list.into_inner().versions.unwrap_or_default())
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

/// An upload of a dataset version. Made by [`DatasetByName::upload`].
#[derive(Clone, Debug)]
#[must_use = "an upload does nothing until it is sent"]
pub struct DatasetUpload {
    dataset: DatasetByName,
    file: Upload,
    header: DatasetHeader,
    description: Option<String>,
    add_version: bool,
}

impl DatasetUpload {
    /// Whether the first row names the columns: a `bool`, or [`DatasetHeader::Auto`], the default.
    pub fn header(mut self, header: impl Into<DatasetHeader>) -> Self {
        self.header = header.into();
        self
    }

    /// The description of a new dataset.
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Where a dataset of this name exists, adds a version to it instead of failing.
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
    /// sent. A dataset of that name exists. A call failed; the error says where an empty dataset
    /// remains because it could not be deleted.
    pub async fn send(self) -> Result<types::DatasetVersionDto> {
        const JOB: &str = "dataset upload";
        let wrong = |text: String| Error::invalid_request(JOB, text);
        let workspace = self.dataset.workspace.id(JOB)?;
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
        let upload = |id: &str| {
            let call = self.dataset.client.upload_dataset_v2();
            call.workspace_id(workspace)
                .dataset_id(id)
                .header(header)
                .file(file.clone())
                .send()
        };

        if self.add_version
            && let Ok(id) = self.dataset.find(workspace).await?
        {
            return version_of(upload(&id).await?);
        }
        let mut body = types::CreateDatasetRequest::new().name(&self.dataset.name);
        body.description = self.description.clone();
        let created = self
            .dataset
            .client
            .create_dataset_v2()
            .workspace_id(workspace)
            .body(body)
            .send()
            .await?;
        let id = created.into_inner().dataset.and_then(|dataset| dataset.id);
        let id = id.ok_or_else(|| no_field("create_dataset_v2", "dataset.id"))?;
        match upload(&id).await {
            Ok(reply) => version_of(reply),
            Err(error) => recover(&self.dataset, workspace, &id, error).await,
        }
    }
}

/// What is left of a new dataset whose upload failed: the version, if it arrived after all;
/// else nothing, so the dataset is deleted.
async fn recover(
    dataset: &DatasetByName,
    workspace: Option<i64>,
    id: &str,
    error: Error,
) -> Result<types::DatasetVersionDto> {
    let remains = |error: Error, why: &str| {
        let name = &dataset.name;
        Err(error.noting(format!("the new dataset {name} ({id}) remains: {why}")))
    };
    if error.is_retryable() && !error.is_connect() && !error.is_rate_limited() {
        match dataset.versions(workspace, id).await {
            Ok(mut versions) => {
                if let Some(version) = versions.pop() {
                    return Ok(version);
                }
            }
            Err(_) => return remains(error, "whether it has a version could not be told"),
        }
    }
    let deleted = dataset
        .client
        .delete_dataset_v2()
        .workspace_id(workspace)
        .dataset_id(id)
        .send()
        .await;
    match deleted {
        Ok(_) => Err(error),
        Err(deletion) if deletion.is_not_found() => Err(error),
        Err(deletion) => remains(error, &format!("it could not be deleted ({deletion})")),
    }
}

fn version_of(
    reply: ResponseValue<types::UploadDatasetVersionResponse>,
) -> Result<types::DatasetVersionDto> {
    let version = reply.into_inner().version;
    version.ok_or_else(|| no_field("upload_dataset_v2", "version"))
}

fn no_field(operation: &'static str, field: &str) -> Error {
    Error::new(
        ErrorKind::InvalidResponse,
        format!("the reply has no `{field}`"),
    )
    .in_operation(operation)
}

/// A download of a dataset version. Made by [`DatasetByName::download`].
#[derive(Clone, Debug)]
#[must_use = "a download does nothing until it is sent"]
pub struct DatasetDownload {
    dataset: DatasetByName,
    version: Option<i64>,
}

impl DatasetDownload {
    /// Another version than the latest, counted from 1.
    pub fn version(mut self, number: i64) -> Self {
        self.version = Some(number);
        self
    }

    /// The content of the version, as it arrives.
    ///
    /// # Errors
    /// No dataset of that exact name, or no such version, and what there is instead; or a call
    /// failed.
    pub async fn send(self) -> Result<ByteStream> {
        const JOB: &str = "dataset download";
        let wrong = |text: String| Err(Error::invalid_request(JOB, text));
        let workspace = self.dataset.workspace.id(JOB)?;
        let name = &self.dataset.name;
        let id = match self.dataset.find(workspace).await? {
            Ok(id) => id,
            Err(near) if near.is_empty() => return wrong(format!("there is no dataset `{name}`")),
            Err(near) => {
                return wrong(format!(
                    "there is no dataset `{name}`, but there is: {}",
                    near.join(", ")
                ));
            }
        };
        let versions = self.dataset.versions(workspace, &id).await?;
        let usable = versions.iter().filter(|version| match self.version {
            Some(number) => version.version == Some(number),
            None => version.disabled != Some(true),
        });
        let Some(version) = usable.max_by_key(|version| version.version) else {
            return wrong(match self.version {
                Some(number) => format!("dataset `{name}` has no version {number}"),
                None => format!("dataset `{name}` has no version that is not disabled"),
            });
        };
        let number = version.version.unwrap_or_default();
        let reply = self
            .dataset
            .client
            .download_dataset_v2()
            .workspace_id(workspace)
            .dataset_id(id)
            .version(number.to_string())
            .file_name(version.file_name.clone())
            .send()
            .await?;
        Ok(reply.into_inner())
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
