//! Files into rules: all mistakes at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::fields::{Fields, Notes};
use super::{
    Action, Cancel, Collect, Command, DataLink, Existing, Files, Item, Label, Limit, Missed,
    Notify, On, Reading, Relaunch, Rule, Rules, Run, Schedule, Step, Webhook, cycles,
};
use crate::kit::yaml::{self, Content, Node};
use crate::kit::{self, Error, Mark, Place, Problem, Result, Secrets};
use crate::rules::pattern;
use crate::rules::template::{self, Expression};
use crate::values::TextFile;

/// How often is looked where a rule says nothing.
const LOOK: Duration = Duration::from_secs(300);
const LOOK_AT_RUNS: Duration = Duration::from_secs(60);
/// How long a file has to stay as it is where a rule says nothing, and its name has a wildcard.
const SETTLED: Duration = Duration::from_secs(600);
const SECOND: Duration = Duration::from_secs(1);

/// The statuses that runs are watched for.
const STATUSES: [(&str, &str); 6] = [
    ("SUBMITTED", "SUBMITTED"),
    ("RUNNING", "RUNNING"),
    ("SUCCEEDED", "SUCCEEDED"),
    ("FAILED", "FAILED"),
    ("CANCELLED", "CANCELLED"),
    ("UNKNOWN", "UNKNOWN"),
];

/// What a rule may watch.
const WATCHED: [&str; 5] = ["files", "data-link", "run", "schedule", "webhook"];

/// What a rule may do.
const ACTIONS: [&str; 9] = [
    "collect", "launch", "relaunch", "dataset", "studio", "cancel", "label", "notify", "command",
];

impl Reading {
    /// Reads files, and all files below folders; `-` is standard input.
    ///
    /// # Errors
    /// A file can't be read, or mistakes are in them: all of them.
    pub fn read(&self, names: &[PathBuf]) -> Result<Rules> {
        let mut texts = Vec::new();
        for path in kit::files(names)? {
            let text = TextFile(path.clone()).read().map_err(Error::other)?;
            texts.push((path.display().to_string(), text));
        }
        self.read_texts(&texts)
    }

    /// Reads texts, each with the name of its file.
    ///
    /// # Errors
    /// Mistakes are in them: all of them.
    pub fn read_texts(&self, texts: &[(String, String)]) -> Result<Rules> {
        let mut notes = Notes {
            variables: &self.variables,
            file: Arc::from(""),
            problems: Vec::new(),
            secrets: Secrets::default(),
        };
        let mut rules = Rules::default();
        for (name, text) in texts {
            notes.file = Arc::from(name.as_str());
            let documents = match yaml::read(text) {
                Ok(documents) => documents,
                Err(wrong) => {
                    notes.complain(wrong.mark, wrong.text);
                    continue;
                }
            };
            if documents.is_empty() {
                rules.notes.push(format!("{name} says nothing"));
            }
            for document in documents {
                read_document(self, &mut notes, &document, &mut rules);
            }
        }
        find_doubles(&rules.rules, &mut notes.problems);
        notes.problems.extend(cycles::find(&rules.rules));
        let Notes {
            mut problems,
            secrets,
            ..
        } = notes;
        rules.secrets = secrets;
        rules.variables = self.variables.clone();
        if problems.is_empty() {
            return Ok(rules);
        }
        for problem in &mut problems {
            problem.text = rules.secrets.hide(&problem.text);
        }
        problems.sort();
        problems.dedup();
        Err(Error::Invalid(problems))
    }
}

fn read_document(reading: &Reading, notes: &mut Notes<'_>, document: &Rc<Node>, rules: &mut Rules) {
    let Some(mut fields) = Fields::of(notes, "the file", document) else {
        return;
    };
    let workspace = fields
        .text("workspace")
        .or_else(|| reading.workspace.clone());
    match fields.node("rules") {
        None => fields.missing("rules"),
        Some(node) => match &node.content {
            Content::List(items) => {
                for item in items {
                    let read = read_rule(
                        reading,
                        fields.notes(),
                        item,
                        workspace.as_deref(),
                        rules.rules.len(),
                    );
                    if let Some((rule, said)) = read {
                        rules.notes.extend(said);
                        rules.rules.push(rule);
                    }
                }
            }
            _ => fields.complain(node.mark, "`rules` takes a list of rules"),
        },
    }
    fields.end();
}

