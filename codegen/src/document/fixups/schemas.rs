//! Defects of schemas: what the published schema says too strictly, or in a form that the
//! generator turns into types no one wants to use.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::document::tree::{Object, for_each_schema, reference_in, reference_to};
use crate::names::normal;

/// A schema that has properties but does not say that it is an object is one all the same, and one
/// that has items is an array.
pub(super) fn name_the_kind_of_schemas(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let kind = match schema {
            _ if schema.contains_key("type") || schema.contains_key("$ref") => return false,
            _ if schema.contains_key("properties") => "object",
            _ if schema.contains_key("items") => "array",
            _ if schema.contains_key("enum") => "string",
            _ => return false,
        };
        // Beside other parts of a type, its own part is merged with them.
        if ["allOf", "oneOf", "anyOf"]
            .iter()
            .any(|key| schema.contains_key(*key))
        {
            return false;
        }
        schema.insert("type".to_owned(), json!(kind));
        true
    })
}

/// A type is not null; a field that holds it may be. Said of a named schema, the generator would
/// make a type around the type.
pub(super) fn named_schemas_are_not_null(tree: &mut Value) -> usize {
    named_schemas(tree)
        .filter_map(|(_, schema)| schema.as_object_mut()?.remove("nullable"))
        .count()
}

/// Fields that the schema does not know are ignored wherever they occur; the generator would make
/// a member `extra` of them.
pub(super) fn drop_additional_beside_properties(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let has_properties = schema
            .get("properties")
            .and_then(Value::as_object)
            .is_some_and(|properties| !properties.is_empty());
        has_properties && schema.remove("additionalProperties").is_some()
    })
}

/// An enum keeps the values that can be variants: texts, not empty, each with a name of its own
/// (`a-b` and `a_b` have the same). The others are read and written as unrecognised ones. Enums of
/// numbers are numbers.
pub(super) fn enums_are_of_distinct_texts(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let Some(values) = schema.get("enum").and_then(Value::as_array).cloned() else {
            return false;
        };
        let is_text = schema.get("type").is_none_or(|kind| kind == "string");
        let mut seen = BTreeSet::new();
        let kept: Vec<Value> = values
            .iter()
            .filter(|value| {
                let name = normal(value.as_str().unwrap_or_default());
                is_text && !name.is_empty() && name != "unrecognized" && seen.insert(name)
            })
            .cloned()
            .collect();
        let changed = kept.len() < values.len();
        if kept.is_empty() {
            schema.remove("enum");
        } else {
            schema.insert("enum".to_owned(), Value::Array(kept));
        }
        changed
    })
}

/// The one format of strings that means a type of its own is `date-time` (and `binary`, which marks
/// files). For others the generator brings in types that refuse what the server sends.
pub(super) fn drop_unknown_string_formats(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let known = ["date-time", "binary"];
        schema.get("type").is_some_and(|kind| kind == "string")
            && schema
                .get("format")
                .and_then(Value::as_str)
                .is_some_and(|format| !known.contains(&format))
            && schema.remove("format").is_some()
    })
}

/// `Iterator_String_`: the vendor's serialiser writes an iterator as an array, the schema calls it
/// an object.
pub(super) fn iterators_are_arrays(tree: &mut Value) -> usize {
    let mut count = 0;
    for (name, schema) in named_schemas(tree) {
        let Some(item) = name
            .strip_prefix("Iterator_")
            .and_then(|rest| rest.strip_suffix('_'))
        else {
            continue;
        };
        if schema["type"] == "object" && schema.get("properties").is_none() {
            let items = match item {
                "String" => json!({ "type": "string" }),
                "Integer" | "Long" => json!({ "type": "integer" }),
                other => reference_to(other),
            };
            *schema = json!({ "type": "array", "items": items, ITERATOR: true });
            count += 1;
        }
    }
    let iterators: Vec<(String, Value)> = named_schemas(tree)
        .filter(|(name, schema)| name.starts_with("Iterator_") && schema["type"] == "array")
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    for_each_schema(tree, &mut |schema| {
        let target = reference_in(schema);
        if let Some((_, Value::Object(array))) = iterators
            .iter()
            .find(|(name, _)| Some(name.as_str()) == target)
        {
            *schema = array.clone();
        }
    });
    remove_schemas(tree, |name| {
        iterators.iter().any(|(iterator, _)| iterator == name)
    });
    count
}

/// `{type: object}` without properties is how the schema writes *anything*: parameters of a run are
/// strings, numbers and booleans.
pub(super) fn bare_objects_hold_anything(tree: &mut Value) -> usize {
    let described = |schema: &Object| {
        [
            "properties",
            "additionalProperties",
            "allOf",
            "oneOf",
            "anyOf",
        ]
        .iter()
        .any(|key| schema.contains_key(*key))
    };
    count_schemas(tree, |schema| {
        if schema.get("type").is_some_and(|kind| kind == "object") && !described(schema) {
            schema.retain(|key, _| ["description", "nullable", WIRE_NAME].contains(&key.as_str()));
            return true;
        }
        false
    })
}

