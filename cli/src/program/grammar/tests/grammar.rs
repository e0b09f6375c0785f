//! Every command path and option of the facts is accepted, as the facts say it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;

use clap::ArgMatches;
use clap::parser::ValueSource;
use serde::Deserialize;

/// Where the grammar differs from the facts, and why.
const DEVIATIONS: &[(&str, &str, &str)] = &[
    (
        "--workspace",
        "required",
        "a profile may name the workspace: whether there is one is seen when the command begins",
    ),
    (
        "--params-file",
        "once",
        "it may be given several times; later files win",
    ),
];

#[derive(Deserialize)]
struct Command {
    options: Vec<Fact>,
}

#[derive(Clone, Deserialize)]
struct Fact {
    names: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
    split: Option<String>,
    #[serde(default)]
    required: bool,
    default: Option<String>,
    #[serde(default)]
    negatable: bool,
    group: Option<String>,
    #[serde(default)]
    positional: bool,
    arity: Option<String>,
    #[serde(default)]
    values: Vec<String>,
}

fn facts() -> BTreeMap<String, Command> {
    let text = include_str!("../../../../tests/facts/grammar.yml");
    yaml_serde::from_str(text).unwrap()
}

impl Fact {
    fn deviates(&self, in_what: &str) -> bool {
        let of_this = |(name, what, _): &&(&str, &str, &str)| {
            *what == in_what && self.names.iter().any(|own| own == name)
        };
        DEVIATIONS.iter().any(|deviation| of_this(&deviation))
    }

    fn is_switch(&self) -> bool {
        self.kind.eq_ignore_ascii_case("boolean")
    }

    fn is_map(&self) -> bool {
        self.kind.starts_with("Map")
    }

    /// A value that may be given.
    fn sample(&self) -> &str {
        if let Some(value) = self.values.first() {
            return value;
        }
        match self.kind.trim_start_matches("List<").trim_end_matches('>') {
            "Integer" | "Long" => "3",
            "Label" => "name=value",
            "Map<String, String" => "NAME=value",
            "OutputType" => "json",
            "ComputeEnvStatus" => "AVAILABLE",
            "WorkflowStatus" => "SUCCEEDED",
            "DataStudioStatus" => "running",
            "TypeEnum" => "SPOT",
            "SchedConfig.ProvisioningModelEnum" => "spotFirst",
            "AllocStrategyEnum" => "BEST_FIT",
            "PodCleanupPolicy" => "always",
            "SeqeraComputeCloudInstanceTypeSize" => "SMALL",
            "OrgRole" => "member",
            "ParticipantType" => "TEAM",
            "NameStrategyEnum" => "tagPrefix",
            "LabelType" => "simple",
            "String" | "Path" => "text",
            other => panic!("no sample of {other}"),
        }
    }

    /// The value is a word of a fixed set.
    fn is_choice(&self) -> bool {
        let plain = ["String", "Path", "Integer", "Long", "Label", "Map"];
        !self.is_switch() && !plain.iter().any(|kind| self.kind.contains(kind))
    }

    /// The words that give the option by one of its names.
    fn words(&self, name: &str) -> Vec<String> {
        match (self.positional, self.is_switch()) {
            (true, _) => vec![self.sample().to_owned()],
            (_, true) => vec![name.to_owned()],
            _ => vec![name.to_owned(), self.sample().to_owned()],
        }
    }

    fn given(&self) -> Vec<String> {
        self.words(&self.names[0])
    }

    fn is_needed(&self) -> bool {
        let filled = self
            .arity
            .as_deref()
            .is_some_and(|arity| arity.starts_with('1'));
        (self.required || (self.positional && filled)) && self.default.is_none()
    }

    fn group_name(&self) -> Option<&str> {
        self.group.as_deref()?.split(':').next()
    }

    fn group_is(&self, what: &str) -> bool {
        self.group
            .as_deref()
            .is_some_and(|group| group.contains(what))
    }
}

/// A command of the facts, with its options and those of the commands above it.
struct Case<'a> {
    path: Vec<&'a str>,
    facts: &'a BTreeMap<String, Command>,
    /// The program, with the one group that the path is in.
    grammar: clap::Command,
}

fn case<'a>(facts: &'a BTreeMap<String, Command>, whole: &clap::Command, key: &'a str) -> Case<'a> {
    let path: Vec<_> = key.split(' ').skip(1).collect();
    let group = path.first().copied().unwrap_or("info");
    let group = whole
        .find_subcommand(group)
        .unwrap_or_else(|| panic!("there is no {group}"));
    let grammar = clap::Command::new("seqctl")
        .args(whole.get_arguments())
        .subcommand_required(true)
        .subcommand(group.clone());
    Case {
        path,
        facts,
        grammar,
    }
}

