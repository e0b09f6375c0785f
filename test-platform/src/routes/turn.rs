//! A call while it is carried out.

use serde_json::Value;

use crate::behaviour::access::{self, Context};
use crate::behaviour::audit;
use crate::behaviour::search::Search;
use crate::call::{Call, Refusal};
use crate::state::store::Store;
use crate::state::{Record, State};

/// How many labels one thing carries.
pub const MOST_LABELS: usize = 25;

/// A call, who makes it, and what it works on.
pub struct Turn<'a> {
    pub call: &'a Call,
    pub state: &'a mut State,
    pub store: &'a Store,
    pub user: i64,
    /// The number of the token that came with it.
    pub token: i64,
    pub context: Context,
}

impl Turn<'_> {
    /// The workspace, or the user's own context.
    pub fn scope(&self) -> i64 {
        self.context.scope
    }

    pub fn demand(&self, permission: &str) -> Result<(), Refusal> {
        access::demand(self.state, self.user, self.scope(), permission)
    }

    /// The call's `search`, with the keywords that its list knows.
    pub fn search(&self, keywords: &[&str]) -> Search {
        Search::read(self.call.query("search").unwrap_or_default(), keywords)
    }

    /// That each id is a label of the context, and that they are not too many.
    pub fn check_labels(&self, ids: &[i64]) -> Result<(), Refusal> {
        if ids.len() > MOST_LABELS {
            return Err(Refusal::bad_request(format!(
                "A resource has at most {MOST_LABELS} labels"
            )));
        }
        match (ids.iter()).find(|id| {
            self.state
                .find("label", self.scope(), &id.to_string())
                .is_none()
        }) {
            Some(unknown) => Err(Refusal::bad_request(format!(
                "Unknown label with ID {unknown}"
            ))),
            None => Ok(()),
        }
    }

    /// Notes an event of the audit log.
    pub fn audit(&mut self, event: &str, kind: &str, id: &str, name: &str) {
        let scope = match self.context.organization {
            0 => self.scope(),
            organization if self.scope() <= 0 => organization,
            _ => self.scope(),
        };
        let event = audit::Event {
            name: event.to_owned(),
            target: kind,
            id,
            label: name,
            scope,
            user: self.user,
            agent: self.call.user_agent.as_deref(),
            token: self.token,
        };
        audit::record(self.state, event);
    }

    /// A user of a name, an e-mail address or an id.
    pub fn user_named(&self, name: &str) -> Option<&Record> {
        (self.state.all("user")).find(|user| {
            user.id == name
                || user.text("userName").eq_ignore_ascii_case(name)
                || user.text("email").eq_ignore_ascii_case(name)
        })
    }

    /// A record with its labels, where they were asked for.
    pub fn with_labels(&self, record: &Record) -> Value {
        let mut value = record.value();
        let asked = self.call.operation.query("attributes").is_null() || self.call.wants("labels");
        value["labels"] = match asked {
            true => self.state.labels(&record.labels()),
            false => Value::Null,
        };
        value
    }
}
