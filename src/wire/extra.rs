//! What a reply has beyond its type: fields that the schema does not know.

use std::fmt;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::wire::secret;

static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// Fields by name. A record that has none pays a pointer.
#[derive(Clone, Default)]
pub(crate) struct Extra(Option<Box<Map<String, Value>>>);

impl Extra {
    pub(crate) fn fields(&self) -> &Map<String, Value> {
        self.0.as_deref().unwrap_or_else(|| &NONE)
    }

    pub(crate) fn fields_mut(&mut self) -> &mut Map<String, Value> {
        self.0.get_or_insert_default()
    }

    /// The fields, if there are any: what is asked for each field of a record that is written.
    pub(crate) fn some(&self) -> Option<&Map<String, Value>> {
        self.0.as_deref()
    }

    /// Whether there is a field of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.some().is_some_and(|fields| fields.contains_key(name))
    }

    /// For the `Debug` of records that hold secrets.
    pub(crate) fn names(&self) -> Vec<&String> {
        self.fields().keys().collect()
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.fields() {
            if secret::is_name_of_one(name) {
                map.entry(name, &secret::Redacted(true));
            } else {
                map.entry(name, value);
            }
        }
        map.finish()
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn none_costs_a_pointer_and_equals_an_empty_one() {
        assert_eq!(size_of::<Extra>(), size_of::<usize>());
        let mut empty = Extra::default();
        empty.fields_mut();
        assert_eq!(empty, Extra::default());
        empty.fields_mut().insert("a".to_owned(), json!(1));
        assert_ne!(empty, Extra::default());
    }

    #[test]
    fn debug_shows_what_is_there_but_no_secret() {
        let mut extra = Extra::default();
        assert_eq!(format!("{extra:?}"), "{}");
        extra
            .fields_mut()
            .insert("apiToken".to_owned(), json!("hush"));
        extra.fields_mut().insert("priority".to_owned(), json!(7));
        let shown = format!("{extra:?}");
        assert_eq!(
            shown,
            r#"{"apiToken": Some(<redacted>), "priority": Number(7)}"#
        );
        assert_eq!(extra.names(), ["apiToken", "priority"]);
    }
}
