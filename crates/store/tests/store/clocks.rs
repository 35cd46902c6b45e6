//! `recorded_at` never decreases, and a clock that was set leaves a trace.

use super::ward::{START_MILLIS, SetClock, heard, open};
use events::{Event, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use store::{Batch, Options};

#[test]
fn a_clock_that_goes_backwards_never_decreases_recorded_at() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SetClock::new();
    let (store, folded) = open(dir.path(), clock.options());
    for offset in [0, 5000, 1000, -90_000_000, 4999, 5001] {
        clock.set(START_MILLIS + offset);
        store.append_blocking(Batch::one(heard("a"))).unwrap();
    }
    drop(store);
    clock.set(0);
    let (store, _) = open(dir.path(), clock.options());
    assert_eq!(store.head().recorded_at, Timestamp::from_millis(START_MILLIS + 5001));
    let after = store.append_blocking(Batch::one(heard("a"))).unwrap();
    assert_eq!(after[0].recorded_at, Timestamp::from_millis(START_MILLIS + 5001));
    let offsets: Vec<_> = folded.leaves().iter().map(|leaf| leaf.recorded_at.as_millis() - START_MILLIS).collect();
    assert_eq!(offsets, [0, 5000, 5000, 5000, 5000, 5001]);
}

#[test]
fn a_clock_that_jumps_is_recorded_once_before_what_follows() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SetClock::new();
    let elapsed = Arc::new(AtomicU64::new(0));
    let measured = elapsed.clone();
    let options = Options {
        clock_jump_max: Some(Duration::from_secs(30)),
        elapsed: Arc::new(move || Duration::from_millis(measured.load(Ordering::SeqCst))),
        ..clock.options()
    };
    let (store, folded) = open(dir.path(), options);
    // An hour that really passed, half a minute of drift, a jump forwards, a jump back.
    for (wall, passed) in
        [(0, 0), (3_600_000, 3_600_000), (3_630_000, 3_600_000), (9_000_000, 3_600_000), (0, 3_600_001)]
    {
        clock.set(START_MILLIS + wall);
        elapsed.store(passed, Ordering::SeqCst);
        store.append_blocking(Batch::one(heard("a"))).unwrap();
    }
    store.append_blocking(Batch::one(heard("a"))).unwrap();
    let seen: Vec<_> = folded
        .leaves()
        .iter()
        .map(|leaf| match &leaf.draft.event {
            Event::ClockJumped(jumped) => {
                Some((jumped.from.as_millis() - START_MILLIS, jumped.to.as_millis() - START_MILLIS))
            }
            _ => None,
        })
        .collect();
    let (forwards, back) = (Some((3_630_000, 9_000_000)), Some((9_000_000, 0)));
    assert_eq!(seen, [None, None, None, forwards, None, back, None, None]);
}
