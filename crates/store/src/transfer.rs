//! A store's rows, all of them, from one place to another: to move it between a file and a server, and to back a server's up into a file.
//!
//! Everything is read in one transaction and written in one. What arrived is read back, and both sides are digested: a copy that differs in one byte
//! is not one.

use crate::backup::BackupError;
use crate::database::Connection;
use crate::directory::{self, DirectoryError};
use crate::place::{self, Place};
use crate::{
    Address, OpenError, ReadError, Reader, RecoveryError, Statement, StorageError, Value, backup, migrations, restore,
    sqlite, statements,
};
use aws_lc_rs::digest::{SHA256, digest};
use events::Timestamp;
use ledger::Hash;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// How many rows are sent to a server at once.
const ROWS_AT_ONCE: usize = 512;
/// The directory in which a file is made ready.
const UNFINISHED: &str = "move.unfinished";
/// What the file is called from which a store has moved away.
const MOVED: &str = "log.sqlite.moved";

struct Table {
    name: &'static str,
    read: Statement,
    add: Statement,
}

macro_rules! tables {
    ($($name:literal ($columns:literal) $values:literal;)*) => {
        /// Every table whose rows are the store's. What a node keeps for itself (`node`, `probe`) stays behind.
        const TABLES: &[Table] = &[$(Table {
            name: $name,
            read: Statement { name: $name, sql: concat!("SELECT ", $columns, " FROM ", $name), must_change: false },
            add: Statement {
                name: $name,
                sql: concat!("INSERT INTO ", $name, " (", $columns, ") VALUES (", $values, ")"),
                must_change: true,
            },
        }),*];

        /// Their columns, for a test.
        #[cfg(test)]
        const COLUMNS: &[(&str, &str)] = &[$(($name, $columns)),*];
    };
}

tables! {
    "log" ("id, origin") "?1, ?2";
    "entry" ("seq, leaf") "?1, ?2";
    "tile" ("level, number, bytes") "?1, ?2, ?3";
    "checkpoint" ("size, note, sealed_at") "?1, ?2, ?3";
    "ledger_rotation" ("entry, size, from_key, to_key, record, sealed_at") "?1, ?2, ?3, ?4, ?5, ?6";
    "witness" ("name, size, note, cosigned_at, trouble, tried_at") "?1, ?2, ?3, ?4, ?5, ?6";
    "stream" ("name, version") "?1, ?2";
    "claim" ("space, key, good_until") "?1, ?2, ?3";
    "directory" ("key, pseudonym, since") "?1, ?2, ?3";
    "operator_link" ("id, operator, digest, good_until, used_at") "?1, ?2, ?3, ?4, ?5";
    "operator_session" ("id, operator, digest, good_until, ended_at") "?1, ?2, ?3, ?4, ?5";
    "slip" ("id, errand, subject, digest, good_until, used_at") "?1, ?2, ?3, ?4, ?5, ?6";
    "recovery" ("id, principal, voucher, path, lost, asked_at, due, answered_at, slip, session, key_at") "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11";
    "feed_message" ("feed, control_id, sha256, ack, at") "?1, ?2, ?3, ?4, ?5";
    "rejected_message" ("id, feed, sha256, bytes, reason, at") "?1, ?2, ?3, ?4, ?5, ?6";
    "charter" ("digest, bytes") "?1, ?2";
    "detail_key" ("id, wrapped") "?1, ?2";
    "detail_subject" ("patient, key_id, erased_by") "?1, ?2, ?3";
    "detail" ("seq, patient, sort, at, sealed") "?1, ?2, ?3, ?4, ?5";
    "detail_expiry" ("id, until") "?1, ?2";
    "key_check" ("name, mac") "?1, ?2";
}

/// A store that is somewhere else now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many entries it has.
    pub entries: u64,
    /// The root they hash to, computed from what arrived.
    pub root: Hash,
    /// How many rows it has altogether.
    pub rows: u64,
    /// The digest of all rows, the same on both sides.
    pub digest: String,
    /// The file that is left where it was a file.
    pub left: Option<PathBuf>,
}

/// Why a store did not move. It is where it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The store, or where it is to go, cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It is there already.
    #[error("the store is there already")]
    There,
    /// There is a store where it is to go.
    #[error("there is a store at `{0}` already: a store moves into an empty database")]
    Occupied(String),
    /// It cannot be read or written.
    #[error("the store cannot be copied")]
    Read(#[from] ReadError),
    /// What arrived is not what was sent.
    #[error("what arrived is not what was sent: {0}")]
    Differs(String),
    /// It moved, but the database it left does not say so.
    #[error(
        "it has moved, but the database at {place} could not be told: see that no node is ever started on that again, and drop it"
    )]
    Untold {
        /// Where it was.
        place: String,
        /// What the database said.
        #[source]
        source: StorageError,
    },
    /// It does not fit together.
    #[error("the copy does not fit together")]
    Copy(#[from] BackupError),
}

