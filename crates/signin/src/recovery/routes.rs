//! The ways back in over HTTP.

use super::rules::{No, Request, may_answer, may_stand};
use super::{ASK_PATH, KEY_PATH, METHOD, PASS_PATH, WAITING_PATH, page, store};
use crate::attempt::Try;
use crate::enrolment::{Rules, handle_of, may_act, registered, unknown_yet};
use crate::passkey::{ANSWER_BYTES_MAX, Ceremony, Enrollee, Place, Purpose, Verification};
use crate::point::{FromOwnPage, Held, PointOfCare, Posted, SignedIn, Visitor};
use crate::session::{Refusal, step_up, told, with_cookie};
use ::store::AppendError;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRef, Json, Query, State};
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use charter::assurance::RecoveryPath;
use charter::name::RecoveryName;
use events::PrincipalId;
use events::authenticator::Way;
use events::signin::{Cause, Outcome, Step};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The longest badge number that is looked at.
const BADGE_BYTES_MAX: usize = 128;

/// Who may call each stands in its signature; a request is made, and a pass used, at an enrolled workstation only.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route(ASK_PATH, get(ask))
        .route("/bedside/recovery/asked", get(asked))
        .route("/bedside/recovery/options", post(options))
        .route("/bedside/recovery/result", post(result))
        .route(WAITING_PATH, get(waiting))
        .route("/bedside/recovery/answer", post(answer))
        .route(PASS_PATH, get(enter).post(redeem))
        .route(KEY_PATH, get(key))
        .route("/bedside/recovery/key/options", post(key_options))
        .route("/bedside/recovery/key/result", post(key_result))
        .layer(DefaultBodyLimit::max(2 * ANSWER_BYTES_MAX))
}

async fn ask(State(point): State<PointOfCare>, visitor: Visitor) -> Response {
    if visitor.stale.is_some() {
        return crate::point::prove(&point, &visitor, None).into_response();
    }
    if visitor.device().is_none() {
        return page::elsewhere(&point, &visitor).into_response();
    }
    page::ask(&point, &visitor).into_response()
}

#[derive(Debug, Deserialize)]
struct ByPath {
    path: String,
}

async fn asked(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    by: Result<Query<ByPath>, QueryRejection>,
) -> Response {
    match by.ok().and_then(|Query(by)| path_of(&point, &by.path)) {
        Some((_, path)) => page::asked(&point, &visitor, &path).into_response(),
        None => Redirect::to(ASK_PATH).into_response(),
    }
}

fn path_of(point: &PointOfCare, name: &str) -> Option<(RecoveryName, RecoveryPath)> {
    let engine = point.plane().engine();
    let found = engine.charter().assurance().recovery.iter().find(|(known, _)| known.as_str() == name);
    found.map(|(name, path)| (name.clone(), path.clone()))
}

/// Who goes by a badge number, if that is one person who may act.
fn who_has(point: &PointOfCare, badge: &str) -> Option<PrincipalId> {
    let badge = badge.trim();
    let code = PrincipalId::new(badge).ok().filter(|_| badge.len() <= BADGE_BYTES_MAX)?;
    let known = point.plane().world(|world| world.who_goes_by(&code));
    let [who] = <[PrincipalId; 1]>::try_from(known).ok()?;
    may_act(point.plane(), &who).then_some(who)
}

#[derive(Debug, Deserialize)]
struct Asking {
    badge: String,
}

fn about(badge: &str) -> Purpose {
    Purpose::Recover { badge: badge.trim().chars().take(BADGE_BYTES_MAX).collect::<String>().into() }
}

