//! The last checkpoint, kept beside the store in a file of its own: a store that was lost, or replaced by an older copy of itself, does not go on
//! under the same name as if nothing had happened. That would be two logs that differ, signed with one key.
//!
//! Against a slip of the hand. Who may write the directory may write this file too; against them there are witnesses.

use crate::directory::DirectoryError;
use crate::reader::Reader;
use crate::{OpenError, RecoveryError};
use events::Timestamp;
use ledger::note::claimed;
use ledger::{Origin, Tree};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

/// The file, in the data directory.
const FILE_NAME: &str = "last-checkpoint";
/// How old it may get while the log grows.
const KEEP_EVERY: Duration = Duration::from_secs(10);

/// Keeps the file about as new as the store.
#[derive(Debug, Default)]
pub(crate) struct Retained {
    kept_at: Option<Timestamp>,
}

impl Retained {
    /// Takes note of a checkpoint that is in the database. One that cannot be kept is logged: the one before stays, and says less.
    pub(crate) fn take(&mut self, directory: &Path, note: &str, now: Timestamp) {
        // A clock that was set back must not keep it from being renewed.
        if self.kept_at.is_some_and(|kept| now >= kept && now.since(kept) < KEEP_EVERY) {
            return;
        }
        match write(directory, note) {
            Ok(()) => self.kept_at = Some(now),
            Err(error) => tracing::warn!(%error, "the last checkpoint was not kept beside the store"),
        }
    }
}

fn write(directory: &Path, note: &str) -> std::io::Result<()> {
    let unfinished = directory.join("last-checkpoint.unfinished");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(note.as_bytes())?;
    file.sync_data()?;
    std::fs::rename(unfinished, directory.join(FILE_NAME))
}

/// Whether there once was a store: then nothing may make a new one.
pub(crate) fn was(directory: &Path) -> bool {
    directory.join(FILE_NAME).exists()
}

/// Whether the store still holds what it once signed. `sealed` is the tree of its latest checkpoint.
pub(crate) fn check(
    directory: &Path,
    reader: &Reader<'_>,
    origin: &Origin,
    sealed: Option<&Tree>,
) -> Result<(), OpenError> {
    let path = directory.join(FILE_NAME);
    let note = match std::fs::read(&path) {
        Ok(note) => note,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(DirectoryError::new(&path, error).into()),
    };
    let Ok(kept) = claimed(&note) else {
        tracing::warn!(path = %path.display(), "the checkpoint kept beside the store cannot be read, and says nothing");
        return Ok(());
    };
    let held = sealed.map_or(0, Tree::size);
    if kept.origin != *origin {
        return Err(RecoveryError::OtherLog { kept: kept.origin.to_string(), origin: origin.to_string() }.into());
    }
    if held < kept.size {
        return Err(RecoveryError::Older { sealed: held, kept: kept.size }.into());
    }
    let then = Tree::restore(kept.size, reader).map_err(|error| RecoveryError::Tree(Box::new(error)))?;
    if then.root() == kept.root { Ok(()) } else { Err(RecoveryError::Forked { size: kept.size }.into()) }
}
