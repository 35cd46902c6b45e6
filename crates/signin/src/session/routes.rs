//! Signing in, coming back, stepping up, locking and ending over HTTP.

use super::ceremony::{CeremonyAnswer, Refusal};
use super::rules::{Standing, Touch};
use super::store::{Basis, Screen};
use super::{page, reconnect};
use crate::attempt::Try;
use crate::passkey::{ANSWER_BYTES_MAX, Purpose, Verification};
use crate::point::cookie::Carried;
use crate::point::{
    ANEW_PATH, CLOSED_PATH, FORM_BYTES_MAX, FromOwnPage, Held, LOCK_PATH, PointOfCare, Posted, SignedIn, Visitor,
};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRef, Json, State};
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use events::session::{EndCause, LockCause};
use events::signin::{Cause, Outcome, Step};
use events::{DeviceId, PrincipalId, SessionId};
use serde::Deserialize;
use serde_json::json;

/// Where somebody who is signed in begins.
pub(crate) const HOME: &str = "/bedside/patients";

/// The pages and ceremonies of sessions. Who may call each stands in its signature: [`Visitor`] is anybody.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route(CLOSED_PATH, get(home).post(lock))
        .route("/bedside/sign-in/options", post(sign_in_options))
        .route("/bedside/sign-in/result", post(sign_in_result))
        .route("/bedside/reconnect/options", post(reconnect::options))
        .route("/bedside/reconnect/result", post(reconnect::result))
        .route("/bedside/step-up", get(step_up_page))
        .route("/bedside/step-up/options", post(step_up_options))
        .route("/bedside/step-up/result", post(step_up_result))
        .route("/bedside/attempt", post(attempt))
        .route("/bedside/usable", post(usable))
        .route(LOCK_PATH, post(lock))
        .route("/bedside/sign-out", post(sign_out))
        .route("/bedside/resume", post(resume))
        .route(ANEW_PATH, post(anew))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX.max(2 * ANSWER_BYTES_MAX)))
}

/// An answer of the script's language: JSON, never kept by anybody.
pub(crate) fn told(what: &serde_json::Value) -> Response {
    ([("cache-control", "no-store")], Json(what.clone())).into_response()
}

impl Refusal {
    /// As the script is told it.
    pub(crate) fn told(&self) -> Response {
        told(&json!({ "say": self.words }))
    }
}

/// Gives the browser a cookie with the answer. Its minute is the one that goes on: only a proof by the device key begins another.
pub(crate) fn with_cookie(
    point: &PointOfCare,
    visitor: &Visitor,
    workstation: Option<DeviceId>,
    session: Option<SessionId>,
    response: Response,
) -> Response {
    let (now, enrolled) = (point.plane().now(), workstation.is_some());
    let proved = visitor.carried.as_ref().or(visitor.stale.as_ref()).map(|carried| carried.given_at);
    // A browser that shows no cookie and is to be a workstation has proved nothing yet; one of somebody's own begins here.
    let given_at = proved.unwrap_or(if enrolled { events::Timestamp::from_millis(0) } else { now });
    let who = session.as_ref().and_then(|id| point.plane().world(|world| Some(world.session(id)?.principal.clone())));
    with_carried(point, Carried { workstation, session, who, open: false, given_at }, response)
}

/// Gives a browser that has just proved which one it is the cookie of its next minute.
pub(crate) fn with_next_cookie(point: &PointOfCare, before: Carried, response: Response) -> Response {
    with_carried(point, Carried { given_at: point.plane().now(), ..before }, response)
}

