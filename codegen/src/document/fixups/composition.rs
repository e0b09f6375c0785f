//! Defects of schemas that are made of other schemas: `allOf`, `oneOf`, `anyOf`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::schemas::{WIRE_NAME, count_schemas, named_schemas};
use super::unions;
use crate::document::tree::{Object, list, reaches, reference};

/// `allOf` with one type in it is how OpenAPI 3.0 attaches `nullable` or `readOnly` to a reference,
/// beside it or in a part of their own; the generator makes a new type of it.
pub(super) fn unwrap_single_all_of(tree: &mut Value) -> usize {
    const KEPT: [&str; 4] = ["description", "nullable", "deprecated", "readOnly"];
    count_schemas(tree, |schema| {
        let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() else {
            return false;
        };
        let mut types = parts.iter().filter(|part| says_a_type(part));
        let (Some(only), None) = (types.next(), types.next()) else {
            return false;
        };
        let is_reference = only.get("$ref").is_some();
        if schema.contains_key("properties") || (!is_reference && is_object(only)) {
            return false; // fields are merged
        }
        schema.retain(|key, _| KEPT.contains(&key.as_str()));
        for (key, value) in parts.iter().filter_map(Value::as_object).flatten() {
            if KEPT.contains(&key.as_str()) || only.get(key).is_some() {
                schema.entry(key).or_insert(value.clone());
            }
        }
        true
    })
}

/// Whether a schema says more than what may be said of any type.
fn says_a_type(schema: &Value) -> bool {
    const TYPES: [&str; 10] = [
        "$ref",
        "type",
        "properties",
        "required",
        "items",
        "enum",
        "allOf",
        "oneOf",
        "anyOf",
        "additionalProperties",
    ];
    TYPES.iter().any(|key| schema.get(key).is_some())
}

/// Whether a schema is an object of known fields, rather than a choice or anything else.
fn is_object(schema: &Value) -> bool {
    let has = |key| schema.get(key).is_some();
    let is_other = match schema.get("type") {
        Some(kind) => kind != "object",
        None => has("enum") || has("items"),
    };
    !is_other && !has("oneOf") && !has("anyOf") && *schema != unions::placeholder()
}

/// `allOf` of a reference and an object means a type with the fields of both.
pub(super) fn merge_all_of(tree: &mut Value) -> usize {
    let schemas = tree["components"]["schemas"].clone();
    count_schemas(tree, |schema| {
        let mut merged = Merged::default();
        let is_one = schema.contains_key("allOf")
            && merged.add(&schemas, &Value::Object(schema.clone()), 0)
            && !merged.properties.is_empty();
        if is_one {
            schema.remove("allOf");
            schema.insert("type".to_owned(), json!("object"));
            schema.insert("properties".to_owned(), Value::Object(merged.properties));
            schema.insert("required".to_owned(), json!(merged.required));
        }
        is_one
    })
}

/// The fields of an object and of all that it is made of.
#[derive(Default)]
struct Merged {
    properties: Object,
    required: BTreeSet<String>,
}

impl Merged {
    /// Returns whether the schema and all that it is made of are objects.
    fn add(&mut self, schemas: &Value, schema: &Value, depth: usize) -> bool {
        if depth == 16 {
            return false;
        }
        if let Some(target) = reference(schema).and_then(|name| schemas.get(name)) {
            return self.add(schemas, target, depth + 1);
        }
        if !says_a_type(schema) {
            return true;
        }
        let is_whole = is_object(schema)
            && list(schema, "allOf").all(|part| self.add(schemas, part, depth + 1));
        if is_whole {
            let properties = schema["properties"].as_object().cloned();
            self.properties.extend(properties.unwrap_or_default());
            let required = list(schema, "required").filter_map(Value::as_str);
            self.required.extend(required.map(str::to_owned));
        }
        is_whole
    }
}

/// A named schema that is nothing but a reference back to itself, by whatever way, sends the
/// generator into endless recursion. Such a schema says nothing, so it holds anything.
pub(super) fn break_reference_cycles(tree: &mut Value) -> usize {
    let links: BTreeMap<String, Vec<String>> = named_schemas(tree)
        .map(|(name, schema)| {
            let mut targets = Vec::new();
            if let Some(target) = reference(schema) {
                targets.push(target.to_owned());
            }
            for key in ["allOf", "oneOf", "anyOf"] {
                targets.extend(list(schema, key).filter_map(reference).map(str::to_owned));
            }
            (name.clone(), targets)
        })
        .collect();
    let cyclic: Vec<String> = links
        .keys()
        .filter(|name| reaches(&links, name, name))
        .cloned()
        .collect();
    for (name, schema) in named_schemas(tree) {
        if cyclic.contains(name) {
            match schema
                .as_object_mut()
                .filter(|object| object.contains_key("properties"))
            {
                Some(object) => ["allOf", "oneOf", "anyOf", "discriminator"]
                    .iter()
                    .for_each(|key| {
                        object.remove(*key);
                    }),
                None => *schema = json!({}),
            }
        }
    }
    cyclic.len()
}

