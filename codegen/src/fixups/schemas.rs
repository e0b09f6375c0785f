//! Defects of schemas: what the published schema says too strictly, or in a form that the
//! generator turns into types no one wants to use.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::document::{Object, for_each_schema, reference, reference_to, walk_schema};
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

/// Two schemas whose names are one in Rust (`Plan_Info`, `PlanInfo`), or one that is named like a
/// type of the language, get a number.
pub(super) fn keep_type_names_apart(tree: &mut Value) -> usize {
    const TAKEN: [&str; 12] = [
        "Box", "Default", "Fields", "From", "Into", "None", "Option", "Record", "Result", "Some",
        "String", "Vec",
    ];
    let names: Vec<String> = named_schemas(tree).map(|(name, _)| name.clone()).collect();
    let mut taken: BTreeSet<String> = TAKEN.iter().map(|name| normal(name)).collect();
    let mut renames = BTreeMap::new();
    for name in &names {
        if taken.insert(normal(name)) {
            continue;
        }
        let free = (2..).find_map(|number| {
            let other = format!("{name}{number}");
            taken.insert(normal(&other)).then_some(other)
        });
        renames.extend(free.map(|other| (name.clone(), other)));
    }
    rename_schemas(tree, &renames);
    renames.len()
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
        let target = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|target| target.rsplit('/').next());
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

/// `ComputeEnv_ComputeConfig_` is the vendor's generic class with its argument. The argument is left
/// out of the name, unless that name is taken.
pub(super) fn drop_generic_arguments_from_names(tree: &mut Value) -> usize {
    let names: Vec<String> = named_schemas(tree).map(|(name, _)| name.clone()).collect();
    let mut bare: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in &names {
        if let Some((base, argument)) = name.split_once('_')
            && argument.ends_with('_')
        {
            bare.entry(base.to_owned()).or_default().push(name.clone());
        }
    }
    let renames: BTreeMap<String, String> = bare
        .into_iter()
        .filter(|(base, generics)| generics.len() == 1 && !names.contains(base))
        .flat_map(|(base, generics)| generics.into_iter().map(move |name| (name, base.clone())))
        .collect();
    rename_schemas(tree, &renames);
    renames.len()
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
            schema.retain(|key, _| key == "description" || key == "nullable");
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
/// nothing of it, and `crate::types` reads it from where it is kept.
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

/// The format under which [`exit_codes_may_be_text`] marks an exit code.
pub(crate) const EXIT_CODE: &str = "exit-code";
/// How [`iterators_are_arrays`] marks an array that the schema calls an object.
pub(crate) const ITERATOR: &str = "x-iterator";
/// Where [`every_field_may_be_missing`] keeps the names of properties that may be null.
pub(crate) const NULLABLE: &str = "x-nullable";
/// Where [`every_field_may_be_missing`] keeps the names of the required properties.
pub(crate) const REQUIRED: &str = "x-required";

fn count_schemas(tree: &mut Value, mut change: impl FnMut(&mut Object) -> bool) -> usize {
    let mut count = 0;
    for_each_schema(tree, &mut |schema| count += usize::from(change(schema)));
    count
}

fn named_schemas(tree: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
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

/// Gives named schemas other names, and rewrites the references to them.
fn rename_schemas(tree: &mut Value, renames: &BTreeMap<String, String>) {
    if renames.is_empty() {
        return;
    }
    if let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") {
        *schemas = std::mem::take(schemas)
            .into_iter()
            .map(|(name, mut schema)| match renames.get(&name) {
                Some(new) => {
                    schema["x-wire-name"] = json!(name);
                    (new.clone(), schema)
                }
                None => (name, schema),
            })
            .collect();
    }
    let mut redirect = |schema: &mut Object| {
        for holder in ["$ref"] {
            if let Some(new) = schema
                .get(holder)
                .and_then(Value::as_str)
                .and_then(|target| renames.get(target.strip_prefix("#/components/schemas/")?))
            {
                schema.insert(
                    holder.to_owned(),
                    json!(format!("#/components/schemas/{new}")),
                );
            }
        }
        if let Some(Value::Object(mapping)) = schema
            .get_mut("discriminator")
            .and_then(|d| d.get_mut("mapping"))
        {
            for target in mapping.values_mut() {
                if let Some(new) = target
                    .as_str()
                    .and_then(|text| renames.get(text.rsplit('/').next()?))
                {
                    *target = json!(format!("#/components/schemas/{new}"));
                }
            }
        }
    };
    for_each_schema(tree, &mut redirect);
}

/// The schemas that a schema refers to, itself and its children.
pub(crate) fn references_of(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk_schema(&mut schema.clone(), &mut |object| {
        if let Some(target) = object.get("$ref").and_then(Value::as_str) {
            found.extend(target.rsplit('/').next().map(str::to_owned));
        }
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(schemas: Value) -> Value {
        json!({ "components": { "schemas": schemas } })
    }

    /// Applies a fixup to named schemas; it must find nothing more when it runs again.
    #[track_caller]
    fn fixed(fixup: fn(&mut Value) -> usize, schemas: Value, expected: usize) -> Value {
        let mut tree = document(schemas);
        assert_eq!(fixup(&mut tree), expected);
        let once = tree.clone();
        fixup(&mut tree);
        assert_eq!(tree, once, "it changes what it has changed");
        tree["components"]["schemas"].take()
    }

    fn to(name: &str) -> Value {
        reference_to(name)
    }

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
    fn generic_arguments_leave_names_that_are_free() {
        let schemas = json!({
            "Env_Config_": {}, "Page_A_": {}, "Page_B_": {}, "List": {}, "List_A_": {},
            "User": { "properties": { "env": to("Env_Config_") } }
        });
        let left = fixed(drop_generic_arguments_from_names, schemas, 1);
        assert_eq!(left["Env"], json!({ "x-wire-name": "Env_Config_" }));
        assert_eq!(left["User"]["properties"]["env"], to("Env"));
        assert!(left.get("Page_A_").is_some() && left.get("List_A_").is_some());
    }

    #[test]
    fn names_that_are_one_in_rust_are_kept_apart() {
        let schemas = json!({
            "PlanInfo": {}, "Plan_Info": {}, "planInfo": {}, "Option": {},
            "User": { "properties": { "plan": to("Plan_Info"), "option": to("Option") } }
        });
        let left = fixed(keep_type_names_apart, schemas, 3);
        let names: Vec<_> = left.as_object().unwrap().keys().collect();
        assert_eq!(
            names,
            ["Option2", "PlanInfo", "Plan_Info2", "User", "planInfo3"]
        );
        assert_eq!(left["User"]["properties"]["plan"], to("Plan_Info2"));
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
