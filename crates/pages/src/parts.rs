//! The parts pages are made of. Each says what it is for; none relies on colour alone.

use crate::{Icon, icon};
use events::decision::Effect;
use maud::{Markup, html};

/// What a mark says, in shape and in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Well.
    Good,
    /// Failed, denied, broken.
    Bad,
    /// Look at this.
    Warn,
    /// Worth knowing.
    Note,
}

impl Tone {
    /// Its class in the stylesheet.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Note => "note",
        }
    }

    /// The icon that says the same without colour.
    #[must_use]
    pub const fn icon(self) -> Icon {
        match self {
            Self::Plain => Icon::Clock,
            Self::Good => Icon::Check,
            Self::Bad => Icon::Bar,
            Self::Warn => Icon::Warning,
            Self::Note => Icon::Info,
        }
    }
}

/// A small mark of a state: shape, word, colour.
#[must_use]
pub fn badge(tone: Tone, word: &str) -> Markup {
    html! {
        span class={ "badge " (tone.class()) } { @if tone != Tone::Plain { (icon(tone.icon())) } (word) }
    }
}

/// The mark of an answer.
#[must_use]
pub fn effect(effect: Effect) -> Markup {
    match effect {
        Effect::Permit => badge(Tone::Good, "Permitted"),
        Effect::Deny => badge(Tone::Bad, "Denied"),
    }
}

/// A name out of the charter, a kind, a code.
#[must_use]
pub fn tag(text: &str) -> Markup {
    html! { span.tag { (text) } }
}

/// Something the reader must not miss. `body` may be empty.
#[must_use]
pub fn banner(tone: Tone, title: &str, body: &Markup) -> Markup {
    html! {
        section class={ "banner " (tone.class()) } role=[(tone == Tone::Bad).then_some("alert")] {
            (icon(tone.icon()))
            h2 { (title) }
            @if !body.0.is_empty() { div { (body) } }
        }
    }
}

/// The head of a page about one answer: what it was, in plain words, more of it in `lead`, and when, where, for
/// whom in `meta`. Brings the page's `h1`.
#[must_use]
pub fn verdict(tone: Tone, word: &str, headline: &str, lead: &Markup, meta: &[Markup]) -> Markup {
    html! {
        section class={ "sheet verdict " (tone.class()) } {
            p.seal {
                strong { (icon(tone.icon())) (word) }
                @for part in meta { span { (part) } }
            }
            h1 { (headline) }
            @if !lead.0.is_empty() { p.lead { (lead) } }
        }
    }
}

/// A framed part of a page with its heading and, at its right, a short remark or link.
#[must_use]
pub fn sheet(heading: &str, remark: &Markup, body: &Markup) -> Markup {
    html! {
        section.sheet {
            header { h2 { (heading) } @if !remark.0.is_empty() { p { (remark) } } }
            (body)
        }
    }
}

/// What a list says when it is empty: that this is all right, or what to do.
#[must_use]
pub fn empty(which: Icon, title: &str, text: &str) -> Markup {
    html! { div.empty { (icon(which)) h3 { (title) } p { (text) } } }
}

/// Names and their values.
#[must_use]
pub fn definitions<L: AsRef<str>>(items: impl IntoIterator<Item = (L, Markup)>) -> Markup {
    html! {
        dl.defs { @for (label, value) in items { div { dt { (label.as_ref()) } dd { (value) } } } }
    }
}

/// A list of short notes, each with its mark, a title and a body.
#[must_use]
pub fn note_list(notes: impl IntoIterator<Item = (Tone, Markup, Markup)>) -> Markup {
    html! {
        ul.list {
            @for (tone, title, body) in notes {
                li class=(tone.class()) { (icon(tone.icon())) h3 { (title) } @if !body.0.is_empty() { div { (body) } } }
            }
        }
    }
}

/// One thing that happened.
#[derive(Debug)]
pub struct Moment {
    /// Its mark.
    pub tone: Tone,
    /// When, as [`crate::Watch`] writes it.
    pub at: Markup,
    /// What, in a few words.
    pub title: Markup,
    /// More, or nothing.
    pub body: Markup,
}

