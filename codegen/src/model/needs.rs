//! What the crate's hand-written code needs of a schema: operations, and members of them and of
//! types, that other versions may lack.
//!
//! The compiler knows it best: what is generated is marked ([`marks`](crate::marks)), and the
//! warnings of hand-written code are the list, `needs.txt`: `cargo xtask needs` writes it.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::document::select::Tags;
use crate::model::surface::{OperationSurface, Surface, TypeSurface, translate};
use crate::names::normal;

const LIST: &str = include_str!("needs.txt");

/// Features that build on another one.
pub const BUILD_ON: [(&str, &[&str]); 1] = [("names", &["runs", "transfers"])];

/// Something that a file of `src` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need<'a> {
    /// The feature with which the file is compiled.
    pub feature: &'a str,
    /// The file.
    pub file: &'a str,
    /// `operation`, `parameter`, `paging`, `type`, `field` or `value`.
    pub kind: &'a str,
    /// `ListWorkflows`, `ListWorkflows.search`.
    pub name: &'a str,
    /// What it has to be: see [`form`]. Empty where only the name matters.
    pub form: &'a str,
}

/// Something that is needed and that a schema does not have, or has in another form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Lack {
    /// The feature that needs it.
    pub feature: String,
    /// The file.
    pub file: String,
    /// The kind of thing.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The form that is needed.
    pub wanted: String,
    /// The form that it has, if it is there.
    pub found: Option<String>,
}

/// All that is needed.
pub fn all() -> impl Iterator<Item = Need<'static>> {
    LIST.lines().filter_map(|line| {
        let (line, form) = line.split_once(": ").unwrap_or((line, ""));
        let mut words = line.split(' ');
        let mut word = || words.next();
        let (feature, file, kind, name) = (word()?, word()?, word()?, word()?);
        Some(Need {
            feature,
            file,
            kind,
            name,
            form,
        })
    })
}

/// What something that can be needed is in a schema: the type of a field or parameter, the types of
/// an operation's body and reply. None if it is not there.
pub fn form(kind: &str, name: &str, surface: &Surface) -> Option<String> {
    let (owner, member) = name.split_once('.').unwrap_or((name, ""));
    match kind {
        "operation" => operation(surface, owner).map(|operation| {
            let body = operation.body.as_deref().unwrap_or("()");
            format!("{body} -> {}", operation.reply)
        }),
        "parameter" => {
            let setter = operation(surface, owner)?.setters.get(member);
            setter.map(|setter| setter.ty.clone())
        }
        "paging" => operation(surface, owner)?.paged.then(String::new),
        "type" => surface.types.get(owner).map(|_| String::new()),
        _ => match surface.types.get(owner)? {
            TypeSurface::Struct { fields, .. } => fields.get(member).map(|field| {
                let declared = if field.nullable { "Nullable" } else { "Option" };
                format!("{declared}<{}>", field.ty)
            }),
            TypeSurface::Enum { variants } => variants.get(member).map(|_| String::new()),
            TypeSurface::Union(union) => union.variants.get(member).cloned(),
            TypeSurface::Other(_) => None,
        },
    }
}

/// Checks that a schema has what the enabled parts of the crate need.
///
/// # Errors
///
/// The schema lacks something without which a file can't be compiled; the error names all of it,
/// and the features to leave out.
pub fn check(version: &str, surface: &Surface, features: &Tags) -> Result<()> {
    let mut by_feature: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for lack in lacking(surface) {
        if features.contains(&lack.feature) {
            let Lack {
                kind, name, file, ..
            } = &lack;
            let form = match &lack.found {
                Some(found) => format!(" as `{}`, not `{found}`", lack.wanted),
                None => String::new(),
            };
            let text = format!("the {kind} `{name}`{form} (src/{file})");
            by_feature.entry(lack.feature).or_default().push(text);
        }
    }
    let texts: Vec<String> = by_feature
        .iter()
        .map(|(feature, lacking)| {
            let others = BUILD_ON.iter().find(|(name, _)| name == feature);
            let others = others.map_or(String::new(), |(_, others)| {
                format!(", and with it `{}`", others.join("`, `"))
            });
            format!(
                "the feature `{feature}` needs what version {version} of the API lacks, leave it out{others}: {}",
                lacking.join(", ")
            )
        })
        .collect();
    if !texts.is_empty() {
        bail!("{}", texts.join("; "));
    }
    Ok(())
}

