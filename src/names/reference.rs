//! What callers may give in place of an id.

use super::Workspace;

/// Marks text as an id rather than a name, which saves the look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id<T = String>(pub T);

/// A resource by its id or by its name.
///
/// Text is a name, a number or [`Id`] is an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameOrId<I> {
    /// The id: nothing is looked up.
    Id(I),
    /// The name, exactly as the Platform shows it.
    Name(String),
}

impl<I> From<&str> for NameOrId<I> {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl<I> From<&String> for NameOrId<I> {
    fn from(name: &String) -> Self {
        Self::Name(name.clone())
    }
}

impl<I> From<String> for NameOrId<I> {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<i64> for NameOrId<i64> {
    fn from(id: i64) -> Self {
        Self::Id(id)
    }
}

impl<T: Into<I>, I> From<Id<T>> for NameOrId<I> {
    fn from(id: Id<T>) -> Self {
        Self::Id(id.0.into())
    }
}

/// Which workspace is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WorkspaceRef {
    /// The user's own context, outside every organization.
    #[default]
    Personal,
    /// What the environment variable `TOWER_WORKSPACE_ID` says: an id or `organization/workspace`.
    Environment,
    /// The id: nothing is looked up.
    Id(i64),
    /// `organization/workspace`.
    Name(String),
}

impl From<&str> for WorkspaceRef {
    /// Digits alone are an id.
    fn from(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
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

impl From<i64> for WorkspaceRef {
    fn from(id: i64) -> Self {
        Self::Id(id)
    }
}

impl From<Option<i64>> for WorkspaceRef {
    fn from(id: Option<i64>) -> Self {
        id.map_or(Self::Personal, Self::Id)
    }
}

impl From<&Workspace> for WorkspaceRef {
    fn from(workspace: &Workspace) -> Self {
        workspace.id.into()
    }
}

impl From<Workspace> for WorkspaceRef {
    fn from(workspace: Workspace) -> Self {
        workspace.id.into()
    }
}
