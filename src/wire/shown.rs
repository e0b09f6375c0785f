//! Fields of replies as text for people.

use std::fmt;

use super::nullable::Nullable;

/// A field of a reply: an `Option` or a [`Nullable`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no field that may be missing",
    label = "neither an `Option` nor a `Nullable`",
    note = "give the field by reference, as in `shown(&run.run_name)`; a plain value shows itself"
)]
pub trait Field {
    /// What it holds.
    type Value;

    #[doc(hidden)]
    fn value(&self) -> Option<&Self::Value>;
}

impl<T> Field for Option<T> {
    type Value = T;

    fn value(&self) -> Option<&T> {
        self.as_ref()
    }
}

impl<T> Field for Nullable<T> {
    type Value = T;

    fn value(&self) -> Option<&T> {
        self.as_ref()
    }
}

/// What a field of a reply shows to people: its value, or `-` where the server left it out. It obeys
/// width and alignment, so that it stands in tables.
///
/// ```
/// use seqera::{shown, types::CreateLabelRequest};
///
/// let label = CreateLabelRequest::new().name("urgent");
/// let line = format!("{:<8}|{:>4}", shown(&label.name), shown(&label.value));
/// assert_eq!(line, "urgent  |   -");
/// ```
pub fn shown<F: Field<Value: fmt::Display>>(field: &F) -> Shown<'_, F::Value> {
    Shown(field.value())
}

/// A field as text: see [`shown`].
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a, T>(Option<&'a T>);

impl<T: fmt::Display> fmt::Display for Shown<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // A value need not know of widths.
            Some(value) if f.width().is_some() => f.pad(&value.to_string()),
            Some(value) => value.fmt(f),
            None => f.pad("-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_value_or_a_dash() {
        let (some, none) = (Some(7), None::<i64>);
        assert_eq!(format!("{} {}", shown(&some), shown(&none)), "7 -");
        let text = Nullable::Value("a".to_owned());
        let absent = Nullable::<String>::Absent;
        let line = format!("{:>3}{:<3}|", shown(&text), shown(&absent));
        assert_eq!(line, "  a-  |");
    }
}
