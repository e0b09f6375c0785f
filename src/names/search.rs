//! Finding the one resource of a name in a list, and what to say where there is not one.

use std::fmt::Write;

use super::cache::Found;
use crate::nearest::{NEAR, likeness};
use crate::{Error, ErrorKind, Result};

/// How many near matches an error lists.
const NEAR_MATCHES: usize = 5;

/// A resource that a list holds.
pub(super) struct Candidate {
    pub found: Found,
    /// The names it goes by, of which any may be asked for; the first is shown.
    pub names: Vec<String>,
}

impl Candidate {
    /// `None` for an entry without an id, which nothing could be done with.
    pub(super) fn new<const N: usize>(
        id: Option<impl ToString>,
        names: [Option<String>; N],
    ) -> Option<Self> {
        Some(Self {
            found: Found::of(id?),
            names: names.into_iter().flatten().collect(),
        })
    }

    pub(super) fn at_home(mut self, workspace: Option<i64>) -> Self {
        self.found.home = workspace;
        self
    }

    fn shown(&self) -> String {
        let name = self.names.first().map_or("", String::as_str);
        match self.found.home {
            Some(home) => format!("`{name}` (id {} of workspace {home})", self.found.id),
            None => format!("`{name}` (id {})", self.found.id),
        }
    }
}

/// A look-up in progress: what goes by the name, and what goes by a similar one.
pub(super) struct Search<'a> {
    wanted: &'a str,
    matches: Vec<Candidate>,
    near: Vec<(f64, Candidate)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(wanted: &'a str) -> Self {
        Self {
            wanted,
            matches: Vec::new(),
            near: Vec::new(),
        }
    }

    pub(super) fn has_found(&self) -> bool {
        !self.matches.is_empty()
    }

    pub(super) fn offer(&mut self, candidate: Option<Candidate>) {
        let Some(candidate) = candidate else { return };
        let known = |other: &Candidate| other.found == candidate.found;
        if candidate.names.iter().any(|name| name == self.wanted) {
            if !self.matches.iter().any(known) {
                self.matches.push(candidate);
            }
            return;
        }
        let wanted = self.wanted.to_lowercase();
        let alike = |name: &String| likeness(&wanted, &name.to_lowercase());
        // Whoever gives an id for a name sees whose it is.
        let likeness = match candidate.found.id == self.wanted {
            true => 1.0,
            false => candidate.names.iter().map(alike).fold(0.0, f64::max),
        };
        if likeness >= NEAR && !self.near.iter().any(|(_, other)| known(other)) {
            self.near.push((likeness, candidate));
            self.near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            self.near.truncate(NEAR_MATCHES);
        }
    }

    /// Where a resource of this workspace and ones that others share go by the name, the
    /// workspace's own is meant.
    pub(super) fn prefer_home(&mut self, workspace: Option<i64>) {
        if self.matches.iter().any(|own| own.found.home == workspace) {
            self.matches.retain(|own| own.found.home == workspace);
        }
    }

    /// `kind` and `place` are for people: `pipeline`, ` in workspace 42`.
    pub(super) fn finish(mut self, kind: &str, place: &str) -> Result<Found> {
        if self.matches.len() > 1 {
            let shown: Vec<_> = self.matches.iter().map(Candidate::shown).collect();
            return Err(Error::new(
                ErrorKind::Ambiguous,
                format!(
                    "more than one {kind}{place} is named `{}`: give the id of one of {}",
                    self.wanted,
                    shown.join(", ")
                ),
            ));
        }
        if let Some(found) = self.matches.pop() {
            return Ok(found.found);
        }
        let mut text = format!("no {kind}{place} is named `{}`", self.wanted);
        if !self.near.is_empty() {
            let shown: Vec<_> = self.near.iter().map(|(_, near)| near.shown()).collect();
            // Writing to a String can't fail.
            let _ = write!(text, ": is it {}?", shown.join(", "));
        }
        Err(Error::new(ErrorKind::NotFound, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(wanted: &str, names: &[(&str, i64)]) -> Result<Found> {
        let mut search = Search::new(wanted);
        for (name, id) in names {
            search.offer(Candidate::new(Some(id), [Some((*name).to_owned())]));
        }
        search.finish("pipeline", " in workspace 7")
    }

    #[test]
    fn names_are_compared_exactly() {
        let names = [("rnaseq-2", 1), ("RNASEQ", 2), ("rnaseq", 3)];
        assert_eq!(search("rnaseq", &names).unwrap().id, "3");
    }

    #[test]
    fn a_resource_that_shows_up_twice_is_one() {
        assert_eq!(search("a", &[("a", 1), ("a", 1)]).unwrap().id, "1");
    }

    #[test]
    fn what_is_missing_lists_what_is_near() {
        let error = search(
            "rnasek",
            &[("sarek", 1), ("rnaseq", 2), ("rnaseq-rnasek", 3)],
        );
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert_eq!(
            error.message(),
            "no pipeline in workspace 7 is named `rnasek`: is it `rnaseq` (id 2), \
             `rnaseq-rnasek` (id 3)?"
        );
        let id = search("17", &[("methylation", 17)]).unwrap_err();
        assert!(
            id.message().ends_with("is it `methylation` (id 17)?"),
            "{id}"
        );
        let far = search("rnasek", &[("methylation", 1)]).unwrap_err();
        assert_eq!(
            far.message(),
            "no pipeline in workspace 7 is named `rnasek`"
        );
    }

    #[test]
    fn what_is_ambiguous_lists_the_ids() {
        let error = search("a", &[("a", 1), ("a", 2)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous);
        assert!(
            error.message().ends_with("`a` (id 1), `a` (id 2)"),
            "{error}"
        );
    }
}
