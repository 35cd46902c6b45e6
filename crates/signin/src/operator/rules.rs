//! When a link and a session are good. Pure: times go in, answers come out.

use events::Timestamp;
use std::time::Duration;

/// A sign-in link is worthless after this, used or not.
pub const LINK_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// A session ends after this, whatever happens in it.
pub const SESSION_LIFETIME: Duration = Duration::from_secs(8 * 60 * 60);
/// A session ends after this without use. A page that loads itself again does not use it.
pub const SESSION_IDLE: Duration = Duration::from_secs(30 * 60);
/// The most sessions whose last use is remembered. One more counts as last used when it was signed in.
pub const SESSIONS_REMEMBERED_MAX: usize = 10_000;
/// Links and sessions are forgotten so long after their end.
pub(super) const FORGET_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a session that ends at `good_until` at the latest is good now. `last_used` is unknown after a restart: then the session was last
/// used when it was signed in.
pub(super) fn is_good(good_until: Timestamp, last_used: Option<Timestamp>, now: Timestamp) -> bool {
    let signed_in = good_until - SESSION_LIFETIME;
    let last_used = last_used.unwrap_or(signed_in).max(signed_in);
    now < good_until && now.since(last_used) < SESSION_IDLE
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_session_ends_at_its_time_however_busy_it_is() {
        let end = START + SESSION_LIFETIME;
        assert!(is_good(end, Some(end - SECOND), end - SECOND));
        assert!(!is_good(end, Some(end), end));
    }

    #[test]
    fn a_session_nobody_uses_ends() {
        let end = START + SESSION_LIFETIME;
        let used = START + SECOND * 60;
        assert!(is_good(end, Some(used), used + SESSION_IDLE - SECOND));
        assert!(!is_good(end, Some(used), used + SESSION_IDLE));
    }

    #[test]
    fn after_a_restart_a_session_counts_as_unused_since_it_was_signed_in() {
        let end = START + SESSION_LIFETIME;
        assert!(is_good(end, None, START + SESSION_IDLE - SECOND));
        assert!(!is_good(end, None, START + SESSION_IDLE));
    }
}
