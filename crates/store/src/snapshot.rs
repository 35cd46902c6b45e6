//! Snapshots: the fold's state as of some entry, so that a start reads only what came after.
//!
//! A snapshot is made by a thread of its own from the one before it and the log, never from the fold that answers: nobody waits for it. It
//! covers only what is sealed, and nothing after an entry that this build cannot read. It is written under another name, read back and
//! found to be the same, synced, and only then named; two are kept.
//!
//! None is trusted. One counts only if its HMAC (SHA-256, under a key derived from the one for what is kept beside the log) is right, its fold is of this build's
//! version, and the log's own tiles give the root it names at the entry it names. Otherwise the one before it is tried, and at last the log is
//! folded from its beginning. What is in a snapshot is in the log too, as readable: pseudonyms, names of staff, no record number.

use crate::directory;
use crate::keys::Key;
use crate::place::Place;
use crate::reader::Reader;
use crate::recovery::{Recovered, TileCheck};
use crate::status::Status;
use crate::store::{Apply, Elapsed};
use crate::{ReadError, RecoveryError, StorageError, background};
use aws_lc_rs::{constant_time, hmac};
use events::{Leaf, Seq, Timestamp};
use ledger::{Hash, Tree};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Where they are, under the data directory.
const FOLDER: &str = "snapshots";
/// What one is called while it is being written.
const UNFINISHED: &str = "unfinished";
/// The end of their names; before it stands the number of entries.
const SUFFIX: &str = ".snapshot";
/// How many are kept.
const KEPT: usize = 2;
/// The first bytes of each: what it is, and the version of the frame below.
const MAGIC: &[u8; 20] = b"handrail snapshot 1\n";
/// Magic, fold version, entries, time, root.
const HEAD_BYTES: usize = 20 + 4 + 8 + 8 + 32;
/// HMAC-SHA-256.
const TAG_BYTES: usize = 32;
/// After so many bytes what was written is pushed to the disk, so that no commit waits behind all of it.
const PUSHED_BYTES: usize = 8 * 1024 * 1024;
/// How many entries are read in one go, so that the write-ahead log can start again in between.
const ENTRIES_AT_ONCE: u64 = 4096;
/// How often the thread looks whether there is something to do.
const EVERY: Duration = Duration::from_secs(1);
/// Making snapshots takes at most one part in so many of the time.
const PAUSE: u32 = 9;
/// How long after one that could not be made the next is tried.
const RETRY: Duration = Duration::from_secs(60);
/// How threads stand back behind those that answer, on the system's scale up to 19.
pub(crate) const NICE: i32 = 10;

/// A fold whose state can be written down and read again.
pub trait Resumable: Apply {
    /// The version of the fold and of the form its state is written in. Whoever changes either raises it.
    fn version(&self) -> u32;

    /// The same fold before the first entry, apart from this one.
    fn fresh(&self) -> Box<dyn Apply>;

    /// Writes everything that was folded; the same bytes whenever the same entries were.
    ///
    /// # Errors
    /// What `to` errs with.
    fn write(&self, to: &mut dyn Write) -> io::Result<()>;

    /// Puts what [`Self::write`] wrote in the place of everything. The bytes may be anything: whoever calls finds out afterwards whether they
    /// are to be trusted.
    ///
    /// # Errors
    /// When they are not of that form. The state is then to be cleared.
    fn read(&mut self, from: &mut dyn Read) -> io::Result<()>;

    /// Forgets everything, as before the first entry.
    fn clear(&mut self);
}

