//! What the system, or whoever sits before it, asks of a runner. It is heard from the moment that these
//! are made: what comes before it is waited for is not lost.

use std::io::Result;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Asks to end: Ctrl-C, and the signal of whoever ends services.
pub struct Ends {
    asked: u32,
    #[cfg(unix)]
    signals: [Signal; 2],
    #[cfg(windows)]
    signals: (
        tokio::signal::windows::CtrlC,
        tokio::signal::windows::CtrlShutdown,
    ),
}

impl Ends {
    /// Hears them from now on.
    #[cfg(unix)]
    pub fn new() -> Result<Self> {
        Ok(Self {
            asked: 0,
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
            ],
        })
    }

    /// Hears them from now on.
    #[cfg(windows)]
    pub fn new() -> Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_shutdown};
        Ok(Self {
            asked: 0,
            signals: (ctrl_c()?, ctrl_shutdown()?),
        })
    }

    /// The next one.
    pub async fn come(&mut self) {
        #[cfg(unix)]
        let [one, other] = &mut self.signals;
        #[cfg(windows)]
        let (one, other) = &mut self.signals;
        tokio::select! {
            _ = one.recv() => {}
            _ = other.recv() => {}
        }
        self.asked += 1;
    }

    /// How many have come.
    pub fn asked(&self) -> u32 {
        self.asked
    }
}

/// Asks to read the files again.
pub struct Reloads {
    #[cfg(unix)]
    signal: Option<Signal>,
}

impl Reloads {
    /// Hears them from now on.
    pub fn new() -> Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signal: Some(signal(SignalKind::hangup())?),
        })
    }

    /// Leaves them to the system.
    pub fn none() -> Self {
        Self {
            #[cfg(unix)]
            signal: None,
        }
    }

    /// The next one.
    pub async fn come(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
