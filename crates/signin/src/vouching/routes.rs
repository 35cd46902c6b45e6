//! Vouching over HTTP.

use super::rules::No;
use super::{Asked, METHOD, Word, page};
use crate::attempt::Try;
use crate::passkey::{ANSWER_BYTES_MAX, Purpose, Verification};
use crate::point::{FORM_BYTES_MAX, FromOwnPage, PointOfCare, Visitor};
use crate::session::rules::{Standing, proved_themselves};
use crate::session::{HOME, Refusal, told, unrecorded, with_cookie};
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRef, Json, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use events::signin::{Cause, Step};
use events::{DeviceId, PrincipalId, SessionId};
use serde::Deserialize;
use serde_json::json;
use smol_str::SmolStr;
use world::SessionFacts;

/// `GET /bedside/vouch` and what its forms send. Anybody may call them; what counts is the touch of a colleague, held against the rules.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route(page::VOUCH_PATH, get(show))
        .route("/bedside/vouch/options", post(options))
        .route("/bedside/vouch/result", post(result))
        .route("/bedside/vouch/go", post(go_on))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX.max(2 * ANSWER_BYTES_MAX)))
}

#[derive(Debug, Default, Deserialize)]
struct Chosen {
    #[serde(default)]
    reason: Option<String>,
}

async fn show(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    chosen: Result<Query<Chosen>, QueryRejection>,
) -> Response {
    let chosen = chosen.map(|Query(chosen)| chosen).unwrap_or_default();
    if visitor.stale.is_some() {
        return crate::point::prove(&point, &visitor, None).into_response();
    }
    let Some(unit) = visitor.device().and_then(|device| point.unit_of(device)) else {
        return page::not_here(&point, &visitor).into_response();
    };
    let engine = point.plane().engine();
    let rule = &engine.charter().rules_at(Some(&unit)).assurance.vouching;
    let reason = chosen.reason.as_deref().filter(|chosen| rule.reasons.keys().any(|id| id.as_str() == *chosen));
    match own_screen(&visitor) {
        Some(session) => {
            let workstations = workstations_of(&point, &unit);
            page::own(&point, &visitor, session, rule, reason, &workstations).into_response()
        }
        None => page::here(&point, &visitor, rule, reason).into_response(),
    }
}

/// The session of somebody who works at the screen by a proof of their own. Any other screen is that of somebody who is stuck.
fn own_screen(visitor: &Visitor) -> Option<&SessionFacts> {
    let (session, stands) = visitor.session.as_ref()?;
    (*stands == Standing::Open && proved_themselves(session)).then_some(session)
}