fn find_doubles(rules: &[Rule], problems: &mut Vec<Problem>) {
    let mut names: BTreeMap<&str, &Place> = BTreeMap::new();
    let mut hooks: BTreeMap<&str, (&str, &Place)> = BTreeMap::new();
    for rule in rules {
        if let Some(first) = names.get(rule.name.as_str()) {
            problems.push(Problem {
                place: rule.place.clone(),
                text: format!("there is a rule `{}` already: at {first}", rule.name),
            });
        }
        names.entry(&rule.name).or_insert(&rule.place);
        let On::Webhook(hook) = &rule.on else {
            continue;
        };
        match hooks.get(hook.path.as_str()) {
            Some((secret, first)) if *secret != hook.secret => problems.push(Problem {
                place: rule.place.clone(),
                text: format!("`{}` has another secret at {first}", hook.path),
            }),
            _ => drop(hooks.insert(&hook.path, (&hook.secret, &rule.place))),
        }
    }
}

fn read_rule(
    reading: &Reading,
    notes: &mut Notes<'_>,
    node: &Rc<Node>,
    workspace: Option<&str>,
    number: usize,
) -> Option<(Rule, Vec<String>)> {
    let place = notes.place(node.mark);
    let mut fields = Fields::of(notes, "rules", node)?;
    let name = fields.text("name");
    match &name {
        None => fields.missing("name"),
        Some(name) if name.len() > 100 || name.chars().any(char::is_control) => {
            fields.complain(node.mark, "`name` takes a line of at most 100 characters");
        }
        Some(_) => {}
    }
    let workspace = fields
        .text("workspace")
        .or_else(|| workspace.map(str::to_owned));
    let on = match fields.node("on") {
        Some(node) => read_on(fields.notes(), &node),
        // YAML 1.1 has `on` for true, as a value; a key stays as it is written.
        None => {
            fields.missing("on");
            None
        }
    };
    let mut names = names_of(on.as_ref());
    let when = fields.node("when").and_then(|node| match &node.content {
        Content::Scalar(Value::String(text)) => {
            let expression = Expression(text.clone());
            if let Err(wrong) = expression.check(&names) {
                fields.complain(node.mark, wrong.0);
            }
            Some(expression)
        }
        Content::Scalar(Value::Bool(truth)) => Some(Expression(truth.to_string())),
        _ => {
            fields.complain(
                node.mark,
                "`when` takes an expression, such as `event.size > 0`",
            );
            None
        }
    });
    let limit = match fields.node("limit") {
        Some(node) => read_limit(fields.notes(), &node),
        None => Limit::default(),
    };
    let mut actions: Vec<(String, Mark, Rc<Node>)> = Vec::new();
    for key in fields.keys() {
        let known = ACTIONS.iter().find(|word| **word == key);
        if let Some(word) = known
            && let Some(node) = fields.node(word)
        {
            actions.push((key, node.mark, node));
        } else if key == "then"
            && let Some(node) = fields.node("then")
        {
            read_list(fields.notes(), &node, &mut actions);
        }
    }
    // So that they are offered where a key is none of them.
    for word in ACTIONS.iter().chain(&["then"]) {
        let _ = fields.node(word);
    }
    if actions.is_empty() {
        let text = format!("a rule does something: {}", ACTIONS.join(", "));
        fields.complain(node.mark, text);
    }
    let mut said = Vec::new();
    let mut then = Vec::new();
    for (word, mark, node) in actions {
        let place = fields.notes().place(mark);
        let mut work = ActionReader {
            reading,
            notes: fields.notes(),
            names: &names,
            of_run: matches!(on, Some(On::Run(_))),
            said: &mut said,
        };
        if let Some(action) = work.read(&word, &node) {
            names.push(action.made());
            then.push(Step { action, place });
        }
    }
    fields.end();
    let rule = Rule {
        // Without a name it is told already; others are still compared with it.
        name: name.unwrap_or_else(|| format!("#{number}")),
        workspace,
        on: on?,
        when,
        limit,
        then,
        place,
    };
    Some((rule, said))
}

