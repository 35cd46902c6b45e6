//! Reading: in the caller's thread, from a pool of connections that cannot write.

use crate::database::{Connection, StorageError};
use crate::place::Place;
use crate::{Row, Statement, Value, statements};
use events::{Leaf, LeafError, Seq};
use ledger::{EntrySource, TileSource};
use std::ops::ControlFlow;
use std::sync::{Condvar, Mutex, PoisonError};

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// An entry that this build cannot read.
    #[error("entry {seq} cannot be read")]
    Leaf {
        /// Which.
        seq: Seq,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// A column of another type than asked for.
    #[error("column {column} is not {expected}")]
    Column {
        /// Which, from 0.
        column: usize,
        /// What was asked for.
        expected: &'static str,
    },
    /// A tile that is not there, or has fewer hashes.
    #[error("tile {index} of level {level} with {width} hashes is not there")]
    NoTile {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
        /// The hashes asked for.
        width: u16,
    },
    /// An entry that is not there.
    #[error("entry {0} is not there")]
    NoEntry(Seq),
    /// Entries that do not fit the form of a bundle.
    #[error("the entries cannot be bundled")]
    Bundle(#[from] ledger::bundle::BundleError),
    /// The database failed.
    #[error("the store cannot be read")]
    Storage(#[from] StorageError),
}

impl ReadError {
    /// For whoever writes: to them a row that cannot be read is a failing store.
    pub(crate) fn into_storage(self) -> StorageError {
        match self {
            Self::Storage(error) => error,
            _ => rusqlite::Error::InvalidQuery.into(),
        }
    }
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Connections lent one at a time; more are opened as needed, up to a limit, and then one waits for one.
#[derive(Debug)]
pub(crate) struct Pool {
    place: Place,
    connections_max: usize,
    state: Mutex<PoolState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct PoolState {
    idle: Vec<Connection>,
    open: usize,
}

impl Pool {
    pub(crate) fn new(place: Place, connections_max: usize) -> Self {
        Self { place, connections_max: connections_max.max(1), state: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `read` on one state of the database, whatever is committed meanwhile.
    pub(crate) fn read<T, E: From<ReadError>>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut lent = Lent { pool: self, connection: None };
        let connection = loop {
            let (connection, was_idle) = self.lend()?;
            let connection = &*lent.connection.insert(connection);
            match connection.begin_reading() {
                Ok(()) => break connection,
                // The server ended it while nobody used it: another one tells whether the server is there.
                Err(error) if error.is_lost() && was_idle => {
                    lent.connection = None;
                    self.gone();
                }
                Err(error) => return Err(ReadError::from(error).into()),
            }
        };
        read(&Reader { connection })
    }

    /// A connection, and whether it was one before.
    fn lend(&self) -> Result<(Connection, bool), ReadError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(connection) = state.idle.pop() {
                return Ok((connection, true));
            }
            if state.open < self.connections_max {
                state.open += 1;
                drop(state);
                return match self.place.open_reading() {
                    Ok(connection) => Ok((connection, false)),
                    Err(error) => {
                        self.gone();
                        Err(error.into())
                    }
                };
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One connection less.
    fn gone(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open -= 1;
        self.returned.notify_one();
    }
}

/// Gives the connection back even if its borrower panics.
struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // Ends the reading transaction; a connection that cannot do that is not lent again.
        let ended = connection.end_reading();
        let mut state = self.pool.state.lock().unwrap_or_else(PoisonError::into_inner);
        if ended {
            state.idle.push(connection);
        } else {
            state.open -= 1;
        }
        drop(state);
        self.pool.returned.notify_one();
    }
}

/// One state of the store, for as long as it is lent. Read briefly: while it is lent, the write-ahead log cannot start again.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(crate) connection: &'a Connection,
}

impl Reader<'_> {
    /// An entry's bytes as first written, if there is such an entry.
    ///
    /// # Errors
    /// When the database fails.
    pub fn leaf_bytes(&self, seq: Seq) -> Result<Option<Vec<u8>>, ReadError> {
        self.find(statements::ENTRY_ONE, &[seq.into()], |row| row.bytes(0))
    }

    /// An entry, if there is such an entry.
    ///
    /// # Errors
    /// When the database fails, or this build cannot read the entry.
    pub fn leaf(&self, seq: Seq) -> Result<Option<Leaf>, ReadError> {
        self.leaf_bytes(seq)?
            .map(|bytes| Leaf::parse(&bytes).map_err(|source| ReadError::Leaf { seq, source }))
            .transpose()
    }

    /// Shows the bytes of the entries `from` to before `to` in order, until there are no more or `each` breaks.
    ///
    /// # Errors
    /// When the database fails.
    pub fn scan(&self, from: Seq, to: Seq, each: impl FnMut(Seq, &[u8]) -> ControlFlow<()>) -> Result<(), ReadError> {
        self.connection.scan(from, to, each)
    }

    /// All rows a registered statement answers with. `each` sees them as they come, and cannot read anything else meanwhile.
    ///
    /// # Errors
    /// When the database or `each` fails.
    pub fn query<T>(
        &self,
        statement: &'static Statement,
        values: &[Value],
        mut each: impl FnMut(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        let mut found = Vec::new();
        self.connection.query(statement, values, |row| {
            found.push(each(row)?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// The first row a registered statement answers with, if any.
    ///
    /// # Errors
    /// When the database or `each` fails.
    pub fn find<T>(
        &self,
        statement: &'static Statement,
        values: &[Value],
        each: impl FnOnce(&Row<'_>) -> Result<T, ReadError>,
    ) -> Result<Option<T>, ReadError> {
        let (mut found, mut each) = (None, Some(each));
        self.connection.query(statement, values, |row| {
            if let Some(each) = each.take() {
                found = Some(each(row)?);
            }
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// How many batches named a stream: the version to expect next. 0 for one never named.
    ///
    /// # Errors
    /// When the database fails.
    pub fn stream_version(&self, stream: &str) -> Result<u64, ReadError> {
        let version = self.find(statements::STREAM_VERSION, &[stream.into()], |row| row.int(0))?;
        Ok(version.map_or(0, |version| u64::try_from(version).unwrap_or(0)))
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// When the database fails.
    pub fn next(&self) -> Result<Seq, ReadError> {
        let count = self.find(statements::ENTRY_COUNT, &[], |row| row.int(0))?;
        Ok(Seq(count.map_or(0, |count| u64::try_from(count).unwrap_or(0))))
    }

    /// The latest checkpoint's note, and the size it is over; none before the first seal.
    ///
    /// # Errors
    /// When the database fails.
    pub fn checkpoint(&self) -> Result<Option<(u64, String)>, ReadError> {
        self.find(statements::CHECKPOINT_LAST, &[], |row| Ok((u64::try_from(row.int(0)?).unwrap_or(0), row.text(1)?)))
    }
}

impl TileSource for Reader<'_> {
    type Error = ReadError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, ReadError> {
        let key = [i64::from(level).into(), Seq(index).into()];
        let bytes = self.find(statements::TILE_FIND, &key, |row| {
            Ok(row.bytes_in_place(0)?.get(..usize::from(width) * ledger::hash::HASH_BYTES).map(<[u8]>::to_vec))
        })?;
        bytes.flatten().ok_or(ReadError::NoTile { level, index, width })
    }
}

impl EntrySource for Reader<'_> {
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, ReadError> {
        let from = index.saturating_mul(u64::from(ledger::source::TILE_WIDTH));
        let to = Seq(from.saturating_add(width.into()));
        let (mut bundle, mut place, mut wrong) = (Vec::new(), 0, None);
        self.scan(Seq(from), to, |seq, entry| {
            if seq.0 != from + u64::from(place) {
                return ControlFlow::Break(());
            }
            wrong = ledger::bundle::push(&mut bundle, place, entry).err();
            place += 1;
            if wrong.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        match wrong {
            Some(error) => Err(error.into()),
            None if place < width => Err(ReadError::NoEntry(Seq(from + u64::from(place)))),
            None => Ok(bundle),
        }
    }
}
