//! How the search and its finds look.

use super::routes::PAGE_ROWS;
use super::wanted::Wanted;
use crate::frame;
use ::audit::find::Findings;
use ::audit::tell::Access;
use charter::Charter;
use events::Leaf;
use maud::{Markup, html};
use pages::form::{self, Field, Weight};
use pages::{Column, Icon, Paging, Table, Tone, Watch, banner, effect, empty, number, paging, sheet, tag};

/// Everything the page shows.
pub(super) struct Seen<'a> {
    pub(super) wanted: &'a Wanted,
    pub(super) findings: &'a Findings,
    /// The decisions among them, told.
    pub(super) accesses: &'a [Access],
    pub(super) charter: &'a Charter,
    pub(super) watch: &'a Watch,
    pub(super) form_token: &'a str,
}

/// Everything under the heading.
pub(super) fn body(seen: &Seen<'_>) -> Markup {
    let (wanted, findings) = (seen.wanted, seen.findings);
    let behind = wanted.asked && findings.complete_to < findings.entries;
    html! {
        (sheet("Look for", &html! {}, &html! { div.pad { (search_form(seen)) } }))
        @if behind {
            (banner(Tone::Warn, &format!("Searched up to entry {} of {}", number(findings.complete_to.0), number(findings.entries.0)), &html! {
                "The search file is being brought up to the log. Entries after that are not found yet: look again in a moment."
            }))
        }
        @if wanted.asked {
            (sheet("Found", &remark(seen), &html! {
                @if findings.leaves.is_empty() {
                    (empty(Icon::Quiet, "Nothing found", "No entry fits. A record number nobody knows and one that nobody asked about look alike here."))
                } @else { (table(seen)) }
                (paging(&turns(seen)))
            }))
        }
    }
}

fn remark(seen: &Seen<'_>) -> Markup {
    html! { span.row {
        "newest first"
        a href=(seen.wanted.at(None, None).href("/audit.csv")) { "Download as CSV" }
    } }
}

fn search_form(seen: &Seen<'_>) -> Markup {
    let question = &seen.wanted.question;
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let person = text(question.person.as_ref().map(|person| person.as_str()));
    let (from, until) = (text(seen.wanted.from.as_deref()), text(seen.wanted.until.as_deref()));
    let flag = |name: &'static str, label: &'static str, set: bool| {
        let value = if set { "1" } else { "" };
        (Field { name, label, value, optional: true, ..Field::default() }, set)
    };
    let (emergency, _) = flag("emergency", "Emergency access", question.emergency);
    let (everything, _) = flag("everything", "Entries", seen.wanted.everything);
    html! {
        @if let Some(patient) = question.patient {
            p.row {
                span { "Patient " code { (patient) } }
                a.button href={ "/audit/account?patient=" (patient) } { "Account to print" }
                a.button.plain href=(seen.wanted.of_anybody().href("/audit")) { "Any patient" }
            }
        }
        (form::post("/audit", seen.form_token, &html! {
            @if let Some(patient) = question.patient { input type="hidden" name="patient" value=(patient); }
            div.filters {
                (Field { name: "record_number", label: "Record number", optional: true, hint: Some("turned into a pseudonym, kept nowhere"), ..Field::default() }.text())
                (Field { name: "person", label: "Person", value: &person, optional: true, hint: Some("the id systems know, such as n-amara"), ..Field::default() }.text())
                (workflows(seen))
                (units(seen))
                (Field { name: "effect", label: "Answer", value: seen.wanted.effect().unwrap_or_default(), ..Field::default() }
                    .select([("", "Any"), ("permit", "Permitted"), ("deny", "Denied")]))
                (emergency.select([("", "Any access"), ("1", "Emergency only")]))
                (everything.select([("", "Decisions"), ("1", "Everything")]))
                (Field { name: "from", label: "From", value: &from, optional: true, ..Field::default() }.date())
                (Field { name: "until", label: "Until", value: &until, optional: true, ..Field::default() }.date())
                (form::button(Weight::Main, "Search"))
            }
        }))
    }
}

