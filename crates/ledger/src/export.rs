//! Writes a log out as a plain directory that anybody can verify with tools of their own.

use crate::hash::HASH_BYTES;
use crate::key::VerifyingKey;
use crate::note::{self, Checkpoint, NoteError};
use crate::paths;
use crate::source::{EntrySource, LEVEL_MAX, TILE_WIDTH, level_size, tile_width};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What an exported directory says about itself.
const README_TEXT: &str = include_str!("export_readme.txt");

/// Why a log could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError<E: std::error::Error + 'static> {
    /// The directory has something in it already.
    #[error("`{}` is not empty", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file or directory could not be written.
    #[error("`{}` cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The checkpoint is not one by this key.
    #[error("the checkpoint is refused")]
    Checkpoint(#[from] NoteError),
    /// The log could not be read.
    #[error("`{path}` cannot be read from the log")]
    Read {
        /// Which file of the export.
        path: String,
        /// Why.
        source: E,
    },
    /// The log gave a tile of another length than its size asks for.
    #[error("`{path}` would have {bytes} bytes, not {expected}")]
    TileLength {
        /// The tile.
        path: String,
        /// The bytes it has.
        bytes: usize,
        /// The bytes it should have.
        expected: usize,
    },
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// What the checkpoint in the directory says.
    pub checkpoint: Checkpoint,
    /// How many tiles and bundles there are.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// Writes the log of `source`, as large as `note` says, into `dir`, which must be empty or not exist, with the records of how its signing key
/// came to be `key`, oldest first. The checkpoint is written last, so that an interrupted export is not taken for a whole one. Hashes nothing:
/// [`crate::verify::directory`] does.
///
/// # Errors
///
/// If the note is not by `key`, the directory has something in it, or anything cannot be read or written.
pub fn write<S: EntrySource>(
    dir: &Path,
    source: &S,
    note: &str,
    key: &VerifyingKey,
    rotations: &[String],
) -> Result<Exported, ExportError<S::Error>> {
    let checkpoint = note::open(note.as_bytes(), key)?;
    let failed = |source| ExportError::Write { path: dir.to_owned(), source };
    fs::create_dir_all(dir).map_err(failed)?;
    if fs::read_dir(dir).map_err(failed)?.next().is_some() {
        return Err(ExportError::NotEmpty { path: dir.to_owned() });
    }
    let size = checkpoint.size;
    let mut exported = Exported { checkpoint, files: 0, bytes: 0 };
    for index in 0..size.div_ceil(u64::from(TILE_WIDTH)) {
        let width = tile_width(0, index, size);
        let path = paths::entries(index, width);
        let bytes = source.bundle(index, width).map_err(|source| ExportError::Read { path: path.clone(), source })?;
        exported.put(dir, &path, &bytes)?;
    }
    for level in (0..=LEVEL_MAX).take_while(|level| level_size(*level, size) > 0) {
        for index in 0..level_size(level, size).div_ceil(u64::from(TILE_WIDTH)) {
            let width = tile_width(level, index, size);
            let path = paths::tile(level, index, width);
            let read = source.tile(level, index, width);
            let bytes = read.map_err(|source| ExportError::Read { path: path.clone(), source })?;
            let expected = usize::from(width) * HASH_BYTES;
            if bytes.len() != expected {
                return Err(ExportError::TileLength { path, bytes: bytes.len(), expected });
            }
            exported.put(dir, &path, &bytes)?;
        }
    }
    let readme = README_TEXT
        .replace("{origin}", exported.checkpoint.origin.as_str())
        .replace("{size}", &exported.checkpoint.size.to_string());
    for (place, record) in rotations.iter().enumerate() {
        put(dir, &paths::rotation(place), record.as_bytes())?;
    }
    put(dir, paths::README, readme.as_bytes())?;
    put(dir, paths::VERIFYING_KEY, format!("{key}\n").as_bytes())?;
    put(dir, paths::CHECKPOINT, note.as_bytes())?;
    Ok(exported)
}

impl Exported {
    /// Writes a tile or bundle and counts it.
    fn put<E: std::error::Error + 'static>(
        &mut self,
        dir: &Path,
        name: &str,
        bytes: &[u8],
    ) -> Result<(), ExportError<E>> {
        put(dir, name, bytes)?;
        self.files += 1;
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

/// Writes a new file and the directories above it.
fn put<E: std::error::Error + 'static>(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), ExportError<E>> {
    let path = dir.join(name);
    let written = match File::create_new(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| File::create_new(&path))
        }
        opened => opened,
    };
    written.and_then(|mut file| file.write_all(bytes)).map_err(|source| ExportError::Write { path, source })
}
