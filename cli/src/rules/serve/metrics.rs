//! `/metrics`: counts, for Prometheus.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::extract::State as Of;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Serving;
use super::page::may_see;

type Labels = [(&'static str, String); 2];

/// What is counted beside what the database holds.
#[derive(Debug, Default)]
pub struct Metrics {
    deliveries: Family<[(&'static str, &'static str); 1], Counter>,
    looks: Counter,
    failed: AtomicU64,
    last: AtomicI64,
}

impl Metrics {
    pub fn delivered(&self, outcome: &'static str) {
        self.deliveries.get_or_create(&[("outcome", outcome)]).inc();
    }

    pub fn looked(&self, now: DateTime<Utc>, problems: usize) {
        self.looks.inc();
        self.last.store(now.timestamp(), Ordering::Relaxed);
        self.failed.store(problems as u64, Ordering::Relaxed);
    }
}

pub async fn show(Of(serving): Of<Arc<Serving>>, headers: HeaderMap) -> Response {
    if let Err(refused) = may_see(&serving, &headers) {
        return *refused;
    }
    let Ok(counts) = serving.state.counts().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the state can't be read\n").into_response();
    };
    let events = Family::<Labels, Gauge>::default();
    for count in counts {
        let labels = [
            ("rule", count.rule),
            ("state", count.condition.word().to_owned()),
        ];
        events
            .get_or_create(&labels)
            .set(i64::try_from(count.events).unwrap_or(i64::MAX));
    }
    let metrics = &serving.metrics;
    let (last, problems) = (Gauge::<i64>::default(), Gauge::<i64>::default());
    last.set(metrics.last.load(Ordering::Relaxed));
    problems.set(i64::try_from(metrics.failed.load(Ordering::Relaxed)).unwrap_or(i64::MAX));
    let mut registry = Registry::with_prefix("seqctl_rules");
    registry.register("events", "Events by rule and state", events);
    registry.register(
        "deliveries",
        "Deliveries of webhooks by outcome",
        metrics.deliveries.clone(),
    );
    registry.register("looks", "Looks of the watchers", metrics.looks.clone());
    registry.register(
        "last_look_seconds",
        "The last look, in seconds since 1970",
        last,
    );
    registry.register(
        "look_problems",
        "What could not be looked at by the last look",
        problems,
    );
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
