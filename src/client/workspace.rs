//! In which workspace a client is.

use crate::client::workspace_of_environment;
use crate::generated::Client;
use crate::transport::workspace::Scope;
use crate::{ClientBuilder, Result};

/// Which workspace is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkspaceRef {
    /// The one that the client is in: see [`Client::in_workspace`].
    #[default]
    OfClient,
    /// The user's own context, outside every organization.
    Personal,
    /// What the environment variable `TOWER_WORKSPACE_ID` says: an id or `organization/workspace`.
    Environment,
    /// The id: nothing is looked up.
    Id(i64),
    /// `organization/workspace`.
    Name(String),
}

impl From<&str> for WorkspaceRef {
    /// Digits alone are an id, and `personal` is the personal context.
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(id) => Self::Id(id),
            Err(_) if text == "personal" => Self::Personal,
            Err(_) => Self::Name(text.to_owned()),
        }
    }
}

impl From<&String> for WorkspaceRef {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for WorkspaceRef {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

crate::wire::argument::from_integers!(WorkspaceRef: Self::Id);

impl From<Option<i64>> for WorkspaceRef {
    fn from(id: Option<i64>) -> Self {
        id.map_or(Self::Personal, Self::Id)
    }
}

impl From<&WorkspaceRef> for WorkspaceRef {
    fn from(workspace: &WorkspaceRef) -> Self {
        workspace.clone()
    }
}

impl Client {
    /// The same client in a workspace: each operation with a parameter `workspaceId` has it filled
    /// in, and what the crate does in several calls happens there. What a call says itself, by
    /// `.workspace_id(..)` or `.workspace(..)`, comes first. Without a workspace, such operations
    /// are of the personal context.
    ///
    /// It shares connections, rate limit and all else with this client. Paths of
    /// [`request`](Client::request) are sent as they are, and so are parameters of a path.
    ///
    /// ```no_run
    /// # async fn example(client: seqera::Client) -> seqera::Result<()> {
    /// use seqera::prelude::*;
    ///
    /// let research = client.in_workspace("acme/research").await?;
    /// let pipelines = research.list_pipelines().stream().try_collect::<Vec<_>>().await?;
    /// let run = research.launch("nf-core-rnaseq").send().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// A name is unknown, and the error lists near matches; or the look-up failed. Nothing is
    /// asked for an id.
    pub async fn in_workspace(&self, workspace: impl Into<WorkspaceRef>) -> Result<Self> {
        let scope = match workspace.into() {
            WorkspaceRef::OfClient => self.inner.scope.clone(),
            WorkspaceRef::Personal => Scope::Personal,
            WorkspaceRef::Environment => Scope::of_text(&workspace_of_environment()?),
            WorkspaceRef::Id(id) => Scope::Id(id),
            WorkspaceRef::Name(name) => Scope::Name(name.into()),
        };
        let scoped = self.scoped(scope);
        // Found now, and for good.
        let id = scoped.workspace_id().await?;
        Ok(scoped.scoped(id.map_or(Scope::Personal, Scope::Id)))
    }

    /// The same client in the personal context, in no workspace.
    #[must_use]
    pub fn personal(&self) -> Self {
        self.scoped(Scope::Personal)
    }

    /// The id of the workspace that the client is in; `None` is the personal context.
    ///
    /// # Errors
    /// The client was built with a workspace's name, which is unknown or can't be looked up.
    pub async fn workspace_id(&self) -> Result<Option<i64>> {
        self.inner.workspace_id().await
    }

    /// The same client in the workspace that another is in.
    pub(crate) fn in_place_of(&self, other: &Self) -> Self {
        self.scoped(other.inner.scope.clone())
    }

    fn scoped(&self, scope: Scope) -> Self {
        let mut scoped = self.clone();
        scoped.inner.scope = scope;
        scoped
    }
}

impl ClientBuilder {
    /// The workspace that the client is in: see [`Client::in_workspace`]. A name is looked up by
    /// the first call that needs it, which fails where there is none of that name. Default: the
    /// personal context; [`Client::from_env`] reads `TOWER_WORKSPACE_ID`.
    pub fn workspace(mut self, workspace: impl Into<WorkspaceRef>) -> Self {
        self.scope = match workspace.into() {
            WorkspaceRef::OfClient => self.scope,
            WorkspaceRef::Personal => Scope::Personal,
            WorkspaceRef::Id(id) => Scope::Id(id),
            WorkspaceRef::Name(name) => Scope::Name(name.into()),
            WorkspaceRef::Environment => match workspace_of_environment() {
                Ok(text) => Scope::of_text(&text),
                Err(error) => {
                    self.complain(error.message());
                    Scope::Personal
                }
            },
        };
        self
    }
}