/// Why a snapshot does not count.
#[derive(Debug, thiserror::Error)]
enum Rejected {
    #[error("it is no snapshot of a form this build knows")]
    Form,
    #[error("its fold is of version {theirs}, this build's is {ours}")]
    Fold { theirs: u32, ours: u32 },
    #[error("it is of {entries} entries, of which only {sealed} are sealed in the log")]
    Ahead { entries: u64, sealed: u64 },
    #[error("it is not of this log")]
    OtherLog,
    #[error("its content is not what was written")]
    Changed,
    #[error("it cannot be read")]
    Io(#[from] io::Error),
    #[error("the log's tree cannot be read")]
    Tree(#[source] Box<ledger::source::TileError<ReadError>>),
}

/// Why no snapshot was made.
#[derive(Debug, thiserror::Error)]
enum Unmade {
    #[error("it cannot be written")]
    Io(#[from] io::Error),
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    #[error("the log cannot be read")]
    Storage(#[from] StorageError),
    #[error("the log does not fit its tree")]
    Recovery(#[from] RecoveryError),
    #[error("what was written was read back otherwise")]
    Otherwise(#[source] Rejected),
    #[error("the fold keeps no snapshots")]
    NotKept,
}

/// What stands before the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    version: u32,
    entries: u64,
    recorded_at: Timestamp,
    root: Hash,
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.version.to_be_bytes());
        bytes.extend_from_slice(&self.entries.to_be_bytes());
        bytes.extend_from_slice(&self.recorded_at.as_millis().to_be_bytes());
        bytes.extend_from_slice(self.root.as_bytes());
        bytes
    }

    fn read(from: &mut dyn Read) -> Result<Self, Rejected> {
        fn array<const N: usize>(from: &mut dyn Read) -> io::Result<[u8; N]> {
            let mut bytes = [0; N];
            from.read_exact(&mut bytes)?;
            Ok(bytes)
        }
        if array::<20>(from)? != *MAGIC {
            return Err(Rejected::Form);
        }
        Ok(Self {
            version: u32::from_be_bytes(array(from)?),
            entries: u64::from_be_bytes(array(from)?),
            recorded_at: Timestamp::from_millis(i64::from_be_bytes(array(from)?)),
            root: Hash(array(from)?),
        })
    }
}

/// Writes on and computes the tag over everything. Errs when told to stop.
struct Tagging<W> {
    to: W,
    tag: hmac::Context,
    stop: Arc<AtomicBool>,
}

impl<W: Write> Write for Tagging<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the store closes"));
        }
        let written = self.to.write(bytes)?;
        self.tag.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Reads on and computes the tag over everything. Errs when told to stop.
struct Checking<R> {
    from: R,
    tag: hmac::Context,
    stop: Arc<AtomicBool>,
}

impl<R: Read> Read for Checking<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other("the store closes"));
        }
        let read = self.from.read(to)?;
        self.tag.update(to.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// A file whose content is pushed to the disk as it grows.
struct Pushed {
    file: File,
    waiting: usize,
}

impl Write for Pushed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.waiting += written;
        if self.waiting >= PUSHED_BYTES {
            self.waiting = 0;
            self.file.sync_data()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The snapshots of one store.
#[derive(Clone)]
pub(crate) struct Snapshots {
    folder: PathBuf,
    key: hmac::Key,
    stop: Arc<AtomicBool>,
}

impl Snapshots {
    /// Those under a data directory; `detail` is the key for what is kept beside the log.
    pub(crate) fn of(directory: &Path, detail: &Key) -> Self {
        let own = hmac::Key::new(hmac::HMAC_SHA256, detail.bytes());
        let derived = hmac::sign(&own, b"handrail snapshots");
        Self {
            folder: directory.join(FOLDER),
            key: hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()),
            stop: Arc::default(),
        }
    }

    /// What there is, newest first, by the number of entries in its name.
    fn all(&self) -> Vec<(u64, PathBuf)> {
        let Ok(files) = std::fs::read_dir(&self.folder) else { return Vec::new() };
        let entries_of = |path: &Path| path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.parse().ok();
        let mut all: Vec<(u64, PathBuf)> = files
            .filter_map(|file| file.ok().map(|file| file.path()))
            .filter_map(|p| Some((entries_of(&p)?, p)))
            .collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all
    }

    /// Puts the newest good snapshot into a fold that has folded nothing. Says after which entry the log goes on.
    pub(crate) fn restore(&self, reader: &Reader<'_>, sealed: u64, fold: &mut dyn Apply) -> Option<Recovered> {
        for (entries, path) in self.all() {
            let kept = fold.resumable()?;
            match self.read(&path, Some((reader, sealed)), kept) {
                Ok((head, _)) => {
                    tracing::info!(entries, "a snapshot was read; the log is folded from there");
                    return Some(Recovered { next: head.entries, recorded_at: head.recorded_at });
                }
                Err(reason) => {
                    kept.clear();
                    let reason: &dyn std::error::Error = &reason;
                    tracing::warn!(entries, %reason, cause = reason.source(), "a snapshot does not count; the log is read instead");
                }
            }
        }
        None
    }

    /// Reads one into a fold; its head and its tag. With a log to hold it against, only one that is of that log counts.
    fn read(
        &self,
        path: &Path,
        log: Option<(&Reader<'_>, u64)>,
        fold: &mut dyn Resumable,
    ) -> Result<(Head, hmac::Tag), Rejected> {
        let file = File::open(path)?;
        let content = file.metadata()?.len().checked_sub((HEAD_BYTES + TAG_BYTES) as u64).ok_or(Rejected::Form)?;
        let mut from = Checking {
            from: BufReader::with_capacity(1 << 20, file),
            tag: hmac::Context::with_key(&self.key),
            stop: Arc::clone(&self.stop),
        };
        let head = Head::read(&mut from)?;
        if head.version != fold.version() {
            return Err(Rejected::Fold { theirs: head.version, ours: fold.version() });
        }
        if let Some((reader, sealed)) = log {
            if head.entries > sealed {
                return Err(Rejected::Ahead { entries: head.entries, sealed });
            }
            let tree = Tree::restore(head.entries, reader).map_err(|error| Rejected::Tree(Box::new(error)))?;
            if tree.root() != head.root {
                return Err(Rejected::OtherLog);
            }
        }
        let mut rest = (&mut from).take(content);
        fold.read(&mut rest)?;
        if rest.limit() > 0 {
            return Err(Rejected::Form);
        }
        let tag = from.tag.sign();
        let mut kept = [0; TAG_BYTES];
        from.from.read_exact(&mut kept)?;
        constant_time::verify_slices_are_equal(tag.as_ref(), &kept).map_err(|_| Rejected::Changed)?;
        Ok((head, tag))
    }

    /// Writes one and gives it its name once it was read back.
    fn write(&self, head: Head, fold: Box<dyn Apply>) -> Result<(), Unmade> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let unfinished = self.folder.join(UNFINISHED);
        let written = self.write_unnamed(&unfinished, head, fold);
        if written.is_err() {
            // It will be written over, or is not there at all.
            let _removed = std::fs::remove_file(&unfinished);
        }
        written?;
        std::fs::rename(&unfinished, self.folder.join(format!("{:020}{SUFFIX}", head.entries)))?;
        directory::sync(&self.folder)?;
        for (_, old) in self.all().into_iter().skip(KEPT) {
            std::fs::remove_file(old)?;
        }
        Ok(())
    }

    fn write_unnamed(&self, path: &Path, head: Head, mut fold: Box<dyn Apply>) -> Result<(), Unmade> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let to = BufWriter::with_capacity(1 << 20, Pushed { file, waiting: 0 });
        let (mut to, tag) = self.write_through(to, head, fold.as_mut())?;
        to.write_all(tag.as_ref())?;
        to.into_inner().map_err(io::IntoInnerError::into_error)?.file.sync_all()?;
        let mut again = fold.resumable().ok_or(Unmade::NotKept)?.fresh();
        // Two of them would be one too many.
        drop(fold);
        self.read(path, None, again.resumable().ok_or(Unmade::NotKept)?).map_err(Unmade::Otherwise)?;
        let (_, second) = self.write_through(io::sink(), head, again.as_mut())?;
        if second.as_ref() == tag.as_ref() { Ok(()) } else { Err(Unmade::Otherwise(Rejected::Changed)) }
    }

    fn write_through<W: Write>(&self, to: W, head: Head, fold: &mut dyn Apply) -> Result<(W, hmac::Tag), Unmade> {
        let fold = fold.resumable().ok_or(Unmade::NotKept)?;
        let mut to = Tagging { to, tag: hmac::Context::with_key(&self.key), stop: Arc::clone(&self.stop) };
        to.write_all(&head.bytes())?;
        fold.write(&mut to)?;
        Ok((to.to, to.tag.sign()))
    }
}

