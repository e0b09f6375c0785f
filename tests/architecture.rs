//! Which part of a crate may use which: each only what lies on a floor below.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Each crate's parts from the ground up, a floor a row. A part is a file or a folder of the
/// crate's root.
const CRATES: &[(&str, &[&[&str]])] = &[
    (
        "src",
        &[
            &["error", "progress"],
            &["wire"],
            &["files", "nearest", "poll"],
            &["transport"],
            &["paginate"],
            &["generated"],
            &["client", "search"],
            &["names", "operations"],
            &["runs", "transfers"],
            &["mock"],
        ],
    ),
    (
        "cli/src",
        &[
            &["exit", "values"],
            &["config", "output"],
            &["options"],
            &["context", "lists"],
            &["requests"],
            &["commands"],
            &["kit"],
            &["rules"],
            &["program"],
            &["main"],
        ],
    ),
    (
        "test-platform/src",
        &[
            &["schema", "state"],
            &["call"],
            &["behaviour"],
            &["data", "routes"],
            &["server"],
            &["main"],
        ],
    ),
    (
        "xtask/src",
        &[
            &[
                "changelog",
                "diff",
                "files",
                "generation",
                "manifest",
                "platform_table",
                "say",
                "source",
                "spelling",
            ],
            &["coverage", "provenance"],
            &["release"],
            &["report"],
            &["refresh"],
            &["check", "try_schema"],
            &["needs"],
        ],
    ),
];

/// What the root hands to parts that do not know where it comes from.
const HANDED_DOWN: &[&str] = &["FEATURES", "Outcome", "PUBLISHED", "one_line"];

#[test]
fn every_part_uses_only_what_lies_below_it() {
    let mut wrong = Vec::new();
    for (folder, floors) in CRATES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let lib = ["lib.rs", "main.rs"].map(|name| root.join(name));
        let lib = read(lib.iter().find(|file| file.exists()).unwrap());
        let names = names_of_root(&lib);
        let floor_of = |part: &str| floors.iter().position(|floor| floor.contains(&part));
        for file in files(&root) {
            let module = module_of(file.strip_prefix(&root).unwrap());
            let [own, ..] = module.as_slice() else {
                continue;
            };
            let place = file.display();
            let Some(own_floor) = floor_of(own) else {
                wrong.push(format!("{place}: `{own}` is on no floor"));
                continue;
            };
            for path in used(read(&file), &module) {
                let first = path.first().map_or("", String::as_str);
                let part = names.get(first).map_or(first, String::as_str);
                match floor_of(part) {
                    _ if part == own => {}
                    Some(floor) if floor < own_floor => {}
                    Some(_) => wrong.push(format!("{place}: uses {}", path.join("::"))),
                    // Another crate's.
                    None if names.contains_key(first) => {}
                    None if HANDED_DOWN.contains(&first) => {}
                    None => wrong.push(format!("{place}: what is {}?", path.join("::"))),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Crates whose files don't use each other in a circle either.
const WITHOUT_CIRCLES: &[&str] = &["codegen/src", "test-platform/src", "xtask/src"];

#[test]
fn files_do_not_use_each_other_in_a_circle() {
    for folder in WITHOUT_CIRCLES {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let module = |file: &PathBuf| module_of(file.strip_prefix(&root).unwrap());
        let modules: BTreeSet<Names> = files(&root).iter().map(module).collect();
        let file_of = |path: Names| {
            let mut prefixes = (1..=path.len()).rev().map(|length| &path[..length]);
            let file = prefixes.find(|prefix| modules.contains(*prefix))?;
            Some(file.join("::"))
        };
        let uses = |file: PathBuf| {
            let own = module(&file);
            let mut used: BTreeSet<String> = (used(read(&file), &own).into_iter())
                .filter_map(file_of)
                .collect();
            used.remove(&own.join("::"));
            (own.join("::"), used)
        };
        // What uses none of the rest, or is used by none of it, stands in no circle.
        let mut rest: BTreeMap<_, _> = files(&root).into_iter().map(uses).collect();
        loop {
            let before = rest.clone();
            for used in rest.values_mut() {
                used.retain(|file| before.contains_key(file));
            }
            rest.retain(|file, used| {
                !used.is_empty() && before.values().any(|used| used.contains(file))
            });
            if rest == before {
                break;
            }
        }
        assert!(rest.is_empty(), "{folder}: {rest:#?}");
    }
}

/// The sections of the code map, with the folders whose files they name.
const SECTIONS: &[(&str, &[&str])] = &[
    (
        "### `codegen/`",
        &[
            "codegen/src",
            "codegen/src/document",
            "codegen/src/model",
            "codegen/src/write",
        ],
    ),
    ("### `src/`", &["src"]),
    ("### Around them", &["cli/src", "cli"]),
];

#[test]
fn the_map_names_files_that_are_there_and_every_part_of_the_library() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = fs::read_to_string(here.join("ARCHITECTURE.md")).unwrap();
    let (map, _) = map.split_once("## Layers").unwrap();
    let mut named = Vec::new();
    for (heading, folders) in SECTIONS {
        let (_, section) = map.split_once(heading).unwrap();
        let section = section.split("\n### ").next().unwrap();
        // The first column of the table.
        let rows = section.lines().filter_map(|line| line.strip_prefix("| "));
        let cells = rows.filter_map(|row| row.split(" |").next());
        let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
        for name in names.flat_map(alternatives) {
            let is_there = |folder: &&str| here.join(folder).join(&name).exists();
            assert!(folders.iter().any(is_there), "{heading}: {name}");
            named.push(name);
        }
    }
    assert!(named.len() > 60, "{named:?}");
    let (_, floors) = CRATES[0];
    for part in floors.iter().copied().flatten() {
        let (file, folder) = (format!("{part}.rs"), format!("{part}/"));
        let is_named = |name: &String| *name == file || name.starts_with(&folder);
        assert!(named.iter().any(is_named), "`{part}` is not on the map");
    }
}

/// `client/{http,token}.rs` names two files.
fn alternatives(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let (among, after) = rest.split_once('}').unwrap();
    let names = among.split(',').map(|one| format!("{before}{one}{after}"));
    names.collect()
}

#[test]
fn uses_are_found_wherever_they_stand() {
    let source = r#"
        //! crate::not::this
        use crate::{Error, client::raw::{self, Raw as Same}};
        pub(in crate::runs) fn here() { crate::names::find("crate::nor::this") }
        mod inner {
            use super::super::transport::Call;
            use super::sibling;
        }
        macro_rules! record { () => { $crate::wire::Record } }
        fn quoted() { quote! { crate::of::another::crate_ } }
        #[cfg(test)]
        mod tests { use crate::mock; }
    "#;
    let found = used(source.parse().unwrap(), &["runs".to_owned()]);
    let found: Vec<_> = found.iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        [
            "Error",
            "client::raw::self",
            "client::raw::Raw",
            "runs",
            "names::find",
            "transport::Call",
            "runs::sibling",
            "wire::Record",
        ]
    );
}

type Names = Vec<String>;

fn read(file: &Path) -> TokenStream {
    fs::read_to_string(file).unwrap().parse().unwrap()
}

/// The source files of a crate, tests in files of their own left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() => found.extend(files(&path)),
            Some("rs") if !path.ends_with("tests.rs") => found.push(path),
            _ => {}
        }
    }
    found
}

