//! The local socket's routes for those who work with the console: a link for one, who may come in now, and an end of all of one's ways in.

use super::http::Peer;
use super::local::{Local, Trouble, actor};
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use events::OperatorId;
use serde::Deserialize;
use serde_json::{Value, json};
use signin::operator::{self, Door};

/// The routes.
pub(crate) fn routes() -> Router<Local> {
    Router::new()
        .route("/operators", get(list))
        .route("/operators/links", post(link))
        .route("/operators/{name}", delete(revoke))
}

#[derive(Deserialize)]
struct NewLink {
    operator: OperatorId,
}

async fn link(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Json(new): Json<NewLink>,
) -> Result<Json<Value>, Trouble> {
    let link = operator::issue_link(&local.plane, new.operator, actor(peer)?).await?;
    Ok(Json(json!({ "url": format!("{}{}", local.base_url, link.path.as_str()), "good_until": link.good_until })))
}

async fn list(State(local): State<Local>) -> Result<Json<Value>, Trouble> {
    let live = operator::live(&local.plane, local.desk.as_ref())?.into_iter().map(|live| {
        json!({
            "operator": live.operator,
            "has": match live.door { Door::Link => "link", Door::Session => "session" },
            "id": live.id,
            "good_until": live.good_until,
            "last_used": live.last_used,
        })
    });
    Ok(Json(live.collect()))
}

async fn revoke(
    State(local): State<Local>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<OperatorId>,
) -> Result<StatusCode, Trouble> {
    if !operator::may_come_in(&local.plane, &name)? {
        return Err(Trouble::not_found(format!("`{name}` has no unused link and no session")));
    }
    operator::revoke(&local.plane, &name, actor(peer)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
