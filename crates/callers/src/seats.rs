//! Who is connected: when every place is taken, one that has never sent a message of use gives way to whoever comes, and so does an address with
//! more than its share.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// One address has at most every so many-th place of a full listener while others want one: half of them.
const SHARE_OF_ONE: usize = 2;

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    most: usize,
    since: Instant,
    taken: Mutex<(u64, BTreeMap<u64, Arc<Seat>>)>,
}

/// What is known of a connection.
#[derive(Debug)]
struct Seat {
    address: IpAddr,
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

/// Who counts as one: an IPv4 address, or the network of an IPv6 one, of which one machine may have any.
fn one_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

impl Seats {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, since: Instant::now(), taken: Mutex::default() })
    }

    /// A place for a new connection, if need be that of another. None when nobody has to give way.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Seated> {
        let address = one_of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.1.len() >= self.most {
            let number = self.giving_way(&taken.1, address)?;
            if let Some(seat) = taken.1.remove(&number) {
                seat.displaced.cancel();
            }
        }
        let number = taken.0;
        taken.0 += 1;
        let seat = Arc::new(Seat {
            address,
            has_spoken: AtomicBool::new(false),
            heard_ms: AtomicU64::new(self.now_ms()),
            displaced: CancellationToken::new(),
        });
        taken.1.insert(number, Arc::clone(&seat));
        Some(Seated { seats: Arc::clone(self), number, seat })
    }

    /// Whose place somebody at this address gets: the longest silent of those that never sent a message of use, or else of an address that has more
    /// than its share. Whoever has their share gets the places of nobody else.
    fn giving_way(&self, taken: &BTreeMap<u64, Arc<Seat>>, address: IpAddr) -> Option<u64> {
        let mut held: BTreeMap<IpAddr, usize> = BTreeMap::new();
        taken.values().for_each(|seat| *held.entry(seat.address).or_default() += 1);
        let share = self.most / SHARE_OF_ONE;
        let held_by = |address: &IpAddr| held.get(address).copied().unwrap_or(0);
        let has_share = held_by(&address) >= share;
        let unspoken =
            |seat: &Seat| !seat.has_spoken.load(Ordering::Relaxed) && (!has_share || seat.address == address);
        let over = |seat: &Seat| !has_share && held_by(&seat.address) > share;
        let longest = |gives_way: &dyn Fn(&Seat) -> bool| {
            let seats = taken.iter().filter(|(_, seat)| gives_way(seat));
            seats.min_by_key(|(_, seat)| seat.heard_ms.load(Ordering::Relaxed)).map(|(number, _)| *number)
        };
        longest(&unspoken).or_else(|| longest(&over))
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

    /// A message was accepted: nobody takes this place any more, unless its address has more than its share.
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

    fn at(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn silent_since(seated: &Seated, ms: u64) {
        seated.seat.heard_ms.store(ms, Ordering::Relaxed);
    }

    #[test]
    fn the_longest_silent_place_that_never_spoke_is_given_away() {
        let seats = Seats::new(3);
        let [one, two, three] = [1, 2, 3].map(|last| seats.admit(at(last)).unwrap());
        one.has_spoken();
        silent_since(&two, 9_000);
        silent_since(&three, 8_000);
        let four = seats.admit(at(4)).unwrap();
        assert!(three.displaced().is_cancelled() && !two.displaced().is_cancelled());
        // Leaving later, it does not take the place of another with it.
        drop(three);
        two.has_spoken();
        four.has_spoken();
        assert!(seats.admit(at(5)).is_none());
        drop(two);
        assert!(seats.admit(at(5)).is_some());
        assert!(!one.displaced().is_cancelled() && !four.displaced().is_cancelled());
    }

    #[test]
    fn nobody_is_shut_out_by_one_address() {
        let seats = Seats::new(4);
        let crowd: Vec<Seated> = (0..4).map(|_| seats.admit(at(9)).unwrap()).collect();
        crowd.iter().for_each(Seated::has_spoken);
        for (seated, ms) in crowd.iter().zip([40, 10, 30, 20]) {
            silent_since(seated, ms);
        }
        assert!(seats.admit(at(9)).is_none(), "the same address has its share");
        // Two others come, and the longest silent two of the crowd go, though they have spoken; a third finds nobody with too many.
        let others = [1, 2].map(|last| {
            let other = seats.admit(at(last)).unwrap();
            other.has_spoken();
            other
        });
        let gone: Vec<bool> = crowd.iter().map(|seated| seated.displaced().is_cancelled()).collect();
        assert_eq!(gone, [false, true, false, true]);
        assert!(seats.admit(at(3)).is_none());
        drop(others);
    }

    #[test]
    fn whoever_has_half_takes_no_place_of_others() {
        let seats = Seats::new(4);
        let crowd = [(); 2].map(|()| seats.admit(at(9)).unwrap());
        let others = [seats.admit(at(1)).unwrap(), seats.admit(at(2)).unwrap()];
        let (first, second) = (seats.admit(at(9)).unwrap(), seats.admit(at(9)).unwrap());
        assert!(crowd.iter().all(|seated| seated.displaced().is_cancelled()), "its own give way");
        assert!(others.iter().all(|seated| !seated.displaced().is_cancelled()));
        first.has_spoken();
        second.has_spoken();
        assert!(seats.admit(at(9)).is_none());
    }

    #[test]
    fn one_machine_has_one_address() {
        assert_eq!(one_of("::ffff:10.0.0.1".parse().unwrap()), at(1));
        assert_eq!(one_of("2001:db8::1".parse().unwrap()), one_of("2001:db8::ffff:2".parse().unwrap()));
        assert_ne!(one_of("2001:db8::1".parse().unwrap()), one_of("2001:db8:0:1::1".parse().unwrap()));
    }
}
