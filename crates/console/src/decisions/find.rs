//! Finding decisions in the log, a window at a time from either side. The log has no index by kind: decisions write none.

use super::wanted::{Place, Wanted};
use events::decision::Made;
use events::{Event, Leaf, Seq};
use std::ops::ControlFlow;
use store::{ReadError, Reader, Store};

/// Decisions on one page.
pub(crate) const PAGE_ROWS: usize = 50;
/// Entries read at once.
const WINDOW: u64 = 512;
/// Entries one page looks at before it shows what it has.
const LOOK_MAX: u64 = 20_000;
/// How far into a leaf its kind stands at the latest, in bytes.
const KIND_WITHIN: usize = 128;

/// A decision with its circumstances.
#[derive(Debug)]
pub(crate) struct Row(Leaf);

impl Row {
    fn of(leaf: Leaf) -> Option<Self> {
        matches!(leaf.draft.event, Event::DecisionMade(_)).then_some(Self(leaf))
    }

    pub(crate) const fn leaf(&self) -> &Leaf {
        &self.0
    }

    /// The decision.
    pub(crate) const fn made(&self) -> Option<&Made> {
        match &self.0.draft.event {
            Event::DecisionMade(made) => Some(made),
            _ => None,
        }
    }
}

/// What was found, newest first.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) rows: Vec<Row>,
    /// There may be more before this entry.
    pub(crate) older: Option<Seq>,
    /// There may be more after this entry.
    pub(crate) newer: Option<Seq>,
    /// Entries looked at.
    pub(crate) looked_at: u64,
}

impl Wanted {
    fn fits(&self, made: &Made) -> bool {
        self.effect.is_none_or(|effect| effect == made.effect)
            && self.workflow.as_ref().is_none_or(|workflow| made.workflow.as_ref() == Some(workflow))
    }
}

/// Finds what is wanted.
pub(crate) fn find(store: &Store, wanted: &Wanted) -> Result<Found, ReadError> {
    let end = store.head().next;
    match wanted.place {
        Place::Newest => backwards(store, wanted, end, end),
        Place::Before(entry) => backwards(store, wanted, entry.min(end), end),
        Place::After(entry) => forwards(store, wanted, Seq(entry.0.saturating_add(1)).min(end), end),
    }
}

/// The decisions among these entries, in their order.
pub(crate) fn by_entry(store: &Store, entries: &[Seq]) -> Result<Vec<Row>, ReadError> {
    store.read(|reader| {
        let mut rows = Vec::new();
        for entry in entries {
            rows.extend(reader.leaf(*entry)?.and_then(Row::of));
        }
        Ok(rows)
    })
}

fn backwards(store: &Store, wanted: &Wanted, before: Seq, end: Seq) -> Result<Found, ReadError> {
    let mut found = Found::default();
    let mut to = before.0;
    while found.rows.len() < PAGE_ROWS && to > 0 && found.looked_at < LOOK_MAX {
        let from = to.saturating_sub(WINDOW);
        let mut window = store.read(|reader| look(reader, wanted, from, to))?;
        window.reverse();
        found.rows.extend(window);
        found.looked_at += to - from;
        to = from;
    }
    found.rows.truncate(PAGE_ROWS);
    let full = found.rows.len() == PAGE_ROWS;
    let reached = if full { found.rows.last().map_or(to, |row| row.leaf().seq.0) } else { to };
    found.older = (reached > 0).then_some(Seq(reached));
    found.newer = (before < end).then(|| Seq(before.0.saturating_sub(1)));
    Ok(found)
}

fn forwards(store: &Store, wanted: &Wanted, from: Seq, end: Seq) -> Result<Found, ReadError> {
    let mut found = Found::default();
    let mut at = from.0;
    while found.rows.len() < PAGE_ROWS && at < end.0 && found.looked_at < LOOK_MAX {
        let to = at.saturating_add(WINDOW).min(end.0);
        found.rows.extend(store.read(|reader| look(reader, wanted, at, to))?);
        found.looked_at += to - at;
        at = to;
    }
    found.rows.truncate(PAGE_ROWS);
    let full = found.rows.len() == PAGE_ROWS;
    let reached = if full { found.rows.last().map_or(at, |row| row.leaf().seq.0 + 1) } else { at };
    found.rows.reverse();
    found.newer = (reached < end.0).then(|| Seq(reached.saturating_sub(1)));
    found.older = (from.0 > 0).then_some(from);
    Ok(found)
}

fn look(reader: &Reader<'_>, wanted: &Wanted, from: u64, to: u64) -> Result<Vec<Row>, ReadError> {
    let mut rows = Vec::new();
    reader.scan(Seq(from), Seq(to), |_, bytes| {
        if may_be_decision(bytes)
            && let Ok(leaf) = Leaf::parse(bytes)
            && let Some(row) = Row::of(leaf)
            && row.made().is_some_and(|made| wanted.fits(made))
        {
            rows.push(row);
        }
        ControlFlow::Continue(())
    })?;
    Ok(rows)
}

/// A quick look at the beginning of a leaf, where its kind stands, so that others need not be parsed.
fn may_be_decision(bytes: &[u8]) -> bool {
    const KIND: &[u8] = b"\"kind\":\"decision.made\"";
    bytes.get(..KIND_WITHIN).unwrap_or(bytes).windows(KIND.len()).any(|window| window == KIND)
}
