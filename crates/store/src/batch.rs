//! What a caller asks the writer to commit, all of it or none.

use crate::database::{Fault, StorageError};
use crate::sealed::SealedError;
use crate::{DETAIL_BYTES_MAX, Detail, KeysError, Statement, Value, statements};
use events::{Draft, LeafError, PatientPseudonym, Seq, Timestamp};
use std::sync::Arc;

/// The most drafts one batch may hold.
pub const BATCH_DRAFTS_MAX: usize = 10_000;

/// Drafts to record, with the conditions under which and the writes together with which they are recorded.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// What is to be recorded, in this order, without anything in between.
    pub drafts: Vec<Draft>,
    /// Streams that must still be at a version; each goes up by one.
    pub expect: Vec<Expect>,
    /// Keys that must not have been claimed before.
    pub claims: Vec<Claim>,
    /// Writes to other tables, in this order.
    pub writes: Vec<Write>,
    /// What goes with the draft of that number and may not be in it: encrypted beside the log, committed to in the entry. One for a draft.
    pub details: Vec<(usize, Detail)>,
    /// Patients whose key and detail are destroyed; the first draft says so.
    pub erases: Vec<PatientPseudonym>,
    /// What nobody may have told anything of meanwhile.
    pub untold: Option<Untold>,
}

/// Records of which no fact may have been recorded from an entry on: what a batch was prepared from is then still all there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untold {
    /// From this entry on. Recent: the writer reads what came since.
    pub since: Seq,
    /// Which records.
    pub records: Vec<PatientPseudonym>,
}

/// A stream and the version it must be at: how many batches named it before, 0 for a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The stream's name, such as `elevation/41`.
    pub stream: String,
    /// Its version.
    pub version: u64,
}

/// A key that may be used once within a space, until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What sort of key, such as `jti`.
    pub space: &'static str,
    /// The key.
    pub key: String,
    /// From then on it may be claimed again, and is forgotten.
    pub until: Timestamp,
}

/// A registered statement with its values, run in the batch's transaction.
#[derive(Clone, Debug)]
pub struct Write {
    /// One of [`crate::statements`].
    pub statement: &'static Statement,
    /// Its values, `?1` first.
    pub values: Vec<Value>,
}

impl Batch {
    /// Just one draft.
    #[must_use]
    pub fn one(draft: Draft) -> Self {
        Self { drafts: vec![draft], ..Self::default() }
    }

    /// Several drafts.
    #[must_use]
    pub fn of(drafts: Vec<Draft>) -> Self {
        Self { drafts, ..Self::default() }
    }

    /// With a stream that must be at `version`.
    #[must_use]
    pub fn expect(mut self, stream: impl Into<String>, version: u64) -> Self {
        self.expect.push(Expect { stream: stream.into(), version });
        self
    }

    /// With records of which nothing may have been told from an entry on.
    #[must_use]
    pub fn untold(mut self, since: Seq, records: Vec<PatientPseudonym>) -> Self {
        self.untold = Some(Untold { since, records });
        self
    }

    /// With a key used up.
    #[must_use]
    pub fn claim(mut self, space: &'static str, key: impl Into<String>, until: Timestamp) -> Self {
        self.claims.push(Claim { space, key: key.into(), until });
        self
    }

    /// With detail for the draft of that number, counted from 0.
    #[must_use]
    pub fn detail(mut self, draft: usize, detail: Detail) -> Self {
        self.details.push((draft, detail));
        self
    }

    /// With a write to another table.
    #[must_use]
    pub fn write(mut self, statement: &'static Statement, values: impl Into<Vec<Value>>) -> Self {
        self.writes.push(Write { statement, values: values.into() });
        self
    }
}

