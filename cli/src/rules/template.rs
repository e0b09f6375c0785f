//! Templates: texts that are filled with what an event holds. What is not there is an error, never an
//! empty text; a text that is one expression gives the expression's value, with its type.

/// What is wrong with a template, or with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Wrong {}

/// An expression over an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(pub String);
