//! Who works where and when.

use super::{Api, Problem, Reply, id};
use crate::rota::{self, RotaError, ShiftRow};
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use callers::{Caller, FeedRota};
use events::rota::ShiftWithdrawn;
use events::{Actor, Draft, Event, FeedName, PrincipalId, ShiftId, Source, feed};
use serde::Deserialize;
use smol_str::SmolStr;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rota {
    shifts: Vec<ShiftRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    person: String,
}

pub(super) async fn tell(
    caller: Caller<FeedRota>,
    State(api): State<Api>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    let body = body?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let shifts = match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "text/csv" => rota::from_csv(&body, caller.charter())?,
        "application/json" => {
            let rota: Rota = serde_json::from_slice(&body).map_err(|wrong| Problem::Wrong(wrong.to_string()))?;
            rota::shifts(&rota.shifts, caller.charter())?
        }
        _ => {
            let expected = "a rota is `application/json` or `text/csv`".to_owned();
            return Err(Problem::Body(StatusCode::UNSUPPORTED_MEDIA_TYPE, expected));
        }
    };
    if shifts.is_empty() {
        // A rota system that has nothing new to say is alive all the same.
        let heard =
            feed::Heard { feed: rota_feed()?, message_type: SmolStr::new_static("rota"), sha256: SmolStr::default() };
        return api.record_all(vec![draft(caller.actor(), heard)?]).await;
    }
    api.record_all(shifts.into_iter().map(|shift| draft(caller.actor(), shift)).collect::<Result<_, _>>()?).await
}

pub(super) async fn withdraw(
    caller: Caller<FeedRota>,
    State(api): State<Api>,
    Path(shift): Path<String>,
    whose: Result<Query<Whose>, QueryRejection>,
) -> Reply {
    let Query(Whose { person }) = whose.map_err(|wrong| Problem::Wrong(wrong.body_text()))?;
    let (shift, person) = (id("shift", ShiftId::new(&shift))?, id("person", PrincipalId::new(&person))?);
    api.record_all(vec![draft(caller.actor(), ShiftWithdrawn { shift, person })?]).await
}

fn rota_feed() -> Result<FeedName, Problem> {
    id("feed", FeedName::new(world::ROTA_FEED))
}

fn draft(actor: Actor, event: impl Into<Event>) -> Result<Draft, Problem> {
    let source = Source { feed: rota_feed()?, message: SmolStr::new_static("api") };
    Ok(Draft { source: Some(source), ..Draft::new(actor, event) })
}

impl From<RotaError> for Problem {
    fn from(error: RotaError) -> Self {
        Self::Wrong(error.to_string())
    }
}
