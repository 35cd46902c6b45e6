//! My patients: those I may see, and the field for the wristband.
//!
//! The list is a search like any other: recorded, and of those only with whom something connects me. A scanned number is decided and recorded
//! before its page opens, whoever has it; one that nobody has leads to a page like any forbidden one.

mod page;

use crate::asking::{ACTOR, Asker};
use crate::frame::{self, PATIENT, PATIENTS};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use decision::search::Walk;
use events::search::ANYTHING;
use events::{ActionName, PatientPseudonym, PrincipalId, SessionId, Timestamp};
use plane::{DecideError, Place, Sealer, Search, number};
use serde::{Deserialize, Serialize};
use signin::point::{PointOfCare, Posted, SignedIn};
use std::time::Duration;

/// The most patients on one page, which keeps it small.
const PATIENTS_MAX: usize = 16;
/// The most actions that are searched for until somebody is found.
const SEARCHES_MAX: usize = 4;
/// How long one may take to ask for the next page.
const MORE_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// The longest sealed place of a next page, in bytes.
const MORE_BYTES_MAX: usize = 1_024;

/// The list, and where wristbands are posted. Both are for whoever is signed in.
pub(crate) fn routes() -> Router<PointOfCare> {
    Router::new().route(PATIENTS, get(show).post(scan))
}

/// What was found.
pub(crate) struct Found {
    /// Whom.
    pub(crate) patients: Vec<PatientPseudonym>,
    /// What one may do for them.
    pub(crate) action: ActionName,
    /// Where the next page begins, sealed.
    pub(crate) more: Option<String>,
}

/// Where a next page begins, for one session.
#[derive(Serialize, Deserialize)]
struct More {
    session: SessionId,
    action: ActionName,
    after: Place,
    at: Timestamp,
}

fn sealer(point: &PointOfCare) -> Sealer {
    Sealer::new(point.plane(), "bedside more patients 1", MORE_BYTES_MAX)
}

/// Searches for those for whom one of these actions is permitted: the first that finds anybody.
async fn search(
    point: &PointOfCare,
    asker: &Asker,
    actions: &[ActionName],
    after: Option<Place>,
) -> Result<Option<Found>, DecideError> {
    for action in actions.iter().take(SEARCHES_MAX) {
        let Ok(anything) = PrincipalId::new(ANYTHING) else { return Ok(None) };
        let walk = Walk::Resources(asker.question(action, anything));
        let search = Search { walk, after: after.clone(), limit: PATIENTS_MAX, actor: ACTOR, request: None };
        let page = point.plane().search(search).await?;
        let patients: Vec<PatientPseudonym> = page.ids().iter().filter_map(|id| id.parse().ok()).collect();
        if patients.is_empty() {
            continue;
        }
        let more = page.next.and_then(|after| {
            let (session, action) = (asker.session.session.clone(), action.clone());
            sealer(point).seal(&More { session, action, after, at: asker.now })
        });
        return Ok(Some(Found { patients, action: action.clone(), more }));
    }
    Ok(None)
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    after: Option<String>,
}

/// Where somebody who is signed in begins.
async fn show(State(point): State<PointOfCare>, by: SignedIn, Query(wanted): Query<Wanted>) -> Response {
    let Some(asker) = Asker::of(&point, &by.session) else {
        return page::nobody(&point, &by).into_response();
    };
    let more = wanted
        .after
        .and_then(|sealed| sealer(&point).open::<More>(&sealed))
        .filter(|more| more.session == by.session.session && asker.now.since(more.at) < MORE_LIFETIME);
    let (actions, after) = match more {
        Some(more) => (vec![more.action], Some(more.after)),
        None => (asker.looks_first(), None),
    };
    match search(&point, &asker, &actions, after).await {
        Ok(Some(found)) => page::list(&point, &by, &asker, &found).into_response(),
        Ok(None) => page::empty(&point, &by, &asker).into_response(),
        Err(error) => frame::unanswered(&point, &by, &error).into_response(),
    }
}

#[derive(Deserialize)]
struct Scanned {
    #[serde(default)]
    number: String,
}

/// A wristband: whoever has that number is decided about like anybody else, and nobody is told whether anybody has.
async fn scan(State(point): State<PointOfCare>, Posted { by, fields }: Posted<Scanned>) -> Response {
    let Some(asker) = Asker::of(&point, &by.session) else {
        return page::nobody(&point, &by).into_response();
    };
    let number = fields.number.trim();
    if let Err(error) = number::check(number) {
        return page::misread(&point, &by, &asker, &error).with_status(StatusCode::BAD_REQUEST).into_response();
    }
    let patient = point.plane().directory().patient(number);
    let Some(action) = asker.looks_first().into_iter().next() else {
        return page::nobody(&point, &by).into_response();
    };
    match asker.ask(asker.about(&action, patient), None).await {
        Ok(_) => Redirect::to(&format!("{PATIENT}/{patient}")).into_response(),
        Err(error) => frame::unanswered(&point, &by, &error).into_response(),
    }
}
