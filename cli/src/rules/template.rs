//! Templates: texts that are filled with what an event holds. What is not there is an error, never an
//! empty text; a text that is one expression gives the expression's value, with its type.

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

use crate::kit::{is_template, nearest};

/// How much work one template may be; a page of text takes some thousands.
const FUEL: u64 = 1_000_000;

/// What is wrong with a template, or with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// An expression over an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(pub String);

impl Expression {
    /// Whether it holds for what an event holds.
    ///
    /// # Errors
    /// Something that it names is not there.
    pub fn holds(&self, data: &Value) -> Result<bool, Wrong> {
        Ok(evaluate(&self.0, data)?.is_true())
    }

    /// Looks for mistakes that can be seen before there is an event.
    ///
    /// # Errors
    /// It is no expression, or names what is never there.
    pub fn check(&self, names: &[&str]) -> Result<(), Wrong> {
        let environment = environment();
        let compiled = environment.compile_expression(&self.0);
        let compiled = compiled.map_err(|error| told(&self.0, &error, None))?;
        check_names(compiled.undeclared_variables(false), names)
    }
}

/// Looks for mistakes in all texts of a value that can be seen before there is an event.
///
/// # Errors
/// A text is no template, or names what is never there.
pub fn check(value: &Value, names: &[&str]) -> Result<(), Wrong> {
    match value {
        Value::String(text) if is_template(text) => check_text(text, names),
        Value::Array(items) => items.iter().try_for_each(|item| check(item, names)),
        Value::Object(fields) => fields.values().try_for_each(|value| check(value, names)),
        _ => Ok(()),
    }
}

fn check_text(text: &str, names: &[&str]) -> Result<(), Wrong> {
    let environment = environment();
    let template = environment.template_from_str(text);
    let template = template.map_err(|error| told(text, &error, None))?;
    check_names(template.undeclared_variables(false), names)
}

fn check_names(used: impl IntoIterator<Item = String>, names: &[&str]) -> Result<(), Wrong> {
    let environment = environment();
    let globals: Vec<_> = environment.globals().map(|(name, _)| name).collect();
    let mut unknown: Vec<_> = used.into_iter().collect();
    unknown.retain(|name| !names.contains(&name.as_str()) && !globals.contains(&name.as_str()));
    unknown.sort();
    match unknown.first() {
        None => Ok(()),
        Some(name) => Err(Wrong(match nearest(name, names.iter().copied()) {
            Some(near) => format!("`{name}` is not known here: is `{near}` meant?"),
            None => format!("`{name}` is not known here: there are {}", names.join(", ")),
        })),
    }
}

/// Fills all texts of a value, as deep as they stand.
///
/// # Errors
/// Something that a text names is not there.
pub fn fill(value: &Value, data: &Value) -> Result<Value, Wrong> {
    Ok(match value {
        Value::String(text) => fill_text(text, data)?,
        Value::Array(items) => {
            let items = items.iter().map(|item| fill(item, data));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => Value::Object(fill_map(fields, data)?),
        other => other.clone(),
    })
}

/// Fills all texts of a map, as deep as they stand. Names stay as they are.
///
/// # Errors
/// Something that a text names is not there.
pub fn fill_map(fields: &Map<String, Value>, data: &Value) -> Result<Map<String, Value>, Wrong> {
    let pairs = fields.iter();
    pairs
        .map(|(name, value)| Ok((name.clone(), fill(value, data)?)))
        .collect()
}

/// Fills a text of which text is wanted.
///
/// # Errors
/// Something that it names is not there, or it comes to a list or a map.
pub fn fill_to_text(text: &str, data: &Value) -> Result<String, Wrong> {
    match fill_text(text, data)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Wrong(format!("`{text}` comes to no text"))),
    }
}

fn fill_text(text: &str, data: &Value) -> Result<Value, Wrong> {
    if !is_template(text) {
        return Ok(text.into());
    }
    if let Some(expression) = whole(text) {
        let value = evaluate(expression, data)?;
        return serde_json::to_value(value).map_err(|error| Wrong(format!("`{text}`: {error}")));
    }
    let filled = environment().render_str(text, minijinja::Value::from(Serde(data)));
    filled
        .map(Value::from)
        .map_err(|error| told(text, &error, Some(data)))
}

/// The expression of a text that is nothing else.
fn whole(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    let is_one = environment().compile_expression(inner).is_ok();
    is_one.then_some(inner)
}

fn evaluate(expression: &str, data: &Value) -> Result<minijinja::Value, Wrong> {
    let environment = environment();
    let told = |error: Error| told(expression, &error, Some(data));
    let compiled = environment.compile_expression(expression).map_err(told)?;
    let value = compiled
        .eval(minijinja::Value::from(Serde(data)))
        .map_err(told)?;
    match is_whole(&value) {
        true => Ok(value),
        false => Err(told(ErrorKind::UndefinedError.into())),
    }
}

/// Whether nothing in a value is missing.
fn is_whole(value: &minijinja::Value) -> bool {
    use minijinja::value::ValueKind;
    match value.kind() {
        ValueKind::Undefined => false,
        ValueKind::Seq | ValueKind::Iterable => value
            .try_iter()
            .is_ok_and(|mut items| items.all(|item| is_whole(&item))),
        ValueKind::Map => value.try_iter().is_ok_and(|mut keys| {
            keys.all(|key| value.get_item(&key).is_ok_and(|inner| is_whole(&inner)))
        }),
        _ => true,
    }
}

