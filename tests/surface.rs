//! The vendored schema and what is generated from it: the surface that reviewers see, the features,
//! the paging rules, and what hand-written code needs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use seqera_codegen::surface::{Surface, TypeSurface};
use seqera_codegen::{Report, Tags, generate, needs};

/// What is generated, less the code.
struct Generated {
    surface: String,
    model: String,
    inventory: Surface,
    report: Report,
    /// `AwsSecurityKeys> for SecurityKeys`.
    conversions: BTreeSet<String>,
}

static OUTPUT: LazyLock<Generated> = LazyLock::new(|| {
    let overlay = read("overlays/docs.yml");
    let schema = read("seqera-api-latest.yml");
    let output = generate(&schema, Some(&overlay), &Tags::All).unwrap();
    let conversions = output.types.split("impl From<").skip(1);
    let heads = conversions.filter_map(|text| text.split(" {").next());
    Generated {
        conversions: heads.map(str::to_owned).collect(),
        surface: output.surface,
        model: output.model,
        inventory: output.inventory,
        report: output.report,
    }
});

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

#[test]
fn the_golden_files_are_what_is_generated() {
    for (name, text) in [("surface", &OUTPUT.surface), ("model", &OUTPUT.model)] {
        let golden = read(&format!("tests/golden/{name}.txt")).replace("\r\n", "\n");
        let generated: BTreeSet<&str> = text.lines().collect();
        let reviewed: BTreeSet<&str> = golden.lines().collect();
        let new: Vec<_> = generated.difference(&reviewed).collect();
        let gone: Vec<_> = reviewed.difference(&generated).collect();
        assert!(
            new.is_empty() && gone.is_empty(),
            "review, then run `cargo xtask golden`\nnew: {new:#?}\ngone: {gone:#?}"
        );
        assert_eq!(*text, golden, "the order is another");
    }
}

#[test]
fn nothing_is_dropped() {
    let schema = read("seqera-api-latest.yml");
    let declared = schema
        .lines()
        .filter(|line| line.starts_with("      operationId: "))
        .count();
    let grafted = OUTPUT.report.grafted.iter();
    let added = grafted.filter(|name| !name.contains(['.', ' '])).count();
    assert_eq!(OUTPUT.inventory.operations.len(), declared + added);
    assert_eq!(OUTPUT.surface.lines().count(), declared + added);
    let in_model = OUTPUT.model.lines().filter(|line| {
        let name = line.split("  ").next().unwrap();
        !name.contains('.') && name.starts_with(char::is_lowercase)
    });
    assert_eq!(in_model.count(), declared + added);
}

#[test]
fn every_list_operation_pages() {
    assert_eq!(OUTPUT.report.unrecognised_paging, [""; 0]);
    let operations = &OUTPUT.inventory.operations;
    let paged = |name: &str| operations.get(name).map(|operation| operation.paged);
    assert_eq!(paged("list_workflows"), Some(true));
    assert_eq!(paged("explore_data_link"), Some(true));
    assert_ne!(paged("list_audit_logs_v2"), Some(false)); // older versions lack it
    assert_eq!(paged("list_credentials"), Some(false));
    // What does not page is a list all the same.
    let listed = |name: &str| operations.get(name).map(|operation| operation.listed);
    assert_eq!(listed("list_credentials"), Some(true));
    assert_eq!(listed("describe_workflow"), Some(false));
}

#[test]
fn every_workflow_module_needs_what_is_listed() {
    let operations = needs::all().filter(|need| need.kind == "operation");
    let listed: BTreeSet<(String, String)> = operations
        .map(|need| (need.file.to_owned(), need.name.to_owned()))
        .collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut called, mut named) = (BTreeSet::new(), BTreeSet::new());
    collect_calls(&source, &source, &mut called, &mut named);
    let unlisted: Vec<_> = called.difference(&listed).collect();
    let idle: Vec<_> = listed.difference(&named).collect();
    assert!(
        unlisted.is_empty() && idle.is_empty(),
        "run `cargo xtask needs`: not listed {unlisted:#?}\nlisted for nothing {idle:#?}"
    );
}

