//! The account of disclosures of one patient, to be printed and read by the patient.

use ::audit::account::{Account, Line};
use ::audit::period;
use events::OperatorId;
use events::decision::Effect;
use maud::{Markup, html};
use pages::form::{self, Field, Weight};
use pages::{
    Column, Document, Icon, Page, Shell, Table, Tone, Watch, badge, banner, definitions, empty, number, sheet,
};
use std::collections::BTreeSet;

/// What the page shows.
pub(super) struct Shown<'a> {
    pub(super) account: &'a Account,
    /// The record number as the officer typed it, if they did.
    pub(super) number: Option<&'a str>,
    pub(super) by: &'a OperatorId,
    pub(super) watch: &'a Watch,
}

const TRAIL: &[(&str, &str)] = &[("/audit", "Audit")];

/// The form that asks whose account to make.
pub(super) fn ask(shell: &Shell, form_token: &str) -> Document {
    let body = sheet(
        "Whose record?",
        &html! {},
        &html! { div.pad {
            (form::post("/audit/account", form_token, &html! { div.filters {
                (Field { name: "record_number", label: "Record number", hint: Some("shown on the account, kept nowhere"), ..Field::default() }.text())
                (Field { name: "from", label: "From", optional: true, hint: Some("without it, six years back"), ..Field::default() }.date())
                (Field { name: "until", label: "Until", optional: true, hint: Some("without it, until now"), ..Field::default() }.date())
                (form::button(Weight::Main, "Make the account"))
            } }))
        } },
    );
    shell.page(Page {
        title: "Account of access",
        place: "/audit",
        trail: TRAIL,
        lead: Some(html! { "A document for a patient who asks who was given access to their record: everybody, over up to six years. Making it is recorded." }),
        body,
        ..Page::default()
    })
}

/// The account.
pub(super) fn page(shell: &Shell, shown: &Shown<'_>) -> Document {
    shell.page(Page {
        title: "Who was given access to this record",
        place: "/audit",
        trail: TRAIL,
        lead: Some(html! { (shown.account.hospital) }),
        controls: Some(html! { span.noprint.small.quiet { "Print this page (Ctrl+P), or save it as PDF." } }),
        body: body(shown),
        ..Page::default()
    })
}

fn body(shown: &Shown<'_>) -> Markup {
    let account = shown.account;
    html! {
        (limits(account))
        (sheet("About this account", &html! {}, &html! { div.pad { (definitions(head(shown))) } }))
        (sheet("Access that was given", &html! { (count(&account.accesses)) }, &list(account, &account.accesses, Effect::Permit)))
        (sheet("Access that was refused", &html! { (count(&account.refused)) }, &html! {
            @if !account.refused.is_empty() { div.pad { p.small { "Somebody asked and was told no. Nothing was shown to them." } } }
            (list(account, &account.refused, Effect::Deny))
        }))
        (sheet("Who looked at this evidence", &html! {}, &looks(shown)))
        (sheet("How to read this", &html! {}, &html! { div.pad { (reading()) } }))
        (sheet("How to check it", &html! {}, &html! { div.pad { (checking(account)) } }))
    }
}

fn limits(account: &Account) -> Markup {
    html! {
        @if account.cut_short {
            (banner(Tone::Bad, "This is not all", &html! { "There is more than one account holds. Make several, each over a shorter period." }))
        }
        @if account.complete_to < account.entries {
            (banner(Tone::Warn, "Newer entries are missing", &html! {
                "It is complete up to entry " (number(account.complete_to.0)) " of " (number(account.entries.0)) ". Load the page again in a moment."
            }))
        }
    }
}

fn head(shown: &Shown<'_>) -> Vec<(&'static str, Markup)> {
    let account = shown.account;
    let zone = period::zone(&account.time_zone);
    let mut items: Vec<(&str, Markup)> = Vec::new();
    match (&account.name, account.erased) {
        (_, Some(by)) => items
            .push(("Patient", html! { "erased by entry " (number(by.0)) ": nobody can tell any more who this was" })),
        (Some(name), None) => items.push(("Patient", html! { strong { (name) } " as the last message called them" })),
        (None, None) => {}
    }
    match shown.number {
        Some(number) => items.push(("Record number", html! { strong { (number) } " as entered by the officer" })),
        None => items.push(("Record number", html! { span.fill-in { } })),
    }
    items.push((
        "Known to the ledger as",
        html! { code { (account.patient) } @for merged in &account.merged { br; code { (merged) } " (merged)" } },
    ));
    items.push((
        "Period",
        html! { (period::minute(account.from, &zone)) " to " (period::minute(account.until, &zone)) span.quiet { " (" (account.time_zone) ")" } },
    ));
    items.push(("Made", html! { (shown.watch.exact(account.made_at)) " by " (shown.by) }));
    items
}

