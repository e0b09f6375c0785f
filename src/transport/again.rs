//! Retries of what the transport can't repeat by itself: downloads that break half way, requests
//! to cloud storage, and looks at what is waited for.

use std::time::Duration;

use tokio::time::Instant;

use crate::transport::retry::{Attempt, Decision, Happened, RetryPolicy};
use crate::{Error, ErrorKind, Result};

/// The attempts of one piece of work that does no harm twice.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: RetryPolicy,
    failed: u32,
    waited: Duration,
}

impl Attempts {
    pub(crate) fn new(policy: RetryPolicy) -> Self {
        Self {
            policy,
            failed: 0,
            waited: Duration::ZERO,
        }
    }

    /// Forgets earlier failures, because there was progress since.
    pub(crate) fn renew(&mut self) {
        *self = Self::new(self.policy);
    }

    /// Waits for the next attempt after this failure.
    ///
    /// # Errors
    /// The failure, where another attempt would be in vain or there were enough.
    pub(crate) async fn again(&mut self, error: Error) -> Result<()> {
        self.failed += 1;
        let failed = Attempt {
            number: self.failed,
            // Large parts take their time; only the waits between attempts count.
            elapsed: self.waited,
            safe_to_repeat: true,
            body_spent: false,
            happened: happened(&error),
            server_wait: error.retry_after(),
        };
        match self.policy.decide(&failed, fastrand::f64()) {
            Decision::Stop => Err(error.with_attempts(self.failed)),
            Decision::Again(wait) => {
                tracing::warn!(
                    attempt = self.failed,
                    wait_ms = wait.as_millis() as u64,
                    reason = %error,
                    "trying again"
                );
                self.waited += wait;
                tokio::time::sleep(wait).await;
                Ok(())
            }
        }
    }
}

/// Looks that failed in a row, and for how long they may.
#[derive(Debug)]
pub(crate) struct Trouble {
    patience: Duration,
    since: Option<Instant>,
    pub(crate) failures: u32,
}

/// Outlasts a redeployed server.
pub(crate) const USUAL_PATIENCE: Duration = Duration::from_secs(600);

impl Trouble {
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            since: None,
            failures: 0,
        }
    }

    /// Notes a failed look. True if it is worth another.
    pub(crate) fn outlasts(&mut self, error: &Error) -> bool {
        self.since.get_or_insert_with(Instant::now);
        self.failures += 1;
        error.may_pass() && !self.is_too_long()
    }

    pub(crate) fn is_too_long(&self) -> bool {
        self.since
            .is_some_and(|since| since.elapsed() >= self.patience)
    }

    pub(crate) fn is_over(&mut self) {
        self.since = None;
        self.failures = 0;
    }
}

fn happened(error: &Error) -> Happened {
    match (error.kind(), error.status().map(|status| status.as_u16())) {
        (ErrorKind::Connect, _) => Happened::NotSent,
        (ErrorKind::Timeout | ErrorKind::Connection, _) => Happened::MaybeSent,
        // Storage asks to repeat these, which the Platform's operations do not.
        (ErrorKind::Status, Some(408 | 500)) => Happened::Status(503),
        (ErrorKind::Status, Some(status)) => Happened::Status(status),
        _ => Happened::Permanent,
    }
}
