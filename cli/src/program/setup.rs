//! `plan`, `apply`, `diff`, `delete`, `export`, `validate`: set-up as YAML.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::kit::{
    Action, Ended, Error, Export, Kit, OnExists, Options, Outcome, Plan, Reading, Set, State, Step,
    Variables,
};
use crate::options::InWorkspace;
use crate::output::{Answer, View};
use crate::values::List;

/// Files that say a set-up, and how they are read.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
pub struct Files {
    /// Files and folders of YAML; - is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only this block, or only its items of these names: KIND or KIND=NAME,… May be given several
    /// times
    #[arg(long, value_name = "KIND[=NAME,…]")]
    target: Vec<String>,
    /// Only these blocks, separated by commas
    #[arg(long)]
    targets: Option<List<String>>,
    /// YAML file with variables for the files
    #[arg(long)]
    env_file: Option<PathBuf>,
    /// What to do with existing items, whatever the files say: fail, ignore, overwrite or update
    #[arg(long)]
    on_exists: Option<String>,
    /// The same as --on-exists=overwrite
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    #[serde(flatten)]
    workspace: InWorkspace,
}

/// How a plan is made.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
pub struct Planning {
    /// Delete and create again what differs in fields that can't be changed
    #[arg(long)]
    replace: bool,
    /// Send secrets, which can't be compared, again
    #[arg(long)]
    update_secrets: bool,
    /// Do not launch again what was launched under this key before; the state file remembers it
    #[arg(long, value_name = "KEY")]
    launch_once: Option<String>,
    /// State file, for what the Platform can't tell [default: seqctl-state.json, where it is
    /// needed]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Keep fingerprints of secrets in the state file, and so see when they change
    #[arg(long)]
    remember_secrets: bool,
}

/// Show what `apply` would do
#[derive(Args, Debug)]
pub struct ShowPlan {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    planning: Planning,
    /// Show what needs no change, too
    #[arg(long)]
    all: bool,
    /// End with 10 where something would change
    #[arg(long)]
    exit_code: bool,
    /// Write the plan to a file, for `apply`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Set the Platform up as files say, or carry out a plan that was written to a file
#[derive(Args, Debug)]
pub struct Apply {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    planning: Planning,
    /// Only show what would happen
    #[arg(short, long = "dryrun")]
    dryrun: bool,
    /// Delete what the files name, as `delete` does
    #[arg(long)]
    delete: bool,
    /// Print JSON, as `-o json` does
    #[arg(short, long)]
    json: bool,
    /// Check the connection, as `info` does
    #[arg(short, long)]
    info: bool,
    /// Taken for the sake of scripts, and without effect
    #[arg(short, long, hide = true)]
    log_level: Option<String>,
}

/// Delete what files of a set-up name
#[derive(Args, Debug)]
pub struct Delete {
    #[command(flatten)]
    files: Files,
    /// Only show what would happen
    #[arg(short, long = "dryrun")]
    dryrun: bool,
}

/// Check files of a set-up, without the network
#[derive(Args, Debug)]
pub struct Validate {
    #[command(flatten)]
    files: Files,
}

/// Write the set-up of workspaces and organizations to files
#[derive(Args, Debug)]
pub struct ExportTo {
    /// Workspaces, as organization/workspace; may be given several times
    #[arg(short, long)]
    workspace: Vec<String>,
    /// Organizations; may be given several times
    #[arg(long)]
    organization: Vec<String>,
    /// Only these kinds, separated by commas
    #[arg(long)]
    kinds: Option<List<String>>,
    /// Folder to write to
    #[arg(long, default_value = "setup")]
    dir: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    force: bool,
}

impl Files {
    fn reading(&self, context: &Context) -> Result<Reading> {
        let variables = Variables::of_environment(self.env_file.as_deref());
        let variables = variables.map_err(Failure::failed)?;
        let on_exists = match (&self.on_exists, self.overwrite) {
            (Some(text), _) => Some(text.parse::<OnExists>().map_err(Failure::failed)?),
            (None, true) => Some(OnExists::Overwrite),
            (None, false) => None,
        };
        let mut targets: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
        for target in &self.target {
            match target.split_once('=') {
                None => drop(targets.insert(target.clone(), None)),
                Some((block, names)) => {
                    let names = names.split(',').map(|name| name.trim().to_owned());
                    let known = targets
                        .entry(block.to_owned())
                        .or_insert_with(|| Some(Vec::new()));
                    if let Some(known) = known {
                        known.extend(names);
                    }
                }
            }
        }
        let said = self.workspace.workspace.as_deref();
        let blocks = self.targets.iter().flat_map(|list| &list.0);
        Ok(Reading {
            variables,
            workspace: said.or(context.default_workspace()).map(str::to_owned),
            on_exists,
            blocks: blocks.map(|block| block.trim().to_owned()).collect(),
            targets,
        })
    }

