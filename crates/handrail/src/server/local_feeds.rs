//! The local socket's routes for what feeds left over: rejected messages and patients without a name.

use super::http::Peer;
use super::local::{Local, Trouble, actor, bad};
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use feeds::listener::again::{self, AgainError};
use feeds::temporary::{self, TemporaryError};
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new()
        .route("/feeds/rejected", get(rejected))
        .route("/feeds/rejected/{id}", get(show))
        .route("/feeds/rejected/{id}/replay", post(replay))
        .route("/feeds/rejected/{id}/discard", post(discard))
        .route("/patients/temporary", post(give))
        .route("/patients/merge", post(merge))
        .route("/patients/unmerge", post(unmerge))
}

fn trouble(error: AgainError) -> Trouble {
    match error {
        AgainError::Gone => Trouble::not_found(error.to_string()),
        AgainError::Rejected(_) => bad(error.to_string()),
        error => error.into(),
    }
}

async fn rejected(State(local): State<Local>) -> Result<Json<Value>, Trouble> {
    let listed = again::list(&local.plane).await.map_err(trouble)?;
    let listed = listed.into_iter().map(|message| {
        json!({
            "id": message.id,
            "at": message.at,
            "feed": message.feed,
            "sender": message.sender,
            "type": message.message_type,
            "bytes": message.bytes,
            "reason": message.reason,
        })
    });
    Ok(Json(listed.collect()))
}

async fn show(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<i64>,
) -> Result<Vec<u8>, Trouble> {
    Ok(again::show(&local.plane, id, actor(peer)?).await.map_err(trouble)?.to_vec())
}

#[derive(Deserialize)]
struct Repaired {
    message: Option<String>,
}

async fn replay(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<i64>,
    Json(Repaired { message }): Json<Repaired>,
) -> Result<Json<Value>, Trouble> {
    let repaired = message.map(|message| bytes::Bytes::from(message.into_bytes()));
    let kinds = Box::pin(again::replay(&local.plane, id, repaired, actor(peer)?)).await.map_err(trouble)?;
    Ok(Json(json!({ "recorded": kinds })))
}

#[derive(Deserialize)]
struct Why {
    reason: String,
}

async fn discard(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(id): Path<i64>,
    Json(Why { reason }): Json<Why>,
) -> Result<StatusCode, Trouble> {
    if reason.trim().is_empty() {
        return Err(bad("say why it is given up"));
    }
    again::discard(&local.plane, id, reason.trim(), actor(peer)?).await.map_err(trouble)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Where {
    unit: String,
}

async fn give(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(Where { unit }): Json<Where>,
) -> Result<Json<Value>, Trouble> {
    let engine = local.plane.engine();
    let known = engine.charter().unit_by_code(&unit).cloned();
    let known = known.ok_or_else(|| bad(format!("the charter knows no unit called `{unit}`")))?;
    let given = temporary::admit(&local.plane, known, actor(peer)?).await?;
    Ok(Json(json!({ "record": given.number, "patient": given.patient })))
}

#[derive(Deserialize)]
struct Same {
    record: String,
    retired: String,
}

impl Same {
    /// The number that stays and the one that goes.
    fn numbers(&self) -> Result<(&str, &str), Trouble> {
        let [record, retired] = [self.record.trim(), self.retired.trim()];
        for number in [record, retired] {
            plane::number::check(number).map_err(|error| bad(error.to_string()))?;
        }
        Ok((record, retired))
    }
}

fn done(outcome: Result<(), TemporaryError>) -> Result<StatusCode, Trouble> {
    match outcome {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error @ (TemporaryError::Refused | TemporaryError::NotMerged)) => Err(bad(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

async fn merge(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(same): Json<Same>,
) -> Result<StatusCode, Trouble> {
    let (record, retired) = same.numbers()?;
    done(temporary::merge(&local.plane, retired, record, actor(peer)?).await)
}

async fn unmerge(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(same): Json<Same>,
) -> Result<StatusCode, Trouble> {
    let (record, retired) = same.numbers()?;
    done(temporary::unmerge(&local.plane, retired, record, actor(peer)?).await)
}
