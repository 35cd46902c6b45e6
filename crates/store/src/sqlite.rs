//! The embedded store: connections to its one file, opened alike everywhere, and what their errors mean.

use crate::database::{Fault, StorageError};
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::path::Path;
use std::time::Duration;

/// The file that holds everything authority rests on.
pub(crate) const FILE_NAME: &str = "log.sqlite";
/// How long a connection waits for another's lock. Only migrations and the last moments of a close take any.
pub(crate) const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Prepared statements kept by each connection.
const STATEMENTS_CACHED_MAX: usize = 64;
/// How durable a commit is: 2 is FULL, so a commit is synced before it returns.
const SYNCHRONOUS: i64 = if cfg!(feature = "sabotage_unsynced") { 0 } else { 2 };

/// What an error means for whoever waits.
pub(crate) fn fault(error: &rusqlite::Error) -> Fault {
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return match error {
            rusqlite::Error::InvalidParameterCount(..) | rusqlite::Error::ExecuteReturnedResults => Fault::Unfit,
            _ => Fault::Other,
        };
    };
    match failure.code {
        ErrorCode::DiskFull => Fault::Full,
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Fault::ReadOnly,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Fault::Corrupt,
        ErrorCode::ConstraintViolation => match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_ROWID => {
                Fault::Duplicate
            }
            _ => Fault::Unfit,
        },
        ErrorCode::TypeMismatch | ErrorCode::TooBig => Fault::Unfit,
        _ => Fault::Other,
    }
}

/// A connection that may write: the writer's, and the checkpointer's.
pub(crate) fn open_writing(directory: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.join(FILE_NAME), flags)?;
    configure(&connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", SYNCHRONOUS)?;
    // What is deleted is overwritten, so that no free page keeps it.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    // The checkpointer moves the log into the file; a commit never waits for that.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", crate::wal::WAL_BYTES_KEPT_MAX)?;
    Ok(connection)
}

/// A connection that can only read.
pub(crate) fn open_reading(directory: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(directory.join(FILE_NAME), flags)?;
    configure(&connection)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), StorageError> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Lets the file grow to `bytes` and no further. A file that is larger already stays as it is and grows no more.
pub(crate) fn limit_size(connection: &Connection, bytes: Option<u64>) -> Result<(), StorageError> {
    const PAGES_MAX: u64 = 4_294_967_294;
    let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = bytes.map_or(PAGES_MAX, |bytes| (bytes / u64::from(page.max(1))).clamp(1, PAGES_MAX));
    // This pragma answers with the limit now in force, so it is a query.
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
    Ok(())
}
