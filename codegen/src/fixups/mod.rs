//! One function for each defect of the published schema.
//!
//! A fixup recognises its defect by shape, never by a list of one version's names, changes the
//! tree, and returns how often it applied. One that applies nowhere shows up in the report: the
//! vendor has mended the defect, and the fixup can go.

mod operations;
mod schemas;
mod unions;

use crate::document::Document;

pub(crate) use schemas::{EXIT_CODE, ITERATOR, NULLABLE, REQUIRED, references_of};
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
    operations::drop_media_type_parameters true,
    operations::default_reply_is_success true,
    operations::drop_parameters_missing_from_the_path true,
    operations::declare_parameters_of_the_path true,
    operations::give_bodies_a_schema true,
    operations::drop_parameters_said_twice true,
    operations::drop_cookie_parameters true,
];

/// The fixups that run before the generator, in this order.
pub const FIXUPS: &[Fixup] = fixups![
    operations::keep_one_success true,
    operations::drop_error_bodies true,
    operations::replace_multipart true,
    operations::keep_one_body true,
    operations::unwrap_nullable_parameters true,
    operations::strings_for_object_parameters false,
    operations::strings_for_structured_parameters true,
    schemas::name_the_kind_of_schemas true,
    schemas::named_schemas_are_not_null false,
    schemas::drop_unknown_string_formats false,
    schemas::iterators_are_arrays false,
    schemas::unwrap_single_all_of false,
    schemas::merge_all_of false,
    schemas::break_reference_cycles true,
    schemas::drop_generic_arguments_from_names false,
    schemas::keep_type_names_apart true,
    schemas::unions_without_discriminator_hold_anything true,
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
