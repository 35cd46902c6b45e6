//! The store's secret keys: four files that only their owner can read, made together on first use or not at all.

use crate::DirectoryError;
use crate::directory;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// 32 secret bytes, wiped from memory after use.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes, for whoever insists that they are wiped.
    pub(crate) const fn seed(&self) -> &Zeroizing<[u8; 32]> {
        &self.0
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Where the keys live under the data directory.
pub(crate) const FOLDER: &str = "keys";

/// The key that is to take over the ledger, while it has not.
const NEXT_LEDGER: &str = "ledger.next";

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// A key file is missing beside others that are there. Restore it: a new one would fit nothing.
    #[error("the key `{}` is missing; restore it from the backup", .0.display())]
    Missing(PathBuf),
    /// A key file does not hold 32 bytes.
    #[error("the key `{}` does not hold 32 bytes", .0.display())]
    Length(PathBuf),
    /// Somebody else may read a key.
    #[error("others than its owner may use `{}` (mode {mode:03o}); set it to 600 and consider the key known", .path.display())]
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The system gives no randomness.
    #[error("no randomness for new keys")]
    Randomness,
    /// A file could not be read or made.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// The four keys of a store. Each has one use.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Signs checkpoints: an Ed25519 seed. Another takes over when the key is rotated.
    pub(crate) ledger: Key,
    /// Blinds record numbers in the directory.
    pub directory: Key,
    /// Encrypts what is kept beside the log.
    pub detail: Key,
    /// Digests tokens, links and sessions.
    pub token: Key,
}

impl Keys {
    /// The key that signs the ledger of a data directory now.
    pub(crate) fn ledger(data: &Path) -> Result<Key, KeysError> {
        read(&data.join(FOLDER).join("ledger"))
    }

    /// The key that was made to take over the ledger, if one was and it has not.
    pub(crate) fn next_ledger(data: &Path) -> Result<Option<Key>, KeysError> {
        match read(&data.join(FOLDER).join(NEXT_LEDGER)) {
            Ok(key) => Ok(Some(key)),
            Err(KeysError::Missing(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The key to take over the ledger: the one that was made before, or a new one.
    pub(crate) fn prepare_next_ledger(data: &Path) -> Result<Key, KeysError> {
        if let Some(key) = Self::next_ledger(data)? {
            return Ok(key);
        }
        let folder = data.join(FOLDER);
        let wrong = |path: &Path, source| KeysError::from(DirectoryError::new(path, source));
        let unfinished = folder.join("ledger.unfinished");
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(&unfinished, error)),
            _ => {}
        }
        let key = new_key(&unfinished)?;
        let next = folder.join(NEXT_LEDGER);
        std::fs::rename(&unfinished, &next)
            .and_then(|()| directory::sync(&folder))
            .map_err(|error| wrong(&next, error))?;
        Ok(key)
    }

    /// The next key takes the place of the ledger's, which is gone from then on. All at once: there is always exactly one.
    pub(crate) fn promote_next_ledger(data: &Path) -> Result<(), KeysError> {
        let folder = data.join(FOLDER);
        let next = folder.join(NEXT_LEDGER);
        std::fs::rename(&next, folder.join("ledger"))
            .and_then(|()| directory::sync(&folder))
            .map_err(|error| DirectoryError::new(&next, error).into())
    }

    /// Whether a data directory has keys.
    pub(crate) fn are_there(data: &Path) -> Result<bool, KeysError> {
        let folder = data.join(FOLDER);
        match std::fs::metadata(&folder) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(DirectoryError::new(&folder, error).into()),
        }
    }

    /// Reads the keys under a data directory, or makes all four if there are none.
    pub(crate) fn open(data: &Path) -> Result<Self, KeysError> {
        if !Self::are_there(data)? {
            Self { ledger: fresh()?, directory: fresh()?, detail: fresh()?, token: fresh()? }.put(data)?;
        }
        Self::read(data)
    }

    /// Reads the keys under a data directory.
    pub(crate) fn read(data: &Path) -> Result<Self, KeysError> {
        let folder = data.join(FOLDER);
        Ok(Self {
            ledger: read(&folder.join("ledger"))?,
            directory: read(&folder.join("directory"))?,
            detail: read(&folder.join("detail"))?,
            token: read(&folder.join("token"))?,
        })
    }

    /// Their names and they themselves.
    pub(crate) fn named(&self) -> [(&'static str, &Key); 4] {
        let [ledger, directory, detail, token] = NAMES;
        [(ledger, &self.ledger), (directory, &self.directory), (detail, &self.detail), (token, &self.token)]
    }

    /// Those of these bytes, in the order of [`NAMES`].
    pub(crate) fn of([ledger, directory, detail, token]: [Zeroizing<[u8; 32]>; 4]) -> Self {
        Self { ledger: Key(ledger), directory: Key(directory), detail: Key(detail), token: Key(token) }
    }

    /// Puts these into a data directory that has none.
    pub(crate) fn put(&self, data: &Path) -> Result<(), KeysError> {
        make(data, &self.named())
    }

    /// Another key is the ledger's, in the place of the one there is.
    pub(crate) fn replace_ledger(&self, data: &Path) -> Result<(), KeysError> {
        let unfinished = data.join(FOLDER).join(NEXT_LEDGER).with_extension("joined");
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(DirectoryError::new(&unfinished, error).into());
            }
            _ => {}
        }
        new_file(&unfinished, &self.ledger)?;
        let folder = data.join(FOLDER);
        std::fs::rename(&unfinished, folder.join("ledger"))
            .and_then(|()| directory::sync(&folder))
            .map_err(|error| DirectoryError::new(&unfinished, error).into())
    }

