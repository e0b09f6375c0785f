//! Reads a reply that does not fit its type once more, leniently.
//!
//! What is usual pays nothing for it: only where serde_json has failed, the reply is parsed into a
//! value, and the type reads from that by a deserializer that makes plain what can be: numbers and
//! booleans are texts, texts are booleans and numbers, one value is a list of one. A value that a
//! record still can't read goes to what it keeps of unknown fields, and the rest is read.
//!
//! A record's visitor does not know what it reads from, and an error of serde's can hold no value.
//! So the value that could not be read waits in a variable of the thread.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, Visitor,
};
use serde_json::{Error, Map, Value};

use crate::error::body::strip_bom;
use crate::wire::extra::Extra;
use crate::wire::mend::{self, DEEPEST, NotJson};
use crate::wire::record::Record;

/// A value, and what could not be read of it.
pub(crate) struct Reread<T> {
    pub value: T,
    /// The paths of the values that are kept as they came.
    pub kept: Vec<String>,
}

/// Why nothing could be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The text is no JSON.
    NotJson(NotJson),
    /// The value at the path is not what the type wants.
    Misfit(String, Error),
}

impl<T> Reread<T> {
    /// Tells once of all that could not be read.
    pub fn warn(&self, operation: &str) {
        if let [path, others @ ..] = self.kept.as_slice() {
            tracing::warn!(
                operation,
                path,
                others = others.len(),
                "values that are not of the type that the schema says are kept as they came"
            );
        }
    }
}

impl Unreadable {
    /// The error of this text, called so, caused by what `redact` leaves of the reader's own words.
    pub fn to_error(&self, name: &str, redact: impl Fn(String) -> String) -> crate::Error {
        let text = redact(format!("{name} {self}"));
        let error = crate::Error::new(crate::ErrorKind::InvalidResponse, text);
        match self {
            Self::NotJson(NotJson::TooDeep) => error,
            Self::NotJson(NotJson::Other(cause)) | Self::Misfit(_, cause) => {
                error.caused_by(redact(cause.to_string()))
            }
        }
    }
}

/// What is said of the text, less who it is.
impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(NotJson::TooDeep) => {
                write!(f, "is nested more than {DEEPEST} levels deep")
            }
            Self::NotJson(NotJson::Other(_)) => f.write_str("is not JSON, or was cut off"),
            Self::Misfit(path, _) if path.is_empty() => f.write_str("does not fit its type"),
            Self::Misfit(path, _) => write!(f, "does not fit its type at `{path}`"),
        }
    }
}

impl crate::Error {
    /// The body of the reply as a type, for the operations whose errors say more than a message:
    /// conflicting uses of credentials, validation errors of a launch, GA4GH errors.
    ///
    /// `None` if there is no body or it is not of that type.
    pub fn details<T: DeserializeOwned>(&self) -> Option<T> {
        from_json(self.body()?).ok()
    }
}

/// Reads JSON that was saved, such as the body of a reply, as the client reads replies: leniently
/// where that is needed. (`serde_json` itself reads into the crate's types too, but refuses a value
/// of another type than the schema says.)
///
/// ```
/// use seqera::types::Workflow;
///
/// let run: Workflow = seqera::from_json(r#"{"runName": 7, "start": {}, "exitStatus": "0"}"#)?;
/// assert_eq!(run.run_name.as_deref(), Some("7"));
/// assert_eq!(run.exit_status, Some(0));
/// // No moment in time: it is missing, and kept as it came.
/// assert_eq!(run.start, None);
/// assert!(run.extra().contains_key("start"));
/// # Ok::<(), seqera::Error>(())
/// ```
///
/// # Errors
/// The text is no JSON, or not of this type.
pub fn from_json<T: DeserializeOwned>(json: impl AsRef<[u8]>) -> crate::Result<T> {
    let json = strip_bom(json.as_ref());
    if let Ok(value) = serde_json::from_slice(json) {
        return Ok(value);
    }
    match from_slice(json) {
        Ok(reread) => {
            reread.warn("from_json");
            Ok(reread.value)
        }
        Err(unreadable) => Err(unreadable
            .to_error("the text", |text| text)
            .in_operation("from_json")),
    }
}

/// Reads JSON leniently.
pub(crate) fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<Reread<T>, Unreadable> {
    from_value(&mend::parse(json).map_err(Unreadable::NotJson)?)
}

/// Reads a value leniently.
pub(crate) fn from_value<T: DeserializeOwned>(value: &Value) -> Result<Reread<T>, Unreadable> {
    let Reread { value, kept } =
        leniently(|| part(value).map_err(|error| Unreadable::Misfit(shown(&take_failed()), error)));
    value.map(|value| Reread { value, kept })
}

/// Reads a part of a value that is being read leniently.
pub(crate) fn part<T: DeserializeOwned>(value: &Value) -> Result<T, Error> {
    T::deserialize(Lenient(value))
}

