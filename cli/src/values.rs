//! The types of option values: lists, labels, variables, files, and words of a fixed set.

use std::any::TypeId;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Arg, ArgAction, Command};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Several values in one word, separated by commas. A part in double quotes is not split and keeps
/// its quotes; blanks are kept. In YAML it may also be a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        split(text)
            .map(T::from_str)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl<T: FromStr> List<T> {
    /// A list, or an empty one: of an empty text.
    pub fn or_none(text: &str) -> Result<Self, T::Err> {
        match text {
            "" => Ok(Self(Vec::new())),
            text => text.parse(),
        }
    }
}

fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == ',' && !quoted
    })
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Parts(Vec<String>),
        }
        match Form::deserialize(deserializer)? {
            Form::Text(text) => text.parse(),
            Form::Parts(parts) => {
                let parts = parts.iter().map(|part| T::from_str(part));
                parts.collect::<Result<_, _>>().map(Self)
            }
        }
        .map_err(D::Error::custom)
    }
}

/// A label, `name` or `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub name: String,
    /// Of a resource label.
    pub value: Option<String>,
}

impl FromStr for Label {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            None => (text, None),
            Some((name, "")) => (name, None),
            Some((name, value)) => (name, Some(value)),
        };
        let wrong = name.trim().is_empty()
            || value.is_some_and(|value| value.trim().is_empty() || value.contains('='));
        if wrong {
            return Err(format!(
                "label `{text}` is neither a name nor of the form name=value"
            ));
        }
        Ok(Self {
            name: name.to_owned(),
            value: value.map(str::to_owned),
        })
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `NAME=VALUE`: an environment variable, or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub name: String,
    pub value: String,
}

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not of the form NAME=VALUE"))?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The pairs, the last of those with one name.
pub fn last_of_each(pairs: &[Pair]) -> Vec<&Pair> {
    let mut kept: Vec<&Pair> = Vec::new();
    for pair in pairs {
        match kept.iter_mut().find(|other| other.name == pair.name) {
            Some(other) => *other = pair,
            None => kept.push(pair),
        }
    }
    kept
}

/// Pairs from a map, or from a list of `NAME=VALUE`.
pub fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Pair>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        Map(std::collections::BTreeMap<String, String>),
        Parts(Vec<String>),
    }
    match Form::deserialize(deserializer)? {
        Form::Map(map) => Ok((map.into_iter())
            .map(|(name, value)| Pair { name, value })
            .collect()),
        Form::Parts(parts) => (parts.iter())
            .map(|part| part.parse().map_err(D::Error::custom))
            .collect(),
    }
}

/// A file whose text is meant; `-` is standard input. It serializes as the text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct TextFile(pub PathBuf);

impl FromStr for TextFile {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

/// How many bytes a file may hold that is read whole.
pub const LONGEST: u64 = 16 << 20;

/// What a file holds, up to a limit: devices and pipes may have no end.
///
/// # Errors
/// It can't be read, or holds more.
pub fn read_file(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    whole(std::fs::File::open(path)?, limit)
}

fn whole(from: impl std::io::Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut from.take(limit + 1), &mut bytes)?;
    match bytes.len() as u64 > limit {
        true => Err(std::io::Error::other(format!(
            "it holds more than {} MB",
            limit >> 20
        ))),
        false => Ok(bytes),
    }
}

impl TextFile {
    /// The text, of [`LONGEST`] bytes at most.
    ///
    /// # Errors
    /// The file can't be read; the error names it.
    pub fn read(&self) -> Result<String, String> {
        let path = &self.0;
        let bytes = match path.as_os_str() == "-" {
            true => whole(std::io::stdin().lock(), LONGEST),
            false => read_file(path, LONGEST),
        };
        let name = match path.as_os_str() == "-" {
            true => "Standard input".to_owned(),
            false => path.display().to_string(),
        };
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).map_err(std::io::Error::other));
        text.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("File not found. {name}"),
            _ if error
                .get_ref()
                .is_some_and(|inner| inner.is::<std::string::FromUtf8Error>()) =>
            {
                format!("{name} can't be read: it holds no text in UTF-8")
            }
            _ => format!("{name} can't be read: {error}"),
        })
    }
}

impl Serialize for TextFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.read().map_err(S::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

/// An option whose absence is true at the server.
pub fn negated<S: Serializer>(value: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(!value)
}

/// As [`negated`], where absence says nothing.
pub fn negated_if_given<S: Serializer>(
    value: &Option<bool>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.map(|value| !value).serialize(serializer)
}

/// An enum of words that are taken in any case, and told as the API spells them.
macro_rules! choices {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal $(| $also:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($variant),+ }

        #[allow(dead_code, reason = "not every choice is told as text")]
        impl $name {
            /// As the API spells it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl clap::ValueEnum for $name {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(match self {
                    $(Self::$variant => clap::builder::PossibleValue::new($text)$(.alias($also))*),+
                })
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                <Self as clap::ValueEnum>::from_str(text, true)
                    .map_err(|_| format!("`{text}` is none of {}", [$($text),+].join(", ")))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use choices;

/// Whether an option is there or not, or says `true` or `false`.
pub fn is_switch(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<bool>()
        || matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::Count)
}

/// Makes switches of three states take `=true` and `=false` too, and every choice any case.
pub fn relax(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let arg = match arg.get_action() {
                ArgAction::Set if is_switch(&arg) && !arg.is_positional() => switch(arg),
                _ => arg,
            };
            let takes_value = arg.get_action().takes_values();
            arg.ignore_case(takes_value)
        })
        .mut_subcommands(relax)
}

fn switch(arg: Arg) -> Arg {
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true")
        .value_name("BOOL")
        .hide_possible_values(true)
        .hide_default_value(true)
        .value_parser(clap::value_parser!(bool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_splits_at_commas_outside_of_quotes() {
        let list = |text: &str| text.parse::<List<String>>().unwrap().0;
        assert_eq!(list("a, b"), ["a", " b"]);
        assert_eq!(list("a,\"b,c\""), ["a", "\"b,c\""]);
        assert_eq!(list(""), [""]);
    }

    #[test]
    fn a_list_in_yaml_is_text_or_a_list() {
        let read = |text: &str| yaml_serde::from_str::<List<Label>>(text).unwrap();
        assert_eq!(read("a,b=c"), read("[a, b=c]"));
    }

    #[test]
    fn labels_have_a_name_and_perhaps_a_value() {
        let label = |text: &str| text.parse::<Label>().map(|label| label.to_string());
        assert_eq!(label("a=b").unwrap(), "a=b");
        assert_eq!(label("a=").unwrap(), "a");
        for wrong in ["", "=b", "a=b=c", "a= "] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_last_of_equal_names_counts() {
        let given: Vec<Pair> = ["a=1", "b=2", "a=3=4"]
            .map(|text| text.parse().unwrap())
            .into();
        let kept: Vec<_> = last_of_each(&given)
            .iter()
            .map(|pair| &*pair.value)
            .collect();
        assert_eq!(kept, ["3=4", "2"]);
    }
}
