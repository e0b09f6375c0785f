//! `--jq`: expressions over the JSON result.

use std::fmt;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, data, unwrap_valr};
use jaq_json::{Val, read};
use serde_json::Value;

use super::Trouble;

type Filter = jaq_core::compile::Filter<jaq_core::Native<data::JustLut<Val>>>;

/// An expression that was read.
pub struct Program {
    code: String,
    filter: Filter,
}

impl Program {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is none; the text says what is wrong.
    pub fn new(code: &str) -> Result<Self, String> {
        let complain = |what: &str| format!("`{code}` is no expression of jq: {what}");
        let definitions = jaq_core::defs()
            .chain(jaq_std::defs())
            .chain(jaq_json::defs());
        let functions = jaq_core::funs()
            .chain(jaq_std::funs())
            .chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(&arena, File { code, path: () })
            .map_err(|_| complain("it can't be read"))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|_| complain("it names what there is not"))?;
        Ok(Self {
            code: code.to_owned(),
            filter,
        })
    }

    /// What the expression makes of a value.
    ///
    /// # Errors
    /// It fails on the value.
    pub fn run(&self, value: &Value) -> Result<Vec<Value>, Trouble> {
        let complain = |what: String| Trouble::Wrong(format!("jq: {what}"));
        let input = read::parse_single(value.to_string().as_bytes());
        let input = input.map_err(|error| complain(error.to_string()))?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let results = self.filter.id.run((context, input)).map(unwrap_valr);
        results
            .map(|result| {
                let value = result.map_err(|error| complain(error.to_string()))?;
                serde_json::from_str(&value.to_string())
                    .map_err(|error| complain(error.to_string()))
            })
            .collect()
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Program").field(&self.code).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn expressions_choose_and_count() {
        let value = json!({"runs": [{"id": "a", "n": 1}, {"id": "b", "n": 2}]});
        let run = |code: &str| Program::new(code).unwrap().run(&value).unwrap();
        assert_eq!(run(".runs[].id"), [json!("a"), json!("b")]);
        assert_eq!(run("[.runs[] | select(.n > 1)] | length"), [json!(1)]);
        assert!(Program::new(".runs[").is_err());
        assert!(Program::new("nothing_of_that_name").is_err());
        assert!(Program::new(".runs + 1").unwrap().run(&value).is_err());
    }
}
