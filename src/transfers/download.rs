//! Downloads from a data link: in ranges, several at a time, continued where they stopped.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use futures_util::future::{BoxFuture, Either, select};
use futures_util::stream::{BoxStream, FuturesUnordered};
use tokio::fs;

use super::data_links::{DataLink, DataLinkEntry, Job, RefusedName, Transferred, wrong};
use crate::Result;
use crate::files::{is_name_refused, relative_path, with_suffix};
use crate::prelude::*;

mod note;
mod object;

use note::SUFFIXES;
use object::fetch;

impl DataLink {
    /// Downloads a file. An existing local file is replaced when the new one is complete.
    ///
    /// Until then the content is in a file that ends in `.part`, with a note of what it has
    /// (`.part.json`). If the download is interrupted, by a failure or by dropping the future, the
    /// next one continues there, provided that the object has not changed: otherwise it begins
    /// anew. While a download writes to a path, others to the same path fail (`.part.lock` keeps
    /// those of other processes away).
    ///
    /// Where the storage states a checksum, the file is compared with it: on Google MD5 or CRC32C,
    /// on Azure the blob's MD5, on S3 an ETag that is an MD5, which it is of objects that were not
    /// uploaded in parts nor encrypted with a key of one's own. Other files are as long as the
    /// storage says, and all of one version of the object.
    ///
    /// # Errors
    /// A call of the Platform failed, or the storage did after the attempts of the client's retry
    /// policy for each part; the file can't be written; the checksum differs.
    pub async fn download_file(
        &self,
        remote: &str,
        local: impl AsRef<Path>,
    ) -> Result<Transferred> {
        let local = local.as_ref();
        let remote = remote.trim_start_matches('/');
        if remote.is_empty() || remote.ends_with('/') {
            return Err(wrong(format!(
                "`{remote}` is no file: use `download_folder`"
            )));
        }
        let job = self.job().await?;
        job.reporter()
            .update(|progress| progress.files_total = Some(1));
        // Boxed, so that its type is known to be `Send` here already.
        let running: BoxFuture<'_, _> = Box::pin(fetch(&job, remote.to_owned(), local.to_owned()));
        let bytes = running.await?;
        Ok(Transferred {
            files: 1,
            bytes,
            ..Transferred::default()
        })
    }

    /// Downloads everything below a folder into a local folder, which is made if needed. An empty
    /// path is the whole data link.
    ///
    /// Files that are there in the same size are kept, so that an interrupted download continues;
    /// others are replaced. No file gets outside of the local folder: names that would (`..`,
    /// absolute paths, drive letters, links that are there), that the file system does not take, or
    /// that clash with another file's (also by case alone) are left out and listed.
    ///
    /// # Errors
    /// As [`download_file`](Self::download_file). What is complete by then remains.
    pub async fn download_folder(
        &self,
        remote: &str,
        local: impl AsRef<Path>,
    ) -> Result<Transferred> {
        let job = self.job().await?;
        let (remote, local) = (
            remote.trim_matches('/').to_owned(),
            local.as_ref().to_owned(),
        );
        let tree = job.files.tree(remote.clone());
        let running: BoxFuture<'_, _> = Box::pin(fetch_all(&job, tree, remote, local));
        running.await
    }

    /// Downloads files, such as those [below a folder](Self::files_below), into a local folder, where
    /// each keeps its whole path. What is there is treated as by
    /// [`download_folder`](Self::download_folder).
    ///
    /// # Errors
    /// As [`download_file`](Self::download_file). What is complete by then remains.
    pub async fn download_files(
        &self,
        files: impl IntoIterator<Item = DataLinkEntry>,
        local: impl AsRef<Path>,
    ) -> Result<Transferred> {
        let job = self.job().await?;
        let local = local.as_ref().to_owned();
        let files: Vec<_> = files.into_iter().map(Ok).collect();
        let files = futures_util::stream::iter(files).boxed();
        let running: BoxFuture<'_, _> = Box::pin(fetch_all(&job, files, String::new(), local));
        running.await
    }
}

