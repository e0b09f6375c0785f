//! Looking again and again until something has come to be.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often to look, and for how long: the pauses grow from the first to the longest, and a last
/// look is at the end of the time.
#[derive(Clone, Debug)]
pub(crate) struct Rhythm {
    pause: Duration,
    longest: Duration,
    growth: f64,
    begun: Instant,
    at_most: Option<Duration>,
}

impl Rhythm {
    /// The same pause all the time.
    pub(crate) fn every(pause: Duration) -> Self {
        Self::growing(pause, pause, 1.0)
    }

    pub(crate) fn growing(first: Duration, longest: Duration, growth: f64) -> Self {
        Self {
            pause: first,
            longest: longest.max(first),
            growth,
            begun: Instant::now(),
            at_most: None,
        }
    }

    /// The time begins now.
    pub(crate) fn at_most(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.begun = Instant::now();
        self.at_most = time.into();
        self
    }

    /// Waits for the next look. False if there is no time left for one.
    pub(crate) async fn pause(&mut self) -> bool {
        let mut pause = self.pause;
        if let Some(at_most) = self.at_most {
            let left = at_most.saturating_sub(self.begun.elapsed());
            if left.is_zero() {
                return false;
            }
            pause = pause.min(left);
        }
        sleep(pause).await;
        // The longest have no multiple.
        let longer = self.pause.as_secs_f64() * self.growth;
        let longer = Duration::try_from_secs_f64(longer).unwrap_or(self.longest);
        self.pause = longer.min(self.longest);
        true
    }
}

/// Looks until there is what is looked for: the block is the look, an async block whose value is a
/// `Result<Option<_>>`. `Ok(None)` if the time is over.
///
/// A look's error ends it: which failures it goes on after is its own matter. A macro, because no
/// closure may lend what it holds to a future that is known to be `Send`.
macro_rules! poll_until {
    ($rhythm:expr, { $($look:tt)* }) => {{
        let rhythm: &mut $crate::poll::Rhythm = $rhythm;
        loop {
            match async { $($look)* }.await {
                Ok(None) if rhythm.pause().await => {}
                ended => break ended,
            }
        }
    }};
}

pub(crate) use poll_until;

#[cfg(test)]
mod tests {
    use super::*;

    /// When the looks were, in milliseconds, and whether they found it.
    async fn looks(rhythm: Rhythm, there_after: Option<usize>) -> (Vec<u128>, bool) {
        let begun = Instant::now();
        let mut rhythm = rhythm;
        let mut at = Vec::new();
        let found: crate::Result<_> = poll_until!(&mut rhythm, {
            at.push(begun.elapsed().as_millis());
            Ok((Some(at.len()) == there_after).then_some(()))
        });
        let found = found.unwrap().is_some();
        (at, found)
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_and_the_last_look_is_at_the_end_of_the_time() {
        let ms = Duration::from_millis;
        let rhythm = || Rhythm::growing(ms(100), ms(300), 2.0);
        assert_eq!(
            looks(rhythm().at_most(ms(1000)), None).await,
            (vec![0, 100, 300, 600, 900, 1000], false)
        );
        assert_eq!(looks(rhythm(), Some(3)).await, (vec![0, 100, 300], true));
        assert_eq!(
            looks(Rhythm::every(ms(100)).at_most(ms(0)), None).await,
            (vec![0], false)
        );
    }
}
