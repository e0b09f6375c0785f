//! The Platform as a program of its own, for tests in other languages.

use std::fs::File;
use std::future::Future;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use super::{Builder, TestPlatform, snapshot};
use crate::state::locked;

/// How often changes are written to the state file.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// What the program is started with, beside what a [`Builder`] says.
#[derive(Debug, Default)]
pub struct Options {
    /// Where the state is kept from one start to the next.
    pub state_file: Option<PathBuf>,
    /// Where each call is noted, a JSON object a line.
    pub call_log: Option<PathBuf>,
}

/// Runs a Platform until `stop` is over. `ready` learns of it once it takes calls.
///
/// # Errors
/// If the Platform can't be started, or a file can't be written.
pub async fn run(
    builder: Builder,
    options: Options,
    ready: impl FnOnce(&TestPlatform),
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let mut builder = builder;
    if let Some(path) = &options.state_file {
        builder = builder.state_file(path);
    }
    if let Some(path) = &options.call_log {
        let log = File::options().create(true).append(true).open(path);
        let log = Mutex::new(log.map_err(|error| snapshot::about(path, &error))?);
        builder = builder.on_call(move |call| {
            // A log that can't be written must not keep the Platform from answering.
            let _ = writeln!(locked(&log), "{}", call.value());
        });
    }
    let platform = builder.start().await?;
    let mut saved = platform.changes();
    if let Some(path) = &options.state_file {
        platform.save(path)?;
    }
    ready(&platform);
    let mut stop = std::pin::pin!(stop);
    loop {
        let is_over = tokio::select! {
            () = &mut stop => true,
            () = tokio::time::sleep(SAVE_EVERY) => false,
        };
        let changes = platform.changes();
        if let Some(path) = &options.state_file
            && (changes != saved || is_over)
        {
            platform.save(path)?;
            saved = changes;
        }
        if is_over {
            return Ok(());
        }
    }
}
