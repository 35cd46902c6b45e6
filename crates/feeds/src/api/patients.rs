//! Patients nobody can name yet, and the records that turn out to be one patient.

use super::{Api, Problem, number, unit};
use crate::temporary::{self, TemporaryError};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use callers::{Caller, FeedPatients};
use events::PatientPseudonym;
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
    let (record, retired) = (number(&record)?, number(&retired)?);
    Box::pin(temporary::merge(&api.plane, retired, record, caller.actor())).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl From<TemporaryError> for Problem {
    fn from(error: TemporaryError) -> Self {
        match error {
            TemporaryError::Unrecorded(error) => Self::Unrecorded(error),
            TemporaryError::NoNumber => Self::Body(StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
            TemporaryError::Refused | TemporaryError::NotMerged => Self::Wrong(error.to_string()),
        }
    }
}
