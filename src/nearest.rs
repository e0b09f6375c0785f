//! How alike two names are, for saying which one may be meant.

/// How alike a near match is at least; 1 is equal.
pub(crate) const NEAR: f64 = 0.6;

/// 1 for equal names, less for others; a name that holds the other is always a near match.
pub(crate) fn likeness(a: &str, b: &str) -> f64 {
    let similarity = strsim::normalized_damerau_levenshtein(a, b);
    let holds = !a.is_empty() && !b.is_empty() && (a.contains(b) || b.contains(a));
    if holds {
        similarity.max(NEAR)
    } else {
        similarity
    }
}

/// The names that are most like the one that is wanted, the likest first.
#[cfg(feature = "operations")]
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    /// How many are of use to people.
    const MOST: usize = 3;
    let wanted = wanted.to_lowercase();
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (likeness(&wanted, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= NEAR)
        .collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.truncate(MOST);
    near.into_iter().map(|(_, name)| name).collect()
}
