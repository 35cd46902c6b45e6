//! The one thread that writes: takes what waits, commits it together, folds it, answers, and seals.

use crate::clock::{ClockWatch, Look};
use crate::commit::{self, Committed};
use crate::database::{self, Fault, StorageError};
use crate::queue::{Answer, Order, Pending, Queue, Work};
use crate::reader::Reader;
use crate::recovery::{self, Recovered};
use crate::seal::{SealError, Sealer};
use crate::status::Status;
use crate::wal::{self, Checkpointer};
use crate::{AppendError, Apply, Condition, Options, Recorded, Value, statements};
use events::{Actor, Draft, Leaf, Seq, Timestamp, clock::Jumped};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long the writer sleeps at most, so that a jump of the wall clock is noticed on a quiet night too.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// The most expired claims forgotten in one go, with every seal.
const CLAIMS_PRUNED_MAX: i64 = 10_000;

/// Everything the writing thread owns.
pub(crate) struct Writer {
    pub(crate) directory: PathBuf,
    pub(crate) options: Options,
    pub(crate) queue: Arc<Queue>,
    pub(crate) status: Arc<Status>,
    /// None after a failure, until it is opened again.
    pub(crate) connection: Option<Connection>,
    pub(crate) checkpointer: Checkpointer,
    pub(crate) sealer: Sealer,
    pub(crate) apply: Box<dyn Apply>,
    pub(crate) watch: ClockWatch,
    pub(crate) next: u64,
    pub(crate) recorded_at: Timestamp,
    /// When the first entry that is not sealed was committed, or a seal last failed; on the clock nobody can set.
    pub(crate) unsealed_since: Option<Duration>,
}

/// Why the writer cannot go on at all.
struct Broken;

impl Writer {
    /// Works until the queue is closed and empty, or the fold panics.
    pub(crate) fn run(mut self) {
        while let Ok(work) = self.turn() {
            if work.closing && work.waiting == 0 {
                break;
            }
        }
        self.queue.abandon();
        if self.sealer.sealed() < self.sealer.size() {
            let _reported = self.seal_now();
        }
        if let Some(connection) = &self.connection {
            wal::empty(connection);
        }
    }

    /// Takes what waits and does it; what is left to know is whether more will come.
    fn turn(&mut self) -> Result<Work, Broken> {
        let patience = match self.unsealed_since {
            Some(since) => (since + self.options.seal_after).saturating_sub((self.options.elapsed)()),
            None => SLEEP_MAX,
        };
        let mut work = self.queue.take(self.options.group_drafts_max, patience);
        metrics::gauge!("handrail_store_queue_batches").set(work.waiting as f64);
        self.group(std::mem::take(&mut work.group))?;
        for order in std::mem::take(&mut work.orders) {
            match order {
                Order::Seal(answer) => drop(answer.send(self.seal_now())),
                Order::LimitSize(bytes, answer) => drop(answer.send(self.limit_size(bytes))),
            }
        }
        if let Some(since) = self.unsealed_since
            && (self.options.elapsed)().saturating_sub(since) >= self.options.seal_after
        {
            let _reported = self.seal_now();
        }
        Ok(work)
    }

    /// Commits a group and the writer's own entries, folds them, and answers.
    fn group(&mut self, group: Vec<Pending>) -> Result<(), Broken> {
        let look = Look { wall: (self.options.now)(), elapsed: (self.options.elapsed)() };
        let jump = self.watch.jumped(look, self.recorded_at).then(|| {
            tracing::warn!(from = %self.recorded_at, to = %look.wall, "the wall clock jumped");
            Draft::new(Actor::handrail("clock"), Jumped { from: self.recorded_at, to: look.wall })
        });
        if group.is_empty() && jump.is_none() {
            return Ok(());
        }
        let ahead: Vec<Vec<u8>> = jump.iter().filter_map(|draft| draft.tail().ok()).collect();
        let recorded_at = self.recorded_at.max(look.wall);
        let committed = self.reopen().and_then(|()| {
            let Some(connection) = &self.connection else { return Err(rusqlite::Error::InvalidQuery.into()) };
            commit::commit(connection, self.next, recorded_at, &ahead, &group)
        });
        metrics::histogram!("handrail_store_commit_batches").record(group.len() as f64);
        metrics::histogram!("handrail_store_commit_seconds")
            .record((self.options.elapsed)().saturating_sub(look.elapsed).as_secs_f64());
        match committed {
            Ok(committed) => self.recorded(recorded_at, jump, group, committed),
            Err(error) => {
                let error = self.failed("append", error);
                for pending in group {
                    drop(pending.answer.send(Err(error.clone())));
                }
                Ok(())
            }
        }
    }

