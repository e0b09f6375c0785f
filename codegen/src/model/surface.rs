//! The surface of the generated code: everything that a user's program can name, for comparing two
//! schemas.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use serde::{Deserialize, Serialize};
use syn::Type;

use crate::document::fixups::{NULLABLE, REQUIRED, Variant};
use crate::document::{Body, Place, Reply};
use crate::model::operations::{Lowered, find};
use crate::model::paging::Kind;
use crate::model::syntax::{Generated, argument};
use crate::model::types::Model;
use crate::names::{ident, type_name, variant};

/// What a program that uses the crate can name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// The operations by the name of the client's method.
    pub operations: BTreeMap<String, OperationSurface>,
    /// The types by name.
    pub types: BTreeMap<String, TypeSurface>,
}

/// An operation as a caller meets it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationSurface {
    /// The `operationId`.
    pub id: String,
    /// `GET`, `POST`, …
    pub method: String,
    /// The path template.
    pub path: String,
    /// The tag, and so the feature.
    pub tag: String,
    /// The setters of parameters and of a form's parts, by name.
    pub setters: BTreeMap<String, Setter>,
    /// The type that `.body(..)` takes.
    pub body: Option<String>,
    /// Whether the schema says that there must be one.
    pub body_required: bool,
    /// The type of the reply.
    pub reply: String,
    /// Whether `.stream()`, `.all()` and `.pages()` are there.
    pub listed: bool,
    /// Whether they read more than one page.
    pub paged: bool,
    /// Whether the schema says that it is deprecated.
    pub deprecated: bool,
}

/// A setter of an operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Setter {
    /// The name on the wire.
    pub wire: String,
    /// `path`, `query`, `header` or `form`.
    pub place: String,
    /// The Rust type.
    pub ty: String,
    /// Whether a call without it is refused.
    pub required: bool,
    /// Whether several values are joined by commas, rather than sent one by one.
    pub joined: bool,
}

/// A type as a program meets it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeSurface {
    /// A struct.
    Struct {
        /// The fields by name.
        fields: BTreeMap<String, FieldSurface>,
        /// Whether requests hold it.
        sent: bool,
    },
    /// An open enum: the values on the wire by variant.
    Enum {
        /// The variants.
        variants: BTreeMap<String, String>,
    },
    /// A tagged union.
    Union(UnionSurface),
    /// A named array or map, and what it stands for.
    Other(String),
}

/// A tagged union as a program meets it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnionSurface {
    /// The property whose value tells the variant.
    pub tag: String,
    /// The types by variant.
    pub variants: BTreeMap<String, String>,
    /// The values of the property by variant.
    pub values: BTreeMap<String, String>,
}

/// A field of a struct.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldSurface {
    /// The name on the wire.
    pub wire: String,
    /// The Rust type, less the `Option`.
    pub ty: String,
    /// Whether it must be set before the type is sent.
    pub required: bool,
    /// Whether it is `Nullable` instead of `Option`.
    pub nullable: bool,
}

