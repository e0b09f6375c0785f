//! The grammar as a whole: what it takes, and what its help says.

mod grammar;
mod help;
