//! A table of files as a dataset.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{Outcome, Task, items};
use crate::kit::map_texts;
use crate::rules::file::Collect;
use crate::rules::template;

pub(super) async fn act(task: &Task<'_>, collect: &Collect) -> Result<Value, Outcome> {
    // What stands in names is no pattern.
    let mut plain = task.data.clone();
    map_texts(&mut plain, &mut |text| *text = globset::escape(text));
    let pattern = template::fill_to_text(&collect.files, &plain)?;
    let found = {
        let pattern = pattern.clone();
        tokio::task::spawn_blocking(move || files(&pattern)).await
    };
    let found = found.map_err(|error| Outcome::Failed(error.to_string()))?;
    let groups = grouped(&pattern, found.map_err(Outcome::Failed)?);
    if groups.len() < collect.at_least {
        return Err(Outcome::Failed(format!(
            "{} rows for the table, of {} at least: files of {pattern}",
            groups.len(),
            collect.at_least
        )));
    }
    let table = table(task, collect, &groups)?;
    let told =
        |error: std::io::Error| Outcome::Later(format!("the table can't be written: {error}"));
    let folder = tempfile::tempdir().map_err(told)?;
    let path = folder.path().join("table.csv");
    std::fs::File::create(&path)
        .and_then(|mut file| file.write_all(&table))
        .map_err(told)?;
    let mut fields = Map::new();
    fields.insert("name".to_owned(), task.text(&collect.dataset)?.into());
    fields.insert("file-path".to_owned(), path.to_string_lossy().into());
    fields.insert("header".to_owned(), true.into());
    let mut made = items::bring(task, "datasets", fields).await?;
    made["rows"] = groups.len().into();
    Ok(made)
}

/// The files of a pattern, sorted.
fn files(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let glob = globset::GlobBuilder::new(pattern)
        .literal_separator(true)
        .build();
    let glob = glob.map_err(|error| error.to_string())?.compile_matcher();
    // Folders without a wildcard need no walk.
    let special = pattern
        .find(['*', '?', '[', '{', '\\'])
        .unwrap_or(pattern.len());
    let root = match pattern[..special].rsplit_once('/') {
        Some(("", _)) => "/",
        Some((folder, _)) => folder,
        None => ".",
    };
    let walk = walkdir::WalkDir::new(root)
        .follow_links(true)
        .sort_by_file_name();
    let mut found = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| error.to_string())?;
        let path = entry.path().strip_prefix("./").unwrap_or(entry.path());
        if entry.file_type().is_file() && glob.is_match(path) {
            found.push(path.to_owned());
        }
    }
    Ok(found)
}

/// Files that differ only in what stands in the last braces of a pattern, together.
fn grouped(pattern: &str, files: Vec<PathBuf>) -> Vec<Vec<PathBuf>> {
    let braces = pattern.rfind('{').zip(pattern.rfind('}'));
    let (alternatives, rest) = match braces {
        Some((open, close)) if open < close => {
            let inner: Vec<&str> = pattern[open + 1..close].split(',').collect();
            (inner, &pattern[close + 1..])
        }
        _ => (Vec::new(), ""),
    };
    // What comes after must be the same in all.
    let is_plain = !rest.contains(['*', '?', '[', '\\', '/']);
    let mut groups: BTreeMap<String, Vec<(usize, PathBuf)>> = BTreeMap::new();
    for path in files {
        let text = path.to_string_lossy().into_owned();
        let place = alternatives
            .iter()
            .position(|one| is_plain && text.ends_with(&format!("{one}{rest}")));
        let (key, number) = match place {
            Some(number) => {
                let tail = alternatives[number].len() + rest.len();
                (text[..text.len() - tail].to_owned(), number)
            }
            None => (text, 0),
        };
        groups.entry(key).or_default().push((number, path));
    }
    let sorted = groups.into_values().map(|mut group| {
        group.sort();
        group.into_iter().map(|(_, path)| path).collect()
    });
    sorted.collect()
}

fn told_of(path: &Path) -> Value {
    let text =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().unwrap_or(Path::new(""));
    json!({
        "path": path.to_string_lossy(),
        "name": text(path.file_name()),
        "folder": folder.to_string_lossy(),
        "folder_name": text(folder.file_name()),
        "size": std::fs::metadata(path).map(|metadata| metadata.len()).unwrap_or_default(),
    })
}

/// The table as CSV.
fn table(task: &Task<'_>, collect: &Collect, groups: &[Vec<PathBuf>]) -> Result<Vec<u8>, Outcome> {
    let told = |error: csv::Error| Outcome::Failed(error.to_string());
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(collect.rows.keys()).map_err(told)?;
    for group in groups {
        let files: Vec<Value> = group.iter().map(|path| told_of(path)).collect();
        let mut data = task.data.clone();
        if let Value::Object(fields) = &mut data {
            fields.insert(
                "file".to_owned(),
                files.first().cloned().unwrap_or_default(),
            );
            fields.insert("files".to_owned(), files.into());
        }
        let mut row = Vec::new();
        for value in collect.rows.values() {
            row.push(match value {
                Value::String(text) => template::fill_to_text(text, &data)?,
                Value::Null => String::new(),
                other => other.to_string(),
            });
        }
        table.write_record(&row).map_err(told)?;
    }
    table
        .into_inner()
        .map_err(|error| Outcome::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_pair_stand_in_one_row() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("run [1]");
        std::fs::create_dir_all(root.join("lane")).unwrap();
        for name in [
            "b_2.fq",
            "b_1.fq",
            "lane/a_1.fq",
            "lane/a_2.fq",
            "c_1.fq",
            "d_3.fq",
            "d.txt",
        ] {
            std::fs::write(root.join(name), name).unwrap();
        }
        let pattern = format!(
            "{}/**/*_{{1,2}}.fq",
            globset::escape(root.to_str().unwrap())
        );
        let groups = grouped(&pattern, files(&pattern).unwrap());
        let names = |group: &Vec<PathBuf>| -> Vec<String> {
            let names = group.iter().map(|path| path.strip_prefix(&root).unwrap());
            names.map(|name| name.display().to_string()).collect()
        };
        let groups: Vec<_> = groups.iter().map(names).collect();
        assert_eq!(
            groups,
            [
                vec!["b_1.fq", "b_2.fq"],
                vec!["c_1.fq"],
                vec!["lane/a_1.fq", "lane/a_2.fq"]
            ]
        );
        assert!(files(&format!("{}/none/*", folder.path().display())).is_err());
    }
}
