//! Reads and generates in a process of its own, with bounds: a schema that takes too much memory or
//! time, or drives the generator into endless recursion, is an error like any other.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use seqera_codegen::document::Document;
use seqera_codegen::needs::Lack;
use seqera_codegen::surface::Surface;
use seqera_codegen::{Report, Tags, generate, needs};
use serde::{Deserialize, Serialize};

use crate::Outcome;

/// The longest that it may take where other processes want the processor too, and where there is
/// no bound of processor time.
const PATIENCE: Duration = Duration::from_secs(300);

/// What reading and generating may take.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Bounds {
    /// The most processor time of reading a schema, and of generating from it, in seconds.
    // A debug build needs about three for the published schema.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    processor_time: u64,
    /// The most memory of either, in MB, with that of the program itself.
    #[arg(long, value_name = "MB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    memory: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            processor_time: 60,
            memory: 2048,
        }
    }
}

/// The surface for reviewers: a line for each operation.
const SURFACE: &str = "tests/golden/surface.txt";
/// All of it: a line for each parameter, field and value too.
const MODEL: &str = "tests/golden/model.txt";

/// The hidden command that reads a schema.
pub const READ: &str = "read-schema";
/// The hidden command that generates.
pub const GENERATE: &str = "generate";

/// What the generator says of a schema.
#[derive(Debug, Serialize, Deserialize)]
pub struct Generation {
    /// What it noticed.
    pub report: Report,
    /// What the schema lacks of that which hand-written code needs.
    pub lacking: Vec<Lack>,
    /// The golden files: paths and contents.
    pub golden: Vec<(String, String)>,
    /// All that a program can name.
    pub surface: Surface,
}

/// Checks a document of whatever origin, and puts it into the order in which it is kept. What comes
/// out can be read again without bounds.
pub fn read(document: &[u8], bounds: Bounds) -> Result<String> {
    let mut command = Command::new(std::env::current_exe()?);
    let text = in_bounds(command.arg(READ), document, bounds)?;
    Ok(String::from_utf8(text)?)
}

/// Runs what the build script runs, with every tag.
pub fn of(schema: &str, overlay: &Path, bounds: Bounds) -> Result<Generation> {
    let mut command = Command::new(std::env::current_exe()?);
    let command = command.arg(GENERATE).arg(overlay);
    let output = in_bounds(command, schema.as_bytes(), bounds)?;
    Ok(serde_json::from_slice(&output)?)
}

/// Runs one of the hidden commands. Returns what it writes.
fn in_bounds(command: &mut Command, input: &[u8], bounds: Bounds) -> Result<Vec<u8>> {
    let mut child = command
        .arg(format!("--processor-time={}", bounds.processor_time))
        .arg(format!("--memory={}", bounds.memory))
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
        scope.spawn(move || stdin.write_all(input));
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
            Some(0) => Ok(output),
            Some(1 | 2) if said.starts_with("error: ") => {
                bail!("{}", said.trim_start_matches("error: ").trim_end())
            }
            _ => bail!("{}", why_it_died(status, &said, bounds)),
        }
    })
}

/// What ended a generator that could not say so itself.
fn why_it_died(status: ExitStatus, said: &str, bounds: Bounds) -> String {
    let Bounds {
        processor_time,
        memory,
    } = bounds;
    if said.contains("overflowed its stack") {
        "the schema sends the generator into endless recursion".to_owned()
    } else if said.contains("memory allocation of") {
        format!("the schema takes more than {memory} MB of memory")
    } else if is_out_of_time(status) {
        format!("the schema takes more than {processor_time} s of processor time")
    } else {
        format!("the generator crashed ({status})")
    }
}

#[cfg(unix)]
fn is_out_of_time(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    status.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn is_out_of_time(_: ExitStatus) -> bool {
    false
}

/// Bounds this process, where the system can.
#[cfg(unix)]
fn bound_this_process(bounds: Bounds) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let memory = bounds.memory * 1024 * 1024;
    for (resource, most) in [
        (Resource::As, memory),
        (Resource::Cpu, bounds.processor_time),
    ] {
        let mut limit = getrlimit(resource);
        limit.current = Some(limit.current.map_or(most, |current| current.min(most)));
        // A system that knows no such bound has the one of time that the other end keeps.
        let _ = setrlimit(resource, Rlimit { ..limit });
    }
}

#[cfg(not(unix))]
fn bound_this_process(_: Bounds) {}

/// The other end: reads a document from standard input, writes it in order.
pub fn serve_read(bounds: Bounds) -> Result<Outcome> {
    let schema = input(bounds)?;
    let schema = std::str::from_utf8(&schema).map_err(|_| anyhow!("not a text in UTF-8"))?;
    let text = Document::parse(schema)?.canonical()?;
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Outcome::Good)
}

/// The other end: reads a schema from standard input, writes a [`Generation`].
pub fn serve_generate(overlay: &Path, bounds: Bounds) -> Result<Outcome> {
    let schema = String::from_utf8(input(bounds)?)?;
    let overlay = std::fs::read_to_string(overlay).context("the overlay can't be read")?;
    let output = generate(&schema, Some(&overlay), &Tags::All)?;
    let generation = Generation {
        lacking: needs::lacking(&output.inventory),
        golden: vec![
            (SURFACE.to_owned(), output.surface),
            (MODEL.to_owned(), output.model),
        ],
        surface: output.inventory,
        report: output.report,
    };
    serde_json::to_writer(std::io::stdout().lock(), &generation)?;
    Ok(Outcome::Good)
}

fn input(bounds: Bounds) -> Result<Vec<u8>> {
    std::panic::set_hook(Box::new(|_| {})); // the error tells it
    bound_this_process(bounds);
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    Ok(input)
}
