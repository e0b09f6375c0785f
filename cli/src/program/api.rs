//! `api`: every operation of the API, made from the library's table, and any path that is newer.

use std::io::Read;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use seqera::operations::{self, BodyForm, Call, Content, Operation, Place};
use seqera::{ErrorKind, Method, Upload};
use serde_json::{Value, json};

use crate::context::Context;
use crate::exit::{Exit, Failure, Result};
use crate::options::InWorkspace;
use crate::output::{Answer, Column, Form, Table, View};

mod fields;
mod grammar;

pub use grammar::{OPERATION, kebab, with_operation};

/// What was given to `api`, as clap has read it: its options are known only when it is called.
#[derive(Debug)]
pub struct Api(ArgMatches);

impl Args for Api {
    fn augment_args(command: Command) -> Command {
        grammar::bare(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        grammar::bare(command)
    }
}

impl FromArgMatches for Api {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0 = matches.clone();
        Ok(())
    }
}

const OPERATIONS: &[Column] = &[
    Column::new("Operation", "operation"),
    Column::new("Route", "route"),
    Column::new("Summary", "summary"),
];

impl Api {
    pub async fn run(self, context: &Context) -> Result<Exit> {
        let matches = &self.0;
        if let Some((name, matches)) = matches.subcommand() {
            let operation = operations::find(name).ok_or_else(|| unknown(name))?;
            return Named {
                context,
                operation,
                matches,
            }
            .run()
            .await;
        }
        let words: Vec<&String> = texts(matches, OPERATION).collect();
        match words.as_slice() {
            words if matches.get_flag("list") => list(context, words),
            [method, path] => raw(context, matches, method, path).await,
            [name, ..] => Err(unknown(name)),
            [] => Err(Failure::usage(
                "Which operation? `seqctl api --list` shows them all, `seqctl api --list WORD` those \
                 that have to do with a word.",
            )),
        }
    }
}

fn texts<'a>(matches: &'a ArgMatches, id: &str) -> impl Iterator<Item = &'a String> + use<'a> {
    let values = matches.try_get_many::<String>(id).ok().flatten();
    values.into_iter().flatten()
}

fn text<'a>(matches: &'a ArgMatches, id: &str) -> Option<&'a String> {
    texts(matches, id).last()
}

fn flag(matches: &ArgMatches, id: &str) -> bool {
    let flag = matches.try_get_one::<bool>(id).ok().flatten();
    flag.copied().unwrap_or_default()
}

fn unknown(name: &str) -> Failure {
    let near: Vec<String> = operations::similar(name)
        .iter()
        .map(|operation| format!("`{}`", grammar::kebab(operation.name)))
        .collect();
    let near = match near.is_empty() {
        true => String::new(),
        false => format!(": is it {}?", near.join(", ")),
    };
    Failure::usage(format!(
        "There is no operation `{name}`{near} `seqctl api --list` shows all."
    ))
}

fn list(context: &Context, words: &[&String]) -> Result<Exit> {
    let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
    let found = operations::search(&words.join(" "));
    let row = |operation: &&Operation| {
        json!({
            "operation": grammar::kebab(operation.name),
            "id": operation.id,
            "route": format!("{} {}", operation.method, operation.path),
            "tag": operation.tag,
            "summary": operation.summary,
        })
    };
    let rows: Vec<Value> = found.iter().map(row).collect();
    let view = View::Table(Table {
        title: String::new(),
        rows: rows.clone(),
        columns: OPERATIONS,
        footer: None,
    });
    context.show(&Answer::new(json!({ "operations": rows }), view))
}

/// An operation of the table, and what was given for it.
struct Named<'a> {
    context: &'a Context,
    operation: &'static Operation,
    matches: &'a ArgMatches,
}

