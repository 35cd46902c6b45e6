//! Going on from a backup, and saying so: what was recorded after the backup is lost, so the log goes on under another name that names the old one.
//!
//! Two logs under one origin that differ after the same entry are a fork, and that is what a silent restore would make. A declared one writes
//! `ledger.restored` as its first new entry and signs under a new origin from there on.

use crate::backup::{BackupError, VKEY, copy_database, copy_keys, examine, hashed, keys_in, prepare};
use crate::database::Connection;
use crate::directory::{self, DirectoryError};
use crate::keys::{FOLDER as KEYS, Keys};
use crate::reader::Reader;
use crate::sqlite::{self, FILE_NAME};
use crate::{OpenError, RecoveryError, migrations, recovery, statements};
use events::{Actor, Draft, Leaf, Seq, Timestamp, ledger::Restored as Declared};
use ledger::{Origin, SigningKey, Tree, VerifyingKey};
use std::ops::ControlFlow;
use std::path::Path;

/// The directory in which a restore is made ready; its files take their places when everything is done.
const UNFINISHED: &str = "restore.unfinished";
/// What stands before the time in the name of a restored log.
const SUFFIX: &str = "/restored-";

/// What a restore is declared with.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// By whom.
    pub actor: Actor,
    /// Why, in the words of whoever does it.
    pub reason: String,
    /// When.
    pub now: Timestamp,
}

/// A store that goes on from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The origin the backup was made of.
    pub from_origin: String,
    /// The origin from here on.
    pub to_origin: String,
    /// The public key from here on, as C2SP writes it.
    pub key: String,
    /// The entry that says so: all before it are the backup's.
    pub entry: Seq,
    /// The key that signed the backup's checkpoint, where it is not the one that was given: it was rotated since. Whoever holds an earlier public key of
    /// the log can compare.
    pub signed_by: Option<String>,
    /// When the backup's last entry was recorded: what happened since is lost.
    pub last_recorded_at: Option<Timestamp>,
}

