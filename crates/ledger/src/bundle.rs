//! Entry bundles: up to 256 entries one after the other, each behind its length as two bytes, big-endian.

use crate::hash::{Hash, leaf_hash};
use crate::source::TILE_WIDTH;
use std::ops::Range;

/// The longest entry a bundle can hold, in bytes.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// The bytes of an entry's length.
const LENGTH_BYTES: usize = 2;
/// The longest bundle, in bytes.
pub const BUNDLE_BYTES_MAX: usize = TILE_WIDTH as usize * (LENGTH_BYTES + ENTRY_BYTES_MAX);

/// Why bytes are not a bundle, or entries cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// An entry longer than [`ENTRY_BYTES_MAX`].
    #[error("entry {entry} has {bytes} bytes, at most {ENTRY_BYTES_MAX} are possible")]
    EntryTooLong {
        /// Its place in the bundle.
        entry: u16,
        /// Its length.
        bytes: usize,
    },
    /// More than 256 entries.
    #[error("more than {TILE_WIDTH} entries")]
    TooMany,
    /// The bytes end inside an entry or before the last one expected.
    #[error("the bytes end at byte {end}, inside or before entry {entry}")]
    Truncated {
        /// The entry that is not whole.
        entry: u16,
        /// Where the bytes end.
        end: usize,
    },
    /// There are bytes after the last expected entry.
    #[error("bytes {start} to {end} follow the last of {entries} entries")]
    Trailing {
        /// How many entries were expected.
        entries: u16,
        /// Where the extra bytes start.
        start: usize,
        /// Where they end.
        end: usize,
    },
}

/// An entry and where it lies in its bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its place in the bundle, 0 to 255.
    pub place: u16,
    /// Where its bytes lie in the bundle, without their length.
    pub range: Range<usize>,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl Entry<'_> {
    /// Its hash in the tree.
    #[must_use]
    pub fn hash(&self) -> Hash {
        leaf_hash(self.bytes)
    }
}

/// The bundle of these entries.
///
/// # Errors
///
/// If an entry is too long or there are more than 256.
pub fn encode<I>(entries: I) -> Result<Vec<u8>, BundleError>
where
    I: IntoIterator,
    I::Item: AsRef<[u8]>,
{
    let mut bytes = Vec::new();
    for (place, entry) in (0u16..).zip(entries) {
        if place >= TILE_WIDTH {
            return Err(BundleError::TooMany);
        }
        push(&mut bytes, place, entry.as_ref())?;
    }
    Ok(bytes)
}

/// Adds an entry, the `place`th, to the end of a bundle under construction.
///
/// # Errors
///
/// If the entry is too long or `place` is beyond the last of a full bundle.
pub fn push(bundle: &mut Vec<u8>, place: u16, entry: &[u8]) -> Result<(), BundleError> {
    if place >= TILE_WIDTH {
        return Err(BundleError::TooMany);
    }
    let length =
        u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong { entry: place, bytes: entry.len() })?;
    bundle.reserve(LENGTH_BYTES + entry.len());
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Exactly `width` entries and nothing after them.
///
/// # Errors
///
/// If the bytes hold fewer or more.
pub fn decode(bundle: &[u8], width: u16) -> Result<Vec<Entry<'_>>, BundleError> {
    entries(bundle, width).collect()
}

/// The entries of a bundle one by one, expecting exactly `width` of them; the first error ends it.
#[must_use]
pub fn entries(bundle: &[u8], width: u16) -> Entries<'_> {
    Entries { bundle, at: 0, place: 0, width }
}

/// See [`entries`].
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    bundle: &'a [u8],
    at: usize,
    place: u16,
    width: u16,
}

impl<'a> Entries<'a> {
    /// The next entry; `None` if the bytes end too soon.
    fn cut(&mut self) -> Option<Entry<'a>> {
        let (length, rest) = self.bundle.get(self.at..)?.split_first_chunk::<LENGTH_BYTES>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let bytes = rest.get(..length)?;
        let start = self.at + LENGTH_BYTES;
        let entry = Entry { place: self.place, range: start..start + length, bytes };
        self.at = start + length;
        self.place += 1;
        Some(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.place < self.width {
            let entry = self.place;
            let cut = self.cut();
            if cut.is_none() {
                self.place = self.width;
                self.at = self.bundle.len();
            }
            return Some(cut.ok_or(BundleError::Truncated { entry, end: self.bundle.len() }));
        }
        let start = std::mem::replace(&mut self.at, self.bundle.len());
        (start < self.bundle.len()).then_some(Err(BundleError::Trailing {
            entries: self.width,
            start,
            end: self.bundle.len(),
        }))
    }
}
