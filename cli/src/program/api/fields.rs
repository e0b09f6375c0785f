//! `-F`: fields of a body, with values of the types that its schema has for them.

use serde_json::{Value, json};

/// Puts a value at a path of names joined by dots into a body.
///
/// # Errors
/// The schema has no such field, where that is an error, or the body is something else there.
pub fn put(
    root: &Value,
    body: &mut Value,
    path: &str,
    text: &str,
    strict: bool,
) -> Result<(), String> {
    Schema { root, strict }.put(&[root], body, path, text)
}

struct Schema<'a> {
    root: &'a Value,
    /// Whether fields that the schema lacks are an error.
    strict: bool,
}

impl<'a> Schema<'a> {
    /// `schemas` are those that the body may be of: of a union, all its variants.
    fn put(
        &self,
        schemas: &[&'a Value],
        body: &mut Value,
        path: &str,
        text: &str,
    ) -> Result<(), String> {
        let (name, rest) = match path.split_once('.') {
            Some((name, rest)) => (name, Some(rest)),
            None => (path, None),
        };
        let objects = self.objects(schemas);
        let mut inner: Vec<&Value> = objects
            .iter()
            .filter_map(|object| object["properties"].get(name))
            .collect();
        let open = objects
            .iter()
            .find_map(|object| object.get("additionalProperties"));
        inner.extend(open.filter(|_| inner.is_empty()));
        let fields = objects
            .iter()
            .filter_map(|object| object["properties"].as_object());
        let mut known: Vec<&str> = fields.flatten().map(|(name, _)| name.as_str()).collect();
        if inner.is_empty() && self.strict && !known.is_empty() {
            known.sort_unstable();
            known.dedup();
            return Err(format!(
                "The body has no field `{name}`: it has `{}` (with --unchecked it is sent all the same)",
                known.join("`, `")
            ));
        }
        if body.is_null() {
            *body = json!({});
        }
        let Some(fields) = body.as_object_mut() else {
            return Err(format!("The body is no object that has a field `{name}`"));
        };
        let place = fields.entry(name).or_insert(Value::Null);
        match rest {
            Some(rest) => self.put(&inner, place, rest, text)?,
            None => *place = self.value(&inner, text),
        }
        Ok(())
    }

    /// The schemas without references, and the parts and variants that they are made of.
    fn objects(&self, schemas: &[&'a Value]) -> Vec<&'a Value> {
        let mut pending = schemas.to_vec();
        let mut found = Vec::new();
        while let Some(schema) = pending.pop() {
            if let Some(name) = schema["$ref"]
                .as_str()
                .and_then(|target| target.rsplit('/').next())
            {
                pending.extend(self.root["$defs"].get(name));
                continue;
            }
            for parts in ["allOf", "anyOf", "oneOf"] {
                pending.extend(schema[parts].as_array().into_iter().flatten());
            }
            found.push(schema);
        }
        found
    }

    /// A text as a value of one of the types that a field may have; without types, JSON or text.
    fn value(&self, schemas: &[&'a Value], text: &str) -> Value {
        let objects = self.objects(schemas);
        let has = |kind: &str| {
            let mut kinds = objects.iter().map(|object| &object["type"]);
            kinds.any(|known| {
                known == kind
                    || known
                        .as_array()
                        .is_some_and(|known| known.contains(&json!(kind)))
            })
        };
        let read = serde_json::from_str::<Value>(text).ok();
        let as_text = || json!(text);
        let is_typed = ["string", "integer", "number", "boolean", "array", "object"]
            .into_iter()
            .any(has);
        if !is_typed {
            return read.unwrap_or_else(as_text);
        }
        match read {
            Some(Value::Null) if !has("string") || has("null") => Value::Null,
            Some(number @ Value::Number(_)) if has("integer") || has("number") => number,
            Some(flag @ Value::Bool(_)) if has("boolean") => flag,
            Some(list @ Value::Array(_)) if has("array") => list,
            Some(object @ Value::Object(_)) if has("object") => object,
            _ if has("array") => {
                let items: Vec<&Value> = objects
                    .iter()
                    .filter_map(|object| object.get("items"))
                    .collect();
                text.split(',')
                    .map(|part| self.value(&items, part))
                    .collect()
            }
            _ => as_text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(given: &[(&str, &str)]) -> Result<Value, String> {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": { "type": "string" },
                "count": { "type": ["integer", "null"] },
                "ids": { "type": "array", "items": { "type": "integer" } },
                "config": { "$ref": "#/$defs/Config" },
                "env": { "type": "object", "additionalProperties": { "type": "string" } },
            },
            "$defs": { "Config": { "oneOf": [
                { "allOf": [{ "type": "object", "properties": { "on": { "type": "boolean" } } }] },
            ] } },
        });
        let mut body = json!({});
        for (path, text) in given {
            put(&schema, &mut body, path, text, true)?;
        }
        Ok(body)
    }

    #[test]
    fn values_are_of_the_types_that_the_schema_has() {
        let given = [
            ("name", "42"),
            ("count", "7"),
            ("ids", "1,2"),
            ("config.on", "true"),
            ("env.A", "1"),
        ];
        let expected = json!({
            "name": "42", "count": 7, "ids": [1, 2], "config": { "on": true }, "env": { "A": "1" },
        });
        assert_eq!(body(&given), Ok(expected));
        assert_eq!(
            body(&[("ids", "[3]"), ("count", "null")]),
            Ok(json!({ "ids": [3], "count": null }))
        );
    }

    #[test]
    fn a_field_that_is_not_there_is_refused_with_those_that_are() {
        let error = body(&[("nmae", "x")]).unwrap_err();
        assert!(
            error.contains("no field `nmae`") && error.contains("`name`"),
            "{error}"
        );
        assert!(body(&[("name.x", "1")]).is_ok_and(|body| body["name"]["x"] == 1));
        assert!(body(&[("name", "a"), ("name.x", "1")]).is_err());
    }
}