/// A task's exit code is an integer from newer servers and text, perhaps empty, from older ones.
pub(super) fn exit_codes_may_be_text(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let is_task = ["hash", "process", "exit"].iter().all(|key| {
            schema
                .get("properties")
                .is_some_and(|properties| properties.get(*key).is_some())
        });
        let Some(exit) = schema
            .get_mut("properties")
            .and_then(|p| p.get_mut("exit"))
            .filter(|_| is_task)
        else {
            return false;
        };
        let Some(exit) = exit.as_object_mut() else {
            return false;
        };
        exit.insert("type".to_owned(), json!("string"));
        exit.insert("format".to_owned(), json!(EXIT_CODE));
        true
    })
}

/// The server sends integers beyond 32 bits where the schema says `int32`, and decimal fractions
/// that a `float` would round.
pub(super) fn widen_numbers(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let wide = match schema.get("type").and_then(Value::as_str) {
            Some("integer") => "int64",
            Some("number") => "double",
            _ => return false,
        };
        schema
            .insert("format".to_owned(), json!(wide))
            .is_none_or(|old| old != wide)
    })
}

/// Lengths, patterns and bounds are the server's to enforce. The generator would make a newtype of
/// each constrained string (some patterns have look-around, which Rust's `regex` has not).
pub(super) fn drop_constraints(tree: &mut Value) -> usize {
    const CONSTRAINTS: [&str; 9] = [
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "minItems",
        "maxItems",
        "uniqueItems",
        "title",
    ];
    count_schemas(tree, |schema| {
        let before = schema.len();
        schema.retain(|key, value| !CONSTRAINTS.contains(&key.as_str()) || value.is_object());
        schema.len() < before
    })
}

/// A default is what the server assumes for an absent value; a client that filled it in would send
/// what its caller did not say.
pub(super) fn drop_defaults(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| schema.remove("default").is_some())
}

/// Servers leave out fields that the schema requires, and send null for any field. What a caller
/// must set is checked when a request is sent, not when a reply is read; so the generator is told
/// nothing of it, and the model reads it from where it is kept.
pub(super) fn every_field_may_be_missing(tree: &mut Value) -> usize {
    count_schemas(tree, |schema| {
        let required = schema.remove("required");
        let mut nullable = Vec::new();
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            for (name, property) in properties {
                if let Value::Object(property) = property
                    && property
                        .remove("nullable")
                        .is_some_and(|nullable| nullable == true)
                {
                    nullable.push(name.clone());
                }
            }
        }
        let changed = required.is_some() || !nullable.is_empty();
        if let Some(required) = required {
            schema.insert(REQUIRED.to_owned(), required);
        }
        if !nullable.is_empty() {
            schema.insert(NULLABLE.to_owned(), json!(nullable));
        }
        changed
    })
}

/// Where [`rename_schemas`](super::renames) keeps the name that the schema has in the document.
pub(crate) const WIRE_NAME: &str = "x-wire-name";
/// The format under which [`exit_codes_may_be_text`] marks an exit code.
pub(crate) const EXIT_CODE: &str = "exit-code";

/// How [`iterators_are_arrays`] marks an array that the schema calls an object.
pub(crate) const ITERATOR: &str = "x-iterator";

/// Where [`every_field_may_be_missing`] keeps the names of properties that may be null.
pub(crate) const NULLABLE: &str = "x-nullable";

/// Where [`every_field_may_be_missing`] keeps the names of the required properties.
pub(crate) const REQUIRED: &str = "x-required";

pub(super) fn count_schemas(
    tree: &mut Value,
    mut change: impl FnMut(&mut Object) -> bool,
) -> usize {
    let mut count = 0;
    for_each_schema(tree, &mut |schema| count += usize::from(change(schema)));
    count
}

pub(super) fn named_schemas(tree: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    tree.pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
}

