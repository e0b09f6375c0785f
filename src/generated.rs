//! The bindings that the build script generates from `seqera-api-latest.yml`.

#![allow(clippy::all, missing_docs, rustdoc::bare_urls)]

use progenitor_client::{ClientHooks, ClientInfo};

/// The types of requests and replies, under the schema's names.
pub mod types {
    use crate::record::{self, Fields, Record};

    include!(concat!(env!("OUT_DIR"), "/types.rs"));
}

include!(concat!(env!("OUT_DIR"), "/operations.rs"));
