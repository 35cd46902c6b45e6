//! Opening a store, step by step: where it is, a connection to its tables, its name, and everything folded; and what can keep it from opening, sorted
//! by what to do about it.

use crate::database::{Connection, Fault};
use crate::directory;
use crate::place::Place;
use crate::postgres::Failed;
use crate::reader::Reader;
use crate::recovery::{self, Recovered};
use crate::snapshot::Snapshots;
use crate::store::{Apply, Options};
use crate::{
    DirectoryError, KeysError, MigrationError, ReadError, RecoveryError, StorageError, migrations, retained, sqlite,
    statements,
};
use events::Timestamp;
use ledger::{Origin, Tree};
use std::path::Path;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the directory.
    #[error("`{}` is in use by another process", .0.display())]
    Locked(std::path::PathBuf),
    /// The directory, or a file in it, cannot be written.
    #[error("`{}` cannot be written", .0.display())]
    ReadOnly(std::path::PathBuf),
    /// The store's file is gone: only the checkpoint beside it is left.
    #[error("the store of `{}` is gone: only its last checkpoint is there", .0.display())]
    Lost(std::path::PathBuf),
    /// The store moved away from where the directory says it is.
    #[error("the store has moved from there to {0}")]
    MovedAway(String),
    /// A restore into the directory was begun and not finished.
    #[error("a restore into `{}` was begun and did not end", .0.display())]
    UnfinishedRestore(std::path::PathBuf),
    /// The directory has a store of its own, and another place was given.
    #[error("`{}` has a store of its own, which is not at `{given}`", .directory.display())]
    Elsewhere {
        /// The directory.
        directory: std::path::PathBuf,
        /// The place given.
        given: String,
    },
    /// Another node has the database.
    #[error("another node has this database: {0}")]
    Held(String),
    /// The database's server cannot be reached.
    #[error("the database cannot be reached")]
    Unreachable(#[source] StorageError),
    /// The disk, or the space given to the store, is full.
    #[error("there is no space to open the store in")]
    Full,
    /// The file is not a database, or contradicts itself.
    #[error("the store's file is damaged")]
    Corrupt(#[source] StorageError),
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(DirectoryError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(KeysError),
    /// A log is at the place, and the directory has no keys.
    #[error("`{}` has no keys, and there is a log at {place} already", .directory.display())]
    NoKeys {
        /// The directory.
        directory: std::path::PathBuf,
        /// Where the log is.
        place: String,
    },
    /// The directory's keys are another log's.
    #[error("the {which} key in `{}` is not this log's", .directory.display())]
    OtherKeys {
        /// The directory.
        directory: std::path::PathBuf,
        /// Which key.
        which: &'static str,
    },
    /// The system gives no randomness, or the keys do not derive.
    #[error("the keys of detail cannot be derived")]
    Randomness,
    /// The ledger's name is not one.
    #[error("the ledger's origin cannot be used")]
    Origin(#[source] ledger::key::KeyError),
    /// The tables are another build's.
    #[error(transparent)]
    Migration(MigrationError),
    /// The log and its tree do not fit together.
    #[error(transparent)]
    Recovery(RecoveryError),
    /// A rotation of the ledger's key was begun before, and cannot be finished.
    #[error("the rotation of the ledger's key cannot be finished")]
    Rotation(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A thread cannot be started.
    #[error("a thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// The database failed.
    #[error("the store cannot be opened")]
    Storage(#[source] StorageError),
}

impl From<DirectoryError> for OpenError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Locked(path) => Self::Locked(path),
            DirectoryError::ReadOnly { path, .. } => Self::ReadOnly(path),
            DirectoryError::Io { .. } => Self::Directory(error),
        }
    }
}

impl From<KeysError> for OpenError {
    fn from(error: KeysError) -> Self {
        match error {
            KeysError::Directory(error) => error.into(),
            error => Self::Keys(error),
        }
    }
}

impl From<MigrationError> for OpenError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Failed { source, .. } if source.fault() != Fault::Unfit => source.into(),
            error => Self::Migration(error),
        }
    }
}

