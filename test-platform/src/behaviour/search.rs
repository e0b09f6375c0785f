//! What `search` takes: `keyword:value`, and free text.

use crate::call::Refusal;
use crate::state::State;

/// A search, taken apart.
#[derive(Debug, Default, PartialEq)]
pub struct Search {
    /// Keywords in lower case with their values, which all must hold.
    pub keywords: Vec<(String, String)>,
    /// What is left, matched in part and without regard to case.
    pub text: String,
    /// Whether the whole search stood in double quotes.
    pub exact: bool,
}

impl Search {
    /// Takes the known keywords out of a search. What looks like another keyword is free text.
    pub fn read(search: &str, known: &[&str]) -> Self {
        let search = search.trim();
        let inner = search
            .strip_prefix('"')
            .and_then(|search| search.strip_suffix('"'));
        if let Some(inner) = inner.filter(|inner| !inner.contains('"')) {
            return Self {
                text: inner.to_lowercase(),
                exact: true,
                ..Self::default()
            };
        }
        let mut found = Self::default();
        let mut text: Vec<&str> = Vec::new();
        for word in words(search) {
            let keyword = word
                .split_once(':')
                .map(|(name, value)| (name.to_lowercase(), value));
            match keyword {
                Some((name, value)) if known.contains(&name.as_str()) => {
                    (found.keywords).push((name, value.trim_matches('"').to_owned()));
                }
                _ => text.push(word),
            }
        }
        found.text = text.join(" ").to_lowercase();
        found
    }

    /// Whether the free text stands in one of the texts; `*` stands for anything before or after.
    pub fn finds<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        if self.text.is_empty() {
            return true;
        }
        let bare = self.text.trim_matches('*');
        (texts.into_iter()).any(|text| match self.exact {
            true => text.to_lowercase() == self.text,
            false => text.to_lowercase().contains(bare),
        })
    }

    /// Whether a keyword, each time that it is there, has a value for which `holds` is true.
    pub fn all(&self, keyword: &str, mut holds: impl FnMut(&str) -> bool) -> bool {
        (self.keywords.iter())
            .filter(|(name, _)| name == keyword)
            .all(|(_, value)| holds(value))
    }

    /// Whether each `label:` of the search is among labels.
    pub fn has_labels(&self, state: &State, labels: &[i64]) -> bool {
        self.all("label", |wanted| {
            let (name, value) = wanted
                .split_once('=')
                .map_or((wanted, None), |(name, value)| (name, Some(value)));
            (labels.iter())
                .filter_map(|id| state.known("label", &id.to_string()))
                .any(|label| {
                    label.text("name").eq_ignore_ascii_case(name)
                        && value.is_none_or(|value| label.text("value") == value)
                })
        })
    }

    /// The moment of a keyword such as `after:2026-01`.
    pub fn time(value: &str) -> Result<i64, Refusal> {
        crate::state::parse_time(value)
            .ok_or_else(|| Refusal::bad_request(format!("Invalid date in the search: {value}")))
    }
}

/// Words apart by spaces, with what stands in double quotes whole.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (place, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => {
                words.push(&text[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    words.push(&text[start..]);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_taken_out_and_the_rest_is_one_text() {
        let search = Search::read(
            "rna seq status:failed label:\"to be kept\" colour:red",
            &["status", "label"],
        );
        let keyword = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            search.keywords,
            [keyword("status", "failed"), keyword("label", "to be kept")]
        );
        assert_eq!(search.text, "rna seq colour:red");
        assert!(search.finds(["my RNA Seq colour:red run"]) && !search.finds(["rna"]));
    }

    #[test]
    fn stars_and_quotes() {
        assert!(Search::read("*seq", &[]).finds(["rnaseq"]));
        let exact = Search::read("\"rnaseq\"", &[]);
        assert!(exact.finds(["RNASEQ"]) && !exact.finds(["rnaseq-pilot"]));
    }
}
