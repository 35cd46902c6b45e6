//! `handrail node …`: the nodes of one database, and how another one joins.

use super::connection::{Connection, SocketPath};
use super::failure::Failure;
use super::output::{Output, note, table};
use crate::cli::Node;
use crate::server::local::told;
use crate::server::nodes::Told;
use serde_json::json;
use std::path::Path;
use store::{Address, JoinError, Joined, OpenError};

/// How much of a node's name is shown: the rest tells nobody anything.
const NAME_SHOWN: usize = 8;

/// Runs it.
pub(crate) async fn run(args: Node, out: Output) -> Result<(), Failure> {
    match args {
        Node::List { data } => list(&data.data, out).await,
        Node::Keys { to, data } => {
            let (from, file) = (data.data, to.clone());
            let written = blocking(move || store::write_keys(&from, &file)).await?;
            note(
                "this file is as secret as the directory `keys`: whoever has it can sign and read as this node does. Take it to the other machine, run `handrail node join` there, and remove it on both",
            );
            out.data(&json!({ "file": to, "origin": written.origin, "store": written.place }), || {
                format!("the keys of {} at {} are in {}", written.origin, written.place, to.display())
            })
        }
        Node::Join { keys, store, data } => {
            let address = store.as_deref().map(Address::parse).transpose()?;
            let (to, file) = (data.data.clone(), keys.clone());
            let Joined { origin, place, node } = blocking(move || store::join(&to, &file, address)).await?;
            note(&format!(
                "remove {} now; start the node with: handrail serve --data {} --listen ADDR",
                keys.display(),
                data.data.display()
            ));
            let name = store::name_of(&node);
            out.data(&json!({ "node": name, "origin": origin, "store": place }), || {
                format!("{} is node {} of {origin} at {place}", data.data.display(), short(&name))
            })
        }
        Node::Forget { name, data } => forget(&data.data, &name, out).await,
    }
}

async fn list(data: &Path, out: Output) -> Result<(), Failure> {
    let running =
        SocketPath::of(data).is_ok_and(|socket| std::os::unix::net::UnixStream::connect(socket.as_path()).is_ok());
    let nodes: Vec<Told> = if running {
        Connection::open(data, None)?.get("/nodes").await?
    } else {
        let data = data.to_owned();
        Told::of(&blocking(move || store::nodes_at(&data)).await?)
    };
    let own = store::node_of(data).map(|id| store::name_of(&id));
    out.data(&nodes, || {
        let rows = nodes.iter().map(|node| {
            let here = if own.as_deref() == Some(node.name.as_str()) { " (this one)" } else { "" };
            [
                format!("{}{here}", short(&node.name)),
                node.process.clone(),
                node.version.clone(),
                node.state.clone(),
                node.beat_ms_ago.map_or_else(|| "never".to_owned(), ago),
                node.behind.to_string(),
                if node.sealed_last { "sealed last".to_owned() } else { String::new() },
                format!("{:+} ms", node.skew_ms),
            ]
        });
        table(["NODE", "PROCESS", "VERSION", "STATE", "HEARD", "BEHIND", "SEALS", "CLOCK"], rows)
    })
}

async fn forget(data: &Path, name: &str, out: Output) -> Result<(), Failure> {
    let directory = data.to_owned();
    let nodes = blocking(move || store::nodes_at(&directory)).await?;
    let mut named = nodes.into_iter().filter(|node| !name.is_empty() && node.name().starts_with(name));
    let (Some(node), None) = (named.next(), named.next()) else {
        return Err(Failure::local(format!(
            "no node, or more than one, is called `{name}`: `handrail node list` shows them"
        )));
    };
    let (directory, id) = (data.to_owned(), node.id);
    if !blocking(move || store::forget_node(&directory, &id)).await? {
        let heard =
            node.beat.map_or_else(|| "never".to_owned(), |beat| ago(beat.as_millis().try_into().unwrap_or(u64::MAX)));
        return Err(Failure::local(format!(
            "node {} was heard of {heard}: only one that has been silent for an hour is forgotten",
            short(&node.name())
        )));
    }
    out.data(&json!({ "forgotten": node.name() }), || format!("node {} is forgotten", short(&node.name())))
}

/// Runs what waits for a database, and says what to do when it fails.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JoinError> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await?.map_err(|error| match error {
        JoinError::Open(OpenError::Locked(_)) => Failure::local(format!("{}; stop the node first", told(&error))),
        error => Failure::local(told(&error)),
    })
}

fn short(name: &str) -> &str {
    name.get(..NAME_SHOWN).unwrap_or(name)
}

/// So long ago, as one says it.
fn ago(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        0..=1 => "now".to_owned(),
        seconds @ 2..=119 => format!("{seconds} s ago"),
        seconds @ 120..=7199 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}
