//! Emits the types: structs whose every field may be missing, open enums, tagged unions.

use std::collections::BTreeSet;

use anyhow::Result;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use serde_json::Value;
use syn::Type;

use crate::document::fixups::{ITERATOR, NULLABLE, REQUIRED};
use crate::document::reference;
use crate::model::Model;
use crate::model::syntax::{self, Generated, Struct, argument, element, last_name};
use crate::names::{ident, normal, type_name};
use crate::write::{conversions, docs, enums, unions};

/// Emits the contents of module `types`.
pub fn emit(model: &Model<'_>, generated: &Generated) -> Result<TokenStream> {
    let union_names: BTreeSet<String> = model
        .unions
        .iter()
        .map(|union| type_name(&union.name))
        .collect();
    let mut items = Vec::new();
    for (name, item) in &generated.structs {
        if !union_names.contains(name) {
            items.push(emit_struct(model, name, item));
        }
    }
    for (name, variants) in &generated.enums {
        items.push(enums::emit(model, name, variants));
    }
    for union in model.unions {
        items.push(unions::emit(model, union));
    }
    let others = &generated.others;
    let conversions = conversions::emit(model, generated);
    Ok(quote! { #(#items)* #(#others)* #conversions })
}

/// How a field is read, written and set.
struct FieldCode {
    declaration: TokenStream,
    wire: String,
    read: TokenStream,
    write: TokenStream,
    setter: TokenStream,
    debug: TokenStream,
    check: Option<TokenStream>,
}

fn emit_struct(model: &Model<'_>, name: &str, item: &Struct) -> TokenStream {
    let struct_ident = ident(name);
    let doc = docs::of_type(model, name);
    let required = model.listed(name, REQUIRED);
    let nullables = model.listed(name, NULLABLE);
    let is_sent = model.facts.sent.contains(name);
    let extra = item.extra();
    let is_secret: BTreeSet<&str> = item
        .fields
        .iter()
        .filter(|field| holds_secret(model, name, &field.wire))
        .map(|field| field.wire.as_str())
        .collect();
    let mut fields: Vec<FieldCode> = item
        .fields
        .iter()
        .filter(|field| !model.is_union_tag(name, &field.wire))
        .map(|field| {
            let nullable = is_sent && nullables.contains(field.wire.as_str());
            let demanded = is_sent && required.contains(field.wire.as_str());
            emit_field(
                model,
                name,
                field,
                nullable,
                demanded,
                is_secret.contains(field.wire.as_str()),
                &extra,
            )
        })
        .collect();
    fields.sort_by(|a, b| a.wire.cmp(&b.wire));
    let mut by_length: Vec<&FieldCode> = fields.iter().collect(); // as `Record` demands
    by_length.sort_by_key(|field| field.wire.len());
    let wires = by_length.iter().map(|field| &field.wire);
    let writes = fields.iter().map(|field| &field.write);
    let reads = by_length.iter().enumerate().map(|(index, field)| {
        let read = &field.read;
        quote! { #index => #read, }
    });
    let declarations = fields.iter().map(|field| &field.declaration);
    let setters = fields.iter().map(|field| &field.setter);
    let (derive_debug, debug) = if is_secret.is_empty() {
        (quote! { Debug, }, None)
    } else {
        let members = fields.iter().map(|field| &field.debug);
        (
            quote! {},
            Some(quote! {
                impl ::std::fmt::Debug for #struct_ident {
                    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.debug_struct(#name) #(#members)* .field("extra", &self.#extra.names()).finish()
                    }
                }
            }),
        )
    };
    let check = (model.facts.checked.contains(name)).then(|| {
        let checks = fields.iter().filter_map(|field| field.check.as_ref());
        quote! {
            #[allow(unused_variables)]
            impl crate::wire::check::Check for #struct_ident {
                fn check(&self, missing: &mut crate::wire::check::Missing) { #(#checks)* }
            }
        }
    });
    quote! {
        #doc
        #[derive(Clone, #derive_debug Default)]
        #[non_exhaustive]
        pub struct #struct_ident { #(#declarations)* #extra: crate::wire::extra::Extra }
        impl #struct_ident {
            /// An empty value: no field is set.
            pub fn new() -> Self { <Self as Default>::default() }
            #(#setters)*
        }
        #[allow(unused_variables)]
        impl Record for #struct_ident {
            const FIELDS: &'static [&'static str] = &[#(#wires),*];
            fn read<'de, A: ::serde::de::MapAccess<'de>>(
                &mut self,
                field: usize,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match field { #(#reads)* _ => Ok(()) }
            }
            fn write<S: ::serde::ser::SerializeMap>(&self, fields: &mut Fields<'_, S>) { #(#writes)* }
            fn unknown(&self) -> &crate::wire::extra::Extra { &self.#extra }
            fn unknown_mut(&mut self) -> &mut crate::wire::extra::Extra { &mut self.#extra }
        }
        crate::wire::record_serde!(#struct_ident);
        #debug
        #check
    }
}

/// Methods of a struct that set no field.
const OWN_METHODS: [&str; 3] = ["new", "extra", "extra_mut"];

fn emit_field(
    model: &Model<'_>,
    owner: &str,
    field: &syntax::Field,
    nullable: bool,
    demanded: bool,
    secret: bool,
    extra: &syn::Ident,
) -> FieldCode {
    let name = &field.ident;
    let wire = &field.wire;
    let ty = &field.ty;
    let doc = docs::of_field(model, owner, wire, demanded, nullable);
    let declared = if nullable {
        quote! { crate::Nullable<#ty> }
    } else {
        quote! { Option<#ty> }
    };
    let declaration = quote! {
        #doc
        pub #name: #declared,
    };
    let reader = ident(reader(ty, model.property(owner, wire)));
    let read = quote! { record::#reader(&mut self.#name, map) };
    let writer = if nullable {
        quote! { nullable }
    } else {
        quote! { field }
    };
    let write = quote! { fields.#writer(#wire, &self.#name); };
    let sets = docs::attributes(&format!("Sets `{wire}`."));
    let setter = emit_setter(field, nullable, &quote! { self }, &sets);
    let text = name.to_string();
    let debug = if secret {
        quote! { .field(#text, &crate::wire::secret::Redacted(self.#name.is_some())) }
    } else {
        quote! { .field(#text, &self.#name) }
    };
    let nested = model.facts.checked.contains(&element(ty));
    let list = argument(ty, "Vec").is_some();
    // What could not be read is sent as it came.
    let wanted = quote! { #demanded && !self.#extra.has(#wire) };
    let check = match (nested, list) {
        (false, _) if !demanded => None,
        (false, _) => Some(quote! {
            missing.demand(#text, self.#name.is_some() || self.#extra.has(#wire));
        }),
        (true, false) => Some(quote! {
            missing.inside(#text, self.#name.as_ref().map(|v| v as _), #wanted);
        }),
        (true, true) => Some(quote! { missing.each(#text, self.#name.as_ref(), #wanted); }),
    };
    FieldCode {
        declaration,
        wire: wire.clone(),
        read,
        write,
        setter,
        debug,
        check,
    }
}

/// The function of module `record` that reads a field of this type.
fn reader(ty: &Type, schema: Option<&Value>) -> &'static str {
    let is_integers = |wrapper, position| {
        syntax::argument_at(ty, wrapper, position).is_some_and(|inner| last_name(&inner) == "i64")
    };
    if last_name(ty) == "i64" {
        "read_integer"
    } else if is_integers("Vec", 0) {
        "read_integers"
    } else if is_integers("BTreeMap", 1) {
        "read_integer_map"
    } else if schema.is_some_and(|schema| schema.get(ITERATOR).is_some()) {
        "read_iterator"
    } else {
        "read"
    }
}

/// The setter of a field of `target`.
pub fn emit_setter(
    field: &syntax::Field,
    nullable: bool,
    target: &TokenStream,
    doc: &TokenStream,
) -> TokenStream {
    let name = &field.ident;
    let ty = &field.ty;
    let setter = match OWN_METHODS.contains(&name.to_string().as_str()) {
        true => format_ident!("{}_", name),
        false => name.clone(),
    };
    let (marker, parameter, value) = if nullable {
        let parameter = quote! { impl Into<crate::Nullable<#ty>> };
        (quote! {}, parameter, quote! { value.into() })
    } else {
        taken(ty)
    };
    quote! {
        #doc
        pub fn #setter #marker(mut self, value: #parameter) -> Self {
            #target.#name = #value;
            self
        }
    }
}

/// What a setter takes for a field of a type: the marker that is inferred, the type of the
/// parameter, and the field's value.
fn taken(ty: &Type) -> (TokenStream, TokenStream, TokenStream) {
    let marker = quote! { <M> };
    if let Some(inner) = argument(ty, "Vec") {
        return if last_name(&inner) == "String" {
            let parameter = quote! { impl crate::SettingTexts<#inner, M> };
            (marker, parameter, quote! { value.setting_texts() })
        } else {
            let parameter = quote! { impl crate::SettingList<#inner, M> };
            (marker, parameter, quote! { value.setting_list() })
        };
    }
    if let Some(inner) = argument(ty, "Box") {
        let parameter = quote! { impl crate::Setting<#inner, M> };
        return (marker, parameter, quote! { value.setting().map(Box::new) });
    }
    if last_name(ty) == "Value" {
        // Options convert into JSON by themselves.
        return (
            quote! {},
            quote! { impl Into<#ty> },
            quote! { Some(value.into()) },
        );
    }
    let parameter = quote! { impl crate::Setting<#ty, M> };
    (marker, parameter, quote! { value.setting() })
}

/// Whether a field's value must not show in `Debug`: the schema calls it write-only, or its name
/// says that it is a secret.
fn holds_secret(model: &Model<'_>, owner: &str, wire: &str) -> bool {
    const SECRETS: [&str; 9] = [
        "password",
        "token",
        "accesskey",
        "secretkey",
        "privatekey",
        "passphrase",
        "clientsecret",
        "basicauth",
        "keys",
    ];
    let Some(schema) = model.property(owner, wire) else {
        return false;
    };
    if schema["type"] != "string" || reference(schema).is_some() {
        return false;
    }
    schema["writeOnly"] == true
        || SECRETS.contains(&normal(wire).as_str())
        || (wire == "value" && owner.contains("Secret"))
}
