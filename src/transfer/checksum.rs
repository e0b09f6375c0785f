//! Checksums, where the storage gives one that can be compared.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use reqwest::header::{ETAG, HeaderMap, SERVER};

use crate::local::unreadable;
use crate::{Error, ErrorKind, Result};

/// The MD5 of a whole object, as a reply to a request for it, or a part of it, tells.
pub(super) fn of_object(headers: &HeaderMap) -> Option<[u8; 16]> {
    let google = headers
        .get_all("x-goog-hash")
        .into_iter()
        .find_map(|value| {
            let fields = value.to_str().ok()?.split(',');
            let md5 = fields
                .into_iter()
                .find_map(|field| field.trim().strip_prefix("md5="))?;
            from_base64(md5)
        });
    let azure = || from_base64(text(headers, "x-ms-blob-content-md5")?);
    google.or_else(azure).or_else(|| of_etag(headers))
}

/// The MD5 of what was just sent, as the reply tells.
pub(super) fn of_part(headers: &HeaderMap) -> Option<[u8; 16]> {
    let stated = text(headers, "content-md5").and_then(from_base64);
    stated.or_else(|| of_etag(headers))
}

/// S3's ETags are MD5s unless the object has parts or is encrypted by a key of its own. Other
/// stores that speak S3 may do as they like.
fn of_etag(headers: &HeaderMap) -> Option<[u8; 16]> {
    let is_s3 = text(headers, SERVER.as_str()) == Some("AmazonS3");
    let encryption = text(headers, "x-amz-server-side-encryption");
    let own_key = headers.contains_key("x-amz-server-side-encryption-customer-algorithm");
    if !is_s3 || own_key || encryption.is_some_and(|kind| kind != "AES256") {
        return None;
    }
    let hex = text(headers, ETAG.as_str())?.trim_matches('"');
    if hex.len() != 32 || !hex.is_ascii() {
        return None;
    }
    let mut digest = [0; 16];
    for (byte, at) in digest.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(digest)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn from_base64(text: &str) -> Option<[u8; 16]> {
    BASE64_STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// Compares a part of a file, or all of it, with what the storage says it is.
pub(super) async fn verify(path: &Path, start: u64, length: u64, expected: [u8; 16]) -> Result<()> {
    let file = path.to_owned();
    let found = tokio::task::spawn_blocking(move || digest(file, start, length)).await;
    let found = found.map_err(std::io::Error::other).and_then(|found| found);
    if found.map_err(unreadable(path))? == expected {
        return Ok(());
    }
    let text = format!(
        "{} and the stored object have different checksums",
        path.display()
    );
    Err(Error::new(ErrorKind::InvalidResponse, text))
}

fn digest(path: PathBuf, start: u64, length: u64) -> std::io::Result<[u8; 16]> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut content = file.take(length);
    let mut md5 = Md5::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(md5.finalize().into()),
            read => md5.update(&buffer[..read]),
        }
    }
}
