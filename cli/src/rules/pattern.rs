//! Patterns of paths, part by part, so that only folders are looked into that may hold what is wanted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

/// A part of a pattern.
#[derive(Clone, Debug)]
pub enum Part {
    /// A name.
    Name(String),
    /// Names that fit.
    Fitting(GlobMatcher),
    /// Any folders, one in the other, or none: `**`.
    Folders,
}

impl Part {
    /// Whether a name fits; any does for any folders.
    pub fn fits(&self, name: &OsStr) -> bool {
        match self {
            Self::Name(own) => OsStr::new(own) == name,
            Self::Fitting(glob) => glob.is_match(Path::new(name)),
            Self::Folders => true,
        }
    }
}

/// Whether a text has a sign that stands for others.
pub fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The last part of a pattern: that of the file's name.
pub fn last(pattern: &str) -> &str {
    pattern.rsplit('/').next().unwrap_or(pattern)
}

/// Looks for mistakes in a pattern.
///
/// # Errors
/// It is none, in words.
pub fn check(pattern: &str) -> Result<(), String> {
    parts(pattern).map(drop)
}

/// The parts of a pattern, without the root.
///
/// # Errors
/// It is none, in words.
pub fn parts(pattern: &str) -> Result<Vec<Part>, String> {
    if pattern.ends_with('/') {
        return Err("a pattern ends with the name of a file".to_owned());
    }
    let mut parts: Vec<Part> = Vec::new();
    for part in pattern
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        let made = match part {
            "**" if matches!(parts.last(), Some(Part::Folders)) => continue,
            "**" => Part::Folders,
            ".." if parts.iter().any(|part| !matches!(part, Part::Name(_))) => {
                return Err("`..` does not stand after a wildcard".to_owned());
            }
            part if part.contains("**") => {
                return Err(format!(
                    "`**` stands alone between slashes, not in `{part}`"
                ));
            }
            part if has_wildcard(part) => {
                let glob = GlobBuilder::new(part)
                    .literal_separator(true)
                    .backslash_escape(true)
                    .empty_alternates(true)
                    .build();
                let glob = glob.map_err(|error| format!("`{part}`: {}", error.kind()))?;
                Part::Fitting(glob.compile_matcher())
            }
            part => Part::Name(part.to_owned()),
        };
        parts.push(made);
    }
    match parts.last() {
        None => Err("a pattern names files".to_owned()),
        Some(Part::Folders) => {
            // All files below.
            let any = GlobBuilder::new("*")
                .build()
                .map_err(|error| error.to_string())?;
            parts.push(Part::Fitting(any.compile_matcher()));
            Ok(parts)
        }
        Some(_) => Ok(parts),
    }
}

/// The folder that all files of a pattern are in, and the parts from there on.
///
/// # Errors
/// It is no pattern, in words.
pub fn of_files(pattern: &str) -> Result<(PathBuf, Vec<Part>), String> {
    let mut parts = parts(pattern)?;
    let fixed = parts
        .iter()
        .take_while(|part| matches!(part, Part::Name(_)))
        .count();
    let rest = parts.split_off(fixed.min(parts.len() - 1));
    let mut root = PathBuf::from(if pattern.starts_with('/') { "/" } else { "" });
    for part in &parts {
        if let Part::Name(name) = part {
            root.push(name);
        }
    }
    if root.as_os_str().is_empty() {
        root.push(".");
    }
    Ok((root, rest))
}

/// Whether names, from the root of a pattern on, fit its parts.
pub fn fits(parts: &[Part], names: &[&OsStr]) -> bool {
    match (parts, names) {
        ([], []) => true,
        ([Part::Folders, rest @ ..], _) => {
            (0..names.len()).any(|skipped| fits(rest, &names[skipped..]))
        }
        ([part, rest @ ..], [name, names @ ..]) => part.fits(name) && fits(rest, names),
        _ => false,
    }
}

/// A path as text, each path as another text.
pub fn text_of(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_part_by_part() {
        let table = [
            ("/d/*/C.txt", "/d", "r1/C.txt", true),
            ("/d/*/C.txt", "/d", "r1/x/C.txt", false),
            ("/d/**/C.txt", "/d", "C.txt", true),
            ("/d/**/C.txt", "/d", "a/b/C.txt", true),
            ("/d/**", "/d", "a/b", true),
            ("/d/r[12]/*.{fq,fastq}{,.gz}", "/d", "r2/a.fastq.gz", true),
            ("/d/r[12]/*.{fq,fastq}{,.gz}", "/d", "r3/a.fastq", false),
            ("/d/C.txt", "/d", "C.txt", true),
            ("x/*", "x", "ä ö\n", true),
        ];
        for (pattern, root, path, expected) in table {
            let (found, parts) = of_files(pattern).unwrap();
            assert_eq!(found, Path::new(root), "{pattern}");
            let names: Vec<_> = Path::new(path).iter().collect();
            assert_eq!(fits(&parts, &names), expected, "{pattern} {path}");
        }
        for wrong in ["", "/", "/d/", "/d/a**/b", "/d/[a", "/d/*/../x", "/d/{a"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert_eq!(of_files("*").unwrap().0, Path::new("."));
    }
}
