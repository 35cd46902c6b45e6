//! A node in a directory of its own, with a nurse in the emergency department, one on ward 3A, one without a shift, and a patient.

use charter::Charter;
use events::Source;
use events::decision::{Asserted, EndCause, EndMode, Question};
use events::device::{self, DeviceKind, Posture, PostureReported};
use events::encounter::{Class, Moved, Opened, Place, Presence};
use events::feed::Heard;
use events::principal::{IdentityClass, Registered};
use events::rota::ShiftAssigned;
use events::{Actor, CallerName, Draft, EncounterPseudonym, EntityRef, Event, Leaf, PatientPseudonym, Seq, Timestamp};
use plane::{Answer, Ask, DecideError, Plane, SetClock, Settings, SpoolAt, Standing};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Batch, Recorded};
use tempfile::TempDir;
use tokio::sync::watch::Receiver;
use tokio_util::sync::CancellationToken;

pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// Longer than anything here takes; only a test that fails waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The nurse on shift in the emergency department.
pub(crate) const AMARA: &str = "n-amara";
/// The nurse on shift on ward 3A.
pub(crate) const BO: &str = "n-bo";
/// The nurse without a shift.
pub(crate) const TOVE: &str = "n-tove";
/// The workstation in the emergency department.
pub(crate) const DESK: &str = "ws-ED";
/// The patient's record number.
pub(crate) const NUMBER: &str = "MRN-4711-HARBOUR";

pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) clock: SetClock,
    pub(crate) patient: PatientPseudonym,
    pub(crate) visit: EncounterPseudonym,
    keeper: Option<CancellationToken>,
    dir: TempDir,
}

async fn open(dir: &Path, clock: &SetClock, bytes_max: Option<u64>, seed: bool) -> Plane {
    let charter = || Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
    open_with(dir, clock, bytes_max, seed.then(charter), None, None).await
}

async fn open_with(
    dir: &Path,
    clock: &SetClock,
    bytes_max: Option<u64>,
    seed: Option<Charter>,
    spool: Option<SpoolAt>,
    snapshot_entries: Option<u64>,
) -> Plane {
    let (dir, clock) = (dir.to_owned(), clock.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let settings = Settings {
            store_bytes_max: bytes_max,
            snapshot_entries,
            ..Settings::new(Arc::new(clock), "test.example/log")
        };
        Plane::open_with_spool(&dir, seed, settings, spool.as_ref()).unwrap()
    });
    opened.await.unwrap()
}

pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn ehr() -> Actor {
    Actor::caller(&CallerName::new("ehr").unwrap())
}

pub(crate) fn feed() -> Actor {
    Actor::handrail("test")
}

pub(crate) fn place(unit: &str) -> Place {
    Place { unit: id(unit), room: None, bed: None }
}

pub(crate) fn nurse(who: &str) -> Registered {
    Registered {
        principal: id(who),
        class: IdentityClass::Staff,
        roles: vec![id("nurse")],
        name: None,
        home_unit: None,
        aliases: Vec::new(),
        labels: Vec::new(),
    }
}

pub(crate) fn shift(name: &str, who: &str, unit: &str) -> ShiftAssigned {
    ShiftAssigned {
        shift: id(name),
        person: id(who),
        unit: id(unit),
        from: START - HOUR,
        until: START + 11 * HOUR,
        on_call: false,
    }
}

/// Word from the patient feed that changes nothing.
pub(crate) fn word(text: &str) -> Draft {
    Draft::new(feed(), Heard { feed: id("adt"), message_type: text.into(), sha256: "0".repeat(64).into() })
}

