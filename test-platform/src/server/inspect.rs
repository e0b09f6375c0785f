//! What came in.

use std::fmt;

use serde_json::{Value, json};

/// A call that came in.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Received {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path relative to the endpoint, with the query.
    pub path: String,
    /// The id of the operation, if the path belongs to one.
    pub operation: Option<String>,
    /// Who called, if the token was valid.
    pub user: Option<String>,
    /// The JSON body.
    pub body: Option<Value>,
    /// What it was answered with; 0 while it is being carried out, and where the connection was broken.
    pub status: u16,
    pub(super) number: u64,
}

impl Received {
    /// The fields as JSON.
    pub(super) fn value(&self) -> Value {
        json!({
            "method": self.method,
            "path": self.path,
            "operation": self.operation,
            "user": self.user,
            "body": self.body,
            "status": self.status,
        })
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
