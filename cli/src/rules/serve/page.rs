//! The page: rules, their last events, what waits, and what failed. It is made here, whole, and nothing on
//! it does anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State as Of;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Value, json};

use super::{Serving, guard};
use crate::kit::Result;
use crate::rules::file::{On, Rules};
use crate::rules::state::{Condition, Event, Filter, StateError};

/// How many events of each list are shown.
const SHOWN: u32 = 50;

/// Whether a request may see what is not for everybody; the reply to it, if not.
pub fn may_see(serving: &Serving, headers: &HeaderMap) -> Result<(), Box<Response>> {
    match &serving.password {
        Some(password) if !guard::says(headers, password) => {
            let ask = [(
                header::WWW_AUTHENTICATE,
                "Basic realm=\"seqctl rules\", charset=\"UTF-8\"",
            )];
            Err(Box::new(
                (StatusCode::UNAUTHORIZED, ask, "a password is needed\n").into_response(),
            ))
        }
        _ => Ok(()),
    }
}

pub async fn show(Of(serving): Of<Arc<Serving>>, headers: HeaderMap) -> Response {
    if let Err(refused) = may_see(&serving, &headers) {
        return *refused;
    }
    match data(&serving)
        .await
        .map_err(|error| error.to_string())
        .and_then(|data| render(&data).map_err(|error| error.to_string()))
    {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(error, "the page could not be made");
            (StatusCode::SERVICE_UNAVAILABLE, "the state can't be read\n").into_response()
        }
    }
}

fn render(data: &Value) -> std::result::Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", include_str!("page.html"))?;
    environment.get_template("page")?.render(Serde(data))
}

async fn data(serving: &Serving) -> std::result::Result<Value, StateError> {
    let rules = serving.rules.borrow().clone();
    let mut counts: BTreeMap<String, BTreeMap<&str, u64>> = BTreeMap::new();
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for count in serving.state.counts().await? {
        let word = count.condition.word();
        counts
            .entry(count.rule)
            .or_default()
            .insert(word, count.events);
        *totals.entry(word).or_default() += count.events;
    }
    let of = |condition| Filter {
        condition: Some(condition),
        most: Some(SHOWN),
        ..Filter::default()
    };
    let mut trouble = serving.state.events(&of(Condition::Failed)).await?;
    trouble.extend(serving.state.events(&of(Condition::Stuck)).await?);
    trouble.sort_by_key(|event| std::cmp::Reverse(event.seen));
    let waiting = serving.state.events(&of(Condition::Waiting)).await?;
    let last = Filter {
        most: Some(SHOWN),
        ..Filter::default()
    };
    let last = serving.state.events(&last).await?;
    let mut rows: Vec<Value> = rules
        .rules
        .iter()
        .map(|rule| {
            json!({
                "name": rule.name,
                "watches": watches(&rule.on),
                "does": rule.then.iter().map(|step| step.action.word()).collect::<Vec<_>>(),
                "counts": counts.remove(&rule.name).unwrap_or_default(),
            })
        })
        .collect();
    // What rules did that are no more.
    for (name, counts) in counts {
        rows.push(
            json!({"name": name, "watches": "no rule any more", "does": [], "counts": counts}),
        );
    }
    let shown = |events: &[Event]| -> Vec<Value> { events.iter().map(row).collect() };
    let mut data = json!({
        "now": serving.clock.now().format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        "conditions": Condition::ALL.map(Condition::word),
        "totals": totals,
        "rules": rows,
        "trouble": shown(&trouble),
        "waiting": shown(&waiting),
        "last": shown(&last),
    });
    hide(&rules, &mut data);
    Ok(data)
}

fn hide(rules: &Rules, data: &mut Value) {
    rules.hide_in(data);
}

/// What a rule watches, in a line.
pub fn watches(on: &On) -> String {
    match on {
        On::Files(files) => files.pattern.clone(),
        On::DataLink(link) => format!("{}: {}", link.name, link.path),
        On::Run(run) => {
            let mut parts = vec!["runs".to_owned()];
            parts.extend(
                (!run.pipeline.is_empty()).then(|| format!("of {}", run.pipeline.join(", "))),
            );
            parts.extend(
                (!run.labels.is_empty()).then(|| format!("labelled {}", run.labels.join(", "))),
            );
            parts.push(match run.status.is_empty() {
                true => "at their end".to_owned(),
                false => run.status.join(", ").to_lowercase(),
            });
            parts.join(" ")
        }
        On::Schedule(schedule) => format!("{} ({})", schedule.cron, schedule.timezone),
        On::Webhook(hook) => format!("POST {}", hook.path),
    }
}

fn row(event: &Event) -> Value {
    let links = event.made.iter().filter_map(|made| {
        let url = ["url", "workflowUrl"]
            .iter()
            .find_map(|name| made[*name].as_str())?;
        // Nothing but addresses of pages.
        let is_page = url.starts_with("https://") || url.starts_with("http://");
        let text = ["runName", "name", "workflowId", "id"]
            .iter()
            .find_map(|name| made[*name].as_str());
        is_page.then(|| json!({"url": url, "text": text.unwrap_or(url)}))
    });
    json!({
        "id": event.id.chars().take(10).collect::<String>(),
        "rule": event.rule,
        "key": event.key,
        "state": event.condition.word(),
        "seen": event.seen.format("%Y-%m-%d %H:%M:%S").to_string(),
        "why": event.why,
        "links": links.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_events_say_is_text_on_the_page() {
        let evil = "<script>alert(1)</script>\"'";
        let event = json!({"id": "1", "rule": evil, "key": evil, "state": "failed", "seen": "", "why": evil,
            "links": [{"url": "https://x/?\"onclick=\"", "text": evil}]});
        let data = json!({"now": "", "conditions": ["failed"], "totals": {"failed": 1},
            "rules": [{"name": evil, "watches": evil, "does": [evil], "counts": {"failed": 1}}],
            "trouble": [event], "waiting": [event], "last": [event]});
        let page = render(&data).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("\"onclick"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;"));
        for outside in ["src=", "@import", "url(", "<form", "<button"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