/// `a/b.rs` is the module `a::b`; the crate's root has no name.
fn module_of(file: &Path) -> Names {
    let path = file.with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    names
        .filter(|name| !matches!(name.as_str(), "lib" | "main" | "mod"))
        .collect()
}

/// Which part each name is of that the crate's root shows, and each of its inline modules.
fn names_of_root(lib: &TokenStream) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    let tokens: Vec<TokenTree> = lib.clone().into_iter().collect();
    for (index, token) in tokens.iter().enumerate() {
        if is_word(token, "use") {
            let mut paths = Vec::new();
            tree(&tokens[index + 1..], &[], &mut paths);
            for path in paths {
                names.insert(path.last().unwrap().clone(), path[0].clone());
            }
        }
        if let [name, TokenTree::Group(content), ..] = &tokens[index + 1..]
            && is_word(token, "mod")
            && let Some(path) = used(content.stream(), &[]).into_iter().next()
        {
            names.insert(name.to_string(), path[0].clone());
        }
    }
    names
}

/// The paths in a module that begin at the crate's root, whichever way they are written.
fn used(source: TokenStream, module: &[String]) -> Vec<Names> {
    let mut found = Vec::new();
    collect(source, module, &mut found);
    found
}

fn collect(source: TokenStream, module: &[String], found: &mut Vec<Names>) {
    let tokens: Vec<TokenTree> = source.into_iter().collect();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let rest = &tokens[index + 1..];
        index += 1;
        match (token, rest) {
            (_, [name, TokenTree::Group(content), ..]) if is_word(token, "mod") => {
                index += 2;
                let name = name.to_string();
                if name != "tests" {
                    let inner = [module, &[name]].concat();
                    collect(content.stream(), &inner, found);
                }
            }
            // Code of another crate.
            (TokenTree::Ident(name), [bang, TokenTree::Group(_), ..])
                if is_sign(bang, '!') && name.to_string().contains("quote") =>
            {
                index += 2;
            }
            _ if is_word(token, "crate") => tree(after_colons(rest), &[], found),
            _ if is_word(token, "super") => {
                let (mut rest, mut ups) = (after_colons(rest), 1);
                while rest.first().is_some_and(|token| is_word(token, "super")) {
                    (rest, ups) = (after_colons(&rest[1..]), ups + 1);
                    index += 3;
                }
                let from = &module[..module.len().saturating_sub(ups)];
                tree(rest, from, found);
            }
            (TokenTree::Group(group), _) => collect(group.stream(), module, found),
            _ => {}
        }
    }
}

/// The paths of a tree such as `a::{b, c::d as e}`.
fn tree(tokens: &[TokenTree], before: &[String], found: &mut Vec<Names>) {
    match tokens {
        [TokenTree::Ident(name), rest @ ..] => {
            let path = [before, &[name.to_string()]].concat();
            match rest {
                [colon, _, next, ..]
                    if is_sign(colon, ':')
                        && (matches!(next, TokenTree::Ident(_)) || is_list(next)) =>
                {
                    tree(&rest[2..], &path, found);
                }
                _ => found.push(path),
            }
        }
        [TokenTree::Group(list), ..] if list.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = list.stream().into_iter().collect();
            for branch in inner.split(|token| is_sign(token, ',')) {
                tree(branch, before, found);
            }
        }
        // `crate` or `super` alone, or all of a module.
        _ if !before.is_empty() => found.push(before.to_vec()),
        _ => {}
    }
}

fn after_colons(tokens: &[TokenTree]) -> &[TokenTree] {
    match tokens {
        [first, second, rest @ ..] if is_sign(first, ':') && is_sign(second, ':') => rest,
        _ => &[],
    }
}

fn is_list(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}
