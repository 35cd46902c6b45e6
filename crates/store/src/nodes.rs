//! The nodes that work over one database, as each last said of itself. A file has one, and no row of it.

use crate::database::{Connection, StorageError};
use crate::place::{self, Place};
use crate::postgres::Server;
use crate::reader::Reader;
use crate::{JoinError, ReadError};
use std::path::Path;
use std::time::Duration;

/// How long a node must have been silent before it may be forgotten: one that is only cut off, or paused, comes back sooner.
pub const FORGET_AFTER: Duration = Duration::from_secs(3600);
/// For how long after its last beat a node counts as one that works.
pub const BEATS_WITHIN: Duration = Duration::from_secs(10);

/// What a node says of itself with every beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Beat {
    /// Which process, for whoever looks for it: its number and its machine.
    pub(crate) process: String,
    /// The build's version.
    pub(crate) version: String,
    /// The version of its fold.
    pub(crate) fold: u32,
    /// How many entries it has folded.
    pub(crate) entries: u64,
    /// How many entries the last checkpoint has that it made itself.
    pub(crate) sealed: u64,
    /// How far its wall clock was from the server's when it last looked, in milliseconds; ahead is positive.
    pub(crate) skew_ms: i64,
    /// What keeps it from working, in words; empty when nothing does.
    pub(crate) condition: String,
}

/// A node, as it last said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name: the 16 bytes of the file `node` in its data directory.
    pub id: [u8; 16],
    /// Which process it was: its number and its machine. Empty for one that never beat.
    pub process: String,
    /// The build's version.
    pub version: String,
    /// The version of its fold.
    pub fold: u32,
    /// How many entries it had folded.
    pub entries: u64,
    /// How many entries the last checkpoint has that it made itself; 0 where it made none.
    pub sealed: u64,
    /// How far its wall clock was from the server's, in milliseconds; ahead is positive.
    pub skew_ms: i64,
    /// What kept it from working, in words; empty when nothing did.
    pub condition: String,
    /// How long ago it beat last, by the server's clock; none where it never did.
    pub beat: Option<Duration>,
}

impl Node {
    /// Its name as it is written.
    #[must_use]
    pub fn name(&self) -> String {
        name_of(&self.id)
    }

    /// Whether it beat lately.
    #[must_use]
    pub fn beats(&self) -> bool {
        self.beat.is_some_and(|ago| ago <= BEATS_WITHIN)
    }
}

/// A node's name as it is written.
#[must_use]
pub fn name_of(id: &[u8; 16]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Reader<'_> {
    /// Every node that was ever here and was not forgotten, by name; none of a file.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn nodes(&self) -> Result<Vec<Node>, ReadError> {
        match self.connection {
            Connection::Sqlite(_) => Ok(Vec::new()),
            Connection::Postgres(connection) => connection.nodes(),
        }
    }
}

impl Connection {
    /// Notes how this node is; the server's clock, in milliseconds. A file keeps none.
    pub(crate) fn beat(&self, beat: &Beat) -> Result<Option<i64>, StorageError> {
        match self {
            Self::Sqlite(_) => Ok(None),
            Self::Postgres(connection) => Ok(Some(connection.beat(beat)?)),
        }
    }

    /// Forgets a node that has been silent for [`FORGET_AFTER`]; whether there was one.
    pub(crate) fn forget_node(&self, id: &[u8; 16]) -> Result<bool, StorageError> {
        match self {
            Self::Sqlite(_) => Ok(false),
            Self::Postgres(connection) => Ok(connection.forget_node(id)?),
        }
    }
}

/// Every node of the database that a data directory names, by name.
///
/// # Errors
/// When the store is a file, or the database cannot be read.
pub fn nodes_at(data: &Path) -> Result<Vec<Node>, JoinError> {
    let connection = Connection::Postgres(server_of(data)?.connect_reading().map_err(StorageError::from)?);
    Ok(Reader { connection: &connection }.nodes()?)
}

/// Forgets a node that has not beaten for [`FORGET_AFTER`]; whether there was one. Should it come back all the same, it stops and has to be started
/// again.
///
/// # Errors
/// When the store is a file, or the database cannot be written.
pub fn forget_node(data: &Path, id: &[u8; 16]) -> Result<bool, JoinError> {
    let connection = Connection::Postgres(server_of(data)?.connect_sweeping().map_err(StorageError::from)?);
    connection.begin()?;
    let forgotten = connection.forget_node(id)?;
    connection.commit_writes()?;
    Ok(forgotten)
}

/// The name of the node of a data directory, if it has one.
#[must_use]
pub fn node_of(data: &Path) -> Option<[u8; 16]> {
    std::fs::read(data.join(place::NODE_FILE_NAME)).ok()?.try_into().ok()
}

fn server_of(data: &Path) -> Result<Server, JoinError> {
    let address = place::remembered(data)?.ok_or_else(|| JoinError::File(data.to_owned()))?;
    match Place::at(data, &address)? {
        Place::Server(server) => Ok(server),
        Place::File(directory) => Err(JoinError::File(directory)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Address, migrations};
    use events::Timestamp;

    #[test]
    fn nodes_say_how_they_are_and_only_one_that_is_long_silent_is_forgotten() {
        let address = Address::parse(&cluster::Cluster::shared().database().unwrap()).unwrap();
        let connect = |name: u8| {
            Connection::Postgres(Server::new(address.clone(), [name; 16]).unwrap().connect_reading().unwrap())
        };
        let writing = Connection::Postgres(Server::new(address.clone(), [7; 16]).unwrap().connect_writing().unwrap());
        migrations::apply(&writing, migrations::ALL, Timestamp::MIN).unwrap();
        writing.begin_groups().unwrap();
        let reading = connect(8);
        let nodes = || Reader { connection: &reading }.nodes().unwrap();
        let [silent] = <[Node; 1]>::try_from(nodes()).unwrap();
        assert_eq!((silent.id, silent.beat, silent.beats()), ([7; 16], None, false));

        let beat = Beat {
            process: "4711@icu".to_owned(),
            version: "0.1.0".to_owned(),
            fold: 7,
            entries: 12,
            sealed: 10,
            skew_ms: -3,
            condition: String::new(),
        };
        writing.begin().unwrap();
        let at = writing.beat(&beat).unwrap().unwrap();
        writing.commit_writes().unwrap();
        let [node] = <[Node; 1]>::try_from(nodes()).unwrap();
        assert!(node.beats() && at > 1_700_000_000_000, "{node:?} {at}");
        assert_eq!((node.process.as_str(), node.entries, node.sealed, node.skew_ms), ("4711@icu", 12, 10, -3));
        assert_eq!(node.name(), "07".repeat(16));

        assert!(!writing.forget_node(&[7; 16]).unwrap(), "it beats");
        writing.run_script("UPDATE node SET beat_at = beat_at - 3601000").unwrap();
        assert!(!nodes()[0].beats());
        assert!(!writing.forget_node(&[9; 16]).unwrap(), "there is none");
        assert!(writing.forget_node(&[7; 16]).unwrap());
        assert_eq!(nodes(), []);
    }
}
