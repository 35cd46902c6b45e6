//! Who is connected: when every place of a listener is taken, one that has not shown to be of use gives way to whoever comes, and so does an address
//! with more than its share. Of use is a sender of HL7 of whom a message was accepted, and a caller or an operator who was recognised.

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
pub struct Seats {
    most: usize,
    since: Instant,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    next: u64,
    seats: BTreeMap<u64, Seat>,
    /// How many each address has; none that has none.
    held: BTreeMap<IpAddr, usize>,
}

/// What is known of a connection; a listener puts it beside every request that came over it. Clones are of the same one.
#[derive(Clone, Debug)]
pub struct Seat(Arc<Known>);

#[derive(Debug)]
struct Known {
    address: IpAddr,
    of_use: AtomicBool,
    /// The listener's first moment.
    since: Instant,
    /// When something last came, in milliseconds of the listener's life.
    heard_ms: AtomicU64,
    displaced: CancellationToken,
}

/// A place, free again when it is dropped.
#[derive(Debug)]
pub struct Seated {
    seats: Arc<Seats>,
    number: u64,
    seat: Seat,
}

/// Who counts as one: an IPv4 address, or the network of an IPv6 one, of which one machine may have any.
fn one_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        address @ IpAddr::V4(_) => address,
    }
}

impl Seats {
    /// So many places.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, since: Instant::now(), taken: Mutex::default() })
    }

    /// A place for a new connection, if need be that of another. None when nobody has to give way.
    #[must_use]
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Seated> {
        let address = one_of(peer);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.seats.len() >= self.most {
            let number = self.giving_way(&taken, address)?;
            if let Some(seat) = taken.remove(number) {
                seat.0.displaced.cancel();
            }
        }
        let number = taken.next;
        taken.next += 1;
        let seat = Seat(Arc::new(Known {
            address,
            of_use: AtomicBool::new(false),
            since: self.since,
            heard_ms: AtomicU64::new(0),
            displaced: CancellationToken::new(),
        }));
        seat.has_heard();
        *taken.held.entry(address).or_default() += 1;
        taken.seats.insert(number, seat.clone());
        Some(Seated { seats: Arc::clone(self), number, seat })
    }

    /// Whose place somebody at this address gets: the longest silent of those that never were of use, or else of an address that has more than its
    /// share. Whoever has their share gets the places of nobody else.
    fn giving_way(&self, taken: &Taken, address: IpAddr) -> Option<u64> {
        let share = self.most / SHARE_OF_ONE;
        let held_by = |address: &IpAddr| taken.held.get(address).copied().unwrap_or(0);
        let has_share = held_by(&address) >= share;
        let of_no_use = |seat: &Known| !seat.of_use.load(Ordering::Relaxed) && (!has_share || seat.address == address);
        let over = |seat: &Known| !has_share && held_by(&seat.address) > share;
        let longest = |gives_way: &dyn Fn(&Known) -> bool| {
            let seats = taken.seats.iter().filter(|(_, seat)| gives_way(&seat.0));
            seats.min_by_key(|(_, seat)| seat.0.heard_ms.load(Ordering::Relaxed)).map(|(number, _)| *number)
        };
        longest(&of_no_use).or_else(|| longest(&over))
    }
}

impl Taken {
    fn remove(&mut self, number: u64) -> Option<Seat> {
        let seat = self.seats.remove(&number)?;
        if let Some(held) = self.held.get_mut(&seat.0.address) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&seat.0.address);
            }
        }
        Some(seat)
    }
}

impl Seat {
    /// Something came.
    pub fn has_heard(&self) {
        let now_ms = u64::try_from(self.0.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Where they come from: an IPv4 address, or the network of an IPv6 one.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// Whoever has it has shown to be of use: nobody takes it any more, unless its address has more than its share.
    pub fn is_of_use(&self) {
        self.0.of_use.store(true, Ordering::Relaxed);
    }

    /// Cancelled when another connection was given the place.
    #[must_use]
    pub fn displaced(&self) -> CancellationToken {
        self.0.displaced.clone()
    }
}

impl Seated {
    /// What is known of the connection.
    #[must_use]
    pub const fn seat(&self) -> &Seat {
        &self.seat
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn silent_since(seated: &Seated, ms: u64) {
        seated.seat().0.heard_ms.store(ms, Ordering::Relaxed);
    }

    #[test]
    fn the_longest_silent_place_that_was_of_no_use_is_given_away() {
        let seats = Seats::new(3);
        let [one, two, three] = [1, 2, 3].map(|last| seats.admit(at(last)).unwrap());
        one.seat().is_of_use();
        silent_since(&two, 9_000);
        silent_since(&three, 8_000);
        let four = seats.admit(at(4)).unwrap();
        assert!(three.seat().displaced().is_cancelled() && !two.seat().displaced().is_cancelled());
        // Leaving later, it does not take the place of another with it.
        drop(three);
        two.seat().is_of_use();
        four.seat().is_of_use();
        assert!(seats.admit(at(5)).is_none());
        drop(two);
        assert!(seats.admit(at(5)).is_some());
        assert!(!one.seat().displaced().is_cancelled() && !four.seat().displaced().is_cancelled());
    }

    #[test]
    fn nobody_is_shut_out_by_one_address() {
        let seats = Seats::new(4);
        let crowd: Vec<Seated> = (0..4).map(|_| seats.admit(at(9)).unwrap()).collect();
        crowd.iter().for_each(|seated| seated.seat().is_of_use());
        for (seated, ms) in crowd.iter().zip([40, 10, 30, 20]) {
            silent_since(seated, ms);
        }
        assert!(seats.admit(at(9)).is_none(), "the same address has its share");
        // Two others come, and the longest silent two of the crowd go, though they are of use; a third finds nobody with too many.
        let others = [1, 2].map(|last| {
            let other = seats.admit(at(last)).unwrap();
            other.seat().is_of_use();
            other
        });
        let gone: Vec<bool> = crowd.iter().map(|seated| seated.seat().displaced().is_cancelled()).collect();
        assert_eq!(gone, [false, true, false, true]);
        assert!(seats.admit(at(3)).is_none());
        drop(others);
        drop(crowd);
        assert!(seats.taken.lock().unwrap().held.is_empty(), "who holds nothing is not counted");
    }

    #[test]
    fn whoever_has_half_takes_no_place_of_others() {
        let seats = Seats::new(4);
        let crowd = [(); 2].map(|()| seats.admit(at(9)).unwrap());
        let others = [seats.admit(at(1)).unwrap(), seats.admit(at(2)).unwrap()];
        let (first, second) = (seats.admit(at(9)).unwrap(), seats.admit(at(9)).unwrap());
        assert!(crowd.iter().all(|seated| seated.seat().displaced().is_cancelled()), "its own give way");
        assert!(others.iter().all(|seated| !seated.seat().displaced().is_cancelled()));
        first.seat().is_of_use();
        second.seat().is_of_use();
        assert!(seats.admit(at(9)).is_none());
    }

    #[test]
    fn one_machine_has_one_address() {
        assert_eq!(one_of("::ffff:10.0.0.1".parse().unwrap()), at(1));
        assert_eq!(one_of("2001:db8::1".parse().unwrap()), one_of("2001:db8::ffff:2".parse().unwrap()));
        assert_ne!(one_of("2001:db8::1".parse().unwrap()), one_of("2001:db8:0:1::1".parse().unwrap()));
    }
}
