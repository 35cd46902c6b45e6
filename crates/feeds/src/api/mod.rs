//! What other systems tell us over HTTP, each with its own token and right: people, rota, devices, posture, teams, emergencies.
//!
//! | call | right | body |
//! |---|---|---|
//! | `PUT /feeds/v1/people` | `feed_people` | `{"people":[{"id","class","roles",…}]}` |
//! | `DELETE /feeds/v1/people/{id}` | `feed_people` | |
//! | `PUT /feeds/v1/rota` | `feed_rota` | `{"shifts":[{"shift","person","unit","from","until","on_call"}]}`, or the same as `text/csv` |
//! | `DELETE /feeds/v1/rota/{shift}?person=ID` | `feed_rota` | |
//! | `PUT /feeds/v1/devices` | `feed_devices` | `{"devices":[{"id","kind","unit","shared","managed"}]}` |
//! | `DELETE /feeds/v1/devices/{id}` | `feed_devices` | |
//! | `PUT /feeds/v1/posture` | `feed_devices` | `{"reports":[{"device","posture","good_until","reason"}]}` |
//! | `PUT /feeds/v1/teams` | `feed_teams` | `{"members":[{"record","person","until"}]}` |
//! | `POST /feeds/v1/teams/leave` | `feed_teams` | `{"members":[{"record","person"}]}` |
//! | `POST /feeds/v1/patients/temporary` | `feed_patients` | `{"unit"}` → 201 `{"record","patient"}` |
//! | `POST /feeds/v1/patients/merge` | `feed_patients` | `{"record","retired"}` → 204 |
//! | `PUT /feeds/v1/emergencies/{unit}` | `feed_emergencies` | `{"until"}` |
//! | `DELETE /feeds/v1/emergencies/{unit}` | `feed_emergencies` | |
//!
//! A request is recorded as a whole or not at all. The answer, `{"recorded":N,"last_entry":SEQ}`, comes when the world has it. Errors are
//! one JSON string.

mod devices;
mod emergencies;
mod patients;
mod people;
mod shifts;
mod teams;

use axum::Router;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post, put};
use callers::Callers;
use charter::Charter;
use events::{Draft, IdError, Seq, UnitId, is_unseen};
use plane::Plane;
use serde::Serialize;
use store::{AppendError, Batch};

/// The longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most things one request may tell of.
pub const ITEMS_MAX: usize = 5_000;

/// What the endpoints work with.
#[derive(Clone, Debug)]
struct Api {
    plane: Plane,
    callers: Callers,
}

impl FromRef<Api> for Callers {
    fn from_ref(api: &Api) -> Self {
        api.callers.clone()
    }
}

/// The endpoints.
pub fn routes(plane: Plane, callers: Callers) -> Router {
    Router::new()
        .route("/feeds/v1/people", put(people::tell))
        .route("/feeds/v1/people/{id}", delete(people::end))
        .route("/feeds/v1/rota", put(shifts::tell))
        .route("/feeds/v1/rota/{shift}", delete(shifts::withdraw))
        .route("/feeds/v1/devices", put(devices::tell))
        .route("/feeds/v1/devices/{id}", delete(devices::retire))
        .route("/feeds/v1/posture", put(devices::report))
        .route("/feeds/v1/teams", put(teams::join))
        .route("/feeds/v1/teams/leave", post(teams::leave))
        .route("/feeds/v1/patients/temporary", post(patients::temporary))
        .route("/feeds/v1/patients/merge", post(patients::merge))
        .route("/feeds/v1/emergencies/{unit}", put(emergencies::declare).delete(emergencies::end))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Api { plane, callers })
}

/// What was recorded.
#[derive(Debug, Serialize)]
struct Told {
    /// How many entries.
    recorded: usize,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_entry: Option<Seq>,
}

