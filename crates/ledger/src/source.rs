//! Where a log's tiles and entry bundles are read from: a database, a directory, a test.

use crate::hash::HASH_BYTES;
use std::error::Error;

/// The number of hashes in a full tile, and of entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// How many levels of the tree one tile spans.
pub const TILE_HEIGHT: u8 = 8;
/// The highest tile level a log of fewer than 2^64 entries can have.
pub const LEVEL_MAX: u8 = 7;

/// Gives hash tiles.
pub trait TileSource {
    /// Why a tile could not be read; a tile that is missing is an error too.
    type Error: Error + Send + Sync + 'static;

    /// The first `width` hashes (1 to 256, 32 bytes each) of tile `index` at `level`: exactly `width * 32` bytes. A source that holds a
    /// wider state of the tile answers with its beginning.
    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Self::Error>;
}

/// Gives entry bundles beside hash tiles.
pub trait EntrySource: TileSource {
    /// The first `width` entries (1 to 256) of bundle `index`, encoded as [`crate::bundle`] says, and nothing after them.
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, Self::Error>;
}

impl<S: TileSource + ?Sized> TileSource for &S {
    type Error = S::Error;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Self::Error> {
        (**self).tile(level, index, width)
    }
}

impl<S: EntrySource + ?Sized> EntrySource for &S {
    fn bundle(&self, index: u64, width: u16) -> Result<Vec<u8>, Self::Error> {
        (**self).bundle(index, width)
    }
}

/// How many hashes tiles of `level` hold together in a log of `size` entries.
#[must_use]
pub fn level_size(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}

/// The width tile `index` at `level` has in a log of `size` entries: 0 if it does not exist, 256 if it is full. Level 0 holds for entry
/// bundles too.
#[must_use]
pub fn tile_width(level: u8, index: u64, size: u64) -> u16 {
    let before = index.saturating_mul(u64::from(TILE_WIDTH));
    let left = level_size(level, size).saturating_sub(before);
    u16::try_from(left).unwrap_or(TILE_WIDTH).min(TILE_WIDTH)
}

/// Why a tile could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TileError<E: Error + 'static> {
    /// The source could not give it.
    #[error("tile {index} of level {level} cannot be read")]
    Source {
        /// The tile's level.
        level: u8,
        /// Its place in the level.
        index: u64,
        /// Why not.
        source: E,
    },
    /// The source gave another number of hashes than asked for.
    #[error("tile {index} of level {level} has {bytes} bytes, not {expected}")]
    Length {
        /// The tile's level.
        level: u8,
        /// Its place in the level.
        index: u64,
        /// The bytes it has.
        bytes: usize,
        /// The bytes it should have.
        expected: usize,
    },
}

/// A tile of exactly the width asked for.
pub(crate) fn read_tile<S: TileSource>(
    source: &S,
    level: u8,
    index: u64,
    width: u16,
) -> Result<Vec<u8>, TileError<S::Error>> {
    let bytes = source.tile(level, index, width).map_err(|source| TileError::Source { level, index, source })?;
    let expected = usize::from(width) * HASH_BYTES;
    if bytes.len() == expected {
        Ok(bytes)
    } else {
        Err(TileError::Length { level, index, bytes: bytes.len(), expected })
    }
}
