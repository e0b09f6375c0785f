//! Pipeline parameters from several places, merged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::files::read_text;
use crate::{Error, ErrorKind, Result};

mod json;
mod yaml;

/// How deep parameters may be nested; serde_json goes as deep.
const DEEPEST: usize = 127;

/// The largest text of parameters, in bytes.
const LARGEST: u64 = 10 * 1024 * 1024;

/// The path that is said to be standard input.
const STANDARD_INPUT: &str = "-";

/// Parameters by name, each in JSON with its numbers as they were written.
type Values = BTreeMap<String, Parameter>;

#[derive(Clone, Debug)]
enum Parameter {
    Json(Box<RawValue>),
    /// It is, or holds, what readers take for different things.
    Unclear(Unclear),
}

/// A word in YAML that readers take for different things.
#[derive(Clone, Debug)]
struct Unclear {
    word: String,
    /// What goes on after "which".
    why: &'static str,
    /// What to do.
    instead: &'static str,
}

/// What the caller sets over the pipeline's own parameters.
///
/// Files in their order, then maps in theirs, then single parameters. Merging is by the name of
/// the parameter: a later value replaces an earlier one as a whole, also where both are maps, so
/// that what is given arrives as it was given.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    files: Vec<PathBuf>,
    read: Values,
    maps: Values,
    single: Values,
}

impl Params {
    pub(super) fn file(&mut self, path: PathBuf) {
        self.files.push(path);
    }

    pub(super) fn map(&mut self, values: impl Serialize) -> Result<(), String> {
        let text = serde_json::to_string(&values)
            .map_err(|error| format!("`params` can't be written as JSON: {error}"))?;
        if !text.starts_with('{') {
            return Err("`params` takes a map, or a struct with a field for each".to_owned());
        }
        let values = json(&text).map_err(|error| format!("`params` {error}"))?;
        self.maps.extend(values);
        Ok(())
    }

    pub(super) fn single(&mut self, name: String, value: impl Serialize) -> Result<(), String> {
        let value = serde_json::value::to_raw_value(&value)
            .map_err(|error| format!("parameter `{name}` can't be written as JSON: {error}"))?;
        self.single.insert(name, Parameter::Json(value));
        Ok(())
    }

    /// Reads the files: once, since standard input can't be read again.
    pub(super) async fn read_files(&mut self) -> Result<()> {
        for path in std::mem::take(&mut self.files) {
            let (shown, path) = match path.as_os_str() == STANDARD_INPUT {
                true => ("standard input".to_owned(), None),
                false => (
                    format!("parameter file {}", path.display()),
                    Some(path.as_path()),
                ),
            };
            let text = read_text(path, &shown, LARGEST).await?;
            let values = read(&text, path.map_or(Format::Either, Format::of));
            let values = values.map_err(|problem| invalid(format!("{shown} {problem}")))?;
            self.read.extend(values);
        }
        Ok(())
    }

    /// The text to send, given the pipeline's own. Where nothing is set that is sent as it stands.
    pub(super) fn merge_over(self, own: Option<String>) -> Result<Option<String>> {
        if self.read.is_empty() && self.maps.is_empty() && self.single.is_empty() {
            return Ok(own);
        }
        let mut merged = read(own.as_deref().unwrap_or_default(), Format::Either)
            .map_err(|problem| invalid(format!("the pipeline's own parameters {problem}")))?;
        merged.extend(self.read);
        merged.extend(self.maps);
        merged.extend(self.single);
        let mut values = BTreeMap::new();
        for (name, parameter) in &merged {
            match parameter {
                Parameter::Json(json) => {
                    values.insert(name, json);
                }
                Parameter::Unclear(Unclear { word, why, instead }) => {
                    return Err(invalid(format!(
                        "the parameters have `{name}: {word}`, which {why}: {instead}, or set the \
                         parameter in the launch"
                    )));
                }
            }
        }
        let text = serde_json::to_string(&values);
        text.map(Some)
            .map_err(|error| invalid("the parameters can't be written".to_owned()).caused_by(error))
    }
}

/// In what a text is written.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Json,
    /// JSON, which is read as such, because YAML would take some of its numbers otherwise; or YAML.
    Either,
}

