//! How the feeds page looks.

use super::rules::{Health, Row};
use crate::frame;
use crate::tally::Counts;
use charter::Charter;
use charter::systems::FeedKind;
use maud::{Markup, html};
use pages::{Column, Icon, Table, Tile, Tone, Watch, badge, duration_words, empty, number, sheet, tiles};

/// Everything under the heading.
pub(crate) fn body(charter: &Charter, rows: &[Row], counts: &Counts, watch: &Watch) -> Markup {
    html! {
        (counted(counts))
        (figures(rows))
        (sheet("Sources", &html! {}, &sources(charter, rows, watch)))
        (sheet("Messages that could not be used", &html! { "newest first; their bytes are kept, encrypted" }, &rejected(counts, watch)))
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

fn figures(rows: &[Row]) -> Markup {
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
        label: "Messages not usable",
        figure: html! { (number(rejected)) },
        tone: if rejected > 0 { Tone::Warn } else { Tone::Good },
        state: html! { @if rejected > 0 { "kept, and answered with the reason" } @else { "every message was understood" } },
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

fn rejected(counts: &Counts, watch: &Watch) -> Markup {
    let mut table = Table::new(
        "Messages that could not be used",
        [
            Column::tight("When"),
            Column::tight("Feed"),
            Column::text("Why"),
            Column::number("Size"),
            Column::number("Entry"),
        ],
    );
    for message in &counts.rejected {
        table.row([
            watch.short(message.at),
            html! { (message.feed) },
            html! { (message.reason) },
            html! { (number(message.bytes)) " bytes" },
            html! { a.cover href={ "/ledger/" (message.entry) } { (number(message.entry.0)) } },
        ]);
    }
    html! {
        @if table.is_empty() {
            (empty(Icon::Check, "None", "Every message that arrived was understood. One that is not is kept, and listed here with the reason."))
        } @else { (table) }
    }
}
