//! Secrets in `Debug`.

use std::fmt;

/// Stands for a secret: shows whether there is one, not which.
pub(crate) struct Redacted(pub(crate) bool);

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0 { "Some(<redacted>)" } else { "None" })
    }
}

/// Whether a field that the schema does not know is called as secrets are.
pub(crate) fn is_name_of_one(field: &str) -> bool {
    const PARTS: [&str; 6] = [
        "password",
        "token",
        "secret",
        "passphrase",
        "accesskey",
        "privatekey",
    ];
    let field = field.to_ascii_lowercase();
    PARTS.iter().any(|part| field.contains(part))
}
