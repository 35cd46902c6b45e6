//! The page of a patient, and the page of an answer.

use super::Line;
use crate::asking::Asker;
use crate::frame::{self, HELP, PATIENT, PATIENTS};
use crate::whereabouts::{Whereabouts, short};
use decision::explain::Offer;
use decision::{Answer, Unsaid};
use events::decision::{Effect, Made, Obligation, Remedy};
use events::{ActionName, PatientPseudonym};
use maud::{Markup, html};
use pages::{Bedside, Document, Tone, Watch, form, kept_form, sheet, verdict};
use signin::point::{PointOfCare, SignedIn};
use world::Subject;

/// A button that asks: the action, and what is said of it.
fn asks(main: bool, value: &str, label: &str) -> Markup {
    html! { button.button.main[main] type="submit" name="ask" value=(value) { (label) } }
}

fn path(patient: PatientPseudonym) -> String {
    format!("{PATIENT}/{patient}")
}

/// Denied actions that have the same reasons and the same help, told once.
struct Group<'a> {
    lines: Vec<&'a Line>,
}

fn grouped(lines: &[Line]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for line in lines.iter().filter(|line| line.made.effect == Effect::Deny) {
        let alike = |other: &Line| {
            other.answer.reasons == line.answer.reasons
                && other.made.remedies == line.made.remedies
                && other.answer.contact == line.answer.contact
        };
        match groups.iter_mut().find(|group| group.lines.first().is_some_and(|other| alike(other))) {
            Some(group) => group.lines.push(line),
            None => groups.push(Group { lines: vec![line] }),
        }
    }
    groups
}

/// What I may do for a patient now, and what for the rest would help.
pub(super) fn overview(
    point: &PointOfCare,
    by: &SignedIn,
    asker: &Asker,
    patient: PatientPseudonym,
    lines: &[Line],
    why: &str,
) -> Document {
    let open: Vec<&Line> = lines.iter().filter(|line| line.made.effect == Effect::Permit).collect();
    let buttons = html! {
        (why_field(why))
        section.sheet {
            header { h2 { "You may now" } }
            div.pad {
                @if open.is_empty() { p { "Nothing at the moment. What would help stands below." } }
                div.row { @for line in &open { (asks(true, line.action.as_str(), &frame::sentence(&asker.deed(&line.action)))) } }
            }
        }
        @let groups = grouped(lines);
        @if !groups.is_empty() {
            (sheet("Not now, and what helps", &html! {}, &html! {
                ul.list { @for group in &groups { li { div { (denied(asker, group)) } } } }
            }))
        }
    };
    let body = html! {
        (kept_form(&path(patient), &by.visitor.form_token(), &buttons))
        (frame::ways(point, by, ""))
    };
    let title = format!("Patient {}", short(patient));
    // Where somebody is is told to those who may do something for them, and not to whoever scanned a number.
    let place = (!open.is_empty()).then(|| place(point, asker, patient, &frame::watch(point)));
    let lead = html! {
        @if let Some(place) = place { (place) " " } @else { "Handrail does not say where, or whether anybody has this number. " }
        "Each button is decided and recorded."
    };
    let page = Bedside { title: &title, lead: Some(lead), body, ..Bedside::default() };
    point.page_with(&by.visitor, Some(&by.session), page)
}

fn place(point: &PointOfCare, asker: &Asker, patient: PatientPseudonym, watch: &Watch) -> Markup {
    let principal = asker.session.principal.clone();
    let subject = Subject { principal, patient: Some(patient), device: None, session: None };
    let facts = point.plane().world(|world| world.facts(&subject, asker.now));
    let place = Whereabouts::of(facts.patient.as_ref(), asker.now);
    html! { @if let Some(unit) = place.unit() { (asker.unit(unit)) ". " } (place.words(watch)) "." }
}

fn why_field(why: &str) -> Markup {
    html! {
        div.field {
            label for="why" { "Why, in your own words (if you like)" }
            textarea id="why" name="why" rows="1" maxlength="400" { (why) }
        }
    }
}

fn denied(asker: &Asker, group: &Group<'_>) -> Markup {
    let Some(first) = group.lines.first() else { return html! {} };
    let titles: Vec<String> = group.lines.iter().map(|line| asker.deed(&line.action)).collect();
    html! {
        h3 { (frame::sentence(&titles.join(", "))) }
        @for reason in &first.answer.reasons { p { (reason) } }
        (others(&first.answer))
        div.row { @for line in &group.lines { (buttons(asker, &line.action, &line.made)) } (word(&first.made)) }
    }
}

/// Remedies that somebody else has a hand in, as words.
fn others(answer: &Answer) -> Markup {
    let contact = answer.contact.as_ref().map(|contact| format!("{}: {}", contact.name, contact.contact));
    html! {
        @for Offer { remedy, text } in &answer.remedies {
            @match remedy {
                Remedy::HelpDesk { .. } => p { (text) },
                Remedy::BreakGlass | Remedy::Elevation { .. } => p {
                    (text) @if let Some(contact) = &contact { " It takes a call: " (contact) "." }
                },
                Remedy::Narrow { .. } | Remedy::StepUp { .. } | Remedy::Vouch => {},
            }
        }
    }
}