impl Named<'_> {
    async fn run(self) -> Result<Exit> {
        let (context, operation) = (self.context, self.operation);
        if flag(self.matches, grammar::SCHEMA) {
            return self.show_schema();
        }
        let call = self.call().await?;
        if flag(self.matches, grammar::ALL) {
            return self.show_all(call).await;
        }
        match operation.content {
            Content::Json => {
                let reply: Value = call.send().await.map_err(refused)?;
                show_json(context, reply)
            }
            Content::Empty => {
                call.send_empty().await.map_err(refused)?;
                context.say(json!({}), "Done.")
            }
            Content::Bytes => self.download(call).await,
        }
    }

    fn show_schema(&self) -> Result<Exit> {
        let schema = self.operation.body.and_then(|body| body.json_schema());
        match schema {
            Some(schema) => show_json(self.context, schema),
            None => Err(Failure::usage(format!(
                "`{}` takes no JSON body.",
                grammar::kebab(self.operation.name)
            ))),
        }
    }

    /// The call with everything that was given.
    async fn call(&self) -> Result<Call> {
        let mut call = self.context.client()?.call(self.operation);
        if flag(self.matches, grammar::UNCHECKED) {
            call = call.unchecked();
        }
        for parameter in self.operation.parameters {
            let values: Vec<&String> = texts(self.matches, parameter.name).collect();
            let switch = self
                .matches
                .try_get_one::<bool>(parameter.name)
                .ok()
                .flatten();
            if let Some(switch) = switch {
                call = call.set(parameter.name, switch).map_err(refused)?;
            } else if !values.is_empty() {
                call = call.set_all(parameter.name, values).map_err(refused)?;
            } else if parameter.name == grammar::WORKSPACE && parameter.place == Place::Query {
                call = self.in_workspace(call, parameter.required).await?;
            }
        }
        self.with_body(call)
    }

    /// The workspace as all commands know it.
    async fn in_workspace(&self, call: Call, required: bool) -> Result<Call> {
        let given = InWorkspace {
            workspace: text(self.matches, grammar::WORKSPACE_NAME).cloned(),
        };
        let place = match required {
            true => self.context.required_place(&given).await?,
            false => self.context.place(&given).await?,
        };
        match place.id() {
            Some(id) => call.set(grammar::WORKSPACE, id).map_err(refused),
            None => Ok(call),
        }
    }

    fn with_body(&self, mut call: Call) -> Result<Call> {
        let Some(body) = self.operation.body else {
            return Ok(call);
        };
        let file = text(self.matches, grammar::BODY);
        if matches!(body.form, BodyForm::Bytes { .. }) {
            return match file {
                Some(file) => Ok(call.bytes(read(file)?)),
                None => Err(self.lacks("-f FILE, or -f - for standard input")),
            };
        }
        let mut value = file.map(|file| read_value(file)).transpose()?;
        let schema = body.json_schema().unwrap_or_default();
        let mut has_files = false;
        for given in texts(self.matches, grammar::FIELD) {
            let (name, text) = given.split_once('=').ok_or_else(|| {
                Failure::usage(format!("`-F {given}` has no value: write -F NAME=VALUE"))
            })?;
            if body.files.contains(&name) {
                let path = text.strip_prefix('@').unwrap_or(text);
                call = call.file(name, Upload::from_path(path)).map_err(refused)?;
                has_files = true;
                continue;
            }
            let text = match text.strip_prefix('@') {
                Some(file) => String::from_utf8_lossy(&read(file)?).into_owned(),
                None => text.to_owned(),
            };
            let target = value.get_or_insert_with(|| json!({}));
            let strict = !flag(self.matches, grammar::UNCHECKED);
            fields::put(&schema, target, name, &text, strict).map_err(Failure::usage)?;
        }
        match value {
            Some(value) => Ok(call.json(value)),
            None if body.form == BodyForm::Form && !has_files && !body.files.is_empty() => {
                Err(self.lacks(&format!("-F {}=PATH", body.files[0])))
            }
            None if body.required => Err(self.lacks("-f FILE or -F NAME=VALUE")),
            None => Ok(call),
        }
    }

    fn lacks(&self, options: &str) -> Failure {
        let name = grammar::kebab(self.operation.name);
        Failure::usage(format!(
            "`{name}` takes a body: give {options}. `seqctl api {name} --schema` shows what it takes."
        ))
    }

    /// All items of a list; a line each as they come, where lines are wanted.
    async fn show_all(&self, call: Call) -> Result<Exit> {
        let printer = &self.context.printer;
        let mut items = call.stream();
        if printer.form == Form::Jsonl && printer.program.is_none() {
            while let Some(item) = items.try_next().await.map_err(refused)? {
                self.context
                    .show(&Answer::new(item, View::Text(String::new())))?;
            }
            return Ok(Exit::Done);
        }
        let items = items.all().await.map_err(refused)?;
        show_json(self.context, Value::Array(items))
    }

    async fn download(&self, call: Call) -> Result<Exit> {
        let mut content = call.send_bytes().await.map_err(refused)?;
        if let Some(path) = text(self.matches, grammar::SAVE) {
            let mut file = tokio::fs::File::create(path).await?;
            let bytes = content.write_to(&mut file).await?;
            return self.context.say(
                json!({ "file": path, "bytes": bytes }),
                format!("{bytes} bytes are in {path}."),
            );
        }
        let mut out = std::io::stdout().lock();
        while let Some(chunk) = content.try_next().await? {
            std::io::Write::write_all(&mut out, &chunk)?;
        }
        Ok(Exit::Done)
    }
}

