//! Files on their way to the server.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use reqwest::multipart::{Form, Part};
use tokio::io::AsyncReadExt;

use crate::error::Unsendable;
use crate::{Error, ErrorKind, Result};

/// How much of a file is read at a time.
const READ_BYTES: usize = 256 << 10;

/// A file to upload.
///
/// From bytes and from a path it can be sent again when an attempt fails; from a stream it can't
/// once its first chunk is taken. A path is read from disk while it is sent, not into memory.
///
/// ```
/// # use seqera::Upload;
/// let sheet = Upload::from_bytes("sample,fastq_1\nA,a.fq.gz\n").file_name("samples.csv");
/// let avatar = Upload::from_path("avatar.png");
/// ```
#[derive(Clone, Debug)]
pub struct Upload {
    content: Content,
    file_name: Option<String>,
    media_type: Option<String>,
}

#[derive(Clone)]
enum Content {
    Bytes(Bytes),
    Path(PathBuf),
    Stream(Arc<Mutex<Source>>, Option<u64>),
}

type Chunks = Pin<Box<dyn Stream<Item = std::io::Result<Bytes>> + Send>>;

/// A caller's stream, and whether any of it is gone.
struct Source {
    chunks: Chunks,
    begun: bool,
}

impl Upload {
    /// Content that is in memory.
    pub fn from_bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(Content::Bytes(bytes.into()), None)
    }

    /// A file on disk. Its name is the file name unless [`file_name`](Self::file_name) says
    /// another; it is opened when the call is sent.
    pub fn from_path(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Self::new(Content::Path(path.to_owned()), name)
    }

    /// Content from elsewhere, with its length in bytes if that is known.
    pub fn from_stream(
        chunks: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
        length: Option<u64>,
    ) -> Self {
        let source = Source {
            // One that ended may panic when it is polled again.
            chunks: Box::pin(chunks.fuse()),
            begun: false,
        };
        Self::new(Content::Stream(Arc::new(Mutex::new(source)), length), None)
    }

    fn new(content: Content, file_name: Option<String>) -> Self {
        Self {
            content,
            file_name,
            media_type: None,
        }
    }

    /// The name that the server stores, such as `samples.csv`.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// The media type, such as `text/csv`. Otherwise it follows from the ending of the file name
    /// (csv, tsv, txt, json, yml, png, jpg), or is `application/octet-stream`.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// The same upload with its content in memory, and that content; at most `limit` bytes.
    pub(crate) async fn load(mut self, limit: u64) -> Result<(Self, Bytes)> {
        let too_large = || {
            Error::new(
                ErrorKind::InvalidRequest,
                format!("the file is larger than {limit} bytes"),
            )
        };
        let content = match &self.content {
            Content::Bytes(bytes) => bytes.clone(),
            Content::Path(path) => {
                let failed = crate::files::unreadable(path);
                if tokio::fs::metadata(path).await.map_err(&failed)?.len() > limit {
                    return Err(too_large());
                }
                tokio::fs::read(path).await.map_err(failed)?.into()
            }
            Content::Stream(source, _) => {
                let mut stream = SharedStream(source.clone());
                let mut content = bytes::BytesMut::new();
                while let Some(chunk) = stream.next().await {
                    let chunk =
                        chunk.map_err(|error| Error::io("the stream could not be read", error))?;
                    content.extend_from_slice(&chunk);
                    if content.len() as u64 > limit {
                        return Err(too_large());
                    }
                }
                content.freeze()
            }
        };
        if content.len() as u64 > limit {
            return Err(too_large());
        }
        self.content = Content::Bytes(content.clone());
        Ok((self, content))
    }

    /// The media type that will be sent.
    pub(crate) fn effective_media_type(&self) -> &str {
        let by_name = || media_type_of(self.file_name.as_deref().unwrap_or_default());
        self.media_type.as_deref().unwrap_or_else(by_name)
    }

    /// The content begun anew as a part of a form.
    async fn part(&self) -> Result<Part> {
        let part = match &self.content {
            Content::Bytes(bytes) => Part::stream_with_length(bytes.clone(), bytes.len() as u64),
            Content::Path(path) => {
                let failed =
                    |error| Error::io(format!("{} could not be read", path.display()), error);
                let file = tokio::fs::File::open(path).await.map_err(failed)?;
                let length = file.metadata().await.map_err(failed)?.len();
                let body = reqwest::Body::wrap_stream(file_content(file, length));
                Part::stream_with_length(body, length)
            }
            Content::Stream(source, length) => {
                let chunks = SharedStream(source.clone());
                match length {
                    Some(length) => {
                        let body = reqwest::Body::wrap_stream(of_length(chunks, *length));
                        Part::stream_with_length(body, *length)
                    }
                    None => {
                        let chunks = chunks.map_err(unreadable_stream);
                        Part::stream(reqwest::Body::wrap_stream(chunks))
                    }
                }
            }
        };
        let name = self.file_name.as_deref().unwrap_or("file");
        let media_type = self.effective_media_type();
        let part = part.mime_str(media_type).map_err(|_| {
            Error::invalid_request("upload", format!("`{media_type}` is no media type"))
        })?;
        Ok(part.file_name(in_quotes(name)))
    }

    fn is_spent(&self) -> bool {
        matches!(&self.content, Content::Stream(source, _) if lock(source).begun)
    }
}

