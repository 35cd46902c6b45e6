//! Feeds from outside: real sockets on loopback, a real store, the starter charter.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod api;
mod day;
mod envelopes;
mod erased;
mod leftovers;
mod listener;
mod nodes;
mod secure;
mod trouble;

use bytes::Bytes;
use charter::Charter;
use events::{Leaf, PrincipalId, Seq, Timestamp};
use feeds::hl7::{Answer, Message, decode};
use feeds::listener::{Settings, serve_with};
use feeds::mllp::{Received, Sender};
use plane::{Clock, Plane, SetClock};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store::ReadError;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use world::{PatientFacts, Subject};

pub(crate) fn start() -> Timestamp {
    "2026-11-22T07:30:00Z".parse().unwrap()
}

/// The starter charter's directory.
pub(crate) fn starter() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")
}

/// A node with an MLLP listener on a free port.
pub(crate) struct Node {
    pub(crate) plane: Plane,
    pub(crate) clock: SetClock,
    pub(crate) address: SocketAddr,
    pub(crate) data: TempDir,
    pub(crate) stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::with(Settings::default()).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::under(Charter::load(&starter()).unwrap(), settings).await
    }

    pub(crate) async fn under(charter: Charter, settings: Settings) -> Self {
        Self::at(TempDir::new().unwrap(), charter, settings, None).await
    }

    /// A node of a database of a server, with the keys of another if there is one.
    pub(crate) async fn of(address: &str, keys_of: Option<&Self>) -> Self {
        let data = TempDir::new().unwrap();
        if let Some(other) = keys_of {
            let copied = Command::new("cp").arg("-a").arg(other.data.path().join("keys")).arg(data.path()).status();
            assert!(copied.unwrap().success());
        }
        let store = Some(store::Address::parse(address).unwrap());
        Self::at(data, Charter::load(&starter()).unwrap(), Settings::default(), store).await
    }

    async fn at(data: TempDir, charter: Charter, settings: Settings, store: Option<store::Address>) -> Self {
        let clock = SetClock::new(start());
        let held: Arc<dyn Clock> = Arc::new(clock.clone());
        let opening = plane::Settings::new(held, charter.hospital().origin.clone());
        let opening = plane::Settings { store, clock_skew_max: None, ..opening };
        let dir = data.path().to_owned();
        let opened = tokio::task::spawn_blocking(move || Plane::open(&dir, Some(charter), opening));
        let plane = opened.await.unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(serve_with(listener, plane.clone(), settings, stop.clone()));
        Self { plane, clock, address, data, stop, serving: Some(serving) }
    }

    pub(crate) async fn sender(&self) -> Sender {
        Sender::connect(self.address).await.unwrap()
    }

    pub(crate) async fn stopped(&mut self) {
        self.stop.cancel();
        let serving = self.serving.take().unwrap();
        tokio::time::timeout(Duration::from_secs(20), serving).await.expect("the listener stops").unwrap();
    }

    /// Stops the listener and starts another on the same plane.
    pub(crate) async fn listens_anew(&mut self) {
        self.stopped().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        (self.address, self.stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let serving = serve_with(listener, self.plane.clone(), Settings::default(), self.stop.clone());
        self.serving = Some(tokio::spawn(serving));
        // What it does at the start is in the queue before a message that comes after it.
        self.sender().await.exchange(adt("A31", "anew", "1", "3A")).await.unwrap();
    }

    /// The leaves of a kind.
    pub(crate) fn leaves(&self, kind: &str) -> Vec<Leaf> {
        self.raw()
            .iter()
            .map(|bytes| Leaf::parse(bytes).unwrap())
            .filter(|leaf| leaf.draft.event.kind().name == kind)
            .collect()
    }

    pub(crate) fn raw(&self) -> Vec<Vec<u8>> {
        let mut leaves = Vec::new();
        let keep = |_, bytes: &[u8]| {
            leaves.push(bytes.to_vec());
            ControlFlow::Continue(())
        };
        self.plane.store().read::<_, ReadError>(|reader| reader.scan(Seq(0), reader.next()?, keep)).unwrap();
        leaves
    }

    pub(crate) fn patient(&self, record: &str) -> Option<PatientFacts> {
        let patient = Some(self.plane.directory().patient(record));
        let subject = Subject { principal: PrincipalId::new("nobody").unwrap(), patient, device: None, session: None };
        self.plane.world(|world| world.facts(&subject, self.plane.now())).patient
    }

    /// The units the patient of a record is in now.
    pub(crate) fn units(&self, record: &str) -> Vec<String> {
        let now = self.plane.now();
        let stays = self.patient(record).into_iter().flat_map(|patient| patient.encounters).flat_map(|stay| stay.stays);
        stays
            .filter(|stay| stay.from <= now && stay.until.is_none_or(|until| until > now))
            .map(|stay| stay.unit.to_string())
            .collect()
    }
}

/// An ADT message about the patient of a record, in the given place.
pub(crate) fn adt(trigger: &str, id: &str, record: &str, place: &str) -> Bytes {
    Bytes::from(format!(
        "MSH|^~\\&|PAS|HGH|HANDRAIL|HGH|20261122073000||ADT^{trigger}|{id}|P|2.5\rEVN||20261122073000\r\
         PID|1||{record}^^^HGH^MR||Quillfeather^Zoë\rPV1|1|I|{place}^1^2||||D7|||||||||||| V-{record}\r"
    ))
}

pub(crate) fn answer(received: Option<Received>) -> Answer {
    let Some(Received::Message(bytes)) = received else { panic!("{received:?}") };
    Answer::read(&Message::read(&decode(&bytes).text).unwrap()).unwrap()
}
