//! Writes the code.

mod conversions;
mod docs;
mod enums;
pub(crate) mod examples;
pub(crate) mod golden;
pub(crate) mod lazy;
pub mod marks;
pub(crate) mod mocks;
pub(crate) mod operation_table;
pub(crate) mod operations;
mod paging;
pub(crate) mod table;
pub(crate) mod types;
mod unions;