/// What templates of a rule may name.
fn names_of(on: Option<&On>) -> Vec<&'static str> {
    let more: &[&'static str] = match on {
        Some(On::Files(_) | On::DataLink(_)) => &["file"],
        Some(On::Run(_)) => &["run"],
        Some(On::Schedule(_)) => &[],
        Some(On::Webhook(_)) => &["body", "headers"],
        None => &["file", "run", "body", "headers"],
    };
    [&["event", "rule"], more].concat()
}

fn read_list(notes: &mut Notes<'_>, node: &Rc<Node>, actions: &mut Vec<(String, Mark, Rc<Node>)>) {
    let Content::List(items) = &node.content else {
        notes.complain(node.mark, "`then` takes a list of actions");
        return;
    };
    for item in items {
        match &item.content {
            Content::Map(entries) if entries.len() == 1 => {
                for entry in entries {
                    actions.push((entry.key.clone(), entry.mark, entry.node.clone()));
                }
            }
            _ => notes.complain(
                item.mark,
                "each item of `then` is one action with what it takes",
            ),
        }
    }
}

fn read_limit(notes: &mut Notes<'_>, node: &Rc<Node>) -> Limit {
    let Some(mut fields) = Fields::of(notes, "limit", node) else {
        return Limit::default();
    };
    let limit = Limit {
        at_once: fields.count("at_once"),
        per_hour: fields.count("per_hour"),
    };
    fields.end();
    limit
}

fn read_on(notes: &mut Notes<'_>, node: &Rc<Node>) -> Option<On> {
    let mut fields = Fields::of(notes, "on", node)?;
    let given: Vec<_> = WATCHED.iter().filter(|word| fields.has(word)).collect();
    let on = match given.as_slice() {
        [word] => match **word {
            "files" => read_files(&mut fields).map(On::Files),
            "data-link" => read_data_link(&mut fields).map(On::DataLink),
            "run" => read_run(&mut fields).map(On::Run),
            "schedule" => read_schedule(&mut fields).map(On::Schedule),
            _ => read_webhook(&mut fields).map(On::Webhook),
        },
        _ => {
            let text = format!("`on` says one of {}", WATCHED.join(", "));
            fields.complain(node.mark, text);
            if given.is_empty() {
                for word in WATCHED {
                    let _ = fields.node(word);
                }
                fields.end();
            }
            return None;
        }
    };
    fields.end();
    on
}

const EXISTING: [(&str, Existing); 2] =
    [("ignore", Existing::Ignore), ("launch", Existing::Launch)];

fn settled(fields: &mut Fields<'_, '_>, pattern: &str) -> Duration {
    let said = fields.span("settled", Duration::ZERO);
    said.unwrap_or(match pattern::has_wildcard(pattern::last(pattern)) {
        true => SETTLED,
        false => Duration::ZERO,
    })
}

/// A pattern of paths, if it is one.
fn read_pattern(fields: &mut Fields<'_, '_>, key: &'static str) -> Option<String> {
    let text = fields.text(key)?;
    if let Err(problem) = pattern::check(&text) {
        let mark = fields.node(key).map_or(fields.mark, |node| node.mark);
        fields.complain(mark, format!("`{key}`: {problem}"));
        return None;
    }
    Some(text)
}

fn read_files(fields: &mut Fields<'_, '_>) -> Option<Files> {
    let pattern = read_pattern(fields, "files");
    let settled = settled(fields, pattern.as_deref().unwrap_or_default());
    let every = fields.span("every", SECOND).unwrap_or(LOOK);
    let existing = fields.choice("existing", &EXISTING).unwrap_or_default();
    Some(Files {
        pattern: pattern?,
        every,
        settled,
        existing,
    })
}

