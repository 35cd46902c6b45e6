//! The thread that follows the log.

use super::file::{self, File};
use super::terms::Terms;
use super::{Found, Wanted};
use crate::{ReadError, Store, background};
use events::Seq;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The most entries put into the file at once.
pub const BATCH_ENTRIES: u64 = 2_000;
/// How often to look whether the log has grown.
const LOOK: Duration = Duration::from_millis(100);
/// How long to leave the machine to others between two full batches.
const BREATH: Duration = Duration::from_millis(1);
/// How long to wait after the file could not be written.
const RETRY: Duration = Duration::from_secs(2);

/// What the thread and whoever asks share.
#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    progress: Mutex<Progress>,
    moved: Condvar,
    stop: AtomicBool,
    /// Somebody found the file damaged.
    broken: AtomicBool,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    complete_to: Seq,
    trouble: Option<String>,
}

/// The thread, ended when this is dropped.
#[derive(Debug)]
pub(crate) struct Follower {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    pub(crate) fn start(directory: &Path, store: Store) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            progress: Mutex::default(),
            moved: Condvar::new(),
            stop: AtomicBool::new(false),
            broken: AtomicBool::new(false),
        });
        store.handed().want();
        let following = Arc::clone(&shared);
        let thread = background::spawn("search", move || following.follow(&store))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(crate) fn find(&self, wanted: &Wanted, rows_max: usize) -> Result<Found, ReadError> {
        let found = file::find(&self.shared.directory, wanted, rows_max);
        if found.as_ref().err().is_some_and(file::is_broken) {
            self.shared.broken.store(true, Ordering::SeqCst);
        }
        found
    }

    pub(crate) fn complete_to(&self) -> Seq {
        self.shared.lock().complete_to
    }

    pub(crate) fn trouble(&self) -> Option<String> {
        self.shared.lock().trouble.clone()
    }

    pub(crate) fn wait_until(&self, to: Seq, at_most: Duration) -> bool {
        let waiting = self.shared.lock();
        let until = |progress: &mut Progress| progress.complete_to < to;
        let waited = self.shared.moved.wait_timeout_while(waiting, at_most, until);
        let (progress, _) = waited.unwrap_or_else(PoisonError::into_inner);
        progress.complete_to >= to
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _panicked = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, complete_to: Seq, trouble: Option<String>) {
        *self.lock() = Progress { complete_to, trouble };
        self.moved.notify_all();
    }

    fn follow(&self, store: &Store) {
        // Best effort: it only orders who runs first on a busy machine.
        let _nice = rustix::process::nice(crate::snapshot::NICE);
        let mut open: Option<File> = None;
        while !self.stop.load(Ordering::SeqCst) {
            let wait = match self.step(store, &mut open) {
                Ok(true) => BREATH,
                Ok(false) => LOOK,
                Err(error) => {
                    if self.lock().trouble.is_none() {
                        tracing::warn!(%error, "the search file cannot be kept; decisions go on without it");
                    }
                    if file::is_broken(&error) {
                        file::remove(&self.directory);
                    }
                    open = None;
                    self.tell(Seq(0), Some(error.to_string()));
                    RETRY
                }
            };
            std::thread::park_timeout(wait);
        }
    }

    /// Puts one batch in. Whether there is more.
    fn step(&self, store: &Store, open: &mut Option<File>) -> Result<bool, ReadError> {
        if self.broken.swap(false, Ordering::SeqCst) {
            *open = None;
            file::remove(&self.directory);
        }
        if open.as_ref().is_some_and(|file| !file.is_there()) {
            *open = None;
        }
        let file = match open {
            Some(file) => file,
            None => open.insert(File::open(&self.directory, store)?),
        };
        let end = store.head().next;
        if file.next < end {
            let to = Seq(end.0.min(file.next.0 + BATCH_ENTRIES));
            let (entries, last_hash) = entries(store, file.next, to)?;
            file.add(&entries, last_hash.as_bytes())?;
        }
        let complete_to = file.next;
        self.tell(complete_to, None);
        Ok(complete_to < store.head().next)
    }
}

/// What the next entries are found by, and the hash of the last of them: as the writer hands them over, or as the log has them.
fn entries(store: &Store, from: Seq, to: Seq) -> Result<(Vec<(Seq, Terms)>, ledger::Hash), ReadError> {
    let handed = store.handed().take(from, usize::try_from(to.0 - from.0).unwrap_or(usize::MAX));
    if let Some(last) = handed.last() {
        let bytes = store.read(|reader| reader.leaf_bytes(last.seq))?.ok_or(ReadError::NoEntry(last.seq))?;
        let entries = handed.iter().map(|leaf| (leaf.seq, Terms::of(leaf))).collect();
        return Ok((entries, ledger::leaf_hash(&bytes)));
    }
    let (mut entries, mut last_hash) = (Vec::new(), None);
    store.read(|reader| {
        reader.scan(from, to, |seq, bytes| {
            entries.push((seq, Terms::of_bytes(bytes)));
            if seq.0 + 1 == to.0 {
                last_hash = Some(ledger::leaf_hash(bytes));
            }
            ControlFlow::Continue(())
        })
    })?;
    Ok((entries, last_hash.ok_or(ReadError::NoEntry(Seq(to.0.saturating_sub(1))))?))
}
