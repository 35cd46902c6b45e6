//! One transaction for many batches: each is kept whole or not at all, whatever becomes of the others.

use crate::batch::TOLD;
use crate::database::{Connection, Fault, StorageError};
use crate::detail::{self, KeepError, Vault};
use crate::queue::Pending;
use crate::reader::Reader;
use crate::{AppendError, Batch, Claim, Expect, ReadError, Statement, Untold, Value, Write, statements};
use events::{Bearing, Draft, Event, Leaf, PatientPseudonym, Seq, Timestamp};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What became of a group.
#[derive(Debug)]
pub(crate) struct Committed {
    /// The new entries' bytes, in sequence.
    pub(crate) entries: Vec<Vec<u8>>,
    /// Their time.
    pub(crate) recorded_at: Timestamp,
    /// For each batch of the group, whether it is among them.
    pub(crate) outcomes: Vec<Result<(), AppendError>>,
    /// Whether anything was written at all.
    pub(crate) changed: bool,
}

/// Why one batch is not kept, or the whole group.
enum Refusal {
    Batch(AppendError),
    Group(StorageError),
}

impl From<StorageError> for Refusal {
    fn from(error: StorageError) -> Self {
        Self::Group(error)
    }
}

/// A transaction that is being filled.
struct Filling<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
    /// The sequence of the first entry.
    first: u64,
    recorded_at: Timestamp,
    /// Written when everything else is.
    entries: Vec<Vec<u8>>,
    /// Of those the group tells of, who was erased.
    erased: HashSet<PatientPseudonym>,
}

/// Where a commit goes.
pub(crate) struct Place<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) vault: &'a Vault,
    /// The sequence of its first entry.
    pub(crate) next: u64,
    pub(crate) recorded_at: Timestamp,
    /// What tells it from the node's other commits.
    pub(crate) group: u64,
}

/// What became of a group that is not known to be kept.
#[derive(Debug)]
pub(crate) enum Unkept {
    /// It was not.
    Not(StorageError),
    /// It was sent, and the answer lost: this is what it is if it was.
    Lost(Box<Committed>, StorageError),
}

impl From<StorageError> for Unkept {
    fn from(error: StorageError) -> Self {
        Self::Not(error)
    }
}

/// Commits `ahead` (the writer's own entries) and then what of the group is not `stale`, in the transaction that is begun.
pub(crate) fn commit(
    to: &Place<'_>,
    ahead: &[Vec<u8>],
    group: &[Pending],
    stale: &[bool],
) -> Result<Committed, Unkept> {
    let filled = fill(to, ahead, group, stale);
    let done = match filled {
        Err(error) => Err(error),
        Ok(done) if !done.changed => to.connection.rollback().map(|()| done),
        Ok(done) => match to.connection.commit(Seq(to.next), &done.entries, Some(to.group)) {
            Err(error) if error.is_lost() => return Err(Unkept::Lost(Box::new(done), error)),
            committed => committed.map(|()| done),
        },
    };
    if done.is_err() && to.connection.in_transaction() {
        to.connection.rollback()?;
    }
    Ok(done?)
}

fn fill(to: &Place<'_>, ahead: &[Vec<u8>], group: &[Pending], stale: &[bool]) -> Result<Committed, StorageError> {
    let Place { connection, vault, next, recorded_at, .. } = *to;
    let told = group.iter().flat_map(|pending| &pending.batch.drafts).filter(|draft| tells(draft));
    let told: HashSet<PatientPseudonym> = told.flat_map(|draft| draft.event.records()).collect();
    let erased = connection.erased_among(&told.into_iter().collect::<Vec<_>>())?;
    let entries = Vec::with_capacity(group.len());
    let mut filling = Filling { connection, vault, first: next, recorded_at, entries, erased };
    filling.entries(ahead);
    let mut outcomes = Vec::with_capacity(group.len());
    let mut changed = !ahead.is_empty();
    for (place, pending) in group.iter().enumerate() {
        if stale.get(place) == Some(&true) {
            outcomes.push(Err(AppendError::Stale));
            continue;
        }
        match filling.batch(pending) {
            Ok(()) => {
                changed = true;
                outcomes.push(Ok(()));
            }
            Err(Refusal::Batch(error)) => outcomes.push(Err(error)),
            Err(Refusal::Group(error)) => return Err(error),
        }
    }
    Ok(Committed { entries: filling.entries, recorded_at, outcomes, changed })
}

