#![doc = include_str!("../README.md")]
//!
//! | module | subject |
//! |---|---|
//! | `call` | a call as it came in, and what can be answered |
//! | `schema` | the API as this crate knows it: operations, and the form of replies |
//! | `state` | what is kept: records, runs, objects in buckets, the clock |
//! | `behaviour` | roles, search, how runs and compute environments live |
//! | `data` | the laboratory, and seeds |
//! | `routes` | the operations, a file a subject |
//! | `server` | listeners, the guard before every call, faults, inspection |

// `json!` takes a step of recursion for each token, and a task has many fields.
#![recursion_limit = "256"]
// Nothing that a user, a file or a server says ends the program.
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)
)]

mod behaviour;
mod call;
mod data;
mod routes;
mod schema;
mod server;
mod state;

pub use data::{
    BUCKET, ORGANIZATION, ORGANIZATION_ID, Seed, SeedError, USER, WORKSPACE, WORKSPACE_ID,
};
pub use server::{Builder, Course, Received, TestPlatform, program};