fn with_carried(point: &PointOfCare, carried: Carried, mut response: Response) -> Response {
    let open = carried.session.as_ref().is_some_and(|id| point.is_open(id));
    let carried = Carried { open, ..carried };
    if let Some(cookie) = point.cookies().give(point.base(), &carried) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

async fn home(State(point): State<PointOfCare>, visitor: Visitor) -> Response {
    closed(&point, &visitor, None)
}

/// The page of a screen at which nobody works, with a form that waits for its owner; the first page of whoever does.
fn closed(point: &PointOfCare, visitor: &Visitor, held: Option<&str>) -> Response {
    if visitor.stale.is_some() {
        return crate::point::prove(point, visitor, held).into_response();
    }
    match &visitor.session {
        Some((_, Standing::Open)) => Redirect::to(HOME).into_response(),
        Some((session, Standing::Locked(_))) => crate::point::locked(point, visitor, session, held).into_response(),
        Some((session, Standing::Elsewhere)) => crate::point::elsewhere(point, visitor, session).into_response(),
        Some((_, Standing::Over)) | None => crate::point::sign_in(point, visitor, None, held).into_response(),
    }
}

/// What the page knows before a touch.
#[derive(Debug, Default, Deserialize)]
struct Scanned {
    #[serde(default)]
    badge: Option<String>,
}

async fn sign_in_options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Scanned>,
) -> Response {
    if !point.may_claim(&visitor, sent.badge.as_deref()) {
        let refusal = Refusal::too_many_names();
        point.refused(&visitor, Step::SignIn, &refusal, None).await;
        return refusal.told();
    }
    match point.touch_options(&visitor, Purpose::SignIn, Verification::Required) {
        Ok(options) => told(&json!(options)),
        Err(refusal) => {
            point.refused(&visitor, Step::SignIn, &refusal, None).await;
            refusal.told()
        }
    }
}

async fn sign_in_result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<CeremonyAnswer>,
) -> Response {
    let answer = sent.credential.get().as_bytes();
    let (one, proof) = match point.touched(&visitor, Purpose::SignIn, answer).await {
        Ok(touched) => touched,
        Err(refusal) => {
            point.refused(&visitor, Step::SignIn, &refusal, sent.elapsed_ms).await;
            return refusal.told();
        }
    };
    if let Err(refusal) = point.is_badge_of(sent.badge.as_deref(), &one.principal) {
        point.refused(&visitor, Step::SignIn, &refusal, sent.elapsed_ms).await;
        return refusal.told();
    }
    let carried = visitor.session.as_ref().map(|(session, _)| session.session.clone());
    let screen = Screen { workstation: visitor.device().cloned(), key: sent.key(), carried };
    if screen.workstation.is_none() && screen.key.is_none() {
        let refusal = Refusal::new(
            "This browser keeps no key of its own, so a session here could be copied. Use another browser or a hospital workstation.",
            Cause::DeviceTrust,
            "no_device_key",
        );
        point.refused(&visitor, Step::SignIn, &refusal, sent.elapsed_ms).await;
        return refusal.told();
    }
    let method = proof.method.clone();
    let (session, touch) = match point.arrive(&one.principal, &screen, proof, &Basis::default()).await {
        Ok(arrived) => arrived,
        Err(error) => return unrecorded(&error),
    };
    let step = match touch {
        Touch::SignIn if takes_over(&visitor, &one.principal) => Step::TakeOver,
        Touch::SignIn => Step::SignIn,
        Touch::Reconnect(_) => Step::Reconnect,
        Touch::Roam(_) => Step::Roam,
    };
    let tried = Try {
        principal: Some(one.principal.clone()),
        session: Some(session.clone()),
        method: Some(method),
        elapsed_ms: sent.elapsed_ms,
        interactions: sent.interactions,
        ..Try::done(step)
    };
    point.tried(&visitor, tried).await;
    let answer = json!({ "resume": true, "go": HOME, "step": step });
    with_cookie(&point, &visitor, screen.workstation, Some(session), told(&answer))
}

/// Whether the screen was somebody else's until now.
fn takes_over(visitor: &Visitor, who: &PrincipalId) -> bool {
    let before = visitor.session.as_ref().filter(|(session, _)| session.principal != *who);
    before.is_some_and(|(_, stands)| matches!(stands, Standing::Open | Standing::Locked(_)))
}

