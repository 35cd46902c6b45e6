//! A running node: its listeners, its local socket, its logs and metrics, and its end.

pub(crate) mod audit;
pub(crate) mod figures;
pub(crate) mod health;
pub(crate) mod http;
pub(crate) mod local;
mod local_charter;
mod local_feeds;
pub(crate) mod logging;
pub(crate) mod node;
pub(crate) mod nodes;
pub(crate) mod notify;
mod operators;
pub(crate) mod patients;
pub(crate) mod signing_in;
pub(crate) mod tiles;
pub(crate) mod tls;
pub(crate) mod witnesses;
