//! What a shell asks for while a command is typed: commands and options of the grammar, operations
//! of the API, and names of what is on the Platform.

use std::ffi::OsStr;

use clap::{Arg, Command};
use clap_complete::env::Shells;
use clap_complete::{
    ArgValueCandidates, ArgValueCompleter, CompleteEnv, CompletionCandidate, Shell,
};
use seqera::operations;

use super::api;
use crate::exit::{Failure, Result};

mod names;

use names::Kind;

/// The variable by which a shell asks.
const VARIABLE: &str = "SEQCTL_COMPLETE";

/// Which names options take: by the group of commands, and the option or the positional argument.
const NAMES: &[(&str, &str, Kind)] = &[
    ("", "workspace", Kind::Workspace),
    ("", "compute-env", Kind::ComputeEnv),
    ("launch", "pipeline", Kind::Pipeline),
    ("pipelines", "name", Kind::Pipeline),
    ("compute-envs", "name", Kind::ComputeEnv),
    ("runs", "id", Kind::Run),
];

/// Commands whose names are new ones.
const MAKE: [&str; 4] = ["add", "import", "create", "copy"];

/// Answers a shell that asks, of a program's commands. Whether one did.
pub fn answer(program: &'static str, commands: fn() -> Command) -> bool {
    let completion = CompleteEnv::with_factory(|| grammar(program, commands()))
        .var(VARIABLE)
        .bin(program)
        .completer(program);
    let folder = std::env::current_dir().ok();
    // A shell has no place for what went wrong.
    completion
        .try_complete(std::env::args_os(), folder.as_deref())
        .unwrap_or(true)
}

/// Writes the script that lets a shell ask.
pub fn write_script(program: &str, shell: Shell, out: &mut dyn std::io::Write) -> Result<()> {
    let shell = shell.to_string();
    let shells = Shells::builtins();
    let completer = shells
        .completer(&shell)
        .ok_or_else(|| Failure::usage(format!("There is no completion for {shell}")))?;
    Ok(completer.write_registration(VARIABLE, program, program, program, out)?)
}

/// The words that have been typed, from the program's name on.
fn typed() -> Vec<String> {
    std::env::args()
        .skip_while(|word| word != "--")
        .skip(1)
        .collect()
}

fn grammar(program: &'static str, commands: Command) -> Command {
    let root = api::with_operation(commands, &typed());
    let root = root.mut_subcommand("api", |api| {
        api.mut_arg(api::OPERATION, |operation| {
            operation.add(ArgValueCandidates::new(|| {
                let candidate = |operation: &operations::Operation| {
                    CompletionCandidate::new(api::kebab(operation.name))
                        .help(Some(operation.summary.into()))
                };
                operations::all().iter().map(candidate).collect()
            }))
        })
    });
    let as_tw = program == "tw";
    root.name(program).mut_subcommands(move |group| {
        let name = group.get_name().to_owned();
        with_names(group, &name, as_tw)
    })
}

/// A command of a group, whose options are told which names they take.
fn with_names(command: Command, group: &str, as_tw: bool) -> Command {
    let makes = MAKE.contains(&command.get_name());
    let kind = |arg: &Arg| {
        let name = arg.get_long().unwrap_or(arg.get_id().as_str());
        let known = NAMES
            .iter()
            .find(|(of, option, _)| *option == name && (of.is_empty() || (*of == group && !makes)));
        known.map(|(.., kind)| *kind)
    };
    let command = command.mut_args(|arg| match kind(&arg) {
        Some(kind) => arg.add(ArgValueCompleter::new(move |typed: &OsStr| {
            candidates(kind, typed, as_tw)
        })),
        None => arg,
    });
    command.mut_subcommands(|inner| with_names(inner, group, as_tw))
}

fn candidates(kind: Kind, beginning: &OsStr, as_tw: bool) -> Vec<CompletionCandidate> {
    let beginning = beginning.to_string_lossy();
    let names = names::of(kind, &typed(), as_tw).unwrap_or_default();
    names
        .into_iter()
        .filter(|name| name.value.starts_with(&*beginning))
        .map(|name| CompletionCandidate::new(name.value).help(name.help.map(Into::into)))
        .collect()
}
