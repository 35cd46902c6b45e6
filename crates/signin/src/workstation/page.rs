//! The pages of enrolling a workstation.

use crate::point::{PointOfCare, Visitor};
use crate::slip::Shown;
use axum::http::StatusCode;
use maud::html;
use pages::{Document, form, workstation_form};

/// What a code would do, and the button that does it.
pub(super) fn enrol(point: &PointOfCare, visitor: &Visitor, shown: &Shown, code: &str) -> Document {
    let unit = events::DeviceId::new(&shown.subject).ok().and_then(|device| point.unit_of(&device));
    let body = html! {
        (workstation_form(super::WORKSTATION_PATH, &shown.subject, &visitor.form_token(), &html! {
            input type="hidden" name="code" value=(code);
            (form::wide_button("Make this browser the workstation"))
        }))
        p { "Do this at the workstation itself, in the browser people will use there. The key never leaves it." }
    };
    let lead =
        html! { "This browser becomes " strong { (shown.subject) } @if let Some(unit) = unit { " in " (unit) } "." };
    point.page_for(visitor, None, "Enrol this workstation", Some(lead), &body)
}

/// A code that does not work.
pub(super) fn spent(point: &PointOfCare) -> Document {
    let next = form::link(form::Weight::Main, "/bedside", "To the start");
    let why = "It was used, it is past its time, or it was mistyped. Clinical IT can make another.";
    point.shell().trouble(StatusCode::NOT_FOUND, "This code does not work", why, &next)
}

/// The store cannot be read.
pub(super) fn failed(point: &PointOfCare, error: &store::ReadError) -> Document {
    tracing::error!(%error, "a code cannot be looked up");
    let next = form::link(form::Weight::Main, "/bedside", "To the start");
    let why = "The server cannot look at codes at the moment. Try again in a minute.";
    point.shell().trouble(StatusCode::SERVICE_UNAVAILABLE, "That did not work", why, &next)
}
