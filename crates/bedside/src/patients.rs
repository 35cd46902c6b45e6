//! My patients.

use axum::extract::State;
use maud::html;
use pages::{Document, form};
use signin::point::{PointOfCare, SignedIn};

/// Where somebody who is signed in begins.
pub(crate) async fn show(State(point): State<PointOfCare>, signed_in: SignedIn) -> Document {
    let token = signed_in.visitor.form_token();
    let body = html! { (form::post("/bedside/sign-out", &token, &form::button(form::Weight::Usual, "Sign out"))) };
    point.page_for(&signed_in.visitor, Some(&signed_in.session), "My patients", None, &body)
}
