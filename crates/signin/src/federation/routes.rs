//! Sign-in at somebody else's over HTTP: the button, the way back, the way out, and what providers tell.
//!
//! The way back comes from another site, so the browser sends no `Strict` cookie with it: which workstation it is comes out of the state, and the answer is
//! a page of our own that moves on, not a redirect, so that the next request is the house's own again.

use super::{Bound, Brought, Federated, Federation, Purpose, Refusal};
use crate::attempt::Try;
use crate::fallback::offered;
use crate::point::cookie::Carried;
use crate::point::{PointOfCare, Posted, SignedIn, Visitor};
use crate::session::rules::{Standing, Touch};
use crate::session::{Basis, Screen, SessionError, go_on, with_cookie};
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRef, Json, Path, Query, State};
use axum::http::header::{CACHE_CONTROL, REFRESH, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use charter::name::ProviderName;
use events::session::EndCause;
use events::signin::{Cause, Outcome, Step};
use events::workstation::Keeper;
use events::{DeviceId, SessionId};
use maud::html;
use pages::{Document, form};
use serde::Deserialize;
use serde_json::json;

/// The longest logout token with its form, in bytes.
const LOGOUT_BYTES_MAX: usize = 32 * 1024;

/// Who may call each stands in its signature: [`Visitor`] is anybody; what a provider tells is proved by its signature.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route("/federation/{provider}", get(begin))
        .route("/federation/{provider}/again", get(again))
        .route("/federation/{provider}/callback", get(callback))
        .route("/federation/{provider}/logout", post(sign_out))
        .route("/federation/{provider}/back-channel", post(told))
        .layer(DefaultBodyLimit::max(LOGOUT_BYTES_MAX))
}

fn named(text: &str) -> Result<ProviderName, Refusal> {
    ProviderName::new(text).map_err(|_| Refusal::NotConfigured)
}

