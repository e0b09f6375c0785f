//! `seqctl`, the Seqera Platform on the command line, as a library: [`run`] is the program, and
//! [`kit`] keeps a set-up in YAML files, and [`rules`] launches as things happen; programs can do both
//! without the command line.

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
