//! The file: its tables, how it is told from another log's, what is written into it and how it is asked.

use super::terms::Terms;
use super::{Found, Wanted};
use crate::database::{Fault, StorageError};
use crate::directory::private_file;
use crate::statement::Raw;
use crate::{ReadError, Row, Store, Value};
use events::decision::Effect;
use events::{Leaf, Seq, Timestamp};
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file's name in a data directory.
pub(crate) const FILE_NAME: &str = "search.sqlite";
/// Raised whenever the tables or what they hold change: a file of another version is made anew.
const VERSION: i64 = 1;
/// How long to wait for another connection's lock.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// After so many steps of SQLite's machine a search is cut off; they take a second or two.
const STEPS_MAX: u64 = 60_000_000;
/// How often that is looked at, in steps.
const STEPS_BETWEEN: i32 = 100_000;

const TABLES: &str = "
CREATE TABLE watermark (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, origin TEXT NOT NULL,
    next INTEGER NOT NULL, last_hash BLOB);
CREATE TABLE entry (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, effect INTEGER,
    emergency INTEGER NOT NULL, person TEXT, workflow TEXT, place TEXT, actor TEXT);
CREATE TABLE about (patient BLOB NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (patient, seq)) WITHOUT ROWID;
CREATE INDEX entry_person ON entry (person, seq) WHERE person IS NOT NULL;
CREATE INDEX entry_workflow ON entry (workflow, seq) WHERE workflow IS NOT NULL;
CREATE INDEX entry_place ON entry (place, seq) WHERE place IS NOT NULL;
CREATE INDEX entry_actor ON entry (actor, seq) WHERE actor IS NOT NULL;
CREATE INDEX entry_kind ON entry (kind, seq);
CREATE INDEX entry_denied ON entry (seq) WHERE effect = 0;
CREATE INDEX entry_emergency ON entry (seq) WHERE emergency = 1;
";

/// The file as its one writer holds it.
#[derive(Debug)]
pub(crate) struct File {
    connection: Connection,
    path: PathBuf,
    /// Which file it was when it was opened: a path can come to mean another one.
    inode: u64,
    /// Every entry before this one is in it.
    pub(crate) next: Seq,
    /// When the last entry was recorded; entries that cannot be read are put there.
    last_at: Timestamp,
}

impl File {
    /// Opens the file if it belongs to this log and is as this build writes it; else makes it anew.
    pub(crate) fn open(directory: &Path, store: &Store) -> Result<Self, ReadError> {
        let path = directory.join(FILE_NAME);
        match Self::open_as_it_is(&path, store) {
            Ok(Some(file)) => return Ok(file),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the search file cannot be used and is made anew"),
        }
        remove(directory);
        private_file(&path)
            .map_err(|error| StorageError::new(rusqlite::Error::ToSqlConversionFailure(error.into())))?;
        let connection = open_writing(&path)?;
        let begin = connection.unchecked_transaction()?;
        begin.execute_batch(TABLES)?;
        let origin = store.verifying_key().origin().to_string();
        begin.execute(
            "INSERT INTO watermark (id, version, origin, next) VALUES (1, ?1, ?2, 0)",
            rusqlite::params![VERSION, origin],
        )?;
        begin.commit()?;
        let inode = inode_of(&path);
        Ok(Self { connection, path, inode, next: Seq(0), last_at: Timestamp::MIN })
    }

