//! Reads the generator's output: which types and operations it made, and with what Rust types.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Fields, GenericArgument, Ident, Item, PathArguments, Type};

/// What the generator made of the schema.
pub struct Generated {
    /// The structs of module `types`, by name.
    pub structs: BTreeMap<String, Struct>,
    /// The enums of module `types`: names of variants by value on the wire.
    pub enums: BTreeMap<String, Vec<(Ident, String)>>,
    /// Types of other forms (named arrays and maps), with their implementations, as they are.
    pub others: Vec<Item>,
    /// The operations' builders, by the name of the client's method.
    pub builders: BTreeMap<String, Builder>,
}

/// A struct with named fields.
pub struct Struct {
    /// Its fields in order.
    pub fields: Vec<Field>,
}

impl Struct {
    /// The name of the field with what the schema does not know: `extra`, or one that no property
    /// has.
    pub fn extra(&self) -> Ident {
        let mut name = "extra".to_owned();
        while self.fields.iter().any(|field| field.ident == name) {
            name.push('_');
        }
        crate::names::ident(&name)
    }
}

/// A field of a struct.
pub struct Field {
    /// The Rust name.
    pub ident: Ident,
    /// The name on the wire.
    pub wire: String,
    /// The type, less the `Option` around it.
    pub ty: Type,
}

/// An operation's builder.
pub struct Builder {
    /// The struct's name.
    pub ident: Ident,
    /// Parameters, in order, with the types that their setters take. The body is called `body`.
    pub parameters: Vec<(Ident, Type)>,
    /// What `send` returns in the end.
    pub reply: Type,
}

/// Parses the generator's tokens, leaving out what is not used: the builders of types, two thirds
/// of the output, and what the functions of operations do.
pub fn read(tokens: TokenStream) -> Result<Generated> {
    let file: syn::File =
        syn::parse2(without_unused(tokens)).context("the generator's output is no Rust")?;
    let mut generated = Generated {
        structs: BTreeMap::new(),
        enums: BTreeMap::new(),
        others: Vec::new(),
        builders: BTreeMap::new(),
    };
    for item in file.items {
        let Item::Mod(module) = item else { continue };
        let items = module.content.map(|(_, items)| items).unwrap_or_default();
        if module.ident == "types" {
            read_types(items, &mut generated)?;
        } else if module.ident == "builder" {
            read_builders(items, &mut generated)?;
        }
    }
    Ok(generated)
}

/// Methods of a builder that set no parameter.
pub const OWN_METHODS: [&str; 9] = [
    "new",
    "send",
    "send_with_response",
    "prepare",
    "into_future",
    "stream",
    "pages",
    "all",
    "body_map",
];

/// The setter of a parameter, which is not called as the builder's own methods are.
fn setter(name: Ident) -> Ident {
    match OWN_METHODS.contains(&name.to_string().as_str()) {
        true => quote::format_ident!("{name}_"),
        false => name,
    }
}

/// Replaces the body of each module by what `change` makes of it; `None` takes the module out.
fn map_modules(
    tokens: TokenStream,
    change: &dyn Fn(&str, TokenStream) -> Option<TokenStream>,
) -> TokenStream {
    let mut kept: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = &token else {
            kept.push(token);
            continue;
        };
        let name = match kept.as_slice() {
            [.., TokenTree::Ident(keyword), TokenTree::Ident(name)] if keyword == "mod" => {
                name.to_string()
            }
            _ => {
                kept.push(token);
                continue;
            }
        };
        match change(&name, group.stream()) {
            Some(stream) => kept.push(proc_macro2::Group::new(Delimiter::Brace, stream).into()),
            None => {
                kept.truncate(kept.len() - 3); // `pub mod name`
                while let [.., TokenTree::Punct(hash), TokenTree::Group(_)] = kept.as_slice()
                    && hash.as_char() == '#'
                {
                    kept.truncate(kept.len() - 2);
                }
            }
        }
    }
    kept.into_iter().collect()
}

/// The items outside of modules.
pub fn without_all_modules(tokens: TokenStream) -> TokenStream {
    map_modules(tokens, &|_, _| None)
}

fn without_unused(tokens: TokenStream) -> TokenStream {
    map_modules(tokens, &|module, stream| match module {
        "builder" => Some(without_bodies(stream)),
        "types" => Some(map_modules(stream, &|inner, stream| match inner {
            "builder" | "error" => None,
            _ => Some(stream),
        })),
        _ => Some(stream),
    })
}

