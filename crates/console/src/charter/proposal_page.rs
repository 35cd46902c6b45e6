//! A proposed charter: what it changes, in sentences and in cells, the widened first, and then the forms that sign or turn it down.

use super::workflow_page::standing;
use charter::Charter;
use decision::Comparison;
use decision::matrix::Direction;
use events::{OperatorId, Timestamp};
use maud::{Markup, html};
use pages::form::{self, Field, Weight};
use pages::{Column, Table, Tone, Watch, badge, banner, counted, definitions, number, sheet};
use plane::{Ending, Proposal};

/// The most changes of cells a page lists; `handrail charter diff` lists all.
const CHANGES_SHOWN_MAX: usize = 200;

/// What the page is made from.
pub(super) struct View<'a> {
    pub(super) proposal: &'a Proposal,
    pub(super) compared: &'a Comparison,
    /// The one in force.
    pub(super) charter: &'a Charter,
    pub(super) now: Timestamp,
    pub(super) operator: &'a OperatorId,
    pub(super) form_token: &'a str,
}

/// Everything under the heading.
pub(super) fn body(view: &View<'_>, watch: &Watch) -> Markup {
    let proposed = &view.proposal.proposed;
    let new = view.compared.new_warnings();
    html! {
        @if proposed.wider > 0 && view.proposal.is_open(view.now) {
            (banner(Tone::Warn, &wider(proposed.wider), &html! { "More access than before. They are listed first." }))
        }
        @if new > 0 && view.proposal.is_open(view.now) {
            (banner(Tone::Warn, &format!("{} that the charter it follows does not have", counted(new as u64, "warning")), &html! { "Most likely not meant. They are listed first below." }))
        }
        (sheet("The proposal", &standing(view.proposal, view.charter, view.now), &html! { div.pad { (definitions(facts(view, watch))) } }))
        (sheet("What changes, in words", &html! {}, &sentences(view.compared)))
        @if !view.compared.warnings.is_empty() { (warnings(view.compared)) }
        (sheet("What changes of authority", &html! { (counted(view.compared.wider, "cell")) " wider, " (number(view.compared.narrower)) " narrower" }, &cells(view.compared)))
        (sheet("Your signature", &html! {}, &html! { div.pad { (signing(view)) } }))
    }
}

fn wider(cells: u64) -> String {
    format!(
        "{} of the authority matrix {} wider",
        counted(cells, "cell"),
        if cells == 1 { "becomes" } else { "become" }
    )
}

fn facts(view: &View<'_>, watch: &Watch) -> Vec<(&'static str, Markup)> {
    let (proposal, proposed) = (view.proposal, &view.proposal.proposed);
    let needed = view.charter.owners().signatories().signatures;
    let mut facts = vec![
        ("Why", html! { (proposed.reason) }),
        ("Proposed", html! { (watch.exact(proposal.proposed_at)) ", " (proposer(&proposal.by)) }),
        ("Can be signed until", watch.exact(proposed.good_until)),
        ("Charter", html! { code { (proposed.digest) } }),
        ("Follows", html! { code { (proposed.against) } }),
        (
            "Signatures",
            html! {
                (proposal.signed.len()) " of " (needed) @if !proposal.signed.is_empty() { ": " }
                @for (index, one) in proposal.signed.iter().enumerate() {
                    @if index > 0 { ", " }
                    (person(view.charter, &one.operator)) " (" a href={ "/ledger/" (one.entry) } { "entry " (one.entry) } ")"
                }
            },
        ),
    ];
    match &proposal.ended {
        Some(Ending::Applied(entry)) => {
            facts.push(("In force since", html! { a href={ "/ledger/" (entry) } { "entry " (entry) } }))
        }
        Some(Ending::Overtaken(entry)) => {
            facts.push(("Overtaken by", html! { a href={ "/ledger/" (entry) } { "entry " (entry) } }))
        }
        Some(Ending::Withdrawn(why) | Ending::Rejected(why)) => facts.push(("Ended because", html! { (why) })),
        None => {}
    }
    facts
}

/// A charter is proposed at the server's shell, where everybody is a user of the machine.
fn proposer(by: &str) -> String {
    by.strip_prefix("local:").map_or_else(|| format!("by {by}"), |user| format!("at the server, by {user}"))
}

