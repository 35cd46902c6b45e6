//! What everybody may know of the store at any moment.

use crate::search::Handed;
use events::{Seq, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Where the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The sequence the next entry will have: how many entries there are. All of them are applied.
    pub next: Seq,
    /// When the last entry was recorded; [`Timestamp::MIN`] in an empty log. Never decreases.
    pub recorded_at: Timestamp,
    /// How many entries the latest checkpoint is over.
    pub sealed: u64,
}

/// Whether the store takes entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// It does.
    Ready,
    /// The last append found no space. The next one tries again.
    Full,
    /// The last append could not write. The next one tries again.
    ReadOnly,
    /// The last append or seal failed otherwise. The next one tries again, unless the fold panicked.
    Failed {
        /// In the database's words.
        why: String,
    },
    /// It is closed.
    Closed,
}

/// How the store is, for readiness and for a console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it takes entries.
    pub condition: Condition,
    /// How many batches wait for the writer.
    pub queue_batches: usize,
    /// How many entries are not sealed yet.
    pub unsealed: u64,
    /// How long ago this node last knew that it has every entry of every node, where there may be others.
    pub contact: Option<Duration>,
}

/// After how long without contact a node is cut off: others may have recorded what it does not know, and nothing it knows is said to hold.
pub const CUT_OFF_AFTER: Duration = Duration::from_secs(5);

/// Whether a node that had contact so long ago is cut off; one that needs none never is.
pub(crate) fn is_cut_off(contact: Option<Duration>) -> bool {
    contact.is_some_and(|contact| contact > CUT_OFF_AFTER)
}

impl Health {
    /// Whether the node has had no contact for too long: [`CUT_OFF_AFTER`].
    #[must_use]
    pub fn is_cut_off(&self) -> bool {
        is_cut_off(self.contact)
    }

    /// What keeps the store from taking entries, in words; nothing when it takes them.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        match &self.condition {
            Condition::Ready if self.is_cut_off() => Some("the store's server is out of reach".to_owned()),
            Condition::Ready => None,
            Condition::Full => Some("the store is full".to_owned()),
            Condition::ReadOnly => Some("the store is read-only".to_owned()),
            Condition::Failed { why } => Some(format!("the store failed: {why}")),
            Condition::Closed => Some("the store is closed".to_owned()),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Status {
    now: Mutex<(Head, Condition)>,
    closed: watch::Sender<bool>,
    /// When everything that was recorded was last known, on the clock nobody can set; none where nobody else records.
    contact: Mutex<Option<Duration>>,
    /// What the writer gives to the search file.
    pub(crate) handed: Handed,
}

impl Status {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            now: Mutex::new((head, Condition::Ready)),
            closed: watch::Sender::new(false),
            contact: Mutex::default(),
            handed: Handed::default(),
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.lock().0
    }

    pub(crate) fn get_condition(&self) -> Condition {
        self.lock().1.clone()
    }

    /// A commit succeeded.
    pub(crate) fn committed(&self, next: u64, recorded_at: Timestamp) {
        let mut now = self.lock();
        now.0.next = Seq(next);
        now.0.recorded_at = recorded_at;
        now.1 = Condition::Ready;
    }

    /// The log was found longer than known. Whether it can be written is not known from that.
    pub(crate) fn caught_up(&self, next: u64, recorded_at: Timestamp) {
        let mut now = self.lock();
        now.0.next = Seq(next);
        now.0.recorded_at = recorded_at;
    }

    /// At that time, everything that was recorded was known.
    pub(crate) fn in_contact(&self, at: Duration) {
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// When that was last.
    pub(crate) fn contact(&self) -> Option<Duration> {
        *self.contact.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seal succeeded.
    pub(crate) fn sealed(&self, sealed: u64) {
        self.lock().0.sealed = sealed;
    }

    pub(crate) fn condition(&self, condition: Condition) {
        self.lock().1 = condition;
    }

    /// The writer has ended and let go of the directory.
    pub(crate) fn closed(&self) {
        let mut now = self.lock();
        if !matches!(now.1, Condition::Failed { .. }) {
            now.1 = Condition::Closed;
        }
        drop(now);
        self.closed.send_replace(true);
    }

    pub(crate) async fn until_closed(&self) {
        // The sender lives as long as this does.
        let mut closed = self.closed.subscribe();
        let _closed = closed.wait_for(|closed| *closed).await;
    }

    fn lock(&self) -> MutexGuard<'_, (Head, Condition)> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
