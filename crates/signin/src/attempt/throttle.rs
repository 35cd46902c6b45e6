//! How many tries there may be, by where they come from. In memory of each node: a limit of a minute need not outlive it.

use crate::point::Visitor;
use charter::signing_in::Throttle;
use events::{DeviceId, PrincipalId, Timestamp};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What is counted is counted for so long.
const WINDOW: Duration = Duration::from_secs(60);
/// The most failures of one place that are recorded one by one in a minute; the rest are counted in the next that is.
const RECORDED_FAILURES_MAX: u32 = 20;
/// The most places that are counted at once.
const PLACES_MAX: usize = 20_000;

/// Where a try comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum From {
    /// An enrolled workstation that proved itself.
    Workstation(DeviceId),
    /// Anywhere else.
    Address(IpAddr),
    /// Anywhere else, by somebody who said who they are: what they said, so that nobody learns which codes are one person's.
    Name(PrincipalId),
}

impl From {
    /// Where a visitor's tries come from.
    #[must_use]
    pub fn of(visitor: &Visitor) -> Self {
        visitor.device().map_or(Self::Address(visitor.address), |device| Self::Workstation(device.clone()))
    }

    /// How many tries there may be in a minute, by the charter.
    #[must_use]
    pub const fn most(&self, throttle: &Throttle) -> u32 {
        match self {
            Self::Workstation(_) => throttle.device_per_min,
            Self::Address(_) => throttle.address_per_min,
            Self::Name(_) => throttle.identity_per_min,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Count {
    since: Timestamp,
    tries: u32,
    failures: u32,
    unrecorded: u32,
}

/// The tries of the last minute.
#[derive(Debug, Default)]
pub struct Attempts {
    counts: Mutex<HashMap<From, Count>>,
}

impl Attempts {
    fn with<T>(&self, from: &From, now: Timestamp, change: impl FnOnce(&mut Count) -> T) -> T {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= PLACES_MAX && !counts.contains_key(from) {
            counts.retain(|_, count| now.since(count.since) < WINDOW);
            if counts.len() >= PLACES_MAX {
                // Everybody at once: those who proved where they are go on, and the rest begin to be counted anew.
                counts.retain(|from, _| matches!(from, From::Workstation(_)));
            }
        }
        let fresh = Count { since: now, tries: 0, failures: 0, unrecorded: 0 };
        let count = counts.entry(from.clone()).or_insert(fresh);
        if now.since(count.since) >= WINDOW {
            *count = Count { unrecorded: count.unrecorded, ..fresh };
        }
        change(count)
    }

    /// Whether one more try may be looked at.
    pub fn may_try(&self, from: &From, throttle: &Throttle, now: Timestamp) -> bool {
        self.with(from, now, |count| {
            count.tries = count.tries.saturating_add(1);
            count.tries <= from.most(throttle)
        })
    }

    /// Whether a try is to be recorded, and how many before it were not.
    pub fn record(&self, from: &From, done: bool, now: Timestamp) -> Option<u32> {
        self.with(from, now, |count| {
            if !done {
                count.failures = count.failures.saturating_add(1);
                if count.failures > RECORDED_FAILURES_MAX {
                    count.unrecorded = count.unrecorded.saturating_add(1);
                    return None;
                }
            }
            Some(std::mem::take(&mut count.unrecorded))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn hammering_from_elsewhere_keeps_nobody_from_a_workstation() {
        let (attempts, throttle) = (Attempts::default(), Throttle::default());
        let (attacker, ward) =
            (From::Address(Ipv4Addr::LOCALHOST.into()), From::Workstation(DeviceId::new("ws-1").unwrap()));
        let tried = (0..10_000).filter(|_| attempts.may_try(&attacker, &throttle, NOW)).count();
        assert_eq!(tried, usize::try_from(throttle.address_per_min).unwrap());
        assert!(attempts.may_try(&ward, &throttle, NOW));
        assert!(attempts.may_try(&attacker, &throttle, NOW + WINDOW), "a minute later it may again");
    }

    #[test]
    fn whoever_uses_a_name_too_often_is_held_up_under_that_name_alone() {
        let (attempts, throttle) = (Attempts::default(), Throttle { identity_per_min: 5, ..Throttle::default() });
        let name = |id: &str| From::Name(PrincipalId::new(id).unwrap());
        assert_eq!((0..100).filter(|_| attempts.may_try(&name("n-amara"), &throttle, NOW)).count(), 5);
        assert!(attempts.may_try(&name("n-bea"), &throttle, NOW));
    }

    #[test]
    fn failures_that_come_too_fast_are_counted_in_the_next_that_is_recorded() {
        let (attempts, from) = (Attempts::default(), From::Address(Ipv4Addr::LOCALHOST.into()));
        let recorded = (0..100).filter(|_| attempts.record(&from, false, NOW).is_some()).count();
        assert_eq!(recorded, 20);
        assert_eq!(attempts.record(&from, true, NOW), Some(80), "what works is always recorded");
        assert_eq!(attempts.record(&from, false, NOW + WINDOW), Some(0));
    }

    #[test]
    fn however_many_places_there_are_they_fit() {
        let attempts = Attempts::default();
        for number in 0..u32::try_from(PLACES_MAX + 10).unwrap() {
            attempts.may_try(&From::Address(Ipv4Addr::from_bits(number).into()), &Throttle::default(), NOW);
        }
        assert!(attempts.counts.lock().unwrap().len() <= PLACES_MAX);
    }
}