pub(crate) fn unrecorded(error: &super::SessionError) -> Response {
    let words = match error {
        // What was recorded stands; another touch, or an end, came right after it.
        super::SessionError::Overtaken => {
            "Something else happened here at the same moment. Load the page again: it says how things are, and one touch more goes on."
        }
        super::SessionError::Record(_) => {
            tracing::error!(%error, "a session could not be recorded");
            "This could not be recorded, so it did not happen. Try once more; if it goes on, call clinical IT."
        }
    };
    told(&json!({ "say": words }))
}

async fn step_up_page(State(point): State<PointOfCare>, signed_in: SignedIn) -> Response {
    page::step_up(&point, &signed_in.visitor, &signed_in.session, None).into_response()
}

async fn step_up_options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    _read: Bytes,
) -> Response {
    let Some((session, Standing::Open)) = &visitor.session else { return told(&json!({ "go": "/bedside" })) };
    let purpose = Purpose::StepUp { session: session.session.clone() };
    match point.touch_options(&visitor, purpose, Verification::Required) {
        Ok(options) => told(&json!(options)),
        Err(refusal) => {
            point.refused(&visitor, Step::StepUp, &refusal, None).await;
            refusal.told()
        }
    }
}

async fn step_up_result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<CeremonyAnswer>,
) -> Response {
    let Some((session, Standing::Open)) = visitor.session.clone() else { return told(&json!({ "go": "/bedside" })) };
    let purpose = Purpose::StepUp { session: session.session.clone() };
    let refusal = match point.touched(&visitor, purpose, sent.credential.get().as_bytes()).await {
        Ok((one, proof)) if one.principal == session.principal => {
            let method = proof.method.clone();
            if let Err(error) = point.step_up(&session, proof).await {
                return unrecorded(&error);
            }
            let tried = Try {
                principal: Some(session.principal.clone()),
                session: Some(session.session.clone()),
                method: Some(method),
                elapsed_ms: sent.elapsed_ms,
                interactions: sent.interactions,
                ..Try::done(Step::StepUp)
            };
            point.tried(&visitor, tried).await;
            let answer = told(&json!({ "resume": true, "go": HOME }));
            return with_cookie(&point, &visitor, session.workstation, Some(session.session), answer);
        }
        Ok(_) => Refusal::others_key(),
        Err(refusal) => refusal,
    };
    point.refused(&visitor, Step::StepUp, &refusal, sent.elapsed_ms).await;
    refusal.told()
}

/// What the script tells of a ceremony that came to nothing in the browser.
#[derive(Debug, Deserialize)]
struct GivenUp {
    ceremony: String,
    outcome: String,
    #[serde(default)]
    elapsed_ms: Option<u32>,
    #[serde(default)]
    interactions: Option<u8>,
}

/// Anybody may tell that they failed: it is recorded as a claim of where they are, and never of who they are.
async fn attempt(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<GivenUp>,
) -> Response {
    let step = step_called(&sent.ceremony);
    let (outcome, cause, detail) = match sent.outcome.as_str() {
        "cancelled" => (Outcome::GivenUp, Cause::User, "cancelled"),
        "timed_out" => (Outcome::GivenUp, Cause::User, "timed_out"),
        "already_registered" => (Outcome::Refused, Cause::Authenticator, "already_registered"),
        "unsupported" => (Outcome::Failed, Cause::Authenticator, "unsupported"),
        "wrong_address" => (Outcome::Failed, Cause::Network, "wrong_address"),
        "network" => (Outcome::Failed, Cause::Network, "network"),
        _ => (Outcome::Failed, Cause::Authenticator, "failed"),
    };
    let tried = Try::failed(step, outcome, cause, detail);
    point.tried(&visitor, Try { elapsed_ms: sent.elapsed_ms, interactions: sent.interactions, ..tried }).await;
    told(&json!({}))
}

/// What pages call a step: by its ceremony's name, or as the ceremony's answer said what it came to.
fn step_called(name: &str) -> Step {
    match name {
        "register" => Step::Register,
        "step-up" => Step::StepUp,
        "reconnect" => Step::Reconnect,
        "roam" => Step::Roam,
        "take_over" => Step::TakeOver,
        "vouch" => Step::Vouch,
        "hand-over" => Step::HandOver,
        _ => Step::SignIn,
    }
}

