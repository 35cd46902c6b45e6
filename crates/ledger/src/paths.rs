//! Where tiles and bundles lie below a log's address, as C2SP tlog-tiles says: `tile/0/x001/x234/067`, `tile/entries/000.p/5`.

use crate::receipt::RECEIPT_EXTENSION;
use crate::source::{LEVEL_MAX, TILE_WIDTH};
use std::{fmt, str::FromStr};

/// The signed note that says how large the log is and what its root is.
pub const CHECKPOINT: &str = "checkpoint";
/// The directory of hash tiles and entry bundles.
pub const TILE: &str = "tile";
/// The verifying key an exported directory carries.
pub const VERIFYING_KEY: &str = "log.vkey";
/// What an exported directory says about itself.
pub const README: &str = "README";

/// The directory of the records of rotations that an exported directory carries.
pub const ROTATIONS: &str = "rotations";

/// The longest path of a tile or bundle, in bytes.
pub const PATH_BYTES_MAX: usize = 64;
/// Each element of a path but the last stands for a thousand times the next.
const INDEX_BASE: u64 = 1000;

/// A tile or a bundle by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TilePath {
    /// A hash tile.
    Tile {
        /// Its level.
        level: u8,
        /// Its place in the level.
        index: u64,
        /// How many hashes it holds, 1 to 256.
        width: u16,
    },
    /// An entry bundle.
    Entries {
        /// Its place in the log: it starts at entry `index * 256`.
        index: u64,
        /// How many entries it holds, 1 to 256.
        width: u16,
    },
}

/// The text is not the path of a tile or bundle, or not in its only form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile or an entry bundle")]
pub struct PathError;

/// The path of a hash tile.
#[must_use]
pub fn tile(level: u8, index: u64, width: u16) -> String {
    TilePath::Tile { level, index, width }.to_string()
}

/// The path of an entry bundle.
#[must_use]
pub fn entries(index: u64, width: u16) -> String {
    TilePath::Entries { index, width }.to_string()
}

/// The path of the record of a rotation of keys, by its place from 0.
#[must_use]
pub fn rotation(place: usize) -> String {
    format!("{ROTATIONS}/{}.{RECEIPT_EXTENSION}", place.saturating_add(1))
}

impl fmt::Display for TilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, width) = match *self {
            Self::Tile { level, index, width } => {
                write!(formatter, "{TILE}/{level}/")?;
                (index, width)
            }
            Self::Entries { index, width } => {
                write!(formatter, "{TILE}/entries/")?;
                (index, width)
            }
        };
        let mut left = index / INDEX_BASE;
        let mut elements = Vec::new();
        while left > 0 {
            elements.push(left % INDEX_BASE);
            left /= INDEX_BASE;
        }
        for element in elements.iter().rev() {
            write!(formatter, "x{element:03}/")?;
        }
        write!(formatter, "{:03}", index % INDEX_BASE)?;
        if width < TILE_WIDTH { write!(formatter, ".p/{width}") } else { Ok(()) }
    }
}

impl FromStr for TilePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > PATH_BYTES_MAX {
            return Err(PathError);
        }
        let rest = text.strip_prefix(TILE).and_then(|rest| rest.strip_prefix('/')).ok_or(PathError)?;
        let (kind, rest) = rest.split_once('/').ok_or(PathError)?;
        let (index_text, width) = match rest.split_once(".p/") {
            Some((index, width)) => (index, number(width).filter(|width| (1..TILE_WIDTH).contains(width))),
            None => (rest, Some(TILE_WIDTH)),
        };
        let width = width.ok_or(PathError)?;
        let index = index(index_text).ok_or(PathError)?;
        if kind == "entries" {
            return Ok(Self::Entries { index, width });
        }
        let level = number(kind).and_then(|level| u8::try_from(level).ok()).ok_or(PathError)?;
        if level > LEVEL_MAX {
            return Err(PathError);
        }
        Ok(Self::Tile { level, index, width })
    }
}

/// A decimal number in its only form: digits, no sign, no leading zero.
fn number(text: &str) -> Option<u16> {
    let number: u16 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// `x001/x234/067` as a number.
fn index(text: &str) -> Option<u64> {
    let mut elements = text.split('/').peekable();
    let mut index: u64 = 0;
    let mut first = true;
    while let Some(element) = elements.next() {
        let last = elements.peek().is_none();
        let digits = if last { element } else { element.strip_prefix('x')? };
        if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let value: u64 = digits.parse().ok()?;
        // `x000/067` would be a second name for `067`.
        if first && !last && value == 0 {
            return None;
        }
        first = false;
        index = index.checked_mul(INDEX_BASE)?.checked_add(value)?;
    }
    Some(index)
}
