//! What the test Platform answers, seen from outside. Each reply that a test gets through
//! [`client::Api`] has been checked against the Platform's schema.

mod account;
mod client;
mod control;
mod data;
mod faults;
mod guard;
mod launchpad;
mod life;
mod lifecycles;
mod limits;
mod lists;
mod roles;
mod rounds;
mod runs;
mod scale;
mod schema;
mod seeds;
mod steps;
