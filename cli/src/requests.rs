//! Requests from options: options serialize with the API's names.

use seqera::Nullable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::exit::{Failure, Result};
use crate::options::LaunchOptions;
use crate::output::without_nulls;
use crate::values::{Pair, TextFile};

/// A request of these fields; those that are null are left out.
pub fn request<T: DeserializeOwned>(fields: Value) -> Result<T> {
    Ok(serde_json::from_value(without_nulls(fields))?)
}

/// What there is, with the fields that are not null in `changes` in place of its own.
pub fn changed<T: Serialize + DeserializeOwned>(present: T, changes: Value) -> Result<T> {
    let mut fields = serde_json::to_value(present)?;
    if let (Value::Object(fields), Value::Object(changes)) = (&mut fields, without_nulls(changes)) {
        fields.extend(changes);
    }
    Ok(serde_json::from_value(fields)?)
}

/// What is given, or null, which leaves what there is.
pub fn or_null<T>(given: Option<T>) -> Nullable<T> {
    given.map_or(Nullable::Null, Nullable::from)
}

/// Options as fields with the API's names.
pub fn fields(options: &impl Serialize) -> Result<Map<String, Value>> {
    match without_nulls(serde_json::to_value(options)?) {
        Value::Object(fields) => Ok(fields),
        _ => Err(Failure::failed("the options are no fields")),
    }
}

impl LaunchOptions {
    /// The options as fields of a launch, with the API's names. Empty texts count as not given;
    /// `params` are the parameters that files are merged over.
    pub fn fields(&self, params: Option<&str>) -> Result<Map<String, Value>> {
        let mut fields = fields(self)?;
        fields.retain(|_, value| value.as_str() != Some(""));
        for name in ["userSecrets", "workspaceSecrets"] {
            if let Some(Value::Array(names)) = fields.get_mut(name) {
                names.retain(|name| name.as_str() != Some(""));
            }
        }
        if let Some(text) = self.params_text(params)? {
            fields.insert("paramsText".to_owned(), text.into());
        }
        Ok(fields)
    }

    /// The parameters of the files, merged over those there are.
    fn params_text(&self, present: Option<&str>) -> Result<Option<String>> {
        let mut texts = Vec::with_capacity(self.params_file.len());
        for path in &self.params_file {
            let text = TextFile(path.clone()).read().map_err(Failure::failed)?;
            texts.push((format!("The contents of {}", path.display()), text));
        }
        match (present.unwrap_or_default().trim(), texts.as_slice()) {
            (_, []) => Ok(None),
            // Nothing is to be merged: the text stays as it is.
            ("", [(_, text)]) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
            (present, _) => {
                let mut params = read_params("The present parameters", present)?;
                for (whose, text) in &texts {
                    params.extend(read_params(whose, text)?);
                }
                Ok(Some(serde_json::to_string_pretty(&params)?))
            }
        }
    }
}

/// Parameters, with single ones over them. A value is JSON, or else text.
pub fn with_params(present: Option<&str>, pairs: &[Pair]) -> Result<Option<String>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    let mut params = read_params("The present parameters", present.unwrap_or_default())?;
    for Pair { name, value } in pairs {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str()));
        params.insert(name.clone(), value);
    }
    Ok(Some(serde_json::to_string_pretty(&params)?))
}

fn read_params(whose: &str, text: &str) -> Result<Map<String, Value>> {
    if text.trim().is_empty() {
        return Ok(Map::new());
    }
    let params = yaml_serde::from_str::<Option<Map<String, Value>>>(text);
    let params =
        params.map_err(|error| Failure::failed(format!("{whose} are no parameters: {error}")))?;
    Ok(params.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqera::types::UpdateLabelRequest;
    use serde_json::json;

    #[test]
    fn what_is_not_changed_stays() {
        let present: UpdateLabelRequest = request(json!({"name": "a", "value": "b"})).unwrap();
        let changed = changed(present, json!({"name": "c", "value": null})).unwrap();
        assert_eq!(changed.name.as_deref(), Some("c"));
        assert_eq!(changed.value.as_deref(), Some("b"));
    }

    #[test]
    fn options_have_the_names_of_the_api() {
        let options: LaunchOptions = yaml_serde::from_str(
            "{work-dir: s3://b, profile: 'a,b', pull-latest: false, main-script: '', \
             user-secrets: '', compute-env: ce}",
        )
        .unwrap();
        assert_eq!(
            Value::Object(options.fields(None).unwrap()),
            json!({"workDir": "s3://b", "configProfiles": ["a", "b"], "pullLatest": false, "userSecrets": []})
        );
    }

    #[test]
    fn files_of_parameters_are_merged_over_those_there_are() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let options = LaunchOptions {
            params_file: vec![
                write("a.yml", "x: 1\ny: [2]"),
                write("b.json", r#"{"x": 3}"#),
            ],
            ..LaunchOptions::default()
        };
        let text = options
            .params_text(Some("{\"x\": 0, \"z\": true}"))
            .unwrap()
            .unwrap();
        let params: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(params, json!({"x": 3, "y": [2], "z": true}));
        let pairs = ["x=[1]", "name=two words"].map(|text| text.parse().unwrap());
        let text = with_params(Some(&text), &pairs).unwrap().unwrap();
        let params: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            params,
            json!({"x": [1], "y": [2], "z": true, "name": "two words"})
        );
    }
}
