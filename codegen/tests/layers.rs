//! The direction of imports: the document knows nothing of the model, the model nothing of what is
//! written, and no files import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LAYERS: [&str; 3] = ["document", "model", "write"];

/// The modules by path (`document::select`), with the modules that each imports.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut texts = BTreeMap::new();
    read(&source, "", &mut texts);
    let modules: BTreeSet<String> = texts.keys().cloned().collect();
    let imports = texts.iter().map(|(module, text)| {
        let paths = paths_in(module, text);
        let found = paths
            .iter()
            .filter_map(|path| longest(&modules, path))
            .filter(|other| other != module);
        (module.clone(), found.collect())
    });
    imports.collect()
}

fn read(folder: &Path, parent: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let name = match stem {
            "mod" => parent.to_owned(),
            _ if parent.is_empty() => stem.to_owned(),
            _ => format!("{parent}::{stem}"),
        };
        if path.is_dir() {
            read(&path, &name, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") && stem != "lib" {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"));
            texts.insert(name, code.collect::<Vec<_>>().join("\n"));
        }
    }
}

/// The paths that a module imports, `{a, b}` taken apart. Code that it writes is further in.
fn paths_in(module: &str, text: &str) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut paths = BTreeSet::new();
    for (start, base) in [("\nuse crate::", ""), ("\nuse super::", parent)] {
        for rest in text.split(start).skip(1) {
            let path = rest.split(';').next().unwrap_or_default();
            let (stem, names) = path.split_once('{').unwrap_or((path, ""));
            let stem = format!("{base}::{stem}");
            let names = names.trim_end_matches('}').split(',');
            paths.extend(names.map(|name| format!("{stem}{}", name.trim())));
        }
    }
    let trim = |path: &String| path.trim_matches(':').trim_end_matches("::self").to_owned();
    paths.iter().map(trim).collect()
}

/// The module that a path leads into.
fn longest(modules: &BTreeSet<String>, path: &str) -> Option<String> {
    let mut path = path;
    loop {
        if modules.contains(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

#[test]
fn each_layer_imports_only_those_below_it() {
    let layer = |module: &str| LAYERS.iter().position(|layer| module.starts_with(layer));
    let imports = imports();
    for name in ["document::select", "model::paging", "write::types"] {
        assert!(!imports[name].is_empty(), "{name} imports nothing?");
    }
    for (module, imported) in &imports {
        let Some(own) = layer(module) else { continue };
        for other in imported {
            assert!(layer(other) <= Some(own), "{module} imports {other}");
            assert_ne!(other, "generate", "imported by {module}");
        }
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let mut left = imports();
    // A folder's file is a list of what is in the folder: its own files name each other.
    for (module, imported) in &left {
        let folder = module.rsplit_once("::").map(|(folder, _)| folder);
        if let Some(folder) = folder.filter(|folder| imported.contains(*folder)) {
            panic!("{module} imports by way of its folder {folder}");
        }
    }
    loop {
        let before = left.len();
        let names: BTreeSet<String> = left.keys().cloned().collect();
        left.retain(|_, imported| imported.iter().any(|other| names.contains(other)));
        if left.is_empty() {
            return;
        }
        assert!(left.len() < before, "a circle among {left:#?}");
    }
}