/// Why a batch was not recorded. Nothing of it was kept, but for what [`AppendError::NotApplied`] and [`AppendError::Storage`] say.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// A stream is not at the expected version, or a write found other rows than it needed: somebody was faster.
    #[error("`{0}` has changed meanwhile")]
    Conflict(String),
    /// Another node recorded meanwhile what this rests on, or would have it do nothing: [`crate::Apply::stands`].
    #[error("what this rests on changed meanwhile")]
    Stale,
    /// It tells of a patient who was erased meanwhile. Whoever had the pseudonym from a number finds another by it now.
    #[error("the patient was erased meanwhile")]
    Erased,
    /// A key of this space was claimed before.
    #[error("this {0} was used before")]
    Taken(&'static str),
    /// A leaf would be longer than [`events::LEAF_BYTES_MAX`].
    #[error("the entry would have {bytes} bytes, at most {} are allowed", events::LEAF_BYTES_MAX)]
    TooLong {
        /// What it would have had.
        bytes: usize,
    },
    /// The batch holds more than [`BATCH_DRAFTS_MAX`] drafts.
    #[error("a batch has at most {BATCH_DRAFTS_MAX} entries, this has {drafts}")]
    TooMany {
        /// How many.
        drafts: usize,
    },
    /// Detail is longer than [`DETAIL_BYTES_MAX`], or is not one for a draft of the batch.
    #[error("an entry has one detail of at most {DETAIL_BYTES_MAX} bytes")]
    Detail,
    /// Detail could not be encrypted.
    #[error("the detail of an entry cannot be encrypted")]
    Sealed(#[from] SealedError),
    /// A draft could not be written as a leaf.
    #[error("an entry cannot be written")]
    Leaf(#[source] Arc<LeafError>),
    /// A write was given values its statement does not take, or breaks a constraint other than uniqueness.
    #[error("the write `{statement}` is not possible")]
    Write {
        /// The statement's name.
        statement: &'static str,
        /// What the database said.
        #[source]
        source: Arc<StorageError>,
    },
    /// The disk, or the space given to the store, is full. The next append tries again.
    #[error("the store is full")]
    Full,
    /// The store cannot be written. The next append tries again.
    #[error("the store is read-only")]
    ReadOnly,
    /// More batches are waiting than the queue holds.
    #[error("too many entries are waiting to be recorded")]
    Busy,
    /// The store is closed or closing.
    #[error("the store is closed")]
    Closed,
    /// It was recorded, but the fold panicked over it. Nothing more is recorded until the store is opened again.
    #[error("recorded, but not applied")]
    NotApplied,
    /// A checkpoint could not be signed.
    #[error("the checkpoint cannot be signed")]
    Unsigned,
    /// The ledger's key was changed on another node, and this one does not have it.
    #[error("the ledger's key was changed on another node: bring it here with `handrail node join`, or ask that node")]
    Retired,
    /// The ledger's next key could not be made, or could not take its place; the next seal tries that again.
    #[error("the ledger's key could not be changed")]
    Key(#[source] Arc<KeysError>),
    /// The database failed. The next append tries again. Where the failure was in the very sync of a commit, only the log can tell
    /// whether it was kept; what was kept is applied.
    #[error("the store failed")]
    Storage(#[source] Arc<StorageError>),
}

/// What is in conflict when something was told of a patient of [`Batch::untold`].
pub(crate) const TOLD: &str = "the patient";

impl AppendError {
    /// Whether the same may well be recorded once it is prepared anew: what it was prepared from, or the pseudonym of a number that was new, is
    /// another by now.
    #[must_use]
    pub fn asks_anew(&self) -> bool {
        match self {
            Self::Stale | Self::Erased => true,
            Self::Conflict(what) => what == TOLD || what == statements::DIRECTORY_ADD.name(),
            _ => false,
        }
    }

    /// What a failure of the whole transaction means to each batch in it.
    pub(crate) fn from_storage(source: &Arc<StorageError>) -> Self {
        match source.fault() {
            Fault::Full => Self::Full,
            Fault::ReadOnly => Self::ReadOnly,
            _ => Self::Storage(source.clone()),
        }
    }
}

impl From<LeafError> for AppendError {
    fn from(error: LeafError) -> Self {
        match error {
            LeafError::TooLong { bytes } => Self::TooLong { bytes },
            other => Self::Leaf(Arc::new(other)),
        }
    }
}