/// The operations that each file calls: `.list_workflows()`, and those that it names, since a table
/// of names may be what a macro makes calls of.
fn collect_calls(
    root: &Path,
    folder: &Path,
    called: &mut BTreeSet<(String, String)>,
    named: &mut BTreeSet<(String, String)>,
) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_calls(root, &path, called, named);
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let file = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/");
        let text = fs::read_to_string(&path).unwrap();
        let code: String = text
            .split("#[cfg(test)]\nmod tests")
            .next()
            .unwrap()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .collect();
        let words: BTreeSet<&str> = code
            .split(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .collect();
        for (name, operation) in &OUTPUT.inventory.operations {
            let entry = || (file.clone(), operation.id.clone());
            if code.contains(&format!(".{name}()")) {
                called.insert(entry());
            }
            if words.contains(name.as_str()) {
                named.insert(entry());
            }
        }
    }
}

/// `.keys(AwsSecurityKeys::new()…)` compiles, and so does each variant that alone has its payload.
#[test]
fn a_union_is_made_of_the_type_of_a_variant() {
    let mut unions = 0;
    for (name, ty) in &OUTPUT.inventory.types {
        let TypeSurface::Union(union) = ty else {
            continue;
        };
        unions += 1;
        for payload in union.variants.values() {
            let others = union.variants.values().filter(|other| *other == payload);
            if others.count() == 1 {
                let conversion = format!("{payload}> for {name}");
                assert!(OUTPUT.conversions.contains(&conversion), "{conversion}");
            }
        }
    }
    assert!(unions >= 5, "only {unions}");
}

/// The names of types say what they are: in none of the vendored schema does the table of names lag
/// behind, and no type is named like another thing at the crate's root.
#[test]
fn types_are_named_for_their_users() {
    assert_eq!(OUTPUT.report.idle_names, [""; 0]);
    let root = read("src/lib.rs");
    let exported: BTreeSet<&str> = root
        .split("pub use ")
        .skip(1)
        .flat_map(|line| {
            line.split(';')
                .next()
                .unwrap_or_default()
                .split(['{', '}', ',', ':'])
        })
        .map(str::trim)
        .collect();
    assert!(exported.contains("AccessToken") && exported.contains("Workspace"));
    for name in OUTPUT.inventory.types.keys() {
        assert!(
            !exported.contains(name.as_str()),
            "{name} is at the root too"
        );
        assert!(
            !name.contains("Dto"),
            "{name} is named after a class of the server"
        );
    }
}

/// The server answers `CreateLabel` with the label of that name where there is one.
#[test]
fn no_conflict_of_labels_is_taught() {
    fn texts(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_dir() {
                texts(&path, found);
            } else if matches!(ending, Some("rs" | "md" | "yml")) {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path.display().to_string(), text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![("README.md".to_owned(), read("README.md"))];
    for folder in ["src", "examples", "overlays", "cli/src"] {
        texts(&root.join(folder), &mut found);
    }
    let mut paragraphs = 0;
    for (path, text) in found {
        // A paragraph of a text or a row of its tables, a part of a function, an entry of the overlay.
        let parts = text
            .split("\n\n")
            .flat_map(|part| part.split("\n- target: "))
            .flat_map(|part| part.split("\n| "));
        for part in parts {
            let flat = part.to_lowercase();
            let is_of_labels = ["createlabel", "create_label(", "`create_label`"];
            if is_of_labels.iter().any(|word| flat.contains(word)) {
                paragraphs += 1;
                let taught = ["409", "conflict"].iter().find(|word| flat.contains(*word));
                assert_eq!(taught, None, "{path}: {part}");
            }
        }
    }
    assert!(paragraphs >= 5, "{paragraphs}");
}
