//! What every route shares: reading a call, refusing it, cutting a list into pages.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// The longest page that the Platform hands out.
const LONGEST_PAGE: usize = 100;
/// The page of a caller who names no `max`.
const USUAL_PAGE: usize = 50;

/// A call that the Platform doesn't carry out, answered with `{"message": …}`.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
}

pub type Reply = Result<Json<Value>, Refusal>;
/// The outcome of a call that is answered by 204 without a body.
pub type Done = Result<StatusCode, Refusal>;

pub const NO_CONTENT: Done = Ok(StatusCode::NO_CONTENT);

impl Refusal {
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "message": self.message }))).into_response()
    }
}

pub async fn unknown_path(uri: Uri) -> Refusal {
    Refusal::not_found(format!("Page Not Found: {}", uri.path()))
}

pub async fn unknown_method(method: Method, uri: Uri) -> Refusal {
    Refusal::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Method [{method}] not allowed for URI [{}]", uri.path()),
    )
}

/// Path and query parameters of a call.
pub struct Call {
    path: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::bad_request(rejection.to_string()))?;
        let query = parts.uri.query().unwrap_or_default().as_bytes();
        Ok(Self {
            path: path
                .iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
            query: form_urlencoded::parse(query).into_owned().collect(),
        })
    }
}

impl Call {
    /// A path parameter, empty where the route has none of this name.
    pub fn path(&self, name: &str) -> &str {
        self.path
            .iter()
            .find(|(key, _)| key == name)
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
        self.query
            .iter()
            .filter(move |(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    pub fn query_number(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.query(name).map(|text| number(name, text)).transpose()
    }

    pub fn flag(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    /// The comma-joined `attributes`, each of which must be one of `known`.
    pub fn attributes(&self, known: &[&str]) -> Result<Vec<&str>, Refusal> {
        let wanted: Vec<_> = self
            .query_all("attributes")
            .flat_map(|joined| joined.split(','))
            .collect();
        match wanted.iter().find(|name| !known.contains(name)) {
            Some(unknown) => Err(Refusal::bad_request(format!(
                "Failed to convert argument [attributes]: unknown value [{unknown}]"
            ))),
            None => Ok(wanted),
        }
    }

    /// The workspace that the call names, by path or by query; `None` is the personal context.
    pub fn workspace(&self) -> Result<Option<i64>, Refusal> {
        match self.path("workspaceId") {
            "" => self.query_number("workspaceId"),
            text => number("workspaceId", text).map(Some),
        }
    }

    /// Whether a name holds the text searched for, without regard to case.
    pub fn finds(&self, name: &str) -> bool {
        self.query("search")
            .is_none_or(|text| name.to_lowercase().contains(&text.to_lowercase()))
    }

    /// The page of `items` that `max` and `offset` ask for.
    pub fn page<T>(&self, items: impl IntoIterator<Item = T>) -> Result<Page<T>, Refusal> {
        let max = self.size("max")?.unwrap_or(USUAL_PAGE);
        if max > LONGEST_PAGE {
            return Err(Refusal::bad_request(format!(
                "Invalid max value: {max} - it must be at most {LONGEST_PAGE}"
            )));
        }
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
        self.query_number(name)?
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

/// The JSON object in a call's body.
pub struct Body(pub Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let media_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if !media_type.starts_with("application/json") {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!(
                    "Content Type [{media_type}] not allowed. Allowed types: [application/json]"
                ),
            ));
        }
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Refusal::new(rejection.status(), rejection.body_text()))?;
        match serde_json::from_slice(&bytes) {
            Ok(object @ Value::Object(_)) => Ok(Self(object)),
            Ok(_) => Err(Refusal::bad_request("Invalid JSON: an object is expected")),
            Err(error) => Err(Refusal::bad_request(format!("Invalid JSON: {error}"))),
        }
    }
}

impl Body {
    /// A text field; an empty or blank one counts as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0[name].as_str().filter(|text| !text.trim().is_empty())
    }

    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name)
            .ok_or_else(|| Refusal::bad_request(format!("Missing `{name}` parameter")))
    }

    pub fn numbers(&self, name: &str) -> Vec<i64> {
        self.0[name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_i64)
            .collect()
    }

    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.0[name]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}
