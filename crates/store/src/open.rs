//! What can keep a store from opening, sorted by what to do about it.

use crate::database::Fault;
use crate::postgres::Failed;
use crate::{DirectoryError, KeysError, MigrationError, ReadError, RecoveryError, StorageError};

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
            Fault::ReadOnly => Self::ReadOnly(crate::sqlite::FILE_NAME.into()),
            Fault::Corrupt => Self::Corrupt(error),
            _ => Self::Storage(error),
        }
    }
}