fn read_data_link(fields: &mut Fields<'_, '_>) -> Option<DataLink> {
    let name = fields.text("data-link");
    let path = read_pattern(fields, "path");
    if !fields.has("path") {
        fields.missing("path");
    }
    let settled = settled(fields, path.as_deref().unwrap_or_default());
    let every = fields.span("every", SECOND).unwrap_or(LOOK);
    let existing = fields.choice("existing", &EXISTING).unwrap_or_default();
    Some(DataLink {
        name: name?,
        path: path?,
        every,
        settled,
        existing,
    })
}

fn read_run(fields: &mut Fields<'_, '_>) -> Option<Run> {
    let every = fields.span("every", SECOND).unwrap_or(LOOK_AT_RUNS);
    let Some(node) = fields.node("run") else {
        // Any run that ends.
        return Some(Run {
            every,
            ..Run::default()
        });
    };
    let mut of_run = Fields::of(fields.notes(), "run", &node)?;
    let plain = |texts: Vec<(String, Mark)>| texts.into_iter().map(|(text, _)| text).collect();
    let pipeline = plain(of_run.texts("pipeline"));
    let labels = plain(of_run.texts("labels"));
    let exit = of_run.numbers("exit");
    let mut status = Vec::new();
    for (text, mark) in of_run.texts("status") {
        match STATUSES
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text.trim()))
        {
            Some((word, _)) => status.push((*word).to_owned()),
            None => {
                let words = STATUSES.iter().map(|(word, _)| *word);
                let near = kit::nearest(&text, words.clone());
                let near = near
                    .map(|near| format!(" (is `{near}` meant?)"))
                    .unwrap_or_default();
                let all = words.collect::<Vec<_>>().join(", ");
                of_run.complain(mark, format!("`{text}` of `status` is none of {all}{near}"));
            }
        }
    }
    of_run.end();
    Some(Run {
        pipeline,
        status,
        labels,
        exit,
        every,
    })
}

fn read_schedule(fields: &mut Fields<'_, '_>) -> Option<Schedule> {
    let cron = fields.text("schedule");
    let mark = fields
        .node("schedule")
        .map_or(fields.mark, |node| node.mark);
    if let Some(cron) = &cron
        && let Err(problem) = super::parse_cron(cron)
    {
        fields.complain(mark, format!("`schedule`: {problem}"));
    }
    let timezone = match fields.text("timezone") {
        None => chrono_tz::UTC,
        Some(name) => match name.parse() {
            Ok(zone) => zone,
            Err(_) => {
                let mark = fields
                    .node("timezone")
                    .map_or(fields.mark, |node| node.mark);
                let near =
                    kit::nearest(&name, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()));
                let near = near
                    .map(|near| format!(": is `{near}` meant?"))
                    .unwrap_or_default();
                fields.complain(mark, format!("`{name}` is no time zone{near}"));
                chrono_tz::UTC
            }
        },
    };
    let words = [
        ("once", Missed::Once),
        ("all", Missed::All),
        ("skip", Missed::Skip),
    ];
    let missed = fields.choice("missed", &words).unwrap_or_default();
    Some(Schedule {
        cron: cron?,
        timezone,
        missed,
    })
}

fn read_webhook(fields: &mut Fields<'_, '_>) -> Option<Webhook> {
    let path = fields.text("webhook");
    let secret = fields.secret("secret");
    if let Some(path) = &path {
        let fits = path.starts_with('/')
            && path.len() > 1
            && !path.contains("//")
            && path
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte));
        let own = ["/metrics", "/healthz"].contains(&path.as_str());
        if !fits || own {
            let mark = fields.node("webhook").map_or(fields.mark, |node| node.mark);
            let text = match own {
                true => format!("`{path}` is an address of the page's own"),
                false => format!("`webhook` takes a path such as `/lims`, not `{path}`"),
            };
            fields.complain(mark, text);
        }
    }
    if !fields.has("secret") {
        fields.missing("secret");
    }
    Some(Webhook {
        path: path?,
        secret: secret?,
    })
}

