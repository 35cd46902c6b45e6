//! How another node comes to a log: the keys that every node of it has, brought from one data directory to another, and the check that they are the
//! log's.

use crate::database::Connection;
use crate::directory::{self, DirectoryError};
use crate::keys::{Keys, NAMES};
use crate::place::{self, Place};
use crate::reader::Reader;
use crate::{Address, AddressError, KeysError, OpenError, ReadError, RecoveryError, StorageError, Value, recovery};
use crate::{sqlite, statements};
use aws_lc_rs::{constant_time, hmac};
use ledger::{Origin, SigningKey, Tree, VerifyingKey};
use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The first line of the file that brings keys from one node to another.
const HEAD: &str = "# The keys of a Handrail node: as secret as the directory `keys`. Remove this file when the other node has joined.";
/// The longest such file, in bytes.
const FILE_BYTES_MAX: u64 = 4096;
/// What is put before a key's name to show which key it is without showing the key.
const CHECKED: &str = "handrail key check\0";
/// The migration that made the table of what keys make.
const CHECKS_SINCE: i64 = 5;

/// Why keys were not brought to another node. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// A directory, or the database, cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The directory's store is a file, which has one node.
    #[error("the store of `{}` is a file, and a file has one node; `handrail store move` puts it into a PostgreSQL database", .0.display())]
    File(PathBuf),
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A file of keys cannot be read or written.
    #[error("`{}` cannot be used", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is no file of keys.
    #[error("`{}` is not what `handrail node keys` writes", .0.display())]
    Form(PathBuf),
    /// Others could read the file of keys.
    #[error("others than its owner may use `{}` (mode {mode:03o}); set it to 600 and consider the keys known", .path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The database has no log.
    #[error("there is no log at {0} yet: begin it on one node, with `handrail serve --store`")]
    NoLog(String),
    /// The log there has another name.
    #[error("the keys are of the log `{keys}`, and the log at {place} is `{log}`")]
    Origin {
        /// Whose keys they are.
        keys: String,
        /// The log's name.
        log: String,
        /// Where it is.
        place: String,
    },
    /// A key is not the log's.
    #[error(
        "the {which} key in the file is not that of the log at {place}; write the file anew with `handrail node keys` on a node that works"
    )]
    Unfit {
        /// Which.
        which: &'static str,
        /// Where the log is.
        place: String,
    },
    /// The directory has other keys.
    #[error("`{}` has another {which} key already: it is of another log. Join with a new directory", .directory.display())]
    Other {
        /// The directory.
        directory: PathBuf,
        /// Which key.
        which: &'static str,
    },
    /// The ledger's key is just being changed.
    #[error("the ledger's key is just being changed: let `handrail ledger rotate-key` finish, and try again")]
    Rotating,
}

impl From<KeysError> for JoinError {
    fn from(error: KeysError) -> Self {
        Self::Open(error.into())
    }
}

impl From<DirectoryError> for JoinError {
    fn from(error: DirectoryError) -> Self {
        Self::Open(error.into())
    }
}

impl From<StorageError> for JoinError {
    fn from(error: StorageError) -> Self {
        Self::Open(error.into())
    }
}

impl From<ReadError> for JoinError {
    fn from(error: ReadError) -> Self {
        Self::Open(RecoveryError::Read(error).into())
    }
}

/// What went from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The log's name.
    pub origin: String,
    /// Where it is.
    pub place: String,
    /// The new node's name.
    pub node: [u8; 16],
}

/// Writes the keys of a data directory with the place of its log into a new file that only its owner may read. The node may be at work.
///
/// # Errors
/// When the store is a file, the database cannot be read, or the file is there already.
pub fn write_keys(data: &Path, to: &Path) -> Result<Joined, JoinError> {
    let address = place::remembered(data)?.ok_or_else(|| JoinError::File(data.to_owned()))?;
    let keys = Keys::read(data)?;
    if Keys::next_ledger(data)?.is_some() {
        return Err(JoinError::Rotating);
    }
    let place = Place::at(data, &address)?;
    let origin = fitting(&place, &address, &keys, None)?;
    let mut text = Zeroizing::new(format!("{HEAD}\norigin {origin}\nstore {}\n", address.as_str()));
    for (name, key) in keys.named() {
        text.push_str(name);
        text.push(' ');
        for byte in key.bytes() {
            text.push_str(&format!("{byte:02x}"));
        }
        text.push('\n');
    }
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| JoinError::Io { path: to.to_owned(), source })?;
    Ok(Joined { origin: origin.to_string(), place: address.place().to_owned(), node: place::node(data)? })
}

