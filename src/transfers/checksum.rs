//! Checksums, where the storage gives one that can be compared.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, SERVER};
use sha2::Sha256;

use crate::files::unreadable;
use crate::{Error, ErrorKind, Result};

/// What the storage says of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checksum {
    Md5([u8; 16]),
    Sha256([u8; 32]),
    Crc32c([u8; 4]),
}

/// The checksum of a whole object, as a reply to a request for it, or a part of it, tells.
///
/// | storage | header |
/// |---|---|
/// | Google | `x-goog-hash`: MD5, or CRC32C alone for objects made of several |
/// | Azure | `x-ms-blob-content-md5`; `Content-MD5` where all of it is sent |
/// | S3 | `x-amz-checksum-sha256` or `-crc32c` where all of it is sent; ETags that are MD5s |
///
/// S3 states its own checksums only where the URL was signed for that.
pub(super) fn of_object(status: StatusCode, headers: &HeaderMap) -> Option<Checksum> {
    let google = |kind: &str| {
        let mut values = headers.get_all("x-goog-hash").into_iter();
        values.find_map(|value| {
            let mut fields = value.to_str().ok()?.split(',');
            fields.find_map(|field| field.trim().strip_prefix(kind))
        })
    };
    // Of a part it may be the part's.
    let is_whole = status == StatusCode::OK || sends_all(headers);
    let whole = |name| text(headers, name).filter(|_| is_whole);
    let md5 = google("md5=")
        .or_else(|| text(headers, "x-ms-blob-content-md5"))
        .or_else(|| whole("content-md5"));
    // Where an object was uploaded in parts it may be that of the parts' ones, which ends in their
    // number and so is no Base64.
    let sha256 = || from_base64(whole("x-amz-checksum-sha256")?);
    let crc32c = || from_base64(google("crc32c=").or_else(|| whole("x-amz-checksum-crc32c"))?);
    md5.and_then(from_base64)
        .map(Checksum::Md5)
        .or_else(|| sha256().map(Checksum::Sha256))
        .or_else(|| of_etag(headers))
        .or_else(|| crc32c().map(Checksum::Crc32c))
}

/// Whether the part that was asked for is all of the object, as in `bytes 0-99/100`.
fn sends_all(headers: &HeaderMap) -> bool {
    let range = text(headers, CONTENT_RANGE.as_str());
    let all = range.and_then(|range| range.strip_prefix("bytes 0-")?.split_once('/'));
    let number = |text: &str| text.parse::<u64>().ok();
    all.is_some_and(|(last, length)| {
        number(last).is_some_and(|last| number(length) == last.checked_add(1))
    })
}

/// The checksum of what was just sent, as the reply tells.
pub(super) fn of_part(headers: &HeaderMap) -> Option<Checksum> {
    let stated = text(headers, "content-md5").and_then(from_base64);
    stated.map(Checksum::Md5).or_else(|| of_etag(headers))
}

/// S3's ETags are MD5s unless the object has parts or is encrypted by a key of its own. Other
/// stores that speak S3 may do as they like.
fn of_etag(headers: &HeaderMap) -> Option<Checksum> {
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
    Some(Checksum::Md5(digest))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn from_base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64_STANDARD.decode(text.trim()).ok()?.try_into().ok()
}

/// Compares a part of a file, or all of it, with what the storage says it is.
pub(super) async fn verify(path: &Path, start: u64, length: u64, expected: Checksum) -> Result<()> {
    let file = path.to_owned();
    let found = tokio::task::spawn_blocking(move || expected.again(file, start, length)).await;
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

impl Checksum {
    /// The checksum of the same kind of a part of a file.
    fn again(self, path: PathBuf, start: u64, length: u64) -> std::io::Result<Self> {
        Ok(match self {
            Self::Md5(_) => Self::Md5(digest::<Md5>(path, start, length)?.finalize().into()),
            Self::Sha256(_) => {
                Self::Sha256(digest::<Sha256>(path, start, length)?.finalize().into())
            }
            Self::Crc32c(_) => {
                let mut crc = 0;
                read(path, start, length, |chunk| {
                    crc = crc32c::crc32c_append(crc, chunk)
                })?;
                Self::Crc32c(crc.to_be_bytes())
            }
        })
    }
}

fn digest<D: Digest>(path: PathBuf, start: u64, length: u64) -> std::io::Result<D> {
    let mut digest = D::new();
    read(path, start, length, |chunk| digest.update(chunk))?;
    Ok(digest)
}

fn read(
    path: PathBuf,
    start: u64,
    length: u64,
    mut take: impl FnMut(&[u8]),
) -> std::io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut content = file.take(length);
    let mut buffer = vec![0; 256 << 10];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(()),
            read => take(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    const MD5: &str = "XrY7u+Ae7tCTyyK7j1rNww==";
    const SHA256: &str = "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=";
    const CRC32C: &str = "yZRlqg==";

    /// Everything is of `hello world`.
    async fn fits(status: u16, headers: &[(&'static str, &str)]) -> Option<bool> {
        let pairs = headers.iter().map(|(name, value)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        });
        let status = StatusCode::from_u16(status).unwrap();
        let stated = of_object(status, &pairs.collect())?;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("content");
        std::fs::write(&path, "hello world!").unwrap();
        let (same, other) = (
            verify(&path, 0, 11, stated).await,
            verify(&path, 0, 12, stated).await,
        );
        assert!(other.is_err());
        Some(same.is_ok())
    }

    #[tokio::test]
    async fn each_store_states_its_own() {
        let google = format!("crc32c={CRC32C},md5={MD5}");
        let s3 = ("server", "AmazonS3");
        let etag = ("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
        for headers in [
            [("x-goog-hash", google.as_str()); 1].as_slice(),
            &[("x-goog-hash", &google[..15])],
            &[("x-ms-blob-content-md5", MD5)],
            &[s3, etag],
            &[s3, etag, ("x-amz-server-side-encryption", "AES256")],
        ] {
            assert_eq!(fits(206, headers).await, Some(true), "{headers:?}");
        }
        for headers in [
            [("content-md5", MD5)],
            [("x-amz-checksum-sha256", SHA256)],
            [("x-amz-checksum-crc32c", CRC32C)],
        ] {
            assert_eq!(fits(200, &headers).await, Some(true), "{headers:?}");
            let [stated] = headers;
            let all = [stated, ("content-range", "bytes 0-10/11")];
            assert_eq!(fits(206, &all).await, Some(true), "{headers:?}");
            let part = [stated, ("content-range", "bytes 0-10/12")];
            assert_eq!(
                fits(206, &part).await,
                None,
                "{headers:?} may be of the part"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_checksum_of_the_content_is_not_compared() {
        let s3 = ("server", "AmazonS3");
        for headers in [
            [("x-amz-checksum-crc32c", "yZRlqg==-3"), s3],
            [("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3-2\""), s3],
            [
                ("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\""),
                ("server", "Other"),
            ],
            [("x-goog-hash", "md5=short"), s3],
        ] {
            assert_eq!(fits(200, &headers).await, None, "{headers:?}");
        }
        let etag = ("etag", "\"5eb63bbbe01eeed093cb22bb8f5acdc3\"");
        let own_key = ("x-amz-server-side-encryption", "aws:kms");
        assert_eq!(fits(206, &[s3, etag, own_key]).await, None);
    }
}