/// A choice that nothing tells apart would be guessed by shape, which takes the wrong one. It holds
/// the JSON that the server sent. A choice of one is that one.
pub(super) fn unions_without_discriminator_hold_anything(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let had_not = schema.remove("not").is_some();
        let choice = ["oneOf", "anyOf"].into_iter().find_map(|key| {
            let choice = schema.get(key)?.as_array()?;
            Some(choice.clone())
        });
        let Some(choice) = choice else {
            // What could not be merged says nothing that a type could say.
            let is_left = schema.remove("allOf").is_some();
            return is_left || had_not;
        };
        match choice.as_slice() {
            [Value::Object(only)] => {
                ["oneOf", "anyOf", "type"].iter().for_each(|key| {
                    schema.remove(*key);
                });
                schema.extend(only.clone());
            }
            _ => {
                const KEPT: [&str; 4] = ["description", "nullable", "deprecated", WIRE_NAME];
                schema.retain(|key, _| KEPT.contains(&key.as_str()));
            }
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixed, to};
    use super::*;

    #[test]
    fn a_reference_in_an_all_of_is_that_reference() {
        let schemas = json!({ "A": { "properties": { "b": {
            "allOf": [to("B")], "nullable": true, "readOnly": true, "type": "string"
        }}}});
        let left = fixed(unwrap_single_all_of, schemas, 1);
        let mut expected = to("B");
        expected["nullable"] = json!(true);
        expected["readOnly"] = json!(true);
        assert_eq!(left["A"]["properties"]["b"], expected);
    }

    #[test]
    fn parts_that_say_no_type_are_notes() {
        let status = json!({ "type": "string", "enum": ["on"] });
        let schemas = json!({
            "Status": status,
            "A": { "properties": {
                "status": { "allOf": [to("Status"), { "nullable": true }] },
                "inline": { "allOf": [status, { "description": "what it does" }] },
            } },
        });
        let left = fixed(unwrap_single_all_of, schemas, 2);
        let fields = &left["A"]["properties"];
        let mut expected = to("Status");
        expected["nullable"] = json!(true);
        assert_eq!(fields["status"], expected);
        assert_eq!(fields["inline"]["enum"], json!(["on"]));
        assert_eq!(fields["inline"]["description"], "what it does");
    }

    #[test]
    fn fields_beside_a_reference_are_merged_with_its_own() {
        let schemas = json!({
            "Base": { "type": "object", "required": ["a"], "properties": { "a": {} } },
            "Child": { "allOf": [to("Base")], "required": ["b"], "properties": { "b": {} } },
        });
        let left = fixed(unwrap_single_all_of, schemas, 0);
        let left = fixed(merge_all_of, left, 1);
        let expected =
            json!({ "type": "object", "required": ["a", "b"], "properties": { "a": {}, "b": {} } });
        assert_eq!(left["Child"], expected);
    }

    #[test]
    fn what_is_no_object_is_not_merged() {
        let with = |part: Value| json!({ "allOf": [{ "properties": { "a": {} } }, part] });
        let schemas = json!({
            "Status": { "type": "string", "enum": ["on"] },
            "Alias": to("Status"),
            "Union": unions::placeholder(),
            "Text": with(to("Status")),
            "TextByAlias": with(to("Alias")),
            "Choice": with(json!({ "anyOf": [to("Status")] })),
            "More": with(to("Union")),
            "Nothing": { "allOf": [{ "type": "object" }, { "required": ["a"] }] },
            "Noted": with(json!({ "nullable": true })),
        });
        let left = fixed(merge_all_of, schemas.clone(), 1);
        for name in ["Text", "TextByAlias", "Choice", "More", "Nothing"] {
            assert_eq!(left[name], schemas[name], "{name}");
        }
        assert_eq!(left["Noted"]["properties"], json!({ "a": {} }));
    }

    #[test]
    fn chains_of_all_of_are_one_type() {
        let schemas = json!({
            "Base": { "type": "object", "required": ["a"], "properties": { "a": {} } },
            "Middle": { "allOf": [to("Base"), { "properties": { "b": {} } }] },
            "Bottom": { "allOf": [to("Middle"), { "required": ["c"], "properties": { "c": {} } }], "properties": { "d": {} } },
            "Choice": { "allOf": [to("Base"), { "oneOf": [] }] }
        });
        let left = fixed(merge_all_of, schemas.clone(), 2);
        let names: Vec<_> = left["Bottom"]["properties"]
            .as_object()
            .unwrap()
            .keys()
            .collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
        assert_eq!(left["Bottom"]["required"], json!(["a", "c"]));
        assert_eq!(left["Choice"], schemas["Choice"]);
    }

    #[test]
    fn types_made_of_themselves_are_cut() {
        let schemas = json!({
            "Self": { "allOf": [to("Self")] },
            "Base": { "oneOf": [to("Child")], "discriminator": {}, "properties": { "kind": {} } },
            "Child": { "allOf": [to("Base"), { "properties": { "own": {} } }] },
            "Tree": { "properties": { "children": { "items": to("Tree") } } },
            "Leaf": { "allOf": [to("Base")] }
        });
        let left = fixed(break_reference_cycles, schemas.clone(), 3);
        assert_eq!(left["Self"], json!({}));
        assert_eq!(left["Base"], json!({ "properties": { "kind": {} } }));
        assert_eq!(left["Tree"], schemas["Tree"]);
        assert_eq!(left["Leaf"], schemas["Leaf"]);
    }

    #[test]
    fn choices_that_nothing_tells_apart_hold_anything() {
        let schemas = json!({
            "Two": { "description": "either", "type": "object", "oneOf": [to("A"), to("B")] },
            "Any": { "items": { "anyOf": [{ "type": "string" }, { "type": "integer" }] } },
            "One": { "nullable": true, "anyOf": [to("A")] },
            "Not": { "type": "string", "not": { "enum": ["x"] } },
            "Left": { "allOf": [to("A"), to("B")] }
        });
        let left = fixed(unions_without_discriminator_hold_anything, schemas, 5);
        assert_eq!(left["Two"], json!({ "description": "either" }));
        assert_eq!(left["Any"]["items"], json!({}));
        assert_eq!(left["One"]["$ref"], to("A")["$ref"]);
        assert_eq!(left["Not"], json!({ "type": "string" }));
        assert_eq!(left["Left"], json!({}));
    }
}
