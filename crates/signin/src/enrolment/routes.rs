//! Registering an authenticator by an invitation, over HTTP.

use super::allowed::Rules;
use super::{INVITATION_PATH, keys, page, store};
use crate::attempt::Try;
use crate::passkey::{ANSWER_BYTES_MAX, Ceremony, Enrollee, Place, Purpose};
use crate::point::{FromOwnPage, PointOfCare, Visitor};
use crate::session::rules::Standing;
use crate::session::{Refusal, told};
use crate::slip::{self, Errand, Shown};
use ::store::{AppendError, Batch};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Json, Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use events::PrincipalId;
use events::authenticator::Way;
use events::signin::{Cause, Outcome, Step};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// `GET /enrol/{invitation}` shows whom it is for, the two posts are the ceremony. Anybody may call them who holds an invitation.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route(&format!("{INVITATION_PATH}/{{invitation}}"), get(show))
        .route("/enrol/done", get(done))
        .route("/enrol/options", post(options))
        .route("/enrol/result", post(result))
        .route("/bedside/me/keys/options", post(own_options))
        .route("/bedside/me/keys/result", post(own_result))
        .layer(DefaultBodyLimit::max(2 * ANSWER_BYTES_MAX))
}

async fn show(State(point): State<PointOfCare>, visitor: Visitor, Path(invitation): Path<String>) -> Response {
    let invitation = Zeroizing::new(invitation);
    match slip::shown(point.plane(), Errand::Invitation, &invitation) {
        Ok(Some(shown)) => page::enrol(&point, &visitor, &shown, &invitation).into_response(),
        Ok(None) => page::spent(&point).into_response(),
        Err(error) => page::failed(&point, &error).into_response(),
    }
}

async fn done(State(point): State<PointOfCare>, visitor: Visitor) -> Response {
    page::done(&point, &visitor).into_response()
}

#[derive(Deserialize)]
struct Asked {
    invitation: Zeroizing<String>,
}

/// Whom an invitation is for, if it is good.
fn invited(point: &PointOfCare, invitation: &str) -> Result<(Shown, PrincipalId), Refusal> {
    let spent = || {
        let words = "This invitation does not work any more. Whoever gave it to you can give you another.";
        Refusal::new(words, Cause::User, "invitation_spent")
    };
    let shown = slip::shown(point.plane(), Errand::Invitation, invitation);
    let shown = shown
        .map_err(|_| Refusal::new("The server cannot look at invitations. Try again.", Cause::Network, "store"))?;
    let shown = shown.ok_or_else(spent)?;
    let who = PrincipalId::new(&shown.subject).map_err(|_| spent())?;
    if store::may_act(point.plane(), &who) { Ok((shown, who)) } else { Err(spent()) }
}

fn ceremony(shown: &Shown, who: &PrincipalId) -> Ceremony {
    Ceremony { purpose: Purpose::Register { principal: who.clone() }, place: Place::Away(shown.id.clone()) }
}

async fn options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Asked>,
) -> Response {
    let made = registration(&point, &visitor, &sent.invitation);
    match made {
        Ok(options) => told(&options),
        Err(refusal) => {
            point.refused(&visitor, Step::Register, &refusal, None).await;
            refusal.told()
        }
    }
}

fn registration(point: &PointOfCare, visitor: &Visitor, invitation: &str) -> Result<serde_json::Value, Refusal> {
    let now = point.plane().now();
    if !point.may_try(visitor) {
        return Err(Refusal::too_many());
    }
    let (shown, who) = invited(point, invitation)?;
    let ceremonies = point.ceremonies().map_err(|_| Refusal::no_passkeys())?;
    let existing: Vec<_> = point
        .plane()
        .world(|world| world.authenticators_of(&who).into_iter().map(|one| one.credential.clone()).collect());
    let (name, engine) = (point.name_of(&who), point.plane().engine());
    let person = Enrollee {
        handle: store::handle_of(point.plane(), &who),
        name: who.as_str(),
        display_name: &name,
        hospital: &engine.charter().hospital().name,
        existing: &existing,
    };
    let options = ceremonies.registration(ceremony(&shown, &who), visitor.address, &person, now);
    options.map(|options| json!(options)).map_err(|error| Refusal::of(&error))
}

