//! Errors as one JSON string with a status, JSON bodies read strictly, and the request id on every answer.

use crate::live::WATCHES_OF_ONE_MAX;
use crate::object::Object;
use crate::wire::BODY_BYTES_MAX;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use callers::Refusal;
use events::RequestId;
use plane::DecideError;
use serde::de::DeserializeOwned;
use store::AppendError;

/// The header that names a request (AuthZEN 1.0 section 10.1).
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why a request gets no decision.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReplyError {
    #[error("{0}")]
    BadRequest(String),
    #[error("the body has more than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the body did not arrive whole")]
    Unread,
    #[error("with what it asserts, the request is too long to be recorded")]
    TooLong,
    #[error("no such live permit")]
    NoSuchPermit,
    #[error("more evaluations than this caller may have so soon")]
    Refused(Refusal),
    #[error("{0}; give back what is not needed any more")]
    HeldTooMany(DecideError),
    #[error("this caller watches {WATCHES_OF_ONE_MAX} permits already")]
    WatchesTooMany,
    #[error("{0}; nothing was permitted, try again")]
    Unavailable(DecideError),
}

impl From<DecideError> for ReplyError {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NoSuchPermit => Self::NoSuchPermit,
            DecideError::CallerEnded => Self::Refused(Refusal::Unauthenticated),
            DecideError::TooManyHeld => Self::HeldTooMany(error),
            // Trying again would not help: it is the request that does not fit a leaf.
            DecideError::Record(AppendError::TooLong { .. }) => Self::TooLong,
            other => Self::Unavailable(other),
        }
    }
}

impl From<Refusal> for ReplyError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl ReplyError {
    /// The status it is answered with.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::Unread | Self::TooLong => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSuchPermit => StatusCode::NOT_FOUND,
            Self::Refused(Refusal::Unauthenticated) => StatusCode::UNAUTHORIZED,
            Self::Refused(_) | Self::HeldTooMany(_) | Self::WatchesTooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl IntoResponse for ReplyError {
    fn into_response(self) -> Response {
        if let Self::Refused(refusal) = self {
            return refusal.into_response();
        }
        (self.status(), axum::Json(self.to_string())).into_response()
    }
}

/// A JSON body. Another content type is a bad request, as AuthZEN 1.0 wants it.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ReplyError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ReplyError> {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.and_then(|text| text.split(';').next()).map(str::trim);
        if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
            return Err(ReplyError::BadRequest("the content type has to be application/json".to_owned()));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { ReplyError::TooLarge } else { ReplyError::Unread }
        })?;
        serde_json::from_slice::<Object<T>>(&bytes)
            .map(|object| Self(object.0))
            .map_err(|error| ReplyError::BadRequest(format!("the body is not as expected: {error}")))
    }
}

/// The longest request id of a caller, in bytes.
pub(crate) const REQUEST_ID_BYTES_MAX: usize = 64;

/// Whether a request id is one that stays: letters, digits and what ids are made of. It is recorded for ever, so there is no room in it for words.
fn is_request_id(value: &HeaderValue) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-');
    (1..=REQUEST_ID_BYTES_MAX).contains(&value.len()) && value.as_bytes().iter().all(letter)
}

/// The request id, once [`name_request`] has seen to it.
pub(crate) fn request_id(headers: &axum::http::HeaderMap) -> Option<RequestId> {
    headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).and_then(|text| RequestId::new(text).ok())
}

/// Sends the request id back with the answer, whatever the answer is; a new one in place of what is none.
pub(crate) async fn name_request(mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(REQUEST_ID).cloned();
    let id = sent.map(|sent| if is_request_id(&sent) { Some(sent) } else { new_request_id() });
    if let Some(id) = &id {
        request.headers_mut().remove(REQUEST_ID);
        id.iter().for_each(|id| drop(request.headers_mut().insert(REQUEST_ID, id.clone())));
    }
    let mut response = next.run(request).await;
    if let Some(id) = id.flatten() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn new_request_id() -> Option<HeaderValue> {
    HeaderValue::from_str(&crate::seal::name(&plane::random::<16>())).ok()
}
