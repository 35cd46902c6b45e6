//! "My key does not work": what exactly, and what helps.

use super::{CAUSES, HELP_PATH, Open, Way, ways};
use crate::attempt::Try;
use crate::point::{FORM_BYTES_MAX, FromOwnPage, PointOfCare, Visitor};
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Form, FromRef, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use events::signin::{Cause, Outcome, Step};
use events::{DeviceId, UnitId};
use maud::{Markup, html};
use pages::{Document, form};
use serde::Deserialize;

/// Anybody may ask what helps.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new().route(HELP_PATH, get(show).post(choose)).layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}

#[derive(Debug, Default, Deserialize)]
struct About {
    #[serde(default)]
    cause: Option<Cause>,
}

async fn show(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    about: Result<Query<About>, QueryRejection>,
) -> Document {
    match about.ok().and_then(|Query(about)| about.cause).filter(|cause| CAUSES.contains(cause)) {
        None => which(&point, &visitor),
        Some(cause) => {
            let engine = point.plane().engine();
            let (_, title) = engine.charter().answers_for(cause);
            let lead = html! { "What helps now, quickest first." };
            let body = html! { (offered(&point, visitor.device(), cause)) (back()) };
            point.page_for(&visitor, None, title, Some(lead), &body)
        }
    }
}

/// Says what does not work: recorded for whoever answers for it, and answered with what helps.
async fn choose(
    State(point): State<PointOfCare>,
    visitor: Visitor,
    _own: FromOwnPage,
    Form(about): Form<About>,
) -> Response {
    let Some(cause) = about.cause.filter(|cause| CAUSES.contains(cause)) else {
        return Redirect::to(HELP_PATH).into_response();
    };
    point.tried(&visitor, Try::failed(Step::SignIn, Outcome::Failed, cause, "said_so")).await;
    Redirect::to(&format!("{HELP_PATH}?cause={}", cause.as_str())).into_response()
}

fn back() -> Markup {
    html! { p { (form::link(form::Weight::Plain, "/bedside", "Back to the start")) } }
}

/// What does not work, a button each.
fn which(point: &PointOfCare, visitor: &Visitor) -> Document {
    let (token, engine) = (visitor.form_token(), point.plane().engine());
    let body = html! {
        @for cause in CAUSES {
            (form::post(HELP_PATH, &token, &html! {
                input type="hidden" name="cause" value=(cause.as_str());
                button.button.wide type="submit" { (engine.charter().answers_for(cause).1) }
            }))
        }
        (back())
    };
    let lead = html! { "What does not work? One touch, and you see what helps. It is also how it gets mended." };
    point.page_for(visitor, None, "Getting to work all the same", Some(lead), &body)
}

/// Whether a unit is in an emergency now.
pub(crate) fn in_emergency(point: &PointOfCare, unit: Option<&UnitId>) -> bool {
    unit.is_some_and(|unit| point.plane().world(|world| world.is_in_emergency(unit, point.plane().now())))
}

/// What is possible at a screen when signing in fails because of this, and who answers for the cause.
pub(crate) fn offered(point: &PointOfCare, device: Option<&DeviceId>, cause: Cause) -> Markup {
    let engine = point.plane().engine();
    let (charter, unit) = (engine.charter(), device.and_then(|device| point.unit_of(device)));
    let rules = charter.rules_at(unit.as_ref());
    let open = Open {
        recovery: !rules.assurance.recovery.is_empty() && device.is_some(),
        provisional: rules.assurance.provisional.is_some() && device.is_some(),
        emergency: in_emergency(point, unit.as_ref()),
    };
    let ways = ways(cause, &rules.workflows, open);
    let (owner, title) = charter.answers_for(cause);
    let owner = charter.owners().find(owner);
    let desk = charter.owners().find(&charter.owners().help_desk);
    html! {
        @for (place, way) in ways.iter().enumerate() {
            @let weight = if place == 0 { form::Weight::Main } else { form::Weight::Usual };
            p { @match way {
                Way::AnotherKey => (form::link(weight, "/bedside", "Use another key or phone of mine")),
                Way::AnotherWorkstation => "Another workstation may work: your work is there as soon as you sign in.",
                Way::Vouch => (form::link(weight, crate::vouching::VOUCH_PATH, "A colleague vouches for me")),
                Way::Recovery => (form::link(weight, crate::recovery::ASK_PATH, "Ask the help desk for a way back in")),
                Way::Provisional => (form::link(weight, crate::provisional::PROVISIONAL_PATH, "Emergency: let me in by name")),
            } }
        }
        @if ways.is_empty() { p { "There is no way around this one here. Call the people below." } }
        @if device.is_none() { p { "At an enrolled hospital workstation there are more ways than in this browser." } }
        p.quiet {
            (title) ": "
            @if let Some(owner) = owner { (owner.name()) ", " (owner.contact()) ". " }
            @if let Some(desk) = desk { "Help at any time: " (desk.name()) ", " (desk.contact()) "." }
        }
    }
}
