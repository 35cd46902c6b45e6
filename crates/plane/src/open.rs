//! Opening a node: fold the log, read the charter in force, and only then answer.

use crate::clock::Clock;
use crate::compared::Compared;
use crate::directory::{Directory, SETTLE_EVERY};
use crate::fold::{Fold, Folded};
use crate::{Inner, Plane, SpoolAt, charter_in_force, spooling};
use arc_swap::ArcSwap;
use charter::Charter;
use decision::{Engine, EngineError};
use events::charter::MadeForDevelopment;
use events::{Actor, CharterDigest, Draft, Leaf, Seq};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use store::{AppendError, Options, Store};

/// The furthest the clock of a node may be from the clock of the server its database is on, before it records nothing: every node's time is never before the
/// last entry, whichever of them recorded it.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(10);

/// What a node is opened with.
pub struct Settings {
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// The ledger's origin for a new store; an old one keeps its own.
    pub origin: String,
    /// The PostgreSQL database the store is in; without one it is where the data directory says or, in a new one, a file there.
    pub store: Option<store::Address>,
    /// The most bytes the store's file may have, if there is a limit.
    pub store_bytes_max: Option<u64>,
    /// After how many entries a snapshot of what was folded is made; `None` makes none.
    pub snapshot_entries: Option<u64>,
    /// The furthest the clock may be from that of the database's server, if there is one; `None` does not look.
    pub clock_skew_max: Option<Duration>,
}

impl Settings {
    /// Everything but clock and origin as usual: no limit of size, a snapshot after every [`store::SNAPSHOT_ENTRIES`], a clock at most ten seconds from the
    /// database's.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, origin: impl Into<String>) -> Self {
        let snapshot_entries = Some(store::SNAPSHOT_ENTRIES);
        let clock_skew_max = Some(CLOCK_SKEW_MAX);
        Self { clock, origin: origin.into(), store: None, store_bytes_max: None, snapshot_entries, clock_skew_max }
    }
}

