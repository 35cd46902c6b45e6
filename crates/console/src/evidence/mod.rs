//! The ledger's state, any entry as it was written, and the proof that it is in the log.
//!
//! The promise: whoever looks at evidence leaves an entry that says so, before it is shown.

pub(crate) mod page;
pub(crate) mod proof;
mod readings;
pub(crate) mod routes;

pub(crate) use readings::Readings;

use crate::trouble::Trouble;
use events::Seq;
use store::Store;

/// The longest entry number an error repeats, in characters.
const REPEATED_CHARS_MAX: usize = 24;

/// Reads the number of an entry that is there.
pub(crate) fn wanted_entry(store: &Store, text: &str) -> Result<Seq, Trouble> {
    let entries = store.head().next;
    match text.parse().map(Seq) {
        Ok(entry) if entry < entries && text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(entry),
        _ => Err(Trouble::NoSuchEntry { asked: text.chars().take(REPEATED_CHARS_MAX).collect(), entries: entries.0 }),
    }
}
