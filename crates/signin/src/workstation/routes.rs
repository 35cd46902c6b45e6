//! Enrolling a workstation, and giving its browser the next minute.

use super::{WORKSTATION_PATH, page, proof};
use crate::attempt::Try;
use crate::point::cookie::Carried;
use crate::point::{FromOwnPage, PointOfCare, Visitor};
use crate::session::rules::{Standing, standing};
use crate::session::{told, with_next_cookie};
use crate::slip::{self, Errand, Shown};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Json, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use events::session::LockCause;
use events::signin::{Cause, Outcome, Sign, Step};
use events::workstation::{DeviceKey, Enrolled, Keeper};
use events::{Actor, DeviceId, Draft};
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;
use store::{AppendError, Batch};
use zeroize::Zeroizing;

/// The longest body of these routes, in bytes.
const BODY_BYTES_MAX: usize = 4 * 1024;
/// What a browser that is no enrolled workstation calls itself in its proofs.
const BROWSER: &str = "browser";
/// What is said of a code that does not work, whatever the reason.
const SPENT: &str = "This code does not work any more. Clinical IT can make another.";

/// `GET /workstation/{code}` shows what a code would do, `POST /workstation` does it, `POST /bedside/renew` gives the next minute. Anybody may
/// call them: a code, or a device key, says who it is.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route(&format!("{WORKSTATION_PATH}/{{code}}"), get(show))
        .route(WORKSTATION_PATH, post(enrol))
        .route("/bedside/renew", post(renew))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

async fn show(State(point): State<PointOfCare>, visitor: Visitor, Path(code): Path<String>) -> Response {
    let code = Zeroizing::new(code);
    match slip::shown(point.plane(), Errand::Workstation, &code) {
        Ok(Some(shown)) => page::enrol(&point, &visitor, &shown, &code).into_response(),
        Ok(None) => page::spent(&point).into_response(),
        Err(error) => page::failed(&point, &error).into_response(),
    }
}

/// A code, and the public key of whoever has it.
#[derive(Deserialize)]
pub(crate) struct Enrolment {
    code: Zeroizing<String>,
    #[serde(flatten)]
    key: DeviceKey,
}

fn say(words: &str) -> Response {
    told(&json!({ "say": words }))
}

async fn enrol(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Enrolment>,
) -> Response {
    match enrolled(&point, &visitor, Keeper::Browser, sent).await {
        Ok(device) => {
            with_next_cookie(&point, Carried::of(Some(device), point.plane().now()), told(&json!({ "go": "/bedside" })))
        }
        Err(words) => say(words),
    }
}

/// Uses a code up; which workstation its bearer is from then on, or why none.
pub(crate) async fn enrolled(
    point: &PointOfCare,
    visitor: &Visitor,
    keeper: Keeper,
    sent: Enrolment,
) -> Result<DeviceId, &'static str> {
    if !point.may_try(visitor) {
        return Err("Too many tries came from here in the last minute. Wait a moment.");
    }
    let shown = match slip::shown(point.plane(), Errand::Workstation, &sent.code) {
        Ok(found) => found,
        Err(_) => return Err("The server cannot look at codes at the moment. Try again."),
    };
    match shown {
        Some(shown) => bind(point, visitor, shown, keeper, sent.key).await,
        None => {
            point.tried(visitor, Try::failed(Step::Enrol, Outcome::Refused, Cause::User, "code_spent")).await;
            Err(SPENT)
        }
    }
}

/// Makes what keeps the key the workstation that the code is for.
async fn bind(
    point: &PointOfCare,
    visitor: &Visitor,
    shown: Shown,
    keeper: Keeper,
    key: DeviceKey,
) -> Result<DeviceId, &'static str> {
    let Ok(device) = DeviceId::new(&shown.subject) else { return Err(SPENT) };
    if !proof::is_key(&key) || point.plane().world(|world| world.device(&device)).is_none() {
        return Err("This key cannot be used, or the device is out of use. Ask clinical IT.");
    }
    let enrolled = Enrolled { device: device.clone(), keeper, key, slip: shown.id.clone() };
    let draft = Draft {
        device: Some(device.clone()),
        place: point.unit_of(&device),
        ..Draft::new(Actor::handrail("sign-in"), enrolled)
    };
    match point.plane().record(shown.used_with(Batch::one(draft), point.plane().now())).await {
        Ok(_) => {
            point.tried(visitor, Try::done(Step::Enrol)).await;
            Ok(device)
        }
        Err(AppendError::Conflict(_)) => Err(SPENT),
        Err(error) => {
            tracing::error!(%error, "a workstation could not be enrolled");
            Err("This could not be recorded, so it did not happen. Try again.")
        }
    }
}