/// Fetches files, which keep their path below `remote`.
async fn fetch_all(
    job: &Job,
    mut tree: BoxStream<'static, Result<DataLinkEntry>>,
    remote: String,
    local: PathBuf,
) -> Result<Transferred> {
    let mut done = Transferred::default();
    let mut names = Names::default();
    let (mut files, mut bytes) = (0_u64, 0);
    let mut running = FuturesUnordered::new();
    loop {
        // The listing goes on while files are under way, but not far ahead of them.
        let entry = if running.len() >= job.files.concurrency {
            done.count(running.try_next().await?);
            continue;
        } else if running.is_empty() {
            tree.try_next().await?
        } else {
            match select(tree.next(), running.next()).await {
                Either::Left((entry, _)) => entry.transpose()?,
                Either::Right((fetched, _)) => {
                    done.count(fetched.transpose()?);
                    continue;
                }
            }
        };
        let Some(entry) = entry else { break };
        if entry.is_folder {
            continue;
        }
        let relative = match remote.as_str() {
            "" => entry.path.as_str(),
            folder => entry
                .path
                .strip_prefix(folder)
                .map_or("", |path| path.trim_start_matches('/')),
        };
        let path = match names.take(relative) {
            Ok(path) => match leads_outside(&local, &path).await {
                true => Err("lies behind a link that leads out of the folder"),
                false => Ok(local.join(path)),
            },
            Err(reason) => Err(reason),
        };
        let path = match path {
            Ok(path) => path,
            Err(reason) => {
                done.count(Some(Err(RefusedName::new(entry.path, reason))));
                continue;
            }
        };
        files += 1;
        bytes += entry.size.unwrap_or_default();
        let there = fs::metadata(&path)
            .await
            .ok()
            .filter(|found| found.is_file());
        if let (Some(there), Some(size)) = (there, entry.size)
            && there.len() == size
        {
            done.kept += 1;
            done.files += 1;
            job.reporter().update(|progress| {
                progress.files += 1;
                progress.bytes += size;
            });
            continue;
        }
        running.push(async move {
            match fetch(job, entry.path.clone(), path).await {
                Err(error) if is_name_refused(&error) => {
                    let reason = "has a name that the file system does not take";
                    Ok(Err(RefusedName::new(entry.path, reason)))
                }
                fetched => fetched.map(Ok),
            }
        });
    }
    job.reporter().update(|progress| {
        progress.files_total = Some(files);
        progress.bytes_total = Some(bytes);
    });
    while let Some(fetched) = running.try_next().await? {
        done.count(Some(fetched));
    }
    Ok(done)
}

impl Transferred {
    /// Counts a file that was fetched, of so many bytes, or left out.
    fn count(&mut self, file: Option<std::result::Result<u64, RefusedName>>) {
        match file {
            Some(Ok(bytes)) => {
                self.files += 1;
                self.bytes += bytes;
            }
            Some(Err(refused)) => self.refused.push(refused),
            None => {}
        }
    }
}

/// Whether a link that is there already would take a file out of the folder that it is for.
async fn leads_outside(folder: &Path, relative: &Path) -> bool {
    let is_link = async |path: &Path| {
        let found = fs::symlink_metadata(path).await;
        found.is_ok_and(|found| found.is_symlink())
    };
    let path = folder.join(relative);
    for suffix in SUFFIXES {
        if is_link(&with_suffix(&path, suffix)).await {
            return true;
        }
    }
    let inner = relative.ancestors().skip(1);
    for inner in inner.filter(|inner| !inner.as_os_str().is_empty()) {
        let inner = folder.join(inner);
        if !is_link(&inner).await {
            continue;
        }
        let (home, target) = (
            fs::canonicalize(folder).await,
            fs::canonicalize(&inner).await,
        );
        match (home, target) {
            (Ok(home), Ok(target)) if target.starts_with(&home) => {}
            _ => return true,
        }
    }
    false
}

