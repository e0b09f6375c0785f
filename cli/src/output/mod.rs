//! A value in, a form out.

use std::io::Write;

use serde_json::Value;

use crate::exit::{Failure, Result};
use crate::values::choices;

mod cell;
mod jq;
mod progress;
mod rows;

pub use cell::{Column, Unit, at, text};
pub use jq::Program;
pub use progress::{Bar, Progress};

use cell::harmless;

choices! {
    /// Forms of a result.
    Form {
        Console = "console",
        Table = "table",
        Json = "json",
        Jsonl = "jsonl",
        Yaml = "yaml",
        Csv = "csv",
    }
}

/// A result: the value that programs read, and how people see it.
#[derive(Debug)]
pub struct Answer {
    pub value: Value,
    pub view: View,
}

/// How people see a result.
#[derive(Debug)]
pub enum View {
    /// Sentences.
    Text(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// Names and values under a title.
    Group(String, Vec<(String, String)>),
    /// Rows with columns.
    Table(Table),
    /// Content that is passed on as it is.
    Content(Vec<u8>),
    /// Several, one after the other.
    Parts(Vec<View>),
}

/// Rows with columns.
#[derive(Debug)]
pub struct Table {
    pub title: String,
    pub rows: Vec<Value>,
    pub columns: &'static [Column],
    pub footer: Option<String>,
}

impl Answer {
    /// A result. Fields of the value that are null are left out.
    pub fn new(mut value: Value, view: View) -> Self {
        if let Value::Object(fields) = &mut value {
            fields.retain(|_, value| !value.is_null());
        }
        Self { value, view }
    }

    /// The requests that a dry run would have sent; a single one stands by itself.
    pub fn requests(mut requests: Vec<Value>) -> Self {
        let texts: Vec<_> = requests.iter().map(request_text).collect();
        let value = match requests.len() {
            1 => requests.remove(0),
            _ => requests.into(),
        };
        Self::new(value, View::Text(texts.join("\n\n")))
    }
}

fn request_text(request: &Value) -> String {
    let text = |name: &str| request[name].as_str().unwrap_or_default();
    let line = format!("{} {}", text("method"), text("url"));
    match request.get("body").filter(|body| !body.is_null()) {
        Some(body) => format!("{line}\n{body:#}"),
        None => line,
    }
}

/// How results are written.
#[derive(Debug)]
pub struct Printer {
    pub form: Form,
    pub program: Option<Program>,
    pub columns: Option<Vec<String>>,
}

impl Printer {
    /// Whether people read the results.
    pub fn for_people(&self) -> bool {
        matches!(self.form, Form::Console | Form::Table) && self.program.is_none()
    }

    /// Writes a result to standard output.
    ///
    /// # Errors
    /// The expression fails, a column is unknown, or nobody reads.
    pub fn print(&self, answer: &Answer) -> Result<()> {
        let mut out = anstream::stdout().lock();
        let written = self.write(answer, &mut out);
        match written {
            // Who closed the pipe has read enough.
            Err(Trouble::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            Err(Trouble::Write(error)) => Err(error.into()),
            Err(Trouble::Wrong(text)) => Err(Failure::usage(text)),
            Ok(()) => Ok(()),
        }
    }

    fn write(&self, answer: &Answer, out: &mut impl Write) -> Result<(), Trouble> {
        if let Some(program) = &self.program {
            for value in program.run(&answer.value)? {
                match (&value, self.form) {
                    // As `jq --raw-output`.
                    (Value::String(text), Form::Console | Form::Table | Form::Csv) => {
                        writeln!(out, "{text}")?;
                    }
                    (value, Form::Yaml) => write_yaml(value, out)?,
                    (value, Form::Jsonl) => writeln!(out, "{value}")?,
                    (value, _) => writeln!(out, "{value:#}")?,
                }
            }
            return Ok(());
        }
        match self.form {
            Form::Console | Form::Table => self.write_view(&answer.view, out),
            Form::Json => Ok(writeln!(out, "{:#}", answer.value)?),
            Form::Yaml => write_yaml(&answer.value, out),
            Form::Jsonl => match &answer.view {
                View::Table(table) => {
                    for row in &table.rows {
                        writeln!(out, "{row}")?;
                    }
                    Ok(())
                }
                _ => Ok(writeln!(out, "{}", answer.value)?),
            },
            Form::Csv => match &answer.view {
                View::Table(table) => rows::write_csv(table, self.columns.as_deref(), out),
                _ => rows::write_csv_of_one(&answer.value, self.columns.as_deref(), out),
            },
        }
    }

    fn write_view(&self, view: &View, out: &mut impl Write) -> Result<(), Trouble> {
        match view {
            View::Text(text) => writeln!(out, "{}", harmless(text))?,
            View::Facts(facts) => write_facts("", facts, out)?,
            View::Group(title, facts) => {
                writeln!(out, "{}", harmless(title))?;
                write_facts("  ", facts, out)?;
            }
            View::Table(table) => rows::write_table(table, self.columns.as_deref(), out)?,
            View::Content(content) => out.write_all(content)?,
            View::Parts(parts) => {
                for (place, part) in parts.iter().enumerate() {
                    if place > 0 {
                        writeln!(out)?;
                    }
                    self.write_view(part, out)?;
                }
            }
        }
        Ok(())
    }
}

fn write_facts(
    before: &str,
    facts: &[(String, String)],
    out: &mut impl Write,
) -> std::io::Result<()> {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default();
    for (name, value) in facts {
        let value = harmless(value).replace('\n', &format!("\n{before}{:width$}  ", ""));
        writeln!(
            out,
            "{}",
            format!("{before}{name:width$}  {value}").trim_end()
        )?;
    }
    Ok(())
}

fn write_yaml(value: &Value, out: &mut impl Write) -> Result<(), Trouble> {
    let text = yaml_serde::to_string(value).map_err(|error| Trouble::Wrong(error.to_string()))?;
    Ok(out.write_all(text.as_bytes())?)
}

/// Why a result could not be written.
#[derive(Debug)]
pub enum Trouble {
    Write(std::io::Error),
    Wrong(String),
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::Write(error)
    }
}

/// Takes out the fields that are null, as deep as they go.
pub fn without_nulls(mut value: Value) -> Value {
    fn clean(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.retain(|_, value| !value.is_null());
                map.values_mut().for_each(clean);
            }
            Value::Array(list) => list.iter_mut().for_each(clean),
            _ => {}
        }
    }
    clean(&mut value);
    value
}
