//! How one decision is explained: the answer in plain words first, then why, what was true, what would have helped, who answers for it, and
//! the proof.

use crate::evidence::page as evidence_page;
use crate::evidence::proof::Proof;
use crate::frame;
use charter::Charter;
use decision::{Accountable, Engine, Explanation};
use events::decision::{Effect, Made, Obligation, Values};
use maud::{Markup, html};
use pages::{Tone, Watch, badge, definitions, note_list, sheet, tag, verdict};
use serde_json::Value;

/// What the page shows.
pub(super) struct Explained<'a> {
    pub(super) made: &'a Made,
    pub(super) proof: &'a Proof,
    /// The engine over the charter it was decided by.
    pub(super) engine: &'a Engine,
    /// What people call whoever asked, as far as is known today.
    pub(super) who: Option<String>,
    /// The permit is live now.
    pub(super) live: bool,
    pub(super) watch: &'a Watch,
}

/// The page.
pub(super) fn body(of: &Explained<'_>) -> Markup {
    let explanation = of.engine.explain(of.made);
    html! {
        (head(of, &explanation))
        @if let Some(earlier) = of.made.supersedes {
            (pages::banner(Tone::Note, "This answer replaced an earlier one", &html! {
                "Facts changed while the first was being recorded, or after it was given. " a href={ "/decisions/" (earlier) } { "Show decision " (earlier) }
            }))
        }
        div.beside {
            div {
                (sheet("Why", &html! { "the policies that decided" }, &why(of.engine.charter(), of.made.effect, &explanation)))
                @if of.made.effect == Effect::Deny { (sheet("What would have helped", &html! { "cheapest for care first" }, &remedies(&explanation))) }
                @if !explanation.obligations.is_empty() { (sheet("What the permit obliges to", &html! {}, &obligations(&explanation, of.watch))) }
                (sheet("What was true", &html! { "as the policies saw it" }, &facts(&explanation)))
                (asserted(of.made))
                (sheet("The request", &html! {}, &html! { div.pad { (request(of)) } }))
            }
            div {
                (sheet("Who answers for it", &html! {}, &people(&explanation)))
                (sheet("What they were told", &html! {}, &told(of)))
            }
        }
        (evidence_page::evidence(of.proof, of.watch))
    }
}

fn head(of: &Explained<'_>, explanation: &Explanation) -> Markup {
    let charter = of.engine.charter();
    let (tone, word) = match of.made.effect {
        Effect::Permit => (Tone::Good, "Permitted"),
        Effect::Deny => (Tone::Bad, "Denied"),
    };
    let asker = &of.made.question.principal.id;
    let lead = html! {
        @if of.who.is_some() { "Signed in as " (asker) ". " }
        @if of.live { "This permit is live: it ends when the facts it rests on change. " }
        @else if of.made.effect == Effect::Deny && !explanation.remedies.is_empty() {
            "They were offered " (match explanation.remedies.len() { 1 => "one way".to_owned(), count => format!("{count} ways") }) " to go on."
        }
    };
    let mut meta = vec![of.watch.exact(of.made.decided_at)];
    if let Some(workflow) = &of.made.workflow {
        meta.push(html! { (frame::workflow_title(charter, workflow)) });
    }
    meta.push(html! { "entry " (of.proof.leaf.seq) });
    let headline = match &of.who {
        Some(who) => explanation.headline.replacen(asker.as_str(), who, 1),
        None => explanation.headline.clone(),
    };
    verdict(tone, word, &headline, &lead, &meta)
}

/// The policies that decided, or what is telling where none did.
pub(crate) fn why(charter: &Charter, effect: Effect, explanation: &Explanation) -> Markup {
    let policy = |id: &events::PolicyId, tone, text: &str, note: &str| {
        let known = charter.policy(id);
        let body = html! {
            p.row.small {
                (tag(id.as_str()))
                @if let Some(known) = known { span.quiet { (known.file) ":" (known.line) } }
                @if !note.is_empty() { (badge(Tone::Warn, note)) }
            }
            @if let Some(known) = known { p.small { span.quiet { "Owned by " } (frame::owner(charter, &known.owner)) } }
        };
        (tone, html! { (text) }, body)
    };
    let tone = if effect == Effect::Permit { Tone::Good } else { Tone::Bad };
    let decided = explanation.reasons.iter().map(|reason| policy(&reason.policy, tone, &reason.text, ""));
    let failed = explanation
        .errors
        .iter()
        .map(|reason| policy(&reason.policy, Tone::Warn, &reason.text, "could not be evaluated"));
    let notes: Vec<_> = decided.chain(failed).collect();
    if notes.is_empty() {
        let telling = ["Refused", "Asker", "Connection with the patient", "Shift", "Emergency"];
        let body = html! {
            p { "Access is denied unless a policy permits it, and none did in these circumstances:" }
            ul.bullets {
                @for fact in explanation.facts.iter().filter(|fact| telling.contains(&fact.label)) {
                    li { (fact.label) ": " (fact.text) }
                }
            }
        };
        return note_list([(Tone::Bad, html! { "No policy permits this" }, body)]);
    }
    note_list(notes)
}

/// What would have helped.
pub(crate) fn remedies(explanation: &Explanation) -> Markup {
    if explanation.remedies.is_empty() {
        return note_list([(
            Tone::Plain,
            html! { "Nothing they could do at once" },
            html! { p { "No remedy this workflow offers would have turned the answer." } },
        )]);
    }
    note_list(explanation.remedies.iter().map(|offer| (Tone::Note, html! { (offer.text) }, html! {})))
}

