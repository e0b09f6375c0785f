//! Emits conversions from what a reply holds to what a request takes, for *read, change, write*: a
//! PUT replaces, so what is not sent again is lost.
//!
//! Where a path is read by GET and written by PUT or POST, the type in the reply that has most of
//! the request's fields converts to the request. A field of the request comes from
//! - the field of the same name and type; or of the same name and a type that converts (texts and
//!   enums convert to each other),
//! - `computeEnv.id` for `computeEnvId`, and the ids in `labels` for `labelIds`,
//! - the variant of that name of a union: `cron` from `config`, if that is a `cron`.
//!
//! A list of ids that a reply was not asked for would be emptied by the request, so that such a
//! conversion fails without it. Where the request's own launch takes the ids, they go there.
//!
//! Fields that the server alone writes are left out. What neither type knows is taken over.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Type;

use crate::document::fixups::{NULLABLE, Union};
use crate::document::{Document, reference};
use crate::model::Model;
use crate::model::syntax::{Field, Generated, argument, last_name};
use crate::names::{ident, type_name, variant};

/// Conversions of types that no path both reads and writes.
const FURTHER: &[(&str, &str)] = &[
    // A pipeline's launch has a path of its own to be read, and is written with the pipeline.
    ("WorkflowLaunchResponse", "WorkflowLaunchRequest"),
    // An update of a compute environment can't change its configuration; a new one takes it over.
    ("ComputeEnvDetails", "ComputeEnv"),
];

/// The properties beside a union that tell its kind where the union itself does not.
const KINDS: [&str; 3] = ["platform", "provider", "source"];

/// The fields of a request, with where they come from.
type Assignments = Vec<TokenStream>;

