//! The binary from outside.

use std::path::Path;
use std::process::{Command, Output};

/// The binary under a name, without anything of the environment.
pub fn of_name(name: &str) -> Command {
    let binary = assert_cmd::cargo::cargo_bin!("seqctl");
    let mut command = if name == "seqctl" {
        Command::new(binary)
    } else {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("by-other-names");
        std::fs::create_dir_all(&folder).unwrap();
        let link = folder.join(name);
        let _ = std::os::unix::fs::symlink(binary, &link);
        Command::new(link)
    };
    command
        .env_clear()
        .env("SEQCTL_CONFIG", "/nonexistent/seqctl.yml");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