/// The items of a module, with empty functions.
fn without_bodies(items: TokenStream) -> TokenStream {
    let mut in_impl = false;
    map_braces(items, &mut |token| {
        match token {
            TokenTree::Ident(word) if word == "impl" => in_impl = true,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let members = group.stream();
                return std::mem::take(&mut in_impl)
                    .then(|| map_braces(members, &mut |_| Some(TokenStream::new())));
            }
            _ => {}
        }
        None
    })
}

/// Replaces what stands in braces where `change` says so.
fn map_braces(
    tokens: TokenStream,
    change: &mut dyn FnMut(&TokenTree) -> Option<TokenStream>,
) -> TokenStream {
    let replace = |token: TokenTree| match (change(&token), &token) {
        (Some(stream), TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            proc_macro2::Group::new(Delimiter::Brace, stream).into()
        }
        _ => token,
    };
    tokens.into_iter().map(replace).collect()
}

fn read_types(items: Vec<Item>, generated: &mut Generated) -> Result<()> {
    let mut implementations = Vec::new();
    for item in items {
        match item {
            Item::Struct(item) if matches!(item.fields, Fields::Named(_)) => {
                let mut fields: Vec<Field> = item
                    .fields
                    .into_iter()
                    .map(|field| {
                        let ident = field.ident.clone().context("a field without a name")?;
                        let wire = serde_rename(&field.attrs).unwrap_or_else(|| unraw(&ident));
                        Ok(Field {
                            ident,
                            wire,
                            ty: unwrap(plain(field.ty), &["Option"]),
                        })
                    })
                    .collect::<Result<_>>()?;
                keep_apart(&mut fields);
                generated
                    .structs
                    .insert(item.ident.to_string(), Struct { fields });
            }
            Item::Enum(item)
                if item
                    .variants
                    .iter()
                    .all(|variant| variant.fields.is_empty()) =>
            {
                let variants = item
                    .variants
                    .into_iter()
                    .map(|variant| {
                        let wire =
                            serde_rename(&variant.attrs).unwrap_or_else(|| unraw(&variant.ident));
                        (variant.ident, wire)
                    })
                    .collect();
                generated.enums.insert(item.ident.to_string(), variants);
            }
            Item::Enum(item) => bail!(
                "the generator made an enum `{}` that guesses by shape: a union without a discriminator",
                item.ident
            ),
            Item::Impl(item) => implementations.push(item),
            other => generated.others.push(other),
        }
    }
    for item in implementations {
        let target = item.self_ty.to_token_stream().to_string();
        if !generated.structs.contains_key(&target) && !generated.enums.contains_key(&target) {
            generated.others.push(Item::Impl(item));
        }
    }
    Ok(())
}

/// Two properties may have one name in Rust (`fooBar`, `foo_bar`): the second gets a number.
fn keep_apart(fields: &mut [Field]) {
    let mut taken = std::collections::BTreeSet::new();
    for field in fields {
        let name = unraw(&field.ident);
        if taken.insert(name.clone()) {
            continue;
        }
        let free = (2..)
            .map(|number| format!("{name}_{number}"))
            .find(|other| taken.insert(other.clone()));
        field.ident = crate::names::ident(&free.unwrap_or(name));
    }
}

