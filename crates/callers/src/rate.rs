//! How fast a caller may call: a token bucket each, as wide as one second of its rate.

use events::CallerName;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The buckets, made when a caller first calls and again when the charter changes its rate.
#[derive(Default)]
pub(crate) struct Rates {
    buckets: RwLock<HashMap<CallerName, (u32, Arc<DefaultDirectRateLimiter>)>>,
    clock: DefaultClock,
}

impl Rates {
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
        if let Some((rate, bucket)) = self.buckets.read().unwrap_or_else(PoisonError::into_inner).get(caller)
            && *rate == rate_per_s
        {
            return Arc::clone(bucket);
        }
        let quota = Quota::per_second(NonZeroU32::new(rate_per_s).unwrap_or(NonZeroU32::MIN));
        let bucket = Arc::new(RateLimiter::direct(quota));
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        buckets.insert(caller.clone(), (rate_per_s, Arc::clone(&bucket)));
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
}
