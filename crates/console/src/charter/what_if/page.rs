//! The form, and the answer there would be.

use super::Sent;
use crate::decisions::explained_page as explained;
use crate::frame;
use charter::Charter;
use decision::{Engine, Explanation, search};
use events::decision::{Effect, Made};
use events::{PatientPseudonym, TypeName};
use maud::{Markup, html};
use pages::form::{self, Field, Weight};
use pages::{Tone, sheet, verdict};
use plane::Proposal;

/// What the page is made from.
pub(super) struct View<'a> {
    pub(super) sent: &'a Sent,
    /// The engine that is asked.
    pub(super) engine: &'a Engine,
    /// Proposals that could still be signed.
    pub(super) proposals: &'a [Proposal],
    pub(super) answer: Option<Answer<'a>>,
    pub(super) form_token: &'a str,
}

/// What would be decided.
pub(super) struct Answer<'a> {
    pub(super) made: &'a Made,
    /// What people call whoever would ask.
    pub(super) name: Option<String>,
    /// The patient that was named.
    pub(super) patient: Option<PatientPseudonym>,
}

/// Everything on the page, or under its heading where nothing was asked yet.
pub(super) fn body(view: &View<'_>) -> Markup {
    let form = sheet(
        "The question, and what to imagine",
        &html! { "empty: as it is now" },
        &html! { div.pad { (asking(view)) } },
    );
    let Some(answer) = &view.answer else { return form };
    let explanation = view.engine.explain(answer.made);
    let effect = answer.made.effect;
    html! {
        (head(view, answer, &explanation))
        (form)
        div.beside {
            div {
                (sheet("Why", &html! { "the policies that would decide" }, &explained::why(view.engine.charter(), effect, &explanation)))
                @if effect == Effect::Deny { (sheet("What would help", &html! { "cheapest for care first" }, &explained::remedies(&explanation))) }
                (sheet("What would be true", &html! { "as the policies would see it" }, &explained::facts(&explanation)))
            }
            div { (sheet("Who answers for it", &html! {}, &explained::people(&explanation))) }
        }
    }
}

fn head(view: &View<'_>, answer: &Answer<'_>, explanation: &Explanation) -> Markup {
    let (tone, word) = match answer.made.effect {
        Effect::Permit => (Tone::Good, "Would be permitted"),
        Effect::Deny => (Tone::Bad, "Would be denied"),
    };
    let asker = &answer.made.question.principal.id;
    let headline = match &answer.name {
        Some(name) => explanation.headline.replacen(asker.as_str(), name, 1),
        None => explanation.headline.clone(),
    };
    let lead = html! { "Nobody gets anything by this answer. That you asked is recorded." };
    let mut meta = Vec::new();
    if let Some(workflow) = &answer.made.workflow {
        meta.push(html! { (frame::workflow_title(view.engine.charter(), workflow)) });
    }
    meta.push(if view.sent.charter.is_empty() {
        html! { "by the charter in force" }
    } else {
        html! { "by the charter of proposal " (view.sent.charter) }
    });
    verdict(tone, word, &headline, &lead, &meta)
}

fn asking(view: &View<'_>) -> Markup {
    let (sent, charter) = (view.sent, view.engine.charter());
    let patient = view.answer.as_ref().and_then(|answer| answer.patient);
    let field = |name, label, value| Field { name, label, value, ..Field::default() };
    let body = html! {
        div.stack {
            @if let Some(patient) = patient {
                input type="hidden" name="patient" value=(patient);
                p.row { span { "Patient " code { (patient) } ", unless another number is typed" } a.button.plain href="/charter/what-if" { "Begin anew" } }
            } @else {
                p.quiet { "A person goes by the id that systems know, such as n-amara. Without a record number it is about a patient nobody knows." }
            }
            div.filters {
                (field("person", "Person", &sent.person).text())
                (field("action", "Asks to", &sent.action).select(actions(view.engine)))
                (Field { optional: true, ..field("record_number", "Record number", "") }.text())
                (field("charter", "By the charter", &sent.charter).select(charters(view.proposals)))
            }
            p.quiet { "Imagine otherwise than it is now:" }
            (imagining(sent, charter))
            (form::button(Weight::Main, "What would be decided?"))
        }
    };
    form::post("/charter/what-if", view.form_token, &body)
}

