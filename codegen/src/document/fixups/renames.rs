//! Names of schemas that make no good names of types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::schemas::{WIRE_NAME, named_schemas};
use super::unions::Union;
use crate::document::openapi::Document;
use crate::document::tree::{for_each_schema, reference_in, reference_to};
use crate::names::normal;

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

/// Gives named schemas other names, and rewrites the references to them.
pub(super) fn rename_schemas(tree: &mut Value, renames: &BTreeMap<String, String>) {
    if renames.is_empty() {
        return;
    }
    if let Some(Value::Object(schemas)) = tree.pointer_mut("/components/schemas") {
        *schemas = std::mem::take(schemas)
            .into_iter()
            .map(|(name, mut schema)| match renames.get(&name) {
                Some(new) => {
                    if schema[WIRE_NAME].is_null() {
                        schema[WIRE_NAME] = json!(name);
                    }
                    (new.clone(), schema)
                }
                None => (name, schema),
            })
            .collect();
    }
    for_each_schema(tree, &mut |schema| {
        if let Some(new) = reference_in(schema).and_then(|name| renames.get(name)) {
            schema.insert("$ref".to_owned(), reference_to(new)["$ref"].take());
        }
    });
}

/// Gives unions and their variants, which were lifted before, the names that their schemas have now.
pub(super) fn follow(document: &Document, unions: &mut [Union]) {
    let renames: BTreeMap<&str, &String> = document
        .schemas()
        .filter_map(|(name, schema)| Some((schema[WIRE_NAME].as_str()?, name)))
        .collect();
    let follow = |name: &mut String| {
        if let Some(new) = renames.get(name.as_str()) {
            name.clone_from(new);
        }
    };
    for union in unions {
        follow(&mut union.name);
        union
            .variants
            .iter_mut()
            .for_each(|variant| follow(&mut variant.schema));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{fixed, to};
    use super::*;

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
    fn a_schema_renamed_twice_keeps_its_first_name() {
        let schemas = json!({ "Option_A_": {} });
        let left = fixed(drop_generic_arguments_from_names, schemas, 1);
        let left = fixed(keep_type_names_apart, left, 1);
        assert_eq!(left["Option2"][WIRE_NAME], "Option_A_");
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

    /// The names of types in a document whose schemas have these names.
    fn types(names: &[&str]) -> Vec<String> {
        let schemas: String = names
            .iter()
            .map(|name| {
                format!(
                    "    {name}: {{ type: object, properties: {{ id: {{ type: string }} }} }}\n"
                )
            })
            .collect();
        let text = format!(
            "openapi: 3.0.1\ninfo: {{ version: 1.0.0 }}\npaths: {{ /x: {{ get: {{ operationId: X, responses: {{ '200': {{ description: done }} }} }} }} }}\ncomponents:\n  schemas:\n{schemas}"
        );
        let mut document = Document::parse(&text).unwrap();
        super::super::apply(&mut document, false);
        document
            .schemas()
            .map(|(name, _)| crate::names::type_name(name))
            .collect()
    }

    #[test]
    fn arguments_of_generic_classes_are_left_out() {
        assert_eq!(types(&["Map.Entry_String.String_"]), ["MapEntry"]);
        assert_eq!(types(&["ComputeEnv_ComputeConfig_"]), ["ComputeEnv"]);
    }

    #[test]
    fn arguments_stay_where_the_name_would_not_tell() {
        assert_eq!(
            types(&["ComputeEnv", "ComputeEnv_ComputeConfig_"]),
            ["ComputeEnv", "ComputeEnvComputeConfig"]
        );
        assert_eq!(types(&["Page_Run_", "Page_Task_"]), ["PageRun", "PageTask"]);
    }
}
