//! What callers may give in place of an id.

use super::Workspace;
use crate::{Argument, WorkspaceRef};

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

crate::wire::argument::from_integers!(NameOrId<i64>: Self::Id);

impl<T: Into<I>, I> From<Id<T>> for NameOrId<I> {
    fn from(id: Id<T>) -> Self {
        Self::Id(id.0.into())
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

impl Argument<i64> for &Workspace {
    /// The personal context leaves the parameter out.
    fn resolve(self) -> Result<Option<i64>, String> {
        Ok(self.id)
    }
}