/// Something the patient feed says.
pub(crate) fn sent(event: impl Into<Event>) -> Draft {
    let source = Some(Source { feed: id("adt"), message: "1".into() });
    Draft { source, ..Draft::new(feed(), event) }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::with(None).await
    }

    /// With a store that may have so many bytes.
    pub(crate) async fn with(bytes_max: Option<u64>) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
        let plane = open(dir.path(), &clock, bytes_max, true).await;
        Self::furnish(dir, clock, plane).await
    }

    /// With a charter of its own.
    pub(crate) async fn under(charter: Charter) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
        let plane = open_with(dir.path(), &clock, None, Some(charter), None, None).await;
        Self::furnish(dir, clock, plane).await
    }

    /// With a charter of its own and a spool beside a store that may have so many bytes.
    pub(crate) async fn with_spool(bytes_max: u64, charter: Charter) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
        let spool = SpoolAt { path: dir.path().join("spool"), bytes: store::SPOOL_BYTES_MIN };
        let plane = open_with(dir.path(), &clock, Some(bytes_max), Some(charter), Some(spool), None).await;
        Self::furnish(dir, clock, plane).await
    }

    /// A node of a database of a server.
    pub(crate) async fn of(address: &str) -> Self {
        let (dir, clock) = (TempDir::new().unwrap(), SetClock::new(START));
        let plane = open_node(dir.path(), &clock, address).await;
        Self::furnish(dir, clock, plane).await
    }

    /// Another node of the same database, with the keys of this one.
    pub(crate) async fn another(&self, address: &str) -> Self {
        let dir = with_keys_of(self.dir());
        let plane = open_node(dir.path(), &self.clock, address).await;
        Self { plane, clock: self.clock.clone(), patient: self.patient, visit: self.visit, keeper: None, dir }
    }

    /// Waits until this node has folded what another one has.
    pub(crate) async fn knows_as_much_as(&self, other: &Self) {
        let next = other.plane.world(world::World::next_seq);
        until("every node folds every entry", || self.plane.world(world::World::next_seq) >= next).await;
    }

    async fn furnish(dir: TempDir, clock: SetClock, plane: Plane) -> Self {
        let patient = plane.directory().patient_or_new(NUMBER);
        let visit = plane.directory().encounter_or_new("VISIT-1");
        let opened = Opened {
            encounter: visit.pseudonym,
            patient: patient.pseudonym,
            class: Class::Emergency,
            presence: Presence::Present,
            place: place("ED"),
            attending: Vec::new(),
            participants: Vec::new(),
        };
        let mut batch = Batch::one(Draft { occurred_at: Some(START - HOUR), ..sent(opened) });
        batch.writes.extend(patient.write.into_iter().chain(visit.write));
        plane.record(batch).await.unwrap();
        let desk = device::Registered {
            device: id(DESK),
            kind: DeviceKind::Workstation,
            unit: Some(id("ED")),
            shared: true,
            managed: true,
        };
        let (patient, visit) = (patient.pseudonym, visit.pseudonym);
        let house = Self { plane, clock, patient, visit, keeper: None, dir };
        for person in [AMARA, BO, TOVE] {
            house.tell(nurse(person)).await;
        }
        house.tell(shift("s-amara", AMARA, "ED")).await;
        house.tell(shift("s-bo", BO, "WARD-3A")).await;
        house.tell(desk).await;
        house.tell(posture(Posture::Healthy)).await;
        house
    }

    /// Closes the node and opens its directory again, without a charter to seed it.
    pub(crate) async fn reopen(self) -> Self {
        self.reopen_keeping(None).await
    }

    /// The same, and from now on a snapshot is made after so many entries.
    pub(crate) async fn reopen_keeping(mut self, snapshot_entries: Option<u64>) -> Self {
        if let Some(keeper) = self.keeper.take() {
            keeper.cancel();
        }
        self.plane.store().closed().await;
        let plane = open_with(self.dir.path(), &self.clock, None, None, None, snapshot_entries).await;
        Self { plane, ..self }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// From now on live permits are kept true.
    pub(crate) fn keep(&mut self) {
        let (plane, stop) = (self.plane.clone(), CancellationToken::new());
        self.keeper = Some(stop.clone());
        tokio::spawn(async move { plane.keep_permits_true(stop).await });
    }

    pub(crate) async fn tell(&self, event: impl Into<Event>) -> Recorded<Arc<Leaf>> {
        self.record(Draft::new(feed(), event)).await
    }

    pub(crate) async fn record(&self, draft: Draft) -> Recorded<Arc<Leaf>> {
        self.plane.record(Batch::one(draft)).await.unwrap().pop().unwrap()
    }

    pub(crate) async fn moved(&self, unit: &str) {
        self.record(sent(self.movement(unit))).await;
    }

    pub(crate) fn movement(&self, unit: &str) -> Moved {
        Moved { encounter: self.visit, patient: self.patient, presence: Presence::Present, place: place(unit) }
    }

    /// Lets time pass, with a patient feed that is still heard.
    pub(crate) async fn pass(&self, at: Timestamp) {
        self.clock.set(at);
        self.record(word("ORU^R01")).await;
    }

    /// A question about the patient, asked at the workstation by somebody who signed in with two factors.
    pub(crate) fn question(&self, who: &str, action: &str) -> Question {
        let session = json!({ "level": 2, "age_minutes": 1, "method": "passkey" });
        let context = [("device".to_owned(), json!(DESK)), ("session".to_owned(), session)].into();
        Question {
            session: None,
            principal: EntityRef { kind: id("Person"), id: id(who) },
            action: id(action),
            resource: EntityRef { kind: id("Patient"), id: id(&self.patient.to_string()) },
            workflow: None,
            asserted: Asserted { context, ..Asserted::default() },
        }
    }

    pub(crate) async fn ask(&self, who: &str, action: &str) -> Answer {
        self.asked(self.question(who, action), false).await.unwrap()
    }

    pub(crate) async fn asked(&self, question: Question, live: bool) -> Result<Answer, DecideError> {
        self.plane.decide(Ask { question, actor: ehr(), request: Some(id("req-1")), live }).await
    }

    /// Opens a permit that stays live, and watches it.
    pub(crate) async fn open_permit(&self, who: &str, action: &str) -> (Seq, Receiver<Standing>) {
        let answer = self.asked(self.question(who, action), true).await.unwrap();
        assert!(answer.permits(), "{:?}", answer.made());
        let watched = self.plane.live().watch(answer.entry()).unwrap();
        (answer.entry(), watched)
    }

    pub(crate) fn is_live(&self, entry: Seq) -> bool {
        self.plane.live().find(entry).is_some()
    }

    /// Every entry, with its bytes.
    pub(crate) fn log(&self) -> Vec<(Vec<u8>, Leaf)> {
        let mut log = Vec::new();
        // Whatever is committed, be it folded yet or not.
        let end = Seq(u64::MAX >> 1);
        let read = self.plane.store().read(|reader| {
            reader.scan(Seq(0), end, |_, bytes| {
                log.push((bytes.to_vec(), Leaf::parse(bytes).unwrap()));
                std::ops::ControlFlow::Continue(())
            })
        });
        read.unwrap();
        log
    }

    /// The entries that say a permit ended.
    pub(crate) fn ends_of(&self, permit: Seq) -> Vec<(Seq, EndCause)> {
        let log = self.log();
        let ends = log.iter().filter_map(|(_, leaf)| match &leaf.draft.event {
            Event::PermitEnded(ended) if ended.permit == permit => Some((leaf.seq, ended.cause)),
            _ => None,
        });
        ends.collect()
    }
}

