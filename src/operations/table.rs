//! What the build script wrote of the schema.

#![allow(clippy::all)]

use super::{
    Body, BodyForm, Content, Kind, List, Listing, Method, Operation, Paging, Parameter, Place,
    Reply, builder,
};

include!(concat!(env!("OUT_DIR"), "/operation_table.rs"));
