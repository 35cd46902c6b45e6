//! What signing in looks like, and what it says when it does not work.

use super::routes::SIGN_IN_PATH;
use super::rules::{LINK_LIFETIME, SESSION_IDLE, SESSION_LIFETIME};
use super::{Desk, SignInError};
use axum::http::StatusCode;
use events::OperatorId;
use maud::{Markup, html};
use pages::{Document, duration_words, form};

/// A link that works: one button.
pub(super) fn link(desk: &Desk, operator: &OperatorId, link: &str) -> Document {
    let body = html! {
        p.lead { "This link signs " strong { (operator) } " in on this device. It works once." }
        (form::post(SIGN_IN_PATH, link, &form::wide_button("Sign in")))
        p.small.quiet {
            "You stay signed in for " (duration_words(SESSION_LIFETIME)) " at most, or " (duration_words(SESSION_IDLE))
            " without doing anything. Signing in is recorded."
        }
    };
    desk.shell().alone("Sign in to Handrail", &body)
}

/// A link that does not work. Why is not said: it would tell which links exist.
pub(super) fn spent(desk: &Desk) -> Document {
    let why = format!(
        "A sign-in link works once, and for {} after it was made. This one was used, is too old, or is not complete.",
        duration_words(LINK_LIFETIME)
    );
    desk.shell().trouble(StatusCode::GONE, "This link does not work any more", &why, &how_to_get_one())
}

/// Nobody is signed in here.
pub(super) fn not_signed_in(desk: &Desk) -> Document {
    let why = "Your session has ended, or you have not signed in on this device yet.";
    desk.shell().trouble(StatusCode::UNAUTHORIZED, "Please sign in", why, &how_to_get_one())
}

/// A form that did not come from one of our pages.
pub(super) fn foreign_form(desk: &Desk) -> Document {
    let why = format!(
        "This form did not come from a page of yours that is still good, so nothing was changed. Go back, load the page again, and send it \
         from there. This node believes that it is reached at {}; if your browser shows another address, whoever runs it has to set its \
         base URL (--base-url, or listen.base_url).",
        desk.base()
    );
    desk.shell().trouble(StatusCode::FORBIDDEN, "Nothing was changed", &why, &home())
}

/// A form that cannot be read.
pub(super) fn unreadable_form(desk: &Desk) -> Document {
    let why = "This form is too long or not complete, so nothing was changed.";
    desk.shell().trouble(StatusCode::BAD_REQUEST, "Nothing was changed", why, &home())
}

/// Signed out.
pub(super) fn signed_out(desk: &Desk) -> Document {
    desk.shell().alone(
        "You are signed out",
        &html! { p.lead { "To come back, you need a new sign-in link." } (how_to_get_one()) },
    )
}

/// Something behind it failed. The reason is for the log, not for whoever asks.
pub(super) fn failed(desk: &Desk, error: &SignInError) -> Document {
    tracing::error!(%error, source = std::error::Error::source(error).map(tracing::field::display), "signing in failed");
    let why = "Handrail could not read or write its ledger, so nobody can be signed in now.";
    desk.shell().trouble(StatusCode::SERVICE_UNAVAILABLE, "Signing in is not possible now", why, &home())
}

fn how_to_get_one() -> Markup {
    html! {
        div.stack {
            p { "Somebody with a shell on the server makes a sign-in link for you with" }
            (pages::code("On the server", "handrail operator link YOUR-NAME --data DIR", true, true))
        }
    }
}

fn home() -> Markup {
    form::link(form::Weight::Main, "/", "Go to the first page")
}
