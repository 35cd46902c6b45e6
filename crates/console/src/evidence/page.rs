//! How the ledger, an entry and its proof look.

use super::proof::Proof;
use events::{Bearing, Event, Leaf};
use maud::{Markup, html};
use pages::{
    Column, Icon, Table, Tile, Tone, Watch, badge, code, counted, definitions, empty, number, plural, sheet, tag, tiles,
};
use store::{Head, Health};

/// How the ledger is.
pub(super) struct State {
    pub(super) head: Head,
    pub(super) health: Health,
    /// The last checkpoint as a signed note.
    pub(super) checkpoint: Option<String>,
    pub(super) key: String,
    /// What each witness said last.
    pub(super) witnesses: Vec<Witness>,
    /// Newest first.
    pub(super) newest: Vec<Leaf>,
}

/// A witness, as of the last time it was asked.
pub(super) struct Witness {
    pub(super) name: String,
    /// How many entries the checkpoint has that it cosigned last; 0 for none.
    pub(super) size: u64,
    /// Why it did not cosign when last asked; empty if it did.
    pub(super) trouble: String,
}

/// Everything under the heading of the ledger's page.
pub(super) fn state(state: &State, watch: &Watch) -> Markup {
    html! {
        @if let Some(why) = state.health.trouble() {
            (pages::banner(Tone::Bad, "The ledger takes no entries", &html! { (why) ". Nothing is answered until it does: no authority without evidence." }))
        }
        (figures(state, watch))
        div.beside {
            div { (sheet("Newest entries", &html! { "newest first" }, &newest(&state.newest, watch))) }
            div {
                (sheet("Checkpoint", &html! { "signed" }, &html! {
                    div.pad {
                        @if let Some(note) = &state.checkpoint {
                            p.small { "Keep a copy somewhere else: with it, anybody can prove later that these entries were not changed." }
                            (code("Signed note", note, true, true))
                        } @else { (empty(Icon::Ledger, "Nothing is sealed yet", "The first checkpoint follows within a second of the first entry.")) }
                    }
                }))
                (sheet("Key", &html! {}, &html! {
                    div.pad {
                        p.small { "Checkpoints are signed with it. Hold it from a place other than this server." }
                        (code("Ed25519 public key", &state.key, true, true))
                    }
                }))
            }
        }
        (sheet("Witnesses", &html! {}, &witnesses(&state.witnesses)))
        (sheet("Check it yourself", &html! {}, &html! { div.pad {
            p.lead { "Export the log to a plain directory and verify it on another machine, with Handrail or with any other C2SP tlog-tiles client." }
            (code("On the server", "handrail ledger export DIRECTORY --data DIR", true, true))
            (code("Anywhere", "handrail-verify DIRECTORY --key KEY", true, true))
        } }))
    }
}

fn figures(state: &State, watch: &Watch) -> Markup {
    let behind = state.head.next.0.saturating_sub(state.head.sealed);
    tiles([
        Tile {
            label: "Entries",
            figure: html! { (number(state.head.next.0)) },
            tone: if state.health.trouble().is_some() { Tone::Bad } else { Tone::Good },
            state: html! { @if state.health.trouble().is_some() { "takes none now" } @else { "takes more" } },
            href: None,
            chart: html! {},
        },
        Tile {
            label: "Sealed",
            figure: html! { (number(state.head.sealed)) },
            tone: if behind == 0 { Tone::Good } else { Tone::Note },
            state: html! { @if behind == 0 { "all of them" } @else { (number(behind)) " follow within a second" } },
            href: None,
            chart: html! {},
        },
        Tile {
            label: "Last entry",
            figure: html! { @if state.head.next.0 > 0 { (watch.ago(state.head.recorded_at)) } @else { "none" } },
            tone: Tone::Plain,
            state: html! { @if state.head.next.0 > 0 { (watch.exact(state.head.recorded_at)) } },
            href: None,
            chart: html! {},
        },
        Tile {
            label: "Waiting to be written",
            figure: html! { (number(state.health.queue_batches as u64)) small { " " (plural(state.health.queue_batches as u64, "batch")) } },
            tone: Tone::Plain,
            state: html! { "at this moment" },
            href: None,
            chart: html! {},
        },
    ])
}

/// Who else remembers how long the log is.
fn witnesses(witnesses: &[Witness]) -> Markup {
    let mut table =
        Table::new("Witnesses", [Column::text("Witness"), Column::tight("Cosigned entries"), Column::text("State")]);
    for Witness { name, size, trouble } in witnesses {
        let state = html! {
            @if trouble.is_empty() { (badge(Tone::Good, "cosigned when last asked")) }
            @else { (badge(Tone::Bad, "did not cosign")) " " (trouble) }
        };
        table.row([html! { (name) }, html! { (number(*size)) }, state]);
    }
    html! {
        @if table.is_empty() {
            (empty(Icon::Ledger, "No witness was ever asked", "Whoever controls this server could rewrite the log and sign it anew, and only a checkpoint kept elsewhere would show it. A witness keeps one all the time."))
        } @else { (table) }
    }
}

