//! A copy of the store that another machine can go on from, made while a node works.

use crate::database::{Connection, StorageError};
use crate::directory::{self, DirectoryError};
use crate::keys::{FOLDER as KEYS, Key, Keys, KeysError};
use crate::place::Place;
use crate::reader::Reader;
use crate::sqlite::{self, FILE_NAME};
use crate::{statements, transfer};
use events::Timestamp;
use ledger::{Hash, Origin, SigningKey, Tree, leaf_hash, note};
use rusqlite::{OpenFlags, backup};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The public key that the copy's checkpoint is signed with, beside the copy: keys that were rotated since cannot check it.
pub(crate) const VKEY: &str = "log.vkey";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The log's origin.
    pub origin: String,
    /// How many entries.
    pub entries: u64,
    /// The root they hash to, computed from the copy.
    pub root: Hash,
    /// Whether the keys are in it.
    pub keys: bool,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is something already.
    #[error("`{}` is not empty: a backup goes into a directory of its own", .0.display())]
    NotEmpty(PathBuf),
    /// There is no store.
    #[error("`{}` has no store in it", .0.display())]
    NoStore(PathBuf),
    /// A directory or file cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The store is at a server, and cannot be copied from there.
    #[error("the store at the server cannot be copied")]
    Server(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The copy is not whole.
    #[error("the copy has {found} entries in a row, and its last is {last}: it cannot be used")]
    Gap {
        /// How many follow each other from the first.
        found: u64,
        /// How many there should be.
        last: u64,
    },
    /// The copy's checkpoint is signed with neither the key before it was made nor the one after.
    #[error(
        "the store's checkpoint is not signed with its key: something other than Handrail changed it, or it was rotated twice meanwhile"
    )]
    Checkpoint,
    /// The store's key cannot be read.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There are no keys.
    #[error("`{}` holds no keys: give the directory that has `keys/`, or `keys/` itself", .0.display())]
    NoKeys(PathBuf),
    /// The origin is not one.
    #[error("the store's origin cannot be used")]
    Origin(#[source] ledger::key::KeyError),
    /// The database failed.
    #[error("the store cannot be copied")]
    Storage(#[from] StorageError),
    /// The copy cannot be read.
    #[error("the copy cannot be read")]
    Read(#[from] crate::ReadError),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Copies the store of `data` into the new or empty directory `into`, as it is at one moment, and hashes every entry of the copy. A node may work on
/// `data` meanwhile. Everything is private to its owner and synced before this answers.
///
/// Without `with_keys` the copy is of no use to whoever finds it alone: record numbers cannot be looked up, detail not be read, nothing be signed; the keys
/// must be kept elsewhere.
///
/// # Errors
/// When something is in the way, or either side cannot be read or written. What was copied until then stays, and is not a backup.
pub fn back_up(data: &Path, into: &Path, with_keys: bool, now: Timestamp) -> Result<BackedUp, BackupError> {
    let place = match Place::of(data, None) {
        Ok(Place::File(_)) if !data.join(FILE_NAME).exists() => return Err(BackupError::NoStore(data.to_owned())),
        Ok(place) => place,
        Err(error) => return Err(BackupError::Server(error.into())),
    };
    let before = Keys::ledger(data)?;
    match place {
        Place::File(_) => {
            prepare(into)?;
            copy_database(data, into)?;
        }
        // Row by row, in one transaction: the backup is a file on either engine.
        Place::Server(_) => {
            let copied = transfer::copy_into_file(&place.open_reading()?, into, now);
            copied.map_err(|error| BackupError::Server(error.into()))?;
        }
    }
    let after = Keys::ledger(data)?;
    keep_public_key(into, &[before, after])?;
    if with_keys {
        copy_keys(data, into)?;
    }
    directory::sync(into).map_err(|error| DirectoryError::new(into, error))?;
    let counted = examine(into)?;
    Ok(BackedUp { keys: with_keys, ..counted })
}

/// A new directory for its owner alone, or an empty one.
pub(crate) fn prepare(into: &Path) -> Result<(), BackupError> {
    let wrong = |error: io::Error| BackupError::from(DirectoryError::new(into, error));
    match DirBuilder::new().mode(0o700).create(into) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let empty = std::fs::read_dir(into).map_err(wrong)?.next().is_none();
            if empty { Ok(()) } else { Err(BackupError::NotEmpty(into.to_owned())) }
        }
        Err(error) => Err(wrong(error)),
    }
}

/// One step takes it all, within one read transaction: what is committed meanwhile is in the next backup.
pub(crate) fn copy_database(data: &Path, into: &Path) -> Result<(), BackupError> {
    let path = into.join(FILE_NAME);
    directory::private_file(&path)?;
    let from = sqlite::open_reading(data)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = rusqlite::Connection::open_with_flags(&path, flags)?;
    backup::Backup::new(&from, &mut to)?.step(-1)?;
    // A copy is one file: nothing of it may be in a write-ahead log that somebody forgets to take along.
    to.pragma_update(None, "journal_mode", "DELETE")?;
    to.close().map_err(|(_, error)| error)?;
    File::open(&path).and_then(|file| file.sync_all()).map_err(|error| DirectoryError::new(&path, error))?;
    Ok(())
}

/// Writes down which key the copy's checkpoint is signed with: one of these, since a rotation may have ended while it was copied.
fn keep_public_key(copy: &Path, keys: &[Key]) -> Result<(), BackupError> {
    let connection = Connection::Sqlite(sqlite::open_reading(copy)?);
    let reader = Reader { connection: &connection };
    let origin = origin(&reader)?;
    let Some((_, note)) = reader.checkpoint()? else { return Ok(()) };
    let signers = keys.iter().map(|key| SigningKey::from_seed(origin.clone(), key.seed()));
    let signers = signers.collect::<Result<Vec<_>, _>>().map_err(BackupError::Origin)?;
    let signer = signers.iter().map(SigningKey::verifying_key).find(|key| note::open(note.as_bytes(), key).is_ok());
    let signer = signer.ok_or(BackupError::Checkpoint)?;
    let path = copy.join(VKEY);
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
        writeln!(file, "{signer}")?;
        file.sync_all()
    });
    written.map_err(|error| DirectoryError::new(&path, error).into())
}

