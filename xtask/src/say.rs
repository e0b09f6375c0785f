//! What commands print.

use std::fmt::Display;
use std::io::{ErrorKind, Write, stdout};

/// Writes a line to standard output. A reader that has heard enough, such as `head`, ends neither
/// the command nor what it writes elsewhere.
pub fn say(line: impl Display) {
    match writeln!(stdout().lock(), "{line}") {
        Err(problem) if problem.kind() != ErrorKind::BrokenPipe => {
            let _ = writeln!(std::io::stderr(), "warning: standard output: {problem}");
        }
        _ => {}
    }
}
