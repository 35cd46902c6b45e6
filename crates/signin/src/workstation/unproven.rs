//! Cookies that were shown past their minute, until the browser that shows them proves itself by its device key.
//!
//! What is waited for is a cookie and not a session: whoever copied one is not excused by the proof of its owner, who shows another by then.

use crate::point::cookie::Carried;
use events::{DeviceId, SessionId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Whoever shows an old cookie proves the browser within this, or somebody has copied it.
const PROVED_WITHIN: Duration = Duration::from_secs(30);
/// So long after its proof a cookie may be shown again by what its own browser had sent before: another tab, a page that was still loading.
const SENT_BEFORE: Duration = Duration::from_secs(5);
/// What was told of a cookie is not told again within this.
const TOLD_AGAIN_AFTER: Duration = Duration::from_secs(60 * 60);
/// The most cookies that are remembered at once.
const REMEMBERED_MAX: usize = 10_000;

/// Which cookie it is.
type Cookie = (SessionId, Timestamp);

#[derive(Clone, Copy, Debug)]
enum Since {
    /// It was shown then, and nothing has proved it.
    Shown(Timestamp),
    /// Its browser proved itself then.
    Proved(Timestamp),
    /// It was told then that somebody else may have it.
    Told(Timestamp),
}

impl Since {
    /// Whether it matters no longer.
    fn is_past(self, now: Timestamp) -> bool {
        match self {
            Self::Shown(_) => false,
            Self::Proved(at) => now.since(at) >= SENT_BEFORE,
            Self::Told(at) => now.since(at) >= TOLD_AGAIN_AFTER,
        }
    }
}

/// What is waited for, by cookie. In memory of each node.
#[derive(Debug, Default)]
pub struct Unproven {
    of: Mutex<HashMap<Cookie, (Option<DeviceId>, Since)>>,
}

impl Unproven {
    /// An old cookie of a session was shown.
    pub fn shown(&self, cookie: &Carried, now: Timestamp) {
        let Some(key) = key(cookie) else { return };
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.get(&key).is_some_and(|(_, since)| !since.is_past(now)) {
            return;
        }
        if of.len() >= REMEMBERED_MAX {
            of.retain(|_, (_, since)| !since.is_past(now));
        }
        if of.len() < REMEMBERED_MAX {
            of.insert(key, (cookie.workstation.clone(), Since::Shown(now)));
        }
    }

    /// The browser that shows a cookie proved itself.
    pub fn proved(&self, cookie: &Carried, now: Timestamp) {
        self.now_is(cookie, Since::Proved(now));
    }

    /// Whether it is yet to be told that somebody else may have a cookie; from now on it is told.
    pub fn tell(&self, cookie: &Carried, now: Timestamp) -> bool {
        let Some(key) = key(cookie) else { return false };
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.get(&key).is_some_and(|(_, since)| matches!(since, Since::Told(_)) && !since.is_past(now)) {
            return false;
        }
        if of.len() < REMEMBERED_MAX || of.contains_key(&key) {
            of.insert(key, (cookie.workstation.clone(), Since::Told(now)));
        }
        true
    }

    fn now_is(&self, cookie: &Carried, since: Since) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = key(cookie).and_then(|key| of.get_mut(&key)) {
            known.1 = since;
        }
    }

    /// Those that waited too long, each told once.
    pub fn overdue(&self, now: Timestamp) -> Vec<(SessionId, Option<DeviceId>)> {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.retain(|_, (_, since)| !since.is_past(now));
        let mut late = Vec::new();
        for ((session, _), (device, since)) in of.iter_mut() {
            if matches!(since, Since::Shown(at) if now.since(*at) >= PROVED_WITHIN) {
                *since = Since::Told(now);
                late.push((session.clone(), device.clone()));
            }
        }
        late
    }
}

fn key(cookie: &Carried) -> Option<Cookie> {
    Some((cookie.session.clone()?, cookie.given_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn cookie(given_at: Timestamp) -> Carried {
        Carried { workstation: None, session: SessionId::new("se-1").ok(), who: None, open: true, given_at }
    }

    #[test]
    fn a_screen_that_was_asleep_proves_itself_and_a_copy_of_another_cookie_does_not() {
        let (unproven, session) = (Unproven::default(), SessionId::new("se-1").unwrap());
        let (copied, own) = (cookie(NOW - PROVED_WITHIN * 9), cookie(NOW - PROVED_WITHIN * 4));
        unproven.shown(&own, NOW);
        unproven.shown(&copied, NOW);
        unproven.shown(&copied, NOW + PROVED_WITHIN / 2);
        unproven.proved(&own, NOW);
        assert!(unproven.overdue(NOW + PROVED_WITHIN / 2).is_empty());
        assert_eq!(unproven.overdue(NOW + PROVED_WITHIN), [(session.clone(), None)]);
        unproven.shown(&copied, NOW + PROVED_WITHIN * 2);
        assert!(unproven.overdue(NOW + PROVED_WITHIN * 4).is_empty(), "told once");
        unproven.shown(&copied, NOW + PROVED_WITHIN + TOLD_AGAIN_AFTER);
        let later = NOW + PROVED_WITHIN * 2 + TOLD_AGAIN_AFTER;
        assert_eq!(unproven.overdue(later), [(session, None)], "and again when it goes on");
    }

    #[test]
    fn what_was_sent_before_the_proof_is_no_copy_and_what_comes_later_is() {
        let (unproven, own) = (Unproven::default(), cookie(NOW - PROVED_WITHIN * 4));
        unproven.shown(&own, NOW);
        unproven.proved(&own, NOW);
        unproven.shown(&own, NOW + SENT_BEFORE / 2);
        assert!(unproven.overdue(NOW + PROVED_WITHIN * 2).is_empty(), "another tab of the same browser");
        unproven.shown(&own, NOW + PROVED_WITHIN);
        assert_eq!(unproven.overdue(NOW + PROVED_WITHIN * 2).len(), 1, "its browser has another by now");
    }
}
