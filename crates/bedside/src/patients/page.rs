//! The page of my patients.

use super::Found;
use crate::asking::Asker;
use crate::frame::{self, HELP, PATIENT, PATIENTS};
use crate::whereabouts::{Whereabouts, short};
use axum::http::StatusCode;
use decision::Role;
use events::decision::Remedy;
use events::{PatientPseudonym, UnitId};
use maud::{Markup, html};
use pages::{Bedside, Document, Script, Watch, form, sheet};
use plane::number::NumberError;
use signin::point::{PointOfCare, SignedIn};
use std::collections::BTreeMap;
use std::time::Duration;
use world::Subject;

/// A page that opens so soon after a proof is the one that was wanted.
const JUST_ARRIVED: Duration = Duration::from_secs(15);

/// The field for the wristband: focused, and Enter sends it.
fn wristband(by: &SignedIn, wrong: Option<&str>) -> Markup {
    let about = wrong.map(|_| "number-about");
    form::post(
        PATIENTS,
        &by.visitor.form_token(),
        &html! {
            div.field {
                label for="number" { "Scan a wristband" }
                div.row {
                    input type="text" id="number" name="number" required autofocus autocomplete="off" autocapitalize="characters"
                        spellcheck="false" enterkeyhint="go" aria-invalid=[wrong.map(|_| "true")] aria-describedby=[about];
                    (form::button(form::Weight::Main, "Open"))
                }
                @if let Some(wrong) = wrong { p.wrong id="number-about" { (wrong) } }
            }
        },
    )
}

fn show(point: &PointOfCare, by: &SignedIn, lead: Markup, body: Markup) -> Document {
    let now = point.plane().now();
    let arrived = now.since(by.session.proved_at.max(by.session.started_at)) < JUST_ARRIVED;
    let script = Script { usable: arrived.then_some("/bedside/usable"), ..Script::default() };
    let body = html! { (frame::in_my_name(point, by)) (body) (frame::ways(point, by, PATIENTS)) };
    let page = Bedside { title: "My patients", lead: Some(lead), script, body, ..Bedside::default() };
    point.page_with(&by.visitor, Some(&by.session), page)
}

/// Patients of one unit, whoever has been there longest first.
type Ward = Vec<(PatientPseudonym, Whereabouts)>;

fn by_unit(point: &PointOfCare, asker: &Asker, patients: &[PatientPseudonym]) -> BTreeMap<Option<UnitId>, Ward> {
    let mut wards: BTreeMap<Option<UnitId>, Ward> = BTreeMap::new();
    for patient in patients {
        let subject = Subject {
            principal: asker.session.principal.clone(),
            patient: Some(*patient),
            device: None,
            session: None,
        };
        let facts = point.plane().world(|world| world.facts(&subject, asker.now));
        let place = Whereabouts::of(facts.patient.as_ref(), asker.now);
        wards.entry(place.unit().cloned()).or_default().push((*patient, place));
    }
    for ward in wards.values_mut() {
        ward.sort_by_key(|(patient, place)| (place.from(), *patient));
    }
    wards
}

fn ward(watch: &Watch, ward: &Ward) -> Markup {
    html! {
        ul.list {
            @for (patient, place) in ward {
                li { div { a href={ (PATIENT) "/" (patient) } { span { (place.words(watch)) } } p { "Patient " (short(*patient)) } } }
            }
        }
    }
}

/// Those who were found, by where they are.
pub(super) fn list(point: &PointOfCare, by: &SignedIn, asker: &Asker, found: &Found) -> Document {
    let watch = frame::watch(point);
    let wards = by_unit(point, asker, &found.patients);
    let body = html! {
        (wristband(by, None))
        @for (unit, patients) in &wards {
            @let name = unit.as_ref().map_or_else(|| "Not in a unit".to_owned(), |unit| asker.unit(unit));
            (sheet(&name, &html! { (pages::number(patients.len() as u64)) }, &ward(&watch, patients)))
        }
        @if let Some(more) = &found.more {
            p { (form::link(form::Weight::Usual, &format!("{PATIENTS}?after={more}"), "More patients")) }
        }
    };
    let lead = html! { "You may " (asker.deed(&found.action)) " of these now. Handrail keeps no names: scan a wristband to be sure who it is." };
    show(point, by, lead, body)
}

