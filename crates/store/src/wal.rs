//! Moves what was committed from the write-ahead log into the file, off the commit path.

use crate::database::StorageError;
use crate::sqlite;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the log is moved into the file.
const EVERY: Duration = Duration::from_millis(200);
/// The size the log is cut back to when it starts again from its beginning, in bytes.
pub(crate) const WAL_BYTES_KEPT_MAX: i64 = 64 * 1024 * 1024;
/// Beyond so many pages the writer lends a hand: under load that never pauses, only a moment without a commit lets the log start again.
const WAL_PAGES_MAX: u64 = 16 * 1024;

/// The thread that does it. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Checkpointer {
    pages: Arc<AtomicU64>,
    stop: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts it, with a connection of its own.
    pub(crate) fn start(directory: &Path) -> Result<Self, std::io::Error> {
        let pages = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let directory = directory.to_owned();
        let seen = pages.clone();
        let thread = std::thread::Builder::new().name("store-checkpoint".into()).spawn(move || {
            let (mut connection, mut failing) = (None, false);
            while stopped.recv_timeout(EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let moved = match &connection {
                    Some(connection) => passive(connection),
                    None => sqlite::open_writing(&directory).and_then(|opened| passive(connection.insert(opened))),
                };
                if let Ok(pages) = &moved {
                    seen.store(*pages, Ordering::Relaxed);
                }
                if let Err(error) = &moved {
                    // Whatever is wrong, a fresh connection gets past it when it is right again.
                    connection = None;
                    if !failing {
                        tracing::warn!(%error, "the write-ahead log cannot be moved into the file; trying on");
                    }
                }
                failing = moved.is_err();
            }
        })?;
        Ok(Self { pages, stop: Some(stop), thread: Some(thread) })
    }

    /// Called by the writer between commits: does what only it can do when the log has grown too long.
    pub(crate) fn lend_a_hand(&self, writer: &Connection) {
        if self.pages.load(Ordering::Relaxed) > WAL_PAGES_MAX {
            self.pages.store(0, Ordering::Relaxed);
            // What is wrong with it, if anything, the thread has said.
            let _moved = passive(writer);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

/// Moves what can be moved without making anybody wait; how many pages the log has.
fn passive(connection: &Connection) -> Result<u64, StorageError> {
    let pages: i64 = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    Ok(u64::try_from(pages).unwrap_or(0))
}

/// Moves everything and empties the log, waiting a while for those who read; whether it is empty now.
pub(crate) fn emptied(connection: &Connection) -> Result<bool, StorageError> {
    let busy: i64 = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(busy == 0)
}

/// The same without waiting for anybody: for trying again while others want to be answered.
pub(crate) fn emptied_at_once(connection: &Connection) -> Result<bool, StorageError> {
    connection.busy_timeout(Duration::ZERO)?;
    let done = emptied(connection);
    connection.busy_timeout(sqlite::BUSY_WAIT)?;
    done
}

/// Moves everything and empties the log: for the end.
pub(crate) fn empty(connection: &Connection) {
    if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log stays for the next start");
    }
}