/// What a schema lacks. Where a type or an operation is missing, its members go without saying.
pub fn lacking(surface: &Surface) -> Vec<Lack> {
    lacking_of(&all().collect::<Vec<_>>(), surface)
}

fn lacking_of(needs: &[Need<'_>], surface: &Surface) -> Vec<Lack> {
    let renamed = renamed(needs, surface);
    let mut lacking = Vec::new();
    for need in needs {
        let (owner, member) = need.name.split_once('.').unwrap_or((need.name, ""));
        let owner = match renamed.get(owner) {
            Some(now) if need.kind != "type" => now,
            _ => owner,
        };
        let is_of_type = matches!(need.kind, "field" | "value");
        let is_of_operation = matches!(need.kind, "parameter" | "paging");
        if is_of_type && !surface.types.contains_key(owner)
            || is_of_operation && operation(surface, owner).is_none()
        {
            continue;
        }
        let name = if member.is_empty() {
            owner.to_owned()
        } else {
            format!("{owner}.{member}")
        };
        let found = form(need.kind, &name, surface);
        let fits = found
            .as_ref()
            .is_some_and(|found| need.form.is_empty() || *found == translate(need.form, &renamed));
        if !fits {
            lacking.push(Lack {
                feature: need.feature.to_owned(),
                file: need.file.to_owned(),
                kind: need.kind.to_owned(),
                name: need.name.to_owned(),
                wanted: need.form.to_owned(),
                found,
            });
        }
    }
    lacking
}

/// New names of types that are only needed by way of what holds them: a type that is gone, in the
/// place of which another one stands.
fn renamed(needs: &[Need<'_>], surface: &Surface) -> BTreeMap<String, String> {
    let mut renamed = BTreeMap::new();
    loop {
        let before = renamed.len();
        for need in needs {
            let (owner, member) = need.name.split_once('.').unwrap_or((need.name, ""));
            let owner = renamed.get(owner).map_or(owner, String::as_str);
            let name = if member.is_empty() {
                owner.to_owned()
            } else {
                format!("{owner}.{member}")
            };
            let Some(found) = form(need.kind, &name, surface) else {
                continue;
            };
            let (wanted, found) = (words(need.form), words(&found));
            if wanted.len() != found.len() {
                continue;
            }
            for (wanted, found) in wanted.into_iter().zip(found) {
                let is_gone = !surface.types.contains_key(wanted);
                if wanted != found && is_gone && surface.types.contains_key(found) {
                    renamed
                        .entry(wanted.to_owned())
                        .or_insert_with(|| found.to_owned());
                }
            }
        }
        if renamed.len() == before {
            return renamed;
        }
    }
}

/// The names in a type.
fn words(form: &str) -> Vec<&str> {
    let words = form.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.filter(|word| !word.is_empty()).collect()
}

fn operation<'a>(surface: &'a Surface, builder: &str) -> Option<&'a OperationSurface> {
    let wanted = normal(builder);
    let mut operations = surface.operations.values();
    operations.find(|operation| normal(&operation.id) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;

    /// A made-up API, and what made-up files need of it.
    const SCHEMA: &str = r##"
openapi: 3.0.1
info: {title: t, version: 1.2.3}
paths:
  /things:
    get:
      operationId: ListThings
      parameters:
      - {name: max, in: query, schema: {type: integer}}
      - {name: offset, in: query, schema: {type: integer}}
      - {name: search, in: query, schema: {type: string}}
      responses: {'200': {description: '', content: {application/json: {schema: {$ref: '#/components/schemas/ThingList'}}}}}
components:
  schemas:
    ThingList:
      type: object
      properties:
        things: {type: array, items: {$ref: '#/components/schemas/Thing'}}
        totalSize: {type: integer}
    Thing: {type: object, properties: {id: {type: string}, size: {type: integer}, color: {$ref: '#/components/schemas/Color'}}}
    Color: {type: string, enum: [RED, BLUE]}
"##;

    fn surface(schema: &str) -> Surface {
        generate(schema, None, &Tags::All).unwrap().inventory
    }

    /// What is lacking after a change of the schema.
    fn lacking_after(from: &str, to: &str) -> Vec<String> {
        let old = surface(SCHEMA);
        let names = [
            ("operation", "ListThings"),
            ("parameter", "ListThings.search"),
            ("paging", "ListThings"),
            ("field", "ThingList.things"),
            ("field", "Thing.id"),
            ("field", "Thing.color"),
            ("type", "Color"),
            ("value", "Color.Red"),
        ];
        let forms = names.map(|(kind, name)| form(kind, name, &old).unwrap());
        let needs: Vec<Need<'_>> = names
            .iter()
            .zip(&forms)
            .map(|((kind, name), form)| Need {
                feature: "names",
                file: "names.rs",
                kind,
                name,
                form,
            })
            .collect();
        assert!(lacking_of(&needs, &old).is_empty());
        assert!(SCHEMA.contains(from), "{from}");
        let mut schema = SCHEMA.replace(from, to);
        if to.contains("Item") {
            schema = schema.replace("    Thing: {", "    Item: {");
        }
        let lacking = lacking_of(&needs, &surface(&schema));
        let text = |lack: &Lack| match &lack.found {
            Some(found) => format!("{} {}: {} is {found}", lack.kind, lack.name, lack.wanted),
            None => format!("{} {}", lack.kind, lack.name),
        };
        lacking.iter().map(text).collect()
    }

    #[test]
    fn what_is_gone_or_of_another_type_is_lacking() {
        for (from, to, expected) in [
            ("ListThings", "ShowThings", &["operation ListThings"][..]),
            (
                "name: search",
                "name: find",
                &["parameter ListThings.search"],
            ),
            ("name: offset, ", "name: skip, ", &["paging ListThings"]),
            (
                "id: {type: string}",
                "key: {type: string}",
                &["field Thing.id"],
            ),
            (
                "id: {type: string}",
                "id: {type: integer}",
                &["field Thing.id: Option<String> is Option<i64>"],
            ),
            ("size: {type: integer}", "size: {type: string}", &[]),
            ("[RED, BLUE]", "[BLUE]", &["value Color.Red"]),
            ("[RED, BLUE]", "[RED, GREEN]", &[]),
            // Another name of a type matters where the type is named itself.
            ("schemas/Thing'", "schemas/Item'", &[]),
            ("Color", "Hue", &["type Color"]),
        ] {
            assert_eq!(lacking_after(from, to), expected, "{from} -> {to}");
        }
    }

    #[test]
    fn every_line_of_the_list_is_read() {
        assert_eq!(all().count(), LIST.lines().count());
        let with_form = all().filter(|need| matches!(need.kind, "field" | "operation"));
        assert!(with_form.count() > 0);
        for need in all() {
            let needs_form = matches!(need.kind, "field" | "operation" | "parameter");
            assert_eq!(
                needs_form,
                !need.form.is_empty() && need.kind != "value",
                "{need:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_features_to_leave_out() {
        let problem = check("1.2.3", &Surface::default(), &Tags::All);
        let problem = problem.unwrap_err().to_string();
        assert!(
            problem.contains(
                "the feature `names` needs what version 1.2.3 of the API lacks, leave it out, and with it `runs`, `transfers`: "
            ),
            "{problem}"
        );
        assert!(
            problem.contains("the operation `DownloadWorkflowLog` (src/runs/dump/job.rs)"),
            "{problem}"
        );
        let none = Tags::from_features([]);
        assert!(check("1.2.3", &Surface::default(), &none).is_ok());
    }
}
