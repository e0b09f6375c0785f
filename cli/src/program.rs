//! The program: its grammar, and the commands over what the rest of the crate does for the Platform's
//! own groups: set-up, rules, every operation, and the program itself.

mod api;
mod completion;
mod grammar;
mod own;
mod rules;
mod setup;
mod words;

use std::process::ExitCode;

use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::options::Color;
use crate::output;
use clap::CommandFactory;
use grammar::{Cli, Command};

/// Does what the command line says. Called through a link named `tw` it is `tw`; named `seqerakit`
/// it is `apply`.
pub fn run() -> ExitCode {
    let mut words = std::env::args_os();
    let program = words.next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_stem();
    let as_tw = program.is_some_and(|name| name == "tw");
    let as_kit = program.is_some_and(|name| name == "seqerakit");
    if completion::answer(if as_tw { "tw" } else { "seqctl" }, Cli::command) {
        return ExitCode::SUCCESS;
    }
    let words: Vec<_> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    // Java's properties, which `tw` takes.
    let words = words
        .into_iter()
        .filter(|word| !(as_tw && is_property(word)))
        .collect();
    let words = match as_kit {
        true => words::of_kit(words),
        false => words,
    };
    let mut cli = match grammar::parse(if as_tw { "tw" } else { "seqctl" }, words) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, as_tw).into(),
    };
    if let Command::Apply(apply) = &cli.command
        && apply.is_json()
    {
        cli.global.output = Some(output::Form::Json);
    }
    match cli.global.color {
        Some(Color::Always) => anstream::ColorChoice::Always.write_global(),
        Some(Color::Never) => anstream::ColorChoice::Never.write_global(),
        Some(Color::Auto) | None => {}
    }
    let makes_profiles = matches!(cli.command, Command::Auth(_));
    let ended = Context::new(as_tw, cli.global, makes_profiles).and_then(|context| {
        if context.global.verbose {
            tell_calls();
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                ended = cli.command.run(&context) => ended,
                failure = context.interruption() => Err(failure),
            }
        });
        match ended.as_ref().err().and_then(Failure::unsent) {
            Some(request) => context.show_unsent(request),
            None => ended,
        }
    });
    let status = ended
        .map(|exit: Exit| exit.status(as_tw))
        .unwrap_or_else(|failure: Failure| {
            failure.report(as_tw);
            failure.status(as_tw)
        });
    status.into()
}

/// Tells each call on standard error when it has ended.
fn tell_calls() {
    use tracing_subscriber::fmt::format::FmtSpan;
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_span_events(FmtSpan::CLOSE)
        .try_init();
}

/// Whether the words of the command line, but for options, end with these.
fn words_end_with(group: &str) -> bool {
    let words = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'));
    let words = words.collect::<Vec<_>>().join(" ");
    words == group || words.ends_with(&format!(" {group}"))
}

fn is_property(word: &str) -> bool {
    word.strip_prefix("-D")
        .is_some_and(|rest| rest.contains(['.', '=']))
}

/// Groups of which `tw` says that their sub-command lacks; of the others it shows the help alone.
const LACK_TOLD: [&str; 7] = [
    "actions add",
    "compute-envs add",
    "compute-envs primary",
    "credentials add",
    "credentials update",
    "workspaces settings",
    "workspaces settings studios",
];

/// Tells why words are no command, or what was asked for: help, the version. The exit status.
fn usage(error: &clap::Error, as_tw: bool) -> u8 {
    use clap::error::ErrorKind;
    let text = error.render();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            anstream::print!("{}", text.ansi());
            0
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            if as_tw && LACK_TOLD.iter().any(|group| words_end_with(group)) {
                anstream::eprintln!("\n ERROR: Missing Required Subcommand\n");
            }
            anstream::eprint!("{}", text.ansi());
            let bare = std::env::args_os().nth(1).is_none();
            match (as_tw, bare) {
                (true, true) => 255,
                (true, false) => 1,
                (false, _) => 2,
            }
        }
        _ => {
            // Wrappers take `ERROR:` for a failure of the command.
            let text = text.ansi().to_string();
            let plain = text
                .split_once("error:")
                .map_or(text.as_str(), |(_, rest)| rest);
            anstream::eprint!("{}", plain.trim_start_matches("\u{1b}[0m").trim_start());
            2
        }
    }
}