/// The enrolled workstations of a unit that several people use, in order.
fn workstations_of(point: &PointOfCare, unit: &events::UnitId) -> Vec<DeviceId> {
    let mut found: Vec<DeviceId> = point.plane().world(|world| {
        let fits = |id: &&DeviceId| world.device(id).is_some_and(|one| one.shared && one.unit.as_ref() == Some(unit));
        world.workstations().filter(fits).cloned().collect()
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// What is asked for before the touch and with it.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    badge: String,
    #[serde(default)]
    workstation: Option<String>,
    #[serde(default)]
    reason: String,
}

/// What a touch would vouch for.
struct Aim {
    /// The session it is said in; none at the screen of whoever is stuck.
    from: Option<SessionId>,
    /// What the badge says.
    code: PrincipalId,
    /// Whose it is.
    person: Option<PrincipalId>,
    workstation: DeviceId,
    /// Why, as it was chosen.
    reason: SmolStr,
}

impl Aim {
    fn of(point: &PointOfCare, visitor: &Visitor, wanted: &Wanted) -> Result<Self, Refusal> {
        let Some(here) = visitor.device() else { return Err(refusal(No::NoUnit)) };
        let claim = point
            .claim(&wanted.badge)
            .ok_or_else(|| Refusal::new("Scan or type the badge first.", Cause::User, "vouch_no_badge"))?;
        let open = own_screen(visitor);
        let there = open.and(wanted.workstation.as_deref()).and_then(|text| DeviceId::new(text).ok());
        let workstation = there.unwrap_or_else(|| here.clone());
        let unit = point.unit_of(here);
        if unit.is_none() || point.unit_of(&workstation) != unit {
            return Err(refusal(No::NoUnit));
        }
        Ok(Self {
            from: open.map(|session| session.session.clone()),
            code: claim.code,
            person: claim.person,
            workstation,
            reason: wanted.reason.as_str().into(),
        })
    }

    fn purpose(&self) -> Purpose {
        Purpose::Vouch {
            session: self.from.clone(),
            principal: self.code.clone(),
            workstation: self.workstation.clone(),
            reason: self.reason.clone(),
        }
    }
}

fn refusal(no: No) -> Refusal {
    let cause = if matches!(no, No::Reason | No::Yourself) { Cause::User } else { Cause::Policy };
    Refusal::new(no.words(), cause, no.code())
}

async fn refused(point: &PointOfCare, visitor: &Visitor, refusal: &Refusal, claimed: Option<PrincipalId>) -> Response {
    let tried = Try::failed(Step::Vouch, events::signin::Outcome::Refused, refusal.cause, refusal.detail);
    point.tried(visitor, Try { claimed, ..tried }).await;
    refusal.told()
}

async fn options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(wanted): Json<Wanted>,
) -> Response {
    let made = Aim::of(&point, &visitor, &wanted)
        .and_then(|aim| point.touch_options(&visitor, aim.purpose(), Verification::Required));
    match made {
        Ok(options) => told(&json!(options)),
        Err(refusal) => refused(&point, &visitor, &refusal, None).await,
    }
}

#[derive(Debug, Deserialize)]
struct Sent {
    #[serde(default)]
    badge: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    workstation: Option<String>,
    credential: Box<serde_json::value::RawValue>,
    #[serde(default)]
    elapsed_ms: Option<u32>,
    #[serde(default)]
    interactions: Option<u8>,
}

async fn result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(sent): Json<Sent>,
) -> Response {
    let wanted =
        Wanted { badge: sent.badge.clone(), workstation: sent.workstation.clone(), reason: sent.reason.clone() };
    let aim = match Aim::of(&point, &visitor, &wanted) {
        Ok(aim) => aim,
        Err(refusal) => return refused(&point, &visitor, &refusal, None).await,
    };
    let word = match touched(&point, &visitor, &aim, &sent).await {
        Ok(word) => word,
        Err(refusal) => return refused(&point, &visitor, &refusal, aim.person).await,
    };
    let session = match point.vouch(&word).await {
        Ok(session) => session,
        Err(error) => return unrecorded(&error),
    };
    let tried = Try {
        principal: Some(word.person.clone()),
        session: Some(session.clone()),
        method: Some(METHOD.into()),
        elapsed_ms: sent.elapsed_ms,
        interactions: sent.interactions,
        ..Try::done(Step::Vouch)
    };
    point.tried(&visitor, tried).await;
    if visitor.device() == Some(&word.workstation) {
        return with_cookie(&point, &visitor, Some(word.workstation), Some(session), told(&json!({ "go": HOME })));
    }
    let words = format!(
        "Done. At {} your colleague opens “My key does not work”, then “A colleague vouches”, and goes on with their badge.",
        word.workstation
    );
    told(&json!({ "say": words }))
}

/// The touch, and whether it counts as a colleague's word.
async fn touched(point: &PointOfCare, visitor: &Visitor, aim: &Aim, sent: &Sent) -> Result<Word, Refusal> {
    let (one, proof) = point.touched(visitor, aim.purpose(), sent.credential.get().as_bytes()).await?;
    if visitor.session.as_ref().is_some_and(|(session, _)| aim.from.is_some() && session.principal != one.principal) {
        return Err(Refusal::others_key());
    }
    let asked = Asked {
        voucher: &one.principal,
        proof: &proof,
        from: aim.from.as_ref(),
        person: aim.person.as_ref(),
        workstation: &aim.workstation,
        reason: &sent.reason,
    };
    let word = point.word(&asked).map_err(refusal)?;
    // Who touches at a screen sees whose it is; from afar nobody's work is locked.
    let afar = visitor.device() != Some(&word.workstation);
    if afar && point.is_in_use_by_others(&word.workstation, &[&word.person]) {
        return Err(refusal(No::ScreenInUse));
    }
    Ok(word)
}

#[derive(Debug, Deserialize)]
struct GoOn {
    #[serde(default)]
    badge: String,
}

/// Whoever a colleague vouched for from their own screen goes on at this one.
async fn go_on(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Form(sent): Form<GoOn>,
) -> Response {
    if visitor.stale.is_some() {
        return crate::point::prove(&point, &visitor, None).into_response();
    }
    if own_screen(&visitor).is_some() {
        return Redirect::to(HOME).into_response();
    }
    let claimed = point.claim(&sent.badge).and_then(|claim| claim.person);
    let waiting =
        visitor.device().zip(claimed.as_ref()).filter(|_| point.may_try(&visitor)).and_then(|(device, who)| {
            let found = point.plane().world(|world| {
                let theirs = world.sessions_at(device).filter(|one| one.principal == *who && one.vouched_by.is_some());
                theirs.map(|one| one.session.clone()).collect::<Vec<_>>()
            });
            found.into_iter().find(|session| point.is_open(session))
        });
    let Some(session) = waiting else {
        let tried = Try::failed(Step::Vouch, events::signin::Outcome::Refused, Cause::User, "vouch_nobody_did");
        point.tried(&visitor, Try { claimed, ..tried }).await;
        return page::nobody_did(&point, &visitor).into_response();
    };
    with_cookie(&point, &visitor, visitor.device().cloned(), Some(session), Redirect::to(HOME).into_response())
}