/// Whether this thread reads leniently.
pub(crate) fn is_going_on() -> bool {
    READING.with_borrow(Option::is_some)
}

thread_local! {
    static READING: RefCell<Option<Reading>> = const { RefCell::new(None) };
}

/// The steps to a value, the last first.
type Path = Vec<String>;

#[derive(Default)]
struct Reading {
    /// The values that could not be read and are kept.
    kept: Vec<Path>,
    /// The value that is the cause of the error on its way.
    failed: Option<Path>,
    /// The value of the field that failed last.
    misfit: Option<Value>,
}

/// Lets this thread read leniently for a while.
pub(crate) fn leniently<T>(read: impl FnOnce() -> T) -> Reread<T> {
    let _before = Before::begin();
    let value = read();
    let kept = shown_kept();
    Reread { value, kept }
}

// What follows is not generic where it can be: it is compiled once, and not for each type.

/// What was there before, which is put back whatever happens.
struct Before(Option<Reading>);

impl Before {
    fn begin() -> Self {
        Self(READING.replace(Some(Reading::default())))
    }
}

impl Drop for Before {
    fn drop(&mut self) {
        READING.set(self.0.take());
    }
}

fn shown_kept() -> Vec<String> {
    with(|reading| reading.kept.iter().map(shown).collect())
}

fn take_failed() -> Path {
    with(|reading| reading.failed.take()).unwrap_or_default()
}

fn with<T: Default>(change: impl FnOnce(&mut Reading) -> T) -> T {
    READING.with_borrow_mut(|reading| reading.as_mut().map(change).unwrap_or_default())
}

fn shown(path: &Path) -> String {
    let mut text = String::new();
    for step in path.iter().rev() {
        if !text.is_empty() && !step.starts_with('[') {
            text.push('.');
        }
        text.push_str(step);
    }
    text
}

/// Reads what stands at a step, and notes the step where it is of interest.
fn at<T>(step: impl Fn() -> String, read: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let before = number_kept();
    let result = read();
    note_step(before, result.is_err(), &step);
    result
}

fn number_kept() -> usize {
    with(|reading| reading.kept.len())
}

/// Notes a step of what could not be read at it; of what is kept, that which was not so before.
fn note_step(before: usize, has_failed: bool, step: &dyn Fn() -> String) {
    with(|reading| {
        if has_failed {
            // It is kept as a whole, if at all.
            reading.kept.truncate(before);
            reading.failed.get_or_insert_default().push(step());
        }
        for path in reading.kept.iter_mut().skip(before) {
            path.push(step());
        }
    });
}

/// Goes on after a field that could not be read: its value is kept. An error that has nothing to do
/// with lenient reading is given back.
#[cold]
pub(crate) fn recover<T: Record, E>(record: &mut T, field: usize, error: E) -> Result<(), E> {
    let Some(value) = take_misfit() else {
        return Err(error);
    };
    let path = take_failed();
    let name = T::FIELDS[field];
    // A list of objects goes on without what is none.
    let objects = field_of_objects(name, &value);
    if let Some(objects) = &objects
        && record.read(field, &mut Entries::at_value(objects)).is_ok()
    {
        keep_path(path);
        return Ok(());
    }
    keep(path, record.unknown_mut(), name, value);
    Ok(())
}

fn note_misfit(value: &Value) {
    with(|reading| reading.misfit = Some(value.clone()));
}

fn take_misfit() -> Option<Value> {
    with(|reading| reading.misfit.take())
}

fn keep_path(path: Path) {
    with(|reading| reading.kept.push(path));
}

fn keep(path: Path, extra: &mut Extra, name: &str, value: Value) {
    with(|reading| (reading.misfit, reading.failed) = (None, None));
    keep_path(path);
    extra.fields_mut().insert(name.to_owned(), value);
}

fn field_of_objects(name: &str, value: &Value) -> Option<Map<String, Value>> {
    objects_of(value).map(|objects| Map::from_iter([(name.to_owned(), objects)]))
}

/// The objects of a list or a map that has other things too.
fn objects_of(value: &Value) -> Option<Value> {
    let objects = match value {
        Value::Array(items) => Value::Array(
            items
                .iter()
                .filter(|item| item.is_object())
                .cloned()
                .collect(),
        ),
        Value::Object(fields) => {
            let objects = fields.iter().filter(|(_, value)| value.is_object());
            let objects = objects.map(|(name, value)| (name.clone(), value.clone()));
            Value::Object(objects.collect())
        }
        _ => return None,
    };
    let is_empty = match &objects {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    };
    (!is_empty && objects != *value).then_some(objects)
}

/// Gives a value in the form that is asked for, where it plainly is one.
struct Lenient<'de>(&'de Value);

impl<'de> Lenient<'de> {
    /// A text that says a number, as that.
    fn number(&self) -> Value {
        let number = match self.0 {
            Value::String(text) => match serde_json::from_str(text.trim()) {
                Ok(Value::Number(number)) => Some(number),
                _ => None,
            },
            _ => None,
        };
        number.map_or_else(|| self.0.clone(), Value::Number)
    }

