//! The workspace that a workflow of several calls works in.

use crate::{Argument, Error, Result};

/// A workspace's id, or nothing for the personal context; or why the caller's value is no id.
#[derive(Clone, Debug)]
pub(crate) struct Scope(std::result::Result<Option<i64>, String>);

impl Scope {
    pub(crate) const PERSONAL: Self = Self(Ok(None));

    pub(crate) fn new(id: impl Argument<i64>) -> Self {
        Self(id.resolve())
    }

    /// # Errors
    /// The caller's value is no id: nothing is to be sent.
    pub(crate) fn id(&self, job: &'static str) -> Result<Option<i64>> {
        let complain =
            |text: &String| Error::invalid_request(job, format!("`workspace_id` {text}"));
        self.0.as_ref().copied().map_err(complain)
    }
}
