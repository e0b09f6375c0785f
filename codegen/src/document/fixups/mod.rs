//! One function for each defect of the published schema.
//!
//! A fixup recognises its defect by shape, never by a list of one version's names, changes the
//! tree, and returns how often it applied. One that no longer applies shows up in the report: the
//! vendor has mended the defect, and the fixup can go with the last version that has it. Those that
//! never applied are for what any schema may bring: see `tests/odd_shapes.rs`.

mod bodies;
mod composition;
mod names;
mod operations;
mod parameters;
mod renames;
mod schemas;
mod unions;

use crate::document::openapi::Document;

pub use names::called;
pub(crate) use schemas::{EXIT_CODE, ITERATOR, NULLABLE, REQUIRED, WIRE_NAME};
pub use unions::{Union, Variant};

/// A remedy for one defect of the published schema.
pub struct Fixup {
    /// The name in reports.
    pub name: &'static str,
    /// Whether the generator fails, or its output does not compile, without it. The others make
    /// the result faithful, or smaller.
    pub needed_to_compile: bool,
    apply: fn(&mut serde_json::Value) -> usize,
}

macro_rules! fixups {
    ($($module:ident::$name:ident $needed:literal),* $(,)?) => {
        &[$(Fixup { name: stringify!($name), needed_to_compile: $needed, apply: $module::$name }),*]
    };
}

/// The fixups that run before the inventory of operations is read.
pub const PREPARATIONS: &[Fixup] = fixups![
    operations::give_operations_their_own_parts true,
    operations::name_overloads_after_their_parameter false,
    bodies::drop_media_type_parameters true,
    bodies::default_reply_is_success true,
    parameters::drop_parameters_missing_from_the_path true,
    parameters::declare_parameters_of_the_path true,
    bodies::give_bodies_a_schema true,
    parameters::drop_parameters_said_twice true,
    parameters::drop_cookie_parameters true,
];

/// The fixups that run before the generator, in this order.
pub const FIXUPS: &[Fixup] = fixups![
    bodies::keep_one_success true,
    bodies::drop_error_bodies true,
    bodies::keep_one_body true,
    parameters::unwrap_nullable_parameters true,
    parameters::strings_for_object_parameters false,
    parameters::strings_for_structured_parameters true,
    parameters::names_are_texts false,
    schemas::name_the_kind_of_schemas true,
    schemas::named_schemas_are_not_null false,
    schemas::drop_unknown_string_formats false,
    schemas::iterators_are_arrays false,
    composition::unwrap_single_all_of false,
    composition::merge_all_of false,
    composition::break_reference_cycles true,
    renames::drop_generic_arguments_from_names false,
    names::call_types_what_they_are false,
    renames::keep_type_names_apart true,
    composition::unions_without_discriminator_hold_anything true,
    schemas::drop_additional_beside_properties false,
    schemas::bare_objects_hold_anything false,
    schemas::enums_are_of_distinct_texts true,
    schemas::exit_codes_may_be_text false,
    schemas::widen_numbers false,
    schemas::drop_constraints true,
    schemas::drop_defaults false,
    schemas::every_field_may_be_missing false,
];

/// How often a fixup applied.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Applied {
    /// The fixup's name.
    pub name: String,
    /// The number of places it changed.
    pub count: usize,
}

/// Applies what the inventory of operations needs.
pub fn prepare(document: &mut Document) -> Vec<Applied> {
    run(PREPARATIONS.iter(), document)
}

/// Applies the fixups, all of them or those without which nothing compiles.
pub fn apply(document: &mut Document, only_needed: bool) -> Vec<Applied> {
    let chosen = |fixup: &&Fixup| fixup.needed_to_compile || !only_needed;
    run(FIXUPS.iter().filter(chosen), document)
}

fn run<'a>(fixups: impl Iterator<Item = &'a Fixup>, document: &mut Document) -> Vec<Applied> {
    fixups
        .map(|fixup| Applied {
            name: fixup.name.to_owned(),
            count: (fixup.apply)(&mut document.tree),
        })
        .collect()
}

/// Lifts the discriminated unions out of the schema: see `unions`.
pub fn take_unions(document: &mut Document) -> Vec<Union> {
    let mut unions = unions::take(&mut document.tree);
    unions::settle(document, &mut unions);
    unions
}

/// Gives lifted unions the names that the fixups have given their schemas.
pub fn rename_unions(document: &Document, unions: &mut [Union]) {
    renames::follow(document, unions);
}

/// The schemas whose types were to have names of their own, and have not.
pub fn idle_names(document: &Document) -> Vec<String> {
    names::idle(&mut document.tree.clone())
}

/// What the tests of several fixups share.
#[cfg(test)]
mod testing {
    use serde_json::{Value, json};

    use crate::document::tree::reference_to;

    pub fn with_operation(operation: Value) -> Value {
        json!({ "paths": { "/things/{id}": { "get": operation } } })
    }

    pub fn operation(tree: &Value) -> &Value {
        &tree["paths"]["/things/{id}"]["get"]
    }

    fn document(schemas: Value) -> Value {
        json!({ "components": { "schemas": schemas } })
    }

    /// Applies a fixup to named schemas; it must find nothing more when it runs again.
    #[track_caller]
    pub fn fixed(fixup: fn(&mut Value) -> usize, schemas: Value, expected: usize) -> Value {
        let mut tree = document(schemas);
        assert_eq!(fixup(&mut tree), expected);
        let once = tree.clone();
        fixup(&mut tree);
        assert_eq!(tree, once, "it changes what it has changed");
        tree["components"]["schemas"].take()
    }

    pub fn to(name: &str) -> Value {
        reference_to(name)
    }
}
