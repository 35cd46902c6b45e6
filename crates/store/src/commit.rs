//! One transaction for many batches: each is kept whole or not at all, whatever becomes of the others.

use crate::database::{self, Fault, StorageError};
use crate::detail::{self, KeepError, Vault};
use crate::queue::Pending;
use crate::reader::Reader;
use crate::{AppendError, Batch, Claim, Expect, ReadError, Untold, Value, Write, statements};
use events::{Bearing, Draft, Event, Leaf, Seq, Timestamp};
use rusqlite::Connection;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What is in conflict when something was told of a patient of [`Batch::untold`].
const TOLD: &str = "the patient";

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

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Group(error.into())
    }
}

/// A transaction that is being filled.
struct Filling<'a> {
    connection: &'a Connection,
    vault: &'a Vault,
    next: u64,
    recorded_at: Timestamp,
    entries: Vec<Vec<u8>>,
}

/// Commits `ahead` (the writer's own entries) and then the group, numbering entries from `next`. When it errs, nothing was kept.
pub(crate) fn commit(
    connection: &Connection,
    vault: &Vault,
    next: u64,
    recorded_at: Timestamp,
    ahead: &[Vec<u8>],
    group: &[Pending],
) -> Result<Committed, StorageError> {
    let done = transact(connection, vault, next, recorded_at, ahead, group);
    if done.is_err() && !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    done
}

fn transact(
    connection: &Connection,
    vault: &Vault,
    next: u64,
    recorded_at: Timestamp,
    ahead: &[Vec<u8>],
    group: &[Pending],
) -> Result<Committed, StorageError> {
    database::execute(connection, "BEGIN IMMEDIATE", &[])?;
    let mut filling = Filling { connection, vault, next, recorded_at, entries: Vec::with_capacity(group.len()) };
    filling.entries(ahead)?;
    let mut outcomes = Vec::with_capacity(group.len());
    let mut changed = !ahead.is_empty();
    for pending in group {
        match filling.batch(pending) {
            Ok(()) => {
                changed = true;
                outcomes.push(Ok(()));
            }
            Err(Refusal::Batch(error)) => outcomes.push(Err(error)),
            Err(Refusal::Group(error)) => return Err(error),
        }
    }
    database::execute(connection, if changed { "COMMIT" } else { "ROLLBACK" }, &[])?;
    Ok(Committed { entries: filling.entries, recorded_at, outcomes, changed })
}