fn workflows(seen: &Seen<'_>) -> Markup {
    let chosen = seen.wanted.question.workflow.as_ref().map_or("", |name| name.as_str());
    let known = seen.charter.workflows().iter().map(|workflow| (workflow.name.to_string(), workflow.title.clone()));
    Field { name: "workflow", label: "Workflow", value: chosen, ..Field::default() }.select(options(chosen, known))
}

fn units(seen: &Seen<'_>) -> Markup {
    let chosen = seen.wanted.question.unit.as_ref().map_or("", |unit| unit.as_str());
    let known = seen.charter.hospital().units.iter().map(|(id, unit)| (id.to_string(), unit.name.clone()));
    Field { name: "unit", label: "Unit", value: chosen, ..Field::default() }.select(options(chosen, known))
}

/// Any, those known, and the chosen one even if it is not known any more.
fn options(chosen: &str, known: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut options = vec![(String::new(), "Any".to_owned())];
    options.extend(known);
    if !chosen.is_empty() && !options.iter().any(|(name, _)| name == chosen) {
        options.push((chosen.to_owned(), format!("{chosen} (not in this charter)")));
    }
    options
}

fn table(seen: &Seen<'_>) -> Table {
    let mut table = Table::new(
        "Entries found, newest first",
        [
            Column::tight("When"),
            Column::tight("Answer"),
            Column::text("Who, and what"),
            Column::text("Patient and place"),
            Column::text("On which basis"),
            Column::number("Entry"),
        ],
    );
    for leaf in &seen.findings.leaves {
        match seen.accesses.iter().find(|access| access.entry == leaf.seq) {
            Some(access) => table.row(decision(access, seen)),
            None => table.row(other(leaf, seen)),
        }
    }
    table
}

fn decision(access: &Access, seen: &Seen<'_>) -> [Markup; 6] {
    [
        seen.watch.short(access.at),
        effect(access.effect),
        html! {
            a.cover href={ "/decisions/" (access.entry) } { (access.name.as_deref().unwrap_or(access.who.as_str())) }
            div.small { (access.did) }
            div.small.quiet { @if access.name.is_some() { (access.who) ", " } (access.roles.join(", ")) @if access.own { " · asked again by Handrail" } }
        },
        html! {
            @if let Some(patient) = &access.patient { (frame::short_patient(patient)) }
            @if let Some(place) = &access.place { div.small.quiet { (place) } }
        },
        html! {
            @if let Some(emergency) = access.emergency { div { (pages::badge(Tone::Warn, emergency.words())) } }
            div.row { @for policy in &access.policies { (tag(policy.as_str())) } }
            @if let Some(purpose) = &access.purpose { div.small.quiet { "for " (purpose) } }
        },
        html! { (number(access.entry.0)) },
    ]
}

fn other(leaf: &Leaf, seen: &Seen<'_>) -> [Markup; 6] {
    let draft = &leaf.draft;
    [
        seen.watch.short(leaf.recorded_at),
        html! {},
        html! {
            a.cover href={ "/ledger/" (leaf.seq) } { (draft.event.kind().name) }
            div.small.quiet { "caused by " (draft.actor) }
        },
        html! { @if let Some(patient) = draft.event.patient() { (frame::short_patient(&patient)) } },
        html! {},
        html! { (number(leaf.seq.0)) },
    ]
}

fn turns(seen: &Seen<'_>) -> Paging {
    let (wanted, leaves) = (seen.wanted, &seen.findings.leaves);
    let forwards = wanted.question.after.is_some();
    let full = leaves.len() == PAGE_ROWS && seen.findings.more;
    let newest = leaves.first().map(|leaf| leaf.seq);
    let oldest = leaves.last().map(|leaf| leaf.seq);
    let newer = if forwards { full } else { wanted.question.before.is_some() };
    let older = if forwards { true } else { full };
    Paging {
        shown: format!("{} shown", leaves.len()),
        newer: newest.filter(|_| newer).map(|entry| wanted.at(None, Some(entry)).href("/audit")),
        older: oldest.filter(|_| older).map(|entry| wanted.at(Some(entry), None).href("/audit")),
    }
}
