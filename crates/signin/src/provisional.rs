//! Somebody who can prove nothing, in an emergency: let in by name, marked as such, for minutes, for what the charter lists, and reviewed.
//!
//! What such a session opens is decided where everything is ([`charter::Charter::provisional_covers`]); here it only begins.

use crate::attempt::Try;
use crate::enrolment::may_act;
use crate::fallback::in_emergency;
use crate::point::{FORM_BYTES_MAX, FromOwnPage, PointOfCare, Visitor};
use crate::session::{Basis, Refusal, Screen, with_cookie};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use charter::signing_in::Provisional;
use events::session::Proof;
use events::signin::{Cause, Outcome, Step};
use events::{DeviceId, PrincipalId, RoleName};
use maud::html;
use pages::{Document, form};
use serde::Deserialize;
use smol_str::SmolStr;

/// Where somebody says who they are.
pub const PROVISIONAL_PATH: &str = "/bedside/provisional";
/// The method of such a session.
pub const METHOD: &str = "provisional";
/// The longest badge number that is looked at, in bytes.
const BADGE_BYTES_MAX: usize = 128;

/// Anybody at an enrolled workstation, where the charter lets people in so and the place or the work is an emergency.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new().route(PROVISIONAL_PATH, get(show).post(enter)).layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

/// Whether somebody with these roles is one of those whom a charter lets in so.
#[must_use]
pub fn is_for(rule: &Provisional, roles: &[RoleName]) -> bool {
    roles.iter().any(|role| rule.roles.contains(role))
}

/// The rule at a workstation, where anybody may come in by it now.
fn open_at(point: &PointOfCare, device: &DeviceId) -> Option<Provisional> {
    let (engine, unit) = (point.plane().engine(), point.unit_of(device));
    let rules = engine.charter().rules_at(unit.as_ref());
    let emergency = in_emergency(point, unit.as_ref());
    rules.assurance.provisional.clone().filter(|rule| rule.is_open_at(emergency, unit.as_ref()))
}

async fn show(State(point): State<PointOfCare>, visitor: Visitor) -> Response {
    if visitor.stale.is_some() {
        return crate::point::prove(&point, &visitor, None).into_response();
    }
    match visitor.device().and_then(|device| open_at(&point, device)) {
        Some(rule) => page(&point, &visitor, &rule, None).into_response(),
        None => closed(&point, &visitor).into_response(),
    }
}

fn page(point: &PointOfCare, visitor: &Visitor, rule: &Provisional, wrong: Option<&str>) -> Document {
    let field = form::Field {
        name: "badge",
        label: "Your badge number",
        hint: Some("Scan it or type it. It stands in the record that you said it."),
        wrong,
        ..form::Field::default()
    };
    let body = html! {
        (form::post(PROVISIONAL_PATH, &visitor.form_token(), &html! { (field.text()) (form::wide_button("Let me in by name")) }))
        p { "It opens what an emergency needs, for " (rule.duration_min.get()) " minutes, and is reviewed within " (rule.review.due_h.get()) " hours." }
        p { (form::link(form::Weight::Plain, crate::fallback::HELP_PATH, "Another way")) }
    };
    let lead = html! { "Only where a patient would come to harm and nobody is there to vouch for you." };
    let page = point.page_for(visitor, None, "Emergency: by name alone", Some(lead), &body);
    if wrong.is_some() { page.with_status(StatusCode::FORBIDDEN) } else { page }
}

fn closed(point: &PointOfCare, visitor: &Visitor) -> Document {
    let body = html! { p { (form::link(form::Weight::Main, crate::fallback::HELP_PATH, "What helps instead")) } };
    let lead = html! { "This is for emergencies, at an enrolled hospital workstation of a unit that is in one." };
    let page = point.page_for(visitor, None, "Nobody is let in by name here", Some(lead), &body);
    page.with_status(StatusCode::FORBIDDEN)
}

#[derive(Debug, Deserialize)]
struct Named {
    badge: String,
}

/// Who goes by a badge number, if that is one person who may come in so.
fn who_has(point: &PointOfCare, rule: &Provisional, badge: &str) -> Option<PrincipalId> {
    let code = PrincipalId::new(badge.trim()).ok().filter(|_| badge.len() <= BADGE_BYTES_MAX)?;
    let known = point.plane().world(|world| world.who_goes_by(&code));
    let [who] = <[PrincipalId; 1]>::try_from(known).ok()?;
    let subject = world::Subject { principal: who.clone(), patient: None, device: None, session: None };
    let facts = point.plane().world(|world| world.facts(&subject, point.plane().now()));
    let roles = facts.principal.map(|known| known.roles).unwrap_or_default();
    (may_act(point.plane(), &who) && is_for(rule, &roles)).then_some(who)
}

async fn enter(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Form(sent): Form<Named>,
) -> Response {
    let at = visitor.device().cloned().and_then(|device| open_at(&point, &device).map(|rule| (device, rule)));
    let Some((device, rule)) = at else { return closed(&point, &visitor).into_response() };
    let now = point.plane().now();
    if !point.may_try(&visitor) {
        let refusal = Refusal::too_many();
        point.refused(&visitor, Step::Provisional, &refusal, None).await;
        return page(&point, &visitor, &rule, Some(&refusal.words)).into_response();
    }
    let Some(who) = who_has(&point, &rule, &sent.badge) else {
        point.tried(&visitor, Try::failed(Step::Provisional, Outcome::Refused, Cause::User, "not_for_them")).await;
        let words = "Nobody is let in by this badge number. Check it, or call the people on the help page.";
        return page(&point, &visitor, &rule, Some(words)).into_response();
    };
    let proof = Proof {
        method: SmolStr::new_static(METHOD),
        level: 1,
        verified: false,
        authenticator: None,
        counter: None,
        proved_at: None,
    };
    let basis = Basis {
        review_due: Some(now + rule.review.due_h.duration()),
        at_most: Some(rule.duration_min.duration()),
        ..Basis::default()
    };
    let screen = Screen { workstation: Some(device.clone()), key: None, carried: None };
    match point.arrive(&who, &screen, proof, &basis).await {
        Ok((session, _)) => {
            // Who it is was claimed, not proved.
            let tried = Try {
                claimed: Some(who),
                session: Some(session.clone()),
                method: Some(SmolStr::new_static(METHOD)),
                ..Try::done(Step::Provisional)
            };
            point.tried(&visitor, tried).await;
            with_cookie(&point, &visitor, Some(device), Some(session), Redirect::to("/bedside").into_response())
        }
        Err(error) => {
            tracing::error!(%error, "somebody could not be let in provisionally");
            let words = "It could not be recorded, so it did not happen. Try again.";
            page(&point, &visitor, &rule, Some(words)).into_response()
        }
    }
}
