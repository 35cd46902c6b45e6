//! The decision point's own description (AuthZEN 1.0 section 9).

use crate::{Api, obligations};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// `GET /.well-known/authzen-configuration`
pub(crate) async fn configuration(State(api): State<Api>) -> Json<Value> {
    let base = &api.base_url;
    Json(json!({
        "policy_decision_point": &**base,
        "access_evaluation_endpoint": format!("{base}/access/v1/evaluation"),
        "access_evaluations_endpoint": format!("{base}/access/v1/evaluations"),
        "search_subject_endpoint": format!("{base}/access/v1/search/subject"),
        "search_resource_endpoint": format!("{base}/access/v1/search/resource"),
        "search_action_endpoint": format!("{base}/access/v1/search/action"),
        "supported_obligations": obligations::SUPPORTED,
    }))
}
