//! An object store in the manner of S3: presigned URLs to download an object or to upload a part
//! of one. It listens on a port of its own, so that it is another host than the API's.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::{Millis, locked, mix};

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
    /// Finished uploads that are to be objects later: when, where, and what.
    settling: Vec<(Millis, (String, String), Object)>,
    /// How many uploads there were.
    begun: u64,
}

#[derive(Clone)]
pub struct Object {
    pub content: Bytes,
    /// Worked out when it is first asked for.
    etag: Arc<OnceLock<String>>,
}

impl Object {
    fn etag(&self) -> &str {
        self.etag
            .get_or_init(|| quoted(&Md5::digest(&self.content)))
    }
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
            content,
            etag: Arc::default(),
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

    /// All objects: bucket, key, content.
    pub fn objects(&self) -> Vec<(String, String, Bytes)> {
        (locked(&self.shelves).objects.iter())
            .map(|((bucket, key), object)| (bucket.clone(), key.clone(), object.content.clone()))
            .collect()
    }

    /// Whether there was such an object.
    pub fn remove(&self, bucket: &str, key: &str) -> bool {
        let place = (bucket.to_owned(), key.to_owned());
        locked(&self.shelves).objects.remove(&place).is_some()
    }

    pub fn presigned_get(&self, bucket: &str, key: &str) -> String {
        let signature = sign(&format!("GET {bucket}/{key}"));
        format!("{}?{signature}", self.url(bucket, key))
    }

    /// Begins an upload: its id, and a URL for each part.
    pub fn begin_upload(&self, bucket: &str, key: &str, length: u64) -> (String, Vec<String>) {
        let part_count = length.div_ceil(PART_SIZE).max(1);
        let url = self.url(bucket, key);
        let mut shelves = locked(&self.shelves);
        shelves.begun += 1;
        let id = format!("{:016x}", mix(shelves.begun ^ 0xB0B0));
        let urls = (1..=part_count)
            .map(|part| {
                let signature = sign(&format!("PUT {id}/{part}"));
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

    /// Lets finished uploads be objects that are due by now.
    pub fn settle(&self, now: Millis) {
        let mut shelves = locked(&self.shelves);
        let due = |(at, ..): &mut (Millis, _, _)| *at <= now;
        let settled: Vec<_> = shelves.settling.extract_if(.., due).collect();
        for (_, place, object) in settled {
            shelves.objects.insert(place, object);
        }
    }

    /// Makes an object of the uploaded parts, at once or when it is due. `etags` must be theirs, in the
    /// order of the parts.
    pub fn finish_upload(
        &self,
        id: &str,
        etags: &[(u64, String)],
        due: Option<Millis>,
    ) -> Result<(), Unfinished> {
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
            etag: Arc::new(OnceLock::from(etag)),
        };
        shelves.uploads.remove(id);
        match due {
            Some(due) => shelves.settling.push((due, place, object)),
            None => {
                shelves.objects.insert(place, object);
            }
        }
        Ok(())
    }

    fn url(&self, bucket: &str, key: &str) -> String {
        format!("{}/{bucket}/{}", self.host, utf8_percent_encode(key, PATH))
    }
}

/// The query part that presigns a URL. Nothing is kept of it: it follows from what it allows.
fn sign(what: &str) -> String {
    let digest = Md5::digest(format!("test-platform {what}"));
    format!("X-Amz-Expires=3600&X-Amz-Signature={}", hex(&digest))
}

/// A request to the store.
pub struct Asked<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    /// Whether it carries an `Authorization`, which presigned URLs must not.
    pub authorised: bool,
    pub range: Option<&'a str>,
    pub body: Bytes,
}

/// What the store answers.
pub struct Answered {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Answered {
    fn fault(status: u16, code: &str, message: &str) -> Self {
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        Self {
            status,
            headers: vec![("content-type", "application/xml".to_owned())],
            body: xml.into(),
        }
    }
}

impl Store {
    pub fn serve(&self, asked: Asked<'_>) -> Answered {
        if asked.authorised {
            return Answered::fault(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; the query's signature or the Authorization header",
            );
        }
        let query: HashMap<_, _> = form_urlencoded::parse(asked.query.as_bytes()).collect();
        let value = |name: &str| query.get(name).map_or("", |value| &**value);
        let is_signed =
            |what: &str| sign(what).ends_with(&format!("={}", value("X-Amz-Signature")));
        let path = percent_decode_str(asked.path.trim_start_matches('/')).decode_utf8_lossy();
        match asked.method {
            "GET" if is_signed(&format!("GET {path}")) => {
                let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
                match self.get(bucket, key) {
                    Some(object) => download(&object, asked.range),
                    None => Answered::fault(404, "NoSuchKey", "The specified key does not exist"),
                }
            }
            "PUT"
                if is_signed(&format!(
                    "PUT {}/{}",
                    value("uploadId"),
                    value("partNumber")
                )) =>
            {
                let mut shelves = locked(&self.shelves);
                let Some(upload) = shelves.uploads.get_mut(value("uploadId")) else {
                    return Answered::fault(404, "NoSuchUpload", "The upload is over");
                };
                let digest: [u8; 16] = Md5::digest(&asked.body).into();
                let part = value("partNumber").parse().unwrap_or_default();
                let content = asked.body;
                upload.parts.insert(part, Part { content, digest });
                Answered {
                    status: 200,
                    headers: vec![("etag", quoted(&digest))],
                    body: Bytes::new(),
                }
            }
            _ => Answered::fault(403, "AccessDenied", "Access Denied"),
        }
    }
}

/// The object, or the part of it that a `Range` header asks for.
fn download(object: &Object, range: Option<&str>) -> Answered {
    let length = object.content.len();
    let about = [
        ("etag", object.etag().to_owned()),
        ("content-type", "binary/octet-stream".to_owned()),
        ("accept-ranges", "bytes".to_owned()),
    ];
    let answered = |status, more: Option<String>, body: Bytes| Answered {
        status,
        headers: (about.iter().cloned())
            .chain(more.map(|range| ("content-range", range)))
            .collect(),
        body,
    };
    match range.and_then(|range| byte_range(range, length)) {
        None => answered(200, None, object.content.clone()),
        Some((start, end)) if start < end => answered(
            206,
            Some(format!("bytes {start}-{}/{length}", end - 1)),
            object.content.slice(start..end),
        ),
        Some(_) => Answered {
            status: 416,
            headers: vec![("content-range", format!("bytes */{length}"))],
            body: Bytes::new(),
        },
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
