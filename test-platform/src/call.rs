//! A call as it came in, and what can be answered to it.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::schema::Operation;

/// The longest page that the Platform hands out.
const LONGEST_PAGE: usize = 100;
/// The page of a caller who names no `max`.
const USUAL_PAGE: usize = 50;

/// A call that the Platform doesn't carry out.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    /// Mostly `{"message": …}`.
    pub body: Value,
}

impl Refusal {
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            body: json!({ "message": message.into() }),
        }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, message)
    }
}

/// What a call is answered with.
pub struct Answer {
    /// Left out: the one that the schema has for a success.
    pub status: Option<u16>,
    pub body: Content,
    pub headers: Vec<(&'static str, String)>,
}

pub enum Content {
    Nothing,
    /// Shaped by the schema before it is sent.
    Json(Value),
    Bytes(&'static str, Bytes),
}

pub type Reply = Result<Answer, Refusal>;

/// The answer without a body.
pub const DONE: Answer = Answer {
    status: None,
    body: Content::Nothing,
    headers: Vec::new(),
};

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self {
            body: Content::Json(value),
            ..DONE
        }
    }
}

impl Answer {
    pub fn with_status(self, status: u16) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }

    /// Content of a file.
    pub fn bytes(media_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self {
            body: Content::Bytes(media_type, bytes.into()),
            ..DONE
        }
    }
}

/// Makes a JSON value the answer of a call.
pub fn answer(value: Value) -> Reply {
    Ok(value.into())
}

/// A file in a form.
pub struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub media_type: Option<String>,
    pub content: Bytes,
}

/// A call of an operation.
pub struct Call {
    pub operation: &'static Operation,
    pub path: Vec<(&'static str, String)>,
    pub query: Vec<(String, String)>,
    /// Null where there is none.
    pub body: Value,
    pub parts: Vec<Part>,
    pub user_agent: Option<String>,
}

impl Call {
    /// A path parameter, empty where the operation has none of this name.
    pub fn path(&self, name: &str) -> &str {
        (self.path.iter())
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value)
    }

    pub fn path_number(&self, name: &str) -> Result<i64, Refusal> {
        number(name, self.path(name))
    }

    /// A query parameter; an empty one counts as absent.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query_all(name).next()
    }

    pub fn query_all(&self, name: &str) -> impl Iterator<Item = &str> {
        (self.query.iter())
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The values of a parameter that are joined by commas or repeated.
    pub fn query_list(&self, name: &str) -> Vec<&str> {
        (self.query_all(name))
            .flat_map(|joined| joined.split(','))
            .collect()
    }

    pub fn query_number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.query(name).map(|text| number(name, text)).transpose()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    /// Whether the caller asked for an attribute.
    pub fn wants(&self, attribute: &str) -> bool {
        self.query_list("attributes").contains(&attribute)
    }

    /// A field of the JSON body.
    pub fn field(&self, name: &str) -> &Value {
        &self.body[name]
    }

    /// A text field of the body; an empty or blank one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        text(&self.body, name)
    }

    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        required(&self.body, name)
    }

    pub fn texts(&self, name: &str) -> Vec<&str> {
        (self.body[name].as_array().into_iter().flatten())
            .filter_map(Value::as_str)
            .collect()
    }

    /// What the schema says of the call's parameters: which must be there, and their values.
    pub fn check(&self) -> Result<(), Refusal> {
        for (name, schema) in self.operation.queries() {
            let Some(_) = self.query(name) else {
                if schema["needed"] == true {
                    return Err(Refusal::bad_request(format!(
                        "Required argument [{name}] not specified"
                    )));
                }
                continue;
            };
            let item = match schema["type"] == "array" {
                true => &schema["items"],
                false => schema,
            };
            let values = match schema["joined"] == true {
                true => self.query_list(name),
                false => self.query_all(name).collect(),
            };
            for value in values {
                check_value(name, item, value)?;
            }
        }
        for (name, value) in &self.path {
            if NUMBERS_IN_PATHS.contains(name) {
                number(name, value)?;
            }
        }
        Ok(())
    }

    /// The page of `items` that `max` and `offset` ask for; all of them where the operation has no pages.
    pub fn page<T>(&self, items: impl IntoIterator<Item = T>) -> Result<Page<T>, Refusal> {
        let pages = !self.operation.query("max").is_null();
        let max = self.size("max")?.unwrap_or(USUAL_PAGE);
        if pages && max > LONGEST_PAGE {
            return Err(Refusal::bad_request(format!(
                "Invalid max value: {max} - it must be at most {LONGEST_PAGE}"
            )));
        }
        let max = if pages { max } else { usize::MAX };
        let offset = self.size("offset")?.unwrap_or(0);
        let mut page = Page {
            items: Vec::new(),
            total: 0,
            has_more: false,
        };
        for item in items {
            if (offset..offset.saturating_add(max)).contains(&page.total) {
                page.items.push(item);
            }
            page.total += 1;
        }
        page.has_more = offset.saturating_add(max) < page.total;
        Ok(page)
    }

    /// A size that must not be negative.
    pub fn size(&self, name: &str) -> Result<Option<usize>, Refusal> {
        (self.query_number(name)?)
            .map(|value| {
                usize::try_from(value).map_err(|_| {
                    Refusal::bad_request(format!(
                        "Invalid {name} value: {value} - it must not be negative"
                    ))
                })
            })
            .transpose()
    }
}

/// Path parameters that are numbers.
const NUMBERS_IN_PATHS: &[&str] = &[
    "orgId",
    "workspaceId",
    "pipelineId",
    "labelId",
    "teamId",
    "memberId",
    "participantId",
    "userId",
    "managedIdentityId",
    "managedCredentialsId",
    "keyId",
    "tokenId",
    "secretId",
    "groupId",
    "taskId",
    "checkpointId",
];

fn check_value(name: &str, schema: &Value, value: &str) -> Result<(), Refusal> {
    let schema = crate::schema::schema().resolve(schema);
    let refused = |what: &str| {
        Refusal::bad_request(format!(
            "Failed to convert argument [{name}]: {what} [{value}]"
        ))
    };
    if let Some(known) = schema["enum"].as_array() {
        let is_known = known.iter().any(|known| {
            known
                .as_str()
                .is_some_and(|known| known.eq_ignore_ascii_case(value))
        });
        return is_known
            .then_some(())
            .ok_or_else(|| refused("unknown value"));
    }
    match schema["type"].as_str() {
        // `ListRolePermissions` has a name that the schema declares a number.
        Some("integer") if name != "name" && value.parse::<i64>().is_err() => {
            Err(refused("not a number"))
        }
        Some("boolean") if !matches!(value, "true" | "false") => Err(refused("not a boolean")),
        _ => Ok(()),
    }
}

/// A part of a list, and how long the whole of it is.
pub struct Page<T> {
    pub items: Vec<T>,
    pub total: usize,
    pub has_more: bool,
}

fn number(name: &str, text: &str) -> Result<i64, Refusal> {
    text.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "Failed to convert argument [{name}] for value [{text}]: not a number"
        ))
    })
}

/// A text of an object; an empty or blank one counts as absent.
pub fn text<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object[name].as_str().filter(|text| !text.trim().is_empty())
}

pub fn required<'a>(object: &'a Value, name: &str) -> Result<&'a str, Refusal> {
    text(object, name).ok_or_else(|| Refusal::bad_request(format!("Missing `{name}` parameter")))
}
