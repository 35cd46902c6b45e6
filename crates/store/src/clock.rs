//! When was it recorded? Never before what was recorded earlier, whatever the wall clock does.

use crate::store::Elapsed;
use events::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// The machine's own measure of passing time, from now on.
pub(crate) fn monotonic() -> Elapsed {
    #[expect(clippy::disallowed_methods, reason = "measures how long things take; no decision rests on it")]
    let start = std::time::Instant::now();
    Arc::new(move || start.elapsed())
}

/// One look at both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The wall clock.
    pub(crate) wall: Timestamp,
    /// Time that passed since some fixed moment of this process, on a clock nobody can set.
    pub(crate) elapsed: Duration,
}

/// Compares looks at the wall clock with the time that really passed.
#[derive(Debug)]
pub(crate) struct ClockWatch {
    jump_max: Option<Duration>,
    last: Option<Look>,
}

impl ClockWatch {
    /// A watch that reports jumps longer than `jump_max`, or none at all.
    pub(crate) const fn new(jump_max: Option<Duration>) -> Self {
        Self { jump_max, last: None }
    }

    /// Whether the wall clock has jumped since the last look. The first look is compared with `recorded_at`, the time of the last
    /// entry, which may be from before a restart: then only a clock that is behind it can be told from one that just went on.
    pub(crate) fn jumped(&mut self, look: Look, recorded_at: Timestamp) -> bool {
        let last = self.last.replace(look);
        let Some(jump_max) = self.jump_max else { return false };
        let Some(last) = last else { return recorded_at.since(look.wall) > jump_max };
        let due = last.wall + look.elapsed.saturating_sub(last.elapsed);
        due.since(look.wall).max(look.wall.since(due)) > jump_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + seconds * 1000)
    }

    fn look(wall: i64, elapsed: u64) -> Look {
        Look { wall: at(wall), elapsed: Duration::from_secs(elapsed) }
    }

    #[test]
    fn a_quiet_night_is_no_jump() {
        let mut watch = ClockWatch::new(Some(MINUTE));
        assert!(!watch.jumped(look(0, 5), at(-86_400)));
        assert!(!watch.jumped(look(30_000, 30_005), at(0)));
    }

    #[test]
    fn a_clock_set_either_way_is_reported_once() {
        let mut watch = ClockWatch::new(Some(MINUTE));
        assert!(!watch.jumped(look(0, 0), at(0)));
        assert!(watch.jumped(look(100, 10), at(0)));
        assert!(!watch.jumped(look(110, 20), at(100)));
        assert!(watch.jumped(look(0, 30), at(110)));
        assert!(!watch.jumped(look(10, 40), at(110)));
    }

    #[test]
    fn a_clock_behind_the_log_after_a_restart_is_reported() {
        assert!(ClockWatch::new(Some(MINUTE)).jumped(look(0, 0), at(61)));
        assert!(!ClockWatch::new(Some(MINUTE)).jumped(look(0, 0), at(60)));
        assert!(!ClockWatch::new(None).jumped(look(0, 0), at(61)));
    }
}