impl From<StorageError> for MoveError {
    fn from(error: StorageError) -> Self {
        Self::Open(error.into())
    }
}

impl From<DirectoryError> for MoveError {
    fn from(error: DirectoryError) -> Self {
        Self::Open(error.into())
    }
}

/// How many rows, and the sum of their digests: the same however they are ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    rows: u64,
    parts: [u64; 4],
}

impl Sum {
    fn add(&mut self, table: &str, values: &[Value]) {
        let mut bytes = table.as_bytes().to_vec();
        for value in values {
            let (sort, value): (u8, Vec<u8>) = match value {
                // No row has an entry to be numbered.
                Value::Null | Value::Entry => (0, Vec::new()),
                Value::Int(number) => (1, number.to_be_bytes().to_vec()),
                Value::Text(text) => (2, text.as_bytes().to_vec()),
                Value::Bytes(bytes) => (3, bytes.clone()),
            };
            bytes.push(sort);
            bytes.extend_from_slice(&(value.len() as u64).to_be_bytes());
            bytes.extend_from_slice(&value);
        }
        let hash = digest(&SHA256, &bytes);
        for (part, bytes) in self.parts.iter_mut().zip(hash.as_ref().chunks_exact(8)) {
            *part = part.wrapping_add(u64::from_be_bytes(bytes.try_into().unwrap_or_default()));
        }
        self.rows += 1;
    }

    fn digest(&self) -> String {
        self.parts.iter().map(|part| format!("{part:016x}")).collect()
    }
}

/// Moves the store of a data directory into a server's empty database, or from there back into a file. No node may have it open.
///
/// # Errors
/// When it cannot be read or written, or something is in the way. It stays where it was then.
pub fn move_store(data: &Path, to: Option<&Address>, now: Timestamp) -> Result<Moved, MoveError> {
    let _lock = directory::take(data)?;
    restore::is_whole(data)?;
    if !place::has_store(data) {
        return Err(BackupError::NoStore(data.to_owned()).into());
    }
    let from = Place::of(data, None)?;
    match (&from, to) {
        (Place::File(_), None) => return Err(MoveError::There),
        (Place::Server(server), Some(to)) if server.address().place() == to.place() => return Err(MoveError::There),
        _ => {}
    }
    let source = from.open_alone()?;
    migrations::apply(&source, migrations::ALL, now).map_err(OpenError::from)?;
    let (moved, left) = match to {
        Some(address) => {
            let place = Place::at(data, address)?;
            let target = place.open_alone()?;
            let moved = copy(&source, &target, address.place(), now)?;
            place.remember(data)?;
            leave(&source, &from, address.place())?;
            drop((source, target));
            (moved, put_aside(data)?)
        }
        None => {
            let unfinished = data.join(UNFINISHED);
            if unfinished.exists() {
                std::fs::remove_dir_all(&unfinished).map_err(|error| DirectoryError::new(&unfinished, error))?;
            }
            let moved = copy_into_file(&source, &unfinished, now)?;
            let wrong = |error| DirectoryError::new(data, error);
            std::fs::rename(unfinished.join(sqlite::FILE_NAME), data.join(sqlite::FILE_NAME)).map_err(wrong)?;
            std::fs::remove_dir(&unfinished).and_then(|()| directory::sync(data)).map_err(wrong)?;
            place::forget(data)?;
            leave(&source, &from, &format!("a file of {}", data.display()))?;
            (moved, None)
        }
    };
    Ok(Moved { left, ..moved })
}

/// Copies what a connection reads into a new file in a new directory.
pub(crate) fn copy_into_file(source: &Connection, into: &Path, now: Timestamp) -> Result<Moved, MoveError> {
    backup::prepare(into)?;
    directory::private_file(&into.join(sqlite::FILE_NAME))?;
    let file = sqlite::open_writing(into)?;
    let target = Connection::Sqlite(file);
    let moved = copy(source, &target, &into.display().to_string(), now)?;
    if let Connection::Sqlite(file) = target {
        // One file: nothing of it may be in a write-ahead log that somebody forgets to take along.
        file.pragma_update(None, "journal_mode", "DELETE").map_err(StorageError::from)?;
        file.close().map_err(|(_, error)| StorageError::from(error))?;
    }
    let path = into.join(sqlite::FILE_NAME);
    std::fs::File::open(&path).and_then(|file| file.sync_all()).map_err(|error| DirectoryError::new(&path, error))?;
    Ok(moved)
}