/// Why a request was not recorded.
#[derive(Debug)]
enum Problem {
    /// It cannot be read, or says something that cannot be.
    Wrong(String),
    /// It says of two people what can be true of one only.
    Taken(String),
    /// A body that could not be read, with the status the reader gives it.
    Body(StatusCode, String),
    /// It could not be recorded; nothing of it was.
    Unrecorded(AppendError),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Wrong(message) => (StatusCode::BAD_REQUEST, message),
            Self::Taken(message) => (StatusCode::CONFLICT, message),
            Self::Body(status, message) => (status, message),
            Self::Unrecorded(error) => {
                let status = match error {
                    AppendError::TooLong { .. } | AppendError::TooMany { .. } => StatusCode::BAD_REQUEST,
                    AppendError::Conflict(_) | AppendError::Taken(_) => StatusCode::CONFLICT,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                (status, error.to_string())
            }
        };
        (status, axum::Json(message)).into_response()
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        // The form of a body is always the caller's mistake: 400, but for one that is too long.
        match rejection.status() {
            status @ (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE) => {
                Self::Body(status, rejection.body_text())
            }
            _ => Self::Wrong(rejection.body_text()),
        }
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        Self::Body(rejection.status(), rejection.body_text())
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        Self::Unrecorded(error)
    }
}

type Reply = Result<axum::Json<Told>, Problem>;

impl Api {
    async fn record(&self, batch: Batch) -> Reply {
        if batch.drafts.is_empty() {
            return Ok(axum::Json(Told { recorded: 0, last_entry: None }));
        }
        let recorded = Box::pin(self.plane.record(batch)).await?;
        Ok(axum::Json(Told { recorded: recorded.len(), last_entry: recorded.last().map(|leaf| leaf.seq) }))
    }

    /// As [`Self::record`], of what is prepared from the directory, anew if need be.
    async fn record_prepared(&self, mut prepare: impl FnMut() -> Result<Batch, Problem>) -> Reply {
        if prepare()?.drafts.is_empty() {
            return Ok(axum::Json(Told { recorded: 0, last_entry: None }));
        }
        let recorded = Box::pin(self.plane.record_prepared(prepare)).await?;
        Ok(axum::Json(Told { recorded: recorded.len(), last_entry: recorded.last().map(|leaf| leaf.seq) }))
    }

    async fn record_all(&self, drafts: Vec<Draft>) -> Reply {
        self.record(Batch::of(drafts)).await
    }
}

fn few(count: usize) -> Result<(), Problem> {
    if count > ITEMS_MAX {
        Err(Problem::Wrong(format!("a request tells of at most {ITEMS_MAX} things, this of {count}")))
    } else {
        Ok(())
    }
}

fn at_most(what: &str, count: usize, max: usize) -> Result<(), Problem> {
    if count > max { Err(Problem::Wrong(format!("at most {max} {what}, here are {count}"))) } else { Ok(()) }
}

fn unit(charter: &Charter, code: &str) -> Result<UnitId, Problem> {
    let unknown = || Problem::Wrong(format!("the charter knows no unit called `{}`", short(code)));
    charter.unit_by_code(code).cloned().ok_or_else(unknown)
}

/// A record number, bare of the white space a form leaves around it.
fn number(sent: &str) -> Result<&str, Problem> {
    let number = sent.trim();
    plane::number::check(number).map_err(|error| Problem::Wrong(error.to_string()))?;
    Ok(number)
}

fn id<T>(what: &str, read: Result<T, IdError>) -> Result<T, Problem> {
    read.map_err(|wrong| Problem::Wrong(format!("`{what}` is not an id: {wrong}")))
}

/// An id that looks like no other: without characters that nobody sees. Those of older entries are still read, and can be ended.
fn seen(what: &str, id: &str) -> Result<(), Problem> {
    if id.chars().any(is_unseen) {
        return Err(Problem::Wrong(format!(
            "`{what}` has characters that cannot be seen, so it could be taken for another"
        )));
    }
    Ok(())
}

fn short(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(64).collect()
}
