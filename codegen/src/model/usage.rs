//! Which operations take and return a type.

use std::collections::{BTreeMap, BTreeSet};

use super::operations::Lowered;
use super::syntax::{Generated, argument_at, element};
use crate::document::fixups::Union;
use crate::names::type_name;

/// The operations that a type occurs in, by the client's methods.
#[derive(Default)]
pub struct Uses {
    /// Those whose body it is.
    pub body: BTreeSet<String>,
    /// Those whose reply it is.
    pub reply: BTreeSet<String>,
    /// Those whose body it is a part of.
    pub in_body: BTreeSet<String>,
    /// Those whose reply it is a part of.
    pub in_reply: BTreeSet<String>,
    /// Those whose errors it tells more of, with the status.
    pub error: BTreeSet<(String, String)>,
}

/// The uses of all types, by name.
#[derive(Default)]
pub struct Usage(BTreeMap<String, Uses>);

impl Usage {
    /// Follows every body and reply down to the last type.
    pub fn new(operations: &[Lowered<'_>], generated: &Generated, unions: &[Union]) -> Self {
        let mut holds: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, item) in &generated.structs {
            let held = item.fields.iter().map(|field| {
                argument_at(&field.ty, "BTreeMap", 1)
                    .map_or_else(|| element(&field.ty), |ty| element(&ty))
            });
            holds.insert(name.clone(), held.collect());
        }
        for union in unions {
            let variants = union.variants.iter().map(|v| type_name(&v.schema));
            holds.insert(type_name(&union.name), variants.collect());
        }
        let mut usage = Self::default();
        for entry in operations {
            let method = &entry.operation.name;
            if let Some(body) = &entry.body {
                let root = element(body);
                for inner in below(&holds, &root) {
                    usage.of_mut(inner).in_body.insert(method.clone());
                }
                usage.of_mut(root).body.insert(method.clone());
            }
            let root = element(&entry.builder.reply);
            for inner in below(&holds, &root) {
                usage.of_mut(inner).in_reply.insert(method.clone());
            }
            usage.of_mut(root).reply.insert(method.clone());
            for (code, details) in &entry.operation.error_details {
                let used = (method.clone(), code.clone());
                usage.of_mut(type_name(details)).error.insert(used);
            }
        }
        usage
    }

    /// The uses of a type.
    pub fn of(&self, name: &str) -> Option<&Uses> {
        self.0.get(name)
    }

    fn of_mut(&mut self, name: String) -> &mut Uses {
        self.0.entry(name).or_default()
    }
}

/// The types that a type holds, directly or further down, without itself.
fn below(holds: &BTreeMap<String, BTreeSet<String>>, root: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<&String> = holds.get(root).into_iter().flatten().collect();
    while let Some(name) = pending.pop() {
        if name != root && found.insert(name.clone()) {
            pending.extend(holds.get(name).into_iter().flatten());
        }
    }
    found
}
