//! The decision API: OpenID AuthZEN Authorization API 1.0, and permits that stay live.
//!
//! | endpoint | who may call it |
//! |---|---|
//! | `GET /.well-known/authzen-configuration` | anybody |
//! | `POST /access/v1/evaluation`, `/access/v1/evaluations` | a caller that may `evaluate` |
//! | `POST /access/v1/search/subject`, `…/resource`, `…/action` | a caller that may `search` |
//! | `POST /handrail/v1/permits` | a caller that may `evaluate_live` |
//! | `GET /handrail/v1/permits/{entry}`, `…/watch`, `DELETE …` | the caller that holds the permit |

mod answer;
mod ask;
mod evaluate;
mod live;
mod metadata;
mod object;
mod obligations;
mod openapi;
mod reply;
mod seal;
mod search;
mod wire;

pub use openapi::document;
pub use wire::{BODY_BYTES_MAX, EVALUATIONS_MAX};

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{get, post};
use callers::Callers;
use plane::Plane;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// What the handlers work with.
#[derive(Clone, Debug)]
pub struct Api {
    plane: Plane,
    callers: Callers,
    /// Where this decision point is reached from outside, without a trailing slash.
    base_url: std::sync::Arc<str>,
    /// What this API gives callers to bring back, unread and unchanged.
    seal: std::sync::Arc<seal::Seal>,
    /// One place for each search page at work: whoever searches must not take the node from whoever asks.
    searching: std::sync::Arc<Semaphore>,
    /// How many permits each caller watches.
    watches: std::sync::Arc<live::Watches>,
    /// When cancelled, watches end, so that they do not hold up the node's end.
    stop: CancellationToken,
}

impl Api {
    /// The API of one node, reached at `base_url`.
    #[must_use]
    pub fn new(plane: Plane, callers: Callers, base_url: &str) -> Self {
        let seal = std::sync::Arc::new(seal::Seal::of(&plane));
        let searching = std::sync::Arc::new(Semaphore::new(search::PAGES_AT_ONCE_MAX));
        let base_url = base_url.trim_end_matches('/').into();
        let watches = std::sync::Arc::default();
        Self { plane, callers, base_url, seal, searching, watches, stop: CancellationToken::new() }
    }

    /// The same, whose watches end when `stop` is cancelled.
    #[must_use]
    pub fn until(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }
}

impl FromRef<Api> for Callers {
    fn from_ref(api: &Api) -> Self {
        api.callers.clone()
    }
}

/// Every route of the API.
pub fn routes(api: Api) -> Router {
    Router::new()
        .route("/.well-known/authzen-configuration", get(metadata::configuration))
        .route("/access/v1/evaluation", post(evaluate::one))
        .route("/access/v1/evaluations", post(evaluate::many))
        .route("/access/v1/search/subject", post(search::subjects))
        .route("/access/v1/search/resource", post(search::resources))
        .route("/access/v1/search/action", post(search::actions))
        .route("/handrail/v1/permits", post(live::open))
        .route("/handrail/v1/permits/{entry}", get(live::standing).delete(live::release))
        .route("/handrail/v1/permits/{entry}/watch", get(live::watch))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(axum::middleware::from_fn(reply::name_request))
        .with_state(api)
}
