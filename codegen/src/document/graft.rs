//! Adds to older schemas what hand-written code uses of newer ones.
//!
//! A server that does not know a parameter or a field passes over it, and one that does not know an
//! operation says so. So an older schema costs a workflow the one feature that its server lacks,
//! and not all the rest.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::document::openapi::Document;
use crate::document::tree::{list, reference, reference_to, template};

/// What is added where it is missing.
const SCION: &str = include_str!("graft.yml");

/// Adds what is missing. Returns its names: `ListDatasetsV2.search`.
pub fn apply(document: &mut Document) -> Result<Vec<String>> {
    let scion = yaml_serde::from_str(SCION).context("graft.yml")?;
    let mut graft = Graft {
        tree: &mut document.tree,
        scion: &scion,
        added: Vec::new(),
    };
    graft.operations();
    graft.schemas();
    Ok(graft.added)
}

/// Takes off what [`apply`] adds: what is left stands for an older version, in tests.
pub fn take_off(tree: &mut Value) -> Result<()> {
    let scion: Value = yaml_serde::from_str(SCION).context("graft.yml")?;
    for (path, item) in members(&scion["paths"]) {
        for (method, new) in members(item) {
            if new["responses"].is_object() {
                if let Some(item) = tree["paths"][path].as_object_mut() {
                    item.remove(method);
                }
                continue;
            }
            let is_added =
                |old: &Value| list(new, "parameters").any(|added| added["name"] == old["name"]);
            if let Some(parameters) = tree["paths"][path][method]["parameters"].as_array_mut() {
                parameters.retain(|parameter| !is_added(parameter));
            }
        }
    }
    for (name, new) in members(&scion["components"]["schemas"]) {
        let Some(old) = tree["components"]["schemas"].get_mut(name) else {
            continue;
        };
        if let Some(values) = old.get_mut("enum").and_then(Value::as_array_mut) {
            values.retain(|value| !list(new, "enum").any(|added| added == value));
        }
        if let Some(properties) = old.get_mut("properties").and_then(Value::as_object_mut) {
            // A type that is there as a whole is that of an operation which is gone.
            properties
                .retain(|name, _| new["type"] == "object" || new["properties"].get(name).is_none());
        }
    }
    Ok(())
}

/// Names the path beside which an operation is added.
const BESIDE: &str = "x-beside";

/// The path that a document needs to have for an operation to be added: the one above it, unless
/// the operation names another because older versions know nothing of its subject.
fn stock<'a>(path: &'a str, operation: &'a Value) -> Option<&'a str> {
    let above = path.rsplit_once('/').map(|(above, _)| above);
    operation[BESIDE].as_str().or(above)
}

struct Graft<'a> {
    tree: &'a mut Value,
    scion: &'a Value,
    added: Vec<String>,
}