    /// The file that is there; nothing when there is none or it is another log's.
    fn open_as_it_is(path: &Path, store: &Store) -> Result<Option<Self>, ReadError> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = open_writing(path)?;
        let (version, origin, next, last_hash): (i64, String, i64, Option<Vec<u8>>) =
            connection.query_row("SELECT version, origin, next, last_hash FROM watermark WHERE id = 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })?;
        let next = Seq(u64::try_from(next).unwrap_or(u64::MAX));
        if version != VERSION || origin != store.verifying_key().origin().to_string() {
            return Ok(None);
        }
        let mut last_at = Timestamp::MIN;
        if let Some(last) = next.0.checked_sub(1).map(Seq) {
            // The same entry must stand at the watermark: else the log is another one of the same name, such as a restored one.
            let Some(bytes) = store.read(|reader| reader.leaf_bytes(last))? else { return Ok(None) };
            if last_hash.as_deref() != Some(ledger::leaf_hash(&bytes).as_bytes().as_slice()) {
                return Ok(None);
            }
            last_at = Leaf::parse(&bytes).map_or(last_at, |leaf| leaf.recorded_at);
        }
        Ok(Some(Self { connection, path: path.to_owned(), inode: inode_of(path), next, last_at }))
    }

    /// Whether the path still means this file.
    pub(crate) fn is_there(&self) -> bool {
        inode_of(&self.path) == self.inode
    }

    /// Puts the next entries in, in order, all or none of them.
    pub(crate) fn add(&mut self, entries: &[(Seq, Terms)], last_hash: &[u8]) -> Result<(), ReadError> {
        let adding = self.connection.unchecked_transaction()?;
        let (mut next, mut last_at) = (self.next, self.last_at);
        {
            let mut entry = adding.prepare_cached(
                "INSERT INTO entry (seq, at, kind, effect, emergency, person, workflow, place, actor) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?;
            let mut about = adding.prepare_cached("INSERT INTO about (patient, seq) VALUES (?1, ?2)")?;
            for (seq, terms) in entries {
                last_at = terms.at.unwrap_or(last_at);
                entry.execute([
                    (*seq).into(),
                    last_at.into(),
                    terms.kind.clone().into(),
                    Value::from(terms.effect.map(number_of)),
                    terms.emergency.into(),
                    terms.person.clone().into(),
                    terms.workflow.clone().into(),
                    terms.place.clone().into(),
                    Value::from(terms.actor.clone()),
                ])?;
                for patient in &terms.patients {
                    about.execute([Value::from(patient.to_bytes()), (*seq).into()])?;
                }
                next = Seq(seq.0 + 1);
            }
            let mut watermark = adding.prepare_cached("UPDATE watermark SET next = ?1, last_hash = ?2 WHERE id = 1")?;
            watermark.execute([Value::from(next), Value::from(last_hash)])?;
        }
        adding.commit()?;
        (self.next, self.last_at) = (next, last_at);
        Ok(())
    }
}

const fn number_of(effect: Effect) -> i64 {
    match effect {
        Effect::Deny => 0,
        Effect::Permit => 1,
    }
}

/// Takes the file away. Whoever reads it at this moment goes on reading what it was.
pub(crate) fn remove(directory: &Path) {
    for end in ["", "-wal", "-shm"] {
        // What is not there need not be removed; what cannot be is noticed when the file is made.
        let _ = std::fs::remove_file(directory.join(format!("{FILE_NAME}{end}")));
    }
}

fn inode_of(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.ino())
}

fn open_writing(path: &Path) -> Result<Connection, StorageError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A file that can be made anew need not be synced at each commit; it stays whole all the same.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// Asks the file. Nothing is found while there is none.
pub(crate) fn find(directory: &Path, wanted: &Wanted, rows_max: usize) -> Result<Found, ReadError> {
    let path = directory.join(FILE_NAME);
    if !path.exists() {
        return Ok(Found::default());
    }
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    let mut steps = 0_u64;
    connection.progress_handler(
        STEPS_BETWEEN,
        Some(move || {
            steps += u64::from(STEPS_BETWEEN.unsigned_abs());
            steps > STEPS_MAX
        }),
    )?;
    let reading = connection.unchecked_transaction()?;
    let next: i64 = reading.query_row("SELECT next FROM watermark WHERE id = 1", [], |row| row.get(0))?;
    let complete_to = Seq(u64::try_from(next).unwrap_or(0));
    let Some((sql, values)) = question(&reading, wanted, complete_to, rows_max)? else {
        return Ok(Found { complete_to, ..Found::default() });
    };
    let mut statement = reading.prepare(&sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(&values))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(Seq(u64::try_from(Row(Raw::Sqlite(row)).int(0)?).unwrap_or(0)));
    }
    let more = entries.len() > rows_max;
    entries.truncate(rows_max);
    if wanted.after.is_some() {
        entries.reverse();
    }
    Ok(Found { entries, more, complete_to })
}