fn read_builders(items: Vec<Item>, generated: &mut Generated) -> Result<()> {
    use heck::ToSnakeCase;
    let mut replies = BTreeMap::new();
    let mut structs = Vec::new();
    for item in items {
        match item {
            Item::Struct(item) => structs.push(item),
            Item::Impl(item) => {
                let Type::Path(path) = *item.self_ty else {
                    continue;
                };
                let Some(name) = path
                    .path
                    .segments
                    .last()
                    .map(|segment| segment.ident.clone())
                else {
                    continue;
                };
                for member in item.items {
                    if let syn::ImplItem::Fn(function) = member
                        && function.sig.ident == "send"
                        && let syn::ReturnType::Type(_, ty) = function.sig.output
                    {
                        replies.insert(
                            name.to_string(),
                            unwrap(plain(*ty), &["Result", "ResponseValue"]),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    for item in structs {
        let ident = item.ident;
        let reply = replies
            .remove(&ident.to_string())
            .with_context(|| format!("builder {ident} has no send"))?;
        let mut parameters: Vec<(Ident, Type)> = item
            .fields
            .into_iter()
            .skip(1) // the client
            .filter_map(|field| {
                let ty = unwrap(plain(field.ty), &["Result", "Option"]);
                Some((setter(field.ident?), ty))
            })
            .collect();
        // Beside a parameter of that name, the body is the last.
        if let [others @ .., (body, _)] = parameters.as_mut_slice()
            && let Some((name, _)) = others.iter_mut().find(|(name, _)| name == body)
        {
            *name = quote::format_ident!("{name}_");
        }
        generated.builders.insert(
            ident.to_string().to_snake_case(),
            Builder {
                ident,
                parameters,
                reply,
            },
        );
    }
    Ok(())
}

/// `::std::vec::Vec<::std::string::String>` as people write it: `Vec<String>`; and the crate's own
/// type for moments in time.
fn plain(mut ty: Type) -> Type {
    if last_name(&ty) == "DateTime" {
        return syn::parse_quote! { crate::Timestamp };
    }
    let Type::Path(path) = &mut ty else { return ty };
    let in_prelude = ["String", "Vec", "Option", "Box", "Result"];
    for segment in &mut path.path.segments {
        if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
            for argument in &mut arguments.args {
                if let GenericArgument::Type(inner) = argument {
                    *inner = plain(inner.clone());
                }
            }
        }
    }
    if path.path.leading_colon.is_some()
        && let Some(last) = path.path.segments.last().cloned()
        && in_prelude.contains(&last.ident.to_string().as_str())
    {
        path.path = last.into();
    }
    ty
}

/// Takes the named generic types off: `unwrap(Result<Option<T>, E>, [Result, Option])` is `T`.
fn unwrap(ty: Type, wrappers: &[&str]) -> Type {
    let Some((wrapper, rest)) = wrappers.split_first() else {
        return ty;
    };
    match argument(&ty, wrapper) {
        Some(inner) => unwrap(inner, rest),
        None => unwrap(ty, rest),
    }
}

/// The first argument of a generic type of this name.
pub fn argument(ty: &Type, name: &str) -> Option<Type> {
    argument_at(ty, name, 0)
}

/// An argument of a generic type of this name, counted from 0.
pub fn argument_at(ty: &Type, name: &str, position: usize) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let last = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    arguments
        .args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty.clone()),
            _ => None,
        })
        .nth(position)
}

/// The last segment of a type's path: `i64`, `String`, `Vec`, `WorkflowDbDto`.
pub fn last_name(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path
            .path
            .segments
            .last()
            .map(|segment| segment.ident.to_string())
            .unwrap_or_default(),
        other => other.to_token_stream().to_string(),
    }
}

/// The name of the type inside `Vec`, `Box`, or of a map's values.
pub fn element(ty: &Type) -> String {
    ["Vec", "Box"]
        .iter()
        .find_map(|wrapper| argument(ty, wrapper))
        .map_or_else(|| last_name(ty), |inner| element(&inner))
}

/// A type as module `types` writes it, seen from module `builder`.
pub fn in_types(ty: &Type) -> Type {
    const OTHERS: [&str; 4] = ["String", "Vec", "Option", "Box"];
    let mut ty = ty.clone();
    let Type::Path(path) = &mut ty else { return ty };
    for segment in &mut path.path.segments {
        if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
            for argument in &mut arguments.args {
                if let GenericArgument::Type(inner) = argument {
                    *inner = in_types(inner);
                }
            }
        }
    }
    let is_bare = path.path.segments.len() == 1 && path.path.leading_colon.is_none();
    let name = last_name(&ty);
    if is_bare && name.starts_with(char::is_uppercase) && !OTHERS.contains(&name.as_str()) {
        syn::parse_str(&format!("types::{name}")).unwrap_or(ty)
    } else {
        ty
    }
}

/// A type of module `types` as the builders write it.
pub fn qualified(ty: &Type) -> Type {
    // The generator writes the builder of a body's type; the type is wanted.
    let text = ty
        .to_token_stream()
        .to_string()
        .replace("types :: builder ::", "types ::");
    syn::parse_str(&text).unwrap_or_else(|_| ty.clone())
}

fn serde_rename(attributes: &[syn::Attribute]) -> Option<String> {
    let mut found = None;
    for attribute in attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("serde"))
    {
        // The other arguments have values or none; both are skipped.
        let _ = attribute.parse_nested_meta(|meta| {
            if let Ok(value) = meta.value() {
                let text: syn::LitStr = value.parse()?;
                if meta.path.is_ident("rename") {
                    found = Some(text.value());
                }
            }
            Ok(())
        });
    }
    found
}

fn unraw(ident: &Ident) -> String {
    ident.to_string().trim_start_matches("r#").to_owned()
}
