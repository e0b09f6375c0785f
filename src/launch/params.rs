//! Pipeline parameters from several places, merged.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// What the caller sets over the pipeline's own parameters.
///
/// Files in their order, then maps in theirs, then single parameters. Merging is by the name of
/// the parameter: a later value replaces an earlier one as a whole, also where both are maps, so
/// that what is given arrives as it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    files: Vec<PathBuf>,
    maps: Map<String, Value>,
    single: Map<String, Value>,
}

impl Params {
    pub(super) fn file(&mut self, path: PathBuf) {
        self.files.push(path);
    }

    pub(super) fn map(&mut self, values: impl Serialize) -> Result<(), String> {
        match serde_json::to_value(values) {
            Ok(Value::Object(mut values)) => {
                self.maps.append(&mut values);
                Ok(())
            }
            Ok(_) => Err("`params` takes a map, or a struct with a field for each".to_owned()),
            Err(error) => Err(format!("`params` can't be written as JSON: {error}")),
        }
    }

    pub(super) fn single(&mut self, name: String, value: impl Serialize) -> Result<(), String> {
        let value = serde_json::to_value(value)
            .map_err(|error| format!("parameter `{name}` can't be written as JSON: {error}"))?;
        self.single.insert(name, value);
        Ok(())
    }

    /// The text to send, given the pipeline's own. Where nothing is set that is sent as it stands.
    pub(super) async fn merge_over(mut self, own: Option<String>) -> Result<Option<String>> {
        if self.files.is_empty() && self.maps.is_empty() && self.single.is_empty() {
            return Ok(own);
        }
        let mut merged = read(own.as_deref().unwrap_or_default())
            .map_err(|problem| invalid(format!("the pipeline's own parameters {problem}")))?;
        for path in &self.files {
            let shown = path.display();
            let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                Error::io(format!("parameter file {shown} can't be read"), error)
            })?;
            let mut values = read(&text)
                .map_err(|problem| invalid(format!("parameter file {shown} {problem}")))?;
            merged.append(&mut values);
        }
        merged.append(&mut self.maps);
        merged.append(&mut self.single);
        Ok(Some(Value::Object(merged).to_string()))
    }
}

/// Reads JSON or YAML; no text at all is no parameters.
fn read(text: &str) -> Result<Map<String, Value>, String> {
    // JSON is read as such, because YAML would take some of its numbers otherwise.
    if let Ok(Value::Object(values)) = serde_json::from_str(text) {
        return Ok(values);
    }
    match yaml_serde::from_str(text) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err("are no map of names to values".to_owned()),
        Err(error) => Err(format!("are neither JSON nor YAML: {error}")),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).in_operation("launch")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merged(params: Params, own: &str) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let text = runtime
            .unwrap()
            .block_on(params.merge_over(Some(own.to_owned())));
        serde_json::from_str(&text.unwrap().unwrap()).unwrap()
    }

    #[test]
    fn files_then_maps_then_single_ones_whatever_the_order_of_the_calls() {
        let directory = std::env::temp_dir();
        let file = |name: &str, text: &str| {
            let path = directory.join(format!("seqera-params-{}-{name}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            path
        };
        let (first, second) = (
            file("1.yml", "a: file\nb: file\nc: file\nlist:\n  - 1\n  - x\n"),
            file("2.json", r#"{"b": "second", "c": "second", "d": "second"}"#),
        );
        let mut params = Params::default();
        params.single("d".into(), "single").unwrap();
        params.map(json!({"c": "map", "d": "map"})).unwrap();
        params.file(first.clone());
        params.file(second.clone());
        assert_eq!(
            merged(params, "a: own\ne: own\n"),
            json!({
                "a": "file", "b": "second", "c": "map", "d": "single", "e": "own",
                "list": [1, "x"],
            })
        );
        for path in [first, second] {
            std::fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn a_map_replaces_a_map_as_a_whole() {
        let mut params = Params::default();
        params.single("max".into(), json!({"cpus": 4})).unwrap();
        let own = r#"{"max": {"cpus": 2, "memory": "6 GB"}, "keep": 1.0}"#;
        assert_eq!(
            merged(params, own),
            json!({"max": {"cpus": 4}, "keep": 1.0})
        );
    }

    #[tokio::test]
    async fn what_nobody_changes_stays_the_text_it_was() {
        let own = Some("# a comment\ninput: x\n".to_owned());
        assert_eq!(
            Params::default().merge_over(own.clone()).await.unwrap(),
            own
        );
        assert_eq!(Params::default().merge_over(None).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_map_is_said() {
        let mut params = Params::default();
        assert!(params.map(7).unwrap_err().contains("takes a map"));
        params.single("a".into(), 1).unwrap();
        let error = params
            .clone()
            .merge_over(Some("- a\n- b".into()))
            .await
            .unwrap_err();
        assert!(
            error
                .message()
                .contains("the pipeline's own parameters are no map")
        );
        params.file("no/such.yml".into());
        let error = params.merge_over(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("no/such.yml"), "{error}");
    }
}
