//! One spelling of names in reports: that of a program which uses the crate.

use heck::ToSnakeCase;
use seqera_codegen::fixups::called;
use seqera_codegen::names::{normal, type_name};
use seqera_codegen::surface::{FieldSurface, Surface, TypeSurface, UnionSurface};

/// A name of the schema, or of a list made from it, as programs write it: `ListWorkflows.maxLength`
/// is `list_workflows.max_length`. What stands after a space stays.
pub fn of_program(name: &str, surface: &Surface) -> String {
    let (name, rest) = name.split_at(name.find(' ').unwrap_or(name.len()));
    let (owner, member) = match name.split_once('.') {
        Some((owner, member)) => (owner, Some(member)),
        None => (name, None),
    };
    if let Some(found) = of_types(name, owner, member, surface) {
        return found + rest;
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

/// A name that is a type's, or belongs to one. A schema's own name may have a point in it.
fn of_types(name: &str, owner: &str, member: Option<&str>, surface: &Surface) -> Option<String> {
    let whole = known_type(name, surface);
    let Some(member) = member else { return whole };
    let owner = known_type(owner, surface);
    let known = owner.as_ref().and_then(|owner| {
        let member = of_type(member, &surface.types[owner])?;
        Some(joined(owner, Some(member)))
    });
    let unknown = owner.map(|owner| joined(&owner, Some(member.to_owned())));
    known.or(whole).or(unknown)
}

fn joined(owner: &str, member: Option<String>) -> String {
    match member {
        Some(member) => format!("{owner}.{member}"),
        None => owner.to_owned(),
    }
}

fn known_type(name: &str, surface: &Surface) -> Option<String> {
    let found = [
        Some(name.to_owned()),
        Some(type_name(name)),
        called(name).map(str::to_owned),
    ];
    let mut found = found.into_iter().flatten();
    found.find(|name| surface.types.contains_key(name))
}

fn of_type(member: &str, ty: &TypeSurface) -> Option<String> {
    let found = match ty {
        TypeSurface::Struct { fields, .. } => {
            let mut fields = fields.iter();
            let is_it =
                |(name, field): &(&String, &FieldSurface)| field.wire == member || *name == member;
            fields.find(is_it).map(|(name, _)| name)
        }
        TypeSurface::Enum { variants }
        | TypeSurface::Union(UnionSurface {
            values: variants, ..
        }) => {
            let mut variants = variants.iter();
            let is_it = |(name, value): &(&String, &String)| *value == member || *name == member;
            variants.find(is_it).map(|(name, _)| name)
        }
        TypeSurface::Other(_) => None,
    };
    found.cloned()
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
            ("Thing.gone", "Thing.gone"),
            ("NewThing.kind", "NewThing.kind"),
        ] {
            assert_eq!(of_program(name, &surface), expected);
        }
        // Types go by the names that they are given.
        let schema = schema
            .replace("schemas/Beta'", "schemas/DatasetDto'")
            .replace("    Beta: ", "    DatasetDto: ");
        let surface = generate(&schema, None, &Tags::All).unwrap().inventory;
        assert_eq!(of_program("DatasetDto", &surface), "DatasetInfo");
    }
}
