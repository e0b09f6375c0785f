//! The grammar of `api`: what is the same for all operations, and the options of the one that is
//! called.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, value_parser};
use seqera::operations::{self, BodyForm, Content, Kind, List, Operation, Parameter, Place};

pub const ALL: &str = "+all";
pub const BODY: &str = "+body";
pub const FIELD: &str = "+field";
/// An operation, or a method and a path.
pub const OPERATION: &str = "words";
pub const QUERY: &str = "+query";
pub const SAVE: &str = "+save";
pub const SCHEMA: &str = "+schema";
pub const UNCHECKED: &str = "+unchecked";
pub const WORKSPACE_NAME: &str = "+workspace";
/// The parameter that all commands know as `--workspace`.
pub const WORKSPACE: &str = "workspaceId";

/// Long names of options that are no parameters.
const OWN: [&str; 8] = [
    "all",
    "body",
    "field",
    "help",
    "save",
    "schema",
    "unchecked",
    "workspace",
];

/// `api` before it is known what is called.
pub fn bare(command: Command) -> Command {
    command
        .about("Call any operation of the API")
        .long_about(
            "Call any operation of the API\n\n`seqctl api --list` shows the operations, `seqctl api --list \
             pipeline labels` those that have to do with these words, and `seqctl api list-workflows --help` \
             what one takes. A path that is newer than this program is called as `seqctl api GET /path -q \
             name=value`.",
        )
        .arg(
            Arg::new(OPERATION)
                .num_args(0..)
                .value_name("OPERATION | METHOD PATH")
                .help("An operation by its name, or a method and a path that begins with a slash"),
        )
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("List the operations that have to do with the words, or all"),
        )
        .arg(pair(QUERY, 'q', "query", "Parameter of the query of a path"))
        .arg(body())
        .arg(field("Field of the body, in JSON or as text; `a.b=1` is a field in a field"))
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
        .override_usage(
            "seqctl api OPERATION [OPTIONS]\n       seqctl api METHOD PATH [-q NAME=VALUE]...\n       \
             seqctl api --list [WORD]...",
        )
}

/// The grammar with the operation that the words call, if they call one: the others are not made.
pub fn with_operation(root: Command, words: &[String]) -> Command {
    let mut after = words.iter().skip_while(|word| *word != "api").skip(1);
    let called = after.find_map(|word| match word.starts_with('-') {
        true => None,
        false => operations::find(word),
    });
    let Some(operation) = called else {
        return root;
    };
    let unchecked = words.iter().any(|word| word == "--unchecked");
    root.mut_subcommand("api", |api| api.subcommand(command(operation, unchecked)))
}

/// `list_workflows` is `list-workflows`, `workspaceId` is `workspace-id`.
pub fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(match c {
            '_' => '-',
            c => c.to_ascii_lowercase(),
        });
    }
    kebab
}

/// An operation as a command.
fn command(operation: &'static Operation, unchecked: bool) -> Command {
    let route = format!("{} {}", operation.method, operation.path);
    let deprecated = match operation.deprecated {
        true => "\n\nDeprecated by the vendor.",
        false => "",
    };
    let description = for_terminals(operation.description);
    let about = format!(
        "{}\n\n{description}\n\n{route}{deprecated}",
        operation.summary
    );
    let name = kebab(operation.name);
    let mut spellings = vec![operation.id, operation.name];
    spellings.retain(|spelling| *spelling != name);
    let mut command = Command::new(name)
        .aliases(spellings)
        // Some operations have a parameter of that name.
        .disable_version_flag(true)
        .about(operation.summary)
        .long_about(about.replace("\n\n\n\n", "\n\n"))
        .next_line_help(true)
        .arg(
            Arg::new(UNCHECKED)
                .long("unchecked")
                .action(ArgAction::SetTrue)
                .help("Send what this program's schema does not allow: the server may be newer"),
        );
    for parameter in operation.parameters {
        command = command.arg(option(parameter, unchecked, takes_fields(operation)));
        if parameter.name == WORKSPACE && parameter.place == Place::Query {
            command = command.arg(
                Arg::new(WORKSPACE_NAME)
                    .short('w')
                    .long("workspace")
                    .conflicts_with(WORKSPACE)
                    .value_name("WORKSPACE")
                    .help("Workspace, as organization/workspace or id [default: TOWER_WORKSPACE_ID, the profile's, else your personal one]"),
            );
        }
    }
    if operation.is_paged() {
        command = command.arg(
            Arg::new(ALL)
                .long("all")
                .action(ArgAction::SetTrue)
                .help("Read every page, and print the items as one list"),
        );
    }
    if operation.content == Content::Bytes {
        command = command.arg(
            Arg::new(SAVE)
                .long("save")
                .value_name("FILE")
                .help("File to write the content to [default: standard output]"),
        );
    }
    with_body(command, operation)
}