/// A link of our own pages leads here, or one that somebody typed. Another site's leads to our own page, where the choice is theirs.
async fn begin(
    State(point): State<PointOfCare>,
    Path(provider): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Response {
    let foreign = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if foreign {
        return Redirect::to("/bedside").into_response();
    }
    if visitor.stale.is_some() {
        return crate::point::prove(&point, &visitor, None).into_response();
    }
    sent_there(&point, &visitor, &headers, named(&provider), Purpose::SignIn).await
}

/// Whoever signed in by a provider proves there, now, that it is still them: by what it asks for its surest sign-in.
async fn again(
    State(point): State<PointOfCare>,
    Path(provider): Path<String>,
    by: SignedIn,
    headers: HeaderMap,
) -> Response {
    let foreign = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if foreign {
        return Redirect::to("/bedside").into_response();
    }
    let way = point.federation().way_of(&by.session).filter(|(way, _)| way.name.as_str() == provider);
    let Some((way, level)) = way else { return refused(&point, &by.visitor, &Refusal::NotConfigured).await };
    let purpose = Purpose::Again { person: by.id().clone(), level };
    sent_there(&point, &by.visitor, &headers, Ok(way.name), purpose).await
}

/// Sends a browser to a provider.
async fn sent_there(
    point: &PointOfCare,
    visitor: &Visitor,
    headers: &HeaderMap,
    name: Result<ProviderName, Refusal>,
    purpose: Purpose,
) -> Response {
    let Some(device) = visitor.device().cloned() else { return not_enrolled(point, visitor) };
    let federation = point.federation();
    let bound = Bound { workstation: Some(device), key: None, purpose };
    let begun = match name {
        Ok(name) => federation.begin(&name, bound, cookie(federation, headers).as_deref()).await,
        Err(refusal) => Err(refusal),
    };
    match begun {
        Ok(begun) => ([(SET_COOKIE, begun.cookie)], Redirect::to(&begun.location)).into_response(),
        Err(refusal) => refused(point, visitor, &refusal).await,
    }
}

async fn callback(
    State(point): State<PointOfCare>,
    Path(provider): Path<String>,
    visitor: Visitor,
    headers: HeaderMap,
    brought: Result<Query<Brought>, QueryRejection>,
) -> Response {
    let federation = point.federation();
    let brought = brought.map_or_else(|_| Brought::default(), |Query(brought)| brought);
    let cookie = cookie(federation, &headers);
    let name = named(&provider);
    // Which screen it is comes out of what began there: browsers send no `Strict` cookie with what another site leads to.
    let begun_at = name.as_ref().ok().and_then(|name| federation.begun_at(name, &brought, cookie.as_deref()));
    let visitor = at(&point, visitor, begun_at);
    let finished = match name {
        Ok(name) => federation.finish(&name, &brought, cookie.as_deref()).await,
        Err(refusal) => Err(refusal),
    };
    let federated = match finished {
        Ok(federated) => federated,
        Err(refusal) => return refused(&point, &visitor, &refusal).await,
    };
    // Its key may have been withdrawn while they were away.
    let Some(device) = visitor.device().cloned() else { return not_enrolled(&point, &visitor) };
    let (step, session) = match arrived(&point, &federated).await {
        Ok(arrived) => arrived,
        Err(error) => {
            tracing::warn!(%error, "a sign-in at a provider could not be recorded");
            let why = "It could not be recorded, so it did not happen. Please try again.";
            return trouble(&point, &visitor, "That did not work", why, Cause::Network);
        }
    };
    for disagreement in &federated.disagreements {
        tracing::warn!(provider = %federated.provider, principal = %federated.principal, group = %disagreement.group,
            role = %disagreement.role, "the provider has them in a group whose role the roster does not give them");
    }
    let tried = Try {
        principal: Some(federated.principal.clone()),
        session: Some(session.clone()),
        method: Some(federated.method.clone()),
        ..Try::done(step)
    };
    point.tried(&visitor, tried).await;
    if step == Step::StepUp
        && let Some(page) = goes_on(&point, &visitor, &session)
    {
        let page = ([(CACHE_CONTROL, "no-store")], page).into_response();
        return with_cookie(&point, &visitor, Some(device), Some(session), page);
    }
    let lead = html! { "You are signed in as " (point.name_of(&federated.principal)) "." };
    let body = form::link(form::Weight::Main, "/bedside", "Go on");
    let page = point.page_for(&visitor, None, "Signed in", Some(lead), &body);
    let moving_on = ([(REFRESH, "0; url=/bedside"), (CACHE_CONTROL, "no-store")], page).into_response();
    with_cookie(&point, &visitor, Some(device), Some(session), moving_on)
}

/// The form that somebody sent before they had to prove it again, going on in the session they come back to.
fn goes_on(point: &PointOfCare, visitor: &Visitor, session: &SessionId) -> Option<Document> {
    let facts = point.plane().world(|world| world.session(session).cloned())?;
    let sealed = point.federation().take_form(&facts.principal)?;
    let held = point.held_for(&facts.principal, &sealed)?;
    let carried = Carried {
        workstation: facts.workstation.clone(),
        session: Some(session.clone()),
        who: Some(facts.principal.clone()),
        open: true,
        given_at: point.plane().now(),
    };
    let there = Some((facts.clone(), Standing::Open));
    let visitor = Visitor { carried: Some(carried), stale: None, session: there, ..visitor.clone() };
    Some(go_on(point, &visitor, &facts, &held))
}

/// A visitor at the workstation where what they come back from began, if it is enrolled still.
fn at(point: &PointOfCare, visitor: Visitor, device: Option<DeviceId>) -> Visitor {
    let workstation = device.and_then(|device| {
        point.plane().world(|world| {
            world.workstation_key(&device, Keeper::Browser)?;
            Some((device.clone(), world.device(&device)?))
        })
    });
    Visitor { workstation, ..visitor }
}

/// Their session begins, goes on, or is proved again.
async fn arrived(point: &PointOfCare, federated: &Federated) -> Result<(Step, SessionId), SessionError> {
    let screen = Screen { workstation: federated.bound.workstation.clone(), key: None, carried: None };
    if matches!(federated.bound.purpose, Purpose::Again { .. }) {
        let theirs = point.plane().world(|world| {
            world.sessions_of(&federated.principal).find(|one| one.workstation == screen.workstation).cloned()
        });
        let session = theirs.ok_or(SessionError::Overtaken)?;
        point.step_up(&session, federated.proof()).await?;
        return Ok((Step::StepUp, session.session));
    }
    let basis = Basis { provider_session: Some(federated.provider_session.clone()), ..Basis::default() };
    let (session, touch) = point.arrive(&federated.principal, &screen, federated.proof(), &basis).await?;
    let step = match touch {
        Touch::SignIn => Step::SignIn,
        Touch::Reconnect(_) => Step::Reconnect,
        Touch::Roam(_) => Step::Roam,
    };
    Ok((step, session))
}

#[derive(Debug, Deserialize)]
struct Nothing {}

/// Ends the session here, and shows the way to end the one there: a page, as no form of ours may lead to another site.
async fn sign_out(State(point): State<PointOfCare>, Path(provider): Path<String>, posted: Posted<Nothing>) -> Response {
    let by = &posted.by;
    if let Err(error) = point.end(&by.session, EndCause::SignedOut).await {
        tracing::warn!(%error, "a sign-out could not be recorded");
        let why = "It could not be recorded: you are still signed in. Please try again.";
        return trouble(&point, &by.visitor, "That did not work", why, Cause::Network);
    }
    let there = match named(&provider) {
        Ok(name) => point.federation().sign_out(&name, by.id()).await.ok().flatten(),
        Err(_) => None,
    };
    let lead = html! { "You are signed out here." };
    let body = html! {
        @if let Some(location) = there { p { (form::link(form::Weight::Main, &location, "Sign out there as well")) } }
        p { (form::link(form::Weight::Plain, "/bedside", "Back to the start")) }
    };
    let page = point.page_for(&by.visitor, None, "Signed out", Some(lead), &body).into_response();
    with_cookie(&point, &by.visitor, by.visitor.device().cloned(), None, page)
}

#[derive(Debug, Deserialize)]
struct Told {
    logout_token: String,
}

/// A provider tells that sessions end there; they end here too.
async fn told(State(point): State<PointOfCare>, Path(provider): Path<String>, Form(told): Form<Told>) -> Response {
    let federation = point.federation();
    let ended = match named(&provider) {
        Ok(name) => federation.told_of_end(&name, &told.logout_token).await,
        Err(refusal) => Err(refusal),
    };
    let answer = match ended {
        Ok(ended) => {
            let mut status = StatusCode::OK;
            for session in federation.sessions_ended(&ended) {
                if let Err(error) = point.end(&session, EndCause::ProviderSignedOut).await {
                    tracing::error!(%error, "a session that ended at its provider could not be ended here");
                    status = StatusCode::SERVICE_UNAVAILABLE;
                }
            }
            status.into_response()
        }
        Err(refusal) => {
            tracing::warn!(reason = %refusal, "a provider told of a logout that does not count");
            (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_request" }))).into_response()
        }
    };
    ([(CACHE_CONTROL, "no-store")], answer).into_response()
}

fn cookie(federation: &Federation, headers: &HeaderMap) -> Option<String> {
    CookieJar::from_headers(headers).get(&federation.cookie_name()).map(|cookie| cookie.value().to_owned())
}

async fn refused(point: &PointOfCare, visitor: &Visitor, refusal: &Refusal) -> Response {
    tracing::info!(reason = %refusal, "a sign-in at a provider came to nothing");
    point.tried(visitor, Try::failed(Step::SignIn, Outcome::Refused, refusal.cause(), refusal.code())).await;
    let words = refusal.words();
    trouble(point, visitor, words.what, words.next, refusal.cause())
}

fn not_enrolled(point: &PointOfCare, visitor: &Visitor) -> Response {
    let why =
        "People sign in so at enrolled hospital workstations only. Sign in with your key instead, or use one of those.";
    trouble(point, visitor, "This browser is no enrolled workstation", why, Cause::DeviceTrust)
}

/// What went wrong, and what the charter says is possible then.
fn trouble(point: &PointOfCare, visitor: &Visitor, what: &str, next: &str, cause: Cause) -> Response {
    let body = html! {
        (offered(point, visitor.device(), cause))
        p { (form::link(form::Weight::Plain, "/bedside", "Back to the start")) }
    };
    let page = point.page_for(visitor, None, what, Some(html! { (next) }), &body);
    page.with_status(StatusCode::FORBIDDEN).into_response()
}
