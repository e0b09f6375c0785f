//! Whether a request's body has what the server demands, before it is sent.

/// A type of request bodies that demands fields, itself or further down.
pub(crate) trait Check {
    /// Notes the fields that are missing.
    fn check(&self, missing: &mut Missing);
}

impl<T: Check> Check for Box<T> {
    fn check(&self, missing: &mut Missing) {
        (**self).check(missing);
    }
}

/// The fields that are missing, by their paths.
#[derive(Default)]
pub(crate) struct Missing {
    path: Vec<String>,
    found: Vec<String>,
}

impl Missing {
    /// Says which fields of a body are missing, if any are.
    pub(crate) fn of(body: &dyn Check) -> Option<String> {
        let mut missing = Self::default();
        body.check(&mut missing);
        match missing.found.as_slice() {
            [] => None,
            [only] => Some(format!("the body's field `{only}` is required and not set")),
            several => Some(format!(
                "the body's fields `{}` are required and not set",
                several.join("`, `")
            )),
        }
    }

    /// A field that must be set.
    pub(crate) fn demand(&mut self, field: &str, is_set: bool) {
        if !is_set {
            let mut path = self.path.join("");
            path.push_str(field);
            self.found.push(path);
        }
    }

    /// A field whose value may miss fields itself.
    pub(crate) fn inside(&mut self, field: &str, value: Option<&dyn Check>, demanded: bool) {
        match value {
            Some(value) => self.at(format!("{field}."), value),
            None => self.demand(field, !demanded),
        }
    }

    /// A field with a list of such values.
    pub(crate) fn each<T: Check>(&mut self, field: &str, values: Option<&Vec<T>>, demanded: bool) {
        match values {
            Some(values) => values
                .iter()
                .enumerate()
                .for_each(|(index, value)| self.at(format!("{field}[{index}]."), value)),
            None => self.demand(field, !demanded),
        }
    }

    fn at(&mut self, step: String, value: &dyn Check) {
        self.path.push(step);
        value.check(self);
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Leaf(Option<u8>);
    struct Tree {
        first: Option<Leaf>,
        rest: Option<Vec<Leaf>>,
    }

    impl Check for Leaf {
        fn check(&self, missing: &mut Missing) {
            missing.demand("name", self.0.is_some());
        }
    }

    impl Check for Tree {
        fn check(&self, missing: &mut Missing) {
            missing.inside("first", self.first.as_ref().map(|v| v as _), true);
            missing.each("rest", self.rest.as_ref(), false);
        }
    }

    #[test]
    fn missing_fields_are_named_by_their_paths() {
        let whole = Tree {
            first: Some(Leaf(Some(1))),
            rest: None,
        };
        assert_eq!(Missing::of(&whole), None);
        let holes = Tree {
            first: None,
            rest: Some(vec![Leaf(Some(1)), Leaf(None)]),
        };
        assert_eq!(
            Missing::of(&holes).as_deref(),
            Some("the body's fields `first`, `rest[1].name` are required and not set")
        );
    }
}