/// The thread that makes snapshots. Ends when dropped.
pub(crate) struct Snapshotter {
    stop: Arc<AtomicBool>,
    wake: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
struct Maker {
    place: Place,
    snapshots: Snapshots,
    status: Arc<Status>,
    elapsed: Elapsed,
    fresh: Box<dyn Apply>,
    entries_min: u64,
}

impl Snapshotter {
    /// Starts it: a snapshot after every `entries_min` entries. `last` is how many entries the newest is over.
    pub(crate) fn start(
        place: Place,
        snapshots: Snapshots,
        status: Arc<Status>,
        elapsed: Elapsed,
        fresh: Box<dyn Apply>,
        (entries_min, last): (u64, u64),
    ) -> io::Result<Self> {
        let stop = Arc::clone(&snapshots.stop);
        let (wake, woken) = std::sync::mpsc::channel();
        let maker = Maker { place, snapshots, status, elapsed, fresh, entries_min };
        let thread = background::spawn("store-snapshot", move || maker.run(&woken, last))?;
        Ok(Self { stop, wake: Some(wake), thread: Some(thread) })
    }
}

impl Drop for Snapshotter {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Maker {
    fn run(mut self, woken: &std::sync::mpsc::Receiver<()>, mut last: u64) {
        // Where it cannot stand back it works all the same.
        let _nice = rustix::process::nice(NICE);
        let mut rested_at = Duration::ZERO;
        while woken.recv_timeout(EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let (sealed, begun) = (self.status.head().sealed, (self.elapsed)());
            if sealed < last.saturating_add(self.entries_min) || begun < rested_at {
                continue;
            }
            let made = self.make(sealed);
            let took = (self.elapsed)().saturating_sub(begun);
            rested_at = begun + if made.is_ok() { took * (PAUSE + 1) } else { RETRY };
            match made {
                Ok(entries) => {
                    last = sealed;
                    metrics::gauge!("handrail_store_snapshot_entries").set(entries as f64);
                    metrics::histogram!("handrail_store_snapshot_seconds").record(took.as_secs_f64());
                    tracing::info!(entries, seconds = took.as_secs_f64(), "a snapshot was made");
                }
                Err(_) if self.snapshots.stop.load(Ordering::Relaxed) => return,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(%error, cause = error.source(), "no snapshot was made; trying again later");
                    metrics::counter!("handrail_store_failures_total", "what" => "snapshot").increment(1);
                }
            }
        }
    }

