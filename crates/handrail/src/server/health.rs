//! Health, readiness and metrics.

use axum::extract::{FromRef, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use callers::{Caller, Callers, Metrics};
use metrics_exporter_prometheus::PrometheusHandle;
use plane::{Plane, Readiness};
use serde_json::json;

/// What the routes work with.
#[derive(Clone)]
pub(crate) struct Health {
    pub(crate) plane: Plane,
    pub(crate) callers: Callers,
    pub(crate) metrics: PrometheusHandle,
}

impl FromRef<Health> for Callers {
    fn from_ref(health: &Health) -> Self {
        health.callers.clone()
    }
}

/// `/livez` and `/readyz` for anybody, `/metrics` for callers that may read them.
pub(crate) fn routes(health: Health) -> Router {
    Router::new()
        .route("/livez", get(async || Json(json!({ "alive": true }))))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .with_state(health)
}

/// Ready, or not and in broad words why. Details are in the logs and in `handrail doctor`, not for whoever asks.
async fn ready(State(health): State<Health>) -> Response {
    match health.plane.readiness() {
        Readiness::Ready => Json(json!({ "ready": true })).into_response(),
        Readiness::CannotRead { .. } => not_ready("the log cannot be read whole by this build"),
        Readiness::CannotRecord { .. } => not_ready("the store does not take entries"),
    }
}

fn not_ready(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "ready": false, "why": why }))).into_response()
}

async fn numbers(State(health): State<Health>, _caller: Caller<Metrics>) -> Response {
    let head = health.plane.store().head();
    metrics::gauge!("handrail_ledger_entries").set(head.next.0 as f64);
    metrics::gauge!("handrail_ledger_sealed_entries").set(head.sealed as f64);
    metrics::gauge!("handrail_live_permits").set(health.plane.live().len() as f64);
    metrics::gauge!("handrail_directory_numbers").set(health.plane.directory().len() as f64);
    if let Some(spool) = health.plane.spool_state() {
        metrics::gauge!("handrail_spool_waiting").set(spool.waiting() as f64);
    }
    let ready = health.plane.readiness() == Readiness::Ready;
    metrics::gauge!("handrail_ready").set(if ready { 1.0 } else { 0.0 });
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], health.metrics.render()).into_response()
}
