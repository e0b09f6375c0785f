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

/// The most processor time; a debug build needs about three seconds for the published schema.
const PROCESSOR_SECONDS: u64 = 60;

/// The longest that it may take where other processes want the processor too, and where there is
/// no bound of processor time.
const PATIENCE: Duration = Duration::from_secs(300);

/// The most memory, with that of the program itself.
const MEMORY: u64 = 2 * 1024 * 1024 * 1024;

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
pub fn read(document: &[u8]) -> Result<String> {
    let text = in_bounds(Command::new(std::env::current_exe()?).arg(READ), document)?;
    Ok(String::from_utf8(text)?)
}

/// Runs what the build script runs, with every tag.
pub fn of(schema: &str, overlay: &Path) -> Result<Generation> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = in_bounds(command.arg(GENERATE).arg(overlay), schema.as_bytes())?;
    Ok(serde_json::from_slice(&output)?)
}

/// Runs one of the hidden commands. Returns what it writes.
fn in_bounds(command: &mut Command, input: &[u8]) -> Result<Vec<u8>> {
    let mut child = command
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
            _ => bail!("{}", why_it_died(status, &said)),
        }
    })
}

/// What ended a generator that could not say so itself.
fn why_it_died(status: ExitStatus, said: &str) -> String {
    if said.contains("overflowed its stack") {
        "the schema sends the generator into endless recursion".to_owned()
    } else if said.contains("memory allocation of") {
        let gigabytes = MEMORY / 1024 / 1024 / 1024;
        format!("the schema takes more than {gigabytes} GB of memory")
    } else if is_out_of_time(status) {
        format!("the schema takes more than {PROCESSOR_SECONDS} s of processor time")
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
fn bound_this_process() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Cpu, PROCESSOR_SECONDS)] {
        let mut limit = getrlimit(resource);
        limit.current = Some(limit.current.map_or(most, |current| current.min(most)));
        // A system that knows no such bound has the one of time that the other end keeps.
        let _ = setrlimit(resource, Rlimit { ..limit });
    }
}

#[cfg(not(unix))]
fn bound_this_process() {}

/// The other end: reads a document from standard input, writes it in order.
pub fn serve_read() -> Result<Outcome> {
    let schema = input()?;
    let schema = std::str::from_utf8(&schema).map_err(|_| anyhow!("not a text in UTF-8"))?;
    let text = Document::parse(schema)?.canonical()?;
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(Outcome::Good)
}

/// The other end: reads a schema from standard input, writes a [`Generation`].
pub fn serve_generate(overlay: &Path) -> Result<Outcome> {
    let schema = String::from_utf8(input()?)?;
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

fn input() -> Result<Vec<u8>> {
    std::panic::set_hook(Box::new(|_| {})); // the error tells it
    bound_this_process();
    let mut input = Vec::new();
    std::io::stdin().read_to_end(&mut input)?;
    Ok(input)
}