    fn text(&self) -> Option<String> {
        match self.0 {
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            _ => None,
        }
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.number().$method(visitor)
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.text() {
                Some(text) => visitor.visit_string(text),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Lenient<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items {
                rest: items.iter(),
                index: 0,
            }),
            Value::Object(fields) => visitor.visit_map(Entries::of(fields)),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::String(text) if text.trim().eq_ignore_ascii_case("true") => {
                visitor.visit_bool(true)
            }
            Value::String(text) if text.trim().eq_ignore_ascii_case("false") => {
                visitor.visit_bool(false)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    texts! { deserialize_str deserialize_string }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            // Nothing, rather than a list of it.
            Value::String(text) if text.is_empty() => self.deserialize_any(visitor),
            Value::Array(_) | Value::Null => self.deserialize_any(visitor),
            one => visitor.visit_seq(Items {
                rest: std::slice::from_ref(one).iter(),
                index: 0,
            }),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier ignored_any
    }
}

/// A list.
struct Items<'de> {
    rest: std::slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(item) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        at(|| format!("[{index}]"), || seed.deserialize(Lenient(item))).map(Some)
    }
}

/// An object.
struct Entries<'de> {
    rest: serde_json::map::Iter<'de>,
    value: Option<(&'de str, &'de Value)>,
}

impl<'de> Entries<'de> {
    fn of(fields: &'de Map<String, Value>) -> Self {
        Self {
            rest: fields.iter(),
            value: None,
        }
    }

    /// As it is after the first name.
    fn at_value(fields: &'de Map<String, Value>) -> Self {
        let mut entries = Self::of(fields);
        entries.step();
        entries
    }

    fn step(&mut self) -> Option<&'de str> {
        let (name, value) = self.rest.next()?;
        self.value = Some((name, value));
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let name = self.step();
        let name = name.map(|name| -> StrDeserializer<'_, Error> { name.into_deserializer() });
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((name, value)) = self.value.take() else {
            return Err(Error::custom("a value was asked for before its name"));
        };
        let result = at(|| name.to_owned(), || seed.deserialize(Lenient(value)));
        if result.is_err() {
            note_misfit(value);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::types::{ListWorkflowsResponse, Workflow};

    fn reread<T: DeserializeOwned>(value: &Value) -> (T, Vec<String>) {
        let reread = from_value(value).unwrap();
        (reread.value, reread.kept)
    }

    #[test]
    fn each_form_is_read_or_kept() {
        let run = json!({
            "runName": 7, "owner": true, "resume": "TRUE", "duration": 12.0, "exitStatus": {},
            "start": 1_772_357_400_000_i64, "complete": "2026-03-01", "configFiles": "a",
            "deleted": "perhaps", "id": ["x"], "status": 7,
        });
        let (read, kept): (Workflow, _) = reread(&run);
        assert_eq!(read.run_name.as_deref(), Some("7"));
        assert_eq!((read.resume, read.duration), (Some(true), Some(12)));
        assert_eq!(read.start.unwrap().to_string(), "2026-03-01T09:30:00Z");
        assert_eq!(
            read.config_files.as_deref(),
            Some(["a".to_owned()].as_slice())
        );
        assert_eq!(read.status.as_ref().unwrap().as_str(), "7");
        assert_eq!(kept, ["complete", "deleted", "exitStatus", "id"]);
        let written = serde_json::to_value(&read).unwrap();
        for name in kept {
            assert_eq!(written[&name], run[&name], "{name}");
        }
    }

    #[test]
    fn the_rest_of_a_page_is_there_and_paths_are_whole() {
        let page = json!({"workflows": [
            {"workflow": {"id": "1a", "manifest": {"name": []}}, "labels": [null]},
            null,
            "no run",
            {"workflow": {"id": "2b"}},
        ]});
        let (page, kept): (ListWorkflowsResponse, _) = reread(&page);
        let runs = page.workflows.unwrap();
        let ids = runs.iter().map(|run| run.workflow.as_ref()?.id.as_deref());
        assert_eq!(ids.collect::<Vec<_>>(), [Some("1a"), Some("2b")]);
        assert_eq!(runs[0].extra()["labels"], json!([null]));
        let mut kept = kept;
        kept.sort();
        assert_eq!(
            kept,
            [
                "workflows[0].labels[0]",
                "workflows[0].workflow.manifest.name",
                "workflows[1]"
            ]
        );
    }

    #[test]
    fn what_is_no_object_at_all_is_an_error_with_its_place() {
        let error = |value: &Value| match from_value::<Vec<Workflow>>(value) {
            Err(error) => error.to_string(),
            Ok(_) => String::new(),
        };
        assert_eq!(error(&json!([{}, 7])), "does not fit its type at `[1]`");
        assert_eq!(error(&json!(7)), "does not fit its type at `[0]`");
        assert!(!is_going_on());
    }
}
