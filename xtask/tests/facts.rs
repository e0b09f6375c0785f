//! What is known of the API is in the texts: `facts/` has it as data.

mod documented;

use std::collections::{BTreeMap, BTreeSet};

use documented::{documented, read, texts};
use serde_json::Value;

#[test]
fn every_fact_is_in_its_text() {
    let facts = read("xtask/tests/facts/effects.yml");
    let facts: BTreeMap<String, Vec<String>> = yaml_serde::from_str(&facts).unwrap();
    assert!(facts.len() > 150, "{}", facts.len());
    let texts = texts(&documented());
    let missing: Vec<String> = facts
        .iter()
        .flat_map(|(name, words)| words.iter().map(move |words| (name, words)))
        .filter(|(name, words)| {
            let text = texts.get(*name);
            !text.is_some_and(|text| text.contains(words.as_str()))
        })
        .map(|(name, words)| format!("{name}: {words}"))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// What a reader sees first of an operation: its summary, and the first sentence of its text.
fn lead(operation: &Value) -> String {
    let [summary, text] = ["summary", "description"].map(|key| {
        let text = operation[key].as_str().unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    let first = text.split_inclusive(". ").next().unwrap_or_default();
    format!("{summary}. {first}")
}

#[test]
fn what_surprises_is_said_first() {
    let facts = read("xtask/tests/facts/first.yml");
    let facts: BTreeMap<String, Vec<String>> = yaml_serde::from_str(&facts).unwrap();
    let document = documented();
    let operations = document.raw_operations();
    let operations: BTreeMap<&str, (&str, String)> = operations
        .filter_map(|(_, method, operation)| {
            let id = operation["operationId"].as_str()?;
            Some((id, (method, lead(operation))))
        })
        .collect();
    let mut faults = Vec::new();
    for (id, words) in &facts {
        let (_, lead) = &operations[id.as_str()];
        let missing = words.iter().filter(|words| !lead.contains(words.as_str()));
        faults.extend(missing.map(|words| format!("{id} does not begin with {words}: {lead}")));
    }
    for (id, (method, _)) in &operations {
        let may_surprise = ["delete", "patch", "put"].contains(&method.to_lowercase().as_str());
        if may_surprise && !facts.contains_key(*id) {
            faults.push(format!("{id} is not in the list"));
        }
    }
    assert_eq!(faults, [""; 0]);
}

/// A permission of workspaces, as the table has it.
#[derive(Default)]
struct Permission {
    /// The initials of the roles that have it.
    roles: String,
    /// The operations that need it.
    whole: BTreeSet<String>,
    /// Those that need it for a part of what they do.
    part: BTreeSet<String>,
}

fn permissions() -> BTreeMap<String, Permission> {
    let table = read("xtask/tests/facts/permissions.txt");
    let mut permissions: BTreeMap<String, Permission> = BTreeMap::new();
    let (mut current, mut is_part) = (String::new(), false);
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        if !line.starts_with(' ') {
            let (name, roles) = line.split_once(' ').unwrap();
            (current, is_part) = (name.to_owned(), false);
            permissions.entry(current.clone()).or_default().roles = roles.to_owned();
            continue;
        }
        let permission = permissions.get_mut(&current).unwrap();
        for word in line.split_whitespace() {
            let operations = match is_part {
                true => &mut permission.part,
                false => &mut permission.whole,
            };
            match word {
                "part:" => is_part = true,
                operation => _ = operations.insert(operation.to_owned()),
            }
        }
    }
    permissions
}

/// What stands in code marks and is the name of a permission.
fn named(text: &str) -> Vec<&str> {
    let marked = text.split('`').skip(1).step_by(2);
    marked.filter(|name| name.contains(':')).collect()
}

#[test]
fn every_operation_names_the_permissions_that_it_needs() {
    let permissions = permissions();
    let texts = texts(&documented());
    let mut with = 0;
    for (name, text) in &texts {
        let said = text
            .split_once("Needs the permission ")
            .map_or(vec![], |(_, line)| named(line));
        let needs = |of: fn(&Permission) -> &BTreeSet<String>| -> BTreeSet<&str> {
            let needed = permissions.iter().filter(|(_, it)| of(it).contains(name));
            needed.map(|(permission, _)| permission.as_str()).collect()
        };
        let (whole, part) = (needs(|it| &it.whole), needs(|it| &it.part));
        let all: BTreeSet<&str> = whole.union(&part).copied().collect();
        assert_eq!(said.iter().copied().collect::<BTreeSet<_>>(), all, "{name}");
        // What all of it needs comes first.
        if let (Some(first), false) = (said.first(), whole.is_empty()) {
            assert!(whole.contains(first), "{name}: {first}");
        }
        with += usize::from(!said.is_empty());
    }
    let listed = permissions.values().flat_map(|it| it.whole.union(&it.part));
    assert_eq!(with, listed.collect::<BTreeSet<_>>().len());
}

/// The guide's table has a row for each role, with what it may beyond the row above.
#[test]
fn the_guide_tells_which_role_has_which_permission() {
    let guide = read("src/guide/workspaces.md");
    let mut so_far = BTreeSet::new();
    for role in ["view", "connect", "launch", "maintain", "admin", "owner"] {
        let start = format!("| `{role}` |");
        let row = guide.lines().find(|line| line.starts_with(&start)).unwrap();
        so_far.extend(named(row).into_iter().map(str::to_owned));
        let initial = role.to_uppercase().chars().next().unwrap();
        let permissions = permissions();
        let of_role = permissions
            .iter()
            .filter(|(_, permission)| permission.roles.contains(initial));
        let of_role: BTreeSet<String> = of_role.map(|(name, _)| name.clone()).collect();
        assert_eq!(so_far, of_role, "{role}");
    }
}