/// Text as a parameter of a part's header, in the way of browsers. (reqwest escapes what is left of it
/// that it must.)
fn in_quotes(text: &str) -> String {
    let text = text.replace('\r', "%0D").replace('\n', "%0A");
    let text = text.replace('"', "%22");
    // The rest would be refused, or do harm where it is shown.
    text.replace(char::is_control, "")
}

/// The next bytes of a file, as many as were said to come: it may grow or shrink meanwhile.
pub(crate) fn file_content(
    file: tokio::fs::File,
    length: u64,
) -> impl Stream<Item = Result<Bytes, Unsendable>> {
    stream::try_unfold((file.take(length), length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = BytesMut::with_capacity(READ_BYTES.min(left as usize));
        let read = file
            .read_buf(&mut chunk)
            .await
            .map_err(|error| Unsendable {
                text: "the file to upload could not be read".to_owned(),
                source: Some(error),
            })?;
        match read as u64 {
            0 => Err(Unsendable {
                text: "the file became shorter while it was sent".to_owned(),
                source: None,
            }),
            read => Ok(Some((chunk.freeze(), (file, left - read)))),
        }
    })
}

/// A stream of the caller's, which must be as long as was said.
fn of_length(chunks: SharedStream, length: u64) -> impl Stream<Item = Result<Bytes, Unsendable>> {
    let wrong = move |than: &str| Unsendable {
        text: format!("the stream to upload is {than} than the {length} bytes that were stated"),
        source: None,
    };
    stream::try_unfold((chunks, length), move |(mut chunks, left)| async move {
        match chunks.next().await {
            None if left == 0 => Ok(None),
            None => Err(wrong("shorter")),
            Some(Err(error)) => Err(unreadable_stream(error)),
            Some(Ok(chunk)) => match left.checked_sub(chunk.len() as u64) {
                Some(left) => Ok(Some((chunk, (chunks, left)))),
                None => Err(wrong("longer")),
            },
        }
    })
}

fn unreadable_stream(error: std::io::Error) -> Unsendable {
    Unsendable {
        text: "the stream to upload could not be read".to_owned(),
        source: Some(error),
    }
}

impl From<PathBuf> for Upload {
    fn from(path: PathBuf) -> Self {
        Self::from_path(path)
    }
}

impl From<&Path> for Upload {
    fn from(path: &Path) -> Self {
        Self::from_path(path)
    }
}

impl From<Bytes> for Upload {
    fn from(bytes: Bytes) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<Vec<u8>> for Upload {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_bytes(bytes)
    }
}

/// The content is data of the user's, and may be long.
impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Path(path) => path.fmt(f),
            Self::Stream(..) => f.write_str("stream"),
        }
    }
}

/// Reads the caller's stream where it stands, so that an attempt that failed before its first
/// chunk leaves it whole for the next.
struct SharedStream(Arc<Mutex<Source>>);

impl Stream for SharedStream {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut source = lock(&self.0);
        source.begun = true;
        source.chunks.poll_next_unpin(context)
    }
}

fn lock(source: &Mutex<Source>) -> MutexGuard<'_, Source> {
    source.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn media_type_of(file_name: &str) -> &'static str {
    let ending = file_name
        .rsplit_once('.')
        .map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("csv") => "text/csv",
        Some("tsv") => "text/tab-separated-values",
        Some("txt") => "text/plain",
        Some("json") => "application/json",
        Some("yml" | "yaml") => "application/yaml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => "application/octet-stream",
    }
}

