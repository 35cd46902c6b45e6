//! Where is an entry about this patient, of this person, in this workflow? A second SQLite file beside the log that answers.
//!
//! It follows the log by sequence on a thread of its own, in batches of [`BATCH_ENTRIES`], and says how far it has come. Nothing rests on
//! it: deleted, damaged, or left from another log, it is made anew from the log, and no decision ever waits for it. It holds sequence
//! numbers, pseudonyms and names as leaves do, and nothing more.

mod file;
mod follow;
mod handed;
mod terms;

pub use follow::BATCH_ENTRIES;
pub(crate) use handed::Handed;

use crate::{ReadError, Store};
use events::decision::Effect;
use events::{Actor, PatientPseudonym, PrincipalId, Seq, Timestamp, UnitId, WorkflowName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The most entries one search answers with.
pub const ROWS_MAX: usize = 10_000;

/// What entries somebody looks for. Everything given must fit; nothing given fits every entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// About any of these: the records of one patient.
    pub patients: Vec<PatientPseudonym>,
    /// Asked by, done by or telling of this person or other principal.
    pub person: Option<PrincipalId>,
    /// In this workflow.
    pub workflow: Option<WorkflowName>,
    /// Of this kind, such as `decision.made`.
    pub kind: Option<String>,
    /// Decisions with this answer.
    pub effect: Option<Effect>,
    /// Emergency access and declared emergencies only.
    pub emergency: bool,
    /// In this unit.
    pub place: Option<UnitId>,
    /// Caused by this actor.
    pub actor: Option<Actor>,
    /// Recorded then or later.
    pub from: Option<Timestamp>,
    /// Recorded before then.
    pub until: Option<Timestamp>,
    /// Before this entry.
    pub before: Option<Seq>,
    /// After this entry, the oldest such first.
    pub after: Option<Seq>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The entries, newest first.
    pub entries: Vec<Seq>,
    /// There are more beyond the last: older ones, or newer ones when asked for those after an entry.
    pub more: bool,
    /// Every entry before this one was looked at.
    pub complete_to: Seq,
}

/// The search file of one store. Cheap to clone; its thread ends with the last clone.
#[derive(Clone, Debug)]
pub struct Search(Arc<follow::Follower>);

impl Search {
    /// Begins to follow `store`, in whose `directory` the file is or is made.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(directory: &Path, store: Store) -> std::io::Result<Self> {
        follow::Follower::start(directory, store).map(|follower| Self(Arc::new(follower)))
    }

    /// Finds at most `rows_max` entries, never more than [`ROWS_MAX`]. For threads that may block: a search without a telling criterion
    /// takes milliseconds, and one that takes too long is cut off.
    ///
    /// # Errors
    /// When the file cannot be read, which also has it made anew, or the search was cut off.
    pub fn find(&self, wanted: &Wanted, rows_max: usize) -> Result<Found, ReadError> {
        self.0.find(wanted, rows_max.min(ROWS_MAX))
    }

    /// Every entry before this one can be found.
    #[must_use]
    pub fn complete_to(&self) -> Seq {
        self.0.complete_to()
    }

    /// Waits until every entry before `to` can be found, at most so long. Whether they can. For threads that may block.
    #[must_use]
    pub fn wait_until(&self, to: Seq, at_most: Duration) -> bool {
        self.0.wait_until(to, at_most)
    }

    /// Why the file cannot be kept, if it cannot.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble()
    }
}
