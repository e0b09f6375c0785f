//! Rules: runs that start as data arrives, as other runs end, by the clock, or on call.
//!
//! The way has five steps. [`mod@file`] reads what a file says, or tells all mistakes in it. Watchers look
//! at the world and tell what they found, each as a [`Seen`] with a key of its own. An event is decided
//! on: whether it is wanted, and may begin by now. It is carried out, action after action. And each step
//! is noted in a database before the next is taken, so that whatever happens in between, every event
//! is carried out once.
//!
//! Time is an input of all steps, a [`Clock`].

pub(crate) mod actions;
pub mod clock;
pub mod engine;
pub mod event;
pub mod file;
pub mod pattern;
pub mod serve;
pub mod state;
pub mod template;
pub mod watch;

pub use clock::{Clock, SystemClock, TestClock};
pub use engine::{Engine, Settings};
pub use event::Seen;
pub use file::{Action, On, Rule, Rules, Step};
pub use state::{State, StateError};
