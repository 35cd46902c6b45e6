//! A database of a PostgreSQL server, behind the same calls as the embedded store's file.
//!
//! Everybody who reads or writes blocks in their own thread ([`wait`]); what goes over the wire is driven by one thread for the whole store. Several nodes
//! write to one database, one transaction after another ([`fence`]), and hear of each other's commits ([`news`]).

mod address;
mod connection;
mod failed;
mod fence;
mod hosts;
mod news;
mod nodes;
mod state;
mod tls;
mod wait;

pub use address::{Address, AddressError};
pub(crate) use connection::{COUNT_ON, Connection, ENTRIES_AT_ONCE, translated};
pub(crate) use failed::Failed;
pub(crate) use news::News;
pub use state::Database;

use fence::Fence;
use hosts::Hosts;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tls::Tls;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

/// How long one host of the server may take to let us in.
const CONNECT_MAX: Duration = Duration::from_secs(3);
/// How long a connection may be silent while it owes something before it counts as broken.
const SILENT_MAX: Duration = Duration::from_secs(10);

/// The server, and this node's name there. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Inner>);

struct Inner {
    address: Address,
    node: [u8; 16],
    /// Drawn when the server is first spoken of: tells this process from every other that has, or had, the same data directory or a copy of it.
    process: [u8; 8],
    /// Whether this process has had the fence.
    fenced: AtomicBool,
    /// How often the writer connected.
    era: AtomicU64,
    tls: Option<Tls>,
    driver: Driver,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address.as_str()).finish_non_exhaustive()
    }
}

/// The thread that moves bytes to and from the server.
struct Driver(Option<Runtime>);

impl Drop for Driver {
    fn drop(&mut self) {
        // Whoever drops it may be a task of another runtime, which must not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a connection is for: its name among the server's sessions.
#[derive(Clone, Copy, Debug)]
enum Use {
    Writing,
    Reading,
    Listening,
    /// What takes long and is nobody's authority.
    Sweeping,
}

impl Server {
    /// The server at an address; `node` is this node's name there, for as long as its data directory lives.
    pub(crate) fn new(address: Address, node: [u8; 16]) -> Result<Self, Failed> {
        let tls = address.roots.as_deref().map(Tls::trusting).transpose()?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("store-postgres").enable_all().build();
        let runtime = runtime.map_err(|error| Failed::Unsafe(format!("no thread for it: {error}")))?;
        let mut process = [0; 8];
        aws_lc_rs::rand::fill(&mut process).map_err(|_| Failed::Unsafe("no randomness for a name".to_owned()))?;
        let (fenced, era, driver) = (AtomicBool::new(false), AtomicU64::new(0), Driver(Some(runtime)));
        Ok(Self(Arc::new(Inner { address, node, process, fenced, era, tls, driver })))
    }

    /// Where it is.
    pub(crate) fn address(&self) -> &Address {
        &self.0.address
    }

    /// A connection that may write, and holds the node's fence. The first of a process takes it from a former process of the same data directory; a later
    /// one takes it from this process's own lost sessions alone.
    pub(crate) fn connect_writing(&self) -> Result<Connection, Failed> {
        let connection = self.connect(Use::Writing)?;
        let former = (!self.0.fenced.load(Ordering::SeqCst)).then(|| self.sessions(Use::Writing));
        let [a, b, c, d, e, f, g, h, ..] = self.0.node;
        let key = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        connection.fence(&Fence { key, session: self.session(Use::Writing), former })?;
        self.0.fenced.store(true, Ordering::SeqCst);
        self.0.era.fetch_add(1, Ordering::SeqCst);
        Ok(connection)
    }

    /// A connection that may write, while no node is in the database.
    pub(crate) fn connect_alone(&self) -> Result<Connection, Failed> {
        let connection = self.connect_writing()?;
        connection.be_alone()?;
        Ok(connection)
    }

    /// A connection beside the writer's, for what takes long.
    pub(crate) fn connect_sweeping(&self) -> Result<Connection, Failed> {
        self.connect(Use::Sweeping)
    }

    /// A connection that can only read.
    pub(crate) fn connect_reading(&self) -> Result<Connection, Failed> {
        let era = self.era();
        let connection = self.connect(Use::Reading)?;
        connection.only_read(era)?;
        Ok(connection)
    }

    /// The name of this process's sessions: at most the 63 bytes that a server keeps.
    fn session(&self, used: Use) -> String {
        format!("{} {}", self.sessions(used), self.process().get(..14).unwrap_or_default())
    }

    /// The name of this process among all others, in hexadecimal.
    pub(crate) fn process(&self) -> String {
        self.0.process.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What tells other nodes that this process commits entries.
    fn news(&self) -> String {
        format!("NOTIFY handrail, '{}'", self.process())
    }

    fn era(&self) -> u64 {
        self.0.era.load(Ordering::SeqCst)
    }

    /// How the names of all sessions of this data directory begin.
    fn sessions(&self, used: Use) -> String {
        let node = crate::name_of(&self.0.node);
        match used {
            Use::Writing => format!("handrail writer {node}"),
            Use::Reading => format!("handrail reader {node}"),
            Use::Listening => format!("handrail listener {node}"),
            Use::Sweeping => format!("handrail sweeper {node}"),
        }
    }

    fn connect(&self, used: Use) -> Result<Connection, Failed> {
        let hosts = Hosts::of(&self.0.address, &self.session(used))?;
        let patience = hosts.patience();
        let (tls, (answer, answered)) = (self.0.tls.clone(), mpsc::sync_channel(1));
        let Some(runtime) = &self.0.driver.0 else { return Err(Failed::Late(CONNECT_MAX)) };
        runtime.spawn(async move {
            let connected = match tls {
                Some(tls) => hosts.connect(tls).await.map(|(client, driven)| (client, tokio::spawn(driven))),
                None => hosts.connect(NoTls).await.map(|(client, driven)| (client, tokio::spawn(driven))),
            };
            // Who asked may have gone.
            let _sent = answer.send(connected.map(|(client, task)| (client, task.abort_handle())));
        });
        let connected = answered.recv_timeout(patience).map_err(|_| Failed::Late(CONNECT_MAX))?;
        let (client, task): (Client, _) = connected?;
        Ok(Connection::new(client, task, self.clone()))
    }

    fn node(&self) -> [u8; 16] {
        self.0.node
    }

    /// The number before this process's first group: 62 random bits, so that what another process counted is not taken for this one's.
    fn first_group(&self) -> u64 {
        u64::from_be_bytes(self.0.process) >> 2
    }
}

/// What is PostgreSQL's alone, beside the registry of both engines. A test prepares these too.
#[cfg(test)]
pub(crate) fn own() -> impl Iterator<Item = &'static str> {
    connection::OWN.iter().chain(fence::OWN).chain(nodes::OWN).chain(state::OWN).copied()
}
