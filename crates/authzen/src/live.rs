//! Permits that stay live: opened like an evaluation, watched until they end, given back when no longer needed.

use crate::reply::{Body, ReplyError, request_id};
use crate::wire::{Decision, Evaluation};
use crate::{Api, evaluate};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use callers::{Caller, EvaluateLive};
use events::decision::EndMode;
use events::{CallerName, Seq, Timestamp};
use futures_util::{Stream, stream};
use plane::{LivePermit, Lost, Standing};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

/// How often a silent watch says that it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The most permits one caller watches at a time.
pub(crate) const WATCHES_OF_ONE_MAX: usize = 4096;

/// How many permits each caller watches.
#[derive(Debug, Default)]
pub(crate) struct Watches(Mutex<HashMap<CallerName, usize>>);

impl Watches {
    fn lock(&self) -> MutexGuard<'_, HashMap<CallerName, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more for a caller, if it may, for as long as what this returns lives.
    fn begin(self: &Arc<Self>, caller: &CallerName) -> Result<Watch, ReplyError> {
        let mut watches = self.lock();
        let count = watches.entry(caller.clone()).or_default();
        if *count >= WATCHES_OF_ONE_MAX {
            return Err(ReplyError::WatchesTooMany);
        }
        *count += 1;
        Ok(Watch { watches: Arc::clone(self), caller: caller.clone() })
    }
}

/// One watch of a caller.
struct Watch {
    watches: Arc<Watches>,
    caller: CallerName,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watches = self.watches.lock();
        if let Some(count) = watches.get_mut(&self.caller) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                watches.remove(&self.caller);
            }
        }
    }
}

/// `POST /handrail/v1/permits`
pub(crate) async fn open(
    State(api): State<Api>,
    caller: Caller<EvaluateLive>,
    headers: HeaderMap,
    Body(sent): Body<Evaluation>,
) -> Result<(StatusCode, Json<Decision>), ReplyError> {
    let answer = evaluate::decide(&api, &caller, request_id(&headers), sent.asked(), true).await?;
    let status = if answer.decision { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(answer)))
}

/// The entry a path names. What cannot be an entry is no permit.
type Entry = Result<Path<u64>, PathRejection>;

/// The permit, if this caller holds it. Whether somebody else does is not told.
async fn held(api: &Api, caller: &Caller<EvaluateLive>, entry: Entry) -> Result<LivePermit, ReplyError> {
    let Path(entry) = entry.map_err(|_| ReplyError::NoSuchPermit)?;
    let permit = api.plane.permit(Seq(entry)).await?;
    permit.filter(|permit| permit.actor == caller.actor()).ok_or(ReplyError::NoSuchPermit)
}

/// A permit as its holder sees it.
#[derive(Serialize)]
struct Held {
    permit: Seq,
    #[serde(flatten)]
    standing: Value,
    expires_at: Timestamp,
}

fn described(standing: Standing) -> Value {
    match standing {
        Standing::Holds => json!({ "standing": "holds" }),
        Standing::Ended { cause, mode } => json!({ "standing": "ended", "cause": cause, "mode": mode }),
    }
}

/// How a permit stands on a node that cannot say: nothing may rest on it until another node was asked.
fn unknown(why: Lost) -> Value {
    json!({ "standing": "unknown", "cause": why.name(), "mode": EndMode::Now })
}

/// `GET /handrail/v1/permits/{entry}`
pub(crate) async fn standing(
    State(api): State<Api>,
    caller: Caller<EvaluateLive>,
    entry: Entry,
) -> Result<Json<Value>, ReplyError> {
    let permit = held(&api, &caller, entry).await?;
    let standing = api.plane.lost().map_or_else(|| described(permit.standing()), unknown);
    Ok(Json(json!(Held { permit: permit.entry, expires_at: permit.expires_at, standing })))
}

/// `DELETE /handrail/v1/permits/{entry}`
pub(crate) async fn release(
    State(api): State<Api>,
    caller: Caller<EvaluateLive>,
    entry: Entry,
) -> Result<StatusCode, ReplyError> {
    let permit = held(&api, &caller, entry).await?;
    api.plane.release(permit.entry, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /handrail/v1/permits/{entry}/watch`: server-sent events, one when the watch begins and one when the permit ends, then the end. Where the node
/// cannot say any more what holds, it says that, and ends as well.
pub(crate) async fn watch(
    State(api): State<Api>,
    caller: Caller<EvaluateLive>,
    entry: Entry,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ReplyError> {
    let permit = held(&api, &caller, entry).await?;
    let standing = api.plane.live().watch(permit.entry).ok_or(ReplyError::NoSuchPermit)?;
    let watch = api.watches.begin(caller.name())?;
    let watched = Watched { standing, lost: api.plane.watch_lost(), stop: api.stop.clone(), _watch: watch };
    // Whether it is lost just now, said by itself: nobody else may have looked yet.
    let begins = api.plane.lost().map_or(Watching::Begins, Watching::Lost);
    Ok(Sse::new(stream::unfold((begins, watched), next)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

#[derive(Clone, Copy)]
enum Watching {
    Begins,
    Waits,
    Lost(Lost),
    Over,
}

/// What one watch follows.
struct Watched {
    standing: Receiver<Standing>,
    lost: Receiver<Option<Lost>>,
    stop: CancellationToken,
    _watch: Watch,
}

async fn next(
    (watching, mut watched): (Watching, Watched),
) -> Option<(Result<Event, Infallible>, (Watching, Watched))> {
    let (name, told, after) = match watching {
        Watching::Begins => said(*watched.standing.borrow_and_update()),
        Watching::Waits => {
            tokio::select! {
                () = watched.stop.cancelled() => return None,
                changed = watched.standing.changed() => {
                    changed.ok()?;
                    said(*watched.standing.borrow_and_update())
                }
                why = is_lost(&mut watched.lost) => ("unknown", unknown(why?), Watching::Over),
            }
        }
        Watching::Lost(why) => ("unknown", unknown(why), Watching::Over),
        Watching::Over => return None,
    };
    Some((Ok(Event::default().event(name).data(told.to_string())), (after, watched)))
}

/// Waits until the node cannot say any more what holds.
async fn is_lost(lost: &mut Receiver<Option<Lost>>) -> Option<Lost> {
    lost.wait_for(Option::is_some).await.ok().and_then(|lost| *lost)
}

fn said(standing: Standing) -> (&'static str, Value, Watching) {
    match standing {
        Standing::Holds => ("holds", described(standing), Watching::Waits),
        Standing::Ended { .. } => ("ended", described(standing), Watching::Over),
    }
}
