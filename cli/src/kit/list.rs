//! A list that was read, and is kept up with what is done: things by name and by id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::platform::Present;

/// Things in the order in which they are listed. What is gone leaves its place empty.
#[derive(Debug, Default)]
pub struct List {
    things: Vec<Option<Arc<Present>>>,
    /// Names with the places of the things that have them; the first of a name counts.
    names: BTreeSet<(String, usize)>,
    ids: BTreeMap<String, usize>,
}

impl List {
    /// The thing of a name, else of an id.
    pub fn find(&self, name: &str) -> Option<&Arc<Present>> {
        let from = (name.to_owned(), 0);
        let named = self.names.range(from..).next();
        let named = named.filter(|(own, _)| own == name);
        let place = named.map(|(_, place)| *place);
        self.at(place.or_else(|| self.ids.get(name).copied())?)
    }

    /// The thing of an id.
    pub fn of(&self, id: &str) -> Option<&Arc<Present>> {
        self.at(*self.ids.get(id)?)
    }

    fn at(&self, place: usize) -> Option<&Arc<Present>> {
        self.things.get(place)?.as_ref()
    }

    /// All things.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Present>> {
        self.things.iter().flatten()
    }

    /// Keeps what a thing is now.
    pub fn keep(&mut self, present: Arc<Present>) {
        let place = match self.ids.get(&present.id) {
            Some(place) => *place,
            None => self.things.len(),
        };
        if place == self.things.len() {
            self.things.push(None);
            self.ids.insert(present.id.clone(), place);
        } else {
            self.unname(place);
        }
        let names = present.names.iter().map(|name| (name.clone(), place));
        self.names.extend(names);
        self.things[place] = Some(present);
    }

    /// Forgets a thing that is gone.
    pub fn forget(&mut self, id: &str) {
        if let Some(place) = self.ids.remove(id) {
            self.unname(place);
            self.things[place] = None;
        }
    }

    fn unname(&mut self, place: usize) {
        if let Some(thing) = &self.things[place] {
            for name in &thing.names {
                self.names.remove(&(name.clone(), place));
            }
        }
    }
}

impl FromIterator<Present> for List {
    fn from_iter<I: IntoIterator<Item = Present>>(things: I) -> Self {
        let mut list = Self::default();
        things
            .into_iter()
            .for_each(|present| list.keep(Arc::new(present)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thing(id: &str, names: &[&str]) -> Present {
        Present {
            id: id.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Present::default()
        }
    }

    #[test]
    fn things_are_found_by_name_first_and_follow_what_is_done() {
        let mut list: List = [
            thing("1", &["a", "alias"]),
            thing("2", &["b"]),
            thing("3", &["b"]),
            thing("4", &["1"]),
        ]
        .into_iter()
        .collect();
        let id = |list: &List, name: &str| list.find(name).map(|found| found.id.clone());
        assert_eq!(id(&list, "alias").as_deref(), Some("1"));
        assert_eq!(id(&list, "1").as_deref(), Some("4"), "a name before an id");
        assert_eq!(id(&list, "b").as_deref(), Some("2"));
        list.forget("2");
        assert_eq!(id(&list, "b").as_deref(), Some("3"), "the next of its name");
        list.keep(Arc::new(thing("1", &["renamed"])));
        assert_eq!(id(&list, "a"), None);
        assert_eq!(id(&list, "renamed").as_deref(), Some("1"));
        list.keep(Arc::new(thing("5", &["new"])));
        let ids: Vec<_> = list.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids, ["1", "3", "4", "5"]);
        assert!(list.of("2").is_none() && list.of("5").is_some());
    }
}
