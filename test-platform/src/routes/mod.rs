//! The operations, a file a subject. Each file has a table of its operations, and rows of the
//! entities that are like most.

mod account;
mod actions;
mod agents;
mod audit;
mod avatars;
mod compute;
mod credentials;
mod data_links;
mod datasets;
mod entity;
mod ga4gh;
mod identities;
mod labels;
mod launch;
mod logs;
mod members;
mod organizations;
mod pipelines;
mod platforms;
mod roles;
mod runs;
mod service;
mod studios;
mod tokens;
mod trace;
mod turn;
mod versions;

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::behaviour::quotas;
use crate::behaviour::settle::settle;
use crate::call::{Refusal, Reply};
use entity::{Entity, Verb};

pub use turn::Turn;

/// What carries an operation out.
#[derive(Clone, Copy)]
enum Handler {
    /// A function of its own.
    Own(fn(&mut Turn<'_>) -> Reply),
    /// What its entity has in common with others.
    Of(&'static Entity, Verb),
}

/// Operations with functions of their own.
type Routes = &'static [(&'static str, fn(&mut Turn<'_>) -> Reply)];

const ROUTES: &[Routes] = &[
    account::ROUTES,
    actions::ROUTES,
    agents::ROUTES,
    audit::ROUTES,
    avatars::ROUTES,
    compute::ROUTES,
    credentials::ROUTES,
    data_links::ROUTES,
    datasets::ROUTES,
    ga4gh::ROUTES,
    identities::ROUTES,
    labels::ROUTES,
    launch::ROUTES,
    logs::ROUTES,
    members::ROUTES,
    organizations::ROUTES,
    pipelines::ROUTES,
    platforms::ROUTES,
    roles::ROUTES,
    runs::ROUTES,
    service::ROUTES,
    studios::ROUTES,
    tokens::ROUTES,
    trace::ROUTES,
    versions::ROUTES,
];

const ENTITIES: &[&[&Entity]] = &[
    &[
        &actions::ACTION,
        &agents::AGENT,
        &compute::COMPUTE_ENV,
        &datasets::DATASET,
    ],
    &[&credentials::CREDENTIALS, &credentials::SECRET],
    &[
        &identities::IDENTITY,
        &organizations::ORGANIZATION,
        &organizations::WORKSPACE,
        &organizations::TEAM,
    ],
    &[&pipelines::PIPELINE, &studios::STUDIO, &tokens::SSH_KEY],
];

/// What this Platform leaves out on purpose, and why.
pub const LEFT_OUT: &[(&str, &str)] = &[(
    "GetEncryptedCredentials",
    "it hands keys to a paired agent, encrypted for it, and there is none here",
)];

fn handlers() -> &'static HashMap<&'static str, Handler> {
    static HANDLERS: OnceLock<HashMap<&'static str, Handler>> = OnceLock::new();
    HANDLERS.get_or_init(|| {
        let entities = (ENTITIES.iter().copied().flatten()).flat_map(|entity| {
            entity
                .operations
                .iter()
                .map(|(id, verb)| (*id, Handler::Of(entity, *verb)))
        });
        let own =
            (ROUTES.iter().copied().flatten()).map(|(id, function)| (*id, Handler::Own(*function)));
        entities.chain(own).collect()
    })
}

/// Carries a call out.
pub fn carry_out(turn: &mut Turn<'_>) -> Reply {
    settle(turn.state);
    turn.store.settle(turn.state.now());
    actions::fire(turn);
    let id = turn.call.operation.id;
    quotas::check(turn.state, id, turn.context)?;
    match handlers().get(id) {
        Some(Handler::Own(function)) => function(turn),
        Some(Handler::Of(entity, verb)) => entity.carry_out(*verb, turn),
        None => Err(Refusal::new(
            501,
            format!("The test Platform has no {id}: {}", reason(id)),
        )),
    }
}

fn reason(id: &str) -> &'static str {
    (LEFT_OUT.iter())
        .find(|(known, _)| *known == id)
        .map_or("it is newer than this", |(_, reason)| reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::schema;

    #[test]
    fn every_operation_is_carried_out_or_left_out_on_purpose() {
        let missing: Vec<_> = (schema().operations().iter())
            .map(|operation| operation.id)
            .filter(|id| {
                !handlers().contains_key(id) && LEFT_OUT.iter().all(|(known, _)| known != id)
            })
            .collect();
        assert_eq!(missing, [""; 0]);
        let unknown: Vec<_> = (handlers().keys())
            .filter(|id| schema().operation(id).is_none())
            .collect();
        assert_eq!(unknown, [&""; 0]);
    }

    #[test]
    fn no_operation_stands_in_two_tables() {
        let own = ROUTES.iter().copied().flatten().map(|(id, _)| *id);
        let of_entities = (ENTITIES.iter().copied().flatten())
            .flat_map(|entity| entity.operations.iter().map(|(id, _)| *id));
        let mut all: Vec<_> = own.chain(of_entities).collect();
        all.sort_unstable();
        assert_eq!(all.len(), handlers().len(), "{all:?}");
    }
}
