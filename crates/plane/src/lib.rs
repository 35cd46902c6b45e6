//! The one loop: gather facts → decide → record → apply → decide again → end.
//!
//! [`Plane`] owns the store, the world, the charter in force, the directory of record numbers and the live permits of one node.
//!
//! - [`Plane::decide`] answers a request; the answer is durable and its facts did not move under it.
//! - [`Plane::search`] answers one page of who or what would be permitted.
//! - [`Plane::record`] commits anything else that happens; when it returns, the world has it.
//! - [`Plane::propose`] and [`Plane::sign`] change the charter: two people, one step.
//! - [`Plane::keep_permits_true`] is the task that ends live permits when facts, charter or time withdraw them.
//!
//! Handlers of other rooms call these and never the store's writer themselves.

mod basis;
pub mod charter_change;
mod charter_in_force;
mod clock;
mod compared;
mod decide;
mod directory;
mod erasure;
mod expiry;
mod fold;
pub mod followed;
mod identity;
pub mod live;
mod lost;
pub mod number;
mod open;
pub mod privacy;
pub mod proposals;
mod redecide;
mod sealer;
mod search;
pub mod spooling;
pub mod tokens;

pub use charter_change::{ChangeError, Step};
pub use clock::{Clock, SetClock, SystemClock};
pub use decide::{Ask, WORDS_BYTES_MAX};
pub use directory::{Directory, Named, random};
pub use erasure::Erasure;
pub use fold::FOLD_VERSION;
pub use identity::{IDENTITY_NAME_CHARS_MAX, IDENTITY_NUMBERS_MAX, Identity, Naming};
pub use live::{LIVE_MAX, LIVE_PERMITS_MAX, LIVE_PERMITS_OF_ONE_MAX, LivePermit, Register, Standing};
pub use lost::Lost;
pub use number::NUMBER_BYTES_MAX;
pub use open::{OpenError, Settings};
pub use privacy::{Person, PrivacyError};
pub use proposals::{Ending, Proposal, Proposals, Signature};
pub use sealer::Sealer;
pub use search::{Found, PAGE_TIME_MAX, Place, Search};
pub use spooling::{SPOOLED_PERMIT_MAX, SpoolAt};
pub use tokens::{Certificate, Tokens};

use arc_swap::ArcSwap;
use decision::Engine;
use directory::SETTLE_EVERY;
use events::decision::{Effect, Made};
use events::{DeviceId, Event, Leaf, PrincipalId, Seq, Spooled, Timestamp};
use fold::Folded;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use store::{AppendError, Batch, ReadError, Recorded, Spool, Store};

/// How often what was prepared is prepared anew because what it rests on changed meanwhile.
pub const PREPARED_AGAIN_MAX: usize = 8;

/// How long one waits for the world to have what the log has.
const CATCH_UP: Duration = Duration::from_secs(5);

/// Everything one node knows and does. Cheap to clone.
#[derive(Clone)]
pub struct Plane {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    folded: Arc<Folded>,
    engine: Arc<ArcSwap<Engine>>,
    compared: compared::Compared,
    directory: Arc<Directory>,
    spool: Option<Spool>,
    /// Told to whoever watches a live permit.
    lost: tokio::sync::watch::Sender<Option<Lost>>,
    /// When the directory is next to let go of numbers that nothing came of, in milliseconds.
    settle_at: AtomicI64,
}

impl std::fmt::Debug for Plane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Plane")
    }
}

/// Why a request was not answered. Nothing was permitted.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// The answer could not be recorded.
    #[error("the decision could not be recorded")]
    Record(#[from] AppendError),
    /// The facts changed each time the request was decided.
    #[error("the facts keep changing; ask again")]
    Unsettled,
    /// The log holds facts that this build cannot read.
    #[error("this node cannot read the whole log and must not answer")]
    NotReady,
    /// Other nodes may have recorded what this one has not heard of.
    #[error("this node is cut off from its database and cannot say what holds; ask another node")]
    CutOff,
    /// The node holds as many live permits as it may.
    #[error("too many permits are live")]
    TooManyLive,
    /// The caller holds as many live permits as one may.
    #[error("this caller holds {LIVE_PERMITS_OF_ONE_MAX} live permits, and more than half of a node's are not for one")]
    TooManyHeld,
    /// The caller was ended after it was let in.
    #[error("this caller may not call any more")]
    CallerEnded,
    /// The caller holds no live permit of that entry.
    #[error("no such live permit")]
    NoSuchPermit,
}

/// A recorded answer.
#[derive(Debug)]
pub struct Answer {
    entry: Recorded<Arc<Leaf>>,
}

impl Answer {
    /// The entry that proves it.
    #[must_use]
    pub fn entry(&self) -> Seq {
        self.entry.seq
    }

    /// Where it was recorded, if only the spool could: its entry in the log comes later, and [`Self::entry`] is a place in the spool.
    #[must_use]
    pub fn spooled(&self) -> Option<&Spooled> {
        self.entry.draft.spooled.as_ref().filter(|_| self.entry.in_spool())
    }

