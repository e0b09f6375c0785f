//! What stands between a call and its operation: token, call rate, latency, faults; and what comes
//! after it: the form of the reply.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};

use super::connection::{Asked, Broken, Reply, reply};
use super::control;
use super::faults::Fault;
use super::inspect::Received;
use super::{BASE_PATH, World};
use crate::behaviour::access;
use crate::call::{Answer, Call, Content, Part, Refusal};
use crate::routes::{self, Turn};
use crate::schema::{Operation, Route, schema};
use crate::state::locked;

#[derive(Default)]
pub struct Gate {
    /// By token, when the calls of the last second came in; refused ones don't count.
    recent: HashMap<i64, VecDeque<Instant>>,
    pub calls: VecDeque<Received>,
    pub changes: u64,
    number: u64,
}

impl Gate {
    fn admits(&mut self, token: i64, limit: Option<usize>, now: Instant) -> bool {
        let Some(limit) = limit else {
            return true;
        };
        let recent = self.recent.entry(token).or_default();
        while (recent.front()).is_some_and(|&call| now - call >= Duration::from_secs(1)) {
            recent.pop_front();
        }
        let admitted = recent.len() < limit;
        if admitted {
            recent.push_back(now);
        }
        admitted
    }

    fn note(&mut self, mut call: Received, most: usize) -> u64 {
        while self.calls.len() >= most.max(1) {
            self.calls.pop_front();
        }
        self.number += 1;
        call.number = self.number;
        self.calls.push_back(call);
        self.number
    }

    fn noted(&mut self, number: u64) -> Option<&mut Received> {
        self.calls
            .iter_mut()
            .rev()
            .find(|call| call.number == number)
    }
}

/// Answers a call.
pub async fn answer(world: Arc<World>, asked: Asked) -> Result<Reply, Broken> {
    let method = asked.head.method.as_str().to_owned();
    let uri = asked.head.uri.clone();
    if let Some(what) = uri.path().strip_prefix(control::PATH) {
        return Ok(match user_of(&world, &asked) {
            Some(_) => control::answer(&world, &asked, what),
            None => finish(&world, 0, None, Err(Refusal::new(401, "Unauthorized"))),
        });
    }
    let whole = uri.path_and_query().map_or("/", |path| path.as_str());
    let path = uri.path().strip_prefix(BASE_PATH);
    let route = path.map_or(Route::Unknown(uri.path()), |path| {
        schema().route(&method, path)
    });
    let operation = match &route {
        Route::Operation(operation, _) => Some(*operation),
        _ => None,
    };
    let is_form = asked
        .header("content-type")
        .is_some_and(|media_type| media_type.starts_with("multipart/"));
    let body: Option<Value> = (!is_form)
        .then(|| serde_json::from_slice(&asked.body).ok())
        .flatten();
    let user = user_of(&world, &asked);
    let received = Received {
        method: method.clone(),
        path: whole.strip_prefix(BASE_PATH).unwrap_or(whole).to_owned(),
        operation: operation.map(|operation| operation.id.to_owned()),
        user: user.as_ref().map(|(_, _, name)| name.clone()),
        body: body.clone(),
        status: 0,
        number: 0,
    };
    let number = locked(&world.gate).note(received, world.options.most_calls);
    // By when it came in, as a server does that then takes its time.
    let admitted = user
        .as_ref()
        .is_none_or(|(_, token, _)| admits(&world, *token));
    if !world.options.latency.is_zero() {
        tokio::time::sleep(world.options.latency).await;
    }

    // What isn't let in uses no fault up.
    let fault = operation
        .filter(|_| user.is_some() && admitted)
        .and_then(|operation| locked(&world.faults).take(operation.id));
    let outcome = match (user, route) {
        _ if fault == Some(Fault::Break) => {
            note_end(&world, number, 0);
            return Err(Broken);
        }
        (None, _) => Err(Refusal::new(401, "Unauthorized")),
        (Some(_), _) if !admitted => Err(Refusal::new(
            429,
            "Maximum request rate exceeded. Wait 0secs before issuing a new request",
        )),
        (_, Route::Unknown(path)) => Err(Refusal::not_found(format!("Page Not Found: {path}"))),
        (_, Route::OtherMethod) => Err(Refusal::new(
            405,
            format!("Method [{method}] not allowed for URI [{}]", uri.path()),
        )),
        (Some((user, token, _)), Route::Operation(operation, parameters)) => match fault {
            Some(Fault::Fail(status)) => Err(failure(status)),
            Some(Fault::Pending) => {
                Ok(Answer::from(json!({ "dataLinks": [], "totalSize": 0 })).with_status(202))
            }
            _ => match call(operation, parameters, &asked, body).await {
                Ok(call) => carry_out(&world, &call, user, token),
                Err(refusal) => Err(refusal),
            },
        },
    };
    if method != "GET" && outcome.is_ok() {
        locked(&world.gate).changes += 1;
    }
    let outcome = match fault {
        Some(Fault::ActThenBreak) => {
            note_end(&world, number, 0);
            return Err(Broken);
        }
        Some(Fault::ActThenFail(status)) => Err(failure(status)),
        _ => outcome,
    };
    Ok(finish(&world, number, operation, outcome))
}

