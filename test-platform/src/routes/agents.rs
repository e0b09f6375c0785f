//! Agents of the Platform's AI.

use serde_json::json;

use super::Routes;
use super::entity::{Entity, Hooks, Id, PLAIN, Scope, Verb};
use super::turn::Turn;
use crate::call::{Refusal, Reply, answer};
use crate::state::short_id;

pub const ROUTES: Routes = &[
    ("DisableAgent", |turn| {
        switch(turn, "inactive", "agent_disabled")
    }),
    ("EnableAgent", |turn| {
        switch(turn, "active", "agent_enabled")
    }),
    ("LaunchAgent", launch),
];

pub static AGENT: Entity = Entity {
    kind: "agent",
    title: "agent",
    scope: Scope::Context,
    id: Id::Text(22),
    id_field: "id",
    parameter: "agentId",
    one: "agent",
    name: "name",
    missing: 404,
    audit: "agent",
    defaults: || json!({ "status": "active" }),
    hooks: Hooks {
        listed: |_, record| record["status"] != "deleted",
        made: |turn, record| {
            record.set("createdBy", turn.user);
            record.set("updatedBy", turn.user);
            record.set("workspaceId", (turn.scope() > 0).then_some(turn.scope()));
            Ok(())
        },
        changed: |turn, record, _| {
            record.set("updatedBy", turn.user);
            Ok(())
        },
        // It leaves a tombstone.
        leaves: |turn, record| {
            if record["status"] == "deleted" {
                return Err(AGENT.unknown(&record.id));
            }
            if let Some(kept) = turn.state.find_mut("agent", record.scope, &record.id) {
                kept.set("status", "deleted");
            }
            Ok(false)
        },
        ..PLAIN
    },
    operations: &[
        ("CreateAgent", Verb::Create),
        ("ListAgents", Verb::List),
        ("DescribeAgent", Verb::Describe),
        ("UpdateAgent", Verb::Update),
        ("DeleteAgent", Verb::Delete),
    ],
};

fn switch(turn: &mut Turn<'_>, status: &str, event: &str) -> Reply {
    let mut agent = AGENT.find(turn)?;
    if agent["status"] == "deleted" || agent["status"] == status {
        return Err(Refusal::conflict(format!(
            "The agent is {} already",
            agent.text("status")
        )));
    }
    agent.set("status", status);
    agent.set("updatedBy", turn.user);
    agent.set("lastUpdated", turn.state.today());
    turn.state.replace("agent", &agent);
    let name = agent.text("name").to_owned();
    turn.audit(event, "agent", &agent.id, &name);
    AGENT.reply(turn, &agent)
}

fn launch(turn: &mut Turn<'_>) -> Reply {
    let scope = turn.scope();
    let id = match turn.call.text("agentConfigId") {
        Some(id) => match turn.state.find("agent", scope, id) {
            Some(agent) if agent["status"] == "active" => agent.id.clone(),
            Some(_) => return Err(Refusal::bad_request("The agent is not active")),
            None => return Err(AGENT.unknown(id)),
        },
        None => {
            turn.call.required("instructions")?;
            short_id(turn.state.next_id(), 22)
        }
    };
    answer(json!({ "agentId": id, "status": "SUBMITTED" }))
}