#[derive(Deserialize)]
struct Made {
    invitation: Zeroizing<String>,
    credential: Box<RawValue>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    elapsed_ms: Option<u32>,
    #[serde(default)]
    interactions: Option<u8>,
}

async fn result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Made>,
) -> Response {
    match keep(&point, &sent).await {
        Ok(who) => {
            let tried = Try {
                principal: Some(who),
                elapsed_ms: sent.elapsed_ms,
                interactions: sent.interactions,
                ..Try::done(Step::Register)
            };
            point.tried(&visitor, tried).await;
            told(&json!({ "go": "/enrol/done" }))
        }
        Err(refusal) => {
            let tried = Try::failed(Step::Register, Outcome::Refused, refusal.cause, refusal.detail);
            point.tried(&visitor, Try { elapsed_ms: sent.elapsed_ms, ..tried }).await;
            refusal.told()
        }
    }
}

async fn keep(point: &PointOfCare, sent: &Made) -> Result<PrincipalId, Refusal> {
    let (shown, who) = invited(point, &sent.invitation)?;
    let rules = Rules::of(point, &who)?;
    let ceremonies = point.ceremonies().map_err(|_| Refusal::no_passkeys())?;
    let answer = sent.credential.get().as_bytes();
    let made = ceremonies
        .register(&ceremony(&shown, &who), answer, rules.roots().as_ref(), point.plane().now())
        .map_err(|error| Refusal::of(&error))?;
    store::unknown_yet(point, &made)?;
    rules.have_room(point.plane().world(|world| world.authenticators_of(&who).len()))?;
    let method = rules.method(&made)?;
    let way = Way::Invitation { slip: shown.id.clone() };
    let draft = store::registered(point, &who, made, method, &sent.name, way);
    match point.plane().record(shown.used_with(Batch::one(draft), point.plane().now())).await {
        Ok(_) => Ok(who),
        Err(AppendError::Conflict(_)) => {
            let words = "This invitation was used just now. If that was not you, tell the service desk.";
            Err(Refusal::new(words, Cause::User, "invitation_spent"))
        }
        Err(error) => {
            tracing::error!(%error, "an authenticator could not be registered");
            let words = "This could not be recorded, so it did not happen. Try again.";
            Err(Refusal::new(words, Cause::Network, "unrecorded"))
        }
    }
}

/// Another key of somebody signed in.
async fn own_options(State(point): State<PointOfCare>, visitor: Visitor, _own: FromOwnPage) -> Response {
    let Some((session, Standing::Open)) = &visitor.session else { return told(&json!({ "go": "/bedside" })) };
    match keys::options(&point, &visitor, session) {
        Ok(options) => told(&options),
        Err(refusal) => {
            point.refused(&visitor, Step::Register, &refusal, None).await;
            refusal.told()
        }
    }
}

#[derive(Deserialize)]
struct Added {
    credential: Box<RawValue>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    elapsed_ms: Option<u32>,
}

async fn own_result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Added>,
) -> Response {
    let Some((session, Standing::Open)) = visitor.session.clone() else { return told(&json!({ "go": "/bedside" })) };
    match keys::add(&point, &session, sent.credential.get().as_bytes(), &sent.name).await {
        Ok(()) => {
            let (principal, session) = (Some(session.principal), Some(session.session));
            let tried = Try { principal, session, elapsed_ms: sent.elapsed_ms, ..Try::done(Step::Register) };
            point.tried(&visitor, tried).await;
            told(&json!({ "go": "/bedside/me" }))
        }
        Err(refusal) => {
            point.refused(&visitor, Step::Register, &refusal, sent.elapsed_ms).await;
            refusal.told()
        }
    }
}
