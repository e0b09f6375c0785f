//! How a Platform behaves: who may do what, what a search finds, what a launch makes, how runs, compute
//! environments and Studios come and go. What several operations look up or work out is here: it knows
//! the state, and nothing of endpoints.

pub mod access;
pub mod actions;
pub mod audit;
pub mod compute;
pub mod credentials;
pub mod cron;
pub mod datasets;
pub mod launch;
pub mod life;
pub mod make;
mod permissions;
pub mod quotas;
pub mod recipes;
pub mod search;
pub mod settle;
pub mod versions;

pub use permissions::PERMISSIONS;
