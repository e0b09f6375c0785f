//! Pipeline parameters from several places, merged.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
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
        let mut merged = Merged::default();
        merged
            .lay_over(own.as_deref().unwrap_or_default())
            .map_err(|problem| invalid(format!("the pipeline's own parameters {problem}")))?;
        for path in &self.files {
            let shown = path.display();
            let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                Error::io(
                    format!("parameter file {shown} can't be read: {error}"),
                    error,
                )
            })?;
            merged
                .lay_over(&text)
                .map_err(|problem| invalid(format!("parameter file {shown} {problem}")))?;
        }
        self.maps.append(&mut self.single);
        merged.set(self.maps);
        if let Some((name, word)) = merged.unclear.first_key_value() {
            return Err(invalid(format!(
                "the parameters have `{name}: {word}`, which readers of YAML take for a boolean or \
                 for text: write true or false, quote it, or set the parameter in the launch"
            )));
        }
        Ok(Some(Value::Object(merged.values).to_string()))
    }
}

/// Parameters that were laid over one another.
#[derive(Default)]
struct Merged {
    values: Map<String, Value>,
    /// Those whose value is, or holds, a word that is a boolean in YAML 1.1, which Nextflow reads,
    /// and text in YAML 1.2.
    unclear: BTreeMap<String, String>,
}

impl Merged {
    fn lay_over(&mut self, text: &str) -> Result<(), String> {
        self.set(read(text)?);
        self.unclear.extend(unclear(text));
        Ok(())
    }

    fn set(&mut self, mut values: Map<String, Value>) {
        self.unclear.retain(|name, _| !values.contains_key(name));
        self.values.append(&mut values);
    }
}

/// The parameters of a text whose values hold a plain `yes`, `no`, `on` or `off`, and that word.
fn unclear(text: &str) -> BTreeMap<String, String> {
    /// What is text of the document as it stands; escaped text is not.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Node<'t> {
        Text(&'t str),
        List(Vec<Node<'t>>),
        #[serde(borrow)]
        Map(BTreeMap<Key, Node<'t>>),
        Other(IgnoredAny),
    }

    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    #[serde(untagged)]
    enum Key {
        Text(String),
        Number(i64),
        Boolean(bool),
    }

    fn word<'t>(node: &Node<'t>, text: &str) -> Option<&'t str> {
        match node {
            Node::Text(word) => {
                let before = (word.as_ptr() as usize).checked_sub(text.as_ptr() as usize + 1);
                let quote = before.and_then(|place| text.as_bytes().get(place));
                let is_quoted = matches!(quote, Some(b'"' | b'\''));
                let mut words = ["yes", "no", "on", "off"].iter();
                let is_unclear = words.any(|unclear| word.eq_ignore_ascii_case(unclear));
                (is_unclear && !is_quoted).then_some(*word)
            }
            Node::List(nodes) => nodes.iter().find_map(|node| word(node, text)),
            Node::Map(nodes) => nodes.values().find_map(|node| word(node, text)),
            Node::Other(_) => None,
        }
    }

    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return BTreeMap::new();
    }
    let nodes: BTreeMap<String, Node<'_>> = yaml_serde::from_str(text).unwrap_or_default();
    let words = nodes
        .into_iter()
        .filter_map(|(name, node)| Some((name, word(&node, text)?.to_owned())));
    words.collect()
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

    fn merge(params: Params, own: &str) -> Result<Option<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let merging = params.merge_over(Some(own.to_owned()));
        runtime.unwrap().block_on(merging)
    }

    fn merged(params: Params, own: &str) -> Value {
        serde_json::from_str(&merge(params, own).unwrap().unwrap()).unwrap()
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

    #[test]
    fn words_that_may_be_booleans_are_refused_unless_replaced() {
        let mut params = Params::default();
        params.single("input".into(), "x").unwrap();
        for (own, shown) in [
            ("skip: no", "skip: no"),
            ("skip: &a On # as usual", "skip: On"),
            ("a: 1\nmax: {1: [1, {deep: OFF}]}", "max: OFF"),
            ("- no", "no map"),
        ] {
            let error = merge(params.clone(), own).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert!(error.message().contains(shown), "{own}: {error}");
        }
        let clear = "a: 'no'\nb: \"yes\"\nc: no way\nd: |-\n  no\ne: false\n";
        assert_eq!(
            merged(params.clone(), clear),
            json!({"a": "no", "b": "yes", "c": "no way", "d": "no", "e": false, "input": "x"})
        );
        assert_eq!(
            merged(params.clone(), r#"{"skip": "no"}"#),
            json!({"skip": "no", "input": "x"})
        );
        params.single("skip".into(), false).unwrap();
        assert_eq!(
            merged(params, "skip: no"),
            json!({"skip": false, "input": "x"})
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
