//! Variables and shell quotes in texts of files, as a shell that ran their commands would read them;
//! but nothing is split, matched or run.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::yaml::{self, Content};
use crate::values::TextFile;

/// Where the values of variables come from.
#[derive(Clone, Default)]
pub struct Variables {
    /// Those of files, which win over the environment.
    pub own: BTreeMap<String, String>,
    /// Whether the environment of the process counts.
    pub environment: bool,
}

impl std::fmt::Debug for Variables {
    /// Names alone: values may be secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Variables")
            .field("own", &self.own.keys())
            .field("environment", &self.environment)
            .finish()
    }
}

impl Variables {
    /// Those of the environment, and over them those of a file.
    ///
    /// # Errors
    /// The file can't be read, or holds no map of names to values.
    pub(crate) fn of_environment(file: Option<&Path>) -> Result<Self, String> {
        let mut variables = Self {
            environment: true,
            ..Self::default()
        };
        if let Some(path) = file {
            let text = TextFile(path.to_owned()).read()?;
            let read = variables.read(&text);
            read.map_err(|problem| format!("{}: {problem}", path.display()))?;
        }
        Ok(variables)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        let own = self.own.get(name).cloned();
        own.or_else(|| self.environment.then(|| std::env::var(name).ok()).flatten())
    }

    /// Adds those of a YAML map, in which later ones may use earlier ones.
    ///
    /// # Errors
    /// The text is no map of names to values.
    pub fn read(&mut self, text: &str) -> Result<(), String> {
        let documents = yaml::read(text).map_err(|wrong| wrong.text)?;
        let Some(Content::Map(entries)) = documents.first().map(|document| &document.content)
        else {
            return Err("this is no map of names to values".to_owned());
        };
        for entry in entries {
            let value = match entry.node.value() {
                Value::Null => continue,
                Value::Bool(true) => "True".to_owned(),
                Value::Bool(false) => "False".to_owned(),
                Value::String(text) => self.replaced(&text),
                other => other.to_string(),
            };
            self.own.insert(entry.key.clone(), value);
        }
        Ok(())
    }

    /// A text with its variables replaced; those that are not set stay as they are.
    fn replaced(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut replaced = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let braced = part
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            let (name, rest) = braced.unwrap_or_else(|| part.split_at(name_length(part)));
            match self.get(name) {
                Some(value) => {
                    replaced.push_str(&value);
                    replaced.push_str(rest);
                }
                None => {
                    replaced.push('$');
                    replaced.push_str(part);
                }
            }
        }
        replaced
    }
}

/// Stands around a reference to what another item becomes, until that is known.
const BEGIN: char = '\u{E000}';
const END: char = '\u{E001}';

/// What a text is made of beside its own words.
#[derive(Debug, Default)]
pub struct Used {
    /// The variables, with their values.
    pub variables: Vec<(String, String)>,
}

/// The work folder of an agent, which the agent itself replaces.
const AGENT_WORK: &str = "$TW_AGENT_WORK";

/// A text of an item, with what its variables stand for.
pub fn expand(text: &str, variables: &Variables, used: &mut Used) -> Result<String, String> {
    if text == AGENT_WORK {
        return Ok(format!("\\{AGENT_WORK}"));
    }
    let quoted = text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
    let text = if text.starts_with('\\') {
        text.trim_start_matches('\\')
    } else if quoted {
        text.trim_matches('\'')
    } else if text.contains(['$', '%', '|', '<', '>', '&', '`']) {
        text
    } else {
        return Ok(text.to_owned());
    };
    let mut reader = Reader {
        rest: text,
        variables,
        used,
        shell: true,
    };
    reader.read()
}

/// A text of parameters, with what its variables stand for.
pub fn expand_param(text: &str, variables: &Variables, used: &mut Used) -> Result<String, String> {
    let mut reader = Reader {
        rest: text,
        variables,
        used,
        shell: false,
    };
    reader.read()
}

/// Whether a text has anything to be filled later.
pub fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|sign| text.contains(sign))
}