/// A colleague's word, as a button.
fn word(made: &Made) -> Markup {
    html! { @if made.remedies.contains(&Remedy::Vouch) { (form::link(form::Weight::Usual, HELP, "Ask a colleague")) } }
}

/// Remedies that are in one's own hands, as buttons.
fn buttons(asker: &Asker, action: &ActionName, made: &Made) -> Markup {
    let deed = asker.deed(action);
    html! {
        @for remedy in &made.remedies {
            @match remedy {
                Remedy::StepUp { .. } => (asks(false, action.as_str(), &format!("Touch your key and {deed}"))),
                Remedy::Narrow { action } => (asks(false, action.as_str(), &frame::sentence(&asker.deed(action)))),
                _ => {},
            }
        }
        @if let Some(Unsaid { properties, step_up }) = Unsaid::of(made) {
            @let said = properties.join(",");
            @let touch = if step_up.is_some() { ", touch your key" } else { "" };
            (asks(false, &format!("{action}:{said}"), &format!("It is {}{touch}: {deed}", said.replace(',', " and ").replace('_', " "))))
        }
    }
}

/// The answer to what was pressed.
pub(super) fn outcome(
    point: &PointOfCare,
    by: &SignedIn,
    asker: &Asker,
    patient: PatientPseudonym,
    given: &plane::Answer,
    made: &Made,
) -> Document {
    let (answer, watch) = (asker.engine.answer(made), frame::watch(point));
    let permits = made.effect == Effect::Permit;
    let (tone, seal) = if permits { (Tone::Good, "Permitted") } else { (Tone::Bad, "Not permitted") };
    let entry = if given.spooled().is_some() {
        html! { "Recorded at this node; the log has it later" }
    } else {
        html! { "Entry " (given.entry()) }
    };
    let lead = html! { @for reason in &answer.reasons { (reason) " " } };
    let body = html! {
        (verdict(tone, seal, &answer.headline, &lead, &[entry, watch.exact(made.decided_at)]))
        @if permits { (duties(asker, made, &watch)) } @else { (help(point, by, asker, patient, &answer, made)) }
        nav.row aria-label="Next" {
            (form::link(form::Weight::Main, &path(patient), "Back to the patient"))
            (form::link(form::Weight::Usual, PATIENTS, "My patients"))
        }
    };
    let page = Bedside { title: &answer.headline, bare_head: true, body, ..Bedside::default() };
    point.page_with(&by.visitor, Some(&by.session), page)
}

/// Until when, and what it obliges to.
fn duties(asker: &Asker, made: &Made, watch: &Watch) -> Markup {
    let duties = asker.engine.explain(made).obligations;
    html! {
        @if !duties.is_empty() {
            (sheet("What goes with it", &html! {}, &html! {
                ul.list {
                    @for duty in &duties {
                        li { div { p {
                            @if let Obligation::AskAgain { at } = &duty.obligation { "Good until " (watch.short(*at)) ", then it is asked again." }
                            @else { (duty.text) }
                        } } }
                    }
                }
            }))
        }
    }
}

fn help(
    point: &PointOfCare,
    by: &SignedIn,
    asker: &Asker,
    patient: PatientPseudonym,
    answer: &Answer,
    made: &Made,
) -> Markup {
    let level = made.remedies.iter().find_map(|remedy| match remedy {
        Remedy::StepUp { level } => Some(*level),
        _ => None,
    });
    let unsure = level.filter(|level| point.surest_level_in(&by.session) < *level);
    let action = &made.question.action;
    let inner = html! {
        div.row { (buttons(asker, action, made)) (word(made)) }
        (others(answer))
    };
    html! {
        (sheet("What helps", &html! {}, &html! {
            div.pad {
                @if let Some(level) = unsure {
                    p { "This needs " (method(asker, level)) ", and none of yours is one. The service desk can give you one." }
                } @else if let Some(level) = level {
                    p { "Your last touch was not sure enough. Touch " (method(asker, level)) "." }
                }
                (form::post(&path(patient), &by.visitor.form_token(), &inner))
                @if let Some(contact) = &answer.contact { p { "Who answers for this: " (contact.name) ", " (contact.contact) "." } }
            }
        }))
    }
}

/// What proves somebody at a level, as the charter calls it.
fn method(asker: &Asker, level: u8) -> String {
    let methods = &asker.engine.charter().assurance().methods;
    let sound = methods.values().filter(|method| method.phishing_resistant && method.level >= level);
    let title = sound.min_by_key(|method| method.level).map(|method| method.title.clone());
    title.unwrap_or_else(|| format!("a proof of level {level}"))
}