/// Reads actions, which see what former ones made.
struct ActionReader<'a, 'b> {
    reading: &'a Reading,
    notes: &'a mut Notes<'b>,
    names: &'a [&'static str],
    of_run: bool,
    said: &'a mut Vec<String>,
}

impl ActionReader<'_, '_> {
    fn read(&mut self, word: &str, node: &Rc<Node>) -> Option<Action> {
        match word {
            "collect" => self.collect(node).map(Action::Collect),
            "launch" => self.launch(node).map(Action::Launch),
            "dataset" => self.item("datasets", node).map(Action::Dataset),
            "studio" => self.item("studios", node).map(Action::Studio),
            "relaunch" => self.relaunch(node).map(Action::Relaunch),
            "cancel" => self.cancel(node).map(Action::Cancel),
            "label" => self.label(node).map(Action::Label),
            "notify" => self.notify(node).map(Action::Notify),
            "command" => self.command(node).map(Action::Command),
            _ => {
                let near = kit::nearest(word, ACTIONS);
                let hint = match near {
                    Some(near) => format!("is `{near}` meant?"),
                    None => format!("there are {}", ACTIONS.join(", ")),
                };
                self.notes
                    .complain(node.mark, format!("`{word}` is no action: {hint}"));
                None
            }
        }
    }

    /// An item of a set-up: its keys, and the templates in them.
    fn item(&mut self, block: &'static str, node: &Rc<Node>) -> Option<Item> {
        if !matches!(node.content, Content::Map(_)) {
            self.notes.complain(
                node.mark,
                format!("an item of `{block}` is a map of its keys"),
            );
            return None;
        }
        let reading = kit::Reading {
            variables: self.reading.variables.clone(),
            ..kit::Reading::default()
        };
        let item = reading.template(block, node, &self.notes.file);
        let is_right = item.problems.is_empty();
        self.notes.problems.extend(item.problems);
        self.notes.secrets.extend(item.secrets);
        self.said.extend(item.notes);
        if let Content::Map(entries) = &node.content {
            for entry in entries {
                self.check(&entry.node);
            }
        }
        is_right.then(|| Item {
            block,
            fields: item.fields,
            place: self.notes.place(node.mark),
        })
    }

    /// Looks for mistakes in the templates of a value.
    fn check(&mut self, node: &Rc<Node>) {
        match &node.content {
            Content::Scalar(value) => {
                if let Err(wrong) = template::check(value, self.names) {
                    self.notes.complain(node.mark, wrong.0);
                }
            }
            Content::List(items) => items.iter().for_each(|item| self.check(item)),
            Content::Map(entries) => entries.iter().for_each(|entry| self.check(&entry.node)),
        }
    }

    fn launch(&mut self, node: &Rc<Node>) -> Option<Item> {
        let item = self.item("launch", node)?;
        let given = ["pipeline", "url"]
            .iter()
            .filter(|key| item.fields.contains_key(**key));
        let text = match given.count() {
            1 => return Some(item),
            0 => "`pipeline` of `launch` must be given",
            _ => "give either `pipeline` or `url`",
        };
        self.notes.complain(node.mark, text);
        None
    }

    fn collect(&mut self, node: &Rc<Node>) -> Option<Collect> {
        let names = self.names;
        let in_rows = [names, &["file", "files"]].concat();
        let mut fields = Fields::of(self.notes, "collect", node)?;
        let files = fields.template("files", names, false);
        let rows = fields.templates("rows", &in_rows, false);
        let dataset = fields.template("dataset", names, false);
        let at_least = fields.count("at_least").unwrap_or(1);
        for (key, there) in [
            ("files", files.is_some()),
            ("rows", !rows.is_empty()),
            ("dataset", dataset.is_some()),
        ] {
            if !there {
                fields.missing(key);
            }
        }
        fields.end();
        Some(Collect {
            files: files?,
            rows,
            dataset: dataset?,
            at_least: usize::try_from(at_least).unwrap_or(1),
        })
    }

