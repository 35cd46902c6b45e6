//! The pages of enrolment.

use crate::point::{PointOfCare, Visitor};
use crate::slip::Shown;
use axum::http::StatusCode;
use maud::html;
use pages::{CeremonyForm, Document, form};

/// Whom an invitation is for, and the button that registers a key.
pub(super) fn enrol(point: &PointOfCare, visitor: &Visitor, shown: &Shown, invitation: &str) -> Document {
    let name =
        events::PrincipalId::new(&shown.subject).map_or_else(|_| shown.subject.clone(), |who| point.name_of(&who));
    let token = visitor.form_token();
    let ceremony = CeremonyForm {
        name: "register",
        options: "/enrol/options",
        result: "/enrol/result",
        attempt: "/bedside/attempt",
        form_token: &token,
        start: false,
        browser_key: false,
    };
    let field = form::Field {
        name: "name",
        label: "What shall it be called?",
        value: "",
        hint: Some("So that you know which one it was if you lose it: blue key, my phone."),
        optional: true,
        ..form::Field::default()
    };
    let body = html! {
        (ceremony.render(&html! {
            input type="hidden" name="invitation" value=(invitation);
            (field.text())
            (form::wide_button("Register my key or phone"))
        }))
        p { "You need your key, or the phone you carry. It will ask for its PIN or your finger: that stays with it, and is never sent here." }
    };
    let lead = html! { "This invitation is for " strong { (name) } ". If that is not you, close this page and tell whoever gave it to you." };
    point.page_for(visitor, None, "Welcome", Some(lead), &body)
}

/// It worked.
pub(super) fn done(point: &PointOfCare, visitor: &Visitor) -> Document {
    let body = html! {
        p { "From now on one touch of it signs you in at every workstation. Register a second one soon: if you lose this one, the other lets you in." }
        p { a.button.main.wide href="/bedside" { "To the start" } }
    };
    point.page_for(visitor, None, "Your key is registered", None, &body)
}

/// An invitation that does not work.
pub(super) fn spent(point: &PointOfCare) -> Document {
    let next = form::link(form::Weight::Main, "/bedside", "To the start");
    let why = "It was used, it is past its time, or it was mistyped. Whoever gave it to you can give you another.";
    point.shell().trouble(StatusCode::NOT_FOUND, "This invitation does not work", why, &next)
}

/// The store cannot be read.
pub(super) fn failed(point: &PointOfCare, error: &store::ReadError) -> Document {
    tracing::error!(%error, "an invitation cannot be looked up");
    let next = form::link(form::Weight::Main, "/bedside", "To the start");
    let why = "The server cannot look at invitations at the moment. Try again in a minute.";
    point.shell().trouble(StatusCode::SERVICE_UNAVAILABLE, "That did not work", why, &next)
}
