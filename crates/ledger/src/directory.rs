//! A log as a plain directory, read without trusting it: every read is bounded and only regular files are opened.

use crate::bundle::{self, BUNDLE_BYTES_MAX};
use crate::finding::{FINDINGS_MAX, Findings, Problem};
use crate::hash::HASH_BYTES;
use crate::key::VERIFYING_KEY_BYTES_MAX;
use crate::note::NOTE_BYTES_MAX;
use crate::paths::{self, TilePath};
use crate::receipt::RECEIPT_BYTES_MAX;
use crate::rotation::ROTATIONS_MAX;
use crate::source::{EntrySource, TILE_WIDTH, TileSource, tile_width};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The longest tile, in bytes.
const TILE_BYTES_MAX: usize = TILE_WIDTH as usize * HASH_BYTES;
/// The longest `log.vkey`, in bytes: a key and the end of its line.
const KEY_FILE_BYTES_MAX: usize = VERIFYING_KEY_BYTES_MAX + 1;

/// Why a file of the directory could not be read. Names are relative to the directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// There is no such file.
    #[error("`{path}` is missing")]
    Missing {
        /// The file.
        path: String,
    },
    /// The system refused to read it.
    #[error("`{path}` cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A directory, link or device where a file should be.
    #[error("`{path}` is not a regular file")]
    NotAFile {
        /// The file.
        path: String,
    },
    /// Longer than such a file can be.
    #[error("`{path}` is longer than {bytes_max} bytes")]
    TooLong {
        /// The file.
        path: String,
        /// The most bytes it could have.
        bytes_max: usize,
    },
}

impl DirectoryError {
    /// Whether there is no such file.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// A log in a directory. Ask it for the widths of the checkpoint's size: a tile or bundle is looked for under the name of exactly the width
/// asked for, and then under that of the full one, which may have replaced it.
#[derive(Clone, Debug)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The directory at `root`; nothing is read yet.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The signed note in `checkpoint`.
    ///
    /// # Errors
    ///
    /// If there is none or it cannot be read.
    pub fn checkpoint(&self) -> Result<Vec<u8>, DirectoryError> {
        self.file(paths::CHECKPOINT, NOTE_BYTES_MAX)
    }

    /// The bytes of `log.vkey`.
    ///
    /// # Errors
    ///
    /// If there is none or it cannot be read.
    pub fn verifying_key(&self) -> Result<Vec<u8>, DirectoryError> {
        self.file(paths::VERIFYING_KEY, KEY_FILE_BYTES_MAX)
    }

    /// The records of rotations, oldest first, until there is no more. A directory has them as `rotations/1.tlog-proof` and so on.
    ///
    /// # Errors
    ///
    /// If one cannot be read, with its place from 0.
    pub fn rotations(&self) -> Result<Vec<Vec<u8>>, (usize, DirectoryError)> {
        let mut records = Vec::new();
        for place in 0..ROTATIONS_MAX {
            match self.file(&paths::rotation(place), RECEIPT_BYTES_MAX) {
                Ok(record) => records.push(record),
                Err(error) if error.is_missing() => break,
                Err(error) => return Err((place, error)),
            }
        }
        Ok(records)
    }

    /// The files that a log of `size` entries and so many rotations does not consist of: leftovers, additions, links. Directories that cannot be
    /// listed are passed over, since what is missing from the log itself is found by reading it.
    pub(crate) fn surplus(&self, size: u64, rotations: usize) -> Findings {
        let mut names = BTreeSet::new();
        let mut more = 0u64;
        let mut directories = vec![String::new()];
        while let Some(directory) = directories.pop() {
            let Ok(listing) = fs::read_dir(self.root.join(&directory)) else { continue };
            for entry in listing.flatten() {
                let name = format!("{directory}{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type();
                if kind.is_ok_and(|kind| kind.is_dir()) && name.len() < paths::PATH_BYTES_MAX {
                    directories.push(format!("{name}/"));
                } else if !belongs(&name, size, rotations) {
                    names.insert(name);
                    more += u64::from(names.len() > FINDINGS_MAX && names.pop_last().is_some());
                }
            }
        }
        let mut findings = Findings::default();
        names.iter().for_each(|name| findings.add_file(name, Problem::Surplus));
        findings.add_more(more);
        findings
    }

    /// A file of at most `bytes_max` bytes.
    fn file(&self, name: &str, bytes_max: usize) -> Result<Vec<u8>, DirectoryError> {
        read_bounded(&self.root.join(name), name, bytes_max)
    }
}

/// A regular file of at most `bytes_max` bytes; `name` is what messages call it.
pub(crate) fn read_bounded(path: &Path, name: &str, bytes_max: usize) -> Result<Vec<u8>, DirectoryError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DirectoryError::Missing { path: name.to_owned() },
        _ => DirectoryError::Unreadable { path: name.to_owned(), source },
    };
    // Asked first because opening a pipe would wait for a writer.
    if !fs::symlink_metadata(path).map_err(refused)?.is_file() {
        return Err(DirectoryError::NotAFile { path: name.to_owned() });
    }
    let file = File::open(path).map_err(refused)?;
    let length = file.metadata().map_err(refused)?.len();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit)).unwrap_or(bytes_max));
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(refused)?;
    if bytes.len() > bytes_max {
        return Err(DirectoryError::TooLong { path: name.to_owned(), bytes_max });
    }
    Ok(bytes)
}

/// Whether a log of `size` entries and so many rotations has a file of this name.
fn belongs(name: &str, size: u64, rotations: usize) -> bool {
    match name.parse() {
        Ok(TilePath::Tile { level, index, width }) => width == tile_width(level, index, size),
        Ok(TilePath::Entries { index, width }) => width == tile_width(0, index, size),
        Err(_) => {
            [paths::CHECKPOINT, paths::VERIFYING_KEY, paths::README].contains(&name)
                || (0..rotations).any(|place| paths::rotation(place) == name)
        }
    }
}

impl TileSource for Directory {
    type Error = DirectoryError;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, DirectoryError> {
        match self.file(&paths::tile(level, index, width), TILE_BYTES_MAX) {
            Err(DirectoryError::Missing { path }) if width < TILE_WIDTH => {
                let Ok(mut bytes) = self.file(&paths::tile(level, index, TILE_WIDTH), TILE_BYTES_MAX) else {
                    return Err(DirectoryError::Missing { path });
                };
                bytes.truncate(usize::from(width) * HASH_BYTES);
                Ok(bytes)
            }
            found => found,
        }
    }
}

impl EntrySource for Directory {
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, DirectoryError> {
        match self.file(&paths::entries(index, width), BUNDLE_BYTES_MAX) {
            Err(DirectoryError::Missing { path }) if width < TILE_WIDTH => {
                let Ok(mut bytes) = self.file(&paths::entries(index, TILE_WIDTH), BUNDLE_BYTES_MAX) else {
                    return Err(DirectoryError::Missing { path });
                };
                let last = bundle::entries(&bytes, width).take_while(Result::is_ok).flatten().last();
                let end = last.map_or(0, |entry| entry.range.end);
                bytes.truncate(end);
                Ok(bytes)
            }
            found => found,
        }
    }
}
