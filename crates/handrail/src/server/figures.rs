//! The local socket's routes for how signing in goes, counted from the log, and for who was let in by name alone.

use super::http::Peer;
use super::local::{Local, Trouble, actor};
use audit::find::{Question, find, record};
use axum::extract::{Extension, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use events::{Event, Leaf, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use signin::figures::{Count, Figures, KINDS};
use std::time::Duration;

/// How many entries are read at once.
const ROWS: usize = 1_000;
/// The longest time looked back, in days.
const DAYS_MAX: u32 = 400;

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new().route("/sign-in/figures", get(figures)).route("/sign-in/provisional", get(provisional))
}

#[derive(Deserialize)]
struct Since {
    days: u32,
}

impl Since {
    fn time(&self, now: Timestamp) -> Timestamp {
        now - Duration::from_secs(24 * 3_600) * self.days.clamp(1, DAYS_MAX)
    }
}

/// Every entry of a kind since then, a page after the other.
async fn each(local: &Local, kind: &str, from: Timestamp, mut each: impl FnMut(Leaf)) -> Result<(), Trouble> {
    let search = local.search.of(&local.plane)?;
    let mut asked = Question { kind: Some(kind.to_owned()), from: Some(from), ..Question::default() };
    loop {
        let found = find(&local.plane, &search, &asked, ROWS).await?;
        found.leaves.into_iter().for_each(&mut each);
        match found.oldest.filter(|_| found.more) {
            Some(oldest) => asked.before = Some(oldest),
            None => return Ok(()),
        }
    }
}

/// Numbers only: they name nobody.
async fn figures(State(local): State<Local>, Query(since): Query<Since>) -> Result<Json<Figures>, Trouble> {
    let (mut count, now) = (Count::default(), local.plane.now());
    for kind in KINDS {
        each(&local, kind, since.time(now), |leaf| count.add(&leaf)).await?;
    }
    Ok(Json(count.figures(local.plane.engine().charter(), now)))
}

/// Who was let in by name alone, to be reviewed; that somebody looked is recorded first.
async fn provisional(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Query(since): Query<Since>,
) -> Result<Json<Vec<Value>>, Trouble> {
    let (mut all, now) = (Vec::new(), local.plane.now());
    let from = since.time(now);
    each(&local, "session.started", from, |leaf| {
        let Event::SessionStarted(started) = &leaf.draft.event else { return };
        let Some(due) = started.review_due else { return };
        all.push(json!({
            "entry": leaf.seq, "session": started.session, "said_to_be": started.principal, "workstation": started.workstation,
            "began": leaf.recorded_at, "review_due": due, "overdue": due <= now,
        }));
    })
    .await?;
    let asked = Question { kind: Some("session.started".to_owned()), from: Some(from), ..Question::default() };
    record(&local.plane, actor(peer)?, "sign-in provisional", &asked, all.len()).await?;
    Ok(Json(all))
}
