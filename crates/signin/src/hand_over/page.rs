//! The pages of a hand-over: who takes over and what passes on, and then the touch of who comes.

use super::rules::No;
use crate::badge;
use crate::point::{PointOfCare, SignedIn};
use events::{PatientPseudonym, PrincipalId};
use maud::{Markup, html};
use pages::{Bedside, CeremonyForm, Document, form};
use std::collections::BTreeSet;

/// Where a hand-over begins.
pub const HAND_OVER_PATH: &str = "/bedside/hand-over";

impl PointOfCare {
    /// What tells a patient from others: where they are, and the beginning of their pseudonym. No page at the bedside shows names.
    fn called(&self, by: &PrincipalId, patient: PatientPseudonym) -> String {
        let (now, id) = (self.plane().now(), patient.to_string());
        let subject = world::Subject { principal: by.clone(), patient: Some(patient), device: None, session: None };
        let short: String = id.trim_start_matches("pat_").chars().take(6).collect();
        let facts = self.plane().world(|world| world.facts(&subject, now));
        let encounters = facts.patient.iter().flat_map(|patient| &patient.encounters);
        let stays = encounters.filter(|one| one.closed_at.is_none_or(|closed| now < closed)).flat_map(|one| &one.stays);
        let mut here = stays.filter(|stay| stay.from <= now && stay.until.is_none_or(|until| now < until));
        here.next_back().map_or_else(|| short.clone(), |stay| format!("{short}, {}", stay.unit))
    }
}

/// Who takes over, and whose patients pass on: all, unless somebody takes one out.
pub(super) fn choose(
    point: &PointOfCare,
    by: &SignedIn,
    colleagues: &[PrincipalId],
    patients: &[PatientPseudonym],
    wrong: Option<No>,
) -> Document {
    let token = by.visitor.form_token();
    let fields = html! {
        fieldset.stack {
            legend { "Who takes over" }
            (badge::field("Their badge", true, false))
            @for colleague in colleagues {
                label.row { input type="radio" name="to" value=(colleague); (point.name_of(colleague)) }
            }
        }
        fieldset.stack {
            legend { "Whose care passes on" }
            @for patient in patients {
                label.row { input type="checkbox" name="patient" value=(patient) checked; (point.called(by.id(), *patient)) }
            }
        }
        (form::wide_button("Hand over"))
    };
    let body = html! {
        @if patients.is_empty() {
            p { "You are on no patient’s treatment team, so there is nothing to hand over. Just sign out." }
        } @else {
            (form::post(HAND_OVER_PATH, &token, &fields))
        }
        p { a.button href="/bedside/patients" { "Not now" } }
    };
    let lead = html! { "You choose, and your colleague touches their key at this screen. What you were entitled to for these patients ends a little later." };
    let page = Bedside {
        title: "Hand over",
        lead: Some(lead),
        notice: wrong.map_or("", No::words),
        body,
        ..Bedside::default()
    };
    let document = point.page_with(&by.visitor, Some(&by.session), page);
    if wrong.is_some() { document.with_status(axum::http::StatusCode::UNPROCESSABLE_ENTITY) } else { document }
}

/// The incoming colleague confirms, at the same screen.
pub(super) fn confirm(point: &PointOfCare, by: &SignedIn, plan: &super::Plan) -> Document {
    let token = by.visitor.form_token();
    let to = point.name_of(&plan.to);
    let ceremony = CeremonyForm {
        name: "hand-over",
        options: "/bedside/hand-over/options",
        result: "/bedside/hand-over/result",
        attempt: "/bedside/attempt",
        form_token: &token,
        start: false,
        browser_key: false,
    };
    let body = html! {
        ul { @for patient in &plan.patients { li { (point.called(by.id(), *patient)) } } }
        (ceremony.render(&html! {
            input type="hidden" name="to" value=(plan.to);
            input type="hidden" name="patients" value=(listed(&plan.patients));
            (form::wide_button(&format!("{to}: touch your key to take over")))
        }))
        p { a.button href=(HAND_OVER_PATH) { "Back, choose again" } }
    };
    let minutes = plan.ends_at.since(point.plane().now()).as_secs() / 60;
    let lead: Markup = html! {
        (point.name_of(&plan.from.principal)) " hands over to " (to) ". This screen becomes " (to) "’s; "
        (point.name_of(&plan.from.principal)) " has " (minutes) " minutes left to finish."
    };
    point.page_for(&by.visitor, Some(&by.session), "Take over", Some(lead), &body)
}

/// Patients in one field.
fn listed(patients: &BTreeSet<PatientPseudonym>) -> String {
    patients.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
