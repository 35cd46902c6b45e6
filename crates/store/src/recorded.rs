//! Proof that something is in the log.

use std::ops::Deref;

/// A value that was committed: durable, in sequence and applied. Only this crate's writer makes one.
///
/// It lends its value and gives it up, but turns no other value into a recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded<T>(T);

impl<T> Recorded<T> {
    // INVARIANT: called by the writer alone, after the commit of what `value` describes.
    pub(crate) const fn after_commit(value: T) -> Self {
        Self(value)
    }

    /// The value, without its proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Recorded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}
