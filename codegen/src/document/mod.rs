//! The schema, and what is done to it before anything is made of it.

pub mod fixups;
pub mod graft;
pub mod json_schema;
mod openapi;
mod operations;
pub mod overlay;
pub mod select;
mod tree;
mod yaml;

pub use openapi::Document;
pub use operations::{
    BYTES, Body, FORM, JSON, Library, Operation, Parameter, Place, Reply, UNTAGGED, feature,
    feature_of_tag,
};
pub use tree::{
    Object, for_each_operation, for_each_path, for_each_schema, list, list_mut, reaches, reference,
    reference_in, reference_to, references_of, resolved, route, template, walk_schema,
};