/// So many lines, standing for so many requests.
fn count(lines: &[Line]) -> String {
    let times: u64 = lines.iter().map(|line| line.times).sum();
    match times {
        0 => "none".to_owned(),
        1 => "once".to_owned(),
        times => format!("{} times", number(times)),
    }
}

fn list(account: &Account, lines: &[Line], effect: Effect) -> Markup {
    if lines.is_empty() {
        let what = if effect == Effect::Permit {
            "Nobody was given access in this period."
        } else {
            "Nobody was refused in this period."
        };
        return empty(Icon::Quiet, "Nobody", what);
    }
    let zone = period::zone(&account.time_zone);
    let last = if effect == Effect::Permit { "On whose authority" } else { "Which rule refused" };
    let mut table = Table::new(
        "By day",
        [
            Column::tight("When").heading_rows(),
            Column::text("Who"),
            Column::text("What for"),
            Column::text("What"),
            Column::text(last),
        ],
    );
    for line in lines {
        let time = |at| period::minute(at, &zone).split_once(' ').map_or_else(String::new, |(_, time)| time.to_owned());
        table.row([
            html! {
                (line.day)
                div.small.quiet { (time(line.first)) @if line.times > 1 { " to " (time(line.last)) } }
                @if line.times > 1 { div.small.quiet { (number(line.times)) " times" } }
            },
            html! {
                strong { (line.name.as_deref().unwrap_or(line.who.as_str())) }
                div.small { (listed(&line.roles)) }
                @if line.name.is_some() { div.small.quiet { (line.who) } }
            },
            html! {
                @if let Some(emergency) = line.emergency { div { (badge(Tone::Warn, emergency.words())) } }
                (line.purpose.as_deref().unwrap_or("not said"))
            },
            html! { (listed(&line.did)) div.small.quiet { (places(line)) } },
            authority(line, effect),
        ]);
    }
    html! { (table) }
}

fn listed(texts: &BTreeSet<String>) -> String {
    texts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn places(line: &Line) -> String {
    let through = listed(&line.through);
    if line.places.is_empty() {
        format!("through {through}")
    } else {
        format!("{}, through {through}", listed(&line.places))
    }
}

fn authority(line: &Line, effect: Effect) -> Markup {
    html! {
        @for authority in &line.authority {
            div.small {
                @if let Some(reason) = &authority.reason { "“" (reason) "” " }
                span.quiet { "rule " (authority.policy) @if let Some(owner) = &authority.owner { ", " (owner) } }
            }
        }
        @if line.authority.is_empty() && effect == Effect::Deny { div.small { "No rule permits it." } }
        div.small.quiet { @if line.entries.len() == 1 { "entry " } @else { "entries " } (entries(line)) }
    }
}

fn entries(line: &Line) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<_> = line.entries.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = line.times.saturating_sub(shown.len() as u64);
    if more == 0 { shown.join(", ") } else { format!("{} and {} more", shown.join(", "), number(more)) }
}

fn looks(shown: &Shown<'_>) -> Markup {
    let mut table = Table::new(
        "Looks, oldest first",
        [Column::tight("When"), Column::text("Who"), Column::text("How"), Column::number("Entry")],
    );
    for look in &shown.account.looks {
        table.row([
            shown.watch.exact(look.at),
            html! { (look.by) },
            html! { (look.how) },
            html! { (number(look.entry.0)) },
        ]);
    }
    html! { (table) }
}

fn reading() -> Markup {
    html! {
        p { "Each line is what one person was given access to, for one purpose, on one day: the first and the last time, and how often. It says that access was given at that moment. What was then read is in the audit of the system it went through." }
        p { "“On whose authority” quotes the hospital’s rule as staff are told it: “you” is the member of staff. Every rule has an owner in the hospital, named beside it." }
        p { "Emergency access is given at once and looked at afterwards; it is marked." }
        p.small { "This account covers treatment too, and so says more than an accounting of disclosures under 45 CFR 164.528 has to. Access that did not go through Handrail is not in it." }
    }
}

fn checking(account: &Account) -> Markup {
    let checkpoint = &account.checkpoint;
    html! {
        p { "Everything above stands in a ledger that can only grow. The numbers are its entries. Whoever holds this page can ask for the ledger to be checked against the state below: if any entry had been changed or taken out, the root would differ." }
        (definitions([
            ("Ledger", html! { code { (checkpoint.origin) } }),
            ("Entries signed", html! { (number(checkpoint.size)) }),
            ("Root hash", html! { code { (checkpoint.root) } }),
            ("Key", html! { code { (checkpoint.key) } }),
        ]))
        details open { summary { "The signed checkpoint, and the command" }
            (pages::code("Keep as retained.txt", &checkpoint.note, true, true))
            (pages::code("With an export of the ledger", &format!("handrail ledger verify EXPORT --key '{}' --retained retained.txt", checkpoint.key), true, true))
        }
    }
}
