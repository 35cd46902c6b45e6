//! The evaluation endpoints (AuthZEN 1.0 sections 6 and 7).

use crate::object::required;
use crate::reply::{Body, ReplyError, request_id};
use crate::wire::{Asked, Decision, Decisions, EVALUATIONS_MAX, Evaluation, Evaluations, Item, Semantic, Told};
use crate::{Api, answer, ask};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use callers::{Authority, Caller, Evaluate};
use events::RequestId;
use futures_util::future::join_all;
use plane::Ask;
use serde_json::{Value, json};

/// `POST /access/v1/evaluation`
pub(crate) async fn one(
    State(api): State<Api>,
    caller: Caller<Evaluate>,
    headers: HeaderMap,
    Body(sent): Body<Evaluation>,
) -> Result<Json<Decision>, ReplyError> {
    decide(&api, &caller, request_id(&headers), sent.asked(), false).await.map(Json)
}

/// `POST /access/v1/evaluations`
pub(crate) async fn many(
    State(api): State<Api>,
    caller: Caller<Evaluate>,
    headers: HeaderMap,
    Body(sent): Body<Evaluations>,
) -> Result<Response, ReplyError> {
    let Evaluations { subject, action, resource, context, evaluations, options } = sent;
    let defaults = Item { subject, action, resource, context };
    let (request, items) = (request_id(&headers), evaluations.unwrap_or_default());
    if items.len() > EVALUATIONS_MAX {
        let count = items.len();
        return Err(ReplyError::BadRequest(format!("at most {EVALUATIONS_MAX} evaluations, these are {count}")));
    }
    if items.is_empty() {
        let single = defaults.or(&defaults).map_err(missing)?;
        return Ok(Json(decide(&api, &caller, request, single, false).await?).into_response());
    }
    caller.charge(items.len() - 1)?;
    let semantic = options.unwrap_or_default().evaluations_semantic;
    let evaluations = if semantic == Semantic::ExecuteAll {
        join_all(items.iter().map(|item| item_of(&api, &caller, request.clone(), &defaults, item))).await
    } else {
        let mut answers = Vec::new();
        for item in &items {
            let answer = item_of(&api, &caller, request.clone(), &defaults, item).await;
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

fn missing(member: &'static str) -> ReplyError {
    ReplyError::BadRequest(format!("`{member}` is missing"))
}

/// One item of several: what is wrong with it denies it alone.
async fn item_of(
    api: &Api,
    caller: &Caller<Evaluate>,
    request: Option<RequestId>,
    defaults: &Item,
    item: &Value,
) -> Decision {
    let read: Result<Item, _> =
        required(item).map_err(|error| ReplyError::BadRequest(format!("the evaluation is not as expected: {error}")));
    let answer = match &read {
        Ok(item) => match item.or(defaults).map_err(missing) {
            Ok(asked) => decide(api, caller, request, asked, false).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error.clone()),
    };
    answer.unwrap_or_else(|error| {
        let error = json!({ "status": error.status().as_u16(), "message": error.to_string() });
        Decision { decision: false, context: Told { error: Some(error), ..Told::default() } }
    })
}

/// Decides one request for a caller.
pub(crate) async fn decide<A: Authority>(
    api: &Api,
    caller: &Caller<A>,
    request: Option<RequestId>,
    asked: Asked<'_>,
    live: bool,
) -> Result<Decision, ReplyError> {
    let ask::Read { question, unknown } = ask::question(asked, caller.charter(), caller.entry(), &api.plane)?;
    let ask = Ask { question, actor: caller.actor(), request, live };
    let answer = api.plane.decide_with_words(ask, ask::words(asked)).await?;
    let permitted = if answer.permits() { "permit" } else { "deny" };
    metrics::counter!("handrail_decisions_total", "effect" => permitted).increment(1);
    Ok(answer::decision(&answer, &api.plane.engine(), api, caller.name()).in_words_of_the_asker(&unknown))
}