    /// What follows a commit: fold, then answer, then take the entries into the tree.
    fn recorded(
        &mut self,
        recorded_at: Timestamp,
        jump: Option<Draft>,
        group: Vec<Pending>,
        committed: Committed,
    ) -> Result<(), Broken> {
        let Committed { entries, outcomes } = committed;
        let mut leaves: Vec<Arc<Leaf>> = Vec::with_capacity(entries.len());
        let mut place = |drafts: Vec<Draft>| {
            let from = leaves.len();
            for draft in drafts {
                leaves.push(Arc::new(Leaf { seq: Seq(self.next), recorded_at, draft }));
                self.next += 1;
            }
            from..leaves.len()
        };
        place(jump.into_iter().collect());
        let answers: Vec<_> = group
            .into_iter()
            .zip(outcomes)
            .map(|(pending, outcome)| (pending.answer, outcome.map(|()| place(pending.batch.drafts))))
            .collect();
        if !leaves.is_empty() {
            self.recorded_at = recorded_at;
            self.unsealed_since.get_or_insert_with(|| (self.options.elapsed)());
        }
        let applied = leaves.is_empty() || catch_unwind(AssertUnwindSafe(|| self.apply.apply(&leaves))).is_ok();
        self.status.committed(self.next, self.recorded_at);
        for (answer, outcome) in answers {
            drop(answer.send(answer_of(outcome, &leaves, applied)));
        }
        for entry in &entries {
            self.sealer.append(entry);
        }
        if let Some(connection) = &self.connection {
            self.checkpointer.lend_a_hand(connection);
        }
        if applied {
            return Ok(());
        }
        tracing::error!("the fold panicked: nothing more is recorded");
        self.status.condition(Condition::Failed { why: "the fold panicked".to_owned() });
        Err(Broken)
    }

    fn seal_now(&mut self) -> Result<(), AppendError> {
        self.unsealed_since = None;
        let now = self.recorded_at.max((self.options.now)());
        let sealed = self.reopen().map_err(SealError::Storage).and_then(|()| {
            let Some(connection) = &self.connection else { return Ok(()) };
            self.sealer.seal(connection, now)?;
            let values = [Value::from(now), CLAIMS_PRUNED_MAX.into()];
            let pruned = database::execute(connection, statements::CLAIM_PRUNE.sql, &values)?;
            if i64::try_from(pruned) == Ok(CLAIMS_PRUNED_MAX) {
                // There may be more: come back even if nothing is appended.
                self.unsealed_since = Some((self.options.elapsed)());
            }
            Ok(())
        });
        match sealed {
            Ok(()) => {
                self.status.sealed(self.sealer.sealed());
                Ok(())
            }
            Err(error) => {
                self.unsealed_since = Some((self.options.elapsed)());
                Err(match error {
                    SealError::Storage(error) => self.failed("seal", error),
                    SealError::Sign(error) => {
                        tracing::error!(%error, "the checkpoint could not be signed");
                        self.status.condition(Condition::Failed { why: error.to_string() });
                        AppendError::Unsigned
                    }
                })
            }
        }
    }

    fn limit_size(&mut self, bytes: Option<u64>) -> Result<(), AppendError> {
        self.options.size_bytes_max = bytes;
        let limited = self.reopen().and_then(|()| match &self.connection {
            Some(connection) => database::limit_size(connection, bytes),
            None => Ok(()),
        });
        limited.map_err(|error| self.failed("limit", error))
    }

    /// Notes a failure, and lets go of the connection unless it is known to be in order.
    fn failed(&mut self, what: &'static str, error: StorageError) -> AppendError {
        let error = Arc::new(error);
        let fault = error.fault();
        tracing::error!(%error, what, "the store failed");
        if !matches!(fault, Fault::Full | Fault::ReadOnly) {
            self.connection = None;
        }
        self.status.condition(match fault {
            Fault::Full => Condition::Full,
            Fault::ReadOnly => Condition::ReadOnly,
            _ => Condition::Failed { why: error.to_string() },
        });
        metrics::counter!("handrail_store_failures_total", "what" => what).increment(1);
        AppendError::from_storage(&error)
    }

    /// Opens the database again after a failure. Should the failed commit have been kept after all, it is folded now.
    fn reopen(&mut self) -> Result<(), StorageError> {
        if self.connection.is_some() {
            return Ok(());
        }
        let connection = database::open_writing(&self.directory)?;
        database::limit_size(&connection, self.options.size_bytes_max)?;
        let from = Recovered { next: self.next, recorded_at: self.recorded_at };
        let reader = Reader { connection: &connection };
        let recovered = recovery::catch_up(&reader, from, &mut self.sealer, self.apply.as_mut())?;
        self.next = recovered.next;
        self.recorded_at = recovered.recorded_at;
        self.status.committed(self.next, self.recorded_at);
        self.connection = Some(connection);
        Ok(())
    }
}

fn answer_of(outcome: Result<std::ops::Range<usize>, AppendError>, leaves: &[Arc<Leaf>], applied: bool) -> Answer {
    let range = outcome?;
    if !applied {
        return Err(AppendError::NotApplied);
    }
    Ok(leaves.get(range).unwrap_or_default().iter().cloned().map(Recorded::after_commit).collect())
}