/// From the first touch to a usable page, as the page measured it.
#[derive(Debug, Deserialize)]
struct Usable {
    elapsed_ms: u32,
    interactions: u8,
    /// What the touch was; absent where it was none of ours, as a provider's is.
    #[serde(default)]
    step: Option<String>,
}

async fn usable(signed_in: SignedInPost, Json(sent): Json<Usable>) {
    let SignedInPost { point, visitor, session } = signed_in;
    let step = match sent.step {
        Some(step) => step_called(&step),
        None if session.provider_session.is_some() => Step::SignIn,
        // Whoever only opened the page again has arrived before.
        None => return,
    };
    let tried = Try {
        principal: Some(session.principal.clone()),
        session: Some(session.session),
        method: Some(session.method),
        elapsed_ms: Some(sent.elapsed_ms),
        interactions: Some(sent.interactions),
        detail: Some("usable"),
        ..Try::done(step)
    };
    point.tried(&visitor, tried).await;
}

/// A script of one of our pages, with somebody signed in at the screen.
struct SignedInPost {
    point: PointOfCare,
    visitor: Visitor,
    session: world::SessionFacts,
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for SignedInPost
where
    PointOfCare: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Response> {
        let point = PointOfCare::from_ref(state);
        FromOwnPage::from_request_parts(parts, state).await.map_err(|refused| refused.into_response())?;
        let Ok(visitor) = Visitor::from_request_parts(parts, state).await;
        match visitor.session.clone() {
            Some((session, Standing::Open)) => Ok(Self { point, visitor, session }),
            _ => Err(told(&json!({ "lock": "/bedside" }))),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Nothing {}

async fn lock(State(point): State<PointOfCare>, posted: Posted<Vec<(String, String)>>) -> Response {
    let SignedIn { session, visitor } = posted.by;
    let held = Held::of(session.principal.clone(), LOCK_PATH, posted.fields, point.plane().now());
    match point.lock(&session, LockCause::Asked).await {
        Ok(()) => {
            let facts = point.plane().world(|world| world.session(&session.session).cloned()).unwrap_or(session);
            let sealed = held.and_then(|held| point.hold(&held));
            crate::point::locked(&point, &visitor, &facts, sealed.as_deref()).into_response()
        }
        Err(error) => page::not_done(&point, &visitor, &error).into_response(),
    }
}

async fn sign_out(State(point): State<PointOfCare>, posted: Posted<Nothing>) -> Response {
    let SignedIn { session, visitor } = posted.by;
    match point.end(&session, EndCause::SignedOut).await {
        Ok(()) => {
            let workstation = visitor.device().cloned();
            let page = crate::point::sign_in(&point, &visitor, Some("You are signed out."), None);
            with_cookie(&point, &visitor, workstation, None, page.into_response())
        }
        Err(error) => page::not_done(&point, &visitor, &error).into_response(),
    }
}

/// A browser of one's own that has lost its key lets go of the session it cannot prove any more. Anybody may let go of what they carry.
async fn anew(State(point): State<PointOfCare>, _own: FromOwnPage) -> Response {
    with_next_cookie(&point, Carried::of(None, point.plane().now()), Redirect::to("/bedside").into_response())
}

#[derive(Debug, Deserialize)]
struct Resume {
    resume: String,
}

/// Goes on where somebody was: their form, as they sent it, for them alone, sent on by the page's script or a touch.
async fn resume(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Form(sent): Form<Resume>,
) -> Response {
    let Some((session, Standing::Open)) = &visitor.session else {
        // The workstation has proved itself, and its session is not open: the form waits on.
        let held = Some(sent.resume.as_str()).filter(|sealed| point.is_held(sealed));
        return closed(&point, &visitor, held);
    };
    match point.held_for(&session.principal, &sent.resume) {
        Some(held) => page::go_on(&point, &visitor, session, &held).into_response(),
        None => Redirect::to(HOME).into_response(),
    }
}
