//! Cookies that were shown past their minute, until the device key proves whose browser it was.

use events::{DeviceId, SessionId, Timestamp};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Whoever shows an old cookie proves the browser within this, or somebody has copied it.
const PROVED_WITHIN: Duration = Duration::from_secs(30);
/// The most that are waited for at once.
const WAITED_FOR_MAX: usize = 10_000;

/// What is waited for, by session.
#[derive(Debug, Default)]
pub struct Unproven {
    since: Mutex<HashMap<SessionId, (Option<DeviceId>, Timestamp)>>,
}

impl Unproven {
    /// An old cookie of a session was shown.
    pub fn shown(&self, session: &SessionId, workstation: Option<&DeviceId>, now: Timestamp) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        if since.len() < WAITED_FOR_MAX {
            since.entry(session.clone()).or_insert_with(|| (workstation.cloned(), now));
        }
    }

    /// The browser of a session proved itself.
    pub fn proved(&self, session: &SessionId) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    /// Those that waited too long, each told once.
    pub fn overdue(&self, now: Timestamp) -> Vec<(SessionId, Option<DeviceId>)> {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        let late = since.extract_if(|_, (_, at)| now.since(*at) >= PROVED_WITHIN);
        late.map(|(session, (device, _))| (session, device)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    #[test]
    fn a_screen_that_was_asleep_proves_itself_and_a_copy_does_not() {
        let unproven = Unproven::default();
        let (own, copied) = (SessionId::new("se-1").unwrap(), SessionId::new("se-2").unwrap());
        unproven.shown(&own, None, NOW);
        unproven.shown(&copied, None, NOW);
        unproven.shown(&copied, None, NOW + PROVED_WITHIN / 2);
        unproven.proved(&own);
        assert!(unproven.overdue(NOW + PROVED_WITHIN / 2).is_empty());
        assert_eq!(unproven.overdue(NOW + PROVED_WITHIN), [(copied, None)]);
        assert!(unproven.overdue(NOW + PROVED_WITHIN * 2).is_empty(), "told once");
    }
}
