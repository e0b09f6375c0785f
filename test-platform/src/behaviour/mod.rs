//! How a Platform behaves: who may do what, what a search finds, how runs, compute environments and
//! Studios come and go. It knows the state, and nothing of endpoints.

pub mod access;
pub mod audit;
pub mod cron;
pub mod life;
pub mod make;
mod permissions;
pub mod quotas;
pub mod recipes;
pub mod search;
pub mod settle;

pub use permissions::PERMISSIONS;