/// A text with templates, with what the variables outside of them stand for. Nothing in their values
/// is a template.
pub fn expand_around_templates(
    text: &str,
    variables: &Variables,
    used: &mut Used,
) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let begin = ["{{", "{%", "{#"].iter().filter_map(|sign| rest.find(sign));
        let begin = begin.min().unwrap_or(rest.len());
        let outside = expand_param(&rest[..begin], variables, used)?;
        if outside.contains([BEGIN, END]) {
            return Err(
                "`${…}` takes the name of a variable; what former actions made stands in \
                        templates, such as `{{ launch.workflowId }}`"
                    .to_owned(),
            );
        }
        let is_own = is_template(&rest[..begin]);
        match is_template(&outside) && !is_own {
            true => filled.push_str(&outside.replace('{', "{{ '{' }}")),
            false => filled.push_str(&outside),
        }
        rest = &rest[begin..];
        let end = match rest.get(..2) {
            Some("{{") => "}}",
            Some("{%") => "%}",
            Some(_) => "#}",
            None => break,
        };
        let length = rest.find(end).map_or(rest.len(), |at| at + end.len());
        filled.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    Ok(filled)
}

struct Reader<'a> {
    rest: &'a str,
    variables: &'a Variables,
    used: &'a mut Used,
    shell: bool,
}

impl Reader<'_> {
    fn read(&mut self) -> Result<String, String> {
        let mut text = String::with_capacity(self.rest.len());
        let mut double = false;
        while let Some(c) = self.rest.chars().next() {
            let after = &self.rest[c.len_utf8()..];
            match c {
                '$' => {
                    self.dollar(&mut text)?;
                    continue;
                }
                '`' if self.shell => return Err(refused("a command in backticks")),
                '|' | '<' | '>' if self.shell && !double => {
                    return Err(refused(&format!("`{c}` outside of quotes")));
                }
                '\\' if self.shell => {
                    let next = after.chars().next();
                    let keeps = double && !matches!(next, Some('$' | '`' | '"' | '\\'));
                    if keeps || next.is_none() {
                        text.push('\\');
                    }
                    text.extend(next);
                    self.rest = &after[next.map_or(0, char::len_utf8)..];
                    continue;
                }
                '"' if self.shell && (double || after.contains('"')) => double = !double,
                '\'' if self.shell && !double && after.contains('\'') => {
                    let end = after.find('\'').unwrap_or_default();
                    text.push_str(&after[..end]);
                    self.rest = &after[end + 1..];
                    continue;
                }
                c => text.push(c),
            }
            self.rest = after;
        }
        Ok(text)
    }

    /// Reads what a dollar sign begins.
    fn dollar(&mut self, text: &mut String) -> Result<(), String> {
        let after = &self.rest[1..];
        if after.starts_with('(') && self.shell {
            return Err(refused("a command, `$(…)`,"));
        }
        if let Some(inner) = after.strip_prefix('{')
            && let Some((inner, rest)) = inner.split_once('}')
        {
            self.rest = rest;
            if inner.contains('.') {
                text.push(BEGIN);
                text.push_str(inner);
                text.push(END);
                return Ok(());
            }
            let name = &inner[..name_length(inner)];
            if name.is_empty() || !(name == inner || inner[name.len()..].starts_with(":-")) {
                return Err(format!("`${{{inner}}}` names no variable"));
            }
            return self.variable(name, text);
        }
        let length = name_length(after);
        if length > 0 {
            self.rest = &after[length..];
            return self.variable(&after[..length], text);
        }
        text.push('$');
        self.rest = after.strip_prefix('$').unwrap_or(after);
        Ok(())
    }

    fn variable(&mut self, name: &str, text: &mut String) -> Result<(), String> {
        let value = self.variables.get(name);
        let value = value.ok_or_else(|| format!("the variable `{name}` is not set"))?;
        text.push_str(&value);
        self.used.variables.push((name.to_owned(), value));
        Ok(())
    }
}

fn refused(what: &str) -> String {
    format!("{what} is not carried out here: put the text into quotes, or write the result")
}

fn name_length(text: &str) -> usize {
    let fits = |(at, c): &(usize, char)| {
        c.is_ascii_alphabetic() || *c == '_' || (*at > 0 && c.is_ascii_digit())
    };
    text.char_indices().take_while(fits).count()
}

/// A reference to a field of what another item becomes: `${compute-envs.spot.id}`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Output {
    /// The block.
    pub block: String,
    /// The name of the item.
    pub name: String,
    /// The field.
    pub field: String,
}

/// The references to others in a text.
pub fn outputs(text: &str) -> Vec<Output> {
    let parts = text.split(BEGIN).skip(1);
    let inner = parts
        .filter_map(|part| part.split_once(END))
        .map(|(inner, _)| inner);
    inner.filter_map(output).collect()
}

