//! What every bedside page shares: the hospital's clock, the ways to the other pages, and what is said when something fails.

use axum::http::StatusCode;
use maud::{Markup, html};
use pages::{Bedside, Document, Watch, form};
use plane::DecideError;
use signin::hand_over::HAND_OVER_PATH;
use signin::point::{PointOfCare, SignedIn};
use signin::recovery;
use signin::vouching::VOUCH_PATH;

/// My patients.
pub(crate) const PATIENTS: &str = "/bedside/patients";
/// A patient.
pub(crate) const PATIENT: &str = "/bedside/patient";
/// The large view without hands.
pub(crate) const THEATRE: &str = "/bedside/theatre";
/// My sessions and keys.
pub(crate) const ME: &str = "/bedside/me";
/// Where colleagues and the service desk help.
pub(crate) const HELP: &str = "/bedside/help";

/// The hospital's clock; UTC where this machine does not know the hospital's time zone.
pub(crate) fn watch(point: &PointOfCare) -> Watch {
    let now = point.plane().now();
    Watch::named(now, &point.plane().engine().charter().hospital().time_zone).unwrap_or_else(|_| Watch::utc(now))
}

/// The ways to the other pages, and out. Whoever may let somebody back in is told that they wait.
pub(crate) fn ways(point: &PointOfCare, by: &SignedIn, here: &str) -> Markup {
    let all = [(PATIENTS, "My patients"), (ME, "My sessions and keys")];
    let in_theatre = Some((THEATRE, "Theatre")).filter(|_| crate::theatre::is_for(point, &by.session));
    let at_a_workstation = [(HAND_OVER_PATH, "Hand over"), (VOUCH_PATH, "Vouch for a colleague")];
    let more = by.session.workstation.iter().flat_map(|_| at_a_workstation);
    let waiting = recovery::how_many_wait_for(point, by);
    html! {
        nav.row aria-label="Pages" {
            @if waiting > 0 {
                @let whom = if waiting == 1 { "1 colleague waits".to_owned() } else { format!("{waiting} colleagues wait") };
                (form::link(form::Weight::Main, recovery::WAITING_PATH, &format!("{whom} for a way back in")))
            }
            @for (path, label) in all.into_iter().chain(in_theatre).chain(more).filter(|(path, _)| *path != here) {
                (form::link(form::Weight::Usual, path, label))
            }
            (form::post(&point.sign_out_path(&by.session), &by.visitor.form_token(), &form::button(form::Weight::Usual, "Sign out")))
        }
    }
}

/// Whoever comes in is told first what was lately asked for in their name, unless they came by it.
pub(crate) fn in_my_name(point: &PointOfCare, by: &SignedIn) -> Markup {
    let told = recovery::notices(point, by.id(), recovery::TOLD_FIRST_FOR).unwrap_or_default();
    let told = told.first().filter(|_| by.session.method != recovery::METHOD);
    html! {
        @if let Some(one) = told {
            section.card role="status" {
                p { strong { "A way back in was asked for in your name, " (watch(point).ago(one.asked_at)) "." } " " (one.came_of_it) }
                p { (form::link(form::Weight::Usual, ME, "Was that you?")) }
            }
        }
    }
}

/// Something could not be done, said within the frame.
pub(crate) fn trouble(
    point: &PointOfCare,
    by: &SignedIn,
    status: StatusCode,
    title: &str,
    why: &str,
    back: (&str, &str),
) -> Document {
    let body = html! { p { (form::link(form::Weight::Main, back.0, back.1)) } };
    let page = Bedside { title, lead: Some(html! { (why) }), body, ..Bedside::default() };
    point.page_with(&by.visitor, Some(&by.session), page).with_status(status)
}

/// A question that got no answer: nothing was permitted.
pub(crate) fn unanswered(point: &PointOfCare, by: &SignedIn, error: &DecideError) -> Document {
    tracing::error!(%error, "a question from the bedside got no answer");
    let why = "Handrail could not answer, or not record its answer, so nothing was opened. Try again; if it goes on, \
               follow the downtime procedure and call clinical IT.";
    trouble(point, by, StatusCode::SERVICE_UNAVAILABLE, "That did not work", why, (PATIENTS, "My patients"))
}

/// There is nothing at that address.
pub(crate) fn nothing_there(point: &PointOfCare, by: &SignedIn) -> Document {
    let why = "The address is not one of a page here. Nothing happened.";
    trouble(point, by, StatusCode::NOT_FOUND, "There is nothing here", why, (PATIENTS, "My patients"))
}

/// `read the chart` as the beginning of a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
