//! Time, as an input.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::watch;

/// What is waited for.
pub type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What tells the time.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The time.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until the clock shows a time.
    fn sleep_until(&self, time: DateTime<Utc>) -> Waiting<'_>;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The longest sleep without a look at the clock, which may be set, or go on while the machine sleeps.
const LONGEST: Duration = Duration::from_secs(5);

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn sleep_until(&self, time: DateTime<Utc>) -> Waiting<'_> {
        Box::pin(async move {
            while let Ok(left) = (time - Utc::now()).to_std() {
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST)).await;
            }
        })
    }
}

/// A clock that stands until it is set.
#[derive(Clone, Debug)]
pub struct TestClock {
    now: Arc<Mutex<DateTime<Utc>>>,
    set: Arc<watch::Sender<()>>,
}

impl TestClock {
    /// A clock that shows a time.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now: Arc::new(Mutex::new(now)),
            set: Arc::new(watch::Sender::new(())),
        }
    }

    /// Sets the clock, forwards or back.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
        self.set.send_replace(());
    }

    /// Sets the clock forwards.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }
}

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep_until(&self, time: DateTime<Utc>) -> Waiting<'_> {
        Box::pin(async move {
            let mut set = self.set.subscribe();
            while self.now() < time {
                if set.changed().await.is_err() {
                    return;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_shows_its_time() {
        let start = DateTime::<Utc>::UNIX_EPOCH;
        let clock = TestClock::new(start);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(start + Duration::from_secs(10)).await }
        });
        tokio::task::yield_now().await;
        clock.set(start - Duration::from_secs(3600));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.set(start + Duration::from_secs(10));
        sleeper.await.unwrap();
        SystemClock
            .sleep_until(Utc::now() - Duration::from_secs(1))
            .await;
    }
}