impl Case<'_> {
    fn key(&self, depth: usize) -> String {
        let path: Vec<_> = std::iter::once("tw")
            .chain(self.path[..depth].iter().copied())
            .collect();
        path.join(" ")
    }

    fn own(&self) -> &[Fact] {
        &self.facts[&self.key(self.path.len())].options
    }

    /// A line that gives all that must be given but `without`, and `with`.
    fn line(&self, without: &[&str], with: &[String]) -> Vec<String> {
        let mut line = Vec::new();
        for depth in 0..=self.path.len() {
            if depth > 0 {
                line.push(self.path[depth - 1].to_owned());
            }
            let mut groups: Vec<&str> = Vec::new();
            for fact in &self.facts[&self.key(depth)].options {
                let group = fact.group_name().filter(|_| fact.group_is(", 1"));
                let left_out = |name: &str| depth == self.path.len() && without.contains(&name);
                if left_out(&fact.names[0]) || group.is_some_and(left_out) {
                    continue;
                }
                let first = group.is_some_and(|group| !groups.contains(&group));
                groups.extend(group);
                if first || (group.is_none() && fact.is_needed()) {
                    line.extend(fact.given());
                }
            }
        }
        // A group is no command: options go to one of its own.
        if self.path.is_empty() {
            line.splice(0..0, with.iter().cloned());
            line.push("info".to_owned());
        } else {
            line.extend(with.iter().cloned());
        }
        line
    }

    fn parse(&self, line: &[String]) -> Result<ArgMatches, String> {
        let mut matches =
            crate::program::grammar::matches_of(self.grammar.clone(), "seqctl", line.to_vec())
                .map_err(|error| error.to_string())?;
        for name in &self.path {
            let inner = matches.remove_subcommand();
            let (found, inner) = inner.ok_or_else(|| format!("{name} is no command"))?;
            assert_eq!(found, *name);
            matches = inner;
        }
        Ok(matches)
    }

    fn accepts(&self, line: &[String]) -> ArgMatches {
        let parsed = self.parse(line);
        parsed.unwrap_or_else(|error| panic!("{} is refused: {error}", line.join(" ")))
    }

    fn refuses(&self, line: &[String], why: &str) {
        assert!(self.parse(line).is_err(), "{why}: {}", line.join(" "));
    }

    /// Whether the command has others below it that one must be chosen of.
    fn is_group(&self) -> bool {
        self.own().is_empty() && {
            let below = format!("{} ", self.key(self.path.len()));
            self.facts.keys().any(|key| key.starts_with(&below))
        }
    }
}

/// The values of an option that was found in the matches by a spelling of it.
fn values(case: &Case, matches: &ArgMatches, fact: &Fact) -> Vec<String> {
    let command = case.path.iter().fold(&case.grammar, |command, name| {
        command.find_subcommand(name).unwrap()
    });
    let arg = command.get_arguments().find(|arg| {
        fact.names
            .iter()
            .any(|name| match name.trim_start_matches('-') {
                long if name.starts_with("--") => {
                    arg.get_long() == Some(long)
                        || arg.get_all_aliases().is_some_and(|all| all.contains(&long))
                }
                short if name.len() == 2 => arg.get_short() == short.chars().next(),
                positional if fact.positional => {
                    arg.is_positional()
                        && arg.get_value_names().is_some_and(|names| {
                            names
                                .iter()
                                .any(|name| name.eq_ignore_ascii_case(positional))
                        })
                }
                _ => false,
            })
    });
    let arg = arg.unwrap_or_else(|| panic!("{:?} has no {:?}", case.path, fact.names));
    let id = arg.get_id().as_str();
    let raw = matches.get_raw(id).into_iter().flatten();
    raw.map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

fn given_on_the_line(case: &Case, matches: &ArgMatches, fact: &Fact) -> bool {
    let ids = matches
        .ids()
        .filter(|id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine));
    ids.count() > 0 && !values(case, matches, fact).is_empty()
}

