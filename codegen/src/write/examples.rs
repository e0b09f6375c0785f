//! Writes JSON values as the Rust code that makes them: the bodies and arguments in examples.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use serde_json::{Value, json};
use syn::Type;

use crate::document::fixups::Union;
use crate::document::{Body, Reply};
use crate::model::Model;
use crate::model::operations::{Lowered, find};
use crate::model::syntax::{Generated, argument, argument_at, last_name};
use crate::names::{ident, type_name, variant};

/// An example of a call, to be compiled with the documentation.
pub fn of_call(entry: &Lowered<'_>, model: &Model<'_>, generated: &Generated) -> String {
    let (statements, types) = statements(entry, model, generated);
    let mut text = imports(&types);
    let _ = write!(
        text,
        "# async fn example(client: seqera::Client) -> seqera::Result<()> {{\n{}# Ok(())\n# }}\n",
        formatted(statements)
    );
    text
}

/// Emits the examples of all operations, for tests that run them.
pub fn table(lowered: &[Lowered<'_>], model: &Model<'_>, generated: &Generated) -> TokenStream {
    let examples = lowered.iter().map(|entry| {
        let id = &entry.operation.id;
        let (statements, types) = statements(entry, model, generated);
        let types = types.iter().map(|name| ident(name));
        quote! {
            (#id, |client| Box::pin(async move {
                #[allow(unused_imports)]
                use seqera::types::{#(#types),*};
                #statements
                Ok(())
            }))
        }
    });
    quote! {
        /// The example of each operation.
        pub static EXAMPLES: &[(&str, Example)] = &[#(#examples),*];
    }
}

/// The statements of an example, and the types that they name.
fn statements(
    entry: &Lowered<'_>,
    model: &Model<'_>,
    generated: &Generated,
) -> (TokenStream, BTreeSet<String>) {
    let operation = entry.operation;
    let mut writer = Writer::new(model, generated);
    let method = ident(&operation.name);
    let mut call = quote! { client.#method() };
    for parameter in &operation.parameters {
        let Some((setter, ty)) = find(entry.builder, &parameter.wire) else {
            continue;
        };
        let example = parameter.example.clone();
        let Some(value) = example.or_else(|| parameter.required.then(|| sample(ty))) else {
            continue;
        };
        if let Some(value) = writer.value(ty, &value) {
            call.extend(quote! { .#setter(#value) });
        }
    }
    call.extend(body(entry, &mut writer));
    let statements = match operation.reply() {
        _ if entry.paging.is_some() => quote! {
            let mut items = #call.stream();
            while let Some(item) = items.try_next().await? {
                println!("{item:?}");
            }
        },
        Reply::Empty => quote! { #call.send().await?; },
        Reply::Json => quote! { let reply = #call.send().await?; },
        Reply::Bytes => quote! { let bytes = #call.send().await?.bytes().await?; },
    };
    (statements, writer.types)
}

/// The call that sets the body.
fn body(entry: &Lowered<'_>, writer: &mut Writer<'_>) -> TokenStream {
    let operation = entry.operation;
    match &operation.body {
        Some(Body::Json { .. }) => {
            let Some(ty) = &entry.body else {
                return TokenStream::new();
            };
            let example = operation.example.clone().unwrap_or_else(|| json!({}));
            let value = writer.value(ty, &example);
            value.map_or_else(TokenStream::new, |value| quote! { .body(#value) })
        }
        Some(Body::Multipart { json, .. }) => match (&entry.body, &operation.example) {
            (Some(ty), Some(example)) if *json => {
                let value = writer.value(ty, example);
                value.map_or_else(TokenStream::new, |value| quote! { .body(#value) })
            }
            _ => {
                let file = entry.parts.iter().find(|part| part.is_file);
                file.map_or_else(TokenStream::new, |part| {
                    let setter = &part.setter;
                    let path = match part.wire.as_str() {
                        "image" => "avatar.png",
                        _ => "batch-02.csv",
                    };
                    quote! { .#setter(seqera::Upload::from_path(#path)) }
                })
            }
        },
        Some(Body::Bytes { .. }) => quote! { .body("…") },
        Some(Body::Empty) | None => TokenStream::new(),
    }
}

/// A value for a parameter that must be given and has no example.
fn sample(ty: &Type) -> Value {
    match last_name(ty).as_str() {
        "i64" => json!(42),
        "bool" => json!(true),
        _ => json!("5kDrx8pEqkKq3n"),
    }
}

fn imports(types: &BTreeSet<String>) -> String {
    match types.len() {
        0 => String::new(),
        1 => types
            .iter()
            .map(|name| format!("use seqera::types::{name};\n\n"))
            .collect(),
        _ => {
            let names: Vec<&str> = types.iter().map(String::as_str).collect();
            let line = format!("use seqera::types::{{{}}};\n\n", names.join(", "));
            if line.len() <= 100 {
                return line;
            }
            format!(
                "use seqera::types::{{\n    {},\n}};\n\n",
                names.join(",\n    ")
            )
        }
    }
}

/// Statements as rustfmt would write them.
fn formatted(statements: TokenStream) -> String {
    let file = syn::parse2(quote! { fn example() { #statements } });
    let text = file.map_or_else(
        |_| statements.to_string(),
        |file| prettyplease::unparse(&file),
    );
    let lines = text.lines().filter(|line| line.starts_with("    "));
    lines.map(|line| format!("{}\n", &line[4..])).collect()
}

/// Writes values of the generated types, and notes which types that takes.
struct Writer<'a> {
    model: &'a Model<'a>,
    generated: &'a Generated,
    /// The types that the code names.
    types: BTreeSet<String>,
}

impl<'a> Writer<'a> {
    fn new(model: &'a Model<'a>, generated: &'a Generated) -> Self {
        Self {
            model,
            generated,
            types: BTreeSet::new(),
        }
    }

    /// The code for a value of a type, as a setter takes it. What the type does not have, a field or a
    /// value of a newer schema, is left out.
    fn value(&mut self, ty: &Type, value: &Value) -> Option<TokenStream> {
        let name = last_name(ty);
        match name.as_str() {
            "Box" => return self.value(&argument(ty, "Box")?, value),
            "Vec" => {
                let inner = argument(ty, "Vec")?;
                let items = value.as_array()?.iter();
                let items: Vec<_> = items.filter_map(|item| self.value(&inner, item)).collect();
                return Some(quote! { [#(#items),*] });
            }
            "BTreeMap" => {
                let inner = argument_at(ty, "BTreeMap", 1)?;
                let entries: Vec<_> = value
                    .as_object()?
                    .iter()
                    .filter_map(|(key, value)| {
                        let value = self.value(&inner, value)?;
                        let value = match last_name(&inner) == "String" {
                            true => quote! { #value.to_owned() },
                            false => value,
                        };
                        Some(quote! { (#key.to_owned(), #value) })
                    })
                    .collect();
                return Some(quote! { [#(#entries),*] });
            }
            "Value" => {
                let value = plain(value)?;
                return Some(quote! { serde_json::Value::from(#value) });
            }
            "Timestamp" => return Some(quote! { std::time::SystemTime::now() }),
            "i64" | "f64" | "bool" | "String" => return plain(value),
            _ => {}
        }
        let unions = self.model.unions;
        if let Some(union) = unions.iter().find(|union| type_name(&union.name) == name) {
            return self.union(&name, union, value);
        }
        if let Some(variants) = self.generated.enums.get(&name) {
            let (variant, _) = variants.iter().find(|(_, wire)| value == wire.as_str())?;
            let ty = self.named(&name);
            return Some(quote! { #ty::#variant });
        }
        self.object(&name, value)
    }

    fn union(&mut self, name: &str, union: &Union, value: &Value) -> Option<TokenStream> {
        let kind = value[union.discriminator.as_str()].as_str()?;
        let chosen = union.variants.iter().find(|entry| entry.value == kind)?;
        let inner = self.object(&type_name(&chosen.schema), value)?;
        let (ty, variant) = (self.named(name), variant(kind));
        Some(match chosen.is_recursive {
            true => quote! { #ty::#variant(Box::new(#inner)) },
            false => quote! { #ty::#variant(#inner) },
        })
    }

    fn object(&mut self, name: &str, value: &Value) -> Option<TokenStream> {
        let generated = self.generated;
        let item = generated.structs.get(name)?;
        let ty = self.named(name);
        let mut code = quote! { #ty::new() };
        for (wire, value) in value.as_object()? {
            let field = item.fields.iter().find(|field| field.wire == *wire);
            let Some(field) = field.filter(|_| !self.model.is_union_tag(name, wire)) else {
                continue;
            };
            if let Some(value) = self.value(&field.ty, value) {
                let setter = match field.ident == "new" {
                    true => format_ident!("new_"),
                    false => field.ident.clone(),
                };
                code.extend(quote! { .#setter(#value) });
            }
        }
        Some(code)
    }

    fn named(&mut self, name: &str) -> syn::Ident {
        self.types.insert(name.to_owned());
        ident(name)
    }
}

/// A literal: text, a number or a boolean.
fn plain(value: &Value) -> Option<TokenStream> {
    Some(match value {
        Value::String(text) => quote! { #text },
        Value::Bool(value) => quote! { #value },
        Value::Number(number) => {
            // Setters take integers of all sizes, so that a literal alone is of 32 bits.
            let large = number
                .as_i64()
                .is_some_and(|number| i32::try_from(number).is_err());
            let suffix = if large { "_i64" } else { "" };
            let literal: Literal = (grouped(&number.to_string()) + suffix).parse().ok()?;
            quote! { #literal }
        }
        _ => return None,
    })
}

/// A long number with its digits in groups of three.
fn grouped(number: &str) -> String {
    if number.len() <= 6 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return number.to_owned();
    }
    let mut text = String::new();
    for (index, digit) in number.chars().enumerate() {
        if index > 0 && (number.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_grouped() {
        assert_eq!(grouped("20102"), "20102");
        assert_eq!(grouped("41280733906518"), "41_280_733_906_518");
        assert_eq!(grouped("1234567"), "1_234_567");
        assert_eq!(grouped("0.123456789"), "0.123456789");
    }
}
