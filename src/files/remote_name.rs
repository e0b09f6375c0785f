//! Names that come from elsewhere, for files of this machine.

use std::path::PathBuf;

/// A remote path as a relative one of this machine, or why it can't be.
///
/// Whatever a server says, the result names something below the folder it is joined to, and the
/// same thing on every system.
pub(crate) fn relative_path(remote: &str) -> std::result::Result<PathBuf, &'static str> {
    if remote.is_empty() {
        return Err("is empty");
    }
    if remote.starts_with('/') {
        return Err("is absolute");
    }
    remote.split('/').try_fold(PathBuf::new(), |path, name| {
        check_name(name)?;
        Ok(path.join(name))
    })
}

fn check_name(name: &str) -> std::result::Result<(), &'static str> {
    let is_drive = |name: &str| {
        let bytes = name.as_bytes();
        bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':'
    };
    match name {
        "" => Err("has a folder without a name"),
        "." | ".." => Err("has `.` or `..` as a folder"),
        _ if name.contains(|c: char| c.is_control()) => Err("has control characters"),
        _ if name.contains('\\') => Err("has a backslash"),
        _ if is_drive(name) => Err("begins with a drive letter"),
        _ if cfg!(windows) => check_windows_name(name),
        _ => Ok(()),
    }
}

fn check_windows_name(name: &str) -> std::result::Result<(), &'static str> {
    const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = |prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.chars().count() == 1)
    };
    if name.contains(['<', '>', ':', '"', '|', '?', '*']) || name.ends_with(['.', ' ']) {
        Err("has characters that file names can't have here")
    } else if DEVICES.contains(&&*stem) || numbered("COM") || numbered("LPT") {
        Err("names a device")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_paths_stay_below_the_folder() {
        for path in ["a", "runs/2026 03/x.bam", "a..b/.hidden", "…/ü"] {
            assert_eq!(relative_path(path), Ok(PathBuf::from(path)));
        }
        for path in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "./x",
            "a//b",
            "a/",
            "C:",
            "C:/x",
            "c:x",
            "a/D:/x",
            "a\\..\\..\\x",
            "\\\\host\\x",
            "a\0b",
            "a\nb",
        ] {
            assert!(relative_path(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn windows_names() {
        for name in ["NUL", "con.txt", "COM1.log", "a:b", "a.", "a ", "x?"] {
            assert!(check_windows_name(name).is_err(), "{name}");
        }
        for name in ["NULL", "context", "COMMON", "COM10", "a.b"] {
            assert!(check_windows_name(name).is_ok(), "{name}");
        }
    }
}