fn remove_schemas(tree: &mut Value, remove: impl Fn(&str) -> bool) {
    if let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") {
        schemas.retain(|name, _| !remove(name));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixed, to};
    use super::*;

    #[test]
    fn formats_without_a_type_of_their_own_go() {
        let text = |format: &str| json!({ "type": "string", "format": format });
        let schemas = json!({ "A": text("email"), "B": text("date-time"), "C": text("binary"), "D": text("uuid") });
        let left = fixed(drop_unknown_string_formats, schemas, 2);
        assert_eq!(left["A"], json!({ "type": "string" }));
        assert_eq!(left["B"], text("date-time"));
    }

    #[test]
    fn iterators_become_arrays_where_they_are_used() {
        let schemas = json!({
            "Iterator_String_": { "type": "object" },
            "Iterator_Page_": { "type": "object" },
            "Log": { "properties": { "entries": to("Iterator_String_"), "pages": to("Iterator_Page_") } }
        });
        let left = fixed(iterators_are_arrays, schemas, 2);
        let fields = &left["Log"]["properties"];
        assert_eq!(fields["entries"]["type"], "array");
        assert_eq!(fields["entries"]["items"], json!({ "type": "string" }));
        assert_eq!(fields["pages"]["items"], to("Page"));
        assert_eq!(left.as_object().unwrap().len(), 1);
    }

    #[test]
    fn schemas_say_what_they_are() {
        let schemas = json!({
            "A": { "properties": {} }, "B": { "items": {} }, "C": { "enum": ["x"] },
            "D": {}, "E": { "properties": {}, "allOf": [] }, "F": to("A")
        });
        let left = fixed(name_the_kind_of_schemas, schemas, 3);
        assert_eq!(left["A"]["type"], "object");
        assert_eq!(left["B"]["type"], "array");
        assert_eq!(left["C"]["type"], "string");
        assert_eq!(left["D"], json!({}));
    }

    #[test]
    fn types_are_not_null() {
        let inner = json!({ "properties": { "x": { "nullable": true } } });
        let mut schema = inner.clone();
        schema["nullable"] = json!(true);
        let left = fixed(named_schemas_are_not_null, json!({ "A": schema }), 1);
        assert_eq!(left["A"], inner);
    }

    #[test]
    fn unknown_fields_have_no_member() {
        let schemas = json!({
            "A": { "properties": { "x": {} }, "additionalProperties": true },
            "Map": { "type": "object", "additionalProperties": { "type": "string" } },
            "Empty": { "properties": {}, "additionalProperties": {} }
        });
        let left = fixed(drop_additional_beside_properties, schemas.clone(), 1);
        assert_eq!(left["A"], json!({ "properties": { "x": {} } }));
        assert_eq!(left["Map"], schemas["Map"]);
        assert_eq!(left["Empty"], schemas["Empty"]);
    }

    #[test]
    fn bare_objects_are_anything_also_in_maps() {
        let schemas = json!({
            "A": { "type": "object", "description": "what it is", "example": 1 },
            "Map": { "type": "object", "additionalProperties": { "type": "object" } }
        });
        let left = fixed(bare_objects_hold_anything, schemas, 2);
        assert_eq!(left["A"], json!({ "description": "what it is" }));
        assert_eq!(left["Map"]["additionalProperties"], json!({}));
    }

    #[test]
    fn enums_keep_what_can_be_a_variant() {
        let of = |kind: &str, values: Value| json!({ "type": kind, "enum": values });
        let schemas = json!({
            "Good": of("string", json!(["a", "b"])),
            "Clash": of("string", json!(["a-b", "a_b", "AB", "c"])),
            "Odd": of("string", json!([null, "", "+", "Unrecognized", "x", 3])),
            "Empty": of("string", json!([""])),
            "Number": of("integer", json!([1, 2])),
            "Bool": of("boolean", json!([true]))
        });
        let left = fixed(enums_are_of_distinct_texts, schemas.clone(), 5);
        assert_eq!(left["Good"], schemas["Good"]);
        assert_eq!(left["Clash"]["enum"], json!(["a-b", "c"]));
        assert_eq!(left["Odd"]["enum"], json!(["x"]));
        assert_eq!(left["Empty"], json!({ "type": "string" }));
        assert_eq!(left["Number"], json!({ "type": "integer" }));
        assert_eq!(left["Bool"], json!({ "type": "boolean" }));
    }

    #[test]
    fn only_a_tasks_exit_may_be_text() {
        let exit = json!({ "type": "integer" });
        let schemas = json!({
            "Task": { "properties": { "hash": {}, "process": {}, "exit": exit } },
            "Odd": { "properties": { "hash": {}, "process": {}, "exit": true } },
            "Other": { "properties": { "exit": exit } }
        });
        let left = fixed(exit_codes_may_be_text, schemas.clone(), 1);
        assert_eq!(left["Task"]["properties"]["exit"]["format"], EXIT_CODE);
        assert_eq!(left["Other"], schemas["Other"]);
        assert_eq!(left["Odd"], schemas["Odd"]);
    }

    #[test]
    fn numbers_constraints_and_defaults() {
        let schemas = json!({ "A": { "properties": {
            "i": { "type": "integer", "format": "int32", "minimum": 1, "default": 2 },
            "l": { "type": "integer", "format": "int64" },
            "n": { "type": "number", "format": "float" },
            "title": { "type": "string", "pattern": "(?!x)", "maxLength": 3 }
        }}});
        let left = fixed(widen_numbers, schemas, 2);
        assert_eq!(left["A"]["properties"]["n"]["format"], "double");
        let left = fixed(drop_constraints, left, 2);
        assert_eq!(
            left["A"]["properties"]["title"],
            json!({ "type": "string" })
        );
        let left = fixed(drop_defaults, left, 1);
        assert_eq!(
            left["A"]["properties"]["i"],
            json!({ "type": "integer", "format": "int64" })
        );
    }

    #[test]
    fn what_is_required_and_nullable_is_kept_beside() {
        let schemas = json!({ "A": { "required": ["x"], "properties": {
            "x": { "type": "string", "nullable": true }, "y": { "type": "string", "nullable": false }
        }}});
        let left = fixed(every_field_may_be_missing, schemas, 1);
        assert_eq!(left["A"][REQUIRED], json!(["x"]));
        assert_eq!(left["A"][NULLABLE], json!(["x"]));
        assert_eq!(left["A"]["properties"]["x"], json!({ "type": "string" }));
    }
}
