//! Patients nobody can name yet, and the records that turn out to be one patient.

use super::{Api, Problem, unit};
use crate::temporary::{self, TemporaryError};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use callers::{Caller, FeedPatients};
use events::PatientPseudonym;
use plane::NUMBER_BYTES_MAX;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Where {
    unit: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Given {
    record: String,
    patient: PatientPseudonym,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Same {
    record: String,
    retired: String,
}

pub(super) async fn temporary(
    caller: Caller<FeedPatients>,
    State(api): State<Api>,
    body: Result<Json<Where>, JsonRejection>,
) -> Result<(StatusCode, Json<Given>), Problem> {
    let Json(Where { unit: code }) = body?;
    let unit = unit(caller.charter(), &code)?;
    let given = Box::pin(temporary::admit(&api.plane, unit, caller.actor())).await?;
    Ok((StatusCode::CREATED, Json(Given { record: given.number, patient: given.patient })))
}

pub(super) async fn merge(
    caller: Caller<FeedPatients>,
    State(api): State<Api>,
    body: Result<Json<Same>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Same { record, retired }) = body?;
    for number in [&record, &retired] {
        if number.trim().is_empty() || number.len() > NUMBER_BYTES_MAX || number.chars().any(char::is_control) {
            return Err(Problem::Wrong(format!(
                "a record number has 1 to {NUMBER_BYTES_MAX} bytes and no control characters"
            )));
        }
    }
    Box::pin(temporary::merge(&api.plane, retired.trim(), record.trim(), caller.actor())).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<TemporaryError> for Problem {
    fn from(error: TemporaryError) -> Self {
        match error {
            TemporaryError::Unrecorded(error) => Self::Unrecorded(error),
            TemporaryError::NoNumber => Self::Body(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            TemporaryError::Unknown | TemporaryError::Unmergeable => Self::Wrong(error.to_string()),
        }
    }
}