/// Where the keys are: in the `keys` of a directory, or in it itself.
pub(crate) fn keys_in(directory: &Path) -> Result<PathBuf, BackupError> {
    let within = [directory.join(KEYS), directory.to_owned()];
    let found = within.into_iter().find(|folder| folder.join("ledger").is_file());
    found.ok_or_else(|| BackupError::NoKeys(directory.to_owned()))
}

/// Every key file, each readable by its owner alone.
pub(crate) fn copy_keys(data: &Path, into: &Path) -> Result<(), BackupError> {
    let (from, to) = (keys_in(data)?, into.join(KEYS));
    let wrong = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| BackupError::from(DirectoryError::new(&path, error))
    };
    DirBuilder::new().mode(0o700).create(&to).map_err(wrong(&to))?;
    for entry in std::fs::read_dir(&from).map_err(wrong(&from))? {
        let entry = entry.map_err(wrong(&from))?;
        let path = to.join(entry.file_name());
        let key = Zeroizing::new(std::fs::read(entry.path()).map_err(wrong(&entry.path()))?);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(wrong(&path))?;
        file.write_all(&key).and_then(|()| file.sync_all()).map_err(wrong(&path))?;
    }
    directory::sync(&to).map_err(wrong(&to))
}

/// Hashes every entry of a copy. Whether the signed checkpoint fits is for the store that opens it.
pub(crate) fn examine(copy: &Path) -> Result<BackedUp, BackupError> {
    let connection = Connection::Sqlite(sqlite::open_reading(copy)?);
    let reader = Reader { connection: &connection };
    let origin = origin(&reader)?;
    let tree = hashed(&reader, reader.next()?)?;
    Ok(BackedUp { origin: origin.as_str().to_owned(), entries: tree.size(), root: tree.root(), keys: false })
}

fn origin(reader: &Reader<'_>) -> Result<Origin, BackupError> {
    let origin = reader.find(statements::ORIGIN_FIND, &[], |row| row.text(0))?.unwrap_or_default();
    Origin::parse(&origin).map_err(BackupError::Origin)
}

/// The tree of the first `size` entries, hashed from their bytes.
pub(crate) fn hashed(reader: &Reader<'_>, size: events::Seq) -> Result<Tree, BackupError> {
    let mut tree = Tree::new();
    reader.scan(events::Seq(0), size, |seq, bytes| {
        if seq.0 != tree.size() {
            return ControlFlow::Break(());
        }
        tree.append(leaf_hash(bytes));
        drop(tree.take_changed_tiles());
        ControlFlow::Continue(())
    })?;
    if tree.size() == size.0 { Ok(tree) } else { Err(BackupError::Gap { found: tree.size(), last: size.0 }) }
}
