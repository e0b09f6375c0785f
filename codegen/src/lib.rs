//! Generates the bindings of the `seqera` crate: schema in, Rust out. No network, no clock.
//!
//! Three steps, each of which knows only those before it: [`document`] reads the schema and mends
//! it, [`model`] is what progenitor makes of it with what progenitor does not tell, and `write`
//! writes the code.

pub mod document;
mod generate;
pub mod model;
pub mod names;
mod write;

pub use document::select::{self, Tags};
pub use document::{fixups, overlay};
pub use generate::{Output, Report, generate, generate_plain, grafted};
pub use model::{needs, surface};
pub use write::marks;
