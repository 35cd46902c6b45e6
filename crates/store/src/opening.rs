//! Opening a store, step by step: where it is, a connection to its tables, its name, and everything folded.

use crate::database::Connection;
use crate::directory;
use crate::place::Place;
use crate::reader::Reader;
use crate::recovery::{self, Recovered};
use crate::snapshot::Snapshots;
use crate::store::{Apply, Options};
use crate::{OpenError, RecoveryError, migrations, retained, sqlite, statements};
use events::Timestamp;
use ledger::{Origin, Tree};
use std::path::Path;

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
