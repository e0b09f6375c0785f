//! What goes wrong on request.

use std::collections::VecDeque;

use serde_json::Value;

use crate::data::SeedError;
use crate::data::seed::behaviour::FaultSeed;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    Fail(u16),
    ActThenFail(u16),
    Break,
    ActThenBreak,
    /// 202 with nothing yet.
    Pending,
}

/// Faults that are still to come, and alterations of replies.
#[derive(Clone, Default)]
pub struct Faults {
    next: VecDeque<(String, usize, Fault)>,
    alterations: Vec<(String, String, Value)>,
}

impl Faults {
    pub fn add(&mut self, operation: &str, times: usize, fault: Fault) {
        self.next.push_back((operation.to_owned(), times, fault));
    }

    pub fn alter(&mut self, operation: &str, pointer: &str, value: Value) {
        (self.alterations).push((operation.to_owned(), pointer.to_owned(), value));
    }

    /// Adds what a seed says.
    pub fn seed(&mut self, faults: &[FaultSeed]) -> Result<(), SeedError> {
        for fault in faults {
            let operation = &fault.operation;
            let wrong = |what: &str| SeedError(format!("the fault of {operation} {what}"));
            if !super::is_operation(operation) {
                return Err(wrong("is of no operation of the API"));
            }
            let kinds = [
                fault.fail.map(Fault::Fail),
                fault.act_then_fail.map(Fault::ActThenFail),
                fault.r#break.then_some(Fault::Break),
                fault.act_then_break.then_some(Fault::ActThenBreak),
            ];
            let mut kinds = kinds.into_iter().flatten();
            match (kinds.next(), kinds.next(), &fault.at) {
                (Some(kind), None, None) => self.add(operation, fault.times, kind),
                (None, None, Some(at)) => self.alter(operation, at, fault.value.clone()),
                _ => {
                    let one = "is one of `fail`, `actThenFail`, `break`, `actThenBreak` and `at`";
                    return Err(wrong(one));
                }
            }
        }
        Ok(())
    }

    /// The fault of a call, which is used up.
    pub fn take(&mut self, operation: &str) -> Option<Fault> {
        let place = (self.next.iter())
            .position(|(name, times, _)| (name == operation || name == "*") && *times > 0)?;
        let (_, times, fault) = &mut self.next[place];
        let fault = *fault;
        *times -= 1;
        if *times == 0 {
            self.next.remove(place);
        }
        Some(fault)
    }

    /// Puts what was asked for into a reply.
    pub fn apply(&self, operation: &str, reply: &mut Value) {
        for (name, pointer, value) in &self.alterations {
            if name != operation && name != "*" {
                continue;
            }
            if let Some(place) = reply.pointer_mut(pointer) {
                *place = value.clone();
            } else if let Some((parent, field)) = pointer.rsplit_once('/')
                && let Some(Value::Object(fields)) = reply.pointer_mut(parent)
            {
                fields.insert(field.to_owned(), value.clone());
            }
        }
    }
}
