//! The pages of vouching: why, for whom, and where.

use super::METHOD;
use crate::badge;
use crate::point::{PointOfCare, Visitor};
use charter::assurance::Vouching;
use events::DeviceId;
use maud::{Markup, html};
use pages::{Bedside, CeremonyForm, Document, form};
use world::SessionFacts;

/// Where vouching begins.
pub const VOUCH_PATH: &str = "/bedside/vouch";

/// The charter's reasons, one touch each; the next page asks for the badge, so that a scanner's Enter is not taken for an answer to this.
fn reasons(rule: &Vouching) -> Markup {
    html! {
        ul.stack {
            @for (id, reason) in &rule.reasons {
                li { a.button.wide href={ (VOUCH_PATH) "?reason=" (id) } { (reason.title) } }
            }
        }
    }
}

fn ceremony(token: &str, reason: &str, label: &str, fields: &Markup) -> Markup {
    let ceremony = CeremonyForm {
        name: "vouch",
        options: "/bedside/vouch/options",
        result: "/bedside/vouch/result",
        attempt: "/bedside/attempt",
        form_token: token,
        start: false,
        browser_key: false,
    };
    ceremony.render(&html! {
        input type="hidden" name="reason" value=(reason);
        (fields)
        (form::wide_button(label))
    })
}

/// Nobody is at the screen whose key works: why, and then whose badge and a colleague's touch.
pub(super) fn here(point: &PointOfCare, visitor: &Visitor, rule: &Vouching, reason: Option<&str>) -> Document {
    let token = visitor.form_token();
    let body = html! {
        @match reason {
            None => (reasons(rule)),
            Some(reason) => (ceremony(&token, reason, "A colleague touches their key", &badge::field("Your badge", true, true))),
        }
        details {
            summary { "My colleague vouched at their own screen" }
            (form::post("/bedside/vouch/go", &token, &html! {
                (badge::field_called("gone-on", "Your badge", false, true))
                (form::wide_button("Go on"))
            }))
        }
        p { a.button href="/bedside" { "Back" } }
    };
    let lead = match reason {
        None => {
            html! { "Why does your key not do? One touch, and a colleague who is signed in on this unit lets you in for " (rule.duration_min.get()) " minutes." }
        }
        Some(_) => {
            html! { "Scan or type your badge. Then your colleague touches their own key, with its PIN. You are both named, in the record and on the screen." }
        }
    };
    let page = Bedside { title: "A colleague vouches for you", lead: Some(lead), body, ..Bedside::default() };
    point.page_with(visitor, None, page)
}

/// A colleague's own screen: why, then whose badge, and at which workstation.
pub(super) fn own(
    point: &PointOfCare,
    visitor: &Visitor,
    session: &SessionFacts,
    rule: &Vouching,
    reason: Option<&str>,
    workstations: &[DeviceId],
) -> Document {
    let token = visitor.form_token();
    let here = visitor.device().map_or("", AsRef::as_ref);
    let fields = html! {
        (badge::field("Your colleague’s badge", true, true))
        (form::Field { name: "workstation", label: "Where they work", value: here, ..form::Field::default() }
            .select(workstations.iter().map(|one| (one.as_str(), if one.as_str() == here { format!("{one}, this one") } else { one.to_string() }))))
    };
    let body = html! {
        @match reason {
            None => (reasons(rule)),
            Some(reason) => (ceremony(&token, reason, "Touch your key to vouch", &fields)),
        }
        p { a.button href="/bedside/patients" { "Not now" } }
    };
    let lead = html! { "You stand for your colleague for " (rule.duration_min.get()) " minutes: you are both named, in the record and on their screen. Be sure that it is them." };
    point.page_for(visitor, Some(session), "Vouch for a colleague", Some(lead), &body)
}

/// Nothing can be done about it at this screen.
pub(super) fn not_here(point: &PointOfCare, visitor: &Visitor) -> Document {
    let body = html! { p { a.button.main.wide href="/bedside" { "Back to the start" } } };
    let lead = html! { "A colleague can vouch at a hospital workstation that stands in a unit. Go to one on the ward, or call the service desk." };
    point.page_for(visitor, None, "Not at this screen", Some(lead), &body)
}

/// Nobody vouched for whoever has this badge, or it was used up: one answer for all.
pub(super) fn nobody_did(point: &PointOfCare, visitor: &Visitor) -> Document {
    let body = html! { p { a.button.main.wide href=(VOUCH_PATH) { "Back" } } };
    let lead = html! { "No colleague’s word counts for this badge at this workstation now. Ask your colleague to choose this workstation: its name stands at the top." };
    point.page_for(visitor, None, "Not yet", Some(lead), &body).with_status(axum::http::StatusCode::CONFLICT)
}

impl PointOfCare {
    /// Who stands for the owner of a session, in words.
    pub(crate) fn stood_for(&self, session: &SessionFacts) -> Option<String> {
        let voucher = session.vouched_by.as_ref().filter(|_| session.method == METHOD)?;
        Some(format!("{} vouches for them", self.name_of(voucher)))
    }
}
