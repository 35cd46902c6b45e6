//! The evaluation endpoints (AuthZEN 1.0 sections 6 and 7).

use crate::reply::{Body, ReplyError, request_id};
use crate::wire::{Decision, Decisions, EVALUATIONS_MAX, Evaluation, Evaluations, Semantic};
use crate::{Api, answer, ask};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use callers::{Authority, Caller, Evaluate};
use events::RequestId;
use futures_util::future::join_all;
use plane::Ask;
use serde_json::{Map, Value, json};

/// `POST /access/v1/evaluation`
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller<Evaluate>,
    headers: HeaderMap,
    Body(sent): Body<Evaluation>,
) -> Result<Json<Decision>, ReplyError> {
    decide(&api, &caller, request_id(&headers), sent, false).await.map(Json)
}

/// `POST /access/v1/evaluations`
pub(crate) async fn many(
    State(api): State<Api>,
    caller: Caller<Evaluate>,
    headers: HeaderMap,
    Body(sent): Body<Evaluations>,
) -> Result<Response, ReplyError> {
    let request = request_id(&headers);
    if sent.evaluations.len() > EVALUATIONS_MAX {
        return Err(ReplyError::BadRequest(format!(
            "at most {EVALUATIONS_MAX} evaluations, these are {}",
            sent.evaluations.len()
        )));
    }
    if sent.evaluations.is_empty() {
        let single = merged(&sent, &Value::Object(Map::new()))?;
        return Ok(Json(decide(&api, &caller, request, single, false).await?).into_response());
    }
    let semantic = sent.options.evaluations_semantic;
    let evaluations = if semantic == Semantic::ExecuteAll {
        join_all(sent.evaluations.iter().map(|item| item_of(&api, &caller, request.clone(), &sent, item))).await
    } else {
        let mut answers = Vec::new();
        for item in &sent.evaluations {
            let answer = item_of(&api, &caller, request.clone(), &sent, item).await;
            let permitted = answer.decision;
            answers.push(answer);
            if permitted == (semantic == Semantic::PermitOnFirstPermit) {
                break;
            }
        }
        answers
    };
    Ok(Json(Decisions { evaluations }).into_response())
}

/// One item of several: what is wrong with it denies it alone.
async fn item_of(
    api: &Api,
    caller: &Caller<Evaluate>,
    request: Option<RequestId>,
    defaults: &Evaluations,
    item: &Value,
) -> Decision {
    let answer = match merged(defaults, item) {
        Ok(evaluation) => decide(api, caller, request, evaluation, false).await,
        Err(error) => Err(error),
    };
    answer.unwrap_or_else(|error| {
        let mut context = Map::new();
        context.insert("error".to_owned(), json!({ "status": error.status().as_u16(), "message": error.to_string() }));
        Decision { decision: false, context }
    })
}

/// An item with the top level's members where it has none of its own.
fn merged(defaults: &Evaluations, item: &Value) -> Result<Evaluation, ReplyError> {
    let Value::Object(item) = item else {
        return Err(ReplyError::BadRequest("an evaluation has to be an object".to_owned()));
    };
    let defaults = [
        ("subject", &defaults.subject),
        ("action", &defaults.action),
        ("resource", &defaults.resource),
        ("context", &defaults.context),
    ];
    let mut whole = item.clone();
    for (name, default) in defaults {
        if let Some(default) = default
            && !whole.contains_key(name)
        {
            whole.insert(name.to_owned(), default.clone());
        }
    }
    serde_json::from_value(Value::Object(whole))
        .map_err(|error| ReplyError::BadRequest(format!("the evaluation is not as expected: {error}")))
}

/// Decides one request for a caller.
pub(crate) async fn decide<A: Authority>(
    api: &Api,
    caller: &Caller<A>,
    request: Option<RequestId>,
    sent: Evaluation,
    live: bool,
) -> Result<Decision, ReplyError> {
    let directory = api.plane.directory();
    let question = ask::question(sent, caller.charter(), caller.entry(), |number| directory.patient(number))?;
    let answer = api.plane.decide(Ask { question, actor: caller.actor(), request, live }).await?;
    let permitted = if answer.permits() { "permit" } else { "deny" };
    metrics::counter!("handrail_decisions_total", "effect" => permitted).increment(1);
    Ok(answer::decision(&answer, &api.plane.engine()))
}
