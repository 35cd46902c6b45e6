//! What a verification found wrong, and where: file, bytes, entries.

use crate::bundle::BundleError;
use crate::cosignature::NoQuorum;
use crate::hash::Hash;
use crate::key::KeyError;
use crate::note::NoteError;
use crate::rotation::RotationError;
use std::error::Error;
use std::fmt;
use std::ops::Range;

/// The most findings a verification names; the rest are counted.
pub const FINDINGS_MAX: usize = 32;

/// One thing that is wrong.
#[derive(Debug)]
pub struct Finding {
    /// The file, relative to the log's directory.
    pub path: String,
    /// Which of its bytes, where that is known.
    pub bytes: Option<Range<usize>>,
    /// Which entries of the log it concerns, from 0, where that is known.
    pub entries: Option<Range<u64>>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong at a place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is missing or cannot be read.
    #[error("cannot be read")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
    /// The file is not a verifying key.
    #[error("is not a verifying key")]
    Key(#[source] KeyError),
    /// The directory's key is not the one held.
    #[error("is another key than the one held, and nothing in `rotations/` leads from one to the other")]
    OtherKey,
    /// The checkpoint is malformed or not signed by the key.
    #[error("is refused")]
    Note(#[source] NoteError),
    /// The tile has another length than the log's size asks for.
    #[error("has {bytes} bytes, not {expected}")]
    TileLength {
        /// The bytes it has.
        bytes: usize,
        /// The bytes it should have.
        expected: usize,
    },
    /// The bundle does not hold its entries.
    #[error("is not a whole bundle")]
    Bundle(#[source] BundleError),
    /// The tree under the signed root holds another entry here.
    #[error("the entry was altered: it hashes to {found}, the signed tree has {signed}")]
    EntryAltered {
        /// The hash of the entry as it is.
        found: Hash,
        /// The hash in the signed tree.
        signed: Hash,
    },
    /// The tree under the signed root has another hash here.
    #[error("the hash was altered: it is {found}, the signed tree has {signed}")]
    HashAltered {
        /// The hash in the tile.
        found: Hash,
        /// The hash in the signed tree.
        signed: Hash,
    },
    /// The entries and this tile disagree, and neither leads to the signed root, so it is unknown which is right.
    #[error("the tile has {tile}, but the entries give {entries}")]
    Disagreement {
        /// The hash in the tile.
        tile: Hash,
        /// The hash that the entries give.
        entries: Hash,
    },
    /// The checkpoint's root is not that of what the directory holds.
    #[error("signs root {signed}, but the entries give {found}")]
    OtherRoot {
        /// The root in the checkpoint.
        signed: Hash,
        /// The root of the entries.
        found: Hash,
    },
    /// Too few witnesses cosigned the checkpoint.
    #[error(transparent)]
    Quorum(NoQuorum),
    /// The record of a key's rotation is refused.
    #[error("is no record of a rotation of keys")]
    Rotation(#[source] RotationError),
    /// The log says that another key took over, and the record of it is not there.
    #[error("is missing: entry {entry} says that another key took over")]
    RotationMissing {
        /// The entry.
        entry: u64,
    },
    /// The record speaks of an entry that is not in this log.
    #[error("is of entry {entry}, which is another one in this log")]
    RotationElsewhere {
        /// The entry.
        entry: u64,
    },
    /// The file is not part of the log that the checkpoint describes.
    #[error("is not covered by the checkpoint")]
    Surplus,
    /// The log is shorter than it was.
    #[error("has {size} entries, but the retained checkpoint had {retained}: the log was cut short")]
    CutShort {
        /// Its size.
        size: u64,
        /// The size it had.
        retained: u64,
    },
    /// The log's past is not what it was.
    #[error(
        "the first {size} entries have root {found}, but the retained checkpoint had {retained}: the log was rewritten or split"
    )]
    Forked {
        /// The retained checkpoint's size.
        size: u64,
        /// The root of so many entries now.
        found: Hash,
        /// The root they had.
        retained: Hash,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path)?;
        if let Some(bytes) = &self.bytes {
            write!(formatter, ", bytes {} to {}", bytes.start, bytes.end.saturating_sub(1))?;
        }
        match &self.entries {
            Some(entries) if entries.end.saturating_sub(entries.start) == 1 => {
                write!(formatter, ", entry {}", entries.start)?;
            }
            Some(entries) => write!(formatter, ", entries {} to {}", entries.start, entries.end.saturating_sub(1))?,
            None => {}
        }
        write!(formatter, ": {}", self.problem)?;
        let mut cause = Error::source(&self.problem);
        while let Some(error) = cause {
            write!(formatter, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// A log that does not verify.
#[derive(Debug)]
pub struct Failure {
    findings: Vec<Finding>,
    more: u64,
}

impl Failure {
    /// What was found, at least one finding, at most [`FINDINGS_MAX`].
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The same, to keep.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    /// How many more there are.
    #[must_use]
    pub fn more(&self) -> u64 {
        self.more
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the log does not verify")?;
        for finding in &self.findings {
            write!(formatter, "\n  {finding}")?;
        }
        if self.more > 0 {
            write!(formatter, "\n  and {} more", self.more)?;
        }
        Ok(())
    }
}

impl Error for Failure {}

/// Findings as they come in.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    more: u64,
}

impl Findings {
    /// Adds one.
    pub(crate) fn add(&mut self, finding: Finding) {
        if self.kept.len() < FINDINGS_MAX {
            self.kept.push(finding);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Adds one about a whole file.
    pub(crate) fn add_file(&mut self, path: &str, problem: Problem) {
        self.add(Finding { path: path.to_owned(), bytes: None, entries: None, problem });
    }

    /// Puts one about a whole file before the others.
    pub(crate) fn add_first(&mut self, path: &str, problem: Problem) {
        self.kept.insert(0, Finding { path: path.to_owned(), bytes: None, entries: None, problem });
        if self.kept.len() > FINDINGS_MAX {
            self.kept.pop();
            self.more = self.more.saturating_add(1);
        }
    }

    /// Adds others.
    pub(crate) fn absorb(&mut self, others: Self) {
        others.kept.into_iter().for_each(|finding| self.add(finding));
        self.add_more(others.more);
    }

    /// Adds findings that were counted and not kept.
    pub(crate) fn add_more(&mut self, count: u64) {
        self.more = self.more.saturating_add(count);
    }

    /// Whether one about this file was kept.
    pub(crate) fn names(&self, path: &str) -> bool {
        self.kept.iter().any(|finding| finding.path == path)
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// What they amount to.
    pub(crate) fn into_failure(self) -> Failure {
        Failure { findings: self.kept, more: self.more }
    }
}
