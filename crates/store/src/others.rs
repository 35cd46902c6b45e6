//! The other nodes of a server's database, as the writer meets them: what they recorded is folded before anything is added to it, each node says once a second
//! how it is, and one of them seals.

use crate::AppendError;
use crate::database::StorageError;
use crate::place::Place;
use crate::postgres::{News, Server};
use crate::queue::{Pending, Queue};
use crate::reader::Reader;
use crate::recovery::{self, End, Recovered};
use crate::writer::{Writer, connected};
use events::{Event, Leaf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a node says how it is, and looks whether it missed anything.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How many times longer a node waits before it seals, if another one did so last.
const PATIENCE: u32 = 4;

/// What a node keeps about the others.
#[derive(Debug)]
pub(crate) struct Others {
    _news: Option<News>,
    /// When it last beat, on the clock nobody can set.
    beaten_at: Option<Duration>,
    /// It made the latest checkpoint.
    pub(crate) seals: bool,
    /// Its wall clock and the server's are too far apart.
    skewed: Option<String>,
    /// Something is being swept.
    sweeping: Arc<AtomicBool>,
}

impl Others {
    pub(crate) fn meet(server: &Server, queue: &Arc<Queue>) -> Self {
        // Not the queue itself: it outlives the writer only in those who still append.
        let queue = Arc::downgrade(queue);
        let news = server.listen(move || {
            if let Some(queue) = queue.upgrade() {
                queue.news();
            }
        });
        Self { _news: news, beaten_at: None, seals: false, skewed: None, sweeping: Arc::default() }
    }

    /// Has the dead rows of what was erased swept, over a connection and in a thread of their own: that may take minutes. Whether it was begun.
    pub(crate) fn sweep(&self, place: &Place, answer: impl FnOnce(Result<(), AppendError>) + Send + 'static) -> bool {
        let Some(server) = place.server().cloned() else { return false };
        if self.sweeping.swap(true, Ordering::SeqCst) {
            answer(Err(AppendError::Busy));
            return false;
        }
        let sweeping = self.sweeping.clone();
        let begun = std::thread::Builder::new().name("store-sweep".into()).spawn(move || {
            let swept = server.connect_sweeping().and_then(|connection| connection.vacuum());
            sweeping.store(false, Ordering::SeqCst);
            if let Err(error) = &swept {
                tracing::warn!(%error, "what was erased could not be swept; the server does it by itself, later");
            }
            answer(swept.map_err(|error| AppendError::Storage(Arc::new(error.into()))));
        });
        begun.is_ok()
    }
}

impl Writer {
    /// Where this node's log ends.
    pub(crate) fn end(&self) -> End {
        End { at: Recovered { next: self.next, recorded_at: self.recorded_at }, last: self.last }
    }

    /// Folds what is in the log after what this node knows.
    pub(crate) fn fold_tail(&mut self) -> Result<Vec<Arc<Leaf>>, StorageError> {
        let begun = (self.options.elapsed)();
        let connection = connected(&self.connection)?;
        let mut end = self.end();
        let folded = recovery::catch_up(&Reader { connection }, &mut end, &mut self.sealer, self.apply.as_mut());
        if end.at.next > self.next {
            self.unsealed_since.get_or_insert(begun);
        }
        (self.next, self.recorded_at, self.last) = (end.at.next, end.at.recorded_at, end.last);
        self.status.caught_up(self.next, self.recorded_at);
        let folded = folded.map_err(|error| self.stop_over(error))?;
        self.scrub_due |= folded.iter().any(|leaf| matches!(leaf.draft.event, Event::PatientErased(_)));
        self.status.handed.give(&folded);
        if self.others.is_some() {
            self.status.in_contact(begun);
        }
        Ok(folded)
    }

    /// Begins a transaction in which this node knows everything that was recorded; which batches of the group do not stand any more after that.
    pub(crate) fn begin_after_others(&mut self, group: &[Pending]) -> Result<Vec<bool>, StorageError> {
        connected(&self.connection)?.begin()?;
        if self.others.is_none() {
            return Ok(Vec::new());
        }
        let begun = self.fold_tail().and_then(|folded| {
            self.adopt_checkpoint(group.is_empty())?;
            Ok(folded)
        });
        match begun {
            // Whether or not there was anything new just now: what a batch was prepared from may be older than what was folded on the last news.
            Ok(_) => {
                let stands = |pending: &Pending| pending.batch.drafts.iter().all(|draft| self.apply.stands(draft));
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

    /// Goes by the latest checkpoint, if that `matters` now.
    fn adopt_checkpoint(&mut self, matters: bool) -> Result<(), StorageError> {
        if !matters {
            return Ok(());
        }
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
        self.over_another_connection("beat", Self::beat);
        if let Some(others) = &mut self.others {
            others.beaten_at = Some(now);
        }
    }

    /// Folds what another node has just committed.
    pub(crate) fn take_news(&mut self) {
        if self.troubled_since.is_none() {
            self.over_another_connection("news", |writer| {
                writer.reopen()?;
                writer.fold_tail().map(drop)
            });
        }
    }

    /// Does something that may be done twice; a broken connection is no reason to call the store broken.
    fn over_another_connection(
        &mut self,
        what: &'static str,
        mut work: impl FnMut(&mut Self) -> Result<(), StorageError>,
    ) {
        let done = match work(self) {
            Err(error) if error.is_lost() => {
                self.connection = None;
                work(self)
            }
            done => done,
        };
        if let Err(error) = done {
            let _noted = self.failed(what, error);
        }
    }

    fn beat(&mut self) -> Result<(), StorageError> {
        self.reopen()?;
        self.fold_tail()?;
        self.adopt_checkpoint(true)?;
        self.measure_clock()
    }

    /// Says how this node is, and holds its clock against the server's.
    fn measure_clock(&mut self) -> Result<(), StorageError> {
        let Some(skew_max) = self.options.clock_skew_max else { return Ok(()) };
        let connection = connected(&self.connection)?;
        let Some(server) = connection.server_time()? else { return Ok(()) };
        let own = (self.options.now)();
        let apart = own.since(server).max(server.since(own));
        let skewed = (apart > skew_max).then(|| {
            format!(
                "this node's clock is {} seconds {} the database's: set it right",
                apart.as_secs(),
                if own > server { "ahead of" } else { "behind" }
            )
        });
        if let Some(others) = &mut self.others {
            others.skewed = skewed;
        }
        self.clock_is_right_as_measured()
    }

    /// Records nothing while this node's clock is wrong: it would be every node's time.
    pub(crate) fn clock_is_right(&mut self) -> Result<(), StorageError> {
        if self.others.as_ref().is_some_and(|others| others.skewed.is_some()) {
            return self.measure_clock();
        }
        Ok(())
    }

    fn clock_is_right_as_measured(&self) -> Result<(), StorageError> {
        match self.others.as_ref().and_then(|others| others.skewed.clone()) {
            Some(why) => Err(StorageError::skewed(why)),
            None => Ok(()),
        }
    }
}
