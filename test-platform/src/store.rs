//! An object store in the manner of S3: presigned URLs to download an object or to upload a part
//! of one. It listens on a port of its own, so that it is another host than the API's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::{ACCEPT_RANGES, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, RANGE};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::state::{Shared, locked, mix};

/// Each part of an upload but the last has this size.
pub const PART_SIZE: u64 = 250 << 20;

/// What an object's key keeps in a URL's path.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

pub struct Store {
    host: String,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    /// By bucket and key.
    objects: BTreeMap<(String, String), Object>,
    uploads: HashMap<String, Upload>,
    /// What each signature that was handed out allows.
    grants: HashMap<String, Grant>,
}

#[derive(Clone)]
pub struct Object {
    pub content: Bytes,
    etag: String,
}

struct Upload {
    bucket: String,
    key: String,
    part_count: u64,
    parts: BTreeMap<u64, Part>,
}

struct Part {
    content: Bytes,
    digest: [u8; 16],
}

#[derive(Clone)]
enum Grant {
    Get { bucket: String, key: String },
    Put { upload: String, part: u64 },
}

/// Why an upload can't be finished.
pub struct Unfinished(pub String);

impl Store {
    pub fn new(host: String) -> Self {
        Self {
            host,
            shelves: Mutex::default(),
        }
    }

    pub fn put(&self, bucket: &str, key: &str, content: Bytes) {
        let object = Object {
            etag: quoted(&Md5::digest(&content)),
            content,
        };
        let place = (bucket.to_owned(), key.to_owned());
        locked(&self.shelves).objects.insert(place, object);
    }

    pub fn get(&self, bucket: &str, key: &str) -> Option<Object> {
        let place = (bucket.to_owned(), key.to_owned());
        locked(&self.shelves).objects.get(&place).cloned()
    }

    /// Keys that begin with `prefix`, in order, and their sizes.
    pub fn list(&self, bucket: &str, prefix: &str) -> Vec<(String, usize)> {
        let from = (bucket.to_owned(), prefix.to_owned());
        (locked(&self.shelves).objects.range(from..))
            .take_while(|((in_bucket, key), _)| in_bucket == bucket && key.starts_with(prefix))
            .map(|((_, key), object)| (key.clone(), object.content.len()))
            .collect()
    }

    pub fn presigned_get(&self, bucket: &str, key: &str) -> String {
        let signature = locked(&self.shelves).grant(Grant::Get {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        });
        format!("{}?{signature}", self.url(bucket, key))
    }

    /// Begins an upload: its id, and a URL for each part.
    pub fn begin_upload(&self, bucket: &str, key: &str, length: u64) -> (String, Vec<String>) {
        let part_count = length.div_ceil(PART_SIZE).max(1);
        let url = self.url(bucket, key);
        let mut shelves = locked(&self.shelves);
        let id = format!("{:016x}", mix(shelves.grants.len() as u64 ^ 0xB0B0));
        let urls = (1..=part_count)
            .map(|part| {
                let upload = id.clone();
                let signature = shelves.grant(Grant::Put { upload, part });
                format!("{url}?partNumber={part}&uploadId={id}&{signature}")
            })
            .collect();
        let upload = Upload {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            part_count,
            parts: BTreeMap::new(),
        };
        shelves.uploads.insert(id.clone(), upload);
        (id, urls)
    }

    pub fn abort_upload(&self, id: &str) -> Result<(), Unfinished> {
        match locked(&self.shelves).uploads.remove(id) {
            Some(_) => Ok(()),
            None => Err(Unfinished(format!("Unknown upload: {id}"))),
        }
    }

    /// Makes an object of the uploaded parts. `etags` must be theirs, in the order of the parts.
    pub fn finish_upload(&self, id: &str, etags: &[(u64, String)]) -> Result<(), Unfinished> {
        let mut shelves = locked(&self.shelves);
        let unfinished = |reason: String| Err(Unfinished(reason));
        let Some(upload) = shelves.uploads.get(id) else {
            return unfinished(format!("Unknown upload: {id}"));
        };
        if etags.len() as u64 != upload.part_count {
            return unfinished(format!(
                "The upload has {} parts, not {}",
                upload.part_count,
                etags.len()
            ));
        }
        let mut content = Vec::new();
        let mut digests = Md5::new();
        for (expected, (number, etag)) in (1..).zip(etags) {
            match upload.parts.get(number) {
                _ if *number != expected => {
                    return unfinished("The parts are not in ascending order".to_owned());
                }
                Some(part) if quoted(&part.digest).trim_matches('"') == etag.trim_matches('"') => {
                    content.extend_from_slice(&part.content);
                    digests.update(part.digest);
                }
                Some(_) => return unfinished(format!("Part {number} has another ETag")),
                None => return unfinished(format!("Part {number} was not uploaded")),
            }
        }
        let etag = format!("\"{}-{}\"", hex(&digests.finalize()), upload.part_count);
        let place = (upload.bucket.clone(), upload.key.clone());
        let object = Object {
            content: content.into(),
            etag,
        };
        shelves.uploads.remove(id);
        shelves.objects.insert(place, object);
        Ok(())
    }