fn with_body(command: Command, operation: &Operation) -> Command {
    let Some(described) = operation.body.filter(|body| body.form != BodyForm::Empty) else {
        return command;
    };
    let command = match described.form {
        BodyForm::Form => command,
        _ => command.arg(body()),
    };
    if matches!(described.form, BodyForm::Bytes { .. }) {
        return command;
    }
    let files: Vec<String> = (described.files.iter())
        .map(|part| format!("`{part}=PATH`"))
        .collect();
    let help = match (files.is_empty(), described.form) {
        (true, _) => "Field of the body: `a.b=1` is a field in a field, `@FILE` the text of a file"
            .to_owned(),
        (false, BodyForm::Form) => format!("Part of the form: {} uploads a file", files.join(", ")),
        (false, _) => format!("Field of the body; {} uploads a file", files.join(", ")),
    };
    command.arg(field(&help)).arg(
        Arg::new(SCHEMA)
            .long("schema")
            .action(ArgAction::SetTrue)
            .help("Print the JSON Schema of the body, and call nothing"),
    )
}

fn body() -> Arg {
    Arg::new(BODY)
        .short('f')
        .long("body")
        .value_name("FILE")
        .help("File with the body, JSON or YAML; - is standard input")
}

fn field(help: &str) -> Arg {
    pair(FIELD, 'F', "field", help)
}

fn pair(id: &'static str, short: char, long: &'static str, help: &str) -> Arg {
    Arg::new(id)
        .short(short)
        .long(long)
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .help(help.to_owned())
}

/// A parameter as an option.
fn option(parameter: &'static Parameter, unchecked: bool, has_schema: bool) -> Arg {
    let name = kebab(parameter.name);
    let long = match OWN.contains(&name.as_str()) {
        true => format!("{name}-parameter"),
        false => name,
    };
    let arg = Arg::new(parameter.name)
        .long(long)
        .help(for_terminals(parameter.description));
    // Where it is, all commands say in the same way.
    let given_otherwise = parameter.name == WORKSPACE && parameter.place == Place::Query;
    let arg = match parameter.required && !given_otherwise {
        // The schema is shown without a call.
        true if has_schema => arg.required_unless_present(SCHEMA),
        true => arg.required(true),
        false => arg,
    };
    let arg = match parameter.list {
        Some(list) => {
            let arg = arg.action(ArgAction::Append);
            match list {
                List::Joined => arg.value_delimiter(','),
                List::Repeated => arg,
            }
        }
        None => arg.action(ArgAction::Set),
    };
    match parameter.kind {
        _ if unchecked => arg,
        Kind::Text if !parameter.values.is_empty() => {
            let known = PossibleValuesParser::new(parameter.values);
            arg.value_name("WORD").value_parser(known)
        }
        Kind::Boolean => arg.value_parser(value_parser!(bool)),
        Kind::Integer => arg.value_name("NUMBER"),
        Kind::Timestamp => arg.value_name("TIME"),
        _ => arg.value_name("TEXT"),
    }
}

/// Whether an operation takes a body that has fields, and so a schema.
fn takes_fields(operation: &Operation) -> bool {
    (operation.body)
        .is_some_and(|body| !matches!(body.form, BodyForm::Empty | BodyForm::Bytes { .. }))
}

/// Our documentation for who types commands: operations by their commands, pages of the guide by their
/// address, paragraphs as wide as the terminal.
fn for_terminals(text: &str) -> String {
    let text = unwrapped(text);
    let segments = text.split('`').enumerate().map(|(index, segment)| {
        match (
            index % 2,
            operations::find(segment),
            segment.strip_prefix("guide::"),
        ) {
            (0, ..) => segment.to_owned(),
            (_, Some(operation), _) if is_name(segment) => format!("`{}`", kebab(operation.name)),
            (.., Some(page)) => format!("https://docs.rs/seqera/latest/seqera/guide/{page}"),
            _ => format!("`{segment}`"),
        }
    });
    segments.collect()
}

/// A text with a line for each paragraph, entry of a list and row of a table.
fn unwrapped(text: &str) -> String {
    let mut joined = String::new();
    for line in text.lines() {
        let begins = line.starts_with(['-', '*', '|', ' ', '#']) || line.is_empty();
        let after_text = !joined.is_empty() && !joined.ends_with('\n');
        if after_text {
            joined.push(if begins { '\n' } else { ' ' });
        }
        joined.push_str(line);
        if line.is_empty() {
            joined.push('\n');
        }
    }
    joined
}

/// Whether a text is written as operations are: `ListWorkflows`, `list_workflows`.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_uppercase()) || text.contains('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_a_command_that_clap_takes() {
        for operation in operations::all() {
            for unchecked in [false, true] {
                let root = Command::new("seqctl").subcommand(bare(Command::new("api")));
                let words = ["api".to_owned(), kebab(operation.name)];
                let mut root = with_operation(root, &words);
                if unchecked {
                    root = root.mut_subcommand("api", |api| {
                        api.mut_subcommand(kebab(operation.name), |_| command(operation, true))
                    });
                }
                root.debug_assert();
            }
            assert_eq!(
                operations::find(&kebab(operation.name)).map(|found| found.id),
                Some(operation.id)
            );
        }
    }

    #[test]
    fn documentation_is_for_who_types_commands() {
        let text = "As `ListWorkspacesUser` reports it, see `search`.";
        assert_eq!(
            for_terminals(text),
            "As `list-workspaces-user` reports it, see `search`."
        );
        assert_eq!(
            for_terminals(
                "One line\nand another.\n\nA list:\n- one\n- two\n\nSee `guide::search`."
            ),
            "One line and another.\n\nA list:\n- one\n- two\n\nSee \
             https://docs.rs/seqera/latest/seqera/guide/search."
        );
        assert_eq!(kebab("headJobCpus"), "head-job-cpus");
    }
}
