//! What waits for the writer: bounded, first come first served.

use crate::{AppendError, Batch, Recorded, Rotation};
use events::{Actor, Leaf};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// What an append is answered with.
pub(crate) type Answer = Result<Vec<Recorded<Arc<Leaf>>>, AppendError>;

/// A batch whose leaves' tails are written already, and who waits for it.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) batch: Batch,
    /// One for each draft.
    pub(crate) tails: Vec<Vec<u8>>,
    /// Detail, committed to in the tails.
    pub(crate) details: Vec<crate::detail::Committed>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// Anything else the writer is asked to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Seal now.
    Seal(oneshot::Sender<Result<(), AppendError>>),
    /// Make another key sign from now on.
    Rotate(Actor, oneshot::Sender<Result<Rotation, AppendError>>),
    /// Fold what other nodes recorded up to now.
    CatchUp(oneshot::Sender<Result<(), AppendError>>),
    /// Leave nothing of what was erased in the write-ahead log.
    Scrub(oneshot::Sender<Result<(), AppendError>>),
    /// Let the file grow to so many bytes.
    LimitSize(Option<u64>, oneshot::Sender<Result<(), AppendError>>),
}

/// What the writer takes in one go.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) group: Vec<Pending>,
    pub(crate) orders: Vec<Order>,
    /// Batches that still wait.
    pub(crate) waiting: usize,
    /// Another node has committed something.
    pub(crate) news: bool,
    /// Nothing more will come once `waiting` is zero.
    pub(crate) closing: bool,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Pending>,
    orders: Vec<Order>,
    news: bool,
    closed: bool,
    writer_sleeps: bool,
}

#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    batches_max: usize,
}

impl Queue {
    pub(crate) fn new(batches_max: usize) -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new(), batches_max: batches_max.max(1) }
    }

    pub(crate) fn push(&self, pending: Pending) -> Result<(), AppendError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(AppendError::Closed);
        }
        if waiting.batches.len() >= self.batches_max {
            return Err(AppendError::Busy);
        }
        waiting.batches.push_back(pending);
        self.rouse(waiting);
        Ok(())
    }

    pub(crate) fn order(&self, order: Order) -> Result<(), AppendError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(AppendError::Closed);
        }
        waiting.orders.push(order);
        self.rouse(waiting);
        Ok(())
    }

    /// Another node has committed something.
    pub(crate) fn news(&self) {
        let mut waiting = self.lock();
        waiting.news = true;
        self.rouse(waiting);
    }

    /// Nothing more is let in; what waits is still done.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        self.rouse(waiting);
    }

    /// Nothing more is let in, and whoever waits is told so: the writer is gone.
    pub(crate) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        let waiting = std::mem::replace(&mut *waiting, Waiting { closed: true, ..Waiting::default() });
        for pending in waiting.batches {
            let _gone = pending.answer.send(Err(AppendError::Closed));
        }
    }

    /// How many batches wait.
    pub(crate) fn depth(&self) -> usize {
        self.lock().batches.len()
    }

    /// Waits for something to do, at most `patience`; takes batches with `drafts_max` drafts altogether, at least one batch if any waits.
    pub(crate) fn take(&self, drafts_max: usize, patience: Duration) -> Work {
        let mut waiting = self.lock();
        if waiting.batches.is_empty() && waiting.orders.is_empty() && !waiting.news && !waiting.closed {
            waiting.writer_sleeps = true;
            waiting = self.wake.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner).0;
            waiting.writer_sleeps = false;
        }
        let mut drafts = 0;
        let fits = waiting
            .batches
            .iter()
            .take_while(|pending| {
                let before = drafts;
                drafts += pending.tails.len().max(1);
                before == 0 || drafts <= drafts_max
            })
            .count();
        Work {
            group: waiting.batches.drain(..fits).collect(),
            orders: std::mem::take(&mut waiting.orders),
            waiting: waiting.batches.len(),
            news: std::mem::take(&mut waiting.news),
            closing: waiting.closed,
        }
    }

    fn rouse(&self, waiting: MutexGuard<'_, Waiting>) {
        let sleeps = waiting.writer_sleeps;
        drop(waiting);
        if sleeps {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
