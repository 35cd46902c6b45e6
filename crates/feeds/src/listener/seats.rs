//! Who is connected: when every place is taken, one that has never sent a message gives way to whoever comes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    since: Instant,
    taken: Mutex<(u64, BTreeMap<u64, Arc<Seat>>)>,
}

/// What is known of a connection.
#[derive(Debug, Default)]
struct Seat {
    has_spoken: AtomicBool,
    /// When a byte last came, in milliseconds of the listener's life.
    heard_ms: AtomicU64,
    displaced: CancellationToken,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seated {
    seats: Arc<Seats>,
    number: u64,
    seat: Arc<Seat>,
}

impl Seats {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, since: Instant::now(), taken: Mutex::default() })
    }

    /// A place for a new connection, if need be that of the longest silent one that has never sent a whole message. None when all have.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Seated> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.1.len() >= self.most {
            let unspoken = taken.1.iter().filter(|(_, seat)| !seat.has_spoken.load(Ordering::Relaxed));
            let longest = unspoken.min_by_key(|(_, seat)| seat.heard_ms.load(Ordering::Relaxed));
            let number = longest.map(|(number, _)| *number)?;
            if let Some(seat) = taken.1.remove(&number) {
                seat.displaced.cancel();
            }
        }
        let number = taken.0;
        taken.0 += 1;
        let seat = Arc::new(Seat::default());
        seat.heard_ms.store(self.now_ms(), Ordering::Relaxed);
        taken.1.insert(number, Arc::clone(&seat));
        Some(Seated { seats: Arc::clone(self), number, seat })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Seated {
    /// Bytes came.
    pub(super) fn has_heard(&self) {
        self.seat.heard_ms.store(self.seats.now_ms(), Ordering::Relaxed);
    }

    /// A whole message came: nobody takes this place any more.
    pub(super) fn has_spoken(&self) {
        self.seat.has_spoken.store(true, Ordering::Relaxed);
    }

    /// Cancelled when another connection was given the place.
    pub(super) fn displaced(&self) -> CancellationToken {
        self.seat.displaced.clone()
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silent_place_that_never_spoke_is_given_away() {
        let seats = Seats::new(3);
        let [one, two, three] = [(); 3].map(|()| seats.admit().unwrap());
        one.has_spoken();
        two.seat.heard_ms.store(9_000, Ordering::Relaxed);
        three.seat.heard_ms.store(8_000, Ordering::Relaxed);
        let four = seats.admit().unwrap();
        assert!(three.displaced().is_cancelled() && !two.displaced().is_cancelled());
        // Leaving later, it does not take the place of another with it.
        drop(three);
        two.has_spoken();
        four.has_spoken();
        assert!(seats.admit().is_none());
        drop(two);
        assert!(seats.admit().is_some());
        assert!(!one.displaced().is_cancelled() && !four.displaced().is_cancelled());
    }
}