/// Reads the surface off what is about to be emitted.
pub fn read(lowered: &[Lowered<'_>], model: &Model<'_>, generated: &Generated) -> Surface {
    Surface {
        operations: lowered
            .iter()
            .map(|entry| (entry.operation.name.clone(), operation(entry)))
            .collect(),
        types: types(model, generated),
    }
}

fn operation(entry: &Lowered<'_>) -> OperationSurface {
    let operation = entry.operation;
    let mut setters: BTreeMap<String, Setter> = operation
        .parameters
        .iter()
        .filter_map(|parameter| {
            let (name, ty) = find(entry.builder, &parameter.wire)?;
            let setter = Setter {
                wire: parameter.wire.clone(),
                place: match parameter.place {
                    Place::Path => "path",
                    Place::Query => "query",
                    Place::Header => "header",
                }
                .to_owned(),
                ty: short(ty),
                required: parameter.required,
                joined: !parameter.explode && argument(ty, "Vec").is_some(),
            };
            Some((name.to_string(), setter))
        })
        .collect();
    for part in &entry.parts {
        let setter = Setter {
            wire: part.wire.clone(),
            place: "form".to_owned(),
            ty: if part.is_file { "Upload" } else { "String" }.to_owned(),
            required: false,
            joined: false,
        };
        setters.insert(part.setter.to_string(), setter);
    }
    OperationSurface {
        id: operation.id.clone(),
        method: operation.method.to_uppercase(),
        path: operation.path.clone(),
        tag: operation.tag.clone(),
        setters,
        body: body(entry),
        body_required: operation.body_required,
        reply: reply(entry),
        listed: entry.paging.is_some(),
        paged: (entry.paging.as_ref()).is_some_and(|paging| !matches!(paging.kind, Kind::Whole)),
        deprecated: operation.deprecated,
    }
}

fn types(model: &Model<'_>, generated: &Generated) -> BTreeMap<String, TypeSurface> {
    let mut types = BTreeMap::new();
    for item in &generated.others {
        let (name, form) = match item {
            syn::Item::Struct(item) => (
                &item.ident,
                item.fields.iter().map(|field| short(&field.ty)),
            ),
            syn::Item::Type(item) => {
                types.insert(item.ident.to_string(), TypeSurface::Other(short(&item.ty)));
                continue;
            }
            _ => continue,
        };
        let form = form.collect::<Vec<_>>().join(", ");
        types.insert(name.to_string(), TypeSurface::Other(form));
    }
    for (name, item) in &generated.structs {
        let sent = model.facts.sent.contains(name);
        let (required, nullable) = (model.listed(name, REQUIRED), model.listed(name, NULLABLE));
        let holds = |list: &BTreeSet<&str>, wire: &str| sent && list.contains(wire);
        let fields = item
            .fields
            .iter()
            .filter(|field| {
                let tag = (name.clone(), field.wire.clone());
                !model.facts.union_tags.contains(&tag)
            })
            .map(|field| {
                let surface = FieldSurface {
                    wire: field.wire.clone(),
                    ty: short(&field.ty),
                    required: holds(&required, &field.wire),
                    nullable: holds(&nullable, &field.wire),
                };
                (field.ident.to_string(), surface)
            })
            .collect();
        types.insert(name.clone(), TypeSurface::Struct { fields, sent });
    }
    for (name, variants) in &generated.enums {
        let variants = variants
            .iter()
            .map(|(variant, value)| (variant.to_string(), value.clone()))
            .collect();
        types.insert(name.clone(), TypeSurface::Enum { variants });
    }
    for union in model.unions {
        let by_variant = |of: fn(&Variant) -> String| {
            let variants = union.variants.iter();
            variants
                .map(|entry| (variant(&entry.value).to_string(), of(entry)))
                .collect()
        };
        let surface = UnionSurface {
            tag: union.discriminator.clone(),
            variants: by_variant(|entry| type_name(&entry.schema)),
            values: by_variant(|entry| entry.value.clone()),
        };
        types.insert(
            ident(&type_name(&union.name)).to_string(),
            TypeSurface::Union(surface),
        );
    }
    types
}

/// The type of the reply.
pub fn reply(entry: &Lowered<'_>) -> String {
    match entry.operation.reply() {
        Reply::Empty => "()".to_owned(),
        Reply::Bytes => "ByteStream".to_owned(),
        Reply::Json => short(&entry.builder.reply),
    }
}

/// The type that `.body(..)` takes.
pub fn body(entry: &Lowered<'_>) -> Option<String> {
    match &entry.operation.body {
        Some(Body::Bytes { .. }) => Some("Bytes".to_owned()),
        _ => entry.body.as_ref().map(short),
    }
}

/// A type without the paths to its names.
pub fn short(ty: &Type) -> String {
    let text = ty.to_token_stream().to_string().replace(' ', "");
    let mut out = String::new();
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String| {
        out.push_str(word.rsplit("::").next().unwrap_or_default());
        word.clear();
    };
    for c in text.chars() {
        if c.is_alphanumeric() || c == '_' || c == ':' {
            word.push(c);
        } else {
            flush(&mut word, &mut out);
            out.push(c);
        }
    }
    flush(&mut word, &mut out);
    out.replace(',', ", ")
}

/// A type with the new names of the types in it.
pub fn translate(form: &str, renamed: &BTreeMap<String, String>) -> String {
    let mut translated = String::new();
    let mut rest = form;
    while !rest.is_empty() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        translated.push_str(renamed.get(word).map_or(word, String::as_str));
        let gap = tail.find(is_word).unwrap_or(tail.len());
        translated.push_str(&tail[..gap]);
        rest = &tail[gap..];
    }
    translated
}