    fn read(&self, context: &Context) -> Result<Set> {
        let mut files = self.files.clone();
        if files.is_empty() {
            if std::io::stdin().is_terminal() {
                return Err(Failure::usage(
                    "Give files or folders of YAML, or - for standard input",
                ));
            }
            files.push("-".into());
        }
        let set = self.reading(context)?.read(&files)?;
        for note in &set.notes {
            context.note(note);
        }
        Ok(set)
    }
}

impl Planning {
    fn kit(&self, context: &Context) -> Result<Kit> {
        let options = Options {
            replace: self.replace,
            update_secrets: self.update_secrets,
            launch_once: self.launch_once.clone(),
            ..Options::default()
        };
        Ok(Kit::new(context.client()?.clone(), options))
    }

    fn state(&self) -> Result<Option<State>> {
        let needed = self.launch_once.is_some() || self.remember_secrets;
        let path = self
            .state
            .clone()
            .or(needed.then(|| "seqctl-state.json".into()));
        let open = |path: PathBuf| State::open(&path, self.remember_secrets);
        Ok(path.map(open).transpose()?)
    }
}

/// A plan in a file: what it was made of, and what it said.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    seqctl_plan: u32,
    files: Files,
    planning: Planning,
    endpoint: String,
    fingerprint: String,
    plan: Value,
}

impl ShowPlan {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let set = self.files.read(context)?;
        let state = self.planning.state()?;
        let plan = self
            .planning
            .kit(context)?
            .plan(&set, state.as_ref())
            .await?;
        if let Some(path) = &self.out {
            let written = Written {
                seqctl_plan: 1,
                files: self.files.clone(),
                planning: self.planning.clone(),
                endpoint: context.endpoint().to_owned(),
                fingerprint: plan.fingerprint(&set),
                plan: plan.value(),
            };
            let text = serde_json::to_string_pretty(&written)?;
            std::fs::write(path, text).map_err(|error| {
                Failure::failed(format!("{} can't be written: {error}", path.display()))
            })?;
        }
        show_plan(context, &plan, self.all)?;
        Ok(match self.exit_code && !plan.is_empty() {
            true => Exit::Changes,
            false => Exit::Done,
        })
    }
}

fn show_plan(context: &Context, plan: &Plan, all: bool) -> Result<Exit> {
    let mut text = String::new();
    for step in &plan.steps {
        let stays = step.action == Action::Ignore && step.note.is_some();
        if all || stays || !matches!(step.action, Action::Same | Action::Ignore) {
            write_step(step, &mut text);
        }
    }
    text.push_str(&summary(plan));
    context.show(&Answer::new(plan.value(), View::Text(text)))
}

fn write_step(step: &Step, text: &mut String) {
    let _ = write!(text, "{:>3} {}", step.action.sign(), step.label());
    if let Some(note) = &step.note {
        let _ = write!(text, ": {note}");
    }
    text.push('\n');
    for change in &step.changes {
        let immutable = if change.immutable {
            " (can't be changed)"
        } else {
            ""
        };
        let (old, new) = (shown(&change.old), shown(&change.new));
        let is_of_lines = [&change.old, &change.new]
            .iter()
            .any(|value| value.as_str().is_some_and(|text| text.contains('\n')));
        if is_of_lines {
            let _ = writeln!(text, "      {}:{immutable}", change.field);
            write_lines(&change.old, &change.new, text);
        } else {
            let _ = writeln!(text, "      {}: {old} -> {new}{immutable}", change.field);
        }
    }
}