impl Graft<'_> {
    fn operations(&mut self) {
        for (path, item) in members(&self.scion["paths"]) {
            for (method, new) in members(item) {
                let id = &new["operationId"];
                let name = id.as_str().unwrap_or_default();
                let same = |a: &str, b: &str| template(a) == template(b);
                let home = self
                    .place(|_, item| item[method]["operationId"] == *id)
                    .or_else(|| {
                        self.place(|other, item| same(other, path) && item[method].is_object())
                    });
                if let Some(home) = home {
                    let operation = &mut self.tree["paths"][&home][method];
                    if operation["operationId"] != *id {
                        let old = operation["operationId"].as_str().unwrap_or_default();
                        self.added.push(format!("{name} (named {old})"));
                        operation["operationId"] = id.clone();
                    }
                    self.parameters(&home, method, new);
                } else if new["responses"].is_object()
                    && let Some(beside) = stock(path, new)
                    && self.place(|other, _| same(other, beside)).is_some()
                {
                    let mut added = new.clone();
                    if let Some(added) = added.as_object_mut() {
                        added.remove(BESIDE);
                    }
                    self.tree["paths"][path][method] = added;
                    self.added.push(name.to_owned());
                    self.reached_from(new);
                }
            }
        }
    }

    /// The first path of which something holds.
    fn place(&self, holds: impl Fn(&str, &Value) -> bool) -> Option<String> {
        let mut paths = members(&self.tree["paths"]);
        let found = paths.find(|(path, item)| holds(path, item));
        found.map(|(path, _)| path.clone())
    }

    fn parameters(&mut self, path: &str, method: &str, new: &Value) {
        for parameter in list(new, "parameters") {
            let operation = &mut self.tree["paths"][path][method];
            let is_it = |other: &Value| other["name"] == parameter["name"];
            if list(operation, "parameters").any(is_it) {
                continue;
            }
            match operation["parameters"].as_array_mut() {
                Some(parameters) => parameters.push(parameter.clone()),
                None => operation["parameters"] = json!([parameter]),
            }
            self.note(&new["operationId"], &parameter["name"]);
        }
    }

    fn schemas(&mut self) {
        for (name, new) in members(&self.scion["components"]["schemas"]) {
            if self.schema(name).is_none() {
                continue;
            }
            for value in list(new, "enum") {
                if let Some(values) =
                    self.tree["components"]["schemas"][name]["enum"].as_array_mut()
                    && !values.contains(value)
                {
                    values.push(value.clone());
                    self.note(&json!(name), value);
                }
            }
            for (property, new) in members(&new["properties"]) {
                self.property(name, property, new);
            }
        }
    }

    fn property(&mut self, owner: &str, property: &str, new: &Value) {
        let old = self
            .schema(owner)
            .and_then(|owner| owner["properties"].get(property));
        match (old, reference(new)) {
            (None, _) => {
                self.tree["components"]["schemas"][owner]["properties"][property] = new.clone();
                self.note(&json!(owner), &json!(property));
                self.reached_from(new);
            }
            // The type has another name.
            (Some(old), Some(ty)) if self.schema(ty).is_none() => {
                let Some(other) = reference(old).map(str::to_owned) else {
                    return;
                };
                let copy = self.schema(&other).cloned();
                let schemas = &mut self.tree["components"]["schemas"];
                schemas[ty] = copy.unwrap_or_default();
                schemas[owner]["properties"][property] = reference_to(ty);
                self.added.push(format!("{ty} (named {other})"));
            }
            _ => {}
        }
    }

    /// Adds the types that a part refers to, where they are missing.
    fn reached_from(&mut self, part: &Value) {
        match part {
            Value::Object(object) => {
                if let Some(name) = reference(part)
                    && self.schema(name).is_none()
                {
                    let new = &self.scion["components"]["schemas"][name];
                    self.tree["components"]["schemas"][name] = new.clone();
                    self.reached_from(new);
                }
                object.values().for_each(|part| self.reached_from(part));
            }
            Value::Array(parts) => parts.iter().for_each(|part| self.reached_from(part)),
            _ => {}
        }
    }

    fn schema(&self, name: &str) -> Option<&Value> {
        self.tree["components"]["schemas"].get(name)
    }

    fn note(&mut self, owner: &Value, member: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.added.push(format!("{}.{}", text(owner), text(member)));
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grafted(tree: Value) -> (Value, Vec<String>) {
        let mut document = Document { tree };
        let added = apply(&mut document).unwrap();
        (document.tree, added)
    }

    #[test]
    fn what_a_schema_lacks_is_added_to_what_it_has() {
        let (tree, added) = grafted(json!({
            "paths": {
                "/datasets": { "get": { "operationId": "ListDatasetsV2", "parameters": [{ "name": "max" }] } },
                "/pipelines/{id}": {},
                "/workflow/{id}/log": { "get": { "operationId": "WorkflowLogs" } },
            },
            "components": { "schemas": {
                "DataLinkItemType": { "enum": ["FILE"] },
                "DescribeWorkflowResponse": { "properties": {
                    "workflow": { "$ref": "#/components/schemas/Workflow" },
                } },
                "Workflow": { "type": "object" },
                "PipelineDbDto": {},
            } },
        }));
        assert_eq!(
            added,
            [
                "ListDatasetsV2.offset",
                "ListDatasetsV2.search",
                "ListPipelineVersions",
                "ValidatePipelineVersionName",
                "ManagePipelineVersion",
                "GetWorkflowLog (named WorkflowLogs)",
                "DataLinkItemType.FUSION_SYMLINK_FILE",
                "DescribeWorkflowResponse.pipelineInfo",
                "WorkflowMaxDbDto (named Workflow)",
                "PipelineDbDto.version",
            ]
        );
        let schemas = &tree["components"]["schemas"];
        assert_eq!(schemas["WorkflowMaxDbDto"], schemas["Workflow"]);
        for reached in [
            "ListPipelineVersionsResponse",
            "PipelineVersionFullInfoDto",
            "PipelineMinInfoResponse",
        ] {
            assert!(schemas[reached]["properties"].is_object(), "{reached}");
        }
        assert_eq!(grafted(tree.clone()), (tree, Vec::new()));
    }

    #[test]
    fn another_api_stays_as_it_is() {
        let tree = json!({ "openapi": "3.0.1", "paths": { "/things": { "get": { "operationId": "ListThings" } } } });
        assert_eq!(grafted(tree.clone()), (tree, Vec::new()));
    }
}
