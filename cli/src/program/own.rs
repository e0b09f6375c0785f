//! Commands about this program itself: completion, man pages, and a Platform to try it on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::Shell;
use seqera_test_platform::program::{self, Options};
use seqera_test_platform::{TestPlatform, WORKSPACE_ID};
use serde_json::json;
use tokio::process::Command;

use super::completion;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Print a script that completes commands in a shell
///
/// `source <(seqctl completion bash)` in `~/.bashrc`, or the same with zsh in `~/.zshrc` after `compinit`;
/// `seqctl completion fish | source` in fish. Names of workspaces, pipelines, compute environments and runs
/// are those of the Platform, and are kept for a minute.
#[derive(Args, Debug)]
pub struct Completion {
    /// Shell
    shell: Shell,
}

impl Completion {
    pub fn run(self, context: &Context) -> Result<Exit> {
        complete(context, self.shell)
    }
}

/// `generate-completion`, which is for bash.
pub fn generate_completion(context: &Context) -> Result<Exit> {
    complete(context, Shell::Bash)
}

fn complete(context: &Context, shell: Shell) -> Result<Exit> {
    let name = if context.as_tw { "tw" } else { "seqctl" };
    completion::write_script(name, shell, &mut std::io::stdout().lock())?;
    Ok(Exit::Done)
}

/// Write man pages, one for each command
#[derive(Args, Debug)]
pub struct Man {
    /// Folder to write them to
    folder: PathBuf,
}

impl Man {
    pub fn run(self, context: &Context, grammar: clap::Command) -> Result<Exit> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(grammar, folder)?;
        context.say(
            json!({"folder": folder}),
            format!("Man pages are in {}.", folder.display()),
        )
    }
}

/// Start a small Platform on this machine, to try things on; Ctrl-C ends it
///
/// `seqctl demo` prints the two variables to export in another terminal. `seqctl demo -- COMMAND` runs a
/// command against the Platform and ends with it, with its exit status: `seqctl demo -- seqctl runs list`,
/// or `seqctl demo -- bash` for a shell.
#[derive(Args, Debug)]
pub struct Demo {
    /// How many seconds a launched run takes
    #[arg(long, default_value_t = 20)]
    run_time: u64,
    /// Port to listen on [default: any that is free]
    #[arg(long)]
    port: Option<u16>,
    /// File that keeps what is there from one start to the next
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Begin with nothing but a user, instead of a laboratory with workspaces, pipelines and runs
    #[arg(long)]
    empty: bool,
    /// Command to run against the Platform, whose variables are set for it; TOWER_WORKSPACE_ID is
    /// that of a workspace with pipelines and runs
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Demo {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let mut builder = TestPlatform::builder().run_time(Duration::from_secs(self.run_time));
        if let Some(port) = self.port {
            builder = builder.port(port);
        }
        if self.empty {
            builder = builder.empty();
        }
        let options = Options {
            state_file: self.state,
            ..Options::default()
        };
        let (started, address) = tokio::sync::oneshot::channel();
        let ready = |platform: &TestPlatform| {
            let (endpoint, token) = (platform.endpoint(), platform.token());
            if !self.command.is_empty() {
                // The command waits for it.
                let _ = started.send([endpoint.to_owned(), token.to_owned()]);
                return;
            }
            let told = context.say(
                json!({"endpoint": endpoint, "token": token}),
                format!("export TOWER_API_ENDPOINT={endpoint}\nexport TOWER_ACCESS_TOKEN={token}"),
            );
            if told.is_ok() {
                context.note(
                    "A Platform is running. Export the two variables in another terminal; Ctrl-C ends it.",
                );
            }
        };
        let mut ended = Ok(Exit::Done);
        let stop = async {
            match (self.command.split_first(), address.await) {
                (Some((program, words)), Ok([endpoint, token])) => {
                    let mut command = command(program, words);
                    command
                        .env("TOWER_API_ENDPOINT", endpoint)
                        .env("TOWER_ACCESS_TOKEN", token);
                    match self.empty {
                        true => command.env_remove("TOWER_WORKSPACE_ID"),
                        false => command.env("TOWER_WORKSPACE_ID", WORKSPACE_ID.to_string()),
                    };
                    ended = wait_for(command, program).await;
                }
                // Where there is no such signal, the process is ended from outside.
                _ => {
                    if tokio::signal::ctrl_c().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        };
        program::run(builder, options, ready, stop)
            .await
            .map_err(|error| Failure::failed(format!("The Platform can't run: {error}")))?;
        ended
    }
}

/// A command; this program is found by its name, wherever it lies.
fn command(program: &str, words: &[String]) -> Command {
    let own = std::env::current_exe().ok().filter(|_| program == "seqctl");
    let mut command = Command::new(own.unwrap_or_else(|| program.into()));
    command.args(words);
    command
}

/// Runs a command to its end. Ctrl-C, which it receives as well, is its own to handle.
async fn wait_for(mut command: Command, program: &str) -> Result<Exit> {
    let cant = |error: std::io::Error| Failure::failed(format!("`{program}` can't run: {error}"));
    let mut process = command.spawn().map_err(cant)?;
    let status = loop {
        tokio::select! {
            status = process.wait() => break status.map_err(cant)?,
            _ = tokio::signal::ctrl_c() => {}
        }
    };
    // Ended by a signal it has none; shells say so by a number of theirs.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(Exit::Failed, Exit::Of))
}
