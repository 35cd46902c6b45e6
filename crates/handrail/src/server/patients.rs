//! The local socket's way to what identifies patients: who somebody is, holds, erasure, and detail beside entries.

use super::http::Peer;
use super::local::{Local, Trouble, actor, bad, record_reading};
use axum::extract::{Extension, Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use events::ledger::Searched;
use events::{Draft, OwnerId, PatientPseudonym, Seq};
use plane::Person;
use plane::privacy::PrivacyError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Kept;

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new()
        .route("/patients/find", post(find))
        .route("/patients/erase", post(erase))
        .route("/patients/hold", post(hold))
        .route("/patients/release", post(release))
        .route("/patients/holds", get(holds))
        .route("/ledger/detail/{entry}", get(detail))
}

/// A patient by record number, and why something is done. The number goes no further than the directory.
#[derive(Serialize, Deserialize)]
pub(crate) struct Asked {
    pub(crate) record_number: String,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) owner: Option<OwnerId>,
}

impl Asked {
    fn number(&self) -> Result<&str, Trouble> {
        let number = self.record_number.trim();
        plane::number::check(number).map_err(|error| bad(error.to_string()))?;
        Ok(number)
    }
}

/// What forbids it is told as what is wrong with the request; anything else as trouble of the node.
fn refused(error: PrivacyError) -> Trouble {
    match error {
        PrivacyError::Record(_) | PrivacyError::Read(_) | PrivacyError::Uncertain(_) | PrivacyError::Stopped => {
            error.into()
        }
        PrivacyError::Nobody => Trouble::not_found(error.to_string()),
        error => bad(error.to_string()),
    }
}

async fn find(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, Trouble> {
    let Person { records, identities, unreadable, hold } = local.plane.person(asked.number()?).map_err(refused)?;
    let whose = records.first().copied().ok_or_else(|| refused(PrivacyError::Nobody))?;
    record_look(&local, peer, "identity", whose, None, identities.len() as u64).await?;
    Ok(Json(json!({
        "records": records,
        "identities": identities,
        "unreadable": unreadable,
        "hold": hold.map(|hold| json!({ "entry": hold.entry, "reason": hold.reason, "owner": hold.owner })),
    })))
}

/// Records whose identity somebody looks at, so that the account of that patient tells it. To be done before it is shown.
async fn record_look(
    local: &Local,
    peer: Peer,
    how: &str,
    patient: PatientPseudonym,
    entry: Option<u64>,
    shown: u64,
) -> Result<(), Trouble> {
    let narrowed = entry.map(|entry| ("entry".into(), entry.to_string().into())).into_iter().collect();
    let look =
        Searched { how: how.into(), patient: Some(patient), person: None, from: None, until: None, narrowed, shown };
    local.plane.record(store::Batch::one(Draft::new(actor(peer)?, look))).await?;
    Ok(())
}

async fn erase(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, Trouble> {
    let by = actor(peer)?;
    let done = local.plane.erase(asked.number()?, &asked.reason, by, feeds::kept::naming).await.map_err(refused)?;
    Ok(Json(
        json!({ "entry": done.entry, "erased": done.erased, "scrubbed": done.scrubbed, "unreadable": done.unreadable }),
    ))
}

async fn hold(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, Trouble> {
    let owner = asked.owner.clone().ok_or_else(|| bad("a hold needs an owner"))?;
    let engine = local.plane.engine();
    let owners = engine.charter().owners();
    if !owners.people.contains_key(&owner) && !owners.teams.contains_key(&owner) {
        return Err(bad(format!("`{owner}` is neither a team nor a person of the charter's owners.toml")));
    }
    let placed = local.plane.place_hold(asked.number()?, &asked.reason, owner, actor(peer)?).await.map_err(refused)?;
    Ok(Json(json!({ "entry": placed })))
}

async fn release(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(asked): Json<Asked>,
) -> Result<Json<Value>, Trouble> {
    let lifted = local.plane.lift_hold(asked.number()?, &asked.reason, actor(peer)?).await.map_err(refused)?;
    Ok(Json(json!({ "entry": lifted })))
}

async fn holds(State(local): State<Local>) -> Json<Value> {
    let whole = local.plane.engine().charter().hospital().retention.legal_hold;
    let holds = local.plane.world(|world| {
        let told = |hold: &world::Hold| json!({ "patient": hold.patient, "entry": hold.entry, "reason": hold.reason, "owner": hold.owner });
        world.holds().map(told).collect::<Vec<_>>()
    });
    Json(json!({ "hospital": whole, "holds": holds }))
}

/// The detail beside an entry, or what became of it.
async fn detail(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(entry): Path<u64>,
) -> Result<Json<Value>, Trouble> {
    let store = local.plane.store();
    let kept = store.detail(Seq(entry))?;
    // Once: under the patient it is about where it is about one, else as the reading of an entry.
    match &kept {
        Kept::Here(detail) if let Some(patient) = detail.about => {
            record_look(&local, peer, "detail", patient, Some(entry), 1).await?;
        }
        _ => record_reading(&local, peer, "detail", entry, entry + 1).await?,
    }
    Ok(Json(match kept {
        Kept::Nothing => json!({ "detail_of": entry, "kept": "nothing" }),
        Kept::Here(detail) => {
            let text = serde_json::from_str(&detail.text).unwrap_or_else(|_| Value::from(detail.text.as_str()));
            json!({ "detail_of": entry, "kept": "here", "sort": detail.sort.as_str(), "detail": text })
        }
        Kept::Expired => json!({ "detail_of": entry, "kept": "expired" }),
        Kept::Erased { by } => {
            let leaf = store.read(|reader| reader.leaf(by))?;
            let (at, who) = leaf.map(|leaf| (leaf.recorded_at, leaf.draft.actor)).unzip();
            json!({ "detail_of": entry, "kept": "erased", "on": at, "by": who, "erasure": by })
        }
    }))
}