fn obligations(explanation: &Explanation, watch: &Watch) -> Markup {
    note_list(explanation.obligations.iter().map(|duty| {
        let text = match &duty.obligation {
            Obligation::AskAgain { at } => html! { "Ask again by " (watch.exact(*at)) "." },
            _ => html! { (duty.text) },
        };
        (Tone::Note, text, html! {})
    }))
}

/// What was true.
pub(crate) fn facts(explanation: &Explanation) -> Markup {
    html! { div.pad { (definitions(explanation.facts.iter().map(|fact| (fact.label, html! { (sentence(&fact.text)) })))) } }
}

/// With a capital letter, as a value in a list stands by itself.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    // An id such as `ws-3a-05` stays as it is written.
    let first_word_is_id = text.split([' ', ':', ',']).next().is_some_and(|word| word.contains(['-', '_', '.']));
    match chars.next() {
        Some(first) if !first_word_is_id => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

fn asserted(made: &Made) -> Markup {
    let parts: [(&str, &Values); 4] = [
        ("About who asks", &made.question.asserted.subject),
        ("About the action", &made.question.asserted.action),
        ("About what it is on", &made.question.asserted.resource),
        ("About the circumstances", &made.question.asserted.context),
    ];
    let sent: Vec<_> = parts.into_iter().filter(|(_, values)| !values.is_empty()).collect();
    html! {
        @if !sent.is_empty() {
            (sheet("What the calling system said", &html! { "believed because the charter lets it say so" }, &html! {
                div.pad {
                    (definitions(sent.into_iter().map(|(label, values)| (label, html! {
                        @for (name, value) in values { div { span.quiet { (name) ": " } (plainly(value)) } }
                    }))))
                }
            }))
        }
    }
}

/// A value as people read it: texts without quotes, the parts of a whole one after the other.
fn plainly(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plainly).collect::<Vec<_>>().join(", "),
        Value::Object(parts) => {
            let parts = parts.iter().map(|(name, part)| format!("{} {}", name.replace('_', " "), plainly(part)));
            parts.collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// Somebody with everything they answer for.
struct Person<'a> {
    first: &'a Accountable,
    roles: Vec<String>,
}

/// Who answers for it.
pub(crate) fn people(explanation: &Explanation) -> Markup {
    let mut people: Vec<Person<'_>> = Vec::new();
    for accountable in &explanation.accountable {
        let role = accountable.role.to_string();
        match people.iter_mut().find(|person| person.first.owner == accountable.owner) {
            Some(person) => person.roles.push(role),
            None => people.push(Person { first: accountable, roles: vec![role] }),
        }
    }
    html! {
        ul.list {
            @for person in people {
                li.note {
                    (pages::icon(pages::Icon::Person))
                    h3 { (person.first.name) }
                    div {
                        p { (sentence(&person.roles.join("; "))) }
                        p.small {
                            @if person.first.person != person.first.name { (person.first.person) " · " }
                            (contact(&person.first.contact))
                        }
                    }
                }
            }
        }
    }
}

/// A contact; the mail address in it as a link.
fn contact(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split(", ").enumerate() {
            @if place > 0 { ", " }
            @if part.contains('@') && !part.contains(char::is_whitespace) { a href={ "mailto:" (part) } { (part) } } @else { (part) }
        }
    }
}

fn told(of: &Explained<'_>) -> Markup {
    let answer = of.engine.answer(of.made);
    html! {
        div.pad {
            p { strong { (answer.headline) } }
            @for reason in &answer.reasons { p { (reason) } }
            @if !answer.remedies.is_empty() {
                ol.steps { @for offer in &answer.remedies { li { (offer.text) } } }
            }
            @if of.made.effect == Effect::Deny {
                @if let Some(contact) = &answer.contact { p.small.quiet { "Contact: " (contact.name) ", " (contact.contact) } }
            }
        }
    }
}

fn request(of: &Explained<'_>) -> Markup {
    let (made, draft) = (of.made, &of.proof.leaf.draft);
    let charter = of.engine.charter();
    let mut items: Vec<(&str, Markup)> = vec![
        (
            "Who",
            html! { (made.question.principal.id) @if let Some(who) = &of.who { ", " (who) } div.small.quiet { (made.question.principal.kind) } },
        ),
        (
            "Wanted to",
            html! { (frame::action_title(charter, &made.question.action)) div.small.quiet { (made.question.action) } },
        ),
        ("On", html! { code { (made.question.resource.id) } div.small.quiet { (made.question.resource.kind) } }),
        ("Asked by", html! { (draft.actor) }),
    ];
    if let Some(patient) = made.patient
        && made.question.resource.id.as_str() != patient.to_string()
    {
        items.push(("The record is now part of", html! { code { (patient) } }));
    }
    if let Some(place) = &draft.place {
        items.push((
            "Place",
            html! { (charter.hospital().units.get(place).map_or_else(|| place.to_string(), |unit| unit.name.clone())) },
        ));
    }
    if let Some(purpose) = &draft.purpose {
        items.push(("Purpose", html! { (purpose) }));
    }
    if let Some(request) = &draft.request {
        items.push(("Request id", html! { code { (request) } }));
    }
    items.push(("Decided", of.watch.exact(made.decided_at)));
    if let Some(until) = made.holds_until {
        items.push(("Time alone could change it from", of.watch.exact(until)));
    }
    items.push(("The world it was judged in", html! { "every entry before " (made.world_seq) }));
    items.push(("The charter it was judged by", html! { code { (made.charter) } }));
    definitions(items)
}
