//! How types are read and written: what the code generator's output is made with.

pub(crate) mod argument;
pub(crate) mod check;
pub(crate) mod convert;
pub(crate) mod extra;
pub(crate) mod lenient;
pub(crate) mod mend;
pub(crate) mod nullable;
pub(crate) mod open_enum;
pub(crate) mod record;
pub(crate) mod reread;
pub(crate) mod secret;
pub(crate) mod setting;
pub(crate) mod shown;
pub(crate) mod tagged_union;
pub(crate) mod timestamp;

pub(crate) use open_enum::open_enum;
pub(crate) use record::record_serde;
pub(crate) use tagged_union::tagged_union;
