//! What do applications beside Handrail follow? The publishing half of a FHIRcast hub (FHIRcast 3.0.0): which patient a person opened at their
//! workstation, that the screen locked, that they signed out.
//!
//! A topic is a person's session at a workstation. Who may follow it says the charter ([`callers::Follow`], `follows`); which patient was opened is told
//! to a caller only by a live permit of its own, recorded before it is told, and taken back when that permit ends. Nobody but the person changes what is open.
//!
//! Everything is heard from the fold ([`plane::followed`]), so a lock that another node recorded is told as soon as one of this node's. A subscription
//! lives in the memory of the node that took it, and ends with its connection.

mod context;
mod event;
mod refusal;
mod socket;
mod subscribe;
mod subscription;
mod talk;

pub use event::EventName;
pub use subscribe::{FORM_BYTES_MAX, LEASE_MAX, LEASE_USUAL};
pub use subscription::{CONNECT_WITHIN, SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_OF_ONE_MAX};
pub use talk::{ANSWER_WITHIN, MESSAGE_BYTES_MAX, UNANSWERED_MAX, WRITE_WITHIN};

use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{get, post};
use callers::Callers;
use plane::Plane;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use subscription::Subscriptions;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where the hub is, below the node's address.
pub const HUB: &str = "/fhircast";
/// Where connections are made, below the hub.
const SOCKET: &str = "/socket";
/// What says of the hub what it can.
const CONFIGURATION: &str = "/.well-known/fhircast-configuration";
/// How long a node that stops waits for subscribers to be told so.
const DRAIN: Duration = Duration::from_secs(2);

/// The hub of one node. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    plane: Plane,
    callers: Callers,
    /// Where connections are made, as subscribers see it.
    sockets: Arc<str>,
    subscriptions: Arc<Subscriptions>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

impl Hub {
    /// The hub of a node that others reach at this address. Connections end when `stop` is cancelled.
    #[must_use]
    pub fn new(plane: Plane, callers: Callers, base_url: &str, stop: CancellationToken) -> Self {
        let base_url = base_url.trim_end_matches('/');
        // `https` becomes `wss`, `http` becomes `ws`.
        let sockets = format!("ws{}{HUB}{SOCKET}/", base_url.strip_prefix("http").unwrap_or(base_url)).into();
        Self { plane, callers, sockets, subscriptions: Arc::default(), stop, tasks: TaskTracker::new() }
    }

    /// Waits until every subscriber was told that the node stops, and what they held is given back; not for long.
    pub async fn drained(&self) {
        self.tasks.close();
        let _late = tokio::time::timeout(DRAIN, self.tasks.wait()).await;
    }
}

impl FromRef<Hub> for Callers {
    fn from_ref(hub: &Hub) -> Self {
        hub.callers.clone()
    }
}

/// Every route of the hub. What it can is told to anybody; a connection is let in by its address, which is told once and to the subscriber alone.
pub fn routes(hub: Hub) -> Router {
    Router::new()
        .route(CONFIGURATION, get(configuration))
        .route(&format!("{HUB}{CONFIGURATION}"), get(configuration))
        .route(HUB, post(subscribe::post))
        .route(&format!("{HUB}/{{topic}}"), get(context::current))
        .route(&format!("{HUB}{SOCKET}/{{secret}}"), get(socket::open))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
        .with_state(hub)
}

/// `GET …/.well-known/fhircast-configuration`
async fn configuration() -> Json<Value> {
    Json(json!({
        "eventsSupported": EventName::ALL.map(EventName::as_str),
        "websocketSupport": true,
        "fhircastVersion": "3.0.0",
        "fhirVersion": "R4",
        "getCurrentSupport": true,
        "capabilities": { "supportsGetCurrentContext": true, "supportsNonCurrentContextUpdates": false },
    }))
}
