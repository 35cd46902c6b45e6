//! Where a data directory's database is: a file in it or, if the file `store` there says so, a server.
//!
//! Keys, spool, search file, snapshots and the last checkpoint stay in the directory either way. The file `store` holds the server's address, and no
//! secret: so every command that is given the directory finds the same store, and none begins another beside it.

use crate::database::{Connection, StorageError};
use crate::directory::{self, DirectoryError};
use crate::postgres::{Address, AddressError, Server};
use crate::{OpenError, postgres, sqlite};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Names the server.
const FILE_NAME: &str = "store";
/// This node's name at the server: 16 random bytes.
pub(crate) const NODE_FILE_NAME: &str = "node";

/// Where a store's database is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file in this directory.
    File(PathBuf),
    /// A database of a server.
    Server(Server),
}

impl Place {
    /// Where the database of a data directory is: at `given`, or where it was before.
    pub(crate) fn of(directory: &Path, given: Option<&Address>) -> Result<Self, OpenError> {
        match (given, remembered(directory)?) {
            (None, None) => Ok(Self::File(directory.to_owned())),
            (Some(given), None) if directory.join(sqlite::FILE_NAME).exists() => {
                Err(OpenError::Elsewhere { directory: directory.to_owned(), given: given.place().to_owned() })
            }
            (Some(given), _) => Self::at(directory, given),
            (None, Some(remembered)) => Self::at(directory, &remembered),
        }
    }

    /// At a server, wherever the directory's database is now.
    pub(crate) fn at(directory: &Path, address: &Address) -> Result<Self, OpenError> {
        let server = Server::new(address.clone(), node(directory)?).map_err(StorageError::from)?;
        Ok(Self::Server(server))
    }

    /// From now on the database of the directory is here, whoever asks.
    pub(crate) fn remember(&self, directory: &Path) -> Result<(), DirectoryError> {
        let Self::Server(server) = self else { return Ok(()) };
        let (path, text) = (directory.join(FILE_NAME), server.address().as_str());
        if std::fs::read_to_string(&path).is_ok_and(|there| there.trim() == text) {
            return Ok(());
        }
        put(directory, FILE_NAME, format!("{text}\n").as_bytes())
    }

    /// The directory of the file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(directory) => Some(directory),
            Self::Server(_) => None,
        }
    }

    /// A connection that may write. On a server it holds the node's fence: this node has no other as long as it lives.
    pub(crate) fn open_writing(&self) -> Result<Connection, StorageError> {
        match self {
            Self::File(directory) => Ok(Connection::Sqlite(sqlite::open_writing(directory)?)),
            Self::Server(server) => Ok(Connection::Postgres(server.connect_writing()?)),
        }
    }

    /// The same, while no node is in the database.
    pub(crate) fn open_alone(&self) -> Result<Connection, StorageError> {
        match self {
            Self::File(_) => self.open_writing(),
            Self::Server(server) => Ok(Connection::Postgres(server.connect_alone()?)),
        }
    }

    /// The server, if it is one.
    pub(crate) const fn server(&self) -> Option<&Server> {
        match self {
            Self::File(_) => None,
            Self::Server(server) => Some(server),
        }
    }

    /// A connection that can only read.
    pub(crate) fn open_reading(&self) -> Result<Connection, StorageError> {
        match self {
            Self::File(directory) => Ok(Connection::Sqlite(sqlite::open_reading(directory)?)),
            Self::Server(server) => Ok(Connection::Postgres(server.connect_reading()?)),
        }
    }
}

/// Whether a data directory has a store: a file of its own, or a server that it names.
#[must_use]
pub fn has_store(directory: &Path) -> bool {
    directory.join(sqlite::FILE_NAME).exists() || directory.join(FILE_NAME).exists()
}

/// The server a data directory names, if it names one.
///
/// # Errors
/// When it cannot be read, or names none.
pub fn remembered(directory: &Path) -> Result<Option<Address>, OpenError> {
    let path = directory.join(FILE_NAME);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Address::parse(text.trim())?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(DirectoryError::new(&path, error).into()),
    }
}

/// From now on the database of the directory is a file in it.
pub(crate) fn forget(directory: &Path) -> Result<(), DirectoryError> {
    let path = directory.join(FILE_NAME);
    let removed = std::fs::remove_file(&path).and_then(|()| directory::sync(directory));
    removed.map_err(|error| DirectoryError::new(&path, error))
}

impl From<AddressError> for OpenError {
    fn from(error: AddressError) -> Self {
        Self::from(StorageError::from(postgres::Failed::from(error)))
    }
}

/// This node's name, drawn when it is first needed.
pub(crate) fn node(directory: &Path) -> Result<[u8; 16], OpenError> {
    let path = directory.join(NODE_FILE_NAME);
    match std::fs::read(&path) {
        Ok(bytes) => bytes.try_into().map_err(|_| {
            let wrong = std::io::Error::new(ErrorKind::InvalidData, "a node's name has 16 bytes");
            DirectoryError::new(&path, wrong).into()
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut name = [0; 16];
            aws_lc_rs::rand::fill(&mut name).map_err(|_| OpenError::Randomness)?;
            put(directory, NODE_FILE_NAME, &name)?;
            Ok(name)
        }
        Err(error) => Err(DirectoryError::new(&path, error).into()),
    }
}

/// Writes a file all at once.
fn put(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), DirectoryError> {
    let (unfinished, path) = (directory.join(format!("{name}.unfinished")), directory.join(name));
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished);
    let written = written.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, &path)?;
        directory::sync(directory)
    });
    written.map_err(|error| DirectoryError::new(&path, error))
}