fn person(charter: &Charter, who: &OperatorId) -> Markup {
    let known = charter.owners().people.iter().find(|(id, _)| id.as_str() == who.as_str()).map(|(_, person)| person);
    html! { @if let Some(person) = known { (person.name) span.quiet { " · " (person.title) } } @else { (who) } }
}

fn sentences(compared: &Comparison) -> Markup {
    let mut table = Table::new("What changes, in words", [Column::tight("Part"), Column::text("Change")]);
    for sentence in &compared.sentences {
        table.row([html! { (sentence.about) }, html! { (sentence.text) }]);
    }
    html! {
        @if table.is_empty() { div.pad { p { "Only comments or the order of files differ." } } } @else { (table) }
    }
}

/// What `charter check` warns of in what is proposed, first what is new.
fn warnings(compared: &Comparison) -> Markup {
    let columns = [Column::tight("Since"), Column::text("Warning"), Column::tight("Where")];
    let mut table = Table::new("What charter check warns of", columns);
    for warning in &compared.warnings {
        table.row([
            if warning.new { badge(Tone::Warn, "New") } else { badge(Tone::Plain, "Before") },
            html! { (warning.message) @if let Some(help) = &warning.help { div.small.quiet { (help) } } },
            html! { code { (warning.place) } div.small.quiet { (warning.code) } },
        ]);
    }
    let (new, all) = (compared.new_warnings(), compared.warnings.len());
    sheet("What charter check warns of", &html! { (new) " new, " (all - new) " as before" }, &html! { (table) })
}

fn cells(compared: &Comparison) -> Markup {
    let columns = [
        Column::tight("Way"),
        Column::text("Who"),
        Column::text("May"),
        Column::text("From → to"),
        Column::text("When"),
    ];
    let mut table = Table::new("What changes of authority", columns);
    for change in compared.changes.iter().take(CHANGES_SHOWN_MAX) {
        let wider = change.direction == Direction::Wider;
        table.row([
            if wider { badge(Tone::Warn, "Wider") } else { badge(Tone::Plain, "Narrower") },
            html! { (change.who) },
            html! { (change.deed) span.quiet { " · " (change.resource) } },
            html! { (change.before.replace('_', " ")) " → " strong { (change.after.replace('_', " ")) } },
            html! {
                @if let [only] = change.when.as_slice() { (only.says) } @else {
                    details { summary { (counted(change.when.len() as u64, "circumstance")) } ul { @for when in &change.when { li { (when.says) } } } }
                }
            },
        ]);
    }
    let more = compared.changes.len().saturating_sub(CHANGES_SHOWN_MAX);
    html! {
        @if table.is_empty() { div.pad { p { "No cell of the authority matrix changes. It does not hold every circumstance: what changes of policies in words counts all the same." } } } @else { (table) }
        @if more > 0 { div.pad { p.small.quiet { (more) " more: handrail charter diff lists all." } } }
    }
}

fn signing(view: &View<'_>) -> Markup {
    let signatories = view.charter.owners().signatories();
    let may = signatories.people.iter().any(|person| person.as_str() == view.operator.as_str());
    if !view.proposal.is_open(view.now) {
        return html! { p { "This proposal can no longer be signed." } };
    }
    if !may {
        let people =
            signatories.people.iter().map(|id| view.charter.owner(id).map_or(id.as_str(), |known| known.name()));
        return html! { p { "The charter in force lets these people sign: " (people.collect::<Vec<_>>().join(", ")) ". You are signed in as " strong { (view.operator) } "." } };
    }
    if view.proposal.is_signed_by(view.operator) {
        return html! { p { "You have signed. Somebody else must, too." } };
    }
    let (path, digest) =
        (format!("/charter/proposals/{}", view.proposal.number), view.proposal.proposed.digest.to_string());
    let last = view.proposal.signed.len() + 1 >= signatories.signatures;
    let label = if last { "Sign and put into force" } else { "Sign" };
    let sign = html! { input type="hidden" name="digest" value=(digest); (form::button(Weight::Main, label)) };
    let reason = Field { name: "reason", label: "Why not", ..Field::default() };
    let reject = html! { (reason.text()) (form::button(Weight::Grave, "Turn it down")) };
    html! {
        p { "By signing you answer for these changes. " @if last { "Yours is the last signature: the charter is in force at once." } @else { "Another person has to sign as well." } }
        (form::post(&format!("{path}/sign"), view.form_token, &sign))
        details { summary { "Turn it down instead" } (form::post(&format!("{path}/reject"), view.form_token, &reject)) }
    }
}
