//! How fast a caller may call: a token bucket each, as wide as one second of its rate.
//!
//! Of several nodes, each fills its buckets with its share of the rate alone, by how many nodes work. So all of them together keep the rate over time, and
//! somebody who calls one only gets that one's share; a burst of a second's worth may come on each, so that no request that may come at all is too large.

use events::CallerName;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The buckets, made when a caller first calls and again when the charter changes its rate.
#[derive(Default)]
pub(crate) struct Rates {
    buckets: RwLock<HashMap<CallerName, (Share, Arc<DefaultDirectRateLimiter>)>>,
    clock: DefaultClock,
    /// How many other nodes work.
    others: AtomicU32,
}

/// What a bucket is made for.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Share {
    rate_per_s: u32,
    nodes: u32,
}

impl Share {
    /// The whole rate at once, and its part of it every second.
    fn quota(self) -> Quota {
        let whole = NonZeroU32::new(self.rate_per_s).unwrap_or(NonZeroU32::MIN);
        let part = NonZeroU32::new(self.rate_per_s / self.nodes).unwrap_or(NonZeroU32::MIN);
        Quota::per_second(part).allow_burst(whole)
    }
}

impl Rates {
    /// From now on so many nodes share every rate, this one among them.
    pub(crate) fn share_among(&self, nodes: u32) {
        self.others.store(nodes.saturating_sub(1), Ordering::Relaxed);
    }

    /// Takes requests out of the caller's bucket, or says how long until there are as many.
    pub(crate) fn take(&self, caller: &CallerName, rate_per_s: u32, requests: u32) -> Result<(), Duration> {
        let Some(requests) = NonZeroU32::new(requests) else { return Ok(()) };
        match self.bucket(caller, rate_per_s).check_n(requests) {
            Ok(taken) => taken.map_err(|until| until.wait_time_from(self.clock.now())),
            // More than the bucket holds: there never will be.
            Err(_) => Err(Duration::from_secs(1)),
        }
    }

    fn bucket(&self, caller: &CallerName, rate_per_s: u32) -> Arc<DefaultDirectRateLimiter> {
        let share = Share { rate_per_s, nodes: self.others.load(Ordering::Relaxed).saturating_add(1) };
        if let Some((made_for, bucket)) = self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(caller)
            && *made_for == share
        {
            return Arc::clone(bucket);
        }
        let bucket = Arc::new(RateLimiter::direct(share.quota()));
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.insert(caller.clone(), (share, Arc::clone(&bucket)));
        bucket
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_cannot_use_up_what_another_may() {
        let rates = Rates::default();
        let (greedy, modest) = (CallerName::new("greedy").unwrap(), CallerName::new("modest").unwrap());
        assert_eq!((0..10).filter(|_| rates.take(&greedy, 3, 1).is_ok()).count(), 3);
        assert!(rates.take(&modest, 3, 3).is_ok());
    }

    #[test]
    fn a_changed_rate_holds_at_once() {
        let rates = Rates::default();
        let caller = CallerName::new("ehr").unwrap();
        assert!(rates.take(&caller, 1, 1).is_ok());
        assert!(rates.take(&caller, 1, 1).is_err());
        assert!(rates.take(&caller, 2, 2).is_ok());
    }

    #[test]
    fn nodes_fill_their_buckets_with_their_share_and_each_holds_a_whole_second() {
        let share = |rate_per_s, nodes| Share { rate_per_s, nodes }.quota();
        let every = |quota: Quota| quota.replenish_interval();
        assert_eq!(every(share(100, 1)), Duration::from_millis(10));
        assert_eq!(every(share(100, 4)), Duration::from_millis(40));
        assert_eq!((share(100, 1).burst_size().get(), share(100, 4).burst_size().get()), (100, 100));
        // Never nothing at all.
        assert_eq!(every(share(2, 5)), Duration::from_secs(1));

        let rates = Rates::default();
        let caller = CallerName::new("ehr").unwrap();
        rates.share_among(2);
        assert!(rates.take(&caller, 50, 50).is_ok(), "a batch that one node would take, several do");
        assert!(rates.take(&caller, 50, 1).is_err());
        let wait = rates.take(&caller, 50, 50).unwrap_err();
        assert!(wait > Duration::from_millis(1900), "25 in a second on each: {wait:?}");
    }
}