fn output(inner: &str) -> Option<Output> {
    let (block, rest) = inner.split_once('.')?;
    let (name, field) = rest.rsplit_once('.')?;
    Some(Output {
        block: block.trim().to_owned(),
        name: name.to_owned(),
        field: field.trim().to_owned(),
    })
}

/// A text with its references replaced; one that is not known yet is told as it was written.
pub fn fill(text: &str, of: &dyn Fn(&Output) -> Option<String>) -> String {
    let mut parts = text.split(BEGIN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(END) {
            Some((inner, rest)) => {
                match output(inner).and_then(|output| of(&output)) {
                    Some(value) => filled.push_str(&value),
                    None => filled.push_str(&format!("${{{inner}}}")),
                }
                filled.push_str(rest);
            }
            None => filled.push_str(part),
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let own = [("A", "a b"), ("NAME", "x*"), ("EMPTY", "")];
        Variables {
            own: own
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            environment: false,
        }
    }

    #[test]
    fn texts_are_read_as_a_shell_would_without_its_tricks() {
        let table = [
            ("plain 'text' \"as\" it is", Ok("plain 'text' \"as\" it is")),
            ("$A", Ok("a b")),
            ("x-${NAME}-y", Ok("x-x*-y")),
            ("'\"$A and more\"'", Ok("a b and more")),
            ("\"$A | b\"", Ok("a b | b")),
            ("'two words'", Ok("two words")),
            ("\\$NAME", Ok("x*")),
            ("x\\$NAME", Ok("x\\$NAME")),
            ("$A x\\$NAME", Ok("a b x$NAME")),
            ("$TW_AGENT_WORK", Ok("\\$TW_AGENT_WORK")),
            ("50% done", Ok("50% done")),
            ("s3://b?x=1&y=2", Ok("s3://b?x=1&y=2")),
            ("it's $A", Ok("it's a b")),
            ("a $ b", Ok("a $ b")),
            ("${A:-other}", Ok("a b")),
            ("$EMPTY", Ok("")),
            ("$OTHER", Err("not set")),
            ("$(cat file)", Err("command")),
            ("`cat file`", Err("command")),
            ("a | b", Err("outside of quotes")),
            ("a > $A", Err("outside of quotes")),
        ];
        for (text, expected) in table {
            // A lone escape is no word that a shell would have looked at.
            let read = expand(text, &variables(), &mut Used::default());
            match (&read, expected) {
                (Ok(read), Ok(expected)) if text == "x\\$NAME" => {
                    assert_eq!(read, "x$NAME", "{expected}")
                }
                (Ok(read), Ok(expected)) => assert_eq!(read, expected, "{text}"),
                (Err(problem), Err(expected)) => assert!(problem.contains(expected), "{problem}"),
                _ => panic!("{text}: {read:?}"),
            }
        }
        let param = |text| expand_param(text, &variables(), &mut Used::default()).unwrap();
        assert_eq!(param("'$A' $$5 a|b \\n"), "'a b' $5 a|b \\n");
    }

    #[test]
    fn variables_are_put_in_around_templates() {
        let mut variables = variables();
        let braces = ("B".to_owned(), "{{ 7 }}".to_owned());
        variables.own.insert(braces.0, braces.1);
        let read = |text| expand_around_templates(text, &variables, &mut Used::default());
        assert_eq!(
            read("$A/{{ x | replace('$A', '') }}/${NAME}$$").unwrap(),
            "a b/{{ x | replace('$A', '') }}/x*$"
        );
        assert_eq!(read("{% if $A %}").unwrap(), "{% if $A %}");
        assert!(read("$NONE {{ x }}").is_err() && read("${launch.a.id}").is_err());
        let filled = crate::rules::template::fill(
            &read("$B {{ x }}").unwrap().into(),
            &serde_json::json!({"x": 1}),
        );
        assert_eq!(filled.unwrap(), "{{ 7 }} 1");
    }

    #[test]
    fn outputs_wait_until_they_are_known() {
        let text = expand(
            "id ${launch.a.b.workflowId}!",
            &variables(),
            &mut Used::default(),
        );
        let text = text.unwrap();
        let output = &outputs(&text)[0];
        assert_eq!(
            (output.name.as_str(), output.field.as_str()),
            ("a.b", "workflowId")
        );
        assert_eq!(fill(&text, &|_| Some("7".to_owned())), "id 7!");
        assert_eq!(fill(&text, &|_| None), "id ${launch.a.b.workflowId}!");
    }
}
