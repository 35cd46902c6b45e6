//! The seam between the two engines: a connection is to a file of SQLite's or to a server of PostgreSQL's, and runs the same statements.
//!
//! What one engine does otherwise is in the arms of [`Connection`]'s methods and in the module of that engine, and nowhere else.

use crate::statement::Raw;
use crate::{ReadError, Row, Statement, Value, postgres, sqlite, statements, wal};
use events::{PatientPseudonym, Seq};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// An error of the database, whichever it is.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(Cause);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Sqlite(rusqlite::Error),
    #[error(transparent)]
    Postgres(postgres::Failed),
    #[error("{0}")]
    NotAsLeft(String),
    #[error("{0}")]
    Skewed(String),
}

/// What an error means for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No space.
    Full,
    /// Cannot be written.
    ReadOnly,
    /// The file contradicts itself.
    Corrupt,
    /// A row is there already.
    Duplicate,
    /// A value the table or statement does not take.
    Unfit,
    /// The medium failed, or anything else.
    Other,
}

impl StorageError {
    pub(crate) const fn new(error: rusqlite::Error) -> Self {
        Self(Cause::Sqlite(error))
    }

    /// The database is not the one this node wrote to, or not as the node left it: nothing more may be written to it. `why` is the whole of what is said.
    pub(crate) const fn not_as_left(why: String) -> Self {
        Self(Cause::NotAsLeft(why))
    }

    /// This node's clock is wrong, and how.
    pub(crate) const fn skewed(why: String) -> Self {
        Self(Cause::Skewed(why))
    }

    /// Whether it is [`Self::not_as_left`].
    pub(crate) const fn is_not_as_left(&self) -> bool {
        matches!(&self.0, Cause::NotAsLeft(_))
    }

    pub(crate) fn fault(&self) -> Fault {
        match &self.0 {
            Cause::Sqlite(error) => sqlite::fault(error),
            Cause::Postgres(error) => error.fault(),
            Cause::NotAsLeft(_) | Cause::Skewed(_) => Fault::Other,
        }
    }

    /// Whether the way to the database broke, so that another connection may find everything in order; what was asked for last may have been done.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(&self.0, Cause::Postgres(error) if error.is_lost())
    }

    /// Whether another node has the database.
    pub(crate) const fn is_held(&self) -> bool {
        matches!(&self.0, Cause::Postgres(postgres::Failed::Held(_)))
    }

    /// What the server's side of it was, if it has one.
    pub(crate) const fn postgres(&self) -> Option<&postgres::Failed> {
        match &self.0 {
            Cause::Postgres(error) => Some(error),
            Cause::Sqlite(_) | Cause::NotAsLeft(_) | Cause::Skewed(_) => None,
        }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self(Cause::Sqlite(error))
    }
}

impl From<postgres::Failed> for StorageError {
    fn from(error: postgres::Failed) -> Self {
        Self(Cause::Postgres(error))
    }
}

/// A connection to either.
#[derive(Debug)]
pub(crate) enum Connection {
    /// To the embedded store's file.
    Sqlite(rusqlite::Connection),
    /// To a server.
    Postgres(postgres::Connection),
}

impl Connection {
    /// Runs one statement; how many rows it changed.
    pub(crate) fn execute(&self, statement: &Statement, values: &[Value]) -> Result<usize, StorageError> {
        match self {
            Self::Sqlite(connection) => {
                let mut prepared = connection.prepare_cached(statement.sql)?;
                Ok(prepared.execute(rusqlite::params_from_iter(values))?)
            }
            Self::Postgres(connection) => Ok(connection.execute(statement.sql, values)?),
        }
    }