/// The question in SQL with its values; nothing when no entry can fit.
fn question(
    reading: &Connection,
    wanted: &Wanted,
    complete_to: Seq,
    rows_max: usize,
) -> Result<Option<(String, Vec<Value>)>, ReadError> {
    let mut from = match wanted.from {
        Some(at) => first_at(reading, at, complete_to)?,
        None => Seq(0),
    };
    let mut to = match wanted.until {
        Some(at) => first_at(reading, at, complete_to)?,
        None => complete_to,
    };
    to = wanted.before.map_or(to, |before| to.min(before));
    from = wanted.after.map_or(from, |after| from.max(Seq(after.0.saturating_add(1))));
    if from >= to {
        return Ok(None);
    }
    let mut values = vec![Value::from(from), Value::from(to)];
    let mut sql = String::from("SELECT DISTINCT e.seq FROM entry e");
    let mut tests = String::from(" WHERE e.seq >= ?1 AND e.seq < ?2");
    if !wanted.patients.is_empty() {
        sql.push_str(" JOIN about a ON a.seq = e.seq");
        let mut marks = Vec::new();
        for patient in &wanted.patients {
            values.push(Value::from(patient.to_bytes()));
            marks.push(format!("?{}", values.len()));
        }
        tests.push_str(&format!(" AND a.patient IN ({}) AND a.seq >= ?1 AND a.seq < ?2", marks.join(", ")));
    }
    for (column, value) in [
        ("person", wanted.person.as_ref().map(ToString::to_string)),
        ("workflow", wanted.workflow.as_ref().map(ToString::to_string)),
        ("place", wanted.place.as_ref().map(ToString::to_string)),
        ("actor", wanted.actor.as_ref().map(ToString::to_string)),
        ("kind", wanted.kind.clone()),
    ] {
        if let Some(value) = value {
            values.push(value.into());
            tests.push_str(&format!(" AND e.{column} = ?{}", values.len()));
        }
    }
    match wanted.effect {
        // As the index has them.
        Some(Effect::Deny) => tests.push_str(" AND e.effect = 0"),
        Some(Effect::Permit) => tests.push_str(" AND e.effect = 1"),
        None => {}
    }
    if wanted.emergency {
        tests.push_str(" AND e.emergency = 1");
    }
    let order = if wanted.after.is_some() { "ASC" } else { "DESC" };
    sql.push_str(&format!("{tests} ORDER BY e.seq {order} LIMIT {}", rows_max.saturating_add(1)));
    Ok(Some((sql, values)))
}

/// The first entry recorded at or after a time. Times of recording never decrease, so halving finds it without an index.
fn first_at(reading: &Connection, at: Timestamp, complete_to: Seq) -> Result<Seq, ReadError> {
    let mut statement = reading.prepare_cached("SELECT at FROM entry WHERE seq = ?1")?;
    let (mut low, mut high) = (0, complete_to.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let found: i64 = statement.query_row([Value::from(Seq(middle))], |row| row.get(0))?;
        if found < at.as_millis() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(Seq(low))
}

/// Whether an error says that the file itself is no good.
pub(crate) fn is_broken(error: &ReadError) -> bool {
    match error {
        ReadError::Storage(error) => {
            matches!(error.fault(), Fault::Corrupt) || error.to_string().contains("no such table")
        }
        ReadError::Column { .. } => true,
        _ => false,
    }
}
