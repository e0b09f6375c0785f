//! What progenitor made of the schema, together with what it does not tell.

pub(crate) mod facts;
mod mentions;
pub mod needs;
pub(crate) mod operations;
pub(crate) mod paging;
pub(crate) mod progenitor;
mod schemas;
pub mod surface;
pub(crate) mod syntax;
mod types;
mod usage;

pub(crate) use mentions::Names;
pub(crate) use schemas::{TypeSchema, wire_name};
pub(crate) use types::Model;
pub(crate) use usage::Usage;
