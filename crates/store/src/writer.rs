//! The one thread that writes: takes what waits, commits it together, folds it, answers, and seals.

use crate::clock::{ClockWatch, Look};
use crate::commit::{self, Committed, Unkept};
use crate::database::{Connection, Fault, StorageError};
use crate::detail::Vault;
use crate::keys::Keys;
use crate::others::Others;
use crate::place::Place;
use crate::queue::{Answer, Order, Pending, Queue, Work};
use crate::reader::Reader;
use crate::recovery;
use crate::rotation::{self, Rotation};
use crate::seal::{SealError, Sealer};
use crate::snapshot::Snapshotter;
use crate::status::Status;
use crate::wal::{self, Checkpointer};
use crate::{AppendError, Apply, Batch, Condition, KeysError, Options, Recorded, statements};
use events::{Actor, Draft, Leaf, Seq, Timestamp, clock::Jumped, ledger::KeyRotated};
use ledger::{Hash, SigningKey, leaf_hash};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// How long the writer sleeps at most, so that a jump of the wall clock is noticed on a quiet night too.
const SLEEP_MAX: Duration = Duration::from_secs(30);
/// How long to wait before the write-ahead log is emptied of what was erased once more: somebody was reading, if only for a moment.
const SCRUB_AGAIN: Duration = Duration::from_secs(1);
/// The most expired claims forgotten in one go, with every seal.
const CLAIMS_PRUNED_MAX: i64 = 10_000;
/// How much space must be there before a store that was full counts as ready: room for a few entries.
const PROBE_BYTES: usize = 64 * 1024;

/// How long whoever waits for a commit waits for another connection, when the one it was sent over broke.
const ASK_AGAIN_MAX: Duration = Duration::from_secs(3);
/// How often another is tried meanwhile.
const ASK_AGAIN_EVERY: Duration = Duration::from_millis(100);

