//! How the feeds page looks.

use super::rules::{Health, Row};
use crate::frame;
use crate::tally::Counts;
use ::feeds::listener::again::{LISTED_MAX, Rejected};
use charter::Charter;
use charter::systems::FeedKind;
use maud::{Markup, html};
use pages::{Column, Icon, Table, Tile, Tone, Watch, badge, code, duration_words, empty, number, sheet, tiles};

/// How many of the messages that wait are shown.
const WAITING_SHOWN: usize = 50;

/// Everything under the heading.
pub(crate) fn body(charter: &Charter, rows: &[Row], counts: &Counts, kept: &[Rejected], watch: &Watch) -> Markup {
    html! {
        (counted(counts))
        (figures(rows, kept.len()))
        (sheet("Sources", &html! {}, &sources(charter, rows, watch)))
        (sheet("Messages that wait to be put right", &html! { "newest first; kept encrypted, until they are used, given up or too old" }, &waiting(kept, watch)))
    }
}

/// A word of caution while the counts are not complete.
pub(crate) fn counted(counts: &Counts) -> Markup {
    html! {
        @if counts.is_behind() {
            (pages::banner(Tone::Note, "Still counting", &html! {
                "These figures are over the first " (number(counts.counted_to.0)) " of " (number(counts.entries.0))
                " entries. Load the page again to count on."
            }))
        }
    }
}

fn figures(rows: &[Row], waiting: usize) -> Markup {
    let silent = rows.iter().filter(|row| matches!(row.health, Health::Silent(_))).count();
    let never = rows.iter().filter(|row| row.health == Health::Never).count();
    let sum = |count: fn(&Row) -> u64| rows.iter().map(count).sum::<u64>();
    let (messages, rejected) = (sum(|row| row.heard.messages), sum(|row| row.heard.rejected));
    let heard = Tile {
        label: "Feeds heard",
        figure: html! { (rows.len() - never - silent) small { " of " (rows.len()) } },
        tone: if silent > 0 {
            Tone::Bad
        } else if never > 0 {
            Tone::Warn
        } else {
            Tone::Good
        },
        state: html! {
            @if silent > 0 { (silent) " silent for too long" } @else if never > 0 { (never) " never heard" } @else { "all of them" }
        },
        href: None,
        chart: html! {},
    };
    let used = Tile {
        label: "Messages used",
        figure: html! { (number(messages)) },
        tone: Tone::Plain,
        state: html! { "became " (number(sum(|row| row.heard.entries))) " entries" },
        href: None,
        chart: html! {},
    };
    let refused = Tile {
        label: "Messages waiting",
        figure: html! { (number(waiting as u64)) @if most(waiting) { small { " or more" } } },
        tone: if waiting > 0 { Tone::Warn } else { Tone::Good },
        state: html! {
            @if waiting > 0 { "to be put right, of " (number(rejected)) " that could not be used" }
            @else if rejected > 0 { "none of " (number(rejected)) " that could not be used is still kept" }
            @else { "every message was understood" }
        },
        href: None,
        chart: html! {},
    };
    tiles([heard, used, refused])
}

fn sources(charter: &Charter, rows: &[Row], watch: &Watch) -> Markup {
    let mut table = Table::new(
        "Feeds",
        [
            Column::text("Feed").heading_rows(),
            Column::tight("State"),
            Column::tight("Last heard"),
            Column::number("Messages"),
            Column::number("Not usable"),
            Column::text("Owner"),
        ],
    );
    for row in rows {
        table.row([
            html! { (row.name) div.small.quiet { (tells_of(row.kind)) } },
            state(row.health),
            html! { @if let Some(last) = row.heard.last { (watch.ago(last)) } @else { span.quiet { "never" } } },
            html! { (number(row.heard.messages)) },
            html! { @if row.heard.rejected > 0 { strong { (number(row.heard.rejected)) } } @else { span.quiet { "0" } } },
            html! { @if let Some(owner) = &row.owner { (frame::owner(charter, owner)) } @else { span.quiet { "nobody: the charter does not name it" } } },
        ]);
    }
    html! {
        @if table.is_empty() {
            (empty(Icon::Feed, "No feeds", "The charter names no feeds and none was heard. Feeds are listed in systems.toml of the charter."))
        } @else { (table) }
    }
}

fn state(health: Health) -> Markup {
    match health {
        Health::Heard => badge(Tone::Good, "Heard"),
        Health::HeardOnce => badge(Tone::Plain, "No limit set"),
        Health::Silent(quiet) => badge(Tone::Bad, &format!("Silent for {}", duration_words(quiet))),
        Health::Never => badge(Tone::Warn, "Never heard"),
    }
}

/// What a feed tells of, as people say it.
pub(crate) const fn tells_of(kind: Option<FeedKind>) -> &'static str {
    match kind {
        Some(FeedKind::Adt) => "where patients are",
        Some(FeedKind::Rota) => "who works when and where",
        Some(FeedKind::People) => "who exists, in which roles",
        Some(FeedKind::Devices) => "devices and their health",
        Some(FeedKind::Teams) => "who treats whom",
        None => "not named in the charter",
    }
}

/// Whether a list is as long as one can be.
fn most(waiting: usize) -> bool {
    i64::try_from(waiting).is_ok_and(|waiting| waiting >= LISTED_MAX)
}

/// The messages that are kept, by the ids that commands know them by. Nothing of them names a patient.
fn waiting(kept: &[Rejected], watch: &Watch) -> Markup {
    let mut table = Table::new(
        "Messages that wait to be put right",
        [
            Column::tight("Id").heading_rows(),
            Column::tight("Came at"),
            Column::tight("Feed"),
            Column::tight("Sender"),
            Column::tight("Type"),
            Column::text("Why it could not be used"),
            Column::number("Size"),
        ],
    );
    let or_dash = |text: &str| html! { @if text.is_empty() { span.quiet { "–" } } @else { (text) } };
    for message in kept.iter().take(WAITING_SHOWN) {
        table.row([
            html! { (message.id) },
            watch.short(message.at),
            html! { (message.feed) },
            or_dash(&message.sender),
            or_dash(&message.message_type),
            html! { (message.reason) },
            html! { (number(message.bytes)) " bytes" },
        ]);
    }
    let Some(newest) = kept.first() else {
        return empty(
            Icon::Check,
            "None",
            "No message waits. One that cannot be used is kept, and listed here with the reason until it is used, given up or too old.",
        );
    };
    html! {
        (table)
        @if kept.len() > WAITING_SHOWN {
            p.pad.quiet { "And " (number((kept.len() - WAITING_SHOWN) as u64)) @if most(kept.len()) { " or more" } " older ones: handrail feed rejected list has them." }
        }
        (commands(newest.id))
    }
}

/// What to do about one, word for word, for whoever has a shell on the server.
fn commands(id: i64) -> Markup {
    let lines: Vec<String> = [
        (format!("show {id}"), "as it came, patient and all; that you read it is recorded"),
        (format!("repair {id}"), "put right in your editor, then sent through again"),
        (format!("repair {id} --unchanged"), "sent through again as it came, once the charter is put right"),
        (format!("discard {id} --reason \"\""), "given up; the reason stands in the ledger"),
    ]
    .into_iter()
    .map(|(command, does)| format!("{:<48} # {does}", format!("handrail feed rejected {command}")))
    .collect();
    html! {
        div.pad { (code("On the server, with --data and the node’s data directory; for the newest one", &lines.join("\n"), false, true)) }
    }
}