/// Makes a data directory one of a node of the log whose keys are in a file: a new one, or one that has all of them but the newest of the ledger. `address`
/// is the way to the database from this machine, if it is another than the one in the file.
///
/// # Errors
/// When the file cannot be read, its keys are not the log's, or the directory is another's.
pub fn join(data: &Path, file: &Path, address: Option<Address>) -> Result<Joined, JoinError> {
    let brought = Brought::read(file)?;
    let _lock = directory::take(data)?;
    if data.join(sqlite::FILE_NAME).exists() {
        return Err(JoinError::File(data.to_owned()));
    }
    let address = address.map_or_else(|| Address::parse(&brought.store), Ok)?;
    let there = if Keys::are_there(data)? { Some(Keys::read(data)?) } else { None };
    if let Some(there) = &there {
        for ((which, new), (_, old)) in brought.keys.named().into_iter().zip(there.named()).skip(1) {
            if new.bytes() != old.bytes() {
                return Err(JoinError::Other { directory: data.to_owned(), which });
            }
        }
    }
    let place = Place::at(data, &address)?;
    let origin = fitting(&place, &address, &brought.keys, Some(&brought.origin))?;
    match there {
        None => brought.keys.put(data)?,
        Some(_) => brought.keys.replace_ledger(data)?,
    }
    place.remember(data)?;
    Ok(Joined { origin: origin.to_string(), place: address.place().to_owned(), node: place::node(data)? })
}

/// What is in a file of keys.
struct Brought {
    origin: String,
    store: String,
    keys: Keys,
}