impl Filling<'_> {
    fn batch(&mut self, pending: &Pending) -> Result<(), Refusal> {
        let batch = &pending.batch;
        self.subjects(batch)?;
        // Entries alone can only fail with the whole transaction, so they need no savepoint.
        let aside = !pending.details.is_empty() || !batch.erases.is_empty();
        if batch.expect.is_empty() && batch.claims.is_empty() && batch.writes.is_empty() && !aside {
            self.entries(&pending.tails);
            return Ok(());
        }
        self.connection.savepoint()?;
        let done = self
            .conditions(&batch.expect, &batch.claims)
            .and_then(|()| self.writes(&batch.writes))
            .and_then(|()| self.aside(pending));
        if let Err(Refusal::Batch(_)) = done {
            self.connection.undo()?;
        }
        if !matches!(done, Err(Refusal::Group(_))) {
            self.connection.release()?;
        }
        done?;
        self.erased.extend(&batch.erases);
        self.entries(&pending.tails);
        Ok(())
    }

    /// Whether everybody a batch tells of is somebody still, and nobody was told of that may not have been. Reads only.
    fn subjects(&self, batch: &Batch) -> Result<(), Refusal> {
        let mut told = batch.drafts.iter().filter(|draft| tells(draft)).flat_map(|draft| draft.event.records());
        if told.any(|record| self.erased.contains(&record)) {
            return Err(Refusal::Batch(AppendError::Erased));
        }
        let Some(Untold { since, records }) = &batch.untold else { return Ok(()) };
        let names: Vec<String> = records.iter().map(ToString::to_string).collect();
        let tells_of = |bytes: &[u8]| {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            names.iter().any(|name| text.contains(name)) && Leaf::may_bear_facts(bytes)
        };
        let mut told = self.entries.iter().any(|bytes| tells_of(bytes));
        let reader = Reader { connection: self.connection };
        let scanned = reader.scan(*since, Seq(self.first), |_, bytes| {
            told |= tells_of(bytes);
            if told { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        scanned.map_err(ReadError::into_storage)?;
        if told { Err(Refusal::Batch(AppendError::Conflict(TOLD.to_owned()))) } else { Ok(()) }
    }

    /// What goes beside the log with the entries that come next, and what is destroyed there.
    fn aside(&self, pending: &Pending) -> Result<(), Refusal> {
        for patient in &pending.batch.erases {
            detail::erase(self.connection, *patient, Seq(self.next()))?;
        }
        for detail in &pending.details {
            let seq = Seq(self.next() + detail.draft as u64);
            match self.vault.keep(self.connection, detail, seq, self.recorded_at) {
                Ok(()) => {}
                Err(KeepError::Sealed(error)) => return Err(Refusal::Batch(error.into())),
                Err(KeepError::Storage(error)) => return Err(Refusal::Group(error)),
            }
        }
        Ok(())
    }

    /// The sequence the next entry gets.
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn entries(&mut self, tails: &[Vec<u8>]) {
        for tail in tails {
            self.entries.push(Leaf::bytes(Seq(self.next()), self.recorded_at, tail));
        }
    }

    fn conditions(&self, expect: &[Expect], claims: &[Claim]) -> Result<(), Refusal> {
        let reader = Reader { connection: self.connection };
        for Expect { stream, version } in expect {
            let name = [Value::from(stream.as_str())];
            let stored = reader.find(statements::STREAM_VERSION, &name, |row| row.int(0));
            let stored = stored.map_err(|error| refused(statements::STREAM_VERSION, error.into_storage()))?;
            if u64::try_from(stored.unwrap_or(0)) != Ok(*version) {
                return Err(Refusal::Batch(AppendError::Conflict(stream.clone())));
            }
            let advance = if stored.is_some() { statements::STREAM_ADVANCE } else { statements::STREAM_START };
            self.connection.execute(advance, &name)?;
        }
        for Claim { space, key, until } in claims {
            let values = [(*space).into(), key.as_str().into(), (*until).into(), self.recorded_at.into()];
            let taken = self.connection.execute(statements::CLAIM_TAKE, &values);
            if taken.map_err(|error| refused(statements::CLAIM_TAKE, error))? == 0 {
                return Err(Refusal::Batch(AppendError::Taken(space)));
            }
        }
        Ok(())
    }

    fn writes(&self, writes: &[Write]) -> Result<(), Refusal> {
        let first = Value::from(Seq(self.next()));
        let filled: Vec<Cow<'_, [Value]>> = writes.iter().map(|write| filled(&write.values, &first)).collect();
        let all = writes.iter().zip(&filled).map(|(write, values)| (write.statement, &**values));
        let (changed, failed) = self.connection.execute_each(all);
        for (Write { statement, .. }, rows) in writes.iter().zip(&changed) {
            if *rows == 0 && statement.must_change {
                return Err(Refusal::Batch(AppendError::Conflict(statement.name.to_owned())));
            }
        }
        match (failed, writes.get(changed.len())) {
            (Some(error), Some(Write { statement, .. })) => Err(refused(statement, error)),
            (Some(error), None) => Err(Refusal::Group(error)),
            (None, _) => Ok(()),
        }
    }
}

/// The values of a write, with the number of its batch's first entry where that is asked for.
fn filled<'a>(values: &'a [Value], first: &Value) -> Cow<'a, [Value]> {
    if !values.contains(&Value::Entry) {
        return values.into();
    }
    values.iter().map(|value| if *value == Value::Entry { first.clone() } else { value.clone() }).collect()
}

/// What an error of a batch's own statement means: to that batch, or to all.
fn refused(statement: &'static Statement, error: StorageError) -> Refusal {
    match error.fault() {
        Fault::Duplicate => Refusal::Batch(AppendError::Conflict(statement.name.to_owned())),
        Fault::Unfit => Refusal::Batch(AppendError::Write { statement: statement.name, source: Arc::new(error) }),
        _ => Refusal::Group(error),
    }
}

/// Whether a draft says a fact about somebody. That they are erased is the last one; what was asked or answered about them is none.
fn tells(draft: &Draft) -> bool {
    draft.event.kind().bearing == Bearing::Fact && !matches!(draft.event, Event::PatientErased(_))
}
