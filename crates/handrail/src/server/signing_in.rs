//! The local socket's routes for signing in at the bedside: invitations for people, codes for workstations, and the end of either.

use super::http::Peer;
use super::local::{Local, Trouble, actor, bad};
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use events::workstation::Withdrawn;
use events::{AuthenticatorId, DeviceId, Draft, PrincipalId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signin::enrolment::{self, Evidence, INVITATION_PATH, InviteError, KeyError, ListError};
use signin::recovery::{self, PASS_PATH, RecoverError};
use signin::workstation::{self, CodeError, WORKSTATION_PATH};
use store::Batch;

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new()
        .route("/people/invitations", post(invite))
        .route("/people/invitations/list", post(invite_all))
        .route("/people/recovery", post(recover))
        .route("/people/{who}/authenticators", get(authenticators))
        .route("/people/{who}/authenticators/{key}", delete(revoke))
        .route("/workstations", get(workstations))
        .route("/workstations/codes", post(code))
        .route("/workstations/{device}", delete(withdraw))
}

/// Whom to invite, and who stands for them.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewInvitation {
    pub(crate) person: PrincipalId,
    pub(crate) voucher: PrincipalId,
    pub(crate) checked: String,
    pub(crate) proofing: u8,
}

async fn invite(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(new): Json<NewInvitation>,
) -> Result<Json<Value>, Trouble> {
    let evidence = Evidence { voucher: new.voucher, checked: new.checked.into(), proofing: new.proofing };
    let slip = match enrolment::invite(&local.plane, &new.person, evidence, actor(peer)?).await {
        Err(error @ InviteError::Record(_)) => return Err(error.into()),
        Err(no) => return Err(bad(no.to_string())),
        Ok(slip) => slip,
    };
    let url = format!("{}{INVITATION_PATH}/{}", local.base_url, *slip.text());
    Ok(Json(json!({ "url": url, "good_until": slip.good_until })))
}

/// Everybody on a list, or nobody.
async fn invite_all(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    list: Bytes,
) -> Result<Json<Value>, Trouble> {
    let made = match enrolment::invite_all(&local.plane, &list, actor(peer)?).await {
        Err(error @ ListError::Record(_)) => return Err(error.into()),
        Err(no) => return Err(bad(no.to_string())),
        Ok(made) => made,
    };
    let told = made.iter().map(|(who, slip)| {
        let url = format!("{}{INVITATION_PATH}/{}", local.base_url, *slip.text());
        json!({ "person": who, "url": url, "good_until": slip.good_until })
    });
    Ok(Json(told.collect()))
}

/// Whom to let back in, and why.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewPass {
    pub(crate) person: PrincipalId,
    pub(crate) why: String,
    pub(crate) lost: bool,
}

/// May be called by whoever may open the socket: that is the way in when nobody else is left.
async fn recover(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(new): Json<NewPass>,
) -> Result<Json<Value>, Trouble> {
    let slip = match recovery::at_console(&local.plane, &new.person, &new.why, new.lost, actor(peer)?).await {
        Err(error @ (RecoverError::NoSuchPerson(_) | RecoverError::Why)) => return Err(bad(error.to_string())),
        made => made?,
    };
    let url = format!("{}{PASS_PATH}", local.base_url);
    Ok(Json(json!({ "code": *slip.text(), "url": url, "good_until": slip.good_until })))
}

/// For which device.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewCode {
    pub(crate) device: DeviceId,
}

async fn code(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(new): Json<NewCode>,
) -> Result<Json<Value>, Trouble> {
    let slip = match workstation::issue_code(&local.plane, &new.device, actor(peer)?).await {
        Err(error @ CodeError::NoSuchDevice(_)) => return Err(bad(error.to_string())),
        made => made?,
    };
    let url = format!("{}{WORKSTATION_PATH}/{}", local.base_url, *slip.text());
    Ok(Json(json!({ "url": url, "good_until": slip.good_until })))
}

async fn workstations(State(local): State<Local>) -> Json<Value> {
    let all = local.plane.world(|world| {
        let mut devices: Vec<_> = world.workstations().cloned().collect();
        devices.dedup();
        let told = devices.into_iter().map(|id| {
            let facts = world.device(&id);
            let people: Vec<_> = world.sessions_at(&id).map(|session| session.principal.clone()).collect();
            json!({ "device": id, "unit": facts.and_then(|facts| facts.unit), "sessions": people })
        });
        told.collect::<Vec<_>>()
    });
    Json(json!(all))
}

async fn withdraw(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(device): Path<DeviceId>,
) -> Result<StatusCode, Trouble> {
    if !local.plane.world(|world| world.workstations().any(|known| *known == device)) {
        return Err(Trouble::not_found(format!("`{device}` is not enrolled as a workstation")));
    }
    let draft = Draft { device: Some(device.clone()), ..Draft::new(actor(peer)?, Withdrawn { device }) };
    local.plane.record(Batch::one(draft)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn revoke(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path((who, key)): Path<(PrincipalId, AuthenticatorId)>,
) -> Result<Json<Value>, Trouble> {
    match enrolment::revoke(&local.plane, &who, &key, actor(peer)?).await {
        Ok(left) => Ok(Json(json!({ "left": left }))),
        Err(KeyError::NotTheirs) => Err(Trouble::not_found(format!("`{who}` has no key `{key}`"))),
        Err(KeyError::Record(error)) => Err(error.into()),
        Err(error) => Err(bad(error.to_string())),
    }
}

async fn authenticators(State(local): State<Local>, Path(who): Path<PrincipalId>) -> Json<Value> {
    let all = local.plane.world(|world| {
        let told = world.authenticators_of(&who).into_iter().map(|one| {
            json!({
                "authenticator": one.authenticator,
                "name": one.name,
                "method": one.method,
                "registered_at": one.registered_at,
                "used_at": one.used_at,
            })
        });
        told.collect::<Vec<_>>()
    });
    Json(json!(all))
}
