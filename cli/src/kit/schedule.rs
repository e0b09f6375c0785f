//! Which steps can be begun, as others end.

use std::collections::{BTreeMap, BTreeSet};

/// Steps that wait for others, by their places in a plan.
#[derive(Debug, Default)]
pub struct Schedule {
    /// How many others each still waits for.
    waiting: BTreeMap<usize, usize>,
    /// Who waits for each.
    waits_for: BTreeMap<usize, Vec<usize>>,
    ready: BTreeSet<usize>,
}

impl Schedule {
    /// Steps with what each needs. What is none of the steps is done already.
    pub fn new<'a>(steps: impl IntoIterator<Item = (usize, &'a BTreeSet<usize>)>) -> Self {
        let steps: BTreeMap<usize, &BTreeSet<usize>> = steps.into_iter().collect();
        let mut schedule = Self::default();
        for (step, needs) in &steps {
            let needs: Vec<_> = needs
                .iter()
                .filter(|need| steps.contains_key(need))
                .collect();
            for need in &needs {
                schedule.waits_for.entry(**need).or_default().push(*step);
            }
            schedule.waiting.insert(*step, needs.len());
            if needs.is_empty() {
                schedule.ready.insert(*step);
            }
        }
        schedule
    }

    /// The first step that waits for nothing, which no longer is one of those that wait.
    pub fn next(&mut self) -> Option<usize> {
        let step = self.ready.pop_first()?;
        self.waiting.remove(&step);
        Some(step)
    }

    /// A step is done: who waited for it alone is ready.
    pub fn done(&mut self, step: usize) {
        self.waiting.remove(&step);
        self.ready.remove(&step);
        for other in self.waits_for.remove(&step).unwrap_or_default() {
            if let Some(missing) = self.waiting.get_mut(&other) {
                *missing -= 1;
                if *missing == 0 {
                    self.ready.insert(other);
                }
            }
        }
    }

    /// A step won't be done, and so nor will what needs it: those, each with what it needs of them.
    pub fn lost(&mut self, step: usize) -> Vec<(usize, usize)> {
        self.waiting.remove(&step);
        self.ready.remove(&step);
        let mut all = Vec::new();
        let mut next = vec![step];
        while let Some(step) = next.pop() {
            for other in self.waits_for.remove(&step).unwrap_or_default() {
                if self.waiting.remove(&other).is_some() {
                    all.push((other, step));
                    next.push(other);
                }
            }
        }
        all
    }

    /// What still waits.
    pub fn rest(self) -> impl Iterator<Item = usize> {
        self.waiting.into_keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_ready_once_what_they_need_is_done_and_lost_with_it() {
        let needs = [vec![], vec![0], vec![0, 1], vec![2], vec![], vec![4, 9]];
        let needs: Vec<BTreeSet<usize>> = needs.map(|needs| needs.into_iter().collect()).into();
        let mut schedule = Schedule::new(needs.iter().enumerate());
        assert_eq!((schedule.next(), schedule.next()), (Some(0), Some(4)));
        assert_eq!(schedule.next(), None);
        schedule.done(4);
        assert_eq!(schedule.next(), Some(5), "9 is no step, and so is done");
        schedule.done(0);
        assert_eq!(schedule.next(), Some(1));
        assert_eq!(schedule.lost(1), [(2, 1), (3, 2)]);
        assert_eq!(schedule.next(), None);
        assert_eq!(schedule.rest().count(), 0);
    }
}
