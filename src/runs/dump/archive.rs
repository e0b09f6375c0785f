//! A folder as a compressed archive.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::{JOB, UNFINISHED};
use crate::files::unwritable;
use crate::{Error, Result};

/// A temporary folder that only this user can read.
pub(super) struct Scratch(pub(super) PathBuf);

impl Scratch {
    pub(super) fn make() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("seqera-dump-{:016x}", fastrand::u64(..)));
        let mut maker = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        maker.create(&path).map_err(unwritable(&path))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let unused = Unused(std::mem::take(&mut self.0));
        // There may be many files, and other futures wait for this thread. A runtime that is over
        // drops what it is given, and removes the folder so.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || drop(unused))),
            Err(_) => drop(unused),
        }
    }
}

/// A folder that is removed where this is dropped.
struct Unused(PathBuf);

impl Drop for Unused {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "a temporary folder could not be removed");
        }
    }
}

/// Writes a folder's files as a compressed archive, in order of their names.
pub(super) async fn pack(
    folder: PathBuf,
    root: String,
    writer: &mut (impl AsyncWrite + Unpin),
) -> Result<()> {
    let (chunks, mut packed) = mpsc::channel(4);
    let packing = tokio::task::spawn_blocking(move || {
        let chunks = std::io::BufWriter::with_capacity(64 << 10, Chunks(chunks));
        let gzip = flate2::write::GzEncoder::new(chunks, flate2::Compression::default());
        let mut archive = tar::Builder::new(gzip);
        append(&mut archive, &folder, Path::new(&root), &[UNFINISHED])?;
        archive.into_inner()?.finish()?.flush()
    });
    let failed = |error| Error::io("the archive could not be written", error).in_operation(JOB);
    while let Some(chunk) = packed.recv().await {
        writer.write_all(&chunk).await.map_err(failed)?;
    }
    writer.flush().await.map_err(failed)?;
    match packing.await {
        Ok(done) => done.map_err(failed),
        Err(panicked) => Err(failed(std::io::Error::other(panicked))),
    }
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    folder: &Path,
    name: &Path,
    except: &[&str],
) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if except.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let (path, name) = (entry.path(), name.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            append(archive, &path, &name, &[])?;
        } else {
            archive.append_path_with_name(&path, &name)?;
        }
    }
    Ok(())
}

/// Hands what is written over to the asynchronous side, and ends when that is gone.
struct Chunks(mpsc::Sender<Bytes>);

impl Write for Chunks {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let sent = self.0.blocking_send(Bytes::copy_from_slice(data));
        sent.map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.max_blocking_threads(1).enable_time();
        builder.build().unwrap()
    }

    #[test]
    fn a_temporary_folder_is_removed_beside_the_thread_of_the_runtime() {
        let scratch = Scratch::make().unwrap();
        let path = scratch.0.clone();
        std::fs::write(path.join("log"), "").unwrap();
        runtime().block_on(async {
            // The only other thread is busy, so that nothing else can remove it.
            let (go_on, waiting) = std::sync::mpsc::channel::<()>();
            tokio::task::spawn_blocking(move || waiting.recv());
            drop(scratch);
            assert!(path.exists(), "removed by the thread that dropped it");
            go_on.send(()).unwrap();
            let gone = async {
                while path.exists() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let waited = tokio::time::timeout(Duration::from_secs(60), gone).await;
            waited.unwrap();
        });
    }

    #[test]
    fn a_temporary_folder_is_removed_where_no_runtime_is() {
        for is_over in [false, true] {
            let scratch = Scratch::make().unwrap();
            let path = scratch.0.clone();
            let over = runtime();
            let handle = over.handle().clone();
            drop(over);
            // A runtime that is over carries nothing out.
            let _inside = is_over.then(|| handle.enter());
            drop(scratch);
            assert!(!path.exists(), "{is_over}");
        }
    }
}
