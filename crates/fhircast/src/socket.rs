//! The address a subscriber connects to, once.

use crate::Hub;
use crate::refusal::Refusal;
use crate::talk::{MESSAGE_BYTES_MAX, Talk, WRITE_BYTES_MAX};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use events::CallerName;

/// `GET /fhircast/socket/{secret}`: whoever has the address is the subscriber it was told to.
pub(crate) async fn open(
    State(hub): State<Hub>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refusal> {
    let subscription = hub.subscriptions.find(&secret).ok_or(Refusal::NoSuchSubscription)?;
    if !from_where_it_may(&hub, &subscription.caller, &headers) {
        return Err(Refusal::Origin);
    }
    let course = hub.plane.follow(&subscription.topic).ok_or(Refusal::NoSuchSession)?;
    let connection = hub.subscriptions.connect(&secret).ok_or(Refusal::NoSuchSubscription)?;
    let tasks = hub.tasks.clone();
    Ok(upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .on_upgrade(move |socket| tasks.track_future(Talk::new(hub, connection, course, socket).run())))
}

/// Whether a connection comes from no page, or from one that the charter names. Every browser says whose page it is, and no page can say otherwise.
fn from_where_it_may(hub: &Hub, caller: &CallerName, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let engine = hub.plane.engine();
    let named = engine.charter().caller(caller).follows.as_ref().map_or(&[][..], |follows| &follows.origins);
    named.iter().any(|named| named.as_bytes() == origin.as_bytes())
}