fn copy(source: &Connection, target: &Connection, there: &str, now: Timestamp) -> Result<Moved, MoveError> {
    migrations::apply(target, migrations::ALL, now).map_err(OpenError::from)?;
    if digest_of(target)?.rows > 0 {
        return Err(MoveError::Occupied(there.to_owned()));
    }
    source.begin_reading()?;
    let done = transfer(source, target);
    source.end_reading();
    if done.is_err() && target.in_transaction() {
        target.rollback()?;
    }
    let sent = done?;
    let arrived = digest_of(target)?;
    if arrived != sent {
        let told =
            format!("{} rows with digest {} of {} with {}", arrived.rows, arrived.digest(), sent.rows, sent.digest());
        return Err(MoveError::Differs(told));
    }
    let reader = Reader { connection: target };
    let tree = backup::hashed(&reader, reader.next()?)?;
    if let Some((size, note)) = reader.checkpoint()? {
        let signed = ledger::note::claimed(note.as_bytes()).map_err(|error| MoveError::Differs(error.to_string()))?;
        if backup::hashed(&reader, events::Seq(size))?.root() != signed.root {
            return Err(OpenError::from(RecoveryError::Root { size }).into());
        }
    }
    Ok(Moved { entries: tree.size(), root: tree.root(), rows: sent.rows, digest: sent.digest(), left: None })
}

fn transfer(source: &Connection, target: &Connection) -> Result<Sum, MoveError> {
    target.begin()?;
    let mut sum = Sum::default();
    for table in TABLES {
        let mut waiting: Vec<Vec<Value>> = Vec::with_capacity(ROWS_AT_ONCE);
        source.query(&table.read, &[], |row| {
            let values = row.values()?;
            sum.add(table.name, &values);
            waiting.push(values);
            if waiting.len() == ROWS_AT_ONCE {
                add(target, table, &mut waiting)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        add(target, table, &mut waiting)?;
    }
    target.count_on()?;
    target.commit_writes()?;
    Ok(sum)
}

fn add(target: &Connection, table: &'static Table, rows: &mut Vec<Vec<Value>>) -> Result<(), ReadError> {
    let (_, failed) = target.execute_each(rows.iter().map(|values| (&table.add, values.as_slice())));
    rows.clear();
    failed.map_or(Ok(()), |error| Err(error.into()))
}

fn digest_of(connection: &Connection) -> Result<Sum, ReadError> {
    let mut sum = Sum::default();
    for table in TABLES {
        connection.query(&table.read, &[], |row| {
            sum.add(table.name, &row.values()?);
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(sum)
}

/// Says in the database of a server that the store is elsewhere now, so that no other node goes on with it.
fn leave(source: &Connection, from: &Place, to: &str) -> Result<(), MoveError> {
    let Some(server) = from.server() else { return Ok(()) };
    let left = source.execute(statements::MOVED_ADD, &[to.into()]).map(drop);
    left.map_err(|source| MoveError::Untold { place: server.address().place().to_owned(), source })
}

/// Gives the file another name, under which no store is opened.
fn put_aside(data: &Path) -> Result<Option<PathBuf>, DirectoryError> {
    let (file, aside) = (data.join(sqlite::FILE_NAME), data.join(MOVED));
    if !file.exists() {
        return Ok(None);
    }
    let wrong = |error| DirectoryError::new(&aside, error);
    std::fs::rename(&file, &aside).and_then(|()| directory::sync(data)).map_err(wrong)?;
    Ok(Some(aside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_table_and_no_column_is_left_behind() {
        let file = rusqlite::Connection::open_in_memory().unwrap();
        let file = Connection::Sqlite(file);
        migrations::apply(&file, migrations::ALL, Timestamp::MIN).unwrap();
        let Connection::Sqlite(file) = file else { panic!("a file") };
        let sql = "SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c \
            WHERE m.type = 'table' AND m.name NOT IN ('migration', 'moved', 'node', 'probe')";
        let mut prepared = file.prepare(sql).unwrap();
        let there: BTreeSet<String> = prepared.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let taken: BTreeSet<String> = COLUMNS
            .iter()
            .flat_map(|(table, columns)| columns.split(", ").map(move |column| format!("{table}.{column}")))
            .collect();
        assert_eq!(there, taken);
    }
}
