//! What the conversions from replies to requests have in common; the code generator writes the rest.

use crate::wire::tagged_union::TaggedUnion;

/// A union whose kind the property beside it tells, if the union itself does not: it is sent with
/// its discriminator. One of a kind that the schema does not know stays as it is.
pub(crate) fn with_kind<T: TaggedUnion>(union: Option<T>, kind: Option<&str>) -> Option<T> {
    Some(match (union?, kind) {
        (union, Some(kind)) => union.with_kind(kind),
        (union, None) => union,
    })
}
