//! One function for each defect of the published schema.
//!
//! A fixup recognises its defect by shape, never by a list of one version's names, changes the
//! tree, and returns how often it applied. One that applies nowhere shows up in the report: the
//! vendor has mended the defect, and the fixup can go.

mod operations;
mod schemas;
mod unions;

use crate::document::Document;

pub(crate) use schemas::{EXIT_CODE, NULLABLE, REQUIRED, references_of};
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

/// All fixups, in the order in which they run.
pub const FIXUPS: &[Fixup] = fixups![
    operations::drop_parameters_missing_from_the_path true,
    operations::keep_one_success true,
    operations::drop_error_bodies true,
    operations::replace_multipart true,
    operations::unwrap_nullable_parameters true,
    operations::strings_for_object_parameters false,
    schemas::drop_unknown_string_formats false,
    schemas::iterators_are_arrays false,
    schemas::unwrap_single_all_of false,
    schemas::merge_all_of false,
    schemas::break_reference_cycles true,
    schemas::drop_generic_arguments_from_names false,
    schemas::bare_objects_hold_anything false,
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

/// Applies the fixups, all of them or those without which nothing compiles.
pub fn apply(document: &mut Document, only_needed: bool) -> Vec<Applied> {
    FIXUPS
        .iter()
        .filter(|fixup| fixup.needed_to_compile || !only_needed)
        .map(|fixup| Applied {
            name: fixup.name.to_owned(),
            count: (fixup.apply)(&mut document.tree),
        })
        .collect()
}

/// Lifts the discriminated unions out of the schema: see [`unions`].
pub fn take_unions(document: &mut Document) -> Vec<Union> {
    unions::take(&mut document.tree)
}