/// Everything the writing thread owns.
pub(crate) struct Writer {
    pub(crate) vault: Arc<Vault>,
    /// Something was erased that the write-ahead log may still hold.
    pub(crate) scrub_due: bool,
    /// When that was last tried, on the clock nobody can set.
    pub(crate) scrubbed_at: Duration,
    pub(crate) directory: PathBuf,
    pub(crate) options: Options,
    pub(crate) queue: Arc<Queue>,
    pub(crate) status: Arc<Status>,
    /// None after a failure, until it is opened again.
    pub(crate) connection: Option<Connection>,
    /// Where connections are opened to.
    pub(crate) place: Place,
    /// The database may have entries that were not folded yet.
    pub(crate) behind: bool,
    /// The number of the last group that was sent to be committed.
    pub(crate) group: u64,
    /// The number of the last group that is known to be kept; before the first, the one this process began with.
    pub(crate) kept: u64,
    /// The database was found not to be as this node left it, and why: nothing is asked of it any more, for as long as this process lives.
    pub(crate) stopped: Option<String>,
    /// Only a server's database is other nodes' too.
    pub(crate) others: Option<Others>,
    /// Only a file has one.
    pub(crate) checkpointer: Option<Checkpointer>,
    /// Ends with the writer.
    pub(crate) snapshotter: Option<Snapshotter>,
    pub(crate) sealer: Sealer,
    pub(crate) apply: Box<dyn Apply>,
    pub(crate) watch: ClockWatch,
    /// A jump of the clock whose entry could not be committed yet.
    pub(crate) untold_jump: Option<Draft>,
    pub(crate) next: u64,
    /// The hash of the last entry, by which another connection is known to lead to the same log.
    pub(crate) last: Option<Hash>,
    pub(crate) recorded_at: Timestamp,
    /// When the first thing that is not sealed was committed, or a seal last failed; on the clock nobody can set.
    pub(crate) unsealed_since: Option<Duration>,
    /// When an append last failed, if none has succeeded since.
    pub(crate) troubled_since: Option<Duration>,
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
        self.snapshotter = None;
        let _reported = self.seal_now();
        if let Some(file) = self.connection.as_ref().and_then(Connection::sqlite) {
            wal::empty(file);
        }
    }

    /// Takes what waits and does it; what is left to know is whether more will come.
    fn turn(&mut self) -> Result<Work, Broken> {
        self.beat_when_due();
        let to_seal = self.unsealed_since.filter(|_| !self.sealer.is_retired());
        let seal_due = to_seal.map(|since| since + self.seals_after());
        let probe_due = self.troubled_since.map(|since| since + self.options.seal_after);
        let scrub_due = self.scrub_due.then(|| self.scrubbed_at + SCRUB_AGAIN);
        let now = (self.options.elapsed)();
        let patience = seal_due
            .into_iter()
            .chain(probe_due)
            .chain(scrub_due)
            .chain(self.beat_due())
            .min()
            .map_or(SLEEP_MAX, |due| due.saturating_sub(now));
        let mut work = self.queue.take(self.options.group_drafts_max, patience);
        metrics::gauge!("handrail_store_queue_batches").set(work.waiting as f64);
        if work.news && work.group.is_empty() && self.troubled_since.is_none() {
            let _noted = self.take_news();
        }
        self.group(std::mem::take(&mut work.group))?;
        for order in std::mem::take(&mut work.orders) {
            match order {
                Order::Seal(answer) => drop(answer.send(self.seal_now())),
                Order::CatchUp(answer) => drop(answer.send(self.take_news())),
                Order::Rotate(actor, answer) => drop(answer.send(self.rotate(actor)?)),
                Order::Scrub(answer) => self.scrub(Some(answer)),
                Order::LimitSize(bytes, answer) => drop(answer.send(self.limit_size(bytes))),
            }
        }
        let now = (self.options.elapsed)();
        if probe_due.is_some_and(|due| due <= now) && self.troubled_since.is_some() {
            self.probe();
        }
        if seal_due.is_some_and(|due| due <= now) && self.unsealed_since.is_some() {
            let _reported = self.seal_now();
        }
        if self.scrub_due && self.scrubbed_at + SCRUB_AGAIN <= now {
            self.scrub(None);
        }
        Ok(work)
    }

    /// Commits a group and the writer's own entries, folds them, and answers.
    fn group(&mut self, group: Vec<Pending>) -> Result<(), Broken> {
        let look = Look { wall: (self.options.now)(), elapsed: (self.options.elapsed)() };
        let jumped = self.watch.jumped(look, self.recorded_at).then(|| {
            tracing::warn!(from = %self.recorded_at, to = %look.wall, "the wall clock jumped");
            Draft::new(Actor::handrail("clock"), Jumped { from: self.recorded_at, to: look.wall })
        });
        let jump = jumped.or_else(|| self.untold_jump.take());
        if group.is_empty() && jump.is_none() {
            return Ok(());
        }
        let ahead: Vec<Vec<u8>> = jump.iter().filter_map(|draft| draft.tail().ok()).collect();
        let committed = self.commit(look.wall, &ahead, &group);
        metrics::histogram!("handrail_store_commit_batches").record(group.len() as f64);
        metrics::histogram!("handrail_store_commit_seconds")
            .record((self.options.elapsed)().saturating_sub(look.elapsed).as_secs_f64());
        match committed {
            Ok(committed) => self.recorded(jump, group, committed),
            Err(error) => {
                self.untold_jump = jump;
                let error = self.failed("append", error);
                for pending in group {
                    drop(pending.answer.send(Err(error.clone())));
                }
                Ok(())
            }
        }
    }

    /// Commits a group. Where the way to the database breaks meanwhile, a new connection tells whether it was kept, and if not, it is sent once more.
    fn commit(&mut self, wall: Timestamp, ahead: &[Vec<u8>], group: &[Pending]) -> Result<Committed, StorageError> {
        let (sent, lost) = match self.commit_once(wall, ahead, group) {
            Ok(committed) => return Ok(committed),
            Err(Unkept::Lost(committed, error)) => (Some(committed), error),
            Err(Unkept::Not(error)) if error.is_lost() && self.troubled_since.is_none() => (None, error),
            Err(Unkept::Not(error)) => return Err(error),
        };
        tracing::warn!(error = %lost, "the way to the database broke; asking again");
        let begun = (self.options.elapsed)();
        loop {
            self.connection = None;
            match self.reconnect() {
                Ok(()) => break,
                Err(error) if error.is_not_as_left() || error.is_held() => return Err(error),
                Err(_) if (self.options.elapsed)().saturating_sub(begun) < ASK_AGAIN_MAX => {
                    std::thread::sleep(ASK_AGAIN_EVERY);
                }
                Err(_) => return Err(lost),
            }
        }
        match sent {
            Some(committed) if self.kept == self.group => Ok(*committed),
            // Too late to begin anew.
            _ if (self.options.elapsed)().saturating_sub(begun) >= ASK_AGAIN_MAX => Err(lost),
            _ => self.commit_once(wall, ahead, group).map_err(|unkept| match unkept {
                Unkept::Lost(_, error) | Unkept::Not(error) => error,
            }),
        }
    }

    fn commit_once(&mut self, wall: Timestamp, ahead: &[Vec<u8>], group: &[Pending]) -> Result<Committed, Unkept> {
        self.reopen().map_err(Unkept::Not)?;
        let stale = self.begin_after_others(group).map_err(Unkept::Not)?;
        self.group += 1;
        let to = commit::Place {
            connection: connected(&self.connection).map_err(Unkept::Not)?,
            vault: &self.vault,
            next: self.next,
            recorded_at: self.recorded_at.max(wall),
            group: self.group,
        };
        let committed = commit::commit(&to, ahead, group, &stale)?;
        if committed.changed {
            self.kept = self.group;
        }
        Ok(committed)
    }

    /// What follows a commit: fold, then answer, then take the entries into the tree.
    fn recorded(&mut self, jump: Option<Draft>, group: Vec<Pending>, committed: Committed) -> Result<(), Broken> {
        let Committed { entries, recorded_at, outcomes, changed } = committed;
        self.scrub_due |= group.iter().any(|pending| !pending.batch.erases.is_empty());
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
        if let Some(last) = entries.last() {
            self.recorded_at = recorded_at;
            self.last = Some(leaf_hash(last));
        }
        let applied = leaves.is_empty() || catch_unwind(AssertUnwindSafe(|| self.apply.apply(&leaves))).is_ok();
        if changed {
            self.unsealed_since.get_or_insert_with(|| (self.options.elapsed)());
            self.troubled_since = None;
            self.status.committed(self.next, self.recorded_at);
            self.status.handed.give(&leaves);
        }
        for (answer, outcome) in answers {
            drop(answer.send(answer_of(outcome, &leaves, applied)));
        }
        for entry in &entries {
            self.sealer.append(entry);
        }
        if let (Some(checkpointer), Some(Connection::Sqlite(file))) = (&self.checkpointer, &self.connection) {
            checkpointer.lend_a_hand(file);
        }
        if applied {
            return Ok(());
        }
        tracing::error!("the fold panicked: nothing more is recorded");
        self.status.condition(Condition::Failed { why: "the fold panicked".to_owned() });
        Err(Broken)
    }

    /// Makes another key, announces it, and seals with both, after which it signs alone. What was begun before is gone on with.
    fn rotate(&mut self, actor: Actor) -> Result<Result<Rotation, AppendError>, Broken> {
        if self.sealer.is_retired() {
            return Ok(Err(AppendError::Retired));
        }
        if !self.sealer.is_rotating() {
            let announcement = match self.announcement(actor) {
                Ok(announcement) => announcement,
                Err(error) => return Ok(Err(error)),
            };
            let (answer, mut answered) = oneshot::channel();
            let tails = match announcement.tail() {
                Ok(tail) => vec![tail],
                Err(error) => return Ok(Err(error.into())),
            };
            self.group(vec![Pending { batch: Batch::one(announcement), tails, details: Vec::new(), answer }])?;
            if let Ok(Err(error)) = answered.try_recv() {
                return Ok(Err(error));
            }
        }
        if let Err(error) = self.seal_now() {
            return Ok(Err(error));
        }
        let rotated = connected(&self.connection).map_err(Arc::new).and_then(|connection| {
            let all =
                rotation::all(&Reader { connection }).map_err(|_| Arc::new(rusqlite::Error::InvalidQuery.into()))?;
            all.last().cloned().ok_or_else(|| Arc::new(rusqlite::Error::QueryReturnedNoRows.into()))
        });
        Ok(rotated.map_err(AppendError::Storage))
    }

    /// The entry that says that a new key, made here, takes over.
    fn announcement(&mut self, actor: Actor) -> Result<Draft, AppendError> {
        let wrong = |error: KeysError| AppendError::Key(Arc::new(error));
        let next = Keys::prepare_next_ledger(&self.directory).map_err(wrong)?;
        let from = self.sealer.key().verifying_key().clone();
        let next = SigningKey::from_seed(from.origin().clone(), next.seed()).map_err(|_| AppendError::Unsigned)?;
        let to = next.verifying_key().to_string();
        self.sealer.expect(next, None);
        Ok(Draft::new(actor, KeyRotated { from: from.to_string().into(), to: to.into() }))
    }

    fn seal_now(&mut self) -> Result<(), AppendError> {
        self.unsealed_since = None;
        let sealed = self.reopen().map_err(SealError::Storage).and_then(|()| {
            self.begin_after_others(&[])?;
            let now = self.recorded_at.max((self.options.now)());
            let connection = connected(&self.connection)?;
            let sealed = self.sealer.seal(connection, now)?;
            match &mut self.others {
                Some(others) if sealed => others.sealed(self.sealer.sealed()),
                Some(_) => return Ok(0),
                None => {}
            }
            Ok(prune_claims(connection, if self.others.is_some() { self.recorded_at } else { now })?)
        });
        match sealed {
            Ok(pruned) => {
                self.status.sealed(self.sealer.sealed());
                if i64::try_from(pruned) == Ok(CLAIMS_PRUNED_MAX) {
                    // There may be more: come back even if nothing is appended.
                    self.unsealed_since = Some((self.options.elapsed)());
                }
                Ok(())
            }
            Err(error) => {
                self.unsealed_since = Some((self.options.elapsed)());
                Err(match error {
                    SealError::Storage(error) => self.failed("seal", error),
                    // Said in the node's row; another node seals.
                    SealError::Retired => AppendError::Retired,
                    SealError::Promote(error) => {
                        tracing::error!(%error, "the ledger's next key could not take its place");
                        AppendError::Key(Arc::new(error))
                    }
                    error => {
                        tracing::error!(%error, "the checkpoint could not be signed");
                        AppendError::Unsigned
                    }
                })
            }
        }
    }

    /// Sees to it that what was destroyed in the tables is not left beside them: in a file's write-ahead log, in a server's dead rows. Whoever asks is told
    /// when it is done, or that it is not.
    fn scrub(&mut self, asked: Option<oneshot::Sender<Result<(), AppendError>>>) {
        self.scrubbed_at = (self.options.elapsed)();
        let waiting = asked.is_some();
        let answer = |outcome| {
            if let Some(asked) = asked {
                // They may have gone.
                let _told = asked.send(outcome);
            }
        };
        if let Some(others) = &mut self.others {
            self.scrub_due = !others.sweep(answer);
            return;
        }
        let scrubbed = self.reopen().and_then(|()| connected(&self.connection)?.scrub(waiting));
        let outcome = match scrubbed {
            Ok(done) => {
                self.scrub_due = !done;
                if done { Ok(()) } else { Err(AppendError::Busy) }
            }
            Err(error) => Err(self.failed("scrub", error)),
        };
        answer(outcome);
    }

    /// Finds out whether the store can be written again, so that readiness comes back before the next append does.
    fn probe(&mut self) {
        let probed = self.reopen().and_then(|()| {
            let connection = connected(&self.connection)?;
            // Its own commit: only that shows that there is space. The pages then stay free for the next append.
            connection.execute(statements::PROBE_ADD, &[vec![0; PROBE_BYTES].into()])?;
            connection.execute(statements::PROBE_REMOVE, &[])
        });
        match probed {
            Ok(_) => {
                tracing::info!("the store can be written again");
                self.troubled_since = None;
                self.status.condition(Condition::Ready);
            }
            Err(error) => drop(self.failed("probe", error)),
        }
    }

    fn limit_size(&mut self, bytes: Option<u64>) -> Result<(), AppendError> {
        self.options.size_bytes_max = bytes;
        let limited = self.reopen().and_then(|()| match &self.connection {
            Some(connection) => connection.limit_size(bytes),
            None => Ok(()),
        });
        limited.map_err(|error| self.failed("limit", error))
    }

    /// Notes a failure, and lets go of the connection unless it is known to be in order.
    pub(crate) fn failed(&mut self, what: &'static str, error: StorageError) -> AppendError {
        let error = Arc::new(error);
        let fault = error.fault();
        if !matches!(fault, Fault::Full | Fault::ReadOnly) {
            self.connection = None;
        }
        let condition = match fault {
            Fault::Full => Condition::Full,
            Fault::ReadOnly => Condition::ReadOnly,
            _ => Condition::Failed { why: error.to_string() },
        };
        // Said once, however often it is tried again.
        if self.status.get_condition() != condition {
            tracing::error!(%error, what, "the store failed");
        }
        self.status.condition(condition);
        self.troubled_since = Some((self.options.elapsed)());
        metrics::counter!("handrail_store_failures_total", "what" => what).increment(1);
        AppendError::from_storage(&error)
    }

    /// Opens the database again after a failure. Should the failed commit have been kept after all, it is folded now.
    pub(crate) fn reopen(&mut self) -> Result<(), StorageError> {
        if self.connection.is_none() {
            self.reconnect()?;
        }
        if self.behind {
            let caught_up = self.catch_up();
            if caught_up.is_err() {
                self.connection = None;
            }
            caught_up?;
            self.behind = false;
        }
        self.clock_is_right()
    }

    /// Opens the database again; what it has that this node has not folded yet is for [`Self::reopen`].
    fn reconnect(&mut self) -> Result<(), StorageError> {
        if let Some(why) = &self.stopped {
            return Err(StorageError::not_as_left(why.clone()));
        }
        let connection = self.place.open_writing()?;
        connection.limit_size(self.options.size_bytes_max)?;
        if let Some(kept) = connection.settle()? {
            // The last that is known to be kept, or the one that was sent since. Whatever else is there, another process wrote, or was there before.
            if kept != self.kept && kept != self.group {
                let why = "its last commit is not this node's, or commits of this node are missing";
                return Err(self.stop_over(recovery::not_as_left(why)));
            }
            self.kept = kept;
        }
        self.behind = true;
        self.connection = Some(connection);
        if let Some(others) = &mut self.others {
            others.listen_anew();
        }
        Ok(())
    }

    /// Goes on after any error but one: that the database is not as this node left it.
    pub(crate) fn stop_over(&mut self, error: StorageError) -> StorageError {
        if error.is_not_as_left() {
            self.stopped = Some(error.to_string());
            // It would read on.
            self.snapshotter = None;
        }
        error
    }

    /// Folds what this node does not know yet, of a log that is as the node left it.
    fn catch_up(&mut self) -> Result<(), StorageError> {
        let connection = connected(&self.connection)?;
        // Whatever somebody else is still doing to a file is then done or undone. What is under way at a server is folded before anything is next recorded: the
        // lock is not kept from others for as long as catching up may take.
        let locks = self.others.is_none();
        if locks {
            connection.begin()?;
        }
        let end = self.end();
        if let Err(error) = recovery::is_as_left(&Reader { connection }, &end, self.sealer.sealed()) {
            return Err(self.stop_over(error));
        }
        self.fold_tail()?;
        if locks { connected(&self.connection)?.rollback() } else { Ok(()) }
    }
}

/// Forgets claims that were good until then, under the writing lock: by the time that every node goes by.
fn prune_claims(connection: &Connection, until: Timestamp) -> Result<usize, StorageError> {
    connection.begin()?;
    let pruned = connection.execute(statements::CLAIM_PRUNE, &[until.into(), CLAIMS_PRUNED_MAX.into()]);
    let kept = pruned.and_then(|pruned| connection.commit_writes().map(|()| pruned));
    if kept.is_err() && connection.in_transaction() {
        connection.rollback()?;
    }
    kept
}

/// The connection, after [`Writer::reopen`].
pub(crate) fn connected(connection: &Option<Connection>) -> Result<&Connection, StorageError> {
    connection.as_ref().ok_or_else(|| rusqlite::Error::InvalidQuery.into())
}

fn answer_of(outcome: Result<std::ops::Range<usize>, AppendError>, leaves: &[Arc<Leaf>], applied: bool) -> Answer {
    let range = outcome?;
    if !applied {
        return Err(AppendError::NotApplied);
    }
    Ok(leaves.get(range).unwrap_or_default().iter().cloned().map(Recorded::after_commit).collect())
}
