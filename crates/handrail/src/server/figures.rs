//! The local socket's routes for how signing in goes, counted from the log, for who was let in by name alone and the review of it, and for who
//! asked for a way back in.

use super::http::Peer;
use super::local::{Local, Trouble, actor, bad};
use audit::find::{Question, find, record};
use axum::extract::{Extension, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use events::signin::Finding;
use events::{Event, Leaf, PrincipalId, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use signin::figures::{Count, Figures, KINDS};
use signin::recovery::account::{self, Account, Way};
use signin::review::{ReviewError, review};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many entries are read at once.
const ROWS: usize = 1_000;
/// The longest time looked back, in days.
const DAYS_MAX: u32 = 400;

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new()
        .route("/sign-in/figures", get(figures))
        .route("/sign-in/provisional", get(provisional))
        .route("/sign-in/reviews", post(reviewed))
        .route("/sign-in/recoveries", get(recoveries))
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
    let mut reviews = BTreeMap::new();
    each(&local, "provisional.reviewed", from, |leaf| {
        if let Event::ProvisionalReviewed(one) = leaf.draft.event {
            let told =
                json!({ "reviewer": one.reviewer, "finding": one.finding, "words": one.words, "at": leaf.recorded_at });
            reviews.insert(one.session, told);
        }
    })
    .await?;
    each(&local, "session.started", from, |leaf| {
        let Event::SessionStarted(started) = &leaf.draft.event else { return };
        let Some(due) = started.review_due else { return };
        let review = reviews.get(&started.session);
        all.push(json!({
            "entry": leaf.seq, "session": started.session, "said_to_be": started.principal, "workstation": started.workstation,
            "began": leaf.recorded_at, "review_due": due, "overdue": review.is_none() && due <= now,
            "review": review,
        }));
    })
    .await?;
    let asked = Question { kind: Some("session.started".to_owned()), from: Some(from), ..Question::default() };
    record(&local.plane, actor(peer)?, "sign-in provisional", &asked, all.len()).await?;
    Ok(Json(all))
}

/// What somebody found of one who was let in by name alone.
#[derive(Serialize, Deserialize)]
pub(crate) struct NewReview {
    pub(crate) entry: u64,
    pub(crate) reviewer: PrincipalId,
    pub(crate) finding: Finding,
    pub(crate) words: String,
}

async fn reviewed(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(new): Json<NewReview>,
) -> Result<StatusCode, Trouble> {
    let leaf = local.plane.store().read(|reader| reader.leaf(Seq(new.entry)))?;
    let leaf = leaf.ok_or_else(|| Trouble::not_found(format!("there is no entry {}", new.entry)))?;
    match review(&local.plane, &leaf, new.reviewer, (new.finding, &new.words), actor(peer)?).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error @ ReviewError::Record(_)) => Err(error.into()),
        Err(no) => Err(bad(no.to_string())),
    }
}

/// Who asked for a way back in and how that went; that somebody looked is recorded first.
async fn recoveries(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Query(since): Query<Since>,
) -> Result<Json<Vec<Way>>, Trouble> {
    let (mut account, now) = (Account::default(), local.plane.now());
    let from = since.time(now);
    for kind in account::KINDS {
        each(&local, kind, from, |leaf| account.add(&leaf)).await?;
    }
    let has_key = |who: &PrincipalId| local.plane.world(|world| !world.authenticators_of(who).is_empty());
    let all = account.ways(local.plane.engine().charter(), now, has_key);
    let asked = Question { kind: Some("recovery.asked".to_owned()), from: Some(from), ..Question::default() };
    record(&local.plane, actor(peer)?, "sign-in recoveries", &asked, all.len()).await?;
    Ok(Json(all))
}
