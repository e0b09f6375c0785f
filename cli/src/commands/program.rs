//! Commands about this program itself: completion, man pages, and a Platform to try it on.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;
use seqera_test_platform::TestPlatform;
use serde_json::json;

use crate::args;
use crate::context::Context;
use crate::exit::{Exit, Failure, Result};

/// Print a script that completes commands in a shell
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
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::grammar(), name, &mut script);
    std::io::Write::write_all(&mut std::io::stdout().lock(), &script)?;
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
}

impl Demo {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let platform = TestPlatform::builder()
            .run_time(std::time::Duration::from_secs(self.run_time))
            .start()
            .await
            .map_err(|error| Failure::failed(format!("No port can be listened on: {error}")))?;
        let (endpoint, token) = (platform.endpoint(), platform.token());
        context.say(
            json!({"endpoint": endpoint, "token": token}),
            format!("export TOWER_API_ENDPOINT={endpoint}\nexport TOWER_ACCESS_TOKEN={token}"),
        )?;
        context.note(
            "A Platform is running. Export the two variables in another terminal; Ctrl-C ends it.",
        );
        tokio::signal::ctrl_c().await?;
        Ok(Exit::Done)
    }
}
