//! Generates the bindings of the `seqera` crate: schema in, Rust out. No network, no clock.

mod conversions;
mod docs;
pub mod document;
mod emit;
mod enums;
pub mod fixups;
mod graft;
mod mocks;
pub mod names;
pub mod needs;
mod operations;
pub mod overlay;
mod paging;
pub mod select;
pub mod surface;
mod syntax;
mod table;
mod types;
mod unions;

pub use emit::{Output, Report, generate, generate_plain};
pub use select::Tags;
