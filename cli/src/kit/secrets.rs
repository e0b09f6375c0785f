//! Values that nobody may see: they are taken out of whatever is told.

use std::collections::BTreeSet;

use serde_json::Value;

use super::item::map_texts;

/// What stands in the place of a secret.
pub const HIDDEN: &str = "(sensitive)";

/// The least length of a secret that is looked for in texts.
const SHORTEST: usize = 4;

/// Secret values.
#[derive(Clone, Default)]
pub struct Secrets(BTreeSet<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl Secrets {
    /// Remembers a value as secret.
    pub fn add(&mut self, value: &str) {
        for part in std::iter::once(value).chain(value.lines()) {
            let part = part.trim();
            if part.len() >= SHORTEST {
                self.0.insert(part.to_owned());
            }
        }
    }

    /// Adds those of others.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// A text without secrets.
    pub fn hide(&self, text: &str) -> String {
        // The longest first: one may be part of another.
        let mut found: Vec<_> = self
            .0
            .iter()
            .filter(|secret| text.contains(*secret))
            .collect();
        found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        found.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), HIDDEN)
        })
    }

    /// Takes secrets out of a value.
    pub fn hide_in(&self, value: &mut Value) {
        map_texts(value, &mut |text| {
            let hidden = self.hide(text);
            *text = hidden;
        });
    }
}

/// Whether a variable of this name holds a secret, as names go.
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_uppercase();
    let words = [
        "SECRET",
        "TOKEN",
        "PASS",
        "KEY",
        "CREDENTIAL",
        "PWD",
        "CERT",
    ];
    words.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_by_value() {
        let mut secrets = Secrets::default();
        secrets.add("abcd");
        secrets.add("xabcdx");
        secrets.add("no");
        assert_eq!(
            secrets.hide("xabcdx, abcd and no"),
            "(sensitive), (sensitive) and no"
        );
        assert!(is_secret_name("GITHUB_PAT_TOKEN") && !is_secret_name("WORKSPACE"));
    }
}
