//! The nodes of this node's database, for the local socket.

use super::local::{Local, Trouble};
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use store::Node;

pub(super) fn routes() -> Router<Local> {
    Router::new().route("/nodes", get(nodes))
}

/// One node, as an operator is told of it.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) process: String,
    pub(crate) version: String,
    pub(crate) fold: u32,
    /// `ready`, `silent`, or what keeps it from working.
    pub(crate) state: String,
    pub(crate) beat_ms_ago: Option<u64>,
    pub(crate) entries: u64,
    /// How many entries fewer than the node that has most it had folded when it last said so.
    pub(crate) behind: u64,
    pub(crate) sealed: u64,
    pub(crate) sealed_last: bool,
    pub(crate) skew_ms: i64,
}

impl Told {
    pub(crate) fn of(nodes: &[Node]) -> Vec<Self> {
        let most = nodes.iter().map(|node| node.entries).max().unwrap_or(0);
        let sealed = nodes.iter().map(|node| node.sealed).max().unwrap_or(0);
        let told = |node: &Node| Self {
            name: node.name(),
            process: node.process.clone(),
            version: node.version.clone(),
            fold: node.fold,
            state: match () {
                () if !node.beats() => "silent".to_owned(),
                () if node.condition.is_empty() => "ready".to_owned(),
                () => node.condition.clone(),
            },
            beat_ms_ago: node.beat.map(|beat| beat.as_millis().try_into().unwrap_or(u64::MAX)),
            entries: node.entries,
            behind: most.saturating_sub(node.entries),
            sealed: node.sealed,
            sealed_last: sealed > 0 && node.sealed == sealed,
            skew_ms: node.skew_ms,
        };
        nodes.iter().map(told).collect()
    }
}

async fn nodes(State(local): State<Local>) -> Result<Json<Vec<Told>>, Trouble> {
    Ok(Json(Told::of(&local.plane.store().read(|reader| reader.nodes())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn node(id: u8, entries: u64, sealed: u64, ago: Option<u64>, condition: &str) -> Node {
        Node {
            id: [id; 16],
            process: String::new(),
            version: String::new(),
            fold: 1,
            entries,
            sealed,
            skew_ms: 0,
            condition: condition.to_owned(),
            beat: ago.map(Duration::from_millis),
        }
    }

    #[test]
    fn an_operator_sees_who_works_who_is_behind_and_who_sealed_last() {
        let nodes = [
            node(1, 100, 90, Some(900), ""),
            node(2, 97, 100, Some(1100), ""),
            node(3, 100, 0, Some(300), "the store is full"),
            node(4, 60, 60, Some(60_000), ""),
            node(5, 0, 0, None, ""),
        ];
        let told = Told::of(&nodes);
        let states: Vec<&str> = told.iter().map(|node| node.state.as_str()).collect();
        assert_eq!(states, ["ready", "ready", "the store is full", "silent", "silent"]);
        assert_eq!(told.iter().map(|node| node.behind).collect::<Vec<_>>(), [0, 3, 0, 40, 100]);
        assert_eq!(told.iter().map(|node| node.sealed_last).collect::<Vec<_>>(), [false, true, false, false, false]);
    }
}