impl Filling<'_> {
    fn batch(&mut self, pending: &Pending) -> Result<(), Refusal> {
        let batch = &pending.batch;
        self.subjects(batch)?;
        // Entries alone can only fail with the whole transaction, so they need no savepoint.
        let aside = !pending.details.is_empty() || !batch.erases.is_empty();
        if batch.expect.is_empty() && batch.claims.is_empty() && batch.writes.is_empty() && !aside {
            return Ok(self.entries(&pending.tails)?);
        }
        database::execute(self.connection, "SAVEPOINT batch", &[])?;
        let done = self
            .conditions(&batch.expect, &batch.claims)
            .and_then(|()| self.writes(&batch.writes))
            .and_then(|()| self.aside(pending));
        if let Err(Refusal::Batch(_)) = done {
            database::execute(self.connection, "ROLLBACK TO batch", &[])?;
        }
        if !matches!(done, Err(Refusal::Group(_))) {
            database::execute(self.connection, "RELEASE batch", &[])?;
        }
        done?;
        Ok(self.entries(&pending.tails)?)
    }

    /// Whether everybody a batch tells of is somebody still, and nobody was told of that may not have been. Reads only.
    fn subjects(&self, batch: &Batch) -> Result<(), Refusal> {
        let reader = Reader { connection: self.connection };
        for record in batch.drafts.iter().filter(|draft| tells(draft)).flat_map(|draft| draft.event.records()) {
            if detail::erased_by(&reader, record)?.is_some() {
                return Err(Refusal::Batch(AppendError::Erased));
            }
        }
        let Some(Untold { since, records }) = &batch.untold else { return Ok(()) };
        let names: Vec<String> = records.iter().map(ToString::to_string).collect();
        let mut told = false;
        let scanned = reader.scan(*since, Seq(self.next), |_, bytes| {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            told = names.iter().any(|name| text.contains(name)) && Leaf::may_bear_facts(bytes);
            if told { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        scanned.map_err(ReadError::into_storage)?;
        if told { Err(Refusal::Batch(AppendError::Conflict(TOLD.to_owned()))) } else { Ok(()) }
    }

    /// What goes beside the log with the entries that come next, and what is destroyed there.
    fn aside(&self, pending: &Pending) -> Result<(), Refusal> {
        for patient in &pending.batch.erases {
            detail::erase(self.connection, *patient, Seq(self.next))?;
        }
        for detail in &pending.details {
            let seq = Seq(self.next + detail.draft as u64);
            match self.vault.keep(self.connection, detail, seq, self.recorded_at) {
                Ok(()) => {}
                Err(KeepError::Sealed(error)) => return Err(Refusal::Batch(error.into())),
                Err(KeepError::Storage(error)) => return Err(Refusal::Group(error)),
            }
        }
        Ok(())
    }

    fn entries(&mut self, tails: &[Vec<u8>]) -> Result<(), StorageError> {
        let mut statement = self.connection.prepare_cached(statements::ENTRY_ADD.sql)?;
        for tail in tails {
            let seq = Seq(self.next);
            let bytes = Leaf::bytes(seq, self.recorded_at, tail);
            statement.execute(rusqlite::params![Value::from(seq), bytes])?;
            self.entries.push(bytes);
            self.next += 1;
        }
        Ok(())
    }

    fn conditions(&self, expect: &[Expect], claims: &[Claim]) -> Result<(), Refusal> {
        for Expect { stream, version } in expect {
            let name = [Value::from(stream.as_str())];
            let mut statement = self.connection.prepare_cached(statements::STREAM_VERSION.sql)?;
            let mut rows = statement.query(rusqlite::params_from_iter(&name))?;
            let stored = rows.next()?.map(|row| row.get::<_, i64>(0)).transpose()?;
            drop(rows);
            if u64::try_from(stored.unwrap_or(0)) != Ok(*version) {
                return Err(Refusal::Batch(AppendError::Conflict(stream.clone())));
            }
            let advance = if stored.is_some() { statements::STREAM_ADVANCE } else { statements::STREAM_START };
            database::execute(self.connection, advance.sql, &name)?;
        }
        for Claim { space, key, until } in claims {
            let values = [(*space).into(), key.as_str().into(), (*until).into(), self.recorded_at.into()];
            if database::execute(self.connection, statements::CLAIM_TAKE.sql, &values)? == 0 {
                return Err(Refusal::Batch(AppendError::Taken(space)));
            }
        }
        Ok(())
    }

    fn writes(&self, writes: &[Write]) -> Result<(), Refusal> {
        for Write { statement, values } in writes {
            let name = statement.name;
            match database::execute(self.connection, statement.sql, values) {
                Ok(0) if statement.must_change => return Err(Refusal::Batch(AppendError::Conflict(name.to_owned()))),
                Ok(_) => {}
                Err(error) => {
                    return Err(match error.fault() {
                        Fault::Duplicate => Refusal::Batch(AppendError::Conflict(name.to_owned())),
                        Fault::Unfit => Refusal::Batch(AppendError::Write { statement: name, source: Arc::new(error) }),
                        _ => Refusal::Group(error),
                    });
                }
            }
        }
        Ok(())
    }
}

/// Whether a draft says a fact about somebody. That they are erased is the last one; what was asked or answered about them is none.
fn tells(draft: &Draft) -> bool {
    draft.event.kind().bearing == Bearing::Fact && !matches!(draft.event, Event::PatientErased(_))
}
