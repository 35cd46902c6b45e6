//! How lists of decisions look.

use super::find::{Found, PAGE_ROWS, Row};
use super::wanted::{Place, Wanted};
use crate::frame::{self, LIVE_EVERY};
use charter::Charter;
use events::decision::Effect;
use maud::{Markup, html};
use pages::form::{self, Field, Weight};
use pages::{Column, Icon, Paging, Table, Tone, Watch, choices, counted, effect, empty, number, paging, sheet};

/// Everything under the heading.
pub(super) fn body(charter: &Charter, wanted: &Wanted, found: &Found, watch: &Watch) -> Markup {
    let remark = html! {
        @if wanted.live { (pages::badge(Tone::Note, "Following")) " every " (LIVE_EVERY.as_secs()) " s" } @else { "newest first" }
    };
    html! {
        div.filters { (answers(wanted)) (workflows(charter, wanted)) }
        (sheet("Answers", &remark, &html! {
            @if found.rows.is_empty() { (nothing(wanted, found)) } @else { (table("Decisions, newest first", &found.rows, charter, watch)) }
            (paging(&turns(wanted, found)))
        }))
    }
}

fn answers(wanted: &Wanted) -> Markup {
    let choice = |effect, label| (wanted.with_effect(effect).href(), label, wanted.effect == effect);
    choices(
        "Which answers",
        [choice(None, "All"), choice(Some(Effect::Permit), "Permitted"), choice(Some(Effect::Deny), "Denied")],
    )
}

fn workflows(charter: &Charter, wanted: &Wanted) -> Markup {
    let chosen = wanted.workflow.as_ref().map_or("", |name| name.as_str());
    let mut options: Vec<(String, String)> = vec![(String::new(), "All workflows".to_owned())];
    options.extend(charter.workflows().iter().map(|workflow| (workflow.name.to_string(), workflow.title.clone())));
    if !chosen.is_empty() && !options.iter().any(|(name, _)| name == chosen) {
        options.push((chosen.to_owned(), format!("{chosen} (not in this charter)")));
    }
    form::filters(
        "/decisions",
        &html! {
            @if let Some(effect) = wanted.effect {
                input type="hidden" name="effect" value=(if effect == Effect::Permit { "permit" } else { "deny" });
            }
            (Field { name: "workflow", label: "Workflow", value: chosen, ..Field::default() }.select(options))
            (form::button(Weight::Usual, "Show"))
        },
    )
}

fn turns(wanted: &Wanted, found: &Found) -> Paging {
    let shown = match (found.rows.first(), found.rows.last()) {
        (Some(only), Some(_)) if found.rows.len() == 1 => format!("1 shown, entry {}", number(only.leaf().seq.0)),
        (Some(newest), Some(oldest)) => format!(
            "{} shown, entries {} to {}",
            found.rows.len(),
            number(oldest.leaf().seq.0),
            number(newest.leaf().seq.0)
        ),
        _ => format!("{} looked at", counted(found.looked_at, "entry")),
    };
    Paging {
        shown,
        newer: found.newer.map(|entry| wanted.at(Place::After(entry)).href()),
        older: found.older.map(|entry| wanted.at(Place::Before(entry)).href()),
    }
}

fn nothing(wanted: &Wanted, found: &Found) -> Markup {
    let filtered = wanted.effect.is_some() || wanted.workflow.is_some();
    match (found.older.is_some() || found.newer.is_some(), filtered) {
        (true, _) => empty(
            Icon::Quiet,
            "None here",
            "None of the entries looked at is such a decision. Look further with the buttons below.",
        ),
        (false, true) => {
            empty(Icon::Quiet, "None like this", "No decision in the log fits. Show all answers, or all workflows.")
        }
        (false, false) => empty(
            Icon::Scales,
            "No decisions yet",
            "When a system asks whether somebody may do something, the answer appears here, with everything it rests on.",
        ),
    }
}

/// Decisions as a table; each row leads to its explanation.
pub(crate) fn table(caption: &str, rows: &[Row], charter: &Charter, watch: &Watch) -> Table {
    let mut table = Table::new(
        caption,
        [
            Column::tight("When"),
            Column::tight("Answer"),
            Column::text("Who, and what"),
            Column::text("Workflow"),
            Column::number("Entry"),
        ],
    );
    for row in rows.iter().take(PAGE_ROWS) {
        let (leaf, Some(made)) = (row.leaf(), row.made()) else { continue };
        table.row([
            watch.short(leaf.recorded_at),
            effect(made.effect),
            html! {
                a.cover href={ "/decisions/" (leaf.seq) } { (made.question.principal.id) }
                div.small.quiet { (frame::action_title(charter, &made.question.action)) " · " (frame::target(made)) }
            },
            html! { @if let Some(workflow) = &made.workflow { (frame::workflow_title(charter, workflow)) } @else { span.quiet { "none" } } },
            html! { (number(leaf.seq.0)) },
        ]);
    }
    table
}