/// Writes the lines that differ.
fn write_lines(old: &Value, new: &Value, text: &mut String) {
    let lines = |value: &Value| value.as_str().unwrap_or_default().trim_end().to_owned();
    let (old, new) = (lines(old), lines(new));
    for change in similar::TextDiff::from_lines(&old, &new).iter_all_changes() {
        let sign = match change.tag() {
            similar::ChangeTag::Equal => continue,
            similar::ChangeTag::Delete => '-',
            similar::ChangeTag::Insert => '+',
        };
        let line = change.value().trim_end();
        let _ = writeln!(text, "        {sign} {line}");
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(nothing)".to_owned(),
        Value::String(text) if text.is_empty() => value.to_string(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return format!(
            "No change: {} items are as the files say.",
            plan.steps.len()
        );
    }
    let table = [
        (Action::Create, "to make"),
        (Action::Update, "to change"),
        (Action::Replace, "to make anew"),
        (Action::Launch, "to launch"),
        (Action::Delete, "to delete"),
        (Action::Immutable, "that can't be changed"),
        (Action::Refused, "refused"),
        (Action::Same, "as the files say"),
        (Action::Ignore, "left alone"),
    ];
    let counts = table.iter().filter_map(|(action, words)| {
        let count = plan.count(*action);
        (count > 0).then(|| format!("{count} {words}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}

impl Apply {
    pub async fn run(mut self, context: &Context) -> Result<Exit> {
        if self.info {
            return crate::commands::info::run(context).await;
        }
        let mut fingerprint = None;
        if let [path] = self.files.files.as_slice()
            && let Some(written) = read_plan(path)?
        {
            if written.endpoint != context.endpoint() {
                return Err(Failure::failed(format!(
                    "The plan is of {}",
                    written.endpoint
                )));
            }
            (self.files, self.planning) = (written.files, written.planning);
            fingerprint = Some(written.fingerprint);
        }
        let set = self.files.read(context)?;
        let kit = self.planning.kit(context)?;
        if self.delete {
            return delete(context, &kit, &set, self.dryrun).await;
        }
        let mut state = self.planning.state()?;
        let plan = kit.plan(&set, state.as_ref()).await?;
        if fingerprint.is_some_and(|shown| shown != plan.fingerprint(&set)) {
            return Err(Error::Changed(
                "What would happen is not what the plan shows any more: plan again".to_owned(),
            )
            .into());
        }
        if self.dryrun || context.global.dry_run {
            return show_plan(context, &plan, false);
        }
        carry_out(context, &kit, &set, &plan, state.as_mut()).await
    }

    /// Whether the result is JSON by an option of its own.
    pub fn is_json(&self) -> bool {
        self.json
    }
}

fn read_plan(path: &Path) -> Result<Option<Written>> {
    // What is no plan is told about by who reads it as something else.
    let text = match path.is_file() {
        true => std::fs::read_to_string(path).unwrap_or_default(),
        false => return Ok(None),
    };
    if !(text.starts_with('{') && text.contains("\"seqctlPlan\"")) {
        return Ok(None);
    }
    let written = serde_json::from_str(&text)
        .map_err(|error| Failure::failed(format!("{} is no plan: {error}", path.display())))?;
    Ok(Some(written))
}

async fn carry_out(
    context: &Context,
    kit: &Kit,
    set: &Set,
    plan: &Plan,
    state: Option<&mut State>,
) -> Result<Exit> {
    let changes = plan
        .steps
        .iter()
        .filter(|step| step.action.changes())
        .count();
    let deletes = plan.count(Action::Delete) + plan.count(Action::Replace);
    if deletes > 0 {
        let mut text = String::new();
        plan.steps
            .iter()
            .filter(|step| step.action.changes())
            .for_each(|step| write_step(step, &mut text));
        context.confirm(&format!(
            "{text}Carry out {changes} steps, {deletes} of which delete?"
        ))?;
    }
    let stop = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        context.note("Ending what is under way; nothing more is begun.");
    };
    let report = kit
        .apply(set, plan, state, stop, |outcome| {
            context.note(&line(outcome))
        })
        .await;
    let mut text = String::new();
    // Whoever has read each as it ended wants to know what is not done.
    let was_told = context.tells_notes() && std::io::stdout().is_terminal();
    for outcome in &report.outcomes {
        if !(was_told && matches!(outcome.ended, Ended::Done(_))) {
            let _ = writeln!(text, "{}", line(outcome));
        }
    }
    let count = |wanted: fn(&Ended) -> bool| {
        report
            .outcomes
            .iter()
            .filter(|outcome| wanted(&outcome.ended))
            .count()
    };
    let (done, failed, untried) = (
        count(|ended| matches!(ended, Ended::Done(_))),
        count(|ended| matches!(ended, Ended::Failed(_))),
        count(|ended| matches!(ended, Ended::NotTried(_))),
    );
    let same = plan.count(Action::Same) + plan.count(Action::Ignore);
    let _ = write!(
        text,
        "{done} done, {failed} failed, {untried} not tried, {same} unchanged"
    );
    if !report.is_done() {
        let _ = write!(text, "; run the same again to go on from here");
    }
    let outcomes: Vec<_> = report.outcomes.iter().map(Outcome::value).collect();
    let value = json!({
        "steps": outcomes,
        "done": done,
        "failed": failed,
        "notTried": untried,
        "unchanged": same,
        "stopped": report.stopped,
    });
    context.show(&Answer::new(value, View::Text(text)))?;
    Ok(match report.is_done() {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn line(outcome: &Outcome) -> String {
    let home = match outcome.home.as_str() {
        "" => String::new(),
        home => format!(" ({home})"),
    };
    let what = format!(
        "{:>3} {} {}{home}",
        outcome.action.sign(),
        outcome.block,
        outcome.name
    );
    match &outcome.ended {
        Ended::Done(id) => format!("{what}: done, {id}"),
        Ended::Failed(why) => format!("{what}: FAILED: {why}"),
        Ended::NotTried(because) => format!("{what}: not tried, because of {because}"),
    }
}

async fn delete(context: &Context, kit: &Kit, set: &Set, dry: bool) -> Result<Exit> {
    let plan = kit.plan_deletion(set).await?;
    match dry || context.global.dry_run {
        true => show_plan(context, &plan, false),
        false => carry_out(context, kit, set, &plan, None).await,
    }
}

impl Delete {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let set = self.files.read(context)?;
        let kit = Planning::default().kit(context)?;
        delete(context, &kit, &set, self.dryrun).await
    }
}

impl Validate {
    pub fn run(self, context: &Context) -> Result<Exit> {
        match self.files.read(context) {
            Ok(set) => {
                let count = set.items().len();
                context.say(
                    json!({"valid": true, "items": count, "problems": []}),
                    format!("{count} items, no mistake"),
                )
            }
            Err(failure) => Err(failure),
        }
    }
}

impl ExportTo {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let mut workspaces = self.workspace.clone();
        if workspaces.is_empty() && self.organization.is_empty() {
            workspaces.push(context.default_workspace().unwrap_or_default().to_owned());
        }
        let kit = Kit::new(context.client()?.clone(), Options::default());
        let kinds = self.kinds.clone().map(|list| list.0).unwrap_or_default();
        let export = kit.export(&self.organization, &workspaces, &kinds).await?;
        self.write(&export)?;
        for note in &export.notes {
            anstream::eprintln!("{note}");
        }
        let mut text = format!("{} items in {}", export.items, self.dir.display());
        for path in export.files.keys() {
            let _ = write!(text, "\n  {path}");
        }
        if !export.variables.is_empty() {
            text.push_str(
                "\nSecrets are not read: set these variables to make what needs them anew",
            );
            for name in &export.variables {
                let _ = write!(text, "\n  {name}");
            }
        }
        let value = json!({
            "items": export.items,
            "folder": self.dir,
            "files": export.files.keys().collect::<Vec<_>>(),
            "variables": export.variables,
            "notes": export.notes,
        });
        context.show(&Answer::new(value, View::Text(text)))
    }

    fn write(&self, export: &Export) -> Result<()> {
        let told = |path: &Path, error: std::io::Error| {
            Failure::failed(format!("{} can't be written: {error}", path.display()))
        };
        let paths: Vec<_> = export
            .files
            .keys()
            .map(|path| self.dir.join(path))
            .collect();
        if let Some(there) = paths.iter().find(|path| path.exists() && !self.force) {
            return Err(Failure::failed(format!(
                "{} is there already: --force writes over it",
                there.display()
            )));
        }
        for (path, text) in paths.iter().zip(export.files.values()) {
            let folder = path.parent().unwrap_or(&self.dir);
            std::fs::create_dir_all(folder).map_err(|error| told(folder, error))?;
            std::fs::write(path, text).map_err(|error| told(path, error))?;
        }
        Ok(())
    }
}