    /// Folds on from the newest snapshot to `sealed` and keeps that. How many entries it is over.
    fn make(&mut self, sealed: u64) -> Result<u64, Unmade> {
        let connection = self.place.open_reading()?;
        let reader = Reader { connection: &connection };
        let mut fold = self.fresh.resumable().ok_or(Unmade::NotKept)?.fresh();
        let version = self.fresh.resumable().ok_or(Unmade::NotKept)?.version();
        let start = Recovered { next: 0, recorded_at: Timestamp::MIN };
        let mut at = self.snapshots.restore(&reader, sealed, fold.as_mut()).unwrap_or(start);
        let from = at.next;
        let mut tiles = TileCheck::new(sealed);
        while at.next < sealed && !self.snapshots.stop.load(Ordering::Relaxed) {
            let before = at.next;
            self.fold_some(&reader, sealed, &mut at, &mut tiles, fold.as_mut())?;
            if at.next == before {
                tracing::warn!(entry = before, "snapshots end before an entry that this build cannot read");
                break;
            }
        }
        if at.next == from {
            return Ok(from);
        }
        let tree = Tree::restore(at.next, &reader).map_err(|error| RecoveryError::Tree(Box::new(error)))?;
        let head = Head { version, entries: at.next, recorded_at: at.recorded_at, root: tree.root() };
        self.snapshots.write(head, fold)?;
        Ok(head.entries)
    }

    /// Folds the next entries, each checked against its tile. Stops before one that cannot be read.
    fn fold_some(
        &self,
        reader: &Reader<'_>,
        sealed: u64,
        at: &mut Recovered,
        tiles: &mut TileCheck,
        fold: &mut dyn Apply,
    ) -> Result<(), Unmade> {
        let to = sealed.min(at.next.saturating_add(ENTRIES_AT_ONCE));
        let (mut leaves, mut failed) = (Vec::new(), None);
        reader.scan(Seq(at.next), Seq(to), |seq, bytes| {
            let sound = if seq.0 == at.next {
                tiles.check(reader, seq, bytes)
            } else {
                Err(RecoveryError::Missing(Seq(at.next)))
            };
            match (sound, Leaf::parse(bytes)) {
                (Ok(()), Ok(leaf)) => {
                    at.next += 1;
                    at.recorded_at = at.recorded_at.max(leaf.recorded_at);
                    leaves.push(Arc::new(leaf));
                    ControlFlow::Continue(())
                }
                (Ok(()), Err(_)) => ControlFlow::Break(()),
                (Err(error), _) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        fold.apply(&leaves);
        Ok(())
    }
}
