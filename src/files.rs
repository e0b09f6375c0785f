//! Files of this machine that are being written.

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

pub(crate) async fn make_folder_of(path: &Path) -> Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => fs::create_dir_all(folder)
            .await
            .map_err(|error| unwritable(folder)(error)),
        _ => Ok(()),
    }
}
