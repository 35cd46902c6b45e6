//! Proof that something is in the log.

use std::ops::Deref;

/// A value that was committed to the log: durable, in sequence and applied; or, where the log could not take it, written to the spool and
/// not applied yet. Only this crate makes one.
///
/// It lends its value and gives it up, but turns no other value into a recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<T> {
    value: T,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Log,
    Spool,
}

impl<T> Recorded<T> {
    // INVARIANT: called by the writer alone, after the commit of what `value` describes.
    pub(crate) const fn after_commit(value: T) -> Self {
        Self { value, place: Place::Log }
    }

    // INVARIANT: called by the spool alone, after the sync of what `value` describes.
    pub(crate) const fn after_spooling(value: T) -> Self {
        Self { value, place: Place::Spool }
    }

    /// Whether it is in the log.
    #[must_use]
    pub fn in_log(&self) -> bool {
        self.place == Place::Log
    }

    /// Whether it is in the spool only: proof for whoever the charter lets go by that, for a short time.
    #[must_use]
    pub fn in_spool(&self) -> bool {
        self.place == Place::Spool
    }

    /// The value, without its proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
