//! What tests in other languages ask of the Platform by HTTP, beside its API: to go wrong, to move the
//! clock, to show what it holds and what was called. It needs a token of the Platform, and is no call.

use bytes::Bytes;
use serde_json::{Value, json};

use super::World;
use super::connection::{Asked, Reply, reply};
use super::faults::Faults;
use super::inspect::value_of;
use crate::data::{Seed, SeedError};
use crate::state::locked;

/// What the paths begin with.
pub const PATH: &str = "/test/";

/// Answers what was asked at a path below [`PATH`].
pub fn answer(world: &World, asked: &Asked, what: &str) -> Reply {
    let said = match (asked.head.method.as_str(), what) {
        ("POST", "seed") => seed(world, &asked.body),
        ("GET", "state") => Ok(value_of(&locked(&world.state))),
        ("GET", "clock") => Ok(clock(world)),
        ("GET", "calls") => {
            let gate = locked(&world.gate);
            Ok(gate.calls.iter().map(super::Received::value).collect())
        }
        ("DELETE", "calls") => {
            locked(&world.gate).calls.clear();
            Ok(Value::Null)
        }
        ("DELETE", "faults") => {
            *locked(&world.faults) = Faults::default();
            Ok(Value::Null)
        }
        (method, _) => {
            let ways = "there are POST seed, GET state, GET clock, GET calls, DELETE calls and DELETE faults";
            let message = format!("No {method} {PATH}{what}: {ways}");
            return send(404, &json!({ "message": message }));
        }
    };
    match said {
        Ok(Value::Null) => reply(204, [], Bytes::new()),
        Ok(value) => send(200, &value),
        Err(error) => send(400, &json!({ "message": error.to_string() })),
    }
}

fn send(status: u16, value: &Value) -> Reply {
    let headers = [("content-type", "application/json")];
    reply(status, headers, value.to_string().into())
}

fn clock(world: &World) -> Value {
    json!({ "now": locked(&world.state).today() })
}

fn seed(world: &World, body: &[u8]) -> Result<Value, SeedError> {
    let text = std::str::from_utf8(body).map_err(|error| SeedError(error.to_string()))?;
    world.seed(Seed::from_yaml(text)?)?;
    Ok(clock(world))
}
