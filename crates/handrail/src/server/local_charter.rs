//! Changing the charter through the local socket: proposing, listing, taking back, and applying where one person may.

use super::http::Peer;
use super::local::{Local, Trouble, actor, told};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Extension, Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use charter::{BUNDLE_BYTES_MAX, Charter};
use events::Seq;
use plane::{ChangeError, Ending, Plane, Proposal, Step};
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes.
pub(super) fn routes() -> Router<Local> {
    Router::new()
        .route("/charter/proposals", get(list).post(propose))
        .route("/charter/apply", post(apply))
        .route("/charter/proposals/{number}/withdraw", post(withdraw))
        .layer(DefaultBodyLimit::max(BUNDLE_BYTES_MAX))
}

#[derive(Deserialize)]
struct Why {
    reason: String,
}

/// What is wrong with the request, or with us.
fn refused(error: ChangeError) -> Trouble {
    let ours = matches!(error, ChangeError::Record(_) | ChangeError::CutOff(_) | ChangeError::Unusable(_));
    Trouble(if ours { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CONFLICT }, told(&error))
}

fn sent(bytes: &[u8]) -> Result<Charter, Trouble> {
    Charter::from_bundle(bytes).map_err(|found| {
        let first = found.first().map(charter::Diagnostic::plain).unwrap_or_default();
        Trouble(StatusCode::BAD_REQUEST, format!("the charter has {} problems, the first: {first}", found.len()))
    })
}

/// A proposal as the command line shows it.
fn shown(plane: &Plane, proposal: &Proposal) -> Value {
    let engine = plane.engine();
    let signatories = engine.charter().owners().signatories();
    let standing = match &proposal.ended {
        Some(Ending::Applied(entry)) => format!("in force since entry {entry}"),
        Some(Ending::Overtaken(_)) => "overtaken: propose it anew".to_owned(),
        Some(Ending::Withdrawn(why)) => format!("withdrawn: {why}"),
        Some(Ending::Rejected(why)) => format!("rejected: {why}"),
        None if !proposal.is_open(plane.now()) => "expired: propose it anew".to_owned(),
        None => format!("open: {} of {} signatures", proposal.signed.len(), signatories.signatures),
    };
    json!({
        "proposal": proposal.number,
        "standing": standing,
        "open": proposal.is_open(plane.now()),
        "by": proposal.by,
        "proposed_at": proposal.proposed_at,
        "good_until": proposal.proposed.good_until,
        "reason": proposal.proposed.reason,
        "digest": proposal.proposed.digest,
        "against": proposal.proposed.against,
        "wider": proposal.proposed.wider,
        "narrower": proposal.proposed.narrower,
        "signed_by": proposal.signers().collect::<Vec<_>>(),
        "may_sign": signatories.people,
        "signatures": signatories.signatures,
    })
}

async fn list(State(local): State<Local>) -> Json<Vec<Value>> {
    Json(local.plane.proposals().all().iter().map(|proposal| shown(&local.plane, proposal)).collect())
}

async fn propose(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Query(why): Query<Why>,
    bytes: Bytes,
) -> Result<Json<Value>, Trouble> {
    let number = local.plane.propose(sent(&bytes)?, &why.reason, actor(peer)?).await.map_err(refused)?;
    answer(&local, number, None).await
}

async fn apply(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Query(why): Query<Why>,
    bytes: Bytes,
) -> Result<Json<Value>, Trouble> {
    let (number, step) = local.plane.apply_charter(sent(&bytes)?, &why.reason, actor(peer)?).await.map_err(refused)?;
    let applied = if let Step::Applied(entry) = step { Some(entry) } else { None };
    answer(&local, number, applied).await
}

async fn answer(local: &Local, number: Seq, applied: Option<Seq>) -> Result<Json<Value>, Trouble> {
    let proposal = local.plane.proposals().find(number).ok_or_else(|| refused(ChangeError::NoSuch(number)))?;
    // What was recorded is so, whether or not the comparison can be made once more.
    let compared = local.plane.comparison(proposal.proposed.against, proposal.proposed.digest).await.ok();
    let mut shown = shown(&local.plane, &proposal);
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("applied".to_owned(), json!(applied));
        fields.insert("warnings".to_owned(), json!(compared.as_ref().map(|compared| &compared.warnings)));
        fields.insert("warned".to_owned(), json!(compared.as_ref().map(|compared| compared.warned())));
        fields.insert("sign_at".to_owned(), json!(format!("{}/charter/proposals/{number}", local.base_url)));
    }
    Ok(Json(shown))
}

async fn withdraw(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(number): Path<u64>,
    Query(why): Query<Why>,
) -> Result<StatusCode, Trouble> {
    local.plane.close_proposal(Seq(number), None, &why.reason, actor(peer)?).await.map_err(refused)?;
    Ok(StatusCode::NO_CONTENT)
}