/// The facts that can be imagined otherwise.
fn imagining(sent: &Sent, charter: &Charter) -> Markup {
    let field = |name, label, value| Field { name, label, value, ..Field::default() };
    let shifts = units(charter, "Not working", [("on", "Working in"), ("call", "On call for")]);
    let places = units(charter, "Not in the house", [("in", "In"), ("expected", "On the way to")]);
    html! {
        div.filters {
            (field("role", "Their role", &sent.role).select(roles(charter)))
            (field("shift", "Their shift", &sent.shift).select(shifts))
            (field("place", "Where the patient is", &sent.place).select(places))
            (field("team", "Part in the treatment", &sent.team).select([("", "As it is"), ("on", "On the team"), ("off", "None by name")]))
            (field("order", "What was ordered for the patient", &sent.order).select(orders(charter)))
            (field("appointment", "Appointment of the patient", &sent.appointment).select(appointments(charter)))
            (field("label", "Sensitivity of the record", &sent.label).select(labels(charter)))
            (field("device", "At a workstation", &sent.device).select([
                ("", "None named"),
                ("healthy", "Healthy"),
                ("degraded", "Out of date"),
                ("failed", "Failed its check"),
                ("unchecked", "Never checked"),
                ("stranger", "Not the hospital's"),
            ]))
            (field("level", "Signed in at level", &sent.level).select([("", "Not said"), ("1", "1"), ("2", "2"), ("3", "3")]))
            (field("feeds", "What feeds tell us", &sent.feeds).select([
                ("", "As it is"),
                ("heard", "Both heard just now"),
                ("adt:60", "Patient feed silent for an hour"),
                ("adt:300", "Patient feed silent for five hours"),
                ("rota:2880", "Rota silent for two days"),
            ]))
            (field("emergency", "Emergency declared", &sent.emergency).select(emergencies(charter)))
            (field("held", "Held for a while", &sent.held).select(held(charter)))
        }
    }
}

/// What people can do to patients and their records, by title.
fn actions(engine: &Engine) -> Vec<(String, String)> {
    let charter = engine.charter();
    let kinds = TypeName::new("Person").ok().zip(charter.systems().patient_types.first());
    let known = kinds.map(|(person, patient)| search::actions(engine, &person, patient)).unwrap_or_default();
    let mut options: Vec<_> =
        known.into_iter().map(|name| (name.to_string(), frame::action_title(charter, &name))).collect();
    options.sort_by(|one, other| one.1.cmp(&other.1));
    options
}

fn charters(proposals: &[Proposal]) -> Vec<(String, String)> {
    let open = proposals.iter().map(|one| (one.number.to_string(), format!("of proposal {}", one.number)));
    std::iter::once((String::new(), "in force".to_owned())).chain(open).collect()
}

fn roles(charter: &Charter) -> Vec<(String, String)> {
    let known = charter.entities().roles.iter().map(|(name, role)| (name.to_string(), role.title.clone()));
    std::iter::once((String::new(), "As registered".to_owned())).chain(known).collect()
}

/// As it is, none, and each unit in some ways.
fn units<const N: usize>(charter: &Charter, none: &str, ways: [(&str, &str); N]) -> Vec<(String, String)> {
    choices(charter, none, [], ways)
}

/// As it is, none, what is about the person, and each unit in some ways.
fn choices<const M: usize, const N: usize>(
    charter: &Charter,
    none: &str,
    own: [(&str, &str); M],
    ways: [(&str, &str); N],
) -> Vec<(String, String)> {
    let fixed = [("", "As it is"), ("none", none)].into_iter().chain(own);
    let mut options: Vec<_> = fixed.map(|(value, says)| (value.to_owned(), says.to_owned())).collect();
    for (way, says) in ways {
        let each = charter.hospital().units.iter();
        options.extend(each.map(|(id, unit)| (format!("{way}:{id}"), format!("{says} {}", unit.name))));
    }
    options
}

fn orders(charter: &Charter) -> Vec<(String, String)> {
    let own = [
        ("performing", "They are to do it"),
        ("ordered", "They ordered it, not done yet"),
        ("performed:60", "They did it an hour ago"),
        ("performed:1440", "They did it yesterday"),
    ];
    choices(charter, "Nothing", own, [("unit", "To be done by")])
}

fn appointments(charter: &Charter) -> Vec<(String, String)> {
    let own = [
        ("now", "With them, now"),
        ("ahead:60", "With them, in an hour"),
        ("ahead:1440", "With them, tomorrow"),
        ("over:60", "With them, over for an hour"),
        ("over:1440", "With them, yesterday"),
    ];
    choices(charter, "None", own, [("unit", "Now, in")])
}

fn emergencies(charter: &Charter) -> Vec<(String, String)> {
    units(charter, "None", [("in", "In")])
}

fn labels(charter: &Charter) -> Vec<(String, String)> {
    let mut options = vec![(String::new(), "As it is".to_owned()), ("none".to_owned(), "None".to_owned())];
    let whole = charter.entities().labels.iter().filter(|(_, meaning)| !meaning.prefix);
    options.extend(whole.map(|(label, meaning)| (label.to_string(), meaning.title.clone())));
    options
}

fn held(charter: &Charter) -> Vec<(String, String)> {
    let mut options = vec![
        (String::new(), "Nothing".to_owned()),
        ("break_glass".to_owned(), "Broken glass for this patient".to_owned()),
        ("vouched".to_owned(), "A colleague's voucher".to_owned()),
    ];
    let entitlements = charter.elevation().entitlements.iter();
    options.extend(entitlements.map(|(label, one)| (format!("elevation:{label}"), one.title.clone())));
    options
}
