//! Defects of schemas that are made of other schemas: `allOf`, `oneOf`, `anyOf`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::schemas::{count_schemas, named_schemas};
use crate::document::{Object, reference};

/// `allOf` with one reference in it is how OpenAPI 3.0 attaches `nullable` or `readOnly` to a
/// reference; the generator makes a new type of it.
pub(super) fn unwrap_single_all_of(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let Some([only]) = schema
            .get("allOf")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
        else {
            return false;
        };
        let Some(target) = only.get("$ref").cloned() else {
            return false;
        };
        const KEPT: [&str; 4] = ["description", "nullable", "deprecated", "readOnly"];
        schema.retain(|key, _| KEPT.contains(&key.as_str()));
        schema.insert("$ref".to_owned(), target);
        true
    })
}

/// `allOf` of a reference and an object means a type with the fields of both.
pub(super) fn merge_all_of(tree: &mut Value) -> usize {
    let schemas = tree["components"]["schemas"].clone();
    count_schemas(tree, |schema| {
        let Some(parts) = schema.get("allOf").and_then(Value::as_array).cloned() else {
            return false;
        };
        let mut properties = Object::new();
        let mut required = BTreeSet::new();
        if !collect_parts(&schemas, &parts, &mut properties, &mut required, 0) {
            return false;
        }
        if let Some(Value::Object(own)) = schema.remove("properties") {
            properties.extend(own);
        }
        schema.remove("allOf");
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.insert("required".to_owned(), json!(required));
        true
    })
}

fn collect_parts(
    schemas: &Value,
    parts: &[Value],
    properties: &mut Object,
    required: &mut BTreeSet<String>,
    depth: usize,
) -> bool {
    depth < 16
        && parts.iter().all(|part| {
            let part = reference(part)
                .and_then(|name| schemas.get(name))
                .unwrap_or(part);
            if part.get("oneOf").is_some() {
                return false;
            }
            let inherited = part.get("allOf").and_then(Value::as_array);
            if !inherited
                .is_none_or(|inner| collect_parts(schemas, inner, properties, required, depth + 1))
            {
                return false;
            }
            properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
            required.extend(
                crate::document::list(part, "required")
                    .filter_map(|name| Some(name.as_str()?.to_owned())),
            );
            true
        })
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
                targets.extend(
                    crate::document::list(schema, key)
                        .filter_map(reference)
                        .map(str::to_owned),
                );
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

pub(super) fn reaches(links: &BTreeMap<String, Vec<String>>, from: &str, to: &str) -> bool {
    let (mut stack, mut seen) = (vec![from], BTreeSet::new());
    while let Some(name) = stack.pop() {
        for next in links.get(name).into_iter().flatten() {
            if next == to {
                return true;
            }
            if seen.insert(next.as_str()) {
                stack.push(next);
            }
        }
    }
    false
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
            _ => schema
                .retain(|key, _| ["description", "nullable", "deprecated"].contains(&key.as_str())),
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixups::testing::{fixed, to};

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
