//! What has been there already: rows, pages and cursors that come again.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};

use super::Paged;

/// Rows that move while a list is read show up again on a page nearby.
const REMEMBERED_PAGES: usize = 8;

/// What the latest pages held. Bounded, so that a long list takes no more memory than a short one.
#[derive(Default)]
pub(super) struct Seen {
    ids: VecDeque<HashSet<String>>,
    body: Option<u64>,
    /// Pages without anything new since the last that had something.
    pub stale: u32,
}

impl Seen {
    /// The items that no page nearby had. `body` is the hash of the whole page, which tells a
    /// repeated page where items have no id.
    pub fn new_items<P: Paged>(
        &mut self,
        form: P::Form,
        mut items: Vec<P::Item>,
        body: u64,
    ) -> Vec<P::Item> {
        if self.body.replace(body) == Some(body) {
            items.clear();
        }
        let mut ids = HashSet::new();
        items.retain(|item| match P::id(form, item) {
            Some(id) => {
                let known = self.ids.iter().any(|page| page.contains(&id));
                ids.insert(id) && !known
            }
            None => true,
        });
        if !ids.is_empty() {
            if self.ids.len() == REMEMBERED_PAGES {
                self.ids.pop_front();
            }
            self.ids.push_back(ids);
        }
        self.stale = if items.is_empty() { self.stale + 1 } else { 0 };
        items
    }
}

/// Notices any cycle of cursors without remembering them all (Brent's algorithm).
#[derive(Default)]
pub(super) struct Cycle {
    latest: Option<u64>,
    landmark: Option<u64>,
    steps: u64,
    next_landmark: u64,
}

pub(super) enum Step {
    New,
    /// To where it was.
    Still,
    /// To where it was before.
    Back,
}

impl Cycle {
    pub fn step(&mut self, cursor: u64) -> Step {
        if self.latest.replace(cursor) == Some(cursor) {
            return Step::Still;
        }
        if self.landmark == Some(cursor) {
            return Step::Back;
        }
        if self.steps >= self.next_landmark {
            self.landmark = Some(cursor);
            self.next_landmark = 2 * self.steps + 1;
        }
        self.steps += 1;
        Step::New
    }
}

pub(super) fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