fn newest(leaves: &[Leaf], watch: &Watch) -> Markup {
    let mut table = Table::new(
        "Newest entries",
        [Column::tight("Entry"), Column::tight("When"), Column::text("What"), Column::text("Caused by")],
    );
    for leaf in leaves {
        table.row([
            html! { a.cover href={ "/ledger/" (leaf.seq) } { (number(leaf.seq.0)) } },
            watch.short(leaf.recorded_at),
            html! { (leaf.draft.event.kind().name) },
            html! { (leaf.draft.actor) },
        ]);
    }
    html! {
        @if table.is_empty() { (empty(Icon::Ledger, "The log is empty", "Whatever happens is listed here.")) } @else { (table) }
    }
}

/// Everything under the heading of an entry's page.
pub(super) fn entry(proof: &Proof, watch: &Watch) -> Markup {
    let (leaf, draft) = (&proof.leaf, &proof.leaf.draft);
    let kind = draft.event.kind();
    let mut items: Vec<(&str, Markup)> = vec![
        (
            "What",
            html! { (tag(kind.name)) @if kind.bearing == Bearing::Fact { " " (badge(Tone::Note, "changes facts")) } },
        ),
        ("Caused by", html! { (draft.actor) }),
        ("Recorded", watch.exact(leaf.recorded_at)),
    ];
    if let Some(occurred) = draft.occurred_at {
        items.push(("Happened", watch.exact(occurred)));
    }
    if let Some(patient) = draft.event.patient() {
        items.push(("Patient", html! { code { (patient) } }));
    }
    if let Some(source) = &draft.source {
        items.push(("Message", html! { (source.feed) ", number " code { (source.message) } }));
    }
    html! {
        @if matches!(draft.event, Event::DecisionMade(_)) {
            div.row { (pages::form::link(pages::form::Weight::Main, &format!("/decisions/{}", leaf.seq), "Explain this decision")) }
        }
        (sheet("The entry", &html! {}, &html! { div.pad { (definitions(items)) } }))
        (evidence(proof, watch))
    }
}

/// The entry as it was written, and the proof that it is in the log.
pub(crate) fn evidence(proof: &Proof, watch: &Watch) -> Markup {
    let seq = proof.leaf.seq;
    let path: String = proof.path.iter().map(|hash| format!("{hash}\n")).collect();
    html! {
        (sheet("Evidence", &html! { (badge(Tone::Good, "Proof checked just now")) }, &html! {
            div.pad {
                p {
                    "This is entry " strong { (number(seq.0)) } " of a log that can only grow, recorded " (watch.exact(proof.leaf.recorded_at))
                    ". The signed checkpoint below covers " (counted(proof.checkpoint.size, "entry")) "; "
                    @if proof.path.is_empty() { "the entry’s hash is its root." }
                    @else { "the entry’s hash and the " (counted(proof.path.len() as u64, "hash")) " of the path lead to its root." }
                }
                (definitions([
                    ("Leaf hash", html! { code { (proof.leaf_hash) } }),
                    ("Tree size", html! { (number(proof.checkpoint.size)) }),
                    ("Root hash", html! { code { (proof.checkpoint.root) } }),
                    ("Log", html! { code { (proof.checkpoint.origin) } }),
                ]))
                details { summary { "The entry as it was written" } (code("The bytes that were hashed", &String::from_utf8_lossy(&proof.bytes), true, true)) }
                details {
                    summary { "Path and checkpoint" }
                    @if !proof.path.is_empty() { (code("From the entry to the root, one hash a line", path.trim_end(), true, true)) }
                    (code("Signed checkpoint", &proof.note, true, true))
                    (code("Key that signed it", &proof.key, true, true))
                }
                details {
                    summary { "How to check it elsewhere" }
                    p { "The hash of an entry is SHA-256 over a zero byte and its bytes; the hash of two is SHA-256 over a one byte and both (RFC 6962). Any C2SP tlog client can check the path. Or let Handrail do it:" }
                    (code("The proof alone, on the server", &format!("handrail ledger prove {seq} --data DIR"), true, true))
                    (code("The whole log, on the server", "handrail ledger export DIRECTORY --data DIR", true, true))
                    (code("The whole log, anywhere", &format!("handrail-verify DIRECTORY --key {}", proof.key), true, true))
                }
            }
        }))
    }
}
