//! Two nodes over one database: a primary, its synchronous standby, and a wire from each node to each of them.

use super::history::{self, Entry, Seen};
use super::load::{Doors, NODES};
use crate::peer::{Caller, Node, handrail, until};
use crate::step::{Outcome, root};
use crate::story::expect;
use cluster::{Cluster, Wire, at_ports};
use std::path::PathBuf;
use std::time::Duration;

/// How long anything here may take to come true.
pub(super) const SOON: Duration = Duration::from_secs(40);
/// How many entries a node is asked for at once: as many as it shows.
const SHOWN_MAX: usize = 1000;

/// The servers, the nodes and what is between them. Nodes end before the servers do.
pub(super) struct Several {
    nodes: Vec<Option<Node>>,
    wires: Vec<[Wire; 2]>,
    pub(super) primary: Cluster,
    pub(super) standby: Cluster,
    address: String,
    charter: PathBuf,
    dir: tempfile::TempDir,
    directories: u32,
}

impl Several {
    /// Starts all of them.
    pub(super) fn start() -> Outcome<Self> {
        let primary = Cluster::start(&[], |_| Ok(()))?;
        let standby = primary.standby()?;
        let address = primary.database()?;
        let dir = tempfile::tempdir()?;
        let charter = root().join("charter");
        let mut wires = Vec::new();
        for _ in 0..NODES {
            wires.push([Wire::to(primary.port())?, Wire::to(standby.port())?]);
        }
        let mut several = Self { nodes: Vec::new(), wires, primary, standby, address, charter, dir, directories: 0 };
        for node in 0..NODES {
            let started = several.another(node)?;
            several.nodes.push(Some(started));
        }
        Ok(several)
    }

    /// A node of its own in a new data directory: the first makes the log, every other joins it.
    fn another(&mut self, node: usize) -> Outcome<Node> {
        let data = self.dir.path().join(format!("data-{}", self.directories));
        self.directories += 1;
        let address = self.address_of(node)?;
        if let Some(there) = self.nodes.iter().flatten().next() {
            let keys = self.dir.path().join(format!("keys-{}", self.directories));
            let (keys, from, to) =
                (keys.display().to_string(), there.data.display().to_string(), data.display().to_string());
            handrail(&["node", "keys", "--to", &keys, "--data", &from])?;
            handrail(&["node", "join", "--keys", &keys, "--store", &address, "--data", &to])?;
        }
        Node::start_over(&address, &data, &self.charter)
    }

    /// The database as a node reaches it.
    fn address_of(&self, node: usize) -> Outcome<String> {
        let ports: Vec<u16> = self.wires(node)?.iter().map(Wire::port).collect();
        Ok(at_ports(&self.address, &ports))
    }

    pub(super) fn node(&self, node: usize) -> Outcome<&Node> {
        self.nodes.get(node).and_then(Option::as_ref).ok_or_else(|| format!("there is no node {node}").into())
    }

    pub(super) fn wires(&self, node: usize) -> Outcome<&[Wire; 2]> {
        self.wires.get(node).ok_or_else(|| format!("there is no node {node}").into())
    }

    /// Where a node listens.
    pub(super) fn doors(&self, node: usize) -> Outcome<Doors> {
        let node = self.node(node)?;
        Ok(Doors { http: node.http, mllp: node.mllp })
    }

    /// Kills a node, as -9 does.
    pub(super) fn kill(&mut self, node: usize) -> Outcome {
        let killed = self.nodes.get_mut(node).and_then(Option::take).ok_or("it is not there")?;
        killed.kill()
    }

    /// Puts another node, with a new data directory, where one was killed.
    pub(super) fn replace(&mut self, node: usize) -> Outcome {
        let replacement = self.another(node)?;
        if let Some(place) = self.nodes.get_mut(node) {
            *place = Some(replacement);
        }
        Ok(())
    }

    /// Whether a node says that it is ready.
    pub(super) fn is_ready(&self, node: usize) -> Outcome<bool> {
        let anybody = Caller::anonymous(self.node(node)?.http).waiting(Duration::from_secs(5));
        Ok(anybody.get("/readyz").is_ok_and(|(status, _)| status == 200))
    }

    /// Holds what clients saw against the log as every node tells it, and lets each node verify and replay. How many entries there are.
    pub(super) fn holds_together(mut self, server: fn(&Self) -> &Cluster, seen: &[(usize, Seen)]) -> Outcome<usize> {
        let seen: Vec<Seen> = seen.iter().map(|(_, seen)| seen.clone()).collect();
        let mut broken = Vec::new();
        let mut logs = Vec::new();
        // What is withdrawn last takes a moment to end what rested on it.
        let settled = until("what clients saw holds", Duration::from_secs(10), || {
            let leaves =
                server(&self).sql_at(&self.address, "SELECT convert_from(leaf, 'UTF8') FROM entry ORDER BY seq")?;
            let log: Vec<Entry> = leaves.lines().map(history::read).collect::<Outcome<_>>()?;
            logs = vec![log];
            for node in 0..NODES {
                logs.push(self.told_by(node, logs.first().map_or(0, Vec::len))?);
            }
            broken = history::check(&seen, &logs);
            Ok(broken.is_empty())
        });
        if settled.is_err() {
            let told: Vec<String> = broken.iter().take(10).map(ToString::to_string).collect();
            return Err(format!("{} things are broken:\n{}", broken.len(), told.join("\n")).into());
        }
        let mut replayed = Vec::new();
        for node in std::mem::take(&mut self.nodes).into_iter().flatten() {
            let data = node.data.display().to_string();
            node.stop()?;
            let verified = handrail(&["ledger", "verify", "--data", &data])?;
            expect(verified.starts_with("verified"), || verified.clone())?;
            replayed.push(handrail(&["replay", "--data", &data])?);
        }
        expect(replayed.iter().all(|said| said.contains("bit for bit")), || replayed.join("\n"))?;
        Ok(logs.first().map_or(0, Vec::len))
    }

    /// The first entries of the log as a node tells it.
    fn told_by(&self, node: usize, most: usize) -> Outcome<Vec<Entry>> {
        let data = self.node(node)?.data.display().to_string();
        let mut log = Vec::with_capacity(most);
        while log.len() < most {
            let count = SHOWN_MAX.min(most - log.len()).to_string();
            let shown = handrail(&["ledger", "show", &log.len().to_string(), "--count", &count, "--data", &data])?;
            if shown.is_empty() {
                break;
            }
            for line in shown.lines() {
                log.push(history::read(line)?);
            }
        }
        Ok(log)
    }
}
