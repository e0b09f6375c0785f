//! The workspace of calls that name none.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::Transport;
use crate::{Error, Result};

/// Which workspace a client is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    #[default]
    Personal,
    Id(i64),
    /// `organization/workspace`: looked up when it is first needed.
    Name(Arc<str>),
}

impl Scope {
    /// Digits alone are an id.
    pub(crate) fn of_text(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.into()), Self::Id)
    }
}

/// How the id of a workspace is found by its name. A feature above sets it up.
pub(crate) struct FindWorkspace(
    pub(crate) fn(Transport, Arc<str>) -> BoxFuture<'static, Result<i64>>,
);

impl Transport {
    /// The id of the workspace that the client is in; `None` is the personal context.
    pub(crate) async fn workspace_id(&self) -> Result<Option<i64>> {
        let name = match &self.scope {
            Scope::Personal => return Ok(None),
            Scope::Id(id) => return Ok(Some(*id)),
            Scope::Name(name) => name.clone(),
        };
        let find = self.kept().get::<FindWorkspace>();
        let find = find.ok_or_else(|| no_look_up(&name))?;
        // Its calls are of no workspace.
        let mut personal = self.clone();
        personal.scope = Scope::Personal;
        (find.0)(personal, name).await.map(Some)
    }
}

pub(crate) fn no_look_up(name: &str) -> Error {
    Error::configuration(format!(
        "workspace `{name}` can't be looked up by its name: give its id, or enable the feature \
         `names`"
    ))
}
