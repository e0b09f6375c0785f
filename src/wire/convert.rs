//! What the conversions from replies to requests have in common; the code generator writes the rest.

use crate::wire::extra::Extra;
use crate::wire::record::{Record, find};
use crate::wire::tagged_union::TaggedUnion;
use crate::{Error, ErrorKind, Result};

/// What a request takes over of a reply beside the fields that both types have: what neither has,
/// and what could not be read as the value of a field that both have. Null says nothing in a reply,
/// and would clear in a request.
pub(crate) fn extra<Reply: Record, Request: Record>(reply: &Reply) -> Extra {
    let mut extra = reply.unknown().clone();
    if extra.some().is_some() {
        let is_replys_alone =
            |name: &str| find::<Reply>(name).is_some() && find::<Request>(name).is_none();
        let fields = extra.fields_mut();
        fields.retain(|name, value| !value.is_null() && !is_replys_alone(name));
    }
    extra
}

/// A union whose kind the property beside it tells, if the union itself does not: it is sent with
/// its discriminator. One of a kind that the schema does not know stays as it is.
pub(crate) fn with_kind<T: TaggedUnion>(union: Option<T>, kind: Option<&str>) -> Option<T> {
    Some(match (union?, kind) {
        (union, Some(kind)) => union.with_kind(kind),
        (union, None) => union,
    })
}

/// The ids of a list.
pub(crate) fn ids<T, Id>(list: Option<&Vec<T>>, id: impl Fn(&T) -> Option<Id>) -> Option<Vec<Id>> {
    Some(list?.iter().filter_map(id).collect())
}

/// Refuses a reply that was not asked for a list whose ids the request replaces.
pub(crate) fn demand(is_there: bool, request: &str, list: &str) -> Result<()> {
    if is_there {
        return Ok(());
    }
    let text = format!(
        "the reply has no `{list}`, and {request} would remove them: ask for them with \
         .attributes([\"{list}\"]); if there are none to be kept, set `{list}` to an empty list"
    );
    Err(Error::new(ErrorKind::InvalidRequest, text))
}
