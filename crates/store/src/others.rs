//! The other nodes of a server's database, as the writer meets them: what they recorded is folded before anything is added to it, each node says once a second
//! how it is, and one of them seals.

use crate::database::StorageError;
use crate::nodes::Beat;
use crate::postgres::{News, Server};
use crate::queue::{Pending, Queue};
use crate::reader::Reader;
use crate::recovery::{self, End, Recovered};
use crate::writer::{Writer, connected};
use crate::{AppendError, background};
use events::{Draft, Event, Leaf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often a node says how it is, and looks whether it missed anything.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How many times longer a node waits before it seals, if another one did so last.
const PATIENCE: u32 = 4;

/// What keeps a node from sealing that does not have the ledger's key.
const RETIRED: &str =
    "it seals nothing: the ledger's key was changed on another node; bring it here with `handrail node join`";

/// What a node keeps about the others.
#[derive(Debug)]
pub(crate) struct Others {
    server: Server,
    queue: Weak<Queue>,
    news: Option<News>,
    /// When it last beat, on the clock nobody can set.
    beaten_at: Option<Duration>,
    /// It made the latest checkpoint.
    seals: bool,
    /// How many entries the last checkpoint has that it made.
    sealed: u64,
    /// How far its wall clock was from the server's, in milliseconds; ahead is positive.
    skew_ms: i64,
    /// That they are too far apart.
    skewed: Option<String>,
    /// This process, for whoever looks for it.
    process: String,
    /// Something is being swept.
    sweeping: Arc<AtomicBool>,
}

impl Others {
    pub(crate) fn meet(server: &Server, queue: &Arc<Queue>) -> Self {
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let process = format!("{}@{}", std::process::id(), machine.trim());
        let (skew_ms, sweeping) = (0, Arc::default());
        // Not the queue itself: it outlives the writer only in those who still append.
        let (server, queue) = (server.clone(), Arc::downgrade(queue));
        let (news, beaten_at, seals, sealed, skewed) = (None, None, false, 0, None);
        let mut others = Self { server, queue, news, beaten_at, seals, sealed, skew_ms, skewed, process, sweeping };
        others.listen_anew();
        others
    }

    /// Hears news over another connection: the one before may be to a server that is none any more, and says nothing for ever.
    pub(crate) fn listen_anew(&mut self) {
        let queue = self.queue.clone();
        self.news = self.server.listen(move || {
            if let Some(queue) = queue.upgrade() {
                queue.news();
            }
        });
    }

    /// Made the latest checkpoint.
    pub(crate) fn sealed(&mut self, entries: u64) {
        self.seals = true;
        self.sealed = entries;
    }

    /// Has the dead rows of what was erased swept, over a connection and in a thread of their own: that may take minutes. Whether it was begun.
    pub(crate) fn sweep(&self, answer: impl FnOnce(Result<(), AppendError>) + Send + 'static) -> bool {
        if self.sweeping.swap(true, Ordering::SeqCst) {
            answer(Err(AppendError::Busy));
            return false;
        }
        let (sweeping, server) = (self.sweeping.clone(), self.server.clone());
        let begun = background::spawn("store-sweep", move || {
            let swept = server.connect_sweeping().and_then(|connection| connection.vacuum());
            sweeping.store(false, Ordering::SeqCst);
            if let Err(error) = &swept {
                tracing::warn!(%error, "what was erased could not be swept; the server does it by itself, later");
            }
            answer(swept.map_err(|error| AppendError::Storage(Arc::new(error.into()))));
        });
        if begun.is_err() {
            self.sweeping.store(false, Ordering::SeqCst);
        }
        begun.is_ok()
    }
}

impl Writer {
    /// Where this node's log ends.
    pub(crate) fn end(&self) -> End {
        End { at: Recovered { next: self.next, recorded_at: self.recorded_at }, last: self.last }
    }

    /// Folds what is in the log after what this node knows.
    pub(crate) fn fold_tail(&mut self) -> Result<(), StorageError> {
        let begun = (self.options.elapsed)();
        let connection = connected(&self.connection)?;
        let mut end = self.end();
        let (erased, handed, alone) = (&mut self.scrub_due, &self.status.handed, self.others.is_none());
        let mut known = |leaves: &[Arc<Leaf>]| {
            // The node that erased somebody sweeps.
            *erased |= alone && leaves.iter().any(|leaf| matches!(leaf.draft.event, Event::PatientErased(_)));
            handed.give(leaves);
        };
        let reader = Reader { connection };
        let folded = recovery::catch_up(&reader, &mut end, &mut self.sealer, self.apply.as_mut(), &mut known);
        if end.at.next > self.next {
            self.unsealed_since.get_or_insert(begun);
        }
        (self.next, self.recorded_at, self.last) = (end.at.next, end.at.recorded_at, end.last);
        self.status.caught_up(self.next, self.recorded_at);
        folded.map_err(|error| self.stop_over(error))?;
        if self.others.is_some() {
            self.status.in_contact(begun);
        }
        Ok(())
    }

    /// Begins a transaction in which this node knows everything that was recorded; which batches of the group do not stand any more after that.
    pub(crate) fn begin_after_others(&mut self, group: &[Pending]) -> Result<Vec<bool>, StorageError> {
        connected(&self.connection)?.begin()?;
        if self.others.is_none() {
            return Ok(Vec::new());
        }
        // Whoever has nothing to record is about to seal.
        let known = self.fold_tail().and_then(|()| if group.is_empty() { self.adopt_checkpoint() } else { Ok(()) });
        match known {
            Ok(()) => {
                // What others recorded may have been folded before, after the group was prepared: each is asked, whatever came now.
                let retired = self.sealer.is_retired();
                let stands = |draft: &Draft| {
                    let by_a_key_that_is_none = retired && matches!(draft.event, Event::LedgerKeyRotated(_));
                    !by_a_key_that_is_none && self.apply.stands(draft)
                };
                let stands = |pending: &Pending| pending.batch.drafts.iter().all(stands);
                Ok(group.iter().map(|pending| !stands(pending)).collect())
            }
            Err(error) => {
                let connection = connected(&self.connection)?;
                if connection.in_transaction() {
                    connection.rollback()?;
                }
                Err(error)
            }
        }
    }

    /// Goes by the latest checkpoint.
    fn adopt_checkpoint(&mut self) -> Result<(), StorageError> {
        let now = self.recorded_at.max((self.options.now)());
        let reader = Reader { connection: connected(&self.connection)? };
        let adopted = self.sealer.adopt(&reader, now).map_err(|error| self.stop_over(error))?;
        if adopted && let Some(others) = &mut self.others {
            others.seals = false;
            self.unsealed_since = (self.sealer.sealed() < self.next).then(|| (self.options.elapsed)());
            self.status.sealed(self.sealer.sealed());
        }
        Ok(())
    }

    /// After how long this node seals what is not sealed: soon where it sealed last, or is alone with its file; later where another one did.
    pub(crate) fn seals_after(&self) -> Duration {
        let patience = if self.others.as_ref().is_none_or(|others| others.seals) { 1 } else { PATIENCE };
        self.options.seal_after * patience
    }

    /// When this node is to beat, on the clock nobody can set.
    pub(crate) fn beat_due(&self) -> Option<Duration> {
        let others = self.others.as_ref()?;
        Some(others.beaten_at.map_or(Duration::ZERO, |beaten| beaten + BEAT_EVERY))
    }

    /// Looks what others recorded, and says how this node is.
    pub(crate) fn beat_when_due(&mut self) {
        let now = (self.options.elapsed)();
        // What failed is tried again by the probe.
        if self.beat_due().is_none_or(|due| due > now) || self.troubled_since.is_some() {
            return;
        }
        let _noted = self.over_another_connection("beat", Self::beat);
        if let Some(others) = &mut self.others {
            others.beaten_at = Some(now);
        }
    }

    /// Folds what other nodes have committed.
    pub(crate) fn take_news(&mut self) -> Result<(), AppendError> {
        self.over_another_connection("news", |writer| {
            writer.reopen()?;
            writer.fold_tail()
        })
    }

    /// Does something that may be done twice; a broken connection is no reason to call the store broken.
    fn over_another_connection(
        &mut self,
        what: &'static str,
        mut work: impl FnMut(&mut Self) -> Result<(), StorageError>,
    ) -> Result<(), AppendError> {
        let done = match work(self) {
            Err(error) if error.is_lost() => {
                self.connection = None;
                work(self)
            }
            done => done,
        };
        done.map_err(|error| self.failed(what, error))
    }

    fn beat(&mut self) -> Result<(), StorageError> {
        self.reopen()?;
        self.fold_tail()?;
        self.adopt_checkpoint()?;
        self.say_how_it_is()
    }

    /// Writes this node's row, and holds its clock against the server's.
    fn say_how_it_is(&mut self) -> Result<(), StorageError> {
        let fold = self.apply.resumable().map_or(0, |fold| fold.version());
        let Some(others) = &mut self.others else { return Ok(()) };
        let trouble = self.apply.trouble().or_else(|| others.skewed.clone());
        let condition = match trouble {
            Some(trouble) => trouble,
            None if self.sealer.is_retired() => RETIRED.to_owned(),
            None => String::new(),
        };
        let beat = Beat {
            process: others.process.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            fold,
            entries: self.next,
            sealed: others.sealed,
            skew_ms: others.skew_ms,
            condition,
        };
        let asked = (self.options.now)().as_millis();
        let Some(server) = connected(&self.connection)?.beat(&beat)? else { return Ok(()) };
        let answered = (self.options.now)().as_millis();
        // How long the answer took says nothing about either clock.
        others.skew_ms = asked.saturating_sub(server).max(0) + answered.saturating_sub(server).min(0);
        others.skewed = skewed(others.skew_ms, self.options.clock_skew_max);
        match &others.skewed {
            Some(why) => Err(StorageError::skewed(why.clone())),
            None => Ok(()),
        }
    }

    /// Records nothing while this node's clock is wrong: it would be every node's time.
    pub(crate) fn clock_is_right(&mut self) -> Result<(), StorageError> {
        if self.others.as_ref().is_some_and(|others| others.skewed.is_some()) {
            return self.say_how_it_is();
        }
        Ok(())
    }
}

/// That a clock is too far from the server's, in words.
fn skewed(skew_ms: i64, skew_max: Option<Duration>) -> Option<String> {
    let apart = Duration::from_millis(skew_ms.unsigned_abs());
    let way = if skew_ms > 0 { "ahead of" } else { "behind" };
    (skew_max? < apart)
        .then(|| format!("this node's clock is {} seconds {way} the database's: set it right", apart.as_secs()))
}
