//! What the setters of fields take.

/// A value for a field of type `T`, or an [`Option`] of one: `None` leaves the field out.
///
/// All that converts into the type is taken: text in every form for text and for enums, a variant
/// for a union, what a reply holds for the request that it converts to. `M` tells a value from an
/// option; the compiler finds it. What converts into no such value is refused, with what to do:
///
/// ```compile_fail,E0277
/// seqera::types::CreateLabelRequest::new().name(7);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be set where a `{T}` is wanted",
    label = "not a `{T}`, nor what converts into one, nor an `Option` of that",
    note = "an integer of another size converts by `i64::try_from(value)`"
)]
pub trait Setting<T, M> {
    /// The value, if there is one.
    #[doc(hidden)]
    fn setting(self) -> Option<T>;
}

/// A list for a field or a parameter, or an [`Option`] of one: `None` leaves it out.
///
/// Arrays, vectors, sets and iterators are lists; a single value is none:
///
/// ```compile_fail,E0277
/// seqera::types::CreatePipelineRequest::new().label_ids(71);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be set where a list of `{T}` is wanted",
    label = "not an array, vector, set or iterator of `{T}`, nor an `Option` of that",
    note = "a single value goes into an array: `[value]`"
)]
pub trait SettingList<T, M> {
    /// The list, if there is one.
    #[doc(hidden)]
    fn setting_list(self) -> Option<Vec<T>>;
}

/// A list of texts, or of what converts into `T`, or an [`Option`] of one: `None` leaves it out.
///
/// Arrays, vectors, sets and iterators are lists.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be set where a list of `{T}` is wanted",
    label = "not an array, vector, set or iterator of what converts into `{T}`, nor an `Option` of that",
    note = "a single value goes into an array: `[value]`"
)]
pub trait SettingTexts<T, M> {
    /// The list, if there is one.
    #[doc(hidden)]
    fn setting_texts(self) -> Option<Vec<T>>;
}

// Errors are to speak of the traits above: of `Into` and `IntoIterator` nobody knows what for.

/// Marks what is a value or a list.
#[doc(hidden)]
#[derive(Debug)]
pub enum Plain {}

/// Marks what may be one.
#[doc(hidden)]
#[derive(Debug)]
pub enum Maybe {}

#[diagnostic::do_not_recommend]
impl<T, V: Into<T>> Setting<T, Plain> for V {
    fn setting(self) -> Option<T> {
        Some(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T, V: Into<T>> Setting<T, Maybe> for Option<V> {
    fn setting(self) -> Option<T> {
        self.map(Into::into)
    }
}

#[diagnostic::do_not_recommend]
impl<T, L: IntoIterator<Item = T>> SettingList<T, Plain> for L {
    fn setting_list(self) -> Option<Vec<T>> {
        Some(self.into_iter().collect())
    }
}

#[diagnostic::do_not_recommend]
impl<T, L: IntoIterator<Item = T>> SettingList<T, Maybe> for Option<L> {
    fn setting_list(self) -> Option<Vec<T>> {
        self.map(|list| list.into_iter().collect())
    }
}

#[diagnostic::do_not_recommend]
impl<T, L: IntoIterator<Item: Into<T>>> SettingTexts<T, Plain> for L {
    fn setting_texts(self) -> Option<Vec<T>> {
        Some(self.into_iter().map(Into::into).collect())
    }
}

#[diagnostic::do_not_recommend]
impl<T, L: IntoIterator<Item: Into<T>>> SettingTexts<T, Maybe> for Option<L> {
    fn setting_texts(self) -> Option<Vec<T>> {
        self.map(|list| list.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<M>(value: impl Setting<String, M>) -> Option<String> {
        value.setting()
    }

    fn number<M>(value: impl Setting<i64, M>) -> Option<i64> {
        value.setting()
    }

    fn numbers<M>(value: impl SettingList<i64, M>) -> Option<Vec<i64>> {
        value.setting_list()
    }

    fn texts<M>(value: impl SettingTexts<String, M>) -> Option<Vec<String>> {
        value.setting_texts()
    }

    #[test]
    fn a_value_or_an_option_of_it() {
        assert_eq!(text("a"), Some("a".to_owned()));
        assert_eq!(text(Some("a".to_owned())), Some("a".to_owned()));
        assert_eq!(text(None::<&str>), None);
        assert_eq!(
            (number(7), number(Some(7_u32)), number(None::<i64>)),
            (Some(7), Some(7), None)
        );
    }

    #[test]
    fn a_list_or_an_option_of_it() {
        assert_eq!(numbers([1, 2]), Some(vec![1, 2]));
        assert_eq!(numbers([]), Some(vec![]));
        assert_eq!(numbers(Some(vec![1])), Some(vec![1]));
        assert_eq!(numbers(None::<Vec<i64>>), None);
        assert_eq!(texts(["a"]), Some(vec!["a".to_owned()]));
        assert_eq!(
            texts(Some(vec!["a".to_owned()])),
            texts(["a"].iter().copied())
        );
    }
}