    /// Takes keys away that were made a moment ago and are of no log.
    pub(crate) fn unmake(data: &Path) -> Result<(), KeysError> {
        let folder = data.join(FOLDER);
        std::fs::remove_dir_all(&folder).map_err(|error| DirectoryError::new(&folder, error).into())
    }
}

/// Their files.
pub(crate) const NAMES: [&str; 4] = ["ledger", "directory", "detail", "token"];

/// All keys appear at once: they are written and synced under another name, which is then changed.
fn make(data: &Path, keys: &[(&str, &Key)]) -> Result<(), KeysError> {
    let folder = &data.join(FOLDER);
    let wrong = |path: &Path, source| KeysError::from(DirectoryError::new(path, source));
    let unfinished = data.join("keys.unfinished");
    match std::fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(wrong(&unfinished, error)),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&unfinished).map_err(|error| wrong(&unfinished, error))?;
    for (name, key) in keys {
        new_file(&unfinished.join(name), key)?;
    }
    directory::sync(&unfinished)
        .and_then(|()| std::fs::rename(&unfinished, folder))
        .and_then(|()| directory::sync(data))
        .map_err(|error| wrong(folder, error))
}

/// Makes a key in a new file, synced.
fn new_key(path: &Path) -> Result<Key, KeysError> {
    let key = fresh()?;
    new_file(path, &key)?;
    Ok(key)
}

fn fresh() -> Result<Key, KeysError> {
    let mut key = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(&mut *key).map_err(|_| KeysError::Randomness)?;
    Ok(Key(key))
}

/// Writes a key into a new file, synced.
fn new_file(path: &Path, key: &Key) -> Result<(), KeysError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).and_then(|mut file| {
        file.write_all(key.bytes())?;
        file.sync_all()
    });
    written.map_err(|error| KeysError::from(DirectoryError::new(path, error)))
}

fn read(path: &Path) -> Result<Key, KeysError> {
    let wrong = |source| KeysError::from(DirectoryError::new(path, source));
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(KeysError::Missing(path.to_owned())),
        Err(error) => return Err(wrong(error)),
    };
    let metadata = file.metadata().map_err(wrong)?;
    if metadata.mode() & 0o077 != 0 {
        return Err(KeysError::Exposed { path: path.to_owned(), mode: metadata.mode() & 0o777 });
    }
    let mut key = Zeroizing::new([0; 32]);
    if metadata.len() != 32 {
        return Err(KeysError::Length(path.to_owned()));
    }
    file.read_exact(&mut *key).map_err(wrong)?;
    Ok(Key(key))
}
