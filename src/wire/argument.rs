//! What the setters of operations take.

use super::timestamp::Timestamp;

/// A value for a parameter of type `T`, or an [`Option`] of one: `None` leaves the parameter out.
///
/// Numbers of every integer type are taken for an `i64`, and text in every form for a string or an
/// enum. What is no such thing is refused by the compiler, which says what to do:
///
/// ```compile_fail,E0277
/// # async fn example(client: seqera::Client) -> seqera::Result<()> {
/// client.describe_pipeline().pipeline_id("rnaseq").await?; // a name, where an id is wanted
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be given where a parameter takes `{T}`",
    label = "not a `{T}`, nor what is taken for one, nor an `Option` of that",
    note = "integers of every size are taken for an `i64`; text for a `String` or an enum; a name is looked up \
            first, with the methods of `seqera::Workspace`"
)]
pub trait Argument<T> {
    /// The value, if there is one.
    ///
    /// # Errors
    /// A number that does not fit; reported when the request is sent.
    #[doc(hidden)]
    fn resolve(self) -> Result<Option<T>, String>;
}

#[diagnostic::do_not_recommend]
impl<T, A: Argument<T>> Argument<T> for Option<A> {
    fn resolve(self) -> Result<Option<T>, String> {
        self.map_or(Ok(None), A::resolve)
    }
}

#[diagnostic::do_not_recommend]
impl<'a, T, A> Argument<T> for &'a Option<A>
where
    &'a A: Argument<T>,
{
    fn resolve(self) -> Result<Option<T>, String> {
        self.as_ref().map_or(Ok(None), Argument::resolve)
    }
}

macro_rules! arguments {
    ($($target:ty: $($source:ty),+;)*) => {$($(
        impl Argument<$target> for $source {
            fn resolve(self) -> Result<Option<$target>, String> {
                <$target>::try_from(self).map(Some).map_err(|_| format!("is out of range: {self}"))
            }
        }
    )+)*};
}

arguments! {
    i64: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize;
    f64: f32, f64, i32;
    bool: bool;
    Timestamp: Timestamp, chrono::DateTime<chrono::Utc>;
}

/// Conversions of every integer type to a type that an `i64` makes. What is beyond it is no id:
/// the largest stands for it, which nothing has.
macro_rules! from_integers {
    ($type:ty: $make:expr) => {
        $crate::wire::argument::from_integers! {
            @each $type: $make; i8 i16 i32 i64 isize u8 u16 u32 u64 usize
        }
    };
    (@each $type:ty: $make:expr; $($integer:ty)+) => {$(
        impl From<$integer> for $type {
            #[allow(clippy::useless_conversion, reason = "of one of the types")]
            fn from(id: $integer) -> Self {
                let make: fn(i64) -> Self = $make;
                make(i64::try_from(id).unwrap_or(i64::MAX))
            }
        }
    )+};
}

pub(crate) use from_integers;

macro_rules! text_arguments {
    ($($source:ty),+) => {$(
        impl Argument<String> for $source {
            fn resolve(self) -> Result<Option<String>, String> {
                Ok(Some(self.into()))
            }
        }
    )+};
}

text_arguments!(&str, &String, String, std::borrow::Cow<'_, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve<T>(value: impl Argument<T>) -> Result<Option<T>, String> {
        value.resolve()
    }

    #[test]
    fn integers_of_all_sizes_and_options_of_them() {
        assert_eq!(resolve::<i64>(7), Ok(Some(7)));
        assert_eq!(resolve::<i64>(7_usize), Ok(Some(7)));
        assert_eq!(resolve::<i64>(Some(7_u64)), Ok(Some(7)));
        assert_eq!(resolve::<i64>(None::<i64>), Ok(None));
        assert_eq!(
            resolve::<i64>(u64::MAX),
            Err(format!("is out of range: {}", u64::MAX))
        );
    }

    #[test]
    fn text_in_all_forms() {
        assert_eq!(resolve::<String>("a"), Ok(Some("a".to_owned())));
        assert_eq!(
            resolve::<String>(Some(&"a".to_owned())),
            Ok(Some("a".to_owned()))
        );
        assert_eq!(resolve::<String>(&None::<String>), Ok(None));
        let id = Some("a".to_owned());
        assert_eq!(resolve::<String>(&id), Ok(id.clone()));
    }
}
