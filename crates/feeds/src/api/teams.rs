//! Who treats whom. Record numbers become pseudonyms here; a number that is new is made known.

use super::{Api, Problem, Reply, few, number};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use callers::{Caller, FeedTeams};
use events::team::{Joined, Left};
use events::{Draft, Event, PatientPseudonym, PrincipalId, Timestamp};
use plane::number::is_temporary;
use serde::Deserialize;
use store::{Batch, Write};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Members {
    members: Vec<Member>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    record: String,
    person: PrincipalId,
    until: Option<Timestamp>,
}

pub(super) async fn join(
    caller: Caller<FeedTeams>,
    State(api): State<Api>,
    body: Result<Json<Members>, JsonRejection>,
) -> Reply {
    let Json(Members { members }) = body?;
    let joined = |patient, Member { person, until, .. }| Joined { patient, person, until };
    tell(&api, &caller, members, joined).await
}

pub(super) async fn leave(
    caller: Caller<FeedTeams>,
    State(api): State<Api>,
    body: Result<Json<Members>, JsonRejection>,
) -> Reply {
    let Json(Members { members }) = body?;
    if members.iter().any(|member| member.until.is_some()) {
        return Err(Problem::Wrong("who leaves a team leaves it now: `until` has no place here".to_owned()));
    }
    tell(&api, &caller, members, |patient, Member { person, .. }| Left { patient, person }).await
}

async fn tell<E: Into<Event>>(
    api: &Api,
    caller: &Caller<FeedTeams>,
    members: Vec<Member>,
    event: impl Fn(PatientPseudonym, Member) -> E,
) -> Reply {
    few(members.len())?;
    api.record_prepared(|| prepared(api, caller, &members, &event)).await
}

fn prepared<E: Into<Event>>(
    api: &Api,
    caller: &Caller<FeedTeams>,
    members: &[Member],
    event: &impl Fn(PatientPseudonym, Member) -> E,
) -> Result<Batch, Problem> {
    let mut writes: Vec<Write> = Vec::new();
    let mut drafts = Vec::with_capacity(members.len());
    for member in members {
        let record = number(&member.record)?;
        if is_temporary(record) && !api.plane.directory().knows(record) {
            return Err(Problem::Wrong("a temporary number that was never given out is nobody's".to_owned()));
        }
        let named = api.plane.directory().patient_or_new(record);
        writes.extend(named.write);
        drafts.push(Draft::new(caller.actor(), event(named.pseudonym, member.clone())));
    }
    Ok(Batch { drafts, writes, ..Batch::default() })
}
