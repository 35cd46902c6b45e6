//! Handing over, over HTTP.

use super::rules::No;
use super::{Plan, page};
use crate::attempt::Try;
use crate::passkey::{ANSWER_BYTES_MAX, Purpose, Verification};
use crate::point::{FORM_BYTES_MAX, FromOwnPage, PointOfCare, Posted, SignedIn, Visitor};
use crate::session::rules::Standing;
use crate::session::{HOME, Refusal, told, unrecorded, with_cookie};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Json, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use events::session::PATIENTS_MAX;
use events::signin::{Cause, Outcome, Step};
use events::{PatientPseudonym, PrincipalId};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use world::SessionFacts;

/// `/bedside/hand-over`: whoever is signed in chooses, and whoever was chosen confirms with their key at the same screen.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new()
        .route(page::HAND_OVER_PATH, get(show).post(choose))
        .route("/bedside/hand-over/options", post(options))
        .route("/bedside/hand-over/result", post(result))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX.max(2 * ANSWER_BYTES_MAX)))
}

fn chooser(point: &PointOfCare, by: &SignedIn, wrong: Option<No>) -> Response {
    let units = point.units_handed_over(&by.session);
    let mut colleagues: Vec<_> = units.iter().flat_map(|unit| point.who_could_take_over(unit, by.id())).collect();
    colleagues.sort_unstable();
    colleagues.dedup();
    page::choose(point, by, &colleagues, &point.team_patients(by.id()), wrong).into_response()
}

async fn show(State(point): State<PointOfCare>, by: SignedIn) -> Response {
    chooser(&point, &by, None)
}

async fn choose(State(point): State<PointOfCare>, posted: Posted<Vec<(String, String)>>) -> Response {
    let Posted { by, fields } = posted;
    let all =
        |name: &'static str| fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str());
    let scanned = all(crate::badge::BADGE_FIELD).find(|badge| !badge.trim().is_empty());
    // What was scanned counts before what was ticked: it is what somebody holds in their hand.
    let to = scanned.or_else(|| all("to").next()).and_then(|code| point.claim(code)).and_then(|claim| claim.person);
    let patients = all("patient").filter_map(|text| text.parse().ok()).collect();
    match point.plan(&by.session, to.as_ref(), &patients) {
        Ok(plan) => page::confirm(&point, &by, &plan).into_response(),
        Err(no) => chooser(&point, &by, Some(no)),
    }
}

/// What the second page's form says.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    to: String,
    #[serde(default)]
    patients: String,
    #[serde(default)]
    credential: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    elapsed_ms: Option<u32>,
    #[serde(default)]
    interactions: Option<u8>,
}

impl Wanted {
    fn plan(&self, point: &PointOfCare, session: &SessionFacts) -> Result<Plan, Refusal> {
        let to: Option<PrincipalId> = self.to.parse().ok();
        let patients: BTreeSet<PatientPseudonym> =
            self.patients.split(' ').take(PATIENTS_MAX).filter_map(|text| text.parse().ok()).collect();
        point.plan(session, to.as_ref(), &patients).map_err(refusal)
    }
}

fn refusal(no: No) -> Refusal {
    let cause = if matches!(no, No::NotYours | No::NotHere) { Cause::Policy } else { Cause::User };
    Refusal::new(no.words(), cause, no.code())
}

fn purpose(plan: &Plan) -> Purpose {
    let patients = plan.patients.iter().copied().collect();
    Purpose::HandOver { session: plan.from.session.clone(), to: plan.to.clone(), patients }
}

async fn refused(point: &PointOfCare, visitor: &Visitor, refusal: &Refusal, claimed: Option<PrincipalId>) -> Response {
    let tried = Try::failed(Step::HandOver, Outcome::Refused, refusal.cause, refusal.detail);
    point.tried(visitor, Try { claimed, ..tried }).await;
    refusal.told()
}

async fn options(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(wanted): Json<Wanted>,
) -> Response {
    let Some((session, Standing::Open)) = &visitor.session else { return told(&json!({ "lock": "/bedside" })) };
    let made = wanted
        .plan(&point, session)
        .and_then(|plan| point.touch_options(&visitor, purpose(&plan), Verification::Required));
    match made {
        Ok(options) => told(&json!(options)),
        Err(refusal) => refused(&point, &visitor, &refusal, None).await,
    }
}

async fn result(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Json(wanted): Json<Wanted>,
) -> Response {
    let Some((session, Standing::Open)) = &visitor.session else { return told(&json!({ "lock": "/bedside" })) };
    let plan = match wanted.plan(&point, session) {
        Ok(plan) => plan,
        Err(refusal) => return refused(&point, &visitor, &refusal, None).await,
    };
    let answer = wanted.credential.as_ref().map_or("", |credential| credential.get());
    let proof = match point.touched(&visitor, purpose(&plan), answer.as_bytes()).await {
        Ok((one, proof)) if one.principal == plan.to => proof,
        Ok(_) => return refused(&point, &visitor, &refusal(No::OthersKey), Some(plan.to)).await,
        Err(refusal) => return refused(&point, &visitor, &refusal, Some(plan.to)).await,
    };
    let (to, workstation, method) = (plan.to.clone(), plan.workstation.clone(), proof.method.clone());
    let session = match point.hand_over(plan, proof).await {
        Ok(session) => session,
        Err(error) => return unrecorded(&error),
    };
    let tried = Try {
        principal: Some(to),
        session: Some(session.clone()),
        method: Some(method),
        elapsed_ms: wanted.elapsed_ms,
        interactions: wanted.interactions,
        ..Try::done(Step::HandOver)
    };
    point.tried(&visitor, tried).await;
    with_cookie(&point, &visitor, Some(workstation), Some(session), told(&json!({ "go": HOME })))
}