impl Format {
    fn of(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            _ => Self::Either,
        }
    }
}

/// Reads JSON or YAML; no text at all is no parameters.
fn read(text: &str, format: Format) -> Result<Values, String> {
    if format == Format::Json {
        return match text.trim().is_empty() {
            true => Ok(Values::new()),
            false => json(text),
        };
    }
    if text.trim_start().starts_with('{')
        && let Ok(values) = json(text)
    {
        return Ok(values);
    }
    yaml::read(text)?
        .into_iter()
        .map(|(name, value)| {
            let parameter = match value {
                Err(unclear) => Parameter::Unclear(unclear),
                Ok(json) => Parameter::Json(
                    RawValue::from_string(json).map_err(|error| format!("are no JSON: {error}"))?,
                ),
            };
            Ok((name, parameter))
        })
        .collect()
}

fn json(text: &str) -> Result<Values, String> {
    let values = json::read(text)?.into_iter();
    Ok(values
        .map(|(name, value)| (name, Parameter::Json(value)))
        .collect())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRequest, message).in_operation("launch")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn merge(mut params: Params, own: &str) -> Result<Option<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(params.read_files())?;
        params.merge_over(Some(own.to_owned()))
    }

    fn merged(params: Params, own: &str) -> Value {
        serde_json::from_str(&merge(params, own).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn files_then_maps_then_single_ones_whatever_the_order_of_the_calls() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = directory.path().join(name);
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
        params.file(first);
        params.file(second);
        assert_eq!(
            merged(params, "a: own\ne: own\n"),
            json!({
                "a": "file", "b": "second", "c": "map", "d": "single", "e": "own",
                "list": [1, "x"],
            })
        );
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

    #[test]
    fn numbers_arrive_as_they_are_written() {
        let mut params = Params::default();
        params.single("a".into(), u128::MAX).unwrap();
        params.map(BTreeMap::from([("b", 1.5e300)])).unwrap();
        let own = "c: 0.1234567890123456789\nd: [123456789012345678901234567890]";
        assert_eq!(
            merge(params, own).unwrap().unwrap(),
            "{\"a\":340282366920938463463374607431768211455,\"b\":1.5e+300,\
             \"c\":0.1234567890123456789,\"d\":[123456789012345678901234567890]}"
        );
    }

    #[test]
    fn json_is_read_as_such_and_a_json_file_as_nothing_else() {
        let values = |text: &str, format| {
            let values = read(text, format).map(|values| values.into_keys().collect::<Vec<_>>());
            values.unwrap_or_else(|problem| vec![problem])
        };
        assert_eq!(values(r#"{"a": 0o1}"#, Format::Json).len(), 1);
        assert!(values("a: 1", Format::Json)[0].starts_with("are no JSON"));
        assert_eq!(values("{a: 1}", Format::Either), ["a"]);
        assert_eq!(
            values(r#"{"a": 010, "b": yes}"#, Format::Either),
            ["a", "b"]
        );
        assert_eq!(values(" ", Format::Json), [""; 0]);
        assert_eq!(
            values(r#"{"a": 1, "a": 2}"#, Format::Either),
            ["have `a` twice (line 1)"]
        );
        let deep = format!(r#"{{"a": {}"#, "[".repeat(100_000));
        assert!(values(&deep, Format::Json)[0].starts_with("are no JSON"));
        assert!(values(&deep, Format::Either)[0].contains("limit exceeded"));
    }

    #[test]
    fn what_nobody_changes_stays_the_text_it_was() {
        let own = Some("# a comment\ninput: x\n".to_owned());
        assert_eq!(Params::default().merge_over(own.clone()).unwrap(), own);
        assert_eq!(Params::default().merge_over(None).unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_map_is_said() {
        let mut params = Params::default();
        assert!(params.map(7).unwrap_err().contains("takes a map"));
        params.single("a".into(), 1).unwrap();
        let error = params
            .clone()
            .merge_over(Some("- a\n- b".into()))
            .unwrap_err();
        assert!(
            error
                .message()
                .contains("the pipeline's own parameters are no map")
        );
        params.file("no/such.yml".into());
        let error = params.read_files().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("no/such.yml"), "{error}");
    }
}