/// Whoever touched the screen less long ago than this is at work, in seconds.
const AT_WORK_S: u32 = 60;

#[derive(Deserialize)]
struct Proof {
    device: SmolStr,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    signature: Option<String>,
    /// For how long nobody touched the screen, in seconds.
    #[serde(default)]
    idle_s: u32,
}

/// Whose key a proof has to be of, and what its browser carries from then on.
fn proved_by(point: &PointOfCare, visitor: &Visitor, device: &str) -> Option<(DeviceKey, Carried)> {
    let shown = visitor.carried.as_ref().or(visitor.stale.as_ref());
    if device == BROWSER {
        let carried = shown.filter(|carried| carried.workstation.is_none())?;
        let session = carried.session.as_ref()?;
        let key = point.plane().world(|world| world.session(session).and_then(|session| session.key.clone()))?;
        return Some((key, carried.clone()));
    }
    let device = DeviceId::new(device).ok()?;
    let key = point.plane().world(|world| world.workstation_key(&device, Keeper::Browser).cloned())?;
    // A cookie of another workstation, or none at all, does not matter: the key says which one it is, and nobody is signed in there.
    let own = shown.filter(|carried| carried.workstation.as_ref() == Some(&device)).cloned();
    let given_at = point.plane().now();
    let anew = Carried::of(Some(device), given_at);
    Some((key, own.unwrap_or(anew)))
}

async fn renew(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Proof>,
) -> Response {
    let now = point.plane().now();
    let next = point.nonces().make(now);
    let proof = sent.nonce.as_ref().zip(sent.signature.as_ref()).filter(|(nonce, _)| point.nonces().take(nonce, now));
    let Some((nonce, signature)) = proof else { return told(&json!({ "renewed": false, "nonce": next })) };
    if sent.device == BROWSER && point.is_of_no_session(&visitor) {
        return told(&json!({ "lock": "/bedside" }));
    }
    let message = proof::message(&sent.device, &point.base().to_string(), nonce);
    let proved = proved_by(&point, &visitor, &sent.device);
    let Some((_, carried)) = proved.filter(|(key, _)| proof::holds(key, &message, signature)) else {
        not_proved(&point, &visitor).await;
        return say(
            "This workstation could not prove which one it is. Clinical IT can enrol it again with a new code.",
        );
    };
    if let Some(shown) = visitor.carried.as_ref().or(visitor.stale.as_ref()) {
        point.unproven().proved(shown, now);
    }
    let open = still_open(&point, &carried, sent.idle_s).await;
    let answer = if carried.open && !open {
        json!({ "renewed": true, "nonce": next, "lock": "/bedside" })
    } else {
        json!({ "renewed": true, "nonce": next })
    };
    with_next_cookie(&point, carried, told(&answer))
}

/// Whether the session of a browser is open, after locking it if the screen says that nobody has touched it for too long.
async fn still_open(point: &PointOfCare, carried: &Carried, idle_s: u32) -> bool {
    let session = carried.session.as_ref().and_then(|id| point.plane().world(|world| world.session(id).cloned()));
    let Some(session) = session else { return false };
    let stands = standing(&session, carried.workstation.as_ref(), &point.limits(&session), point.plane().now());
    if stands != Standing::Open {
        return false;
    }
    if point.locks_for_idleness(&session, idle_s) {
        if let Err(error) = point.lock(&session, LockCause::Idle).await {
            tracing::warn!(%error, "an unused screen could not be locked");
        }
        return false;
    }
    // Who writes for a quarter of an hour sends nothing, and is at work all the same.
    if idle_s < AT_WORK_S {
        point.note_use(&session).await;
    }
    true
}

/// Somebody has the cookie and not the key.
async fn not_proved(point: &PointOfCare, visitor: &Visitor) {
    let tried = Try::failed(Step::SignIn, Outcome::Refused, Cause::DeviceTrust, "proof_does_not_hold");
    point.tried(visitor, tried).await;
    let Some(shown) = visitor.carried.as_ref().or(visitor.stale.as_ref()) else { return };
    let Some(session) = &shown.session else { return };
    // A cookie of a session that is over is worth nothing to anybody.
    let Some(who) = point.plane().world(|world| world.session(session).map(|one| one.principal.clone())) else {
        return;
    };
    if !point.unproven().tell(shown, point.plane().now()) {
        return;
    }
    point.signal(Sign::CopiedCookie, shown.workstation.as_ref(), Some(&who), Some(session), None).await;
}
