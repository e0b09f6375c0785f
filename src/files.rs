//! Files of this machine: those that a caller names, and those that are being written.

use std::path::{Path, PathBuf};

use tokio::fs;

use crate::{Error, Result};

mod remote_name;

pub(crate) use remote_name::relative_path;

/// Where a file is written until it is complete.
pub(crate) fn part_path(path: &Path) -> PathBuf {
    with_suffix(path, ".part")
}

pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

pub(crate) fn unwritable(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |error| Error::io(format!("{} could not be written", path.display()), error)
}

pub(crate) fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |error| Error::io(format!("{} could not be read", path.display()), error)
}

/// Whether the file system does not take a name, which is the fault of the name alone.
pub(crate) fn is_name_refused(error: &Error) -> bool {
    use std::io::ErrorKind::{InvalidFilename, InvalidInput};

    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    let is_refused =
        |cause: &std::io::Error| matches!(cause.kind(), InvalidFilename | InvalidInput);
    error.kind() == crate::ErrorKind::Io && cause.is_some_and(is_refused)
}

pub(crate) async fn make_folder_of(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder)
            .await
            .map_err(|error| unwritable(folder)(error)),
        _ => Ok(()),
    }
}

/// Reads a text that a caller names, of so many bytes at most: a regular file, or standard input
/// where there is no path. Nothing else, since a device or a pipe may never end.
#[cfg(feature = "runs")]
pub(crate) async fn read_text(path: Option<&Path>, shown: &str, at_most: u64) -> Result<String> {
    use std::io::Read as _;

    let path = path.map(Path::to_owned);
    let reading = tokio::task::spawn_blocking(move || -> Result<Vec<u8>, String> {
        let unreadable = |error: std::io::Error| format!("can't be read: {error}");
        let source: Box<dyn std::io::Read> = match path {
            None => Box::new(std::io::stdin().lock()),
            Some(path) => {
                // Before it is opened, which a pipe keeps waiting.
                if !std::fs::metadata(&path).map_err(unreadable)?.is_file() {
                    return Err("is no regular file".to_owned());
                }
                Box::new(std::fs::File::open(&path).map_err(unreadable)?)
            }
        };
        let mut bytes = Vec::new();
        let mut source = source.take(at_most + 1);
        source.read_to_end(&mut bytes).map_err(unreadable)?;
        match bytes.len() as u64 > at_most {
            true => Err(format!("has more than {} MiB", at_most >> 20)),
            false => Ok(bytes),
        }
    });
    let bytes = match reading.await {
        Ok(bytes) => bytes,
        Err(error) => Err(format!("can't be read: {error}")),
    };
    bytes
        .and_then(|bytes| text_of(&bytes))
        .map_err(|why| Error::new(crate::ErrorKind::Io, format!("{shown} {why}")))
}

/// The text of a file, without a byte order mark.
#[cfg(feature = "runs")]
fn text_of(bytes: &[u8]) -> Result<String, String> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err("is UTF-16: save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8 from line {line} on: save it as UTF-8")
    })?;
    Ok(text.to_owned())
}

#[cfg(all(test, feature = "runs"))]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_utf8_with_or_without_a_mark() {
        assert_eq!(text_of(b"\xEF\xBB\xBFa: 1").unwrap(), "a: 1");
        assert!(text_of(b"\xFF\xFEa\0").unwrap_err().contains("UTF-16"));
        assert!(text_of(b"a: 1\nb: caf\xE9").unwrap_err().contains("line 2"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn devices_pipes_and_folders_are_not_waited_for() {
        for path in ["/dev/zero", "/dev", "/proc/self/fd/0"] {
            if path.ends_with('0') && std::fs::metadata(path).is_ok_and(|it| it.is_file()) {
                continue;
            }
            let error = read_text(Some(Path::new(path)), "the file", 1)
                .await
                .unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Io);
            assert!(
                error.to_string().starts_with("the file is no regular file"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn only_so_much_is_read() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = read_text(Some(&manifest), "the file", 10)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("has more than"), "{error}");
        assert!(
            read_text(Some(&manifest), "the file", 1 << 20)
                .await
                .is_ok()
        );
    }
}
