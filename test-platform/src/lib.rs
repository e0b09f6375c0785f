#![doc = include_str!("../README.md")]
//!
//! | module | subject |
//! |---|---|
//! | `server` | listeners, the guard before every call (token, call rate, latency) |
//! | `api` | reading a call, refusing it, cutting lists into pages |
//! | `state` | what the laboratory consists of, and finding things in it |
//! | `data` | the laboratory as it stands at the start |
//! | `life` | how a run goes from SUBMITTED to its end: its tasks, progress, metrics, logs |
//! | `store` | an object store with presigned URLs, on a host of its own |
//! | `routes` | the endpoints, a file a subject |
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use seqera_test_platform::TestPlatform;
//!
//! let platform = TestPlatform::start().await?;
//! println!("{} takes {}", platform.endpoint(), platform.token());
//! # std::io::Result::Ok(()) }).unwrap();
//! ```

// `json!` takes a step of recursion for each token, and a task has many fields.
#![recursion_limit = "256"]

mod api;
mod data;
mod life;
mod routes;
mod server;
mod state;
mod store;

pub use data::{BUCKET, ORGANIZATION, ORGANIZATION_ID, WORKSPACE, WORKSPACE_ID};
pub use server::{Builder, TestPlatform};
