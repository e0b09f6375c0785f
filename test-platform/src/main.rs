//! `seqera-test-platform`: a Seqera Platform for tests, on a port of loopback.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::*;
use seqera_test_platform::program::{self, Options};
use seqera_test_platform::{Builder, TestPlatform};
use serde_json::json;

const HELP: &str = "\
A Seqera Platform for tests, on a port of loopback. It stops with the signal of Ctrl-C or of kill.

Usage: seqera-test-platform [OPTIONS]

  --port PORT          the port of the API [default: any free one]
  --token TOKEN        the token that calls must carry
  --seed FILE          adds what a seed in YAML says; may be repeated
  --empty              leaves the laboratory out
  --runs NUMBER        how many past runs the laboratory has [default: 240]
  --run-time SECONDS   how long a launched run takes [default: 4]
  --rate NUMBER        calls in a second before the answer is 429; 0 for no limit [default: 20]
  --state FILE         keeps the state from one start to the next
  --log FILE           notes each call, a JSON object a line
  --help               shows this
  --version            shows the version

What else can be set stands in a seed, under `server`.
On its first line of output it writes {\"endpoint\": …, \"token\": …}.";

/// What the program is asked for.
enum Asked {
    /// To say something about itself.
    Text(String),
    Platform(Box<Builder>, Options),
}

fn main() -> ExitCode {
    match arguments(std::env::args_os().skip(1)) {
        Ok(Asked::Text(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Ok(Asked::Platform(builder, options)) => match serve(*builder, options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn arguments(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Asked, Box<dyn std::error::Error>> {
    let mut builder = TestPlatform::builder();
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("port") => builder = builder.port(parser.value()?.parse()?),
            Long("token") => builder = builder.token(parser.value()?.string()?),
            Long("seed") => {
                let path = PathBuf::from(parser.value()?);
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                builder = (builder.seed_yaml(&text))
                    .map_err(|error| format!("{}: {error}", path.display()))?;
            }
            Long("empty") => builder = builder.empty(),
            Long("runs") => builder = builder.runs(parser.value()?.parse()?),
            Long("run-time") => {
                builder = builder.run_time(Duration::from_secs_f64(parser.value()?.parse()?))
            }
            Long("rate") => {
                let rate: usize = parser.value()?.parse()?;
                builder = builder.calls_per_second((rate > 0).then_some(rate));
            }
            Long("state") => options.state_file = Some(parser.value()?.into()),
            Long("log") => options.call_log = Some(parser.value()?.into()),
            Long("help") | Short('h') => return Ok(Asked::Text(HELP.to_owned())),
            Long("version") | Short('V') => {
                let version = concat!("seqera-test-platform ", env!("CARGO_PKG_VERSION"));
                return Ok(Asked::Text(version.to_owned()));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Asked::Platform(Box::new(builder), options))
}

fn serve(builder: Builder, options: Options) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let ready = |platform: &TestPlatform| {
        let (endpoint, token) = (platform.endpoint(), platform.token());
        println!("{}", json!({ "endpoint": endpoint, "token": token }));
    };
    runtime.block_on(program::run(builder, options, ready, stopped()))
}

/// Ends with the signal of Ctrl-C or of `kill`.
async fn stopped() {
    let interrupted = async {
        // Where there is no such signal, the process is ended from outside.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    if let Ok(mut ended) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    {
        tokio::select! {
            () = interrupted => {}
            _ = ended.recv() => {}
        }
        return;
    }
    interrupted.await;
}