    /// The decision as recorded. Absent only for an entry of another kind, which [`Plane::decide`] never returns.
    #[must_use]
    pub fn made(&self) -> Option<&Made> {
        match &self.entry.draft.event {
            Event::DecisionMade(made) => Some(made),
            _ => None,
        }
    }

    /// Whether it permits.
    #[must_use]
    pub fn permits(&self) -> bool {
        self.made().is_some_and(|made| made.effect == Effect::Permit)
    }

    /// The recorded leaf.
    #[must_use]
    pub const fn leaf(&self) -> &Recorded<Arc<Leaf>> {
        &self.entry
    }
}

/// Whether this node may answer, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It may.
    Ready,
    /// It must not: the log has facts this build cannot read, from this entry on.
    CannotRead {
        /// The first such entry.
        entry: Seq,
        /// What is wrong.
        why: String,
    },
    /// The store does not take entries.
    CannotRecord {
        /// What is wrong.
        why: String,
    },
}

impl Plane {
    /// The time authority goes by: the wall clock, but never before the last entry.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now().max(self.inner.store.head().recorded_at)
    }

    /// Commits a batch; the world has it when this returns.
    ///
    /// # Errors
    /// When it was not recorded; nothing of it was kept.
    pub async fn record(&self, batch: Batch) -> Result<Vec<Recorded<Arc<Leaf>>>, AppendError> {
        let writes = batch.writes.clone();
        self.settle_numbers();
        let recorded = self.inner.store.append(batch).await?;
        self.inner.directory.kept(&writes);
        Ok(recorded)
    }

    /// As [`Self::record`], of what is prepared from the world and the directory: anew as often as what it was prepared from has changed by the time it
    /// would be recorded.
    ///
    /// # Errors
    /// What `prepare` errs with, or why it was not recorded; nothing of it was kept.
    pub async fn record_prepared<E: From<AppendError>>(
        &self,
        mut prepare: impl FnMut() -> Result<Batch, E>,
    ) -> Result<Vec<Recorded<Arc<Leaf>>>, E> {
        let mut again = 0;
        loop {
            match self.record(prepare()?).await {
                Err(error) if error.asks_anew() && again < PREPARED_AGAIN_MAX => again += 1,
                recorded => return Ok(recorded?),
            }
        }
    }

    /// The version of a stream, once the world has every entry there was then, another node's too; nothing if it does not come to have them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn version_folded(&self, stream: &str) -> Result<Option<u64>, ReadError> {
        let (version, next) =
            self.store().read(|reader| Ok::<_, ReadError>((reader.stream_version(stream)?, reader.next()?)))?;
        let folded = async {
            while self.world(world::World::next_seq) < next {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        Ok(tokio::time::timeout(CATCH_UP, folded).await.ok().map(|()| version))
    }

    /// Now and then, has the directory let go of numbers that nothing was recorded of: whoever sends messages that are refused must not fill it.
    fn settle_numbers(&self) {
        let (now, due) = (self.now().as_millis(), &self.inner.settle_at);
        let at = due.load(Ordering::Relaxed);
        let next = (self.now() + SETTLE_EVERY).as_millis();
        if now < at
            || self.directory().fresh() == 0
            || due.compare_exchange(at, next, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let plane = self.clone();
        drop(tokio::task::spawn_blocking(move || {
            if let Err(error) = plane.store().read(|reader| plane.directory().settle(reader)) {
                tracing::warn!(%error, "numbers that nothing came of could not be looked up");
            }
        }));
    }

    /// The store, to read from. Writing goes through [`Self::record`].
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Record numbers to pseudonyms.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// The live tokens of calling systems.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.inner.folded.tokens
    }

    /// The live permits.
    #[must_use]
    pub fn live(&self) -> &Register {
        &self.inner.folded.live
    }

    /// The engine over the charter in force.
    #[must_use]
    pub fn engine(&self) -> Arc<Engine> {
        self.inner.engine.load_full()
    }

    /// Looks at the world under its read lock. Keep it short: the fold waits.
    pub fn world<T>(&self, look: impl FnOnce(&world::World) -> T) -> T {
        look(&self.inner.folded.world.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a device is enrolled.
    #[must_use]
    pub fn is_enrolled(&self, device: DeviceId) -> bool {
        let Ok(principal) = PrincipalId::new("handrail") else { return false };
        let subject = world::Subject { principal, patient: None, device: Some(device), session: None };
        self.world(|world| world.facts(&subject, self.now()).device.is_some())
    }

    /// How many decisions the log holds.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.inner.folded.decisions.load(Ordering::Relaxed)
    }

    /// Whether this node may answer.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        if let Some((entry, why)) = self.inner.folded.unreadable.lock().unwrap_or_else(PoisonError::into_inner).clone()
        {
            return Readiness::CannotRead { entry, why };
        }
        match self.inner.store.health().trouble() {
            Some(why) => Readiness::CannotRecord { why },
            None => Readiness::Ready,
        }
    }

    /// Commits what is waiting, seals it, and closes the store. Whatever is asked afterwards is refused.
    pub fn close(&self) {
        self.inner.store.close();
    }
}