/// Templates without escapes, for texts that no browser reads.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(|out, state, value| match value.is_none() {
        // The word `none` in a path helps nobody.
        true => Err(Error::new(ErrorKind::InvalidOperation, "a value is null")),
        false => minijinja::escape_formatter(out, state, value),
    });
    environment.add_filter("basename", |path: &str| {
        let path = path.trim_end_matches('/');
        path.rsplit('/').next().unwrap_or(path).to_owned()
    });
    environment.add_filter("dirname", |path: &str| {
        let folder = path.trim_end_matches('/').rsplit_once('/');
        folder
            .map(|(folder, _)| folder.to_owned())
            .unwrap_or_default()
    });
    environment
}

/// An error in words: what is missing by its name, with what is there.
fn told(text: &str, error: &Error, data: Option<&Value>) -> Wrong {
    let text = text.trim();
    if error.kind() == ErrorKind::UndefinedError
        && let Some(missing) = data.and_then(|data| missing(text, data))
    {
        return Wrong(format!("`{text}`: {missing}"));
    }
    match error.detail() {
        Some(detail) => Wrong(format!("`{text}`: {detail}")),
        None => Wrong(format!("`{text}`: {}", error.kind())),
    }
}

/// Which name of a text leads to nothing.
fn missing(text: &str, data: &Value) -> Option<String> {
    let environment = environment();
    let names = match is_template(text) {
        true => environment
            .template_from_str(text)
            .ok()?
            .undeclared_variables(true),
        false => environment
            .compile_expression(text)
            .ok()?
            .undeclared_variables(true),
    };
    let mut names: Vec<_> = names.into_iter().collect();
    names.sort();
    names.iter().find_map(|name| {
        let mut here = data;
        let mut walked = Vec::new();
        for part in name.split('.') {
            walked.push(part);
            let Value::Object(fields) = here else {
                return None;
            };
            match fields.get(part) {
                Some(inner) => here = inner,
                None => {
                    let walked = walked.join(".");
                    let keys = fields.keys().map(String::as_str);
                    return Some(match nearest(part, keys) {
                        Some(near) => format!("`{walked}` is not there (is `{near}` meant?)"),
                        None => format!("`{walked}` is not there"),
                    });
                }
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data() -> Value {
        json!({
            "event": {"folder": "/data/r1", "name": "a_R1.fastq.gz", "size": 7},
            "run": {"params": {"outdir": "s3://x"}, "exit": null},
            "body": {"params": {"deep": [1, true]}},
        })
    }

    #[test]
    fn a_whole_text_keeps_the_type_of_its_value() {
        let table = [
            (json!("{{ body.params }}"), json!({"deep": [1, true]})),
            (json!(" {{- event.size -}} "), json!(7)),
            (json!("{{ event.size > 3 }}"), json!(true)),
            (json!("{{ event.size }}-{{ event.size }}"), json!("7-7")),
            (json!("{{ '}}' }}"), json!("}}")),
            (json!("{{ event.name | split('_') | first }}"), json!("a")),
            (
                json!("{{ '/x/y/' | basename }}:{{ '/x/y' | dirname }}"),
                json!("y:/x"),
            ),
            (
                json!({"a": ["{{ run.params.outdir }}/b", 3]}),
                json!({"a": ["s3://x/b", 3]}),
            ),
            (json!("{% if event.size %}<b>{% endif %}"), json!("<b>")),
            (json!("no $template {"), json!("no $template {")),
            (json!("{{ run.exit }}"), json!(null)),
        ];
        for (template, expected) in table {
            assert_eq!(fill(&template, &data()).unwrap(), expected, "{template}");
        }
        assert_eq!(fill_to_text("{{ event.size }}", &data()).unwrap(), "7");
        assert!(fill_to_text("{{ body }}", &data()).is_err());
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        let table = [
            (
                "{{ run.params.outdri }}",
                "`run.params.outdri` is not there (is `outdir` meant?)",
            ),
            (
                "x-{{ run.params.outdri }}",
                "`run.params.outdri` is not there (is `outdir` meant?)",
            ),
            (
                "{{ [event.size, event.none] }}",
                "`event.none` is not there",
            ),
            ("{{ sheet.url }}", "`sheet` is not there"),
            ("x-{{ run.exit }}", "a value is null"),
            (
                "{% for i in range(9999) %}{% for j in range(9999) %}{{ j }}{% endfor %}{% endfor %}",
                "fuel",
            ),
        ];
        for (template, expected) in table {
            let wrong = fill(&template.into(), &data()).unwrap_err().to_string();
            assert!(wrong.contains(expected), "{wrong}");
        }
        let holds = |text: &str| Expression(text.to_owned()).holds(&data());
        assert_eq!(holds("event.size > 3 and 'r1' in event.folder"), Ok(true));
        assert_eq!(holds("event.size > 30"), Ok(false));
        assert!(holds("event.sice > 30").is_err());
    }

    #[test]
    fn mistakes_are_seen_before_there_is_an_event() {
        let names = ["event", "run"];
        let checked = |text: &str| check(&json!([text]), &names).map_err(|wrong| wrong.0);
        assert_eq!(checked("{{ event.x }} {{ range(3) }}"), Ok(()));
        assert_eq!(
            checked("{{ evnt.x }}"),
            Err("`evnt` is not known here: is `event` meant?".to_owned())
        );
        assert!(checked("{{ event.").is_err() && checked("{% if %}").is_err());
        assert!(
            checked("{{ event | nofilter }}").is_err()
                || fill(&"{{ event | nofilter }}".into(), &data()).is_err()
        );
        assert!(Expression("event.size >".to_owned()).check(&names).is_err());
        assert!(Expression("file.size".to_owned()).check(&names).is_err());
    }
}
