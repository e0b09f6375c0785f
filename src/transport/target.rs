//! What a call is of: an operation of the schema, or a path that the caller wrote.

use std::borrow::Cow;

use reqwest::Method;

/// What the schema says of an operation, as far as sending it is concerned.
#[doc(hidden)]
#[derive(Debug)]
pub struct Operation {
    /// The schema's operationId.
    pub id: &'static str,
    /// The method's name, for people.
    pub name: &'static str,
    pub method: Method,
    /// The path with its parameters in braces.
    pub path: &'static str,
    /// Wire name and setter of each path, query and header parameter that must be set.
    pub required: &'static [(&'static str, &'static str)],
    /// The path parameters that are paths themselves: their slashes stay slashes.
    pub path_like: &'static [&'static str],
    /// Whether sending it twice does no harm although its method does not say so.
    pub safe_to_repeat: bool,
    /// Whether it has the query parameter `workspaceId`.
    pub in_workspace: bool,
}

/// An operation of the schema, or a path that the caller wrote.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Known(&'static Operation),
    Raw {
        method: Method,
        path: String,
        safe_to_repeat: bool,
    },
}

impl Target {
    /// For people.
    pub(super) fn name(&self) -> Cow<'static, str> {
        match self {
            Self::Known(operation) => operation.name.into(),
            Self::Raw { method, .. } => format!("{method} {}", self.template()).into(),
        }
    }

    pub(super) fn method(&self) -> &Method {
        match self {
            Self::Known(operation) => &operation.method,
            Self::Raw { method, .. } => method,
        }
    }

    /// The path with the names of its parameters, as far as they are known.
    pub(super) fn template(&self) -> &str {
        match self {
            Self::Known(operation) => operation.path,
            Self::Raw { path, .. } => path.split(['?', '#']).next().unwrap_or_default(),
        }
    }

    pub(super) fn is_safe_to_repeat(&self) -> bool {
        let stated = match self {
            Self::Known(operation) => operation.safe_to_repeat,
            Self::Raw { safe_to_repeat, .. } => *safe_to_repeat,
        };
        stated || self.method().is_idempotent()
    }
}