/// The local names that are taken, as a file system without upper and lower case sees them.
#[derive(Default)]
struct Names {
    files: HashSet<String>,
    folders: HashSet<String>,
}

impl Names {
    /// The relative path for a remote file, or why it can't have one.
    fn take(&mut self, remote: &str) -> std::result::Result<PathBuf, &'static str> {
        let path = relative_path(remote)?;
        if !has_room(remote) {
            return Err("has a name that is too long for a file here");
        }
        let folded = remote.to_lowercase();
        let folders: Vec<_> = folded
            .match_indices('/')
            .map(|(at, _)| &folded[..at])
            .collect();
        if folders.iter().any(|folder| self.files.contains(*folder)) {
            return Err("lies in a folder that has the name of a file");
        }
        // The names of unfinished files are taken as well.
        let mut names = vec![folded.clone()];
        names.extend(SUFFIXES.map(|suffix| format!("{folded}{suffix}")));
        if names.iter().any(|name| self.folders.contains(name)) {
            return Err("has the name of a folder");
        }
        if names.iter().any(|name| self.files.contains(name)) {
            return Err("has the name of another file");
        }
        self.folders.extend(folders.into_iter().map(str::to_owned));
        self.files.extend(names);
        Ok(path)
    }
}

/// Whether file systems take the names in a path, also that of the unfinished file.
fn has_room(remote: &str) -> bool {
    const LONGEST: usize = 255;
    let length = |name: &str| match cfg!(windows) {
        true => name.encode_utf16().count(),
        false => name.len(),
    };
    let file = remote.rsplit('/').next().unwrap_or_default();
    let added = SUFFIXES.iter().map(|suffix| suffix.len()).max();
    let unfinished = length(file) + added.unwrap_or_default();
    unfinished <= LONGEST && remote.split('/').all(|name| length(name) <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_too_long_with_what_is_added_are_refused() {
        let mut names = Names::default();
        assert!(names.take(&"a".repeat(241)).is_ok());
        assert!(names.take(&"a".repeat(242)).is_err());
        assert!(names.take(&format!("{}/a", "b".repeat(255))).is_ok());
        assert!(names.take(&format!("{}/a", "b".repeat(256))).is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn links_may_not_lead_out_of_the_folder() {
        use std::os::unix::fs::symlink;

        let home = tempfile::tempdir().unwrap();
        let home = home.path();
        let folder = home.join("folder");
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        symlink(home, folder.join("out")).unwrap();
        symlink(folder.join("inner"), folder.join("in")).unwrap();
        symlink("nowhere", folder.join("dead")).unwrap();
        symlink(home.join("x"), folder.join("x.part")).unwrap();
        symlink(home.join("z"), folder.join("z.part.json.new")).unwrap();
        symlink(home.join("y"), folder.join("y")).unwrap();
        for (relative, outside) in [
            ("a", false),
            ("inner/a", false),
            ("new/inner/a", false),
            ("in/a", false),
            // It is replaced.
            ("y", false),
            ("out/a", true),
            ("out/new/a", true),
            ("in/../out/a", true),
            ("dead/a", true),
            ("x", true),
            ("z", true),
        ] {
            assert_eq!(
                leads_outside(&folder, Path::new(relative)).await,
                outside,
                "{relative}"
            );
        }
    }

    #[test]
    fn names_that_clash_are_refused() {
        let mut names = Names::default();
        for name in ["a/b.txt", "a/c", "d"] {
            assert!(names.take(name).is_ok(), "{name}");
        }
        for name in [
            "A/B.TXT",
            "a/b.txt",
            "a",
            "D/x",
            "a/c/x",
            "d.part",
            "d.part.json",
            "../d",
        ] {
            assert!(names.take(name).is_err(), "{name}");
        }
        assert!(names.take("a/d").is_ok());
        assert_eq!(names.take("e").as_deref(), Ok(Path::new("e")));
        assert!(names.take("f.part/x").is_ok());
        assert!(
            names.take("f").is_err(),
            "its unfinished file has the name of a folder"
        );
    }
}
