//! The tables, made step by numbered step; a step that was applied never changes again.
//!
//! To add one: a file in `migrations/`, a line in [`ALL`]. Its SQL is the common dialect of SQLite and PostgreSQL but for types.

use crate::database::StorageError;
use events::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

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
pub(crate) fn apply(connection: &mut Connection, steps: &[Migration], now: Timestamp) -> Result<(), MigrationError> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT NOT NULL, \
                         checksum BLOB NOT NULL, applied_at INTEGER NOT NULL)";
    let failed = |number| move |error: rusqlite::Error| MigrationError::Failed { number, source: error.into() };
    connection.execute_batch(TABLE).map_err(failed(0))?;
    let stored: u32 = connection
        .query_row("SELECT coalesce(max(number), 0) FROM migration", [], |row| row.get(0))
        .map_err(failed(0))?;
    let known = steps.last().map_or(0, |step| step.number);
    if stored > known {
        return Err(MigrationError::Newer { stored, known });
    }
    for step in steps {
        let checksum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, step.sql.as_bytes());
        let failed = failed(step.number);
        let applied: Option<Vec<u8>> = connection
            .query_row("SELECT checksum FROM migration WHERE number = ?1", [step.number], |row| row.get(0))
            .optional()
            .map_err(failed)?;
        match applied {
            Some(applied) if applied == checksum.as_ref() => continue,
            Some(_) => return Err(MigrationError::Changed { number: step.number, name: step.name }),
            None if step.number <= stored => return Err(MigrationError::Gap { number: step.number }),
            None => {}
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        transaction.execute_batch(step.sql).map_err(failed)?;
        transaction
            .execute(
                "INSERT INTO migration (number, name, checksum, applied_at) VALUES (?1, ?2, ?3, ?4)",
                rusqlite::params![step.number, step.name, checksum.as_ref(), now.as_millis()],
            )
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration { number: 1, name: "one", sql: "CREATE TABLE one (a INTEGER)" };
    const SECOND: Migration = Migration { number: 2, name: "two", sql: "CREATE TABLE two (a INTEGER)" };

    fn apply_to(connection: &mut Connection, steps: &[Migration]) -> Result<(), MigrationError> {
        apply(connection, steps, Timestamp::MIN)
    }

    #[test]
    fn steps_are_numbered_without_gaps() {
        assert!((1..).zip(ALL).all(|(number, step)| step.number == number));
    }

    #[test]
    fn each_step_is_applied_once_and_later_ones_when_they_come() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply_to(&mut connection, &[FIRST]).unwrap();
        apply_to(&mut connection, &[FIRST]).unwrap();
        apply_to(&mut connection, &[FIRST, SECOND]).unwrap();
        connection.prepare("SELECT a FROM one JOIN two USING (a)").unwrap();
        assert!(matches!(apply_to(&mut connection, &[FIRST]), Err(MigrationError::Newer { stored: 2, known: 1 })));
    }

    #[test]
    fn a_step_that_was_applied_can_neither_change_nor_be_skipped() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply_to(&mut connection, &[FIRST, SECOND]).unwrap();
        let changed = Migration { sql: "CREATE TABLE one (b INTEGER)", ..FIRST };
        assert!(matches!(
            apply_to(&mut connection, &[changed, SECOND]),
            Err(MigrationError::Changed { number: 1, name: "one" })
        ));
        connection.execute("DELETE FROM migration WHERE number = 1", []).unwrap();
        assert!(matches!(apply_to(&mut connection, &[FIRST, SECOND]), Err(MigrationError::Gap { number: 1 })));
    }

    #[test]
    fn a_step_that_fails_half_way_leaves_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = Migration { sql: "CREATE TABLE two (a INTEGER); CREATE TABLE one (a INTEGER)", ..SECOND };
        assert!(matches!(apply_to(&mut connection, &[FIRST, broken]), Err(MigrationError::Failed { number: 2, .. })));
        apply_to(&mut connection, &[FIRST, SECOND]).unwrap();
    }
}
