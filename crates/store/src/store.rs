//! The store as everybody holds it: opened once, cloned freely, appended to from anywhere.

use crate::clock::ClockWatch;
use crate::detail::{Committed, Vault};
use crate::directory::{self, Lock};
use crate::join;
use crate::keys::Keys;
use crate::open::{connect, fix_origin, place_of, refold};
use crate::others::Others;
use crate::postgres::Failed;
use crate::queue::{Answer, Order, Pending, Queue};
use crate::reader::{Pool, Reader};
use crate::recovery;
use crate::rotation::{self, Rotation, Signers};
use crate::seal::Sealer;
use crate::search::Handed;
use crate::snapshot::{Resumable, Snapshots, Snapshotter};
use crate::status::{Head, Health, Status, is_cut_off};
use crate::wal::Checkpointer;
use crate::writer::Writer;
use crate::{
    Address, AppendError, BATCH_DRAFTS_MAX, Batch, CUT_OFF_AFTER, Database, OpenError, ReadError, Recorded,
    RecoveryError, StorageError, restore, retained,
};
use events::{Actor, Draft, Leaf, LeafError, Seq, Timestamp};
use ledger::{EntrySource, TileSource, Tree, VerifyingKey};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// What folds leaves. Called on the writer's thread (and by [`Store::open`]), in sequence, before whoever waits for them is answered.
pub trait Apply: Send {
    /// These leaves are in the log. If it panics, the store records nothing more.
    fn apply(&mut self, leaves: &[Arc<Leaf>]);

    /// This entry is in the log and may bear facts, but this build cannot read it.
    fn unreadable(&mut self, seq: Seq, why: &LeafError);

    /// Another node recorded these leaves, the first of them as entry `from`, and they are about to be applied: what they rest on beside the log can
    /// be read now. An error is the connection's; it is tried again over another.
    ///
    /// # Errors
    /// When it cannot be read.
    fn beside(&mut self, _reader: &Reader<'_>, _from: Seq, _leaves: &[Arc<Leaf>]) -> Result<(), ReadError> {
        Ok(())
    }

    /// Whether this may still be recorded, after everything that other nodes recorded was applied. Asked only where there may be others; what may not is
    /// [`AppendError::Stale`].
    fn stands(&self, _draft: &Draft) -> bool {
        true
    }

    /// What keeps whoever rests on this fold from answering, in words.
    fn trouble(&self) -> Option<String> {
        None
    }

    /// The same as something that can be kept in snapshots. A fold that cannot is folded from the first entry at every start.
    fn resumable(&mut self) -> Option<&mut dyn Resumable> {
        None
    }
}

/// Folds nothing: for reading and verifying a log.
impl Apply for () {
    fn apply(&mut self, _leaves: &[Arc<Leaf>]) {}

    fn unreadable(&mut self, _seq: Seq, _why: &LeafError) {}
}

/// After how many entries a snapshot is made unless said otherwise: folding as many again takes about a second.
pub const SNAPSHOT_ENTRIES: u64 = 100_000;

/// Says what time it is.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;
/// Says how much time has passed since some fixed moment, on a clock nobody can set.
pub type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// How a store is opened.
#[derive(Clone)]
pub struct Options {
    /// The PostgreSQL database that holds everything but keys and what can be made anew; without one, it is where the directory says or, in a new
    /// one, a file in it.
    pub address: Option<Address>,
    /// The ledger's name, fixed when the store is made: an old store keeps its own.
    pub origin: String,
    /// The wall clock. May misbehave.
    pub now: Now,
    /// The clock that measures: when to seal, how long a commit took, whether the wall clock jumped.
    pub elapsed: Elapsed,
    /// The most batches that wait for the writer; one more is refused as busy.
    pub queue_batches_max: usize,
    /// The most entries committed in one transaction, unless a single batch has more.
    pub group_drafts_max: usize,
    /// How long an entry may stay unsealed.
    pub seal_after: Duration,
    /// The furthest the wall clock may move against the time that really passed without an entry saying so; `None` says nothing.
    pub clock_jump_max: Option<Duration>,
    /// The furthest this node's clock may be from a server's before it records nothing; `None` does not look.
    pub clock_skew_max: Option<Duration>,
    /// The most bytes the database file may have. Of no meaning on a server.
    pub size_bytes_max: Option<u64>,
    /// The most connections that read at once.
    pub readers_max: usize,
    /// After how many entries a snapshot of the fold is made; `None` makes none.
    pub snapshot_entries: Option<u64>,
}