#[test]
fn every_option_in_every_spelling() {
    let facts = facts();
    let whole = crate::program::grammar::grammar();
    assert_eq!(facts.len(), 181);
    let (mut count, mut wrong) = (0, Vec::new());
    for key in facts.keys() {
        let case = case(&facts, &whole, key);
        if !case.path.is_empty() && !case.is_group() {
            case.accepts(&case.line(&[], &[]));
        }
        for fact in case.own() {
            count += 1;
            let checked = std::panic::catch_unwind(AssertUnwindSafe(|| check(&case, fact)));
            if let Err(complaint) = checked {
                let text = complaint.downcast_ref::<String>().cloned();
                wrong.push(format!(
                    "{key} {:?}: {}",
                    fact.names,
                    text.unwrap_or_default()
                ));
            }
        }
    }
    assert_eq!(count, 1232);
    assert!(
        wrong.is_empty(),
        "{} of them:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn check(case: &Case, fact: &Fact) {
    let first = fact.names[0].as_str();
    let group = fact.group_name().unwrap_or_default();
    let without = [first, group];
    // Spellings.
    for name in &fact.names {
        let matches = case.accepts(&case.line(&without, &fact.words(name)));
        if !case.path.is_empty() {
            assert!(
                given_on_the_line(case, &matches, fact),
                "{:?} {name}",
                case.path
            );
        }
    }
    let twice = [fact.given(), fact.given()].concat();
    if fact.positional {
        if fact.arity.as_deref() == Some("1") || fact.arity.as_deref() == Some("1..*") {
            // Without it, the line ends too early.
            let line: Vec<_> = case.line(&without, &[]);
            case.refuses(&line, "needed");
        }
        return;
    }
    // Arity.
    if fact.is_switch() {
        for text in ["=true", "=FALSE"] {
            let matches = case.accepts(&case.line(&without, &[format!("{first}{text}")]));
            if !case.path.is_empty() {
                assert_eq!(values(case, &matches, fact), [text[1..].to_lowercase()]);
            }
        }
        if fact.negatable {
            let negated = format!("--no-{}", first.trim_start_matches('-'));
            let matches = case.accepts(&case.line(&without, &[negated]));
            assert_eq!(values(case, &matches, fact), ["false"]);
        }
    } else if fact.arity.as_deref() == Some("0..1") {
        case.accepts(&case.line(&without, &[first.to_owned()]));
    } else {
        case.refuses(&case.line(&without, &[first.to_owned()]), "without a value");
        // The value may be attached, and may begin with a dash.
        for name in &fact.names {
            let attached = if name.len() == 2 { "" } else { "=" };
            case.accepts(&case.line(&without, &[format!("{name}{attached}{}", fact.sample())]));
        }
        if fact.kind == "String" && !fact.is_choice() {
            case.accepts(&case.line(&without, &[first.to_owned(), "-1".to_owned()]));
        }
    }
    // Lists.
    if fact.split.is_some() {
        let sample = fact.sample();
        let words = [first, &format!("{sample},{sample}"), first, sample].map(str::to_owned);
        let matches = case.accepts(&case.line(&without, &words));
        assert_eq!(
            values(case, &matches, fact),
            [format!("{sample},{sample},{sample}")]
        );
    } else if fact.arity.as_deref() == Some("1..*") {
        let words = [first, "a", "b"].map(str::to_owned);
        let matches = case.accepts(&case.line(&without, &words));
        assert_eq!(values(case, &matches, fact), ["a", "b"]);
    } else if fact.is_map() || fact.deviates("once") {
        case.accepts(&case.line(&without, &twice));
    } else {
        case.refuses(&case.line(&without, &twice), "given twice");
    }
    // Choices, in any case.
    if fact.is_choice() {
        for text in [fact.sample().to_lowercase(), fact.sample().to_uppercase()] {
            case.accepts(&case.line(&without, &[first.to_owned(), text]));
        }
        case.refuses(
            &case.line(&without, &[first.to_owned(), "nonsense".to_owned()]),
            "unknown",
        );
        for value in &fact.values {
            case.accepts(&case.line(&without, &[first.to_owned(), value.clone()]));
        }
    }
    // Defaults.
    if let Some(default) = fact
        .default
        .as_deref()
        .filter(|text| !text.starts_with("${"))
        && !case.path.is_empty()
    {
        let matches = case.accepts(&case.line(&without, &[]));
        let found = values(case, &matches, fact);
        assert!(
            found[0].eq_ignore_ascii_case(default),
            "{:?} {first}: {found:?}",
            case.path
        );
    }
    // What must be given.
    if fact.is_needed() || (fact.required && !fact.deviates("required")) {
        case.refuses(&case.line(&without, &[]), "needed");
    }
    let Some(name) = fact.group_name() else {
        return;
    };
    if fact.group_is(", 1") {
        case.refuses(&case.line(&without, &[]), "one of the group is needed");
    }
    let others = case
        .own()
        .iter()
        .filter(|other| other.names != fact.names && other.group_name() == Some(name));
    for other in others {
        let both = case.line(&without, &[fact.given(), other.given()].concat());
        let together = fact.group_is("together") && other.group_is("together");
        if together {
            case.accepts(&both);
        } else {
            case.refuses(&both, "one of the group is enough");
        }
    }
}

#[test]
fn the_grammar_is_sound() {
    crate::program::grammar::grammar().debug_assert();
}