/// The user of the call's token, the token's number, and the user's name.
fn user_of(world: &World, asked: &Asked) -> Option<(i64, i64, String)> {
    let secret = asked.header("authorization")?.strip_prefix("Bearer ")?;
    let mut state = locked(&world.state);
    let now = state.today();
    let lifetime = world.options.token_lifetime;
    let moment = state.now();
    let token = state
        .all_mut("token")
        .find(|token| token["_secret"] == secret)?;
    if let Some(lifetime) = lifetime {
        let created = crate::state::parse_time(token.text("dateCreated")).unwrap_or_default();
        // Dates have seconds, and a token is valid for the whole of its last one.
        if moment - created > lifetime.as_millis() as i64 + 999 {
            return None;
        }
    }
    token.set("lastUsed", now);
    let (user, number) = (-token.scope, token.number("id"));
    let name = state
        .known("user", &user.to_string())?
        .text("userName")
        .to_owned();
    Some((user, number, name))
}

fn admits(world: &World, token: i64) -> bool {
    locked(&world.gate).admits(token, world.options.calls_per_second, Instant::now())
}

/// What a server says that can't go on.
fn failure(status: u16) -> Refusal {
    match status {
        429 => Refusal::new(
            429,
            "Maximum request rate exceeded. Wait 0secs before issuing a new request",
        ),
        _ => Refusal::new(
            status,
            "Unexpected error while processing - Error ID: 54apnFENQxbvCr23JaIjLb",
        ),
    }
}

/// Takes a request apart.
async fn call(
    operation: &'static Operation,
    path: Vec<(&'static str, String)>,
    asked: &Asked,
    body: Option<Value>,
) -> Result<Call, Refusal> {
    let media_type = asked.header("content-type").unwrap_or_default().to_owned();
    let mut call = Call {
        operation,
        path,
        query: form_urlencoded::parse(asked.head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        body: Value::Null,
        parts: Vec::new(),
        user_agent: asked.header("user-agent").map(str::to_owned),
    };
    if operation.takes_form() && media_type.starts_with("multipart/form-data") {
        call.parts = parts(&media_type, asked.body.clone()).await?;
    } else if !asked.body.is_empty() && (!operation.body().is_null() || operation.takes_form()) {
        if !media_type.starts_with("application/json") || operation.body().is_null() {
            return Err(Refusal::new(
                415,
                format!(
                    "Content Type [{media_type}] not allowed. Allowed types: [application/json]"
                ),
            ));
        }
        call.body = match body {
            Some(body @ Value::Object(_)) => body,
            Some(_) => return Err(Refusal::bad_request("Invalid JSON: an object is expected")),
            None => return Err(Refusal::bad_request("Invalid JSON")),
        };
    }
    Ok(call)
}

async fn parts(media_type: &str, body: Bytes) -> Result<Vec<Part>, Refusal> {
    let invalid = |error: multer::Error| Refusal::bad_request(format!("Invalid form: {error}"));
    let boundary = multer::parse_boundary(media_type).map_err(invalid)?;
    let stream = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut form = multer::Multipart::new(stream, boundary);
    let mut parts = Vec::new();
    while let Some(field) = form.next_field().await.map_err(invalid)? {
        parts.push(Part {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(str::to_owned),
            media_type: field.content_type().map(ToString::to_string),
            content: field.bytes().await.map_err(invalid)?,
        });
    }
    Ok(parts)
}

fn carry_out(world: &World, call: &Call, user: i64, token: i64) -> Result<Answer, Refusal> {
    let mut state = locked(&world.state);
    call.check()?;
    let context = access::enter(&state, call, user)?;
    routes::carry_out(&mut Turn {
        call,
        state: &mut state,
        store: &world.store,
        user,
        token,
        context,
    })
}

/// Gives an outcome the form of the operation's reply, and notes it.
fn finish(
    world: &World,
    number: u64,
    operation: Option<&'static Operation>,
    outcome: Result<Answer, Refusal>,
) -> Reply {
    let shaping = world.options.shaping;
    let response = match outcome {
        Err(refusal) => {
            let mut body = match operation
                .is_some_and(|operation| operation.id.starts_with("Ga4gh"))
            {
                true => json!({ "msg": refusal.body["message"], "status_code": refusal.status }),
                false => refusal.body,
            };
            if let Some(operation) = operation {
                locked(&world.faults).apply(operation.id, &mut body);
            }
            reply(
                refusal.status,
                [("content-type", "application/json")],
                body.to_string().into(),
            )
        }
        Ok(answer) => {
            let has_body = matches!(answer.body, Content::Json(_) | Content::Bytes(..));
            let usual = operation.map_or(200, |operation| operation.success(has_body));
            let status = answer.status.unwrap_or(usual);
            let (media_type, body) = match answer.body {
                Content::Nothing => (None, Bytes::new()),
                Content::Bytes(media_type, bytes) => (Some(media_type), bytes),
                Content::Json(value) => {
                    let mut value = match operation {
                        Some(operation) => schema().shape(operation.reply(status), value, shaping),
                        None => value,
                    };
                    if let Some(operation) = operation {
                        locked(&world.faults).apply(operation.id, &mut value);
                    }
                    (Some("application/json"), value.to_string().into())
                }
            };
            let headers = answer
                .headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()));
            reply(
                status,
                headers.chain(media_type.map(|media_type| ("content-type", media_type))),
                body,
            )
        }
    };
    note_end(world, number, response.status().as_u16());
    response
}

/// Notes what a call was answered with; 0 where the connection was broken.
fn note_end(world: &World, number: u64, status: u16) {
    let call = locked(&world.gate).noted(number).map(|call| {
        call.status = status;
        call.clone()
    });
    if let (Some(call), Some(log)) = (call, &world.options.log) {
        log(&call);
    }
}
