//! Set-up as YAML: what files say, what the Platform has, and the way from one to the other.
//!
//! The way has five steps, each of which can be taken alone: [`Reading::read`] makes a [`Set`] of
//! files, or tells all mistakes in them; [`Kit::plan`] looks for what items name, compares each with
//! what is there, and says in a [`Plan`] what would happen; [`Kit::apply`] does it, and tells what
//! came of each step. [`Kit::plan_deletion`] and [`Kit::export`] go the other way.
//!
//! ```no_run
//! use seqera_cli::kit::{Kit, Options, Reading};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let set = Reading::default().read(&["setup".into()])?;
//! let kit = Kit::new(seqera::Client::from_env()?, Options::default());
//! let plan = kit.plan(&set, None).await?;
//! for step in &plan.steps {
//!     println!("{} {}", step.action.sign(), step.label());
//! }
//! let report = kit.apply(&set, &plan, None, std::future::pending(), |_| ()).await;
//! assert!(report.is_done());
//! # Ok(())
//! # }
//! ```

mod additional;
mod apply;
mod compare;
mod export;
mod item;
mod keys;
mod kinds;
mod list;
mod plan;
mod platform;
mod problem;
mod read;
mod schedule;
mod secrets;
mod state;
mod variables;
pub(crate) mod yaml;

pub use apply::{Ended, Outcome, Report};
pub use compare::Change;
pub use export::Export;
pub(crate) use item::map_texts;
pub use item::{Item, OnExists};
pub(crate) use keys::nearest;
pub(crate) use kinds::{Scope, complete, of as kind_of, prepare, submit};
pub use plan::{Action, Plan, Step};
pub(crate) use platform::{Home, Platform};
pub use problem::{Error, Mark, Place, Problem, Result};
pub use read::{Reading, Set, files};
pub(crate) use secrets::{Secrets, is_secret_name};
pub use state::State;
pub use variables::Variables;
pub(crate) use variables::{Used, expand_around_templates, is_template};

/// How plans are made and carried out.
#[derive(Clone, Debug)]
pub struct Options {
    /// Make anew what differs in what can't be changed.
    pub replace: bool,
    /// Send secrets that can't be compared.
    pub update_secrets: bool,
    /// Launch what was launched under this key before not again.
    pub launch_once: Option<String>,
    /// How many calls are under way at once, at most.
    pub at_once: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replace: false,
            update_secrets: false,
            launch_once: None,
            at_once: 32,
        }
    }
}

/// A Platform, and how set-ups are brought to it.
pub struct Kit {
    pub(crate) platform: platform::Platform,
    pub(crate) options: Options,
}

impl Kit {
    /// A kit for a Platform. What it reads of the Platform it reads once: make one for each run.
    pub fn new(client: seqera::Client, options: Options) -> Self {
        Self {
            platform: platform::Platform::new(client),
            options,
        }
    }
}