/// Emits all conversions.
pub fn emit(model: &Model<'_>, generated: &Generated) -> TokenStream {
    let mut finder = Finder {
        model,
        generated,
        found: BTreeMap::new(),
    };
    for (reply, request) in same_paths(model.document) {
        let best = finder
            .candidates(&reply)
            .map(|candidate| (finder.assignments(&candidate, &request).len(), candidate))
            .rev() // of equal ones, the outer
            .max_by_key(|(fields, _)| *fields);
        if let Some((1.., candidate)) = best {
            finder.add(&candidate, &request);
        }
    }
    for (reply, request) in FURTHER {
        finder.add(reply, request);
    }
    let conversions = finder
        .found
        .iter()
        .map(|((reply, request), assignments)| {
            let doc = format!(
                " What a [`{reply}`] says, as far as a [`{request}`] can say it: to be changed and sent."
            );
            let extra = generated.structs[request].extra();
            let demanded = finder.demanded(reply, request);
            let name = request;
            let (reply, request) = (ident(reply), ident(request));
            let value = quote! {
                Self {
                    #(#assignments,)*
                    #extra: crate::wire::convert::extra::<#reply, Self>(reply),
                    ..Self::new()
                }
            };
            let Some(source) = demanded else {
                return quote! {
                    #[doc = #doc]
                    impl From<&#reply> for #request {
                        fn from(reply: &#reply) -> Self { #value }
                    }
                };
            };
            let (field, wire) = (&source.ident, &source.wire);
            let why = format!(
                " Fails if the reply has no `{wire}`: it was not asked for them, and the request would \
                 remove them."
            );
            quote! {
                #[doc = #doc]
                #[doc = ""]
                #[doc = #why]
                impl TryFrom<&#reply> for #request {
                    type Error = crate::Error;
                    fn try_from(reply: &#reply) -> crate::Result<Self> {
                        crate::wire::convert::demand(reply.#field.is_some(), #name, #wire)?;
                        Ok(#value)
                    }
                }
            }
        });
    quote! { #(#conversions)* }
}

/// The types of the reply and of the body where a path is read and written.
fn same_paths(document: &Document) -> Vec<(String, String)> {
    let operation = |path: &str, method: &str| &document.tree["paths"][path][method];
    document
        .raw_operations()
        .filter(|(_, method, _)| matches!(*method, "put" | "post"))
        .filter_map(|(path, _, write)| {
            let body = &write["requestBody"]["content"]["application/json"]["schema"];
            let reply = operation(path, "get")["responses"]
                .as_object()?
                .values()
                .find_map(|response| {
                    reference(&response["content"]["application/json"]["schema"])
                })?;
            Some((type_name(reply), type_name(reference(body)?)))
        })
        .filter(|(reply, request)| reply != request)
        .collect()
}

struct Finder<'a> {
    model: &'a Model<'a>,
    generated: &'a Generated,
    found: BTreeMap<(String, String), Assignments>,
}

impl Finder<'_> {
    fn fields(&self, name: &str) -> &[Field] {
        self.generated
            .structs
            .get(name)
            .map_or(&[], |item| &item.fields)
    }

    fn field(&self, owner: &str, wire: &str) -> Option<&Field> {
        self.fields(owner).iter().find(|field| field.wire == wire)
    }

    /// The type of a reply, and the types of its fields.
    fn candidates(&self, reply: &str) -> impl DoubleEndedIterator<Item = String> {
        let inner: Vec<String> = self
            .fields(reply)
            .iter()
            .map(|field| last_name(&field.ty))
            .collect();
        std::iter::once(reply.to_owned()).chain(inner)
    }

    /// Notes a conversion, and those that it needs.
    fn add(&mut self, reply: &str, request: &str) {
        let key = (reply.to_owned(), request.to_owned());
        let assignments = self.assignments(reply, request);
        if assignments.is_empty() || self.found.insert(key, assignments).is_some() {
            return;
        }
        for (inner_reply, inner_request) in self.inner_pairs(reply, request) {
            self.add(&inner_reply, &inner_request);
        }
    }

    /// The conversions that a conversion needs.
    fn inner_pairs(&self, reply: &str, request: &str) -> Vec<(String, String)> {
        let targets = self.fields(request).iter();
        targets
            .filter_map(|target| {
                let source = match self.field(reply, &target.wire) {
                    Some(source) => last_name(&source.ty),
                    None => self.variant_of(reply, &target.wire)?.2,
                };
                self.converts(&source, &target.ty)
                    .then(|| (source, last_name(&target.ty)))
            })
            .collect()
    }

    fn assignments(&self, reply: &str, request: &str) -> Assignments {
        self.fields(request)
            .iter()
            .filter(|target| {
                let schema = self.model.property(request, &target.wire);
                let is_servers = schema.is_some_and(|schema| schema["readOnly"] == true);
                !is_servers && !self.model.is_union_tag(request, &target.wire)
            })
            .filter_map(|target| {
                let value = self.value(reply, target)?;
                let value = match self.ids_inside(reply, request, target) {
                    None => value,
                    Some((list, ids)) => {
                        let (list, ids) = (&list.ident, &ids.ident);
                        let inner = ident(&last_name(&target.ty));
                        quote! {
                            #value.map(|inner: #inner| #inner {
                                #ids: crate::wire::convert::ids(
                                    reply.#list.as_ref(),
                                    |inner| inner.id.clone(),
                                ),
                                ..inner
                            })
                        }
                    }
                };
                let name = &target.ident;
                Some(if self.is_nullable(request, &target.wire) {
                    quote! { #name: crate::Nullable::from_option(#value) }
                } else {
                    quote! { #name: #value }
                })
            })
            .collect()
    }

    /// Where a field of a request comes from, as an `Option`.
    fn value(&self, reply: &str, target: &Field) -> Option<TokenStream> {
        if let Some(source) = self.field(reply, &target.wire) {
            return self.same_name(reply, source, target);
        }
        if let Some((field, kind, source)) = self.variant_of(reply, &target.wire)
            && self.converts(&source, &target.ty)
        {
            let (union, variant) = (ident(&last_name(&field.ty)), variant(&kind));
            let value = self.union_value(reply, field);
            return Some(quote! {
                match &#value {
                    Some(#union::#variant(value)) => Some(value.into()),
                    _ => None,
                }
            });
        }
        self.ids(reply, target)
    }

    /// The list in a reply whose ids a request, or the launch in it, replaces.
    fn demanded(&self, reply: &str, request: &str) -> Option<&Field> {
        let mut own = self.fields(request).iter();
        let own = own.find_map(|target| self.list_of_ids(reply, target));
        own.or_else(|| {
            let mut inner = self.fields(request).iter();
            inner.find_map(|target| Some(self.ids_inside(reply, request, target)?.0))
        })
    }

    /// The list in a reply that holds the ids of a field such as `labelIds`.
    fn list_of_ids(&self, reply: &str, target: &Field) -> Option<&Field> {
        let stem = target.wire.strip_suffix("Ids")?;
        let source = self.field(reply, &format!("{stem}s"))?;
        let id = self.field(&last_name(&argument(&source.ty, "Vec")?), "id")?;
        (text(&id.ty) == text(&argument(&target.ty, "Vec")?)).then_some(source)
    }

    /// The list in a reply, and the field of a request's own field that takes its ids: a reply's
    /// labels are those of the launch in the request, if nothing else there takes them.
    fn ids_inside(&self, reply: &str, request: &str, outer: &Field) -> Option<(&Field, &Field)> {
        let inner_reply = last_name(&self.field(reply, &outer.wire)?.ty);
        let inner = last_name(&outer.ty);
        self.fields(&inner).iter().find_map(|target| {
            let source = self.list_of_ids(reply, target)?;
            let is_elsewhere = self.field(request, &target.wire).is_some()
                || self.value(&inner_reply, target).is_some();
            (!is_elsewhere).then_some((source, target))
        })
    }

    fn same_name(&self, reply: &str, source: &Field, target: &Field) -> Option<TokenStream> {
        let name = &source.ident;
        let same = text(&source.ty) == text(&target.ty);
        if same && self.union_of(&source.ty).is_some() {
            Some(self.union_value(reply, source))
        } else if same {
            Some(self.taken(reply, source))
        } else if self.is_text(&source.ty) && self.is_text(&target.ty) {
            let taken = self.taken(reply, source);
            Some(quote! { #taken.map(|value| value.as_str().into()) })
        } else {
            self.converts(&last_name(&source.ty), &target.ty)
                .then(|| quote! { reply.#name.as_ref().map(Into::into) })
        }
    }

    /// A field's value as an `Option`.
    fn taken(&self, reply: &str, source: &Field) -> TokenStream {
        let name = &source.ident;
        if self.is_nullable(reply, &source.wire) {
            quote! { reply.#name.clone().into_option() }
        } else {
            quote! { reply.#name.clone() }
        }
    }

    /// A union's value, of the kind that the property beside it tells.
    fn union_value(&self, reply: &str, source: &Field) -> TokenStream {
        let taken = self.taken(reply, source);
        match KINDS.iter().find_map(|wire| self.field(reply, wire)) {
            Some(kind) => {
                let kind = &kind.ident;
                quote! {
                    crate::wire::convert::with_kind(#taken, reply.#kind.as_ref().map(|kind| kind.as_str()))
                }
            }
            None => taken,
        }
    }

    /// `computeEnvId` from `computeEnv`, `labelIds` from `labels`.
    fn ids(&self, reply: &str, target: &Field) -> Option<TokenStream> {
        if let Some(stem) = target.wire.strip_suffix("Id") {
            let source = self.field(reply, stem)?;
            let id = self.field(&last_name(&source.ty), "id")?;
            let name = &source.ident;
            return (text(&id.ty) == text(&target.ty))
                .then(|| quote! { reply.#name.as_ref().and_then(|inner| inner.id.clone()) });
        }
        let list = &self.list_of_ids(reply, target)?.ident;
        Some(quote! { crate::wire::convert::ids(reply.#list.as_ref(), |inner| inner.id.clone()) })
    }

    /// The field of a reply whose union has a variant of this name: the field, the value of the
    /// union's tag, and the variant's type.
    fn variant_of(&self, reply: &str, kind: &str) -> Option<(&Field, String, String)> {
        self.fields(reply).iter().find_map(|field| {
            let variants = &self.union_of(&field.ty)?.variants;
            let found = variants.iter().find(|variant| variant.value == kind)?;
            Some((field, found.value.clone(), type_name(&found.schema)))
        })
    }

    fn union_of(&self, ty: &Type) -> Option<&Union> {
        let name = last_name(ty);
        let mut unions = self.model.unions.iter();
        unions.find(|union| type_name(&union.name) == name)
    }

    /// Whether one struct has at least half of the fields of another.
    fn converts(&self, source: &str, target: &Type) -> bool {
        let target = last_name(target);
        let wanted = self.fields(&target).len();
        source != target && wanted > 0 && 2 * self.assignments(source, &target).len() >= wanted
    }

    /// Enums that are written inline are a type of their own in each place.
    fn is_text(&self, ty: &Type) -> bool {
        let name = last_name(ty);
        name == "String" || self.generated.enums.contains_key(&name)
    }

    fn is_nullable(&self, owner: &str, wire: &str) -> bool {
        self.model.facts.sent.contains(owner) && self.model.listed(owner, NULLABLE).contains(wire)
    }
}

fn text(ty: &Type) -> String {
    ty.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    use crate::{Tags, generate};

    const SCHEMA: &str = r##"
openapi: 3.0.1
info: { title: Things, version: 1.0.0 }
paths:
  /things/{id}:
    parameters: []
    get:
      operationId: DescribeThing
      tags: [things]
      parameters: [{ in: path, name: id, required: true, schema: { type: string } }]
      responses:
        "200": { description: OK, content: { application/json: { schema: { $ref: "#/components/schemas/DescribeThingResponse" } } } }
    put:
      operationId: UpdateThing
      tags: [things]
      parameters: [{ in: path, name: id, required: true, schema: { type: string } }]
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/UpdateThingRequest" } } } }
      responses: { "204": { description: OK } }
components:
  schemas:
    DescribeThingResponse: { type: object, properties: { thing: { $ref: "#/components/schemas/ThingDto" } } }
    Place: { type: object, properties: { id: { type: string } } }
    Tag: { type: object, properties: { id: { type: integer } } }
    PartDto: { type: object, properties: { size: { type: integer }, made: { type: string } } }
    PartRequest: { type: object, properties: { size: { type: integer } } }
    ThingDto:
      type: object
      properties:
        name: { type: string }
        state: { type: string }
        note: { type: string }
        colour: { type: string, enum: [red, blue] }
        place: { $ref: "#/components/schemas/Place" }
        tags: { type: array, items: { $ref: "#/components/schemas/Tag" } }
        part: { $ref: "#/components/schemas/PartDto" }
        count: { type: string }
    UpdateThingRequest:
      type: object
      properties:
        name: { type: string }
        state: { type: string, readOnly: true }
        note: { type: string, nullable: true }
        colour: { type: string, enum: [red, blue, green] }
        placeId: { type: string }
        tagIds: { type: array, items: { type: integer } }
        part: { $ref: "#/components/schemas/PartRequest" }
        count: { type: integer }
"##;

    #[test]
    fn what_a_path_reads_converts_to_what_it_writes() {
        let types = generate(SCHEMA, None, &Tags::All).unwrap().types;
        let start = types
            .find("impl TryFrom<&ThingDto> for UpdateThingRequest")
            .unwrap();
        let conversion: String = types[start..]
            .split("\n}")
            .next()
            .unwrap()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        for assignment in [
            " name: reply.name.clone(),",
            " note: crate::Nullable::from_option(reply.note.clone()),",
            " colour: reply.colour.clone().map(|value| value.as_str().into()),",
            " place_id: reply.place.as_ref().and_then(|inner| inner.id.clone()),",
            " tag_ids: crate::wire::convert::ids( reply.tags.as_ref(), |inner| inner.id.clone(), ),",
            " part: reply.part.as_ref().map(Into::into),",
        ] {
            assert!(
                conversion.contains(assignment),
                "{assignment} in {conversion}"
            );
        }
        // What was not asked for would be removed.
        assert!(
            conversion.contains("convert::demand( reply.tags.is_some()"),
            "{conversion}"
        );
        // The server's own, and one that is of another type.
        assert!(!conversion.contains("state:") && !conversion.contains("count:"));
        assert!(types.contains("impl From<&PartDto> for PartRequest"));
    }
}