/// Options for the touch of whoever stands for somebody. Nothing is looked up: they say nothing of whose badge it is.
async fn options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Asking>,
) -> Response {
    if visitor.device().is_none() {
        return told(&json!({ "go": ASK_PATH }));
    }
    match point.touch_options(&visitor, about(&sent.badge), Verification::Required) {
        Ok(options) => told(&json!(options)),
        Err(refusal) => {
            point.refused(&visitor, Step::Recover, &refusal, None).await;
            refusal.told()
        }
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    credential: Box<RawValue>,
    badge: String,
    path: String,
    #[serde(default)]
    lost: Option<String>,
    #[serde(default)]
    elapsed_ms: Option<u32>,
    #[serde(default)]
    interactions: Option<u8>,
}

async fn result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Asked>,
) -> Response {
    let (Some(device), Some((name, path))) = (visitor.device().cloned(), path_of(&point, &sent.path)) else {
        return told(&json!({ "go": ASK_PATH }));
    };
    let answer = sent.credential.get().as_bytes();
    let helper = match point.touched(&visitor, about(&sent.badge), answer).await {
        Ok((one, proof)) => store::helper_by_touch(&point, one.principal, &proof),
        Err(refusal) => {
            point.refused(&visitor, Step::Recover, &refusal, sent.elapsed_ms).await;
            return refusal.told();
        }
    };
    let who = who_has(&point, &sent.badge);
    let nobody = PrincipalId::new(&format!("nobody-{:032x}", u128::from_be_bytes(plane::random())));
    let asked_for = who.clone().or(nobody.ok());
    let stands = asked_for.map(|who| may_stand(&helper, &who, point.plane().now()));
    if let Some(Err(no)) = stands {
        let refusal = Refusal::new(no.words(), Cause::Policy, "may_not_stand");
        point.refused(&visitor, Step::Recover, &refusal, sent.elapsed_ms).await;
        return refusal.told();
    }
    let lost = sent.lost.as_deref() == Some("yes");
    let tried = match &who {
        Some(who) => {
            let kept = store::ask(&point, &device, who, &helper.principal, (&name, &path), lost).await;
            if let Err(error) = kept {
                tracing::error!(%error, "a request for a way back in could not be recorded");
                let words =
                    "This could not be recorded, so it did not happen. Try again; if it goes on, call clinical IT.";
                return told(&json!({ "say": words }));
            }
            Try { claimed: Some(who.clone()), ..Try::done(Step::Recover) }
        }
        None => Try::failed(Step::Recover, Outcome::Refused, Cause::User, "unknown_badge"),
    };
    let measured = Try { elapsed_ms: sent.elapsed_ms, interactions: sent.interactions, ..tried };
    point.tried(&visitor, Try { principal: Some(helper.principal), ..measured }).await;
    told(&json!({ "go": format!("/bedside/recovery/asked?path={name}") }))
}

/// The requests that somebody may answer.
fn theirs(point: &PointOfCare, by: &SignedIn) -> Result<Vec<Request>, ::store::ReadError> {
    let (helper, now) = (store::helper(point, &by.session), point.plane().now());
    let mut all = store::waiting(point)?;
    all.retain(|one| {
        let named = store::is_named(point, by.id(), &one.path);
        matches!(may_answer(&helper, one, named, now), Ok(()) | Err(No::NotFresh))
    });
    Ok(all)
}

/// How many requests wait that somebody may answer; none where they cannot be read now.
#[must_use]
pub fn how_many_wait_for(point: &PointOfCare, by: &SignedIn) -> usize {
    theirs(point, by).map_or(0, |all| all.len())
}