impl Brought {
    fn read(path: &Path) -> Result<Self, JoinError> {
        let wrong = |source| JoinError::Io { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(wrong)?;
        let mode = file.metadata().map_err(wrong)?.mode();
        if mode & 0o077 != 0 {
            return Err(JoinError::Exposed { path: path.to_owned(), mode: mode & 0o777 });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(wrong)?;
        Self::parse(&text).ok_or_else(|| JoinError::Form(path.to_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        let said = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(' ')).filter(|(said, _)| *said == name);
            let (_, value) = lines.next()?;
            lines.next().is_none().then(|| value.trim())
        };
        let [ledger, directory, detail, token] = NAMES;
        let key = |name: &str| bytes(said(name)?);
        let keys = Keys::of([key(ledger)?, key(directory)?, key(detail)?, key(token)?]);
        Some(Self { origin: said("origin")?.to_owned(), store: said("store")?.to_owned(), keys })
    }
}

/// 32 bytes of 64 hexadecimal digits.
fn bytes(digits: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    if digits.len() != 2 * bytes.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The name of the log at a place, whose keys these are.
fn fitting(place: &Place, address: &Address, keys: &Keys, origin: Option<&str>) -> Result<Origin, JoinError> {
    let shown = || address.place().to_owned();
    let connection = place.open_reading()?;
    let reader = Reader { connection: &connection };
    let log =
        if connection.has_tables()? { reader.find(statements::ORIGIN_FIND, &[], |row| row.text(0))? } else { None };
    let log = log.ok_or_else(|| JoinError::NoLog(shown()))?;
    if let Some(origin) = origin.filter(|origin| **origin != log) {
        return Err(JoinError::Origin { keys: origin.to_owned(), log, place: shown() });
    }
    let origin = Origin::parse(&log).map_err(OpenError::Origin)?;
    let signing = SigningKey::from_seed(origin.clone(), keys.named()[0].1.seed()).map_err(OpenError::Origin)?;
    let [ledger, ..] = NAMES;
    match recovery::signed_by(&reader, signing.verifying_key()) {
        Ok(()) => {}
        Err(RecoveryError::Checkpoint(_)) => return Err(JoinError::Unfit { which: ledger, place: shown() }),
        Err(error) => return Err(OpenError::from(error).into()),
    }
    let migrated = reader.find(statements::MIGRATION_LAST, &[], |row| row.int(0))?.unwrap_or(0);
    if migrated >= CHECKS_SINCE
        && let Some(which) = checked(&reader, keys)?.into_iter().find_map(Check::other)
    {
        return Err(JoinError::Unfit { which, place: shown() });
    }
    Ok(origin)
}

/// What the database knows of one key.
enum Check {
    Same,
    Other(&'static str),
    /// Nothing yet: this is to be kept.
    Unknown(&'static str, Vec<u8>),
}

impl Check {
    fn other(self) -> Option<&'static str> {
        match self {
            Self::Other(which) => Some(which),
            Self::Same | Self::Unknown(..) => None,
        }
    }
}

/// The ledger's key is known by what it signed, and changes; the others are known by what they make of a text.
fn checked(reader: &Reader<'_>, keys: &Keys) -> Result<Vec<Check>, ReadError> {
    let others = keys.named().into_iter().skip(1);
    let check = |(which, key): (&'static str, &crate::Key)| {
        let text = format!("{CHECKED}{which}");
        let made = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.bytes()), text.as_bytes());
        Ok(match reader.find(statements::KEY_CHECK_FIND, &[which.into()], |row| row.bytes(0))? {
            None => Check::Unknown(which, made.as_ref().to_vec()),
            Some(kept) if constant_time::verify_slices_are_equal(&kept, made.as_ref()).is_ok() => Check::Same,
            Some(_) => Check::Other(which),
        })
    };
    others.map(check).collect()
}

/// The keys of a directory, and whether they were made just now: not where there is a log at its server already, which they would not fit.
pub(crate) fn keys_for(directory: &Path, place: &Place) -> Result<(Keys, bool), OpenError> {
    let made = !Keys::are_there(directory)?;
    if let (true, Some(server)) = (made, place.server()) {
        let connection = place.open_reading()?;
        let reader = Reader { connection: &connection };
        let begun = connection.has_tables()?
            && reader.find(statements::ORIGIN_FIND, &[], |row| row.text(0)).map_err(RecoveryError::Read)?.is_some();
        if begun {
            let place = server.address().place().to_owned();
            return Err(OpenError::NoKeys { directory: directory.to_owned(), place });
        }
    }
    Ok((Keys::open(directory)?, made))
}

/// The tree as of the latest checkpoint, if there is one, of a log that these keys are of; `key` signs it. Keys that were made just now are taken away again
/// where another node began the log at the same moment, with its own.
pub(crate) fn tree_that_keys_fit(
    connection: &Connection,
    directory: &Path,
    (keys, made): (&Keys, bool),
    key: &VerifyingKey,
) -> Result<Option<Tree>, OpenError> {
    let fitting = || {
        let tree = recovery::sealed_tree(&Reader { connection }, key).map_err(|error| match error {
            RecoveryError::Checkpoint(_) if connection.sqlite().is_none() => {
                OpenError::OtherKeys { directory: directory.to_owned(), which: "ledger" }
            }
            error => error.into(),
        })?;
        check_keys(connection, directory, keys).map(|()| tree)
    };
    fitting().inspect_err(|error| {
        if made && matches!(error, OpenError::OtherKeys { .. }) {
            let _gone = Keys::unmake(directory);
        }
    })
}

/// Whether the keys of a directory are the log's. What nobody has checked before is kept for the next time.
fn check_keys(connection: &Connection, directory: &Path, keys: &Keys) -> Result<(), OpenError> {
    let reader = Reader { connection };
    let other = |checks: Vec<Check>| match checks.into_iter().find_map(Check::other) {
        Some(which) => Err(OpenError::OtherKeys { directory: directory.to_owned(), which }),
        None => Ok(()),
    };
    let checks = checked(&reader, keys).map_err(RecoveryError::Read)?;
    if checks.iter().any(|check| matches!(check, Check::Unknown(..))) {
        // Of two nodes that begin at once, one keeps its own.
        if let Err(error) = keep(connection, &checks) {
            if connection.in_transaction() {
                connection.rollback()?;
            }
            if connection.sqlite().is_none() {
                return Err(error.into());
            }
            tracing::warn!(%error, "it could not be noted which keys fit this store");
        }
        return other(checked(&reader, keys).map_err(RecoveryError::Read)?);
    }
    other(checks)
}

fn keep(connection: &Connection, checks: &[Check]) -> Result<(), StorageError> {
    connection.begin()?;
    for check in checks {
        if let Check::Unknown(which, made) = check {
            connection.execute(statements::KEY_CHECK_KEEP, &[(*which).into(), Value::Bytes(made.clone())])?;
        }
    }
    connection.commit_writes()
}
