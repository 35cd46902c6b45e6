//! Leaves handed from the writer to the search file, so that what was just recorded need not be read and parsed again.

use events::{Leaf, Seq};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The most leaves that wait to be taken. Whoever is further behind reads the log.
const WAITING_MAX: usize = 4_096;

/// What was recorded and not looked at yet. Nothing is lost when it forgets: the log has it all.
#[derive(Debug, Default)]
pub(crate) struct Handed {
    waiting: Mutex<VecDeque<Arc<Leaf>>>,
    wanted: AtomicBool,
}

impl Handed {
    /// From now on somebody takes them.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Gives what was just recorded, in order.
    pub(crate) fn give(&self, leaves: &[Arc<Leaf>]) {
        if !self.wanted.load(Ordering::Relaxed) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() + leaves.len() > WAITING_MAX {
            waiting.clear();
        } else {
            waiting.extend(leaves.iter().cloned());
        }
    }

    /// Takes the entries from `next` on without a gap, at most `most`; none when the log has to be read for that one.
    pub(crate) fn take(&self, next: Seq, most: usize) -> Vec<Arc<Leaf>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let known = waiting.partition_point(|leaf| leaf.seq < next);
        waiting.drain(..known);
        let fits = waiting.iter().zip(next.0..).take(most).take_while(|(leaf, seq)| leaf.seq.0 == *seq).count();
        waiting.drain(..fits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Actor, Draft, PatientPseudonym, Timestamp, patient};

    fn leaves(seqs: std::ops::Range<u64>) -> Vec<Arc<Leaf>> {
        let (survivor, retired) = (PatientPseudonym::from_bytes([1; 16]), PatientPseudonym::from_bytes([2; 16]));
        let draft = || Draft::new(Actor::handrail("test"), patient::Merged { survivor, retired });
        seqs.map(|seq| Arc::new(Leaf { seq: Seq(seq), recorded_at: Timestamp::MIN, draft: draft() })).collect()
    }

    fn taken(handed: &Handed, next: u64, most: usize) -> Vec<u64> {
        handed.take(Seq(next), most).iter().map(|leaf| leaf.seq.0).collect()
    }

    #[test]
    fn what_was_given_is_taken_once_in_order_and_without_a_gap() {
        let handed = Handed::default();
        handed.give(&leaves(0..3));
        assert!(taken(&handed, 0, 10).is_empty(), "nobody wanted them");
        handed.want();
        handed.give(&leaves(3..6));
        assert!(taken(&handed, 0, 10).is_empty(), "the first three have to be read");
        assert_eq!(taken(&handed, 4, 1), [4]);
        handed.give(&leaves(8..9));
        assert_eq!(taken(&handed, 5, 10), [5], "six and seven are missing");
        assert_eq!(taken(&handed, 8, 10), [8]);
        assert!(taken(&handed, 8, 10).is_empty());
    }

    #[test]
    fn whoever_is_far_behind_reads_the_log() {
        let handed = Handed::default();
        handed.want();
        let most = WAITING_MAX as u64;
        handed.give(&leaves(0..most));
        handed.give(&leaves(most..most + 1));
        assert!(taken(&handed, 0, 10).is_empty());
        handed.give(&leaves(most + 1..most + 2));
        assert_eq!(taken(&handed, most + 1, 10), [most + 1]);
    }
}