/// Nobody: why, and what would help.
pub(super) fn empty(point: &PointOfCare, by: &SignedIn, asker: &Asker) -> Document {
    let tied = point.plane().world(|world| world.patients_tied_to(by.id(), asker.now));
    let action = asker.looks_first().into_iter().next();
    let told = tied.first().zip(action).map(|(patient, action)| asker.foresee(asker.about(&action, *patient)));
    let (made, answer) = told.filter(|(made, _)| made.effect == events::decision::Effect::Deny).unzip();
    let remedies = made.map(|made| made.remedies).unwrap_or_default();
    let body = html! {
        (wristband(by, None))
        section.sheet {
            header { h2 { "Nobody to show" } }
            div.pad {
                @if let Some(answer) = &answer {
                    @for reason in &answer.reasons { p { (reason) } }
                } @else {
                    @for sentence in unconnected(point, by, asker) { p { (sentence) } }
                }
                div.row {
                    @if remedies.iter().any(|remedy| matches!(remedy, Remedy::StepUp { .. })) {
                        (form::link(form::Weight::Main, "/bedside/step-up", "Touch your key"))
                    }
                    @if remedies.contains(&Remedy::Vouch) { (form::link(form::Weight::Usual, HELP, "Ask a colleague")) }
                }
                (help_desk(asker))
            }
        }
    };
    let lead = html! { "Nobody is in your care here at the moment, as far as Handrail knows." };
    show(point, by, lead, body)
}

/// What somebody with whom nothing connects anybody can find out by themselves.
fn unconnected(point: &PointOfCare, by: &SignedIn, asker: &Asker) -> Vec<String> {
    let subject = Subject { principal: by.id().clone(), patient: None, device: None, session: None };
    let facts = point.plane().world(|world| world.facts(&subject, asker.now));
    let mut shifts = facts.shifts.iter().filter(|shift| shift.from <= asker.now && asker.now < shift.until);
    let first = match shifts.next() {
        Some(shift) => format!(
            "You are on shift in {}, and no patient there or elsewhere is yours by the team, an order or an appointment.",
            asker.unit(&shift.unit)
        ),
        None => {
            "The rota has no shift for you now. If you are working, ask whoever keeps the rota to enter you.".to_owned()
        }
    };
    vec![
        first,
        "If a patient is missing here, scan their wristband: the page says what you may do, and what helps.".to_owned(),
    ]
}

fn help_desk(asker: &Asker) -> Markup {
    let owner = &asker.engine.charter().owners().help_desk;
    html! {
        @if let Some(desk) = asker.engine.named(Role::Help, owner) {
            p { "If that does not help, call " (desk.name) ": " (desk.contact) "." }
        }
    }
}

/// A wristband that cannot be one, told from what was read alone.
pub(super) fn misread(point: &PointOfCare, by: &SignedIn, asker: &Asker, error: &NumberError) -> Document {
    let wrong = match error {
        NumberError::Slip => "One letter of this number is wrong. Look at the wristband once more.",
        _ => "This is no record number. Scan the wristband again, or type what stands on it.",
    };
    let body = html! { (wristband(by, Some(wrong))) p { (form::link(form::Weight::Usual, PATIENTS, "My patients")) } (help_desk(asker)) };
    show(point, by, html! { "Nothing was opened." }, body)
}

/// Somebody whose roles do nothing for patients here.
pub(super) fn nobody(point: &PointOfCare, by: &SignedIn) -> Document {
    let why =
        "Your roles here do nothing for patients, so there is nobody to show. If that is wrong, call the service desk.";
    frame::trouble(
        point,
        by,
        StatusCode::FORBIDDEN,
        "No patients for you here",
        why,
        (frame::ME, "My sessions and keys"),
    )
}
