//! Messages that could not be used: how much room there is for them, and what makes some.

use super::Settings;
use super::intake::{Intake, Opened};
use crate::kept;
use crate::translate::Rejection;
use events::{FeedName, Timestamp};
use std::sync::atomic::Ordering;
use store::sealed::OVERHEAD_BYTES;
use store::statements::{
    REJECTED_MESSAGE_COUNT, REJECTED_MESSAGE_FORGET, REJECTED_MESSAGE_KEEP, REJECTED_MESSAGE_LENGTHS,
    REJECTED_MESSAGE_OLD, REJECTED_MESSAGE_PRUNE,
};
use store::{Batch, Value, Write};

/// How many that are too old are forgotten at once: more than come between two times.
const PRUNE_MESSAGES_MAX: i64 = 4_096;
/// When there is no room for another rejected message, one in so many goes.
const ROOM_PART: u64 = 64;

/// What a batch does to the rejected messages that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Nothing,
    One {
        bytes: u64,
    },
    /// The oldest make room for it.
    OneForOld,
}

impl Intake {
    /// Asks the store how many rejected messages it keeps, and how many bytes of them.
    pub(super) fn recount(&self) {
        let counted = self
            .plane
            .store()
            .read(|reader| reader.query(REJECTED_MESSAGE_COUNT, &[], |row| Ok((row.int(0)?, row.int(1)?))));
        if let Some((rows, bytes)) = counted.ok().and_then(|rows| rows.first().copied()) {
            self.kept.store(u64::try_from(rows).unwrap_or(0), Ordering::Relaxed);
            self.kept_bytes.store(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
        }
    }

    /// Notes what a committed batch has done to the messages that are kept.
    pub(super) fn has_kept(&self, kept: Kept) {
        match kept {
            Kept::Nothing => {}
            Kept::One { bytes } => {
                self.kept.fetch_add(1, Ordering::Relaxed);
                self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Kept::OneForOld => self.recount(),
        }
    }

    /// Forgets rejected messages that the charter in force no longer keeps. Which these are is looked up here, not by whoever writes.
    pub(super) async fn forget_rejected(&self) {
        let retention = self.in_force().charter.hospital().retention;
        if retention.legal_hold || self.is_anybody_held() {
            return;
        }
        let until = self.plane.now() - retention.rejected_messages_days.duration();
        let store = self.plane.store().clone();
        let old = tokio::task::spawn_blocking(move || {
            let values = [until.into(), Value::Int(PRUNE_MESSAGES_MAX)];
            store.read(|reader| reader.query(REJECTED_MESSAGE_OLD, &values, |row| row.int(0)))
        });
        let Ok(Ok(old)) = old.await else { return };
        if old.is_empty() {
            return;
        }
        let forget = |id| Write { statement: REJECTED_MESSAGE_FORGET, values: vec![Value::Int(id)] };
        let batch = Batch { writes: old.into_iter().map(forget).collect(), ..Batch::default() };
        match self.plane.record(batch).await {
            Ok(_) => self.recount(),
            Err(error) => tracing::warn!(%error, "rejected messages that are old could not be forgotten"),
        }
    }

    /// Whether any patient is under a legal hold. Nobody can say whose a message is that could not be used.
    fn is_anybody_held(&self) -> bool {
        self.plane.world(|world| world.holds().next().is_some())
    }

    /// Whether there is room for one more rejected message, and the write that makes it: the oldest go, unless nothing may expire.
    pub(super) fn room(&self, opened: &Opened) -> (Kept, Option<Write>) {
        let Settings { rejected_messages_max: most, rejected_bytes_max: bytes_most, .. } = self.settings;
        let bytes = (opened.bytes.len() + OVERHEAD_BYTES) as u64;
        let over = || {
            let rows = (self.kept.load(Ordering::Relaxed) + 1).saturating_sub(most);
            (rows, (self.kept_bytes.load(Ordering::Relaxed) + bytes).saturating_sub(bytes_most))
        };
        if over() == (0, 0) {
            return (Kept::One { bytes }, None);
        }
        let held = || opened.in_force.charter.hospital().retention.legal_hold || self.is_anybody_held();
        if most == 0 || bytes > bytes_most || held() {
            metrics::counter!("handrail_feed_rejections_not_kept_total").increment(1);
            return (Kept::Nothing, None);
        }
        // One that was committed while the store was asked is counted twice: look again before anything goes.
        self.recount();
        let (rows, too_many_bytes) = over();
        if (rows, too_many_bytes) == (0, 0) {
            return (Kept::One { bytes }, None);
        }
        // Some at once, so that not every message has to.
        let rows = if rows > 0 { rows + most / ROOM_PART } else { 0 };
        let of_bytes = if too_many_bytes > 0 { self.oldest_of(too_many_bytes + bytes_most / ROOM_PART) } else { 0 };
        let rows = i64::try_from(rows.max(of_bytes)).unwrap_or(i64::MAX);
        (Kept::OneForOld, Some(Write { statement: REJECTED_MESSAGE_PRUNE, values: vec![Value::Int(rows)] }))
    }

    /// How many of the oldest rejected messages have so many bytes together: all, if they cannot be counted.
    fn oldest_of(&self, bytes: u64) -> u64 {
        let limit = i64::try_from(self.settings.rejected_messages_max).unwrap_or(i64::MAX);
        let lengths = self
            .plane
            .store()
            .read(|reader| reader.query(REJECTED_MESSAGE_LENGTHS, &[Value::Int(limit)], |row| row.int(0)));
        let Ok(lengths) = lengths else { return self.settings.rejected_messages_max };
        let mut freed = 0;
        let going = lengths.iter().take_while(|length| {
            let goes = freed < bytes;
            freed += u64::try_from(**length).unwrap_or(0);
            goes
        });
        going.count() as u64
    }

    /// The bytes of a message that cannot be used, encrypted.
    pub(super) fn keep(&self, opened: &Opened, feed: &FeedName, rejection: Rejection, now: Timestamp) -> Option<Write> {
        let key = self.plane.store().keys().detail.bytes();
        match kept::seal(key, feed, &opened.sha256, &opened.bytes) {
            Ok(sealed) => Some(Write {
                statement: REJECTED_MESSAGE_KEEP,
                values: vec![
                    feed.as_str().into(),
                    opened.sha256.into(),
                    sealed.into(),
                    rejection.reason().into(),
                    now.into(),
                ],
            }),
            Err(error) => {
                tracing::error!(%error, "a message that could not be used could not be kept either");
                None
            }
        }
    }
}
