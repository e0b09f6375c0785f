//! One spelling of names in reports: that of a program which uses the crate.

use heck::ToSnakeCase;
use seqera_codegen::names::{normal, type_name};
use seqera_codegen::surface::{Surface, TypeSurface, UnionSurface};

/// A name of the schema, or of a list made from it, as programs write it: `ListWorkflows.maxLength`
/// is `list_workflows.max_length`. What stands after a space stays.
pub fn of_program(name: &str, surface: &Surface) -> String {
    let (name, rest) = name.split_at(name.find(' ').unwrap_or(name.len()));
    let (owner, member) = match name.split_once('.') {
        Some((owner, member)) => (owner, Some(member)),
        None => (name, None),
    };
    // A schema's own name may have a point in it.
    if let Some(found) = [name, owner]
        .iter()
        .find_map(|name| known_type(name, surface))
    {
        let member = member.filter(|_| normal(&found) != normal(name));
        let member = member.map(|member| of_type(member, &surface.types[&found]));
        return joined(&found, member) + rest;
    }
    let mut operations = surface.operations.iter();
    let found = operations.find(|(_, operation)| normal(&operation.id) == normal(owner));
    match found {
        Some((name, operation)) => {
            let member = member.map(|member| {
                let mut setters = operation.setters.iter();
                let found = setters.find(|(_, setter)| setter.wire == member);
                found.map_or(member, |(name, _)| name).to_owned()
            });
            joined(name, member) + rest
        }
        None => joined(&owner.to_snake_case(), member.map(str::to_owned)) + rest,
    }
}

fn joined(owner: &str, member: Option<String>) -> String {
    match member {
        Some(member) => format!("{owner}.{member}"),
        None => owner.to_owned(),
    }
}

fn known_type(name: &str, surface: &Surface) -> Option<String> {
    let found = [name.to_owned(), type_name(name)];
    found
        .into_iter()
        .find(|name| surface.types.contains_key(name))
}

fn of_type(member: &str, ty: &TypeSurface) -> String {
    let found = match ty {
        TypeSurface::Struct { fields, .. } => {
            let mut fields = fields.iter();
            fields
                .find(|(_, field)| field.wire == member)
                .map(|(name, _)| name)
        }
        TypeSurface::Enum { variants }
        | TypeSurface::Union(UnionSurface {
            values: variants, ..
        }) => {
            let mut variants = variants.iter();
            variants
                .find(|(_, value)| *value == member)
                .map(|(name, _)| name)
        }
        TypeSurface::Other(_) => None,
    };
    found.map_or(member, String::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use seqera_codegen::{Tags, generate};

    #[test]
    fn names_are_those_of_programs() {
        let schema = include_str!("../tests/fixtures/new.yml");
        let surface = generate(schema, None, &Tags::All).unwrap().inventory;
        for (name, expected) in [
            ("ListThings", "list_things"),
            ("ListThings.labelId", "list_things.label_id"),
            ("Thing.startDateTime", "Thing.start_date_time"),
            ("Thing.start_date_time", "Thing.start_date_time"),
            ("Status.broken", "Status.Broken"),
            ("DescribeBeta (named Beta)", "describe_beta (named Beta)"),
            ("DownloadThing", "download_thing"),
        ] {
            assert_eq!(of_program(name, &surface), expected);
        }
    }
}
