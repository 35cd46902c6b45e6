//! How the first page looks.

use super::rules::{Need, State};
use crate::decisions::find::Row;
use crate::decisions::list_page::table;
use crate::feeds::rules::Health as FeedHealth;
use crate::frame;
use crate::tally::Answers;
use crate::trouble::Trouble;
use maud::{Markup, html};
use pages::{Icon, Tile, Tone, Watch, chart, empty, note_list, number, plural, sheet, tiles};

/// What the page shows.
pub(super) struct Seen<'a> {
    pub(super) needs: Vec<Need>,
    pub(super) state: &'a State<'a>,
    pub(super) denies: Result<Vec<Row>, Trouble>,
    pub(super) live: usize,
    pub(super) watch: &'a Watch,
}

/// Everything under the heading.
pub(super) fn body(seen: &Seen<'_>) -> Markup {
    let hour = seen.state.counts.last_hour(seen.watch.now());
    html! {
        (crate::feeds::counted(seen.state.counts))
        (needs(seen))
        (figures(seen, &hour))
        (sheet("Answers in the last hour", &html! { "by minute" }, &answers(&hour, seen.watch)))
        (denies(seen))
    }
}

fn needs(seen: &Seen<'_>) -> Markup {
    if seen.needs.is_empty() {
        return sheet(
            "Needs somebody",
            &html! { "checked " (seen.watch.short(seen.watch.now())) },
            &empty(
                Icon::Check,
                "Nothing needs you now",
                "Feeds are heard, entries are recorded and sealed, and no workflow denies more than its charter allows.",
            ),
        );
    }
    let charter = seen.state.charter;
    let items = seen.needs.iter().map(|need| {
        let body = html! {
            p { (need.text) }
            p.row {
                @if let Some((href, label)) = &need.more { a href=(href) { (label) } }
                @if let Some(owner) = &need.owner { span.small { span.quiet { "Whose it is: " } (frame::owner(charter, owner)) } }
            }
        };
        (need.tone, html! { (need.title) }, body)
    });
    sheet("Needs somebody", &html! { (number(seen.needs.len() as u64)) ", worst first" }, &note_list(items))
}

fn figures(seen: &Seen<'_>, hour: &[Answers]) -> Markup {
    let totals: Vec<u64> = hour.iter().map(|minute| minute.all()).collect();
    let sum = hour.iter().fold(Answers::default(), |sum, minute| Answers {
        permits: sum.permits + minute.permits,
        denies: sum.denies + minute.denies,
    });
    let silent = seen.state.feeds.iter().filter(|row| matches!(row.health, FeedHealth::Silent(_))).count();
    let never = seen.state.feeds.iter().filter(|row| row.health == FeedHealth::Never).count();
    let heard = seen.state.feeds.len() - silent - never;
    let (unsealed, trouble) = (seen.state.health.unsealed, seen.state.health.trouble());
    tiles([
        Tile {
            label: "Answers in the last hour",
            figure: html! { (number(sum.all())) },
            tone: Tone::Plain,
            state: html! { @if sum.all() > 0 { (format!("{:.1} % denied", sum.denied_percent())) } @else { "nobody asked" } },
            href: Some("/decisions"),
            chart: chart::sparkline(&totals, "Answers in each of the last sixty minutes"),
        },
        Tile {
            label: if seen.live == 1 { "Live permit" } else { "Live permits" },
            figure: html! { (number(seen.live as u64)) },
            tone: Tone::Plain,
            state: html! { "watched, and ended when facts change" },
            href: None,
            chart: html! {},
        },
        Tile {
            label: "Feeds",
            figure: html! { (heard) small { " of " (seen.state.feeds.len()) " heard" } },
            tone: if silent > 0 {
                Tone::Bad
            } else if never > 0 {
                Tone::Warn
            } else {
                Tone::Good
            },
            state: html! { @if silent > 0 { (silent) " silent" } @else if never > 0 { (never) " never heard" } @else { "all heard" } },
            href: Some("/feeds"),
            chart: html! {},
        },
        Tile {
            label: "Ledger",
            figure: html! { (number(seen.state.head.next.0)) small { " " (plural(seen.state.head.next.0, "entry")) } },
            tone: match (trouble.is_some(), unsealed) {
                (true, _) => Tone::Bad,
                (false, 0) => Tone::Good,
                (false, _) => Tone::Plain,
            },
            state: html! {
                @if trouble.is_some() { "takes no entries" }
                @else if unsealed > 0 { (number(unsealed)) " about to be sealed" }
                @else { "all sealed and signed" }
            },
            href: Some("/ledger"),
            chart: html! {},
        },
    ])
}

fn answers(hour: &[Answers], watch: &Watch) -> Markup {
    if hour.iter().all(|minute| minute.all() == 0) {
        return empty(
            Icon::Scales,
            "Nobody asked",
            "When systems ask for decisions, you see here how many were permitted and denied.",
        );
    }
    let counts: Vec<(u64, u64)> = hour.iter().map(|minute| (minute.permits, minute.denies)).collect();
    html! {
        div.pad {
            (chart::columns(&counts, "Permitted and denied requests in each of the last sixty minutes"))
            div.axis { span { (watch.ago(watch.now() - frame::RECENT)) } span { "now" } }
            p.key { span { i.good {} "permitted" } span { i.bad {} "denied" } }
        }
    }
}

fn denies(seen: &Seen<'_>) -> Markup {
    let body = match &seen.denies {
        Ok(rows) if rows.is_empty() => empty(
            Icon::Quiet,
            "Nobody was stopped",
            "When somebody is, you see here who, where, and what would have helped.",
        ),
        Ok(rows) => {
            html! { (table("The newest denies", rows, seen.state.charter, seen.watch)) footer { a href="/decisions?effect=deny" { "All denies" } } }
        }
        Err(_) => {
            empty(Icon::Warning, "Not shown", "Reading evidence is itself recorded, and that is not possible now.")
        }
    };
    sheet("Stopped most recently", &html! { "newest first" }, &body)
}
