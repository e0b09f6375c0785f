//! `seqctl`, the Seqera Platform on the command line, as a library: [`run`] is the program, [`kit`] keeps a
//! set-up in YAML files, and [`rules`] launches as things happen; programs can do both of the latter without
//! the command line.

// Nothing that a user, a file or a server says ends the program.
#![cfg_attr(
    not(test),
    warn(clippy::expect_used, clippy::panic, clippy::unwrap_used)
)]

mod commands;
mod config;
mod context;
mod exit;
pub mod kit;
mod lists;
mod options;
mod output;
mod program;
mod requests;
pub mod rules;
mod values;

pub use program::run;