/// Why a node cannot open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store cannot be opened.
    #[error("the store cannot be opened")]
    Store(#[from] store::OpenError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Read(#[from] store::ReadError),
    /// The first charter cannot be recorded.
    #[error("the charter cannot be recorded")]
    Record(#[from] AppendError),
    /// The store is empty and no charter was given.
    #[error("this store is new: give it a charter")]
    NoCharter,
    /// The log names a charter that the store does not hold.
    #[error("the charter `{digest}` is in force, but the store does not hold it")]
    CharterMissing {
        /// Which.
        digest: CharterDigest,
    },
    /// The store's charter does not pass this build's checks.
    #[error("the charter `{digest}` in the store has {problems} problems")]
    CharterUnusable {
        /// Which.
        digest: CharterDigest,
        /// How many.
        problems: usize,
    },
    /// The spool cannot be used.
    #[error("the spool cannot be used")]
    Spool(#[from] store::SpoolError),
    /// The charter cannot be made ready for decisions.
    #[error("the charter cannot be used")]
    Engine(#[from] EngineError),
}

impl Plane {
    /// Opens a data directory and folds its log. An empty store is seeded with `seed`; a store that has a charter keeps its own.
    ///
    /// # Errors
    /// When the directory, the log or the charter cannot be used.
    pub fn open(dir: &Path, seed: Option<Charter>, settings: Settings) -> Result<Self, OpenError> {
        Self::open_with_spool(dir, seed, settings, None)
    }

    /// As [`Self::open`], with a spool for what must be recorded while the log cannot be written. What it holds is folded by
    /// [`Self::keep_spool_folded`].
    ///
    /// # Errors
    /// As [`Self::open`], and when the spool cannot be used.
    pub fn open_with_spool(
        dir: &Path,
        seed: Option<Charter>,
        settings: Settings,
        spool: Option<&SpoolAt>,
    ) -> Result<Self, OpenError> {
        Self::open_as(dir, seed, settings, spool, false)
    }

    /// The same, but a new store becomes one to look around in, for good: one person may change its charter. An old store stays what it is.
    ///
    /// # Errors
    /// As [`Self::open_with_spool`].
    pub fn open_for_development(
        dir: &Path,
        seed: Option<Charter>,
        settings: Settings,
        spool: Option<&SpoolAt>,
    ) -> Result<Self, OpenError> {
        Self::open_as(dir, seed, settings, spool, true)
    }

    fn open_as(
        dir: &Path,
        seed: Option<Charter>,
        settings: Settings,
        spool: Option<&SpoolAt>,
        development: bool,
    ) -> Result<Self, OpenError> {
        let folded = Arc::new(Folded::default());
        let clock = Arc::clone(&settings.clock);
        let options = Options {
            address: settings.store,
            size_bytes_max: settings.store_bytes_max,
            snapshot_entries: settings.snapshot_entries,
            clock_skew_max: settings.clock_skew_max,
            ..Options::new(settings.origin, Arc::new(move || clock.now()))
        };
        let fold = Box::new(Fold(Arc::clone(&folded)));
        let (store, directory) =
            Store::open_and(dir, options, fold, |reader, keys| Directory::load(keys.directory.bytes(), reader))?;
        let charter = match (folded.charter(), seed) {
            (Some(digest), _) => charter_in_force::load(&store, digest)?,
            (None, Some(seed)) => seeded(&store, &folded, seed, development)?,
            (None, None) => return Err(OpenError::NoCharter),
        };
        let engine = Arc::new(ArcSwap::from_pointee(Engine::new(Arc::new(charter))?));
        let _first = folded.engine.set(Arc::clone(&engine));
        // Another node may have put another into force while this one was made ready.
        while let Some(digest) = folded.charter().filter(|digest| *digest != engine.load().charter().digest()) {
            engine.store(Arc::new(Engine::new(Arc::new(charter_in_force::load(&store, digest)?))?));
        }
        let spool = spool.map(|at| spooling::open(at, &store)).transpose()?.map(|(spool, _told)| spool);
        let (clock, directory, compared) = (settings.clock, Arc::new(directory?), Compared::default());
        let _first = folded.erasing.directory.set(Arc::clone(&directory));
        heard_since_loaded(&store, &folded, directory.loaded())?;
        let settle_at = AtomicI64::new((clock.now() + SETTLE_EVERY).as_millis());
        let lost = tokio::sync::watch::Sender::new(None);
        let inner = Inner { store, clock, folded, engine, compared, directory, spool, lost, settle_at };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Puts the first charter of an empty store into force; of several nodes that would, one does, and the others take what is there.
fn seeded(store: &Store, folded: &Folded, seed: Charter, development: bool) -> Result<Charter, OpenError> {
    let mut batch = charter_in_force::application(&seed, Actor::handrail("seed"), Vec::new());
    batch = batch.expect(folded.proposals.next_stream(), 0);
    if development && store.head().next == Seq(0) {
        let made = MadeForDevelopment { by: "dev".into() };
        batch.drafts.insert(0, Draft::new(Actor::handrail("dev"), made));
    }
    match (store.append_blocking(batch), folded.charter()) {
        (Ok(_), _) => Ok(seed),
        (Err(AppendError::Stale | AppendError::Conflict(_)), Some(digest)) => charter_in_force::load(store, digest),
        (Err(error), _) => Err(error.into()),
    }
}

/// Takes in what other nodes recorded between the moment the directory was read and the one from which the fold tells it.
fn heard_since_loaded(store: &Store, folded: &Folded, loaded: Seq) -> Result<(), OpenError> {
    store.read(|reader| {
        let mut leaves = Vec::new();
        reader.scan(loaded, Seq(u64::MAX), |_, bytes| {
            // One that cannot be read is for the fold to judge.
            leaves.extend(Leaf::parse(bytes).ok().map(Arc::new));
            ControlFlow::Continue(())
        })?;
        folded.beside(reader, loaded, &leaves)
    })?;
    Ok(())
}
