//! The badge that was taken away.

use crate::point::{FromOwnPage, PointOfCare, Visitor};
use crate::session::rules::Standing;
use crate::session::{told, with_cookie};
use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::routing::post;
use events::session::LockCause;
use serde_json::json;

/// `POST /bedside/badge-away`: the reader's helper, or the script of a page of this workstation, says that the badge is gone. It can only lock the
/// screen it is said at, so whoever is at that screen may say it.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    PointOfCare: FromRef<S>,
{
    Router::new().route("/bedside/badge-away", post(badge_away))
}

async fn badge_away(State(point): State<PointOfCare>, visitor: Visitor, _own: FromOwnPage) -> Response {
    let Some((session, Standing::Open)) = visitor.session.clone() else { return told(&json!({ "lock": "/bedside" })) };
    if session.workstation.is_none() || !point.locks_without_badge(&session) {
        return told(&json!({}));
    }
    match point.lock(&session, LockCause::BadgeAway).await {
        Ok(()) => {
            let answer = told(&json!({ "lock": "/bedside" }));
            with_cookie(&point, &visitor, session.workstation, Some(session.session), answer)
        }
        Err(error) => {
            tracing::error!(%error, "a screen whose badge is gone could not be locked");
            told(&json!({ "say": "The screen could not be locked. Lock it yourself before you go." }))
        }
    }
}
