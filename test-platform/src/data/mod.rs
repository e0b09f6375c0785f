//! What a Platform holds at the start: the laboratory, or what a seed says.

mod files;
mod runs;
pub mod seed;

pub use seed::{Seed, SeedError};

use crate::state::store::Store;
use crate::state::{DAY, State};

/// The name of the laboratory's organization.
pub const ORGANIZATION: &str = "open-genomics";
/// The id of the laboratory's organization.
pub const ORGANIZATION_ID: i64 = 116_840_527_310_944;
/// The workspace where the laboratory's work is done, as `organization/workspace`.
pub const WORKSPACE: &str = "open-genomics/research";
/// The id of the workspace where the laboratory's work is done.
pub const WORKSPACE_ID: i64 = 41_280_733_906_518;
/// The name of the laboratory's bucket and of its data link.
pub const BUCKET: &str = "open-genomics-sequencing";
/// The user whom a Platform's token belongs to.
pub const USER: &str = "bench-lead";

/// Fills a Platform with the laboratory and its past runs.
pub fn laboratory(state: &mut State, store: &Store, past_runs: usize) -> Result<(), SeedError> {
    let seed = Seed::from_yaml(include_str!("laboratory.yml"))?;
    seed.sow(state, store)?;
    files::fill(store);
    let opened = state.now();
    runs::past(state, opened, past_runs, WORKSPACE_ID);
    backdate(state, opened);
    Ok(())
}

/// The laboratory was founded a while ago; what it uses, it used today.
fn backdate(state: &mut State, opened: i64) {
    let ago = |days: i64| crate::state::iso(opened - days * DAY);
    for (kind, days) in [
        ("user", 90),
        ("organization", 90),
        ("workspace", 90),
        ("label", 90),
        ("credentials", 90),
        ("compute_env", 90),
        ("pipeline", 70),
        ("pipeline_version", 80),
        ("dataset", 30),
        ("dataset_version", 18),
        ("studio", 90),
    ] {
        for record in state.all_mut(kind) {
            record.set("dateCreated", ago(days));
            record.set("lastUpdated", ago(days));
        }
    }
    let now = ago(0);
    for kind in ["compute_env", "credentials"] {
        for record in state.all_mut(kind) {
            record.set("lastUsed", now.clone());
        }
    }
}
