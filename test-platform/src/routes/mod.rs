//! The endpoints, a file a subject. Paths are relative to the API endpoint.

mod account;
mod compute;
mod data_links;
mod datasets;
mod labels;
mod launch;
mod pipelines;
mod runs;
mod studios;

use axum::Router;

use crate::state::Shared;

pub fn all() -> Router<Shared> {
    account::routes()
        .merge(compute::routes())
        .merge(data_links::routes())
        .merge(datasets::routes())
        .merge(labels::routes())
        .merge(launch::routes())
        .merge(pipelines::routes())
        .merge(runs::routes())
        .merge(studios::routes())
}
