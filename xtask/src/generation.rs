//! Generates in a process of its own, so that a schema that drives the generator into endless
//! recursion or an endless loop is an error like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use seqera_codegen::surface::Surface;
use seqera_codegen::{Report, Tags, generate, needs};
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// The longest that generating may take; a debug build needs about two seconds.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the generator says of a schema.
#[derive(Debug, Serialize, Deserialize)]
pub struct Generation {
    /// What it noticed.
    pub report: Report,
    /// What the schema lacks of that which each feature needs.
    pub lacking: BTreeMap<String, BTreeSet<String>>,
    /// The golden file.
    pub golden: String,
    /// All that a program can name.
    pub surface: Surface,
}

/// Runs what the build script runs, with every tag, in another process.
pub fn of(schema: &str, overlay: &Path) -> Result<Generation> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("generate")
        .arg(overlay)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the generator can't be started")?;
    let (Some(mut stdin), Some(mut stdout), Some(mut stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        bail!("the generator has no streams");
    };
    thread::scope(|scope| {
        // A generator that ends early closes its input; its own message tells more than that.
        scope.spawn(move || stdin.write_all(schema.as_bytes()));
        let output = scope.spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| bytes)
        });
        let said = scope.spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if started.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                bail!("the generator does not come to an end");
            }
            thread::sleep(Duration::from_millis(10));
        };
        let crashed = |_| anyhow!("a stream of the generator broke");
        let output = output.join().map_err(crashed)??;
        let said = said.join().map_err(crashed)?;
        match status.code() {
            Some(0) => Ok(serde_json::from_slice(&output)?),
            Some(1 | 2) if said.starts_with("error: ") => {
                bail!("{}", said.trim_start_matches("error: ").trim_end())
            }
            _ if said.contains("overflowed its stack") => {
                bail!("the schema sends the generator into endless recursion")
            }
            _ => bail!("the generator crashed ({status})"),
        }
    })
}

/// The other end: reads a schema from standard input, writes a [`Generation`].
pub fn serve(overlay: &Path) -> Result<Outcome> {
    std::panic::set_hook(Box::new(|_| {})); // the error tells it
    let mut schema = String::new();
    std::io::stdin().read_to_string(&mut schema)?;
    let overlay = std::fs::read_to_string(overlay).context("the overlay can't be read")?;
    let output = generate(&schema, Some(&overlay), &Tags::All)?;
    let generation = Generation {
        lacking: needs::lacking_by_feature(&output.inventory),
        golden: output.surface,
        surface: output.inventory,
        report: output.report,
    };
    serde_json::to_writer(std::io::stdout().lock(), &generation)?;
    Ok(Outcome::Good)
}