    fn url(&self, bucket: &str, key: &str) -> String {
        format!("{}/{bucket}/{}", self.host, utf8_percent_encode(key, PATH))
    }
}

impl Shelves {
    /// The query part that presigns a URL.
    fn grant(&mut self, grant: Grant) -> String {
        let number = self.grants.len() as u64;
        let signature = format!("{:016x}{:016x}", mix(number ^ 0x51), mix(number ^ 0x52));
        self.grants.insert(signature.clone(), grant);
        format!("X-Amz-Expires=3600&X-Amz-Signature={signature}")
    }
}

pub fn routes(world: Shared) -> Router {
    Router::new()
        .fallback(serve)
        .layer(DefaultBodyLimit::disable())
        .with_state(world)
}

async fn serve(
    State(world): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = |status, code: &str, message: &str| {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        (status, [(CONTENT_TYPE, "application/xml")], xml).into_response()
    };
    if headers.contains_key(AUTHORIZATION) {
        return fault(
            StatusCode::BAD_REQUEST,
            "InvalidArgument",
            "Only one auth mechanism allowed; the query's signature or the Authorization header",
        );
    }
    let denied = || fault(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied");
    let query = uri.query().unwrap_or_default().as_bytes();
    let Some((_, signature)) =
        form_urlencoded::parse(query).find(|(name, _)| name == "X-Amz-Signature")
    else {
        return denied();
    };
    let grant = locked(&world.store.shelves)
        .grants
        .get(&*signature)
        .cloned();
    match (grant, method) {
        (Some(Grant::Get { bucket, key }), Method::GET)
            if uri.path() == format!("/{bucket}/{}", utf8_percent_encode(&key, PATH)) =>
        {
            match world.store.get(&bucket, &key) {
                Some(object) => download(&object, headers.get(RANGE).and_then(|v| v.to_str().ok())),
                None => fault(
                    StatusCode::NOT_FOUND,
                    "NoSuchKey",
                    "The specified key does not exist",
                ),
            }
        }
        (Some(Grant::Put { upload, part }), Method::PUT) => {
            let mut shelves = locked(&world.store.shelves);
            let Some(upload) = shelves.uploads.get_mut(&upload) else {
                return fault(StatusCode::NOT_FOUND, "NoSuchUpload", "The upload is over");
            };
            let digest: [u8; 16] = Md5::digest(&body).into();
            let content = body;
            upload.parts.insert(part, Part { content, digest });
            [(ETAG, quoted(&digest))].into_response()
        }
        _ => denied(),
    }
}

/// The object, or the part of it that a `Range` header asks for.
fn download(object: &Object, range: Option<&str>) -> Response {
    let length = object.content.len();
    let about = [
        (ETAG, object.etag.clone()),
        (CONTENT_TYPE, "binary/octet-stream".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
    ];
    match range.and_then(|range| byte_range(range, length)) {
        None => (about, object.content.clone()).into_response(),
        Some((start, end)) if start < end => (
            StatusCode::PARTIAL_CONTENT,
            about,
            [(CONTENT_RANGE, format!("bytes {start}-{}/{length}", end - 1))],
            object.content.slice(start..end),
        )
            .into_response(),
        Some(_) => (
            StatusCode::RANGE_NOT_SATISFIABLE,
            [(CONTENT_RANGE, format!("bytes */{length}"))],
        )
            .into_response(),
    }
}

/// Start and end (exclusive) of `bytes=a-b`, `bytes=a-` or `bytes=-n`; other forms are ignored, as
/// HTTP wants it. The range is empty where it can't be satisfied.
fn byte_range(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (first, last) {
        ("", suffix) => Some((length.saturating_sub(suffix.parse().ok()?), length)),
        (first, "") => Some((first.parse::<usize>().ok()?.min(length), length)),
        (first, last) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then(|| (first.min(length), length.min(last.saturating_add(1))))
        }
    }
}

fn quoted(digest: &[u8]) -> String {
    format!("\"{}\"", hex(digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