/// JSON as it is; its list, if it is one, as rows where rows are wanted.
fn show_json(context: &Context, value: Value) -> Result<Exit> {
    let printer = &context.printer;
    let as_rows = printer.form != Form::Console || printer.columns.is_some();
    let rows = match &value {
        Value::Array(rows) => Some(rows),
        Value::Object(fields) => {
            let mut lists = fields.values().filter_map(Value::as_array);
            lists.next().filter(|_| lists.next().is_none())
        }
        _ => None,
    };
    let view = match rows.filter(|rows| as_rows && rows.iter().all(Value::is_object)) {
        Some(rows) => View::Table(Table {
            title: String::new(),
            rows: rows.clone(),
            columns: &[],
            footer: None,
        }),
        None => View::Text(format!("{value:#}")),
    };
    context.show(&Answer::new(value, view))
}

/// A call of any path.
async fn raw(context: &Context, matches: &ArgMatches, method: &str, path: &str) -> Result<Exit> {
    let method = Method::from_bytes(method.to_uppercase().as_bytes())
        .ok()
        .filter(|method| KNOWN.contains(&method.as_str()))
        .ok_or_else(|| {
            Failure::usage(format!(
                "`{method}` is no method: it is one of {}",
                KNOWN.join(", ")
            ))
        })?;
    let mut call = context.client()?.request(method, path);
    for given in texts(matches, grammar::QUERY) {
        let (name, value) = given.split_once('=').ok_or_else(|| {
            Failure::usage(format!("`-q {given}` has no value: write -q NAME=VALUE"))
        })?;
        call = call.query(name.to_owned(), value);
    }
    let file = text(matches, grammar::BODY);
    let mut body = file.map(|file| read_value(file)).transpose()?;
    for given in texts(matches, grammar::FIELD) {
        let (name, text) = given.split_once('=').ok_or_else(|| {
            Failure::usage(format!("`-F {given}` has no value: write -F NAME=VALUE"))
        })?;
        let target = body.get_or_insert_with(|| json!({}));
        fields::put(&json!({}), target, name, text, false).map_err(Failure::usage)?;
    }
    if let Some(body) = body {
        call = call.json(&body);
    }
    let content = call.send_bytes().await.map_err(refused)?.bytes().await?;
    match serde_json::from_slice(&content) {
        Ok(value) => show_json(context, value),
        Err(_) => {
            let text = String::from_utf8_lossy(&content).into_owned();
            context.show(&Answer::new(json!(text), View::Content(content.to_vec())))
        }
    }
}

const KNOWN: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

/// The library refuses what can't be meant before anything is sent: a mistake of whoever typed it.
fn refused(error: seqera::Error) -> Failure {
    match error.kind() {
        ErrorKind::InvalidRequest if error.attempts() == 0 => {
            Failure::usage(error.message().to_owned())
        }
        _ => error.into(),
    }
}

/// A file, or standard input for `-`.
fn read(path: &str) -> Result<Vec<u8>> {
    if path == "-" {
        let mut content = Vec::new();
        std::io::stdin().lock().read_to_end(&mut content)?;
        return Ok(content);
    }
    std::fs::read(path).map_err(|error| Failure::usage(format!("{path} can't be read: {error}")))
}

/// JSON or YAML in a file.
fn read_value(path: &str) -> Result<Value> {
    let content = read(path)?;
    if let Ok(value) = serde_json::from_slice(&content) {
        return Ok(value);
    }
    yaml_serde::from_slice(&content)
        .map_err(|error| Failure::usage(format!("{path} is neither JSON nor YAML: {error}")))
}