/// A new directory with the keys of another.
pub(crate) fn with_keys_of(other: &Path) -> TempDir {
    let dir = TempDir::new().unwrap();
    let copied = std::process::Command::new("cp").arg("-a").arg(other.join("keys")).arg(dir.path()).status();
    assert!(copied.unwrap().success());
    dir
}

pub(crate) async fn open_node(dir: &Path, clock: &SetClock, address: &str) -> Plane {
    let (dir, clock) = (dir.to_owned(), clock.clone());
    let store = Some(store::Address::parse(address).unwrap());
    let opened = tokio::task::spawn_blocking(move || {
        let charter = Charter::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter")).unwrap();
        let settings = Settings { store, clock_skew_max: None, ..Settings::new(Arc::new(clock), "test.example/log") };
        Plane::open(&dir, Some(charter), settings).unwrap()
    });
    opened.await.unwrap()
}

/// Waits until something has happened.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let happened = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, happened).await.expect(what);
}

pub(crate) fn posture(found: Posture) -> PostureReported {
    PostureReported { device: id(DESK), posture: found, good_until: START + 48 * HOUR, reason: None }
}

/// Waits until a watched permit ends.
pub(crate) async fn ended(watched: &mut Receiver<Standing>) -> (EndCause, EndMode) {
    let standing = tokio::time::timeout(PATIENCE, watched.wait_for(|standing| *standing != Standing::Holds)).await;
    match *standing.expect("the permit ends").expect("whoever watches is told before the register forgets") {
        Standing::Ended { cause, mode } => (cause, mode),
        Standing::Holds => panic!("it holds"),
    }
}