/// The fields of a `multipart/form-data` body, in order.
#[derive(Clone, Debug, Default)]
pub struct MultipartForm(Vec<(Cow<'static, str>, Field)>);

#[derive(Clone)]
enum Field {
    Text(String),
    File(Upload),
}

impl MultipartForm {
    /// A form without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text field.
    pub fn text(mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        self.0.push((name.into(), Field::Text(value.to_string())));
        self
    }

    /// Adds a file.
    pub fn file(mut self, name: impl Into<Cow<'static, str>>, upload: impl Into<Upload>) -> Self {
        self.0.push((name.into(), Field::File(upload.into())));
        self
    }

    /// Adds the fields of an object as text: strings as they are, other values as JSON.
    pub(crate) fn fields(mut self, object: &impl serde::Serialize) -> Self {
        if let Ok(serde_json::Value::Object(object)) = serde_json::to_value(object) {
            for (name, value) in object {
                self = match value {
                    serde_json::Value::String(text) => self.text(name, text),
                    other => self.text(name, other),
                };
            }
        }
        self
    }

    /// Whether nothing was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) async fn begin(&self) -> Result<Form> {
        // Names are quoted here, as browsers do.
        let mut form = Form::new().percent_encode_noop();
        for (name, field) in &self.0 {
            let part = match field {
                Field::Text(value) => Part::text(value.clone()),
                Field::File(upload) => upload.part().await?,
            };
            form = form.part(in_quotes(name), part);
        }
        Ok(form)
    }

    /// Whether part of a stream is gone, so that the form can't be sent (again).
    pub(crate) fn is_spent(&self) -> bool {
        self.0
            .iter()
            .any(|(_, field)| matches!(field, Field::File(upload) if upload.is_spent()))
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("text"),
            Self::File(upload) => upload.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sent(form: &MultipartForm) -> String {
        let chunks: Vec<Bytes> = form
            .begin()
            .await
            .unwrap()
            .into_stream()
            .try_collect()
            .await
            .unwrap();
        String::from_utf8(chunks.concat()).unwrap()
    }

    #[tokio::test]
    async fn bytes_can_be_sent_twice_and_streams_once() {
        let bytes = MultipartForm::new().file("file", Upload::from_bytes("a,b").file_name("x.csv"));
        for _ in 0..2 {
            let text = sent(&bytes).await;
            assert!(
                text.contains("filename=\"x.csv\"\r\nContent-Type: text/csv\r\n\r\na,b"),
                "{text}"
            );
            assert!(!bytes.is_spent());
        }

        let chunks = futures_util::stream::iter([Ok(Bytes::from("one ")), Ok(Bytes::from("two"))]);
        let stream = MultipartForm::new()
            .text("name", 7)
            .file("file", Upload::from_stream(chunks, None));
        drop(stream.begin().await.unwrap());
        assert!(!stream.is_spent(), "nothing was read yet");
        assert!(sent(&stream).await.contains("one two"));
        assert!(stream.is_spent());
    }

    #[tokio::test]
    async fn no_name_gets_out_of_its_header() {
        let upload = Upload::from_bytes("").file_name("a\r\nX: \"y\".csv\u{1b}");
        let form = MultipartForm::new()
            .file("file", upload)
            .text("na\r\nX: me\"", "value\r\nX: y");
        let text = sent(&form).await;
        assert!(
            text.contains("name=\"file\"; filename=\"a%0D%0AX: %22y%22.csv\"\r\n"),
            "{text}"
        );
        assert!(
            text.contains("name=\"na%0D%0AX: me%22\"\r\n\r\nvalue\r\nX: y\r\n"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn streams_are_as_long_as_they_were_said_to_be() {
        for (stated, expected) in [(6, None), (5, Some("longer")), (7, Some("shorter"))] {
            let chunks = stream::iter([Ok(Bytes::from("one")), Ok(Bytes::from("two"))]);
            let form = MultipartForm::new().file("file", Upload::from_stream(chunks, Some(stated)));
            let sent: Result<Vec<Bytes>, _> = form
                .begin()
                .await
                .unwrap()
                .into_stream()
                .try_collect()
                .await;
            match expected {
                None => assert!(sent.is_ok()),
                Some(expected) => {
                    let error = Error::from_reqwest(sent.unwrap_err(), None);
                    assert!(error.message().contains(expected), "{error}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_an_error_that_names_it() {
        let form = MultipartForm::new().file("file", Upload::from_path("no/such/sheet.csv"));
        let error = form.begin().await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("no/such/sheet.csv could not be read"),
            "{error}"
        );
    }

    #[test]
    fn media_types_follow_the_ending() {
        let table = [
            ("a.csv", "text/csv"),
            ("A.TSV", "text/tab-separated-values"),
            ("a.b.json", "application/json"),
            ("csv", "application/octet-stream"),
        ];
        for (name, expected) in table {
            assert_eq!(media_type_of(name), expected);
        }
    }

    #[test]
    fn debug_shows_no_content() {
        let form = MultipartForm::new()
            .text("secret", "hunter2")
            .file("file", Upload::from_bytes("hunter2"));
        assert!(!format!("{form:?}").contains("hunter2"));
    }
}
