//! Commands about this program itself: completion, man pages, and a Platform to try it on.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap_complete::Shell;
use seqera_test_platform::TestPlatform;
use seqera_test_platform::program::{self, Options};
use serde_json::json;

use crate::args;
use crate::completion;
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
    pub fn run(self, context: &Context) -> Result<Exit> {
        let folder = &self.folder;
        std::fs::create_dir_all(folder)?;
        clap_mangen::generate_to(args::grammar(), folder)?;
        context.say(
            json!({"folder": folder}),
            format!("Man pages are in {}.", folder.display()),
        )
    }
}

/// Start a small Platform on this machine, to try things on; Ctrl-C ends it
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
        let ready = |platform: &TestPlatform| {
            let (endpoint, token) = (platform.endpoint(), platform.token());
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
        let stop = async {
            // Where there is no such signal, the process is ended from outside.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        program::run(builder, options, ready, stop)
            .await
            .map_err(|error| Failure::failed(format!("The Platform can't run: {error}")))?;
        Ok(Exit::Done)
    }
}