/// Why a store cannot go on from a backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup cannot be copied or read.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// What was copied is not a store that fits together.
    #[error("the backup does not fit together")]
    Open(#[source] Box<OpenError>),
    /// The declaration does not fit an entry, or the new origin no log.
    #[error("the restore cannot be declared")]
    Declare(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl<E: Into<OpenError>> From<E> for RestoreError {
    fn from(error: E) -> Self {
        Self::Open(Box::new(error.into()))
    }
}

/// Makes `into`, a new or empty directory, a store that goes on from the backup in `from`, with the keys in `keys` (the backup itself, or wherever its
/// `keys` directory was kept apart). The signed checkpoint in the backup is held against its entries first.
///
/// A crash leaves nothing that opens, or the whole.
///
/// # Errors
/// When the backup is not whole or not signed by its key, or a directory cannot be used.
pub fn restore(from: &Path, keys: &Path, into: &Path, declared: Declaration) -> Result<Restored, RestoreError> {
    if !from.join(FILE_NAME).exists() {
        return Err(BackupError::NoStore(from.to_owned()).into());
    }
    // Before anything large is copied.
    keys_in(keys)?;
    let unfinished = into.join(UNFINISHED);
    if unfinished.exists() && !into.join(KEYS).exists() {
        // Of one that was cut short.
        let wrong = |error| BackupError::from(DirectoryError::new(&unfinished, error));
        std::fs::remove_dir_all(&unfinished).map_err(wrong)?;
    }
    prepare(into)?;
    let made = make(from, keys, &unfinished, declared);
    let wrong = |error| BackupError::from(DirectoryError::new(into, error));
    if made.is_ok() {
        // What is left of it keeps the directory from being opened until everything has its place.
        for name in [KEYS, FILE_NAME] {
            std::fs::rename(unfinished.join(name), into.join(name)).map_err(wrong)?;
        }
        directory::sync(into).map_err(wrong)?;
    }
    std::fs::remove_dir_all(&unfinished).and_then(|()| directory::sync(into)).map_err(wrong)?;
    made
}

fn make(from: &Path, keys: &Path, unfinished: &Path, declared: Declaration) -> Result<Restored, RestoreError> {
    prepare(unfinished)?;
    copy_database(from, unfinished)?;
    copy_keys(keys, unfinished)?;
    examine(unfinished)?;
    let earlier = match std::fs::read_to_string(from.join(VKEY)) {
        Ok(text) => Some(text.trim().parse().map_err(OpenError::Origin)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(BackupError::from(DirectoryError::new(&from.join(VKEY), error)).into()),
    };
    declare(unfinished, earlier.as_ref(), declared)
}

/// Whether no restore into a directory was begun and not finished.
pub(crate) fn is_whole(directory: &Path) -> Result<(), OpenError> {
    if directory.join(UNFINISHED).exists() {
        return Err(OpenError::UnfinishedRestore(directory.to_owned()));
    }
    Ok(())
}

/// Checks what was copied against its own checkpoint, then writes the declaration and the new origin in one transaction.
fn declare(copy: &Path, earlier: Option<&VerifyingKey>, declared: Declaration) -> Result<Restored, RestoreError> {
    let mut keys = Keys::open(copy)?;
    let connection = Connection::Sqlite(sqlite::open_writing(copy)?);
    migrations::apply(&connection, migrations::ALL, declared.now)?;
    let reader = Reader { connection: &connection };
    let origin = reader.find(statements::ORIGIN_FIND, &[], |row| row.text(0)).map_err(RecoveryError::Read)?;
    let origin = Origin::parse(&origin.unwrap_or_default()).map_err(OpenError::Origin)?;
    let (signing, _next) = recovery::signing_keys(&reader, copy, &origin, &mut keys)?;
    let (sealed, signed_by) = sealed(&reader, signing.verifying_key(), earlier)?;
    // The tiles gave the root that was signed; now the entries have to.
    if let Some(sealed) = &sealed
        && hashed(&reader, Seq(sealed.size()))?.root() != sealed.root()
    {
        return Err(RecoveryError::Root { size: sealed.size() }.into());
    }
    let entry = reader.next().map_err(RecoveryError::Read)?;
    let last_recorded_at = last_recorded_at(&reader, entry)?;
    let to = successor(&origin, declared.now).map_err(OpenError::Origin)?;
    let key = SigningKey::from_seed(to.clone(), keys.ledger.seed()).map_err(OpenError::Origin)?;
    let body = Declared {
        from_origin: origin.as_str().into(),
        from_key: signed_by.to_string().into(),
        to_origin: to.as_str().into(),
        sealed: sealed.as_ref().map_or(0, Tree::size),
        root: sealed.map(|tree| tree.root().to_string().into()),
        reason: declared.reason.as_str().into(),
    };
    let tail = Draft::new(declared.actor, body).tail().map_err(|error| RestoreError::Declare(error.into()))?;
    let recorded_at = declared.now.max(last_recorded_at.unwrap_or(Timestamp::MIN));
    let leaf = Leaf::bytes(entry, recorded_at, &tail);
    let changed = (|| {
        connection.begin()?;
        connection.execute(statements::ORIGIN_CHANGE, &[to.as_str().into()])?;
        // The old origin's signatures and witnesses say nothing of the new one.
        for forgotten in [statements::CHECKPOINT_FORGET, statements::LEDGER_ROTATION_FORGET, statements::WITNESS_FORGET]
        {
            connection.execute(forgotten, &[])?;
        }
        connection.commit(entry, &[leaf], None)
    })();
    changed?;
    if let Connection::Sqlite(connection) = connection {
        connection.pragma_update(None, "journal_mode", "DELETE").map_err(crate::StorageError::from)?;
        connection.close().map_err(|(_, error)| crate::StorageError::from(error))?;
    }
    Ok(Restored {
        from_origin: origin.as_str().to_owned(),
        to_origin: to.as_str().to_owned(),
        key: key.verifying_key().to_string(),
        signed_by: (signed_by != signing.verifying_key()).then(|| signed_by.to_string()),
        entry,
        last_recorded_at,
    })
}

/// The tree of the backup's checkpoint, and whose signature it was found by: the key that was given or, where that took over since, the one
/// that was in force when the backup was made.
fn sealed<'k>(
    reader: &Reader<'_>,
    given: &'k VerifyingKey,
    earlier: Option<&'k VerifyingKey>,
) -> Result<(Option<Tree>, &'k VerifyingKey), RecoveryError> {
    match (recovery::sealed_tree(reader, given), earlier) {
        (Ok(tree), _) => Ok((tree, given)),
        (Err(RecoveryError::Checkpoint(_)), Some(earlier)) => Ok((recovery::sealed_tree(reader, earlier)?, earlier)),
        (Err(error), _) => Err(error),
    }
}

fn last_recorded_at(reader: &Reader<'_>, next: Seq) -> Result<Option<Timestamp>, RestoreError> {
    let mut at = None;
    let last = Seq(next.0.saturating_sub(1));
    let read = reader.scan(last, next, |_, bytes| {
        at = Leaf::parse(bytes).ok().map(|leaf| leaf.recorded_at);
        ControlFlow::Break(())
    });
    read.map_err(RecoveryError::Read)?;
    Ok(at)
}

/// The next name: the first log's, and when this restore was declared.
fn successor(origin: &Origin, now: Timestamp) -> Result<Origin, ledger::key::KeyError> {
    let first = origin.as_str().split(SUFFIX).next().unwrap_or_default();
    let moment: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    Origin::parse(&format!("{first}{SUFFIX}{moment}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_restored_twice_keeps_the_first_name_and_tells_the_restores_apart() {
        let first = Origin::parse("handrail.example/ledger").unwrap();
        let once = successor(&first, Timestamp::from_millis(1_795_000_000_000)).unwrap();
        let twice = successor(&once, Timestamp::from_millis(1_795_000_000_001)).unwrap();
        assert!(once.as_str().starts_with("handrail.example/ledger/restored-2026"), "{once:?}");
        assert!(twice.as_str().starts_with("handrail.example/ledger/restored-2026"), "{twice:?}");
        assert_eq!(twice.as_str().matches(SUFFIX).count(), 1);
        assert_ne!(once, twice);
    }
}
