//! `GET /`.

use super::page::{self, Seen};
use super::rules::{State as Everything, needs};
use crate::decisions::find::{Row, by_entry};
use crate::trouble::Trouble;
use crate::{Console, feeds, frame};
use axum::extract::State;
use events::Seq;
use pages::{Document, Page};
use signin::operator::Operator;

/// How many denies are shown.
const DENIES_SHOWN: usize = 6;

/// What needs somebody now.
pub(crate) async fn show(State(console): State<Console>, operator: Operator) -> Result<Document, Document> {
    let shell = frame::shell(&console, &operator);
    let plane = console.desk.plane();
    let counts = console.tally.look(plane.store()).await.map_err(|trouble| trouble.page(&shell))?;
    let denies = recent_denies(&console, &operator, counts.denies.iter().copied().take(DENIES_SHOWN).collect()).await;
    let (engine, watch) = (plane.engine(), frame::watch(&console));
    let charter = engine.charter();
    let feeds = feeds::rules::rows(charter, &counts, watch.now());
    let state = Everything {
        charter,
        readiness: plane.readiness(),
        head: plane.store().head(),
        health: plane.store().health(),
        feeds: &feeds,
        counts: &counts,
        now: watch.now(),
    };
    let seen = Seen { needs: needs(&state), state: &state, denies, live: plane.live().len(), watch: &watch };
    Ok(shell.page(Page { title: "What needs you now", place: "/", body: page::body(&seen), ..Page::default() }))
}

/// The newest denies, unless looking at them cannot be recorded: this page has to work even then.
async fn recent_denies(console: &Console, operator: &Operator, entries: Vec<Seq>) -> Result<Vec<Row>, Trouble> {
    let rows = by_entry(console.desk.plane().store(), &entries)?;
    if let (Some(last), Some(first)) = (entries.first(), entries.last()) {
        console.readings.listed(console.desk.plane(), operator, *first, Seq(last.0 + 1)).await?;
    }
    Ok(rows)
}