impl Options {
    /// Everything but the name and the clock as usual: 16,384 batches wait, 4,096 entries a commit, sealed after half a second, jumps of over 30
    /// seconds recorded, no limit of size, 16 readers, a snapshot after every [`SNAPSHOT_ENTRIES`].
    #[must_use]
    pub fn new(origin: impl Into<String>, now: Now) -> Self {
        Self {
            address: None,
            origin: origin.into(),
            now,
            elapsed: crate::clock::monotonic(),
            queue_batches_max: 16_384,
            group_drafts_max: 4_096,
            seal_after: Duration::from_millis(500),
            clock_jump_max: Some(Duration::from_secs(30)),
            clock_skew_max: None,
            size_bytes_max: None,
            readers_max: 16,
            snapshot_entries: Some(SNAPSHOT_ENTRIES),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// The store. Clones are handles to the same one; it closes when the last of them is dropped, or by [`Store::close`].
#[derive(Clone, Debug)]
pub struct Store(Arc<Shared>);

struct Shared {
    queue: Arc<Queue>,
    status: Arc<Status>,
    pool: Pool,
    keys: Keys,
    signers: Arc<Signers>,
    vault: Arc<Vault>,
    elapsed: Elapsed,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Store {
    /// Opens a data directory, or makes it; before it returns, `apply` has folded every entry it holds, in order: by itself or, as far as
    /// the newest good snapshot goes, by having been given what it once folded.
    ///
    /// # Errors
    /// When the directory is in use, cannot be written, or holds something that does not fit together.
    pub fn open(directory: &Path, options: Options, apply: Box<dyn Apply>) -> Result<Self, OpenError> {
        Self::open_and(directory, options, apply, |_, _| ()).map(|(store, ())| store)
    }

    /// As [`Store::open`], and reads something else on another thread meanwhile: both can take seconds.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_and<T: Send>(
        directory: &Path,
        options: Options,
        mut apply: Box<dyn Apply>,
        beside: impl FnOnce(&Reader<'_>, &Keys) -> T + Send,
    ) -> Result<(Self, T), OpenError> {
        let lock = directory::take(directory)?;
        restore::is_whole(directory)?;
        let place = place_of(directory, &options)?;
        let (mut keys, made) = join::keys_for(directory, &place)?;
        let connection = connect(&place, directory, &options)?;
        let group = connection.begin_groups()?;
        let origin = fix_origin(&connection, &options.origin)?;
        let reader = Reader { connection: &connection };
        let (signing, next) = recovery::signing_keys(&reader, directory, &origin, &mut keys)?;
        let key = signing.verifying_key().clone();
        let rotations = rotation::all(&reader).map_err(RecoveryError::Read)?;
        let signers = Arc::new(Signers::new(&rotations, &key));
        let tree = join::tree_that_keys_fit(&connection, directory, (&keys, made), &key)?;
        retained::check(directory, &reader, &origin, tree.as_ref())?;
        let sealed = tree.as_ref().map(Tree::size);
        let mut tree = tree.unwrap_or_default();
        let snapshots = Snapshots::of(directory, &keys.detail);
        let (refolded, beside) = std::thread::scope(|scope| {
            let beside = scope.spawn(|| {
                let connection = place.open_reading()?;
                Ok::<_, StorageError>(beside(&Reader { connection: &connection }, &keys))
            });
            let refolded = refold(&reader, &snapshots, sealed.unwrap_or(0), &mut tree, apply.as_mut());
            (refolded, beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let ((folded, recovered), beside) = (refolded?, beside?);
        let mut sealer = Sealer::new(directory.to_owned(), tree, sealed, signing, signers.clone());
        sealer.retire_after(&rotations);
        let sealed =
            recovery::finish_rotation(&connection, &mut sealer, next, (options.now)().max(recovered.recorded_at))?;

        let head = Head { next: Seq(recovered.next), recorded_at: recovered.recorded_at, sealed: sealed.unwrap_or(0) };
        let (queue, status) = (Arc::new(Queue::new(options.queue_batches_max)), Arc::new(Status::new(head)));
        let unsealed_since = (sealed < Some(recovered.next)).then(|| (options.elapsed)());
        let vault = Arc::new(Vault::new(&keys.detail).map_err(|_| OpenError::Randomness)?);
        let mut writer = Writer {
            others: place.server().map(|server| Others::meet(server, &queue)),
            last: recovery::hash_before(&reader, recovered.next)?,
            stopped: None,
            vault: vault.clone(),
            scrub_due: false,
            scrubbed_at: Duration::ZERO,
            directory: directory.to_owned(),
            queue: queue.clone(),
            status: status.clone(),
            checkpointer: place.file().map(Checkpointer::start).transpose().map_err(OpenError::Thread)?,
            place: place.clone(),
            connection: Some(connection),
            behind: false,
            group,
            kept: group,
            snapshotter: None,
            sealer,
            apply,
            watch: ClockWatch::new(options.clock_jump_max),
            untold_jump: None,
            next: recovered.next,
            recorded_at: recovered.recorded_at,
            unsealed_since,
            troubled_since: None,
            options: options.clone(),
        };
        writer.snapshotter = snapshotter(&mut writer, snapshots, folded).map_err(OpenError::Thread)?;
        let thread = spawn(writer, lock, status.clone()).map_err(OpenError::Thread)?;
        place.remember(directory)?;
        let pool = Pool::new(place, options.readers_max);
        let elapsed = options.elapsed;
        let writer = Mutex::new(Some(thread));
        Ok((Self(Arc::new(Shared { queue, status, pool, keys, vault, elapsed, signers, writer })), beside))
    }

    /// Records a batch: when this answers, its leaves are on disk and applied. Should the caller stop waiting, the batch is recorded all the
    /// same.
    ///
    /// # Errors
    /// When it was not recorded; nothing of it was kept.
    pub async fn append(&self, batch: Batch) -> Result<Vec<Recorded<Arc<Leaf>>>, AppendError> {
        self.push(batch)?.await.unwrap_or(Err(AppendError::Closed))
    }

    /// As [`Store::append`], for threads that may block. It panics inside an asynchronous task.
    ///
    /// # Errors
    /// When it was not recorded; nothing of it was kept.
    pub fn append_blocking(&self, batch: Batch) -> Result<Vec<Recorded<Arc<Leaf>>>, AppendError> {
        self.push(batch)?.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    fn push(&self, mut batch: Batch) -> Result<oneshot::Receiver<Answer>, AppendError> {
        if batch.drafts.len() > BATCH_DRAFTS_MAX {
            return Err(AppendError::TooMany { drafts: batch.drafts.len() });
        }
        let details = commit_to(&mut batch)?;
        let tails = batch.drafts.iter().map(Draft::tail).collect::<Result<_, _>>()?;
        let (answer, answered) = oneshot::channel();
        self.0.queue.push(Pending { batch, tails, details, answer })?;
        Ok(answered)
    }

    /// Reads one state of the store, in this thread: a point read takes microseconds. Waits while all connections are lent, so `read` must not
    /// itself read through the store. A node that is cut off ([`Health::is_cut_off`]) reads nothing.
    ///
    /// # Errors
    /// What `read` errs with, or that the database cannot be read.
    pub fn read<T, E: From<ReadError>>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T, E>) -> Result<T, E> {
        use tokio::runtime::{Handle, RuntimeFlavor};
        let contact = self.contact();
        if contact.is_none() {
            return self.0.pool.read(read);
        }
        // Whoever waited with the others for a server that is out of reach would wait long, and be told nothing else.
        if is_cut_off(contact) {
            return Err(ReadError::from(StorageError::from(Failed::Late(CUT_OFF_AFTER))).into());
        }
        // It may be just that, and the runtime's other tasks do not wait for it.
        if Handle::try_current().is_ok_and(|on| on.runtime_flavor() == RuntimeFlavor::MultiThread) {
            return tokio::task::block_in_place(|| self.0.pool.read(read));
        }
        self.0.pool.read(read)
    }

    /// Where the log ends.
    #[must_use]
    pub fn head(&self) -> Head {
        self.0.status.head()
    }

    /// How long ago this node last knew every entry, where others record too.
    fn contact(&self) -> Option<Duration> {
        self.0.status.contact().map(|at| (self.0.elapsed)().saturating_sub(at))
    }

    /// How the store is.
    #[must_use]
    pub fn health(&self) -> Health {
        let head = self.head();
        Health {
            condition: self.0.status.get_condition(),
            queue_batches: self.0.queue.depth(),
            contact: self.contact(),
            unsealed: head.next.0.saturating_sub(head.sealed),
        }
    }

    /// Folds what other nodes have recorded up to now, where there may be others: what was answered elsewhere is known here when this returns.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn catch_up(&self) -> Result<(), AppendError> {
        if self.contact().is_none() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::CatchUp(answer))?;
        answered.await.unwrap_or(Err(AppendError::Closed))
    }

    /// How the server is that holds the database; nothing where that is a file.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn database(&self) -> Result<Option<Database>, ReadError> {
        self.read(|reader| Ok(reader.connection.server_state()?))
    }

    /// Makes sure that nothing of what was erased is left in the write-ahead log: what was destroyed in the file is so there too. Waits for those
    /// who are reading, some seconds at most; the writer goes on trying by itself, and a start makes sure of it as well.
    ///
    /// # Errors
    /// When it is not done yet.
    pub async fn scrub(&self) -> Result<(), AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::Scrub(answer))?;
        answered.await.unwrap_or(Err(AppendError::Closed))
    }

    pub(crate) fn handed(&self) -> &Handed {
        &self.0.status.handed
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The store's keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The key that verifies this ledger's checkpoints now; its origin is the ledger's. For a checkpoint in hand ask [`Store::signer_of`].
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.0.signers.in_force()
    }

    /// The newest of this ledger's keys that signed this checkpoint: while one takes over from another, the one in force may be a step ahead.
    #[must_use]
    pub fn signer_of(&self, checkpoint: &str) -> VerifyingKey {
        self.0.signers.of(checkpoint)
    }

    /// How one signing key took over from another, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rotations(&self) -> Result<Vec<Rotation>, ReadError> {
        self.read(rotation::all)
    }

    /// Makes another key sign from now on; the old one is gone then. It is announced in an entry by `actor`, and the checkpoint over that entry
    /// is signed by both. A rotation that was interrupted is finished instead.
    ///
    /// # Errors
    /// When it was not finished. The store goes on with the key it has, and tries again by itself where the new one was announced.
    pub async fn rotate_key(&self, actor: Actor) -> Result<Rotation, AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::Rotate(actor, answer))?;
        answered.await.unwrap_or(Err(AppendError::Closed))
    }

    /// As [`Store::rotate_key`], for threads that may block. It panics inside an asynchronous task.
    ///
    /// # Errors
    /// As there.
    pub fn rotate_key_blocking(&self, actor: Actor) -> Result<Rotation, AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::Rotate(actor, answer))?;
        answered.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    /// The latest checkpoint as a signed note, if anything was sealed yet.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn checkpoint(&self) -> Result<Option<String>, ReadError> {
        self.read(|reader| Ok(reader.checkpoint()?.map(|(_, note)| note)))
    }

    /// Seals everything recorded so far, now.
    ///
    /// # Errors
    /// When it could not be; the writer tries again by itself.
    pub async fn seal(&self) -> Result<(), AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::Seal(answer))?;
        answered.await.unwrap_or(Err(AppendError::Closed))
    }

    /// As [`Store::seal`], for threads that may block. It panics inside an asynchronous task.
    ///
    /// # Errors
    /// When it could not be; the writer tries again by itself.
    pub fn seal_blocking(&self) -> Result<(), AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::Seal(answer))?;
        answered.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Lets the database file grow to so many bytes from now on. For threads that may block.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn limit_size(&self, bytes: Option<u64>) -> Result<(), AppendError> {
        let (answer, answered) = oneshot::channel();
        self.0.queue.order(Order::LimitSize(bytes, answer))?;
        answered.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }

    /// Commits and seals what waits, and gives the directory up; whatever is appended later is refused. Blocks until done. Reading goes on.
    pub fn close(&self) {
        self.0.close();
    }

    /// Answers when the store takes nothing any more: because it was closed, or because its writer could not go on.
    pub async fn ended(&self) {
        self.0.status.until_closed().await;
    }

    /// As [`Store::close`], without blocking the thread.
    pub async fn closed(&self) {
        self.0.queue.close();
        self.0.status.until_closed().await;
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Shared {
    fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.thread().id() != std::thread::current().id()
        {
            let _panicked = writer.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

/// Draws what hides each detail of a batch, and lets the drafts commit to it.
fn commit_to(batch: &mut Batch) -> Result<Vec<Committed>, AppendError> {
    let mut committed = Vec::with_capacity(batch.details.len());
    for (number, detail) in std::mem::take(&mut batch.details) {
        let draft = batch.drafts.get_mut(number).filter(|draft| draft.detail.is_none()).ok_or(AppendError::Detail)?;
        if detail.text.len() > crate::DETAIL_BYTES_MAX {
            return Err(AppendError::Detail);
        }
        let one = Committed::to(number, &detail)?;
        draft.detail = Some(one.commitment());
        committed.push(one);
    }
    Ok(committed)
}

/// Each tile is read by itself: a log only grows, so tiles for a size once sealed stay.
impl TileSource for Store {
    type Error = ReadError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, ReadError> {
        self.read(|reader| reader.tile(level, index, width))
    }
}

impl EntrySource for Store {
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, ReadError> {
        self.read(|reader| reader.bundle(index, width))
    }
}

/// Keeps whoever waits from waiting for ever, and the directory from staying locked, should the writer panic.
struct Ending {
    queue: Arc<Queue>,
    status: Arc<Status>,
    lock: Option<Lock>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.queue.abandon();
        self.lock = None;
        self.status.closed();
    }
}

fn spawn(writer: Writer, lock: Lock, status: Arc<Status>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("store-writer".into()).spawn(move || {
        // Dropped last.
        let _ending = Ending { queue: writer.queue.clone(), status, lock: Some(lock) };
        writer.run();
    })
}

/// What keeps the writer's fold in snapshots, if it can be kept; the newest is over `folded` entries.
fn snapshotter(writer: &mut Writer, snapshots: Snapshots, folded: u64) -> std::io::Result<Option<Snapshotter>> {
    let (Some(entries_min), Some(kept)) = (writer.options.snapshot_entries, writer.apply.resumable()) else {
        return Ok(None);
    };
    let (fresh, elapsed) = (kept.fresh(), writer.options.elapsed.clone());
    let (place, status) = (writer.place.clone(), writer.status.clone());
    Snapshotter::start(place, snapshots, status, elapsed, fresh, (entries_min, folded)).map(Some)
}
