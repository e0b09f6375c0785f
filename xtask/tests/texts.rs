//! What `overlays/docs.yml` says, held against itself and against the schema.

mod documented;

use std::collections::BTreeSet;

use documented::{documented, read, texts};
use seqera_codegen::document::Document;
use serde_json::Value;

/// Whether a text says that something is left open.
fn admits_ignorance(text: &str) -> bool {
    let text = text.to_lowercase();
    let of_the_schema = text.match_indices("schema ").any(|(at, found)| {
        let next = text[at + found.len()..]
            .split(' ')
            .next()
            .unwrap_or_default();
        [
            "does", "gives", "says", "states", "lists", "leaves", "declares",
        ]
        .contains(&next)
    });
    let plainly = [
        "is not known",
        "is unknown",
        "is not stated",
        "is not documented",
        "does not say",
        "does not explain",
        "by its name, ",
        "may well ",
    ];
    of_the_schema || plainly.iter().any(|phrase| text.contains(phrase))
}

#[test]
fn only_what_is_listed_is_said_to_be_left_open() {
    let list = read("overlays/unknown.txt");
    let listed: BTreeSet<&str> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let texts = texts(&documented());
    let said: BTreeSet<&str> = texts
        .iter()
        .filter(|(_, text)| admits_ignorance(text))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(said, listed);
    assert!(listed.len() <= 10, "the list is to be short");
}

#[test]
fn what_admits_ignorance_is_recognised() {
    for text in [
        "Size of the disk. The schema gives no unit.",
        "The schema does not list the values.",
        "What becomes of it is not known.",
        "By its name, whether to check.",
    ] {
        assert!(admits_ignorance(text), "{text}");
    }
    assert!(!admits_ignorance(
        "Stores the text of a parameter schema and returns its id."
    ));
}

/// The words of a text or of a name in camel case, in lower case and without a plural's `s`.
fn words(text: &str) -> BTreeSet<String> {
    let mut spaced = String::new();
    for letter in text.chars() {
        if letter.is_uppercase() && spaced.ends_with(char::is_lowercase) {
            spaced.push(' ');
        }
        spaced.push(letter);
    }
    let words = spaced.split(|letter: char| !letter.is_ascii_alphabetic());
    words
        .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// Where a field's name and its owner's say it all, a text of the same words is in order. These are to
/// be few.
#[test]
fn few_texts_of_fields_only_repeat_names() {
    let little = words(
        "the of a an its it that whether is are was were this to in for by as and or from when who what which \
         with on at has have be where free text item id identifier name",
    );
    let document = documented();
    let types: BTreeSet<&str> = document.schemas().map(|(name, _)| name.as_str()).collect();
    let texts = texts(&document);
    let is_of_field = |name: &str| {
        let mut dots = name.match_indices('.');
        dots.any(|(dot, _)| types.contains(&name[..dot]))
    };
    let of_fields: Vec<_> = texts.iter().filter(|(name, _)| is_of_field(name)).collect();
    let repeating: Vec<&String> = of_fields
        .iter()
        .filter(|(name, text)| {
            let names = words(name);
            words(text)
                .iter()
                .all(|word| names.contains(word) || little.contains(word))
        })
        .map(|(name, _)| *name)
        .collect();
    assert!(of_fields.len() > 2400, "{}", of_fields.len());
    // A third of those that once did.
    assert!(
        repeating.len() <= 512 / 3,
        "{}: {repeating:?}",
        repeating.len()
    );
}

#[test]
fn permissions_are_named_in_one_way() {
    let texts = texts(&documented());
    let mut with = 0;
    for (name, text) in &texts {
        let Some((_, line)) = text.split_once("Needs the permission ") else {
            assert!(!text.contains("needs the permission"), "{name}: {text}");
            continue;
        };
        with += 1;
        let (first, rest) = line
            .split_once(" in the workspace")
            .unwrap_or_else(|| panic!("{name}: {line}"));
        assert!(
            rest.ends_with('.'),
            "{name}: the line is not the last: {line}"
        );
        let more = rest.split('`').skip(1).step_by(2);
        for permission in [first.trim_matches('`')].into_iter().chain(more) {
            let (what, how) = permission
                .split_once(':')
                .unwrap_or_else(|| panic!("{name}: {permission}"));
            assert!(
                what.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
                "{name}: {what}"
            );
            let hows = ["read", "write", "execute", "delete", "admin"];
            assert!(hows.contains(&how), "{name}: {how}");
        }
    }
    assert!(with > 150, "{with}");
}

#[test]
fn the_values_of_enums_that_are_explained_exist() {
    fn check(name: &str, schema: &Value) -> usize {
        let known = schema["enum"].as_array();
        let mut explained = 0;
        for (value, text) in schema["x-enum-descriptions"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let known = known.is_some_and(|known| known.iter().any(|known| known == value));
            assert!(known, "{name} has no value {value}");
            assert!(
                text.as_str().is_some_and(|text| text.ends_with('.')),
                "{name}.{value}"
            );
            explained += 1;
        }
        for (property, schema) in schema["properties"].as_object().into_iter().flatten() {
            explained += check(&format!("{name}.{property}"), schema);
        }
        explained
    }
    let document = documented();
    let explained: usize = document
        .schemas()
        .map(|(name, schema)| check(name, schema))
        .sum();
    assert!(explained > 200, "{explained}");
}

/// Every example of a body fits the schema, and says something.
#[test]
fn examples_of_bodies_fit_and_are_not_empty() {
    let document = documented();
    let mut with = 0;
    for (path, method, operation) in document.raw_operations() {
        let media = &operation["requestBody"]["content"]["application/json"];
        let schema = document.resolve(&media["schema"]);
        let has_fields = schema["properties"]
            .as_object()
            .is_some_and(|all| !all.is_empty());
        // A GET has none, whatever is declared.
        if !has_fields || method.eq_ignore_ascii_case("get") {
            continue;
        }
        with += 1;
        let mut faults = Vec::new();
        check_example(&document, schema, &media["example"], "body", &mut faults);
        assert!(faults.is_empty(), "{method} {path}: {faults:?}");
    }
    assert!(with > 80, "{with}");
}

fn check_example(
    document: &Document,
    schema: &Value,
    example: &Value,
    at: &str,
    faults: &mut Vec<String>,
) {
    let schema = document.resolve(schema);
    if let Some(mapping) = schema["discriminator"]["mapping"].as_object() {
        let kind = example[schema["discriminator"]["propertyName"]
            .as_str()
            .unwrap_or_default()]
        .as_str();
        match kind.and_then(|kind| mapping[kind].as_str()) {
            Some(target) => check_example(
                document,
                &serde_json::json!({ "$ref": target }),
                example,
                at,
                faults,
            ),
            None => faults.push(format!("{at} has no kind")),
        }
        return;
    }
    if let Some(known) = schema["enum"].as_array() {
        if !known.contains(example) {
            faults.push(format!("{at} is none of {known:?}"));
        }
        return;
    }
    match (schema["properties"].as_object(), example) {
        (Some(properties), Value::Object(fields)) if !fields.is_empty() => {
            for (name, value) in fields {
                match properties.get(name) {
                    Some(property) => {
                        check_example(document, property, value, &format!("{at}.{name}"), faults)
                    }
                    None => faults.push(format!("{at} has no {name}")),
                }
            }
        }
        (Some(_), _) => faults.push(format!("{at} is empty")),
        (None, Value::Array(items)) => {
            for item in items {
                check_example(document, &schema["items"], item, at, faults);
            }
        }
        (None, _) => {}
    }
}
