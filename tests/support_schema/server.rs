//! A Platform that does nothing but hold each request against the schema, and answer as it is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::extract::{FromRequest, Multipart, Request, State};
use axum::response::Response;
use percent_encoding::percent_decode_str;
use seqera::{Client, RateLimit, RetryPolicy};
use serde_json::{Map, Value, json};

use super::{Operation, list, object, reference, schema, text};

pub const TOKEN: &str = "t0ken-of-the-tests";

/// What the server answers to a request that is valid.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    /// Media type and content.
    pub content: Option<(String, Vec<u8>)>,
}

/// A request as the server understood it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub operation: String,
    /// Path and query, as they were on the wire.
    pub target: String,
    /// Names of the parameters that were there, and their values as on the wire, decoded.
    pub parameters: BTreeMap<String, Vec<String>>,
    pub body: Option<Value>,
    /// The files of a form: name of the part, file name, media type, content.
    pub files: Vec<(String, String, String, String)>,
    /// What the schema has against it.
    pub problems: Vec<String>,
}

pub struct Server {
    pub client: Client,
    pub endpoint: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Answer>,
    seen: Mutex<Vec<Seen>>,
}

impl Server {
    pub async fn start() -> Self {
        let shared = Arc::new(Shared {
            answer: Mutex::new(Answer {
                status: 204,
                content: None,
            }),
            seen: Mutex::new(Vec::new()),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new()
            .fallback(handle)
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let client = Client::builder(TOKEN)
            .endpoint(&endpoint)
            .rate_limit(RateLimit::unlimited())
            .retry(RetryPolicy::none())
            .build()
            .unwrap();
        Self {
            client,
            endpoint,
            shared,
        }
    }

    /// Says what the next requests are answered.
    pub fn answer(&self, status: u16, content: Option<(&str, Vec<u8>)>) {
        *self.shared.answer.lock().unwrap() = Answer {
            status,
            content: content.map(|(media, content)| (media.to_owned(), content)),
        };
    }

    /// Answers with JSON.
    pub fn answer_json(&self, status: u16, value: &Value) {
        let content = value.to_string().into_bytes();
        self.answer(status, Some(("application/json", content)));
    }

    /// The latest request.
    pub fn last(&self) -> Seen {
        self.shared.seen.lock().unwrap().last().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let seen = examine(request).await;
    let (status, content) = if seen.problems.is_empty() {
        let answer = shared.answer.lock().unwrap().clone();
        (answer.status, answer.content)
    } else {
        let message = json!({ "message": seen.problems.join("; ") }).to_string();
        (
            400,
            Some(("application/json".to_owned(), message.into_bytes())),
        )
    };
    shared.seen.lock().unwrap().push(seen);
    let mut response = Response::builder().status(status);
    let (media, body) = content.unzip();
    if let Some(media) = media {
        response = response.header("Content-Type", media);
    }
    response.body(body.unwrap_or_default().into()).unwrap()
}

/// Holds a request against the schema.
async fn examine(request: Request) -> Seen {
    let target = request.uri().to_string();
    let path = request.uri().path().to_owned();
    let mut seen = Seen {
        target,
        ..Seen::default()
    };
    let method = request.method().as_str().to_ascii_lowercase();
    let Some((operation, in_path)) = find(&method, &path) else {
        seen.problems
            .push(format!("the schema has no {method} {path}"));
        return seen;
    };
    seen.operation = operation.id.to_owned();
    for (name, value) in in_path {
        seen.parameters.insert(name, vec![value]);
    }
    for (name, value) in
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
    {
        let values = seen.parameters.entry(name.into_owned()).or_default();
        values.push(value.into_owned());
    }
    examine_headers(operation, &request, &mut seen);
    examine_parameters(operation, &mut seen);
    examine_body(operation, request, &mut seen).await;
    seen
}

/// The operation of a path, and the values in the path: the one with the most literal template.
fn find(method: &str, path: &str) -> Option<(Operation<'static>, Vec<(String, String)>)> {
    schema()
        .operations()
        .filter(|operation| operation.method == method)
        .filter_map(|operation| Some((operation, fit(operation.path, path)?)))
        .min_by_key(|(_, values)| values.len())
}

/// The parameters of a path that fits a template. The last may be a path itself.
fn fit(template: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut rest = path.strip_prefix('/')?;
    let mut segments = template.strip_prefix('/')?.split('/').peekable();
    let mut values = Vec::new();
    while let Some(segment) = segments.next() {
        let name = segment
            .strip_prefix('{')
            .and_then(|name| name.strip_suffix('}'));
        let takes_all = segments.peek().is_none()
            && name.is_some_and(|name| name.to_lowercase().ends_with("path"));
        let (value, tail) = if takes_all {
            (rest, None)
        } else {
            rest.split_once('/')
                .map_or((rest, None), |(value, tail)| (value, Some(tail)))
        };
        match name {
            Some(name) => {
                let value = percent_decode_str(value).decode_utf8().ok()?;
                values.push((name.to_owned(), value.into_owned()));
            }
            None if value == segment => {}
            None => return None,
        }
        match (tail, segments.peek().is_some()) {
            (Some(tail), true) => rest = tail,
            (None, false) => {}
            _ => return None,
        }
    }
    Some(values)
}

fn examine_headers(operation: Operation<'_>, request: &Request, seen: &mut Seen) {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap_or_default().to_owned())
    };
    let mut object_to = |problem: &str| seen.problems.push(problem.to_owned());
    if header("authorization").as_deref() != Some(&format!("Bearer {TOKEN}")) {
        object_to("the Authorization header is not that of the token");
    }
    if header("accept-version").as_deref() != Some("1") {
        object_to("Accept-Version is not 1");
    }
    if header("api-version").is_some() {
        object_to("the API knows no header api-version");
    }
    let declared = operation
        .parameters()
        .filter(|parameter| parameter["in"] == "header");
    for parameter in declared {
        let name = text(&parameter["name"]);
        if let Some(value) = header(name) {
            seen.parameters.insert(name.to_owned(), vec![value]);
        }
    }
}

fn examine_parameters(operation: Operation<'_>, seen: &mut Seen) {
    let mut unknown: BTreeSet<String> = seen.parameters.keys().cloned().collect();
    for parameter in operation.parameters() {
        let name = text(&parameter["name"]);
        unknown.remove(name);
        let problem = match seen.parameters.get(name) {
            None if parameter["required"] == true => Some("is missing".to_owned()),
            None => None,
            Some(values) => check_parameter(parameter, values).err(),
        };
        if let Some(problem) = problem {
            seen.problems.push(format!("parameter `{name}` {problem}"));
        }
    }
    for name in unknown {
        seen.problems.push(format!("parameter `{name}` is unknown"));
    }
}

fn check_parameter(parameter: &Value, values: &[String]) -> Result<(), String> {
    let shape = &parameter["schema"];
    if shape["type"] == "array" {
        return if parameter["explode"] == false {
            let [joined] = values else {
                return Err(format!("is there {} times", values.len()));
            };
            joined
                .split(',')
                .try_for_each(|value| check_value(&shape["items"], value))
        } else {
            values
                .iter()
                .try_for_each(|value| check_value(&shape["items"], value))
        };
    }
    let [value] = values else {
        return Err(format!("is there {} times", values.len()));
    };
    // A name is text, also where the schema calls it a number.
    let is_number = shape["type"] == "integer" || shape["type"] == "number";
    if parameter["name"] == "name" && is_number {
        return match value.is_empty() {
            true => Err("is empty".to_owned()),
            false => Ok(()),
        };
    }
    check_value(shape, value)
}

/// Checks the text of a value that is no array.
fn check_value(shape: &Value, value: &str) -> Result<(), String> {
    let shape = reference(shape).map_or(shape, |name| schema().named(name));
    let fits = match (text(&shape["type"]), text(&shape["format"])) {
        ("integer", "int32") => value.parse::<i32>().is_ok(),
        ("integer", _) => value.parse::<i64>().is_ok(),
        ("number", _) => value.parse::<f64>().is_ok(),
        ("boolean", _) => value == "true" || value == "false",
        ("string", "date-time") => {
            value.len() == 20 && value.ends_with('Z') && value.parse::<seqera::Timestamp>().is_ok()
        }
        ("string", "") if shape.get("enum").is_some() => {
            list(&shape["enum"]).any(|known| known == value)
        }
        ("string", "") => !value.is_empty(),
        // An array of a bare object is an array of texts.
        ("object", "") => !value.is_empty(),
        _ => {
            return Err(format!(
                "has a schema that this server does not know: {shape}"
            ));
        }
    };
    fits.then_some(())
        .ok_or_else(|| format!("has the value `{value}`, which is not {shape}"))
}

async fn examine_body(operation: Operation<'_>, request: Request, seen: &mut Seen) {
    let media = request
        .headers()
        .get("content-type")
        .map(|value| value.to_str().unwrap_or_default().to_owned());
    let kind = media
        .as_deref()
        .map(|media| media.split(';').next().unwrap_or_default().trim());
    let body = match kind {
        Some("multipart/form-data") => {
            let Some(form) = operation.body("multipart/form-data") else {
                seen.problems.push("a form is not taken".to_owned());
                return;
            };
            let form = schema().flat(form);
            let value = read_form(&form, request, seen).await;
            (
                json!({ "type": "object", "properties": form["properties"] }),
                value,
            )
        }
        Some("application/json") => {
            let Some(shape) = operation.body("application/json") else {
                seen.problems.push("JSON is not taken".to_owned());
                return;
            };
            match serde_json::from_slice(&read_all(request).await) {
                Ok(value) => (shape.clone(), value),
                Err(error) => {
                    seen.problems.push(format!("the body is no JSON: {error}"));
                    return;
                }
            }
        }
        None => {
            let is_required = operation.raw["requestBody"]["required"] == true;
            if is_required || !read_all(request).await.is_empty() {
                seen.problems
                    .push("the body is missing, or of no type".to_owned());
            }
            return;
        }
        Some(other) => {
            seen.problems.push(format!("a body of type {other}"));
            return;
        }
    };
    let (shape, value) = body;
    seen.problems.extend(violations(&shape, &value));
    seen.body = Some(value);
}

/// What a schema has against a value.
pub fn violations(shape: &Value, value: &Value) -> Vec<String> {
    let validator = jsonschema::options()
        .should_validate_formats(true)
        .build(&schema().json_schema(shape))
        .unwrap();
    validator
        .iter_errors(value)
        .map(|error| format!("the body's `{}`: {error}", error.instance_path()))
        .collect()
}

/// Reads a form: its texts as an object, its files as such.
async fn read_form(form: &Value, request: Request, seen: &mut Seen) -> Value {
    let mut value = Map::new();
    let mut parts = Multipart::from_request(request, &()).await.unwrap();
    while let Some(part) = parts.next_field().await.unwrap() {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(str::to_owned);
        let media = part.content_type().map(str::to_owned);
        let content = part.text().await.unwrap();
        let shape = &form["properties"][&name];
        // The one part that GA4GH describes in prose only.
        let is_attachment = seen.operation == "Ga4ghRunCreate" && name == "workflow_attachment";
        if shape.is_null() && !is_attachment {
            seen.problems.push(format!("part `{name}` is unknown"));
        } else if shape["format"] == "binary" || is_attachment {
            match (file_name, media) {
                (Some(file_name), Some(media)) => {
                    seen.files.push((name, file_name, media, content));
                }
                _ => seen
                    .problems
                    .push(format!("part `{name}` lacks a file name or a media type")),
            }
        } else {
            let content = match text(&shape["type"]) {
                "string" => json!(content),
                _ => serde_json::from_str(&content).unwrap_or(json!(content)),
            };
            value.insert(name, content);
        }
    }
    for (name, shape) in object(&form["properties"]) {
        if shape["format"] == "binary" && !seen.files.iter().any(|(part, ..)| part == name) {
            seen.problems.push(format!("part `{name}` is missing"));
        }
    }
    Value::Object(value)
}

async fn read_all(request: Request) -> Vec<u8> {
    axum::body::to_bytes(request.into_body(), usize::MAX)
        .await
        .unwrap()
        .to_vec()
}
