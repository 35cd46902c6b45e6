//! When a node cannot say any more what holds: others may have recorded what it has not heard, or it met what it cannot read.

use crate::{DecideError, Plane};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often a node asks itself whether it still knows what holds.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Why a node cannot say what holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It has not known for [`store::CUT_OFF_AFTER`] that it has every entry: the database is out of reach, and other nodes may have recorded more.
    CutOff,
    /// The log has facts, or a charter, that this build cannot use.
    CannotRead,
}

impl Lost {
    /// Its name in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CutOff => "cut_off",
            Self::CannotRead => "cannot_read",
        }
    }
}

impl Plane {
    /// Why this node cannot say any more what holds, if it cannot. No permit it holds for live may be relied on then.
    #[must_use]
    pub fn lost(&self) -> Option<Lost> {
        if self.inner.folded.blind.load(Ordering::SeqCst) {
            return Some(Lost::CannotRead);
        }
        self.inner.store.health().is_cut_off().then_some(Lost::CutOff)
    }

    /// Follows [`Self::lost`], as far as [`Self::keep_permits_true`] runs.
    #[must_use]
    pub fn watch_lost(&self) -> watch::Receiver<Option<Lost>> {
        self.tell();
        self.inner.lost.subscribe()
    }

    /// Tells whoever watches, if it has changed.
    fn tell(&self) {
        let lost = self.lost();
        let changed = self.inner.lost.send_if_modified(|told| std::mem::replace(told, lost) != lost);
        match lost {
            _ if !changed => {}
            Some(why) => tracing::warn!(why = why.name(), "this node cannot say any more what holds"),
            // What was heard meanwhile has marked what it touches; time has passed as well.
            None => self.live().touch_all(),
        }
    }

    /// Refuses while this node cannot say what holds, whether or not something could be recorded.
    pub(crate) fn knows_what_holds(&self) -> Result<(), DecideError> {
        match self.lost() {
            None => Ok(()),
            Some(Lost::CutOff) => Err(DecideError::CutOff),
            Some(Lost::CannotRead) => Err(DecideError::NotReady),
        }
    }

    /// Tells whoever watches within [`LOOK_EVERY`], until `stop`.
    pub(crate) async fn keep_telling(&self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.tell();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}