impl From<RecoveryError> for OpenError {
    fn from(error: RecoveryError) -> Self {
        match error {
            RecoveryError::Read(ReadError::Storage(error)) => error.into(),
            error => Self::Recovery(error),
        }
    }
}

impl From<StorageError> for OpenError {
    fn from(error: StorageError) -> Self {
        if let Some(Failed::Held(by)) = error.postgres() {
            return Self::Held(by.clone());
        }
        if error.is_lost() {
            return Self::Unreachable(error);
        }
        match error.fault() {
            Fault::Full => Self::Full,
            Fault::ReadOnly => Self::ReadOnly(sqlite::FILE_NAME.into()),
            Fault::Corrupt => Self::Corrupt(error),
            _ => Self::Storage(error),
        }
    }
}

/// Where the store is, unless it is a file that was lost.
pub(crate) fn place_of(directory: &Path, options: &Options) -> Result<Place, OpenError> {
    let place = Place::of(directory, options.address.as_ref())?;
    if place.file().is_some() && retained::was(directory) && !directory.join(sqlite::FILE_NAME).exists() {
        return Err(OpenError::Lost(directory.to_owned()));
    }
    Ok(place)
}

/// A connection that writes, to tables as this build knows them.
pub(crate) fn connect(place: &Place, directory: &Path, options: &Options) -> Result<Connection, OpenError> {
    if place.file().is_some() {
        directory::private_file(&directory.join(sqlite::FILE_NAME))?;
    }
    let connection = place.open_writing()?;
    connection.limit_size(options.size_bytes_max)?;
    if let Connection::Sqlite(file) = &connection {
        // What was erased just before a crash is in the file now, and nowhere else.
        crate::wal::empty(file);
    } else if retained::was(directory) && !connection.has_tables()? {
        return Err(OpenError::Lost(directory.to_owned()));
    }
    migrations::apply(&connection, migrations::ALL, (options.now)())?;
    let moved = Reader { connection: &connection }.find(statements::MOVED_FIND, &[], |row| row.text(0));
    match moved.map_err(RecoveryError::Read)? {
        Some(place) => Err(OpenError::MovedAway(place)),
        None => Ok(connection),
    }
}

/// The origin the store was made with; `given` for a new one.
pub(crate) fn fix_origin(connection: &Connection, given: &str) -> Result<Origin, OpenError> {
    // Of two nodes that begin at once, one makes it.
    connection.begin()?;
    let fixed = found_origin(connection, given);
    if connection.in_transaction() {
        connection.rollback()?;
    }
    fixed
}

fn found_origin(connection: &Connection, given: &str) -> Result<Origin, OpenError> {
    let reader = Reader { connection };
    let origin = match reader.find(statements::ORIGIN_FIND, &[], |row| row.text(0)).map_err(RecoveryError::Read)? {
        Some(origin) => Origin::parse(&origin).map_err(OpenError::Origin)?,
        None => {
            let origin = Origin::parse(given).map_err(OpenError::Origin)?;
            connection.execute(statements::ORIGIN_SET, &[origin.as_str().into()])?;
            connection.commit_writes()?;
            origin
        }
    };
    Ok(origin)
}

/// Folds everything sealed and unsealed, the sealed from the newest good snapshot on. How many entries the snapshot had, and where the log ends.
pub(crate) fn refold(
    reader: &Reader<'_>,
    snapshots: &Snapshots,
    sealed: u64,
    tree: &mut Tree,
    apply: &mut dyn Apply,
) -> Result<(u64, Recovered), RecoveryError> {
    let start = snapshots.restore(reader, sealed, apply);
    let start = start.unwrap_or(Recovered { next: 0, recorded_at: Timestamp::MIN });
    let folded = start.next;
    Ok((folded, recovery::replay(reader, start, tree, apply)?))
}