    /// Runs statements one after another, for each how many rows it changed; ends with the first that fails.
    pub(crate) fn execute_each<'a>(
        &self,
        all: impl Iterator<Item = (&'static Statement, &'a [Value])>,
    ) -> (Vec<usize>, Option<StorageError>) {
        match self {
            Self::Sqlite(_) => {
                let mut changed = Vec::new();
                for (statement, values) in all {
                    match self.execute(statement, values) {
                        Ok(rows) => changed.push(rows),
                        Err(error) => return (changed, Some(error)),
                    }
                }
                (changed, None)
            }
            Self::Postgres(connection) => {
                let all: Vec<_> = all.map(|(statement, values)| (statement.sql, values)).collect();
                let (changed, failed) = connection.execute_each(&all);
                (changed, failed.map(StorageError::from))
            }
        }
    }

    /// Shows the rows a statement answers with, until there are no more or `each` breaks.
    pub(crate) fn query(
        &self,
        statement: &Statement,
        values: &[Value],
        mut each: impl FnMut(&Row<'_>) -> Result<ControlFlow<()>, ReadError>,
    ) -> Result<(), ReadError> {
        match self {
            Self::Sqlite(connection) => {
                let mut prepared = connection.prepare_cached(statement.sql)?;
                let mut rows = prepared.query(rusqlite::params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    if each(&Row(Raw::Sqlite(row)))?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
            Self::Postgres(connection) => connection.query(statement.sql, values, |row| each(&Row(Raw::Postgres(row)))),
        }
    }

    /// Shows entries `from` to before `to` in order, until there are no more or `each` breaks. `each` may ask this connection for other things.
    pub(crate) fn scan(
        &self,
        from: Seq,
        to: Seq,
        mut each: impl FnMut(Seq, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let entry = |row: &Row<'_>| Ok::<_, ReadError>(Seq(u64::try_from(row.int(0)?).unwrap_or(0)));
        let values = |from: Seq, most: u32| [Value::from(from), Value::from(to), Value::from(most)];
        if let Self::Sqlite(_) = self {
            return self.query(statements::ENTRY_SCAN, &values(from, u32::MAX), |row| {
                Ok(each(entry(row)?, row.bytes_in_place(1)?))
            });
        }
        // A server sends all of an answer before any other.
        let mut at = from;
        loop {
            let mut page = Vec::new();
            self.query(statements::ENTRY_SCAN, &values(at, postgres::ENTRIES_AT_ONCE), |row| {
                page.push((entry(row)?, row.bytes(1)?));
                Ok(ControlFlow::Continue(()))
            })?;
            for (seq, bytes) in &page {
                if each(*seq, bytes).is_break() {
                    return Ok(());
                }
            }
            match page.last() {
                Some((last, _)) if page.len() == postgres::ENTRIES_AT_ONCE as usize => at = Seq(last.0 + 1),
                _ => return Ok(()),
            }
        }
    }

    /// Runs statements without values, written in SQLite's names for types.
    pub(crate) fn run_script(&self, sql: &str) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(connection) => Ok(connection.run_script(&postgres::translated(sql))?),
        }
    }

    /// Begins a transaction that writes.
    pub(crate) fn begin(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => said(connection, "BEGIN IMMEDIATE"),
            Self::Postgres(connection) => {
                connection.begin();
                Ok(())
            }
        }
    }

    /// Begins to read one state of the database, whatever is committed meanwhile.
    pub(crate) fn begin_reading(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => said(connection, "BEGIN"),
            Self::Postgres(connection) => Ok(connection.begin_reading()?),
        }
    }

    /// What follows can be undone by [`Self::undo`] alone.
    pub(crate) fn savepoint(&self) -> Result<(), StorageError> {
        self.say("SAVEPOINT batch")
    }

    /// What was done since the savepoint is undone.
    pub(crate) fn undo(&self) -> Result<(), StorageError> {
        self.say("ROLLBACK TO batch")
    }

    /// The savepoint is let go of.
    pub(crate) fn release(&self) -> Result<(), StorageError> {
        self.say("RELEASE batch")
    }

    fn say(&self, sql: &str) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => said(connection, sql),
            Self::Postgres(connection) => {
                connection.say_with_the_next(sql);
                Ok(())
            }
        }
    }

    /// Adds entries numbered from `first` and commits. `group` tells this commit from every other of this node's, so that one whose answer is lost
    /// can be asked about.
    pub(crate) fn commit(&self, first: Seq, entries: &[Vec<u8>], group: Option<u64>) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => {
                if !entries.is_empty() {
                    let mut add = connection.prepare_cached(statements::ENTRY_ADD.sql)?;
                    for (seq, entry) in (first.0..).zip(entries) {
                        add.execute(rusqlite::params![Value::from(Seq(seq)), entry])?;
                    }
                }
                said(connection, "COMMIT")
            }
            Self::Postgres(connection) => Ok(connection.commit(first, entries, group)?),
        }
    }

    /// Commits what was written, without entries. Whoever does this again when its answer is lost must come to the same.
    pub(crate) fn commit_writes(&self) -> Result<(), StorageError> {
        self.commit(Seq(0), &[], None)
    }

    /// Undoes the transaction.
    pub(crate) fn rollback(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => said(connection, "ROLLBACK"),
            Self::Postgres(connection) => Ok(connection.rollback()?),
        }
    }

    /// Ends a transaction that only read. Whether the connection is good for another.
    pub(crate) fn end_reading(&self) -> bool {
        match self {
            Self::Sqlite(connection) => connection.is_autocommit() || said(connection, "ROLLBACK").is_ok(),
            Self::Postgres(connection) => {
                connection.end_reading();
                connection.is_usable()
            }
        }
    }

    /// Whether a transaction was begun and neither kept nor undone.
    pub(crate) fn in_transaction(&self) -> bool {
        match self {
            Self::Sqlite(connection) => !connection.is_autocommit(),
            Self::Postgres(connection) => connection.in_transaction(),
        }
    }

    /// Begins to count this process's groups; the number before the first. A file loses no answers, and counts no groups.
    pub(crate) fn begin_groups(&self) -> Result<u64, StorageError> {
        match self {
            Self::Sqlite(_) => Ok(0),
            Self::Postgres(connection) => Ok(connection.begin_groups()?),
        }
    }

    /// The number of the last group committed under this node's name, as a server has it, once everything that can be read is durable there.
    pub(crate) fn settle(&self) -> Result<Option<u64>, StorageError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(connection) => Ok(Some(connection.settle()?)),
        }
    }

    /// How a server is.
    pub(crate) fn server_state(&self) -> Result<Option<postgres::Database>, StorageError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(connection) => Ok(Some(connection.state()?)),
        }
    }

    /// Which of these patients were erased.
    pub(crate) fn erased_among(
        &self,
        patients: &[PatientPseudonym],
    ) -> Result<HashSet<PatientPseudonym>, StorageError> {
        let mut erased = HashSet::new();
        match self {
            Self::Sqlite(_) => {
                let reader = crate::Reader { connection: self };
                for patient in patients {
                    if crate::detail::erased_by(&reader, *patient)?.is_some() {
                        erased.insert(*patient);
                    }
                }
            }
            Self::Postgres(_) if patients.is_empty() => {}
            Self::Postgres(connection) => {
                let bytes: Vec<[u8; 16]> = patients.iter().map(|patient| patient.to_bytes()).collect();
                erased.extend(connection.erased_among(&bytes)?.into_iter().map(PatientPseudonym::from_bytes));
            }
        }
        Ok(erased)
    }

    /// Lets the file grow to `bytes` and no further. A server's space is its own administrator's.
    pub(crate) fn limit_size(&self, bytes: Option<u64>) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(connection) => sqlite::limit_size(connection, bytes),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Numbers given from here on follow those that rows already have. A file sees to that by itself.
    pub(crate) fn count_on(&self) -> Result<(), StorageError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(connection) => Ok(connection.run_script(postgres::COUNT_ON)?),
        }
    }

    /// Whether there is anything in it yet.
    pub(crate) fn has_tables(&self) -> Result<bool, StorageError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.table_exists(None, "entry")?),
            Self::Postgres(connection) => Ok(connection.has_tables()?),
        }
    }

    /// Leaves nothing of what was erased behind where that is in this node's hands; whether that is done. `waiting` for those who read, if need be.
    pub(crate) fn scrub(&self, waiting: bool) -> Result<bool, StorageError> {
        match self {
            Self::Sqlite(connection) if waiting => wal::emptied(connection),
            Self::Sqlite(connection) => wal::emptied_at_once(connection),
            Self::Postgres(connection) => {
                connection.vacuum()?;
                Ok(true)
            }
        }
    }

    /// The file's own connection, for what only a file has.
    pub(crate) const fn sqlite(&self) -> Option<&rusqlite::Connection> {
        match self {
            Self::Sqlite(connection) => Some(connection),
            Self::Postgres(_) => None,
        }
    }
}

/// Runs a statement without values that is prepared once.
fn said(connection: &rusqlite::Connection, sql: &str) -> Result<(), StorageError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}
