//! The tables, made step by numbered step; a step that was applied never changes again.
//!
//! To add one: a file in `migrations/`, a line in [`ALL`]. Its SQL is the common dialect of SQLite and PostgreSQL but for the names of
//! types, which are SQLite's and are translated (`postgres::translated`).

use crate::database::{Connection, StorageError};
use crate::{ReadError, Reader, statements};
use events::Timestamp;

/// One step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// From 1, without gaps.
    pub(crate) number: u32,
    /// What it is about.
    pub(crate) name: &'static str,
    /// Its statements.
    pub(crate) sql: &'static str,
}

/// Every step of this build, in order.
pub(crate) const ALL: &[Migration] = &[
    Migration { number: 1, name: "the log", sql: include_str!("../migrations/0001_the_log.sql") },
    Migration { number: 2, name: "keys of the ledger", sql: include_str!("../migrations/0002_keys_of_the_ledger.sql") },
    Migration { number: 3, name: "detail", sql: include_str!("../migrations/0003_detail.sql") },
    Migration { number: 4, name: "nodes", sql: include_str!("../migrations/0004_nodes.sql") },
    Migration { number: 5, name: "several nodes", sql: include_str!("../migrations/0005_several_nodes.sql") },
    Migration { number: 6, name: "sign in", sql: include_str!("../migrations/0006_sign_in.sql") },
];

/// Why the tables cannot be brought to this build's form.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// The store was written by a newer build.
    #[error("the store has schema {stored}, this build knows {known}: use the newer build")]
    Newer {
        /// The store's.
        stored: u32,
        /// The build's.
        known: u32,
    },
    /// A step that was applied has another text in this build.
    #[error("step {number} (`{name}`) was applied with another text than this build has")]
    Changed {
        /// Which.
        number: u32,
        /// Its name in this build.
        name: &'static str,
    },
    /// A step is missing between others.
    #[error("step {number} was never applied, but a later one was")]
    Gap {
        /// Which.
        number: u32,
    },
    /// A step failed; nothing of it was kept.
    #[error("step {number} failed")]
    Failed {
        /// Which; 0 for the table of steps itself.
        number: u32,
        /// What the database said.
        #[source]
        source: StorageError,
    },
}

/// Applies what is missing, each step in its own transaction.
pub(crate) fn apply(connection: &Connection, steps: &[Migration], now: Timestamp) -> Result<(), MigrationError> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, \
                         checksum BLOB NOT NULL, applied_at INTEGER NOT NULL)";
    let failed = |number| move |source: StorageError| MigrationError::Failed { number, source };
    let unread = |number| move |error: ReadError| MigrationError::Failed { number, source: error.into_storage() };
    make(connection, TABLE).map_err(failed(0))?;
    let reader = Reader { connection };
    let stored = reader.find(statements::MIGRATION_LAST, &[], |row| row.int(0)).map_err(unread(0))?;
    let stored = stored.map_or(0, |stored| u32::try_from(stored).unwrap_or(u32::MAX));
    let known = steps.last().map_or(0, |step| step.number);
    if stored > known {
        return Err(MigrationError::Newer { stored, known });
    }
    for step in steps {
        let checksum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, step.sql.as_bytes());
        let number = [step.number.into()];
        let applied = reader.find(statements::MIGRATION_FIND, &number, |row| row.bytes(0));
        match applied.map_err(unread(step.number))? {
            Some(applied) if applied == checksum.as_ref() => continue,
            Some(_) => return Err(MigrationError::Changed { number: step.number, name: step.name }),
            None if step.number <= stored => return Err(MigrationError::Gap { number: step.number }),
            None => {}
        }
        let done = take(connection, step, checksum.as_ref(), now);
        if done.is_err() && connection.in_transaction() {
            connection.rollback().map_err(failed(step.number))?;
        }
        done.map_err(failed(step.number))?;
    }
    Ok(())
}

/// The table of steps, in its own transaction: two nodes may begin at once.
fn make(connection: &Connection, table: &str) -> Result<(), StorageError> {
    connection.begin()?;
    let made = connection.run_script(table).and_then(|()| connection.commit_writes());
    if made.is_err() && connection.in_transaction() {
        connection.rollback()?;
    }
    made
}

/// One step and its row, in one transaction; nothing where another node has just taken it.
fn take(connection: &Connection, step: &Migration, checksum: &[u8], now: Timestamp) -> Result<(), StorageError> {
    connection.begin()?;
    let there = Reader { connection }.find(statements::MIGRATION_FIND, &[step.number.into()], |row| row.bytes(0));
    if there.map_err(ReadError::into_storage)?.is_some() {
        return connection.rollback();
    }
    connection.run_script(step.sql)?;
    let values = [step.number.into(), step.name.into(), checksum.into(), now.into()];
    connection.execute(statements::MIGRATION_ADD, &values)?;
    connection.commit_writes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { number: 1, name: "one", sql: "CREATE TABLE one (a INTEGER)" };
    const SECOND: Migration = Migration { number: 2, name: "two", sql: "CREATE TABLE two (a INTEGER)" };

    fn memory() -> Connection {
        Connection::Sqlite(rusqlite::Connection::open_in_memory().unwrap())
    }

    fn apply_to(connection: &Connection, steps: &[Migration]) -> Result<(), MigrationError> {
        apply(connection, steps, Timestamp::MIN)
    }

    #[test]
    fn steps_are_numbered_without_gaps() {
        assert!((1..).zip(ALL).all(|(number, step)| step.number == number));
    }

    #[test]
    fn each_step_is_applied_once_and_later_ones_when_they_come() {
        let connection = memory();
        apply_to(&connection, &[FIRST]).unwrap();
        apply_to(&connection, &[FIRST]).unwrap();
        apply_to(&connection, &[FIRST, SECOND]).unwrap();
        connection.run_script("SELECT a FROM one JOIN two USING (a)").unwrap();
        assert!(matches!(apply_to(&connection, &[FIRST]), Err(MigrationError::Newer { stored: 2, known: 1 })));
    }

    #[test]
    fn a_step_that_was_applied_can_neither_change_nor_be_skipped() {
        let connection = memory();
        apply_to(&connection, &[FIRST, SECOND]).unwrap();
        let changed = Migration { sql: "CREATE TABLE one (b INTEGER)", ..FIRST };
        assert!(matches!(
            apply_to(&connection, &[changed, SECOND]),
            Err(MigrationError::Changed { number: 1, name: "one" })
        ));
        connection.run_script("DELETE FROM migration WHERE number = 1").unwrap();
        assert!(matches!(apply_to(&connection, &[FIRST, SECOND]), Err(MigrationError::Gap { number: 1 })));
    }

    #[test]
    fn a_step_that_fails_half_way_leaves_nothing() {
        let connection = memory();
        let broken = Migration { sql: "CREATE TABLE two (a INTEGER); CREATE TABLE one (a INTEGER)", ..SECOND };
        assert!(matches!(apply_to(&connection, &[FIRST, broken]), Err(MigrationError::Failed { number: 2, .. })));
        apply_to(&connection, &[FIRST, SECOND]).unwrap();
    }
}