async fn waiting(State(point): State<PointOfCare>, by: SignedIn) -> Response {
    match theirs(&point, &by) {
        Ok(all) => page::waiting(&point, &by, &all).into_response(),
        Err(error) => {
            tracing::error!(%error, "requests for a way back in cannot be read");
            page::failed(&point, &by.visitor).into_response()
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    recovery: String,
    approve: String,
}

/// Approves or refuses. Where the last touch is too long ago, one is asked for, and the answer goes on by itself.
async fn answer(State(point): State<PointOfCare>, posted: Posted<Answer>) -> Response {
    let (by, sent) = (posted.by, posted.fields);
    let found = match store::find(&point, &sent.recovery) {
        Ok(found) => found,
        Err(_) => return page::failed(&point, &by.visitor).into_response(),
    };
    let named = found.as_ref().is_some_and(|one| store::is_named(&point, by.id(), &one.path));
    // Nobody learns of a request that is not theirs to answer.
    let Some(request) = found.filter(|_| named) else {
        return no(&point, &by, No::NotTheirs).await;
    };
    let now = point.plane().now();
    match may_answer(&store::helper(&point, &by.session), &request, named, now) {
        Ok(()) => {}
        Err(No::NotFresh) => {
            let fields = vec![("recovery".to_owned(), sent.recovery), ("approve".to_owned(), sent.approve)];
            let held = Held::of(by.id().clone(), "/bedside/recovery/answer", fields, now);
            let sealed = held.and_then(|held| point.hold(&held));
            return step_up(&point, &by.visitor, &by.session, sealed.as_deref()).into_response();
        }
        Err(why) => return no(&point, &by, why).await,
    }
    let path = path_of(&point, &request.path).map(|(_, path)| path);
    let pass = path.filter(|_| sent.approve == "yes").map(|path| path.pass_min.duration());
    match store::answer(&point, &by.session, &request, pass).await {
        Ok(Some(slip)) => {
            let minutes = slip.good_until.since(now).as_secs() / 60;
            let page = page::pass(&point, &by, &request, &slip.text(), minutes);
            ([(CACHE_CONTROL, "no-store")], page).into_response()
        }
        Ok(None) => {
            page::told(&point, &by, "Refused", "There is no pass, and it is recorded.", StatusCode::OK).into_response()
        }
        Err(AppendError::Conflict(_)) => no(&point, &by, No::Answered).await,
        Err(error) => {
            tracing::error!(%error, "an answer to a request for a way back in could not be recorded");
            page::failed(&point, &by.visitor).into_response()
        }
    }
}

async fn no(point: &PointOfCare, by: &SignedIn, why: No) -> Response {
    let tried = Try::failed(Step::Recover, Outcome::Refused, Cause::Policy, "may_not_answer");
    let tried = Try { principal: Some(by.id().clone()), session: Some(by.session.session.clone()), ..tried };
    point.tried(&by.visitor, tried).await;
    page::told(point, by, "Not by you", why.words(), StatusCode::FORBIDDEN).into_response()
}

async fn enter(State(point): State<PointOfCare>, visitor: Visitor) -> Response {
    if visitor.stale.is_some() {
        return crate::point::prove(&point, &visitor, None).into_response();
    }
    if visitor.device().is_none() {
        return page::elsewhere(&point, &visitor).into_response();
    }
    page::enter(&point, &visitor, None).into_response()
}

#[derive(Deserialize)]
struct Code {
    code: Zeroizing<String>,
}

/// Uses a pass up. One that was never made, was used or is past its time is answered alike.
async fn redeem(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Form(sent): Form<Code>,
) -> Response {
    let Some(device) = visitor.device().cloned() else {
        return page::elsewhere(&point, &visitor).into_response();
    };
    if !point.may_try(&visitor) {
        let refusal = Refusal::too_many();
        point.refused(&visitor, Step::Recover, &refusal, None).await;
        return page::enter(&point, &visitor, Some(&refusal.words)).into_response();
    }
    let pass = match store::pass(&point, &sent.code) {
        Ok(Some(pass)) => pass,
        Ok(None) => return spent(&point, &visitor).await,
        Err(error) => {
            tracing::error!(%error, "a pass cannot be looked up");
            return page::failed(&point, &visitor).into_response();
        }
    };
    match store::redeem(&point, &device, &pass).await {
        Ok(session) => {
            let tried = Try {
                principal: Some(pass.principal),
                session: Some(session.clone()),
                method: Some(METHOD.into()),
                ..Try::done(Step::Recover)
            };
            point.tried(&visitor, tried).await;
            with_cookie(&point, &visitor, Some(device), Some(session), Redirect::to(KEY_PATH).into_response())
        }
        Err(crate::session::SessionError::Record(AppendError::Conflict(_))) => spent(&point, &visitor).await,
        Err(error) => {
            tracing::error!(%error, "a pass could not be used");
            page::failed(&point, &visitor).into_response()
        }
    }
}

async fn spent(point: &PointOfCare, visitor: &Visitor) -> Response {
    point.tried(visitor, Try::failed(Step::Recover, Outcome::Refused, Cause::User, "pass_spent")).await;
    let words = "This pass does not work: it was used, is past its time, or was mistyped. Whoever gave it to you can give you another.";
    page::enter(point, visitor, Some(words)).into_response()
}

/// Where somebody goes on who used a pass. Others have no business here.
async fn key(State(point): State<PointOfCare>, by: SignedIn) -> Response {
    match store::owed(&point, &by.session.session) {
        Ok(owed) if by.session.method == METHOD => page::key(&point, &by, owed.is_some()).into_response(),
        Ok(_) => Redirect::to("/bedside").into_response(),
        Err(_) => page::failed(&point, &by.visitor).into_response(),
    }
}

/// The session of a page's script, as long as it may register a key by a pass.
fn registering(point: &PointOfCare, visitor: &Visitor) -> Result<(world::SessionFacts, store::Owed), Refusal> {
    let gone = || {
        Refusal::new("This pass has done its work, or its time is over. Ask for another.", Cause::User, "pass_spent")
    };
    let open = visitor.session.as_ref().filter(|(_, stands)| *stands == crate::session::rules::Standing::Open);
    let (session, _) = open.filter(|(session, _)| session.method == METHOD).ok_or_else(gone)?;
    let owed = store::owed(point, &session.session)
        .map_err(|_| Refusal::new("The server cannot look at passes. Try again.", Cause::Network, "store"))?;
    Ok((session.clone(), owed.ok_or_else(gone)?))
}

fn ceremony(session: &world::SessionFacts, owed: &store::Owed) -> Ceremony {
    Ceremony {
        purpose: Purpose::Register { principal: session.principal.clone() },
        place: Place::Away(owed.slip.clone()),
    }
}

async fn key_options(State(point): State<PointOfCare>, visitor: Visitor, _own: FromOwnPage, _read: Bytes) -> Response {
    match key_asked(&point, &visitor) {
        Ok(options) => told(&options),
        Err(refusal) => {
            point.refused(&visitor, Step::Register, &refusal, None).await;
            refusal.told()
        }
    }
}

fn key_asked(point: &PointOfCare, visitor: &Visitor) -> Result<serde_json::Value, Refusal> {
    let (session, owed) = registering(point, visitor)?;
    let (who, now) = (&session.principal, point.plane().now());
    let ceremonies = point.ceremonies().map_err(|_| Refusal::no_passkeys())?;
    let existing: Vec<_> = point
        .plane()
        .world(|world| world.authenticators_of(who).into_iter().map(|one| one.credential.clone()).collect());
    let (name, engine) = (point.name_of(who), point.plane().engine());
    let person = Enrollee {
        handle: handle_of(point.plane(), who),
        name: who.as_str(),
        display_name: &name,
        hospital: &engine.charter().hospital().name,
        existing: &existing,
    };
    let options = ceremonies.registration(ceremony(&session, &owed), visitor.address, &person, now);
    options.map(|options| json!(options)).map_err(|error| Refusal::of(&error))
}

#[derive(Deserialize)]
struct Made {
    credential: Box<RawValue>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    elapsed_ms: Option<u32>,
    #[serde(default)]
    interactions: Option<u8>,
}

async fn key_result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Made>,
) -> Response {
    let kept = key_kept(&point, &visitor, &sent).await;
    let tried = match &kept {
        Ok(session) => Try {
            principal: Some(session.principal.clone()),
            session: Some(session.session.clone()),
            ..Try::done(Step::Register)
        },
        Err(refusal) => Try::failed(Step::Register, Outcome::Refused, refusal.cause, refusal.detail),
    };
    point.tried(&visitor, Try { elapsed_ms: sent.elapsed_ms, interactions: sent.interactions, ..tried }).await;
    match kept {
        Ok(_) => told(&json!({ "go": KEY_PATH })),
        Err(refusal) => refusal.told(),
    }
}

async fn key_kept(point: &PointOfCare, visitor: &Visitor, sent: &Made) -> Result<world::SessionFacts, Refusal> {
    let (session, owed) = registering(point, visitor)?;
    let rules = Rules::of(point, &session.principal)?;
    let ceremonies = point.ceremonies().map_err(|_| Refusal::no_passkeys())?;
    let answer = sent.credential.get().as_bytes();
    let made = ceremonies
        .register(&ceremony(&session, &owed), answer, rules.roots().as_ref(), point.plane().now())
        .map_err(|error| Refusal::of(&error))?;
    unknown_yet(point, &made)?;
    let held = point.plane().world(|world| world.authenticators_of(&session.principal).len());
    rules.have_room(if owed.lost { 0 } else { held })?;
    let method = rules.method(&made)?;
    let way = Way::Recovery { slip: owed.slip.clone() };
    let draft = registered(point, &session.principal, made, method, &sent.name, way);
    match store::keep(point, &session, &owed, draft).await {
        Ok(()) => {
            point.keep_sessions_true().await;
            Ok(session)
        }
        Err(AppendError::Conflict(_)) => {
            let words = "This pass registered a key just now. If that was not you, tell the service desk.";
            Err(Refusal::new(words, Cause::User, "pass_spent"))
        }
        Err(error) => {
            tracing::error!(%error, "an authenticator could not be registered");
            Err(Refusal::new(
                "This could not be recorded, so it did not happen. Try again.",
                Cause::Network,
                "unrecorded",
            ))
        }
    }
}
