//! Launching, following and collecting runs.

mod dump;
mod launch;
mod run;

pub use dump::{Dump, Dumped, Missing};
pub use launch::{ComputeEnvRef, Launch, LaunchStream, Pipeline, Preview};
pub use run::{Change, FinishedRun, Logs, Pace, Run, Wait, Watch};
