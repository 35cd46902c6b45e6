//! Why a request to the hub is refused: a status, and one JSON string in plain words.

use crate::subscription::{SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_ONE_MAX};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use plane::Lost;

/// Why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    BadRequest(String),
    /// Whether it is nobody's, over, at no workstation, or at one of another unit is not told.
    #[error("there is no such session for this caller to follow")]
    NoSuchSession,
    #[error("this caller has no such subscription at this node; subscribe anew")]
    NoSuchSubscription,
    #[error("the charter does not let this caller be told of any of these events")]
    NotTold,
    #[error("pages of this origin may not connect: the charter does not name it for this caller")]
    Origin,
    #[error(
        "nobody but the person at the workstation opens and closes patients: this hub takes no context from applications"
    )]
    ContextIsThePersons,
    #[error(
        "this caller has {SUBSCRIPTIONS_OF_ONE_MAX} subscriptions at this node already; end those that are not needed"
    )]
    TooManyOfOne,
    #[error("this node has {SUBSCRIPTIONS_MAX} subscriptions; try another")]
    TooMany,
    #[error("this node cannot say what holds ({}); ask another", .0.name())]
    Lost(Lost),
    #[error("this node is stopping; ask another")]
    Stopping,
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchSession | Self::NoSuchSubscription => StatusCode::NOT_FOUND,
            Self::NotTold | Self::Origin | Self::ContextIsThePersons => StatusCode::FORBIDDEN,
            Self::TooManyOfOne => StatusCode::TOO_MANY_REQUESTS,
            Self::TooMany | Self::Lost(_) | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(self.to_string())).into_response()
    }
}