/// Things that happened, in order.
#[must_use]
pub fn timeline(moments: impl IntoIterator<Item = Moment>) -> Markup {
    html! {
        ol.timeline {
            @for moment in moments {
                li class=(moment.tone.class()) {
                    span.dot { (icon(moment.tone.icon())) }
                    h3 { (moment.title) }
                    (moment.at)
                    @if !moment.body.0.is_empty() { div { (moment.body) } }
                }
            }
        }
    }
}

/// One figure and what it means.
#[derive(Debug)]
pub struct Tile<'a> {
    /// What is counted.
    pub label: &'a str,
    /// How many, with a unit in `small` if it has one.
    pub figure: Markup,
    /// Whether that is good or bad.
    pub tone: Tone,
    /// In words.
    pub state: Markup,
    /// Where to read more. Makes the whole tile a link.
    pub href: Option<&'a str>,
    /// A [`crate::chart::sparkline`], or nothing.
    pub chart: Markup,
}

/// Figures beside each other.
#[must_use]
pub fn tiles<'a>(items: impl IntoIterator<Item = Tile<'a>>) -> Markup {
    html! {
        div.tiles {
            @for tile in items {
                section class={ "sheet tile " (tile.tone.class()) } {
                    h2.label { @if let Some(href) = tile.href { a.cover href=(href) { (tile.label) } } @else { (tile.label) } }
                    p.figure { (tile.figure) }
                    p.state.is[tile.tone != Tone::Plain] {
                        @if tile.tone != Tone::Plain { (icon(tile.tone.icon())) " " }
                        (tile.state)
                    }
                    (tile.chart)
                }
            }
        }
    }
}

/// Text to read exactly or to copy. With `copy`, one click selects all of it; with `wrap`, long lines are broken.
#[must_use]
pub fn code(label: &str, text: &str, copy: bool, wrap: bool) -> Markup {
    html! {
        figure class={ "code" @if copy { " copy" } @if wrap { " wrap" } } {
            figcaption { (label) }
            pre tabindex="0" aria-label=(label) { code { (text) } }
        }
    }
}

/// A choice among a few views of the same thing, as links; the current one is marked.
#[must_use]
pub fn choices<H: AsRef<str>, L: AsRef<str>>(label: &str, items: impl IntoIterator<Item = (H, L, bool)>) -> Markup {
    html! {
        nav.choices aria-label=(label) {
            @for (href, label, current) in items {
                a href=(href.as_ref()) aria-current=[current.then_some("true")] { (label.as_ref()) }
            }
        }
    }
}

/// Where a long list goes on.
#[derive(Debug, Default)]
pub struct Paging {
    /// What is shown, in words.
    pub shown: String,
    /// The address of newer entries.
    pub newer: Option<String>,
    /// The address of older entries.
    pub older: Option<String>,
}

/// The foot of a long list.
#[must_use]
pub fn paging(paging: &Paging) -> Markup {
    html! {
        nav.pages aria-label="More of this list" {
            span { (paging.shown) }
            span.row {
                @if let Some(href) = &paging.newer { a.button href=(href) rel="prev" { "Newer" } }
                @if let Some(href) = &paging.older { a.button href=(href) rel="next" { "Older" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_told_by_word_and_shape_and_not_by_colour_alone() {
        let (permit, deny) = (effect(Effect::Permit).0, effect(Effect::Deny).0);
        assert!(permit.contains("Permitted") && permit.contains("<svg"));
        assert!(deny.contains("Denied") && deny.contains("<svg"));
        assert_ne!(Tone::Good.icon(), Tone::Bad.icon());
    }

    #[test]
    fn what_others_wrote_is_escaped() {
        let evil = "<script>alert(1)</script>\"'";
        let all = [
            badge(Tone::Bad, evil),
            tag(evil),
            banner(Tone::Bad, evil, &html! { (evil) }),
            verdict(Tone::Good, evil, evil, &html! { (evil) }, &[html! { (evil) }]),
            definitions([(evil, html! { (evil) })]),
            code(evil, evil, true, true),
            choices(evil, [(evil, evil, true)]),
            empty(Icon::Quiet, evil, evil),
        ];
        for part in all {
            assert!(!part.0.contains("<script") && part.0.contains("&lt;script"), "{}", part.0);
        }
    }
}