    /// Tells that an action of a run is in a rule of none; else that it is the event's.
    fn run(fields: &mut Fields<'_, '_>, names: &[&str], of_run: bool) -> String {
        let run = fields.template("run", names, false);
        if run.is_none() && !of_run {
            fields.missing("run");
        }
        run.unwrap_or_else(|| "{{ run.id }}".to_owned())
    }

    fn relaunch(&mut self, node: &Rc<Node>) -> Option<Relaunch> {
        const OWN: [&str; 4] = ["run", "resume", "at_most", "after"];
        let Content::Map(entries) = &node.content else {
            self.notes.complain(node.mark, "`relaunch` takes a map");
            return None;
        };
        // Its own keys, and those of a launch.
        let (own, of_launch): (Vec<_>, Vec<_>) = entries
            .iter()
            .cloned()
            .partition(|entry| OWN.contains(&entry.key.as_str()));
        let part = |entries| Rc::new(Node::map(node.mark, entries));
        let item = self.item("launch", &part(of_launch));
        let (names, of_run) = (self.names, self.of_run);
        let mut fields = Fields::of(self.notes, "relaunch", &part(own))?;
        let run = Self::run(&mut fields, names, of_run);
        let resume = fields.truth("resume").unwrap_or(true);
        let at_most = fields.count("at_most").unwrap_or(1);
        let after = fields.span("after", Duration::ZERO).unwrap_or_default();
        Some(Relaunch {
            run,
            resume,
            at_most,
            after,
            fields: item?.fields,
        })
    }

    fn cancel(&mut self, node: &Rc<Node>) -> Option<Cancel> {
        let (names, of_run) = (self.names, self.of_run);
        let mut fields = Fields::of(self.notes, "cancel", node)?;
        let run = Self::run(&mut fields, names, of_run);
        fields.end();
        Some(Cancel { run })
    }

    fn label(&mut self, node: &Rc<Node>) -> Option<Label> {
        let (names, of_run) = (self.names, self.of_run);
        let mut fields = Fields::of(self.notes, "label", node)?;
        let label = Label {
            run: Self::run(&mut fields, names, of_run),
            add: fields.template_texts("add", names),
            remove: fields.template_texts("remove", names),
        };
        if label.add.is_empty() && label.remove.is_empty() {
            fields.complain(node.mark, "`label` says what to `add` or `remove`");
        }
        fields.end();
        Some(label)
    }

    fn notify(&mut self, node: &Rc<Node>) -> Option<Notify> {
        let names = self.names;
        let mut fields = Fields::of(self.notes, "notify", node)?;
        let post = fields.template("post", names, true);
        if post.is_none() {
            fields.missing("post");
        }
        let json = fields.node("json");
        let json = json.map(|node| fields.notes().value(&node, names, false));
        let text = fields.template("text", names, false);
        if json.is_some() == text.is_some() {
            fields.complain(node.mark, "`notify` says either `json` or `text`");
        }
        let headers = fields.templates("headers", names, true);
        fields.end();
        Some(Notify {
            post: post?,
            json,
            text,
            headers,
        })
    }

    fn command(&mut self, node: &Rc<Node>) -> Option<Command> {
        const LONGEST: Duration = Duration::from_secs(600);
        let names = self.names;
        if matches!(node.content, Content::List(_)) {
            // The words alone.
            let entry = yaml::Entry {
                key: "run".to_owned(),
                mark: node.mark,
                node: node.clone(),
            };
            return self.command(&Rc::new(Node::map(node.mark, vec![entry])));
        }
        let mut fields = Fields::of(self.notes, "command", node)?;
        let words = fields.template_texts("run", names);
        if words.is_empty() {
            fields.missing("run");
        }
        let folder = fields.template("folder", names, false);
        let timeout = fields.span("timeout", SECOND).unwrap_or(LONGEST);
        fields.end();
        Some(Command {
            words,
            folder,
            timeout,
        })
    }
}
