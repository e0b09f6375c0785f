//! Setters of operations: what callers give, in the request.

use std::fmt::Display;

use super::request::Request;
use crate::wire::argument::Argument;

/// Sets a path parameter.
pub(crate) fn path<T: Display>(
    request: &mut Request,
    wire: &'static str,
    setter: &str,
    value: impl Argument<T>,
) {
    if let Some(value) = accept(request, setter, value.resolve()) {
        request.path(wire, value);
    }
}

/// Sets a query parameter.
pub(crate) fn query<T: Display>(
    request: &mut Request,
    wire: &'static str,
    setter: &str,
    value: impl Argument<T>,
) {
    if let Some(value) = accept(request, setter, value.resolve()) {
        request.query(wire, value);
    }
}

/// Sets a header.
pub(crate) fn header<T: Display>(
    request: &mut Request,
    wire: &'static str,
    setter: &str,
    value: impl Argument<T>,
) {
    if let Some(value) = accept(request, setter, value.resolve()) {
        request.header(wire, value);
    }
}

fn accept<T>(request: &mut Request, setter: &str, value: Result<Option<T>, String>) -> Option<T> {
    value.unwrap_or_else(|problem| {
        request.fail(format!("`{setter}` {problem}"));
        None
    })
}
