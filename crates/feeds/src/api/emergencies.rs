//! A unit in an emergency.

use super::{Api, Problem, Reply, unit};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use callers::{Caller, FeedEmergencies};
use events::emergency::{Declared, Ended};
use events::{Draft, Timestamp};
use serde::Deserialize;
use std::time::Duration;

/// The longest an emergency may be declared for; it can be declared again.
const EMERGENCY_MAX: Duration = Duration::from_secs(72 * 60 * 60);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Until {
    until: Timestamp,
}

pub(super) async fn declare(
    caller: Caller<FeedEmergencies>,
    State(api): State<Api>,
    Path(code): Path<String>,
    body: Result<Json<Until>, JsonRejection>,
) -> Reply {
    let Json(Until { until }) = body?;
    let unit = unit(caller.charter(), &code)?;
    let now = api.plane.now();
    if until <= now || until.since(now) > EMERGENCY_MAX {
        return Err(Problem::Wrong("an emergency ends in the next 72 hours; it can be declared again".to_owned()));
    }
    let draft = Draft { place: Some(unit.clone()), ..Draft::new(caller.actor(), Declared { unit, until }) };
    api.record_all(vec![draft]).await
}

pub(super) async fn end(caller: Caller<FeedEmergencies>, State(api): State<Api>, Path(code): Path<String>) -> Reply {
    let unit = unit(caller.charter(), &code)?;
    let draft = Draft { place: Some(unit.clone()), ..Draft::new(caller.actor(), Ended { unit }) };
    api.record_all(vec![draft]).await
}
