//! Versions, claims and writes: in the batch's transaction, or not at all.

use super::ward::{START_MILLIS, SetClock, column, heard, open, text};
use events::{Seq, Timestamp};
use std::sync::Barrier;
use store::statements::{DIRECTORY_ADD, DIRECTORY_FIND, DIRECTORY_SINCE, OPERATOR_LINK_ADD, OPERATOR_LINK_USE};
use store::{AppendError, Batch, Store, Value};

fn later(millis: i64) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + millis)
}

/// Runs the same append on many threads at once; how many succeeded. Those that failed must have failed as `expected`.
fn race(store: &Store, batch: impl Fn(usize) -> Batch + Sync, expected: impl Fn(&AppendError) -> bool + Sync) -> usize {
    const THREADS: usize = 16;
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        let racers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (start, batch, expected) = (&start, &batch, &expected);
                scope.spawn(move || {
                    start.wait();
                    match store.append_blocking(batch(thread)) {
                        Ok(_) => 1,
                        Err(error) => {
                            assert!(expected(&error), "{error:?}");
                            0
                        }
                    }
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).sum()
    })
}

#[test]
fn of_racing_appends_that_expect_the_same_version_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    for version in 0..20 {
        let won = race(
            &store,
            |thread| Batch::one(heard(&format!("{version} by {thread}"))).expect("elevation/41", version),
            |error| matches!(error, AppendError::Conflict(stream) if stream == "elevation/41"),
        );
        assert_eq!(won, 1);
        assert_eq!(store.read(|reader| reader.stream_version("elevation/41")).unwrap(), version + 1);
    }
    assert_eq!(folded.len(), 20);
    assert_eq!(store.read(|reader| reader.stream_version("another")).unwrap(), 0);
}

#[test]
fn a_key_is_claimed_once_until_its_time_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SetClock::new();
    let (store, folded) = open(dir.path(), clock.options());
    let claim = |space, until| Batch::one(heard("claim")).claim(space, "key-1", later(until));
    let won = race(&store, |_| claim("jti", 1000), |error| matches!(error, AppendError::Taken("jti")));
    assert_eq!(won, 1);
    store.append_blocking(claim("code", 1000)).unwrap();
    clock.set(START_MILLIS + 999);
    assert!(matches!(store.append_blocking(claim("jti", 5000)), Err(AppendError::Taken("jti"))));
    clock.set(START_MILLIS + 1000);
    store.append_blocking(claim("jti", 5000)).unwrap();
    assert!(matches!(store.append_blocking(claim("jti", 9000)), Err(AppendError::Taken("jti"))));
    assert_eq!(folded.len(), 3);
}

#[test]
fn expired_claims_are_forgotten_with_the_next_seal() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SetClock::new();
    let (store, _) = open(dir.path(), clock.options());
    for n in 0..10 {
        store.append_blocking(Batch::default().claim("jti", n.to_string(), later(n * 100))).unwrap();
    }
    clock.set(START_MILLIS + 500);
    // The time that counts is that of the last entry: it is every node's.
    store.append_blocking(Batch::one(heard("later"))).unwrap();
    store.seal_blocking().unwrap();
    store.close();
    assert_eq!(column(dir.path(), "SELECT CAST(count(*) AS TEXT) FROM claim"), ["4"]);
}

#[test]
fn a_batch_that_fails_leaves_nothing_while_its_neighbours_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let key = |n: usize| Value::Bytes(vec![n as u8]);
    store.append_blocking(Batch::default().write(DIRECTORY_ADD, [key(200), key(1), Value::Entry])).unwrap();
    // The last write conflicts, after the stream went up, the key was claimed and a row was written.
    let failing = |thread: usize| {
        Batch::of(vec![heard("never"), heard("never")])
            .expect(format!("stream/{thread}"), 0)
            .claim("jti", thread.to_string(), Timestamp::MAX)
            .write(DIRECTORY_ADD, [key(thread), key(thread), Value::Entry])
            .write(DIRECTORY_ADD, [key(200), key(2), Value::Entry])
    };
    let won = race(
        &store,
        |thread| if thread % 2 == 0 { Batch::one(heard("kept")) } else { failing(thread) },
        |error| matches!(error, AppendError::Conflict(name) if name == "directory_add"),
    );
    assert_eq!((won, folded.len()), (8, 8));
    assert!(folded.leaves().iter().all(|leaf| text(leaf) == "kept"));
    for thread in (1..16).step_by(2) {
        let found = store.read(|reader| reader.find(DIRECTORY_FIND, &[key(thread)], |row| row.bytes(0))).unwrap();
        assert_eq!(found, None);
        assert_eq!(store.read(|reader| reader.stream_version(&format!("stream/{thread}"))).unwrap(), 0);
        // The key is still free.
        store.append_blocking(Batch::default().claim("jti", thread.to_string(), Timestamp::MAX)).unwrap();
    }
}

#[test]
fn the_same_pair_may_be_written_twice_but_a_key_never_changes_its_pseudonym() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    let pair = |pseudonym: u8| {
        Batch::one(heard("a")).write(DIRECTORY_ADD, [[7_u8; 16].into(), [pseudonym; 16].into(), Value::Entry])
    };
    store.append_blocking(pair(1)).unwrap();
    store.append_blocking(pair(1)).unwrap();
    assert!(matches!(store.append_blocking(pair(2)), Err(AppendError::Conflict(_))));
}

#[test]
fn a_write_that_must_find_a_row_and_does_not_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let link = [Value::from("link-1"), "amy".into(), [1_u8; 32].into(), later(1000).into()];
    store.append_blocking(Batch::default().write(OPERATOR_LINK_ADD, link)).unwrap();
    let used = race(
        &store,
        |_| Batch::one(heard("used")).write(OPERATOR_LINK_USE, ["link-1".into(), later(10).into()]),
        |error| matches!(error, AppendError::Conflict(name) if name == "operator_link_use"),
    );
    assert_eq!((used, folded.len()), (1, 1));
}

#[test]
fn values_that_do_not_fit_are_refused_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let wrong = |values: Vec<Value>| store.append_blocking(Batch::one(heard("never")).write(DIRECTORY_ADD, values));
    for values in [vec![], vec![Value::Bytes(vec![1])], vec![Value::Bytes(vec![1]), Value::Null, Value::Entry]] {
        let refused = wrong(values.clone());
        assert!(
            matches!(refused, Err(AppendError::Write { statement: "directory_add", .. })),
            "{values:?} {refused:?}"
        );
    }
    assert_eq!(folded.len(), 0);
    assert_eq!(store.health().trouble(), None);
    store.append_blocking(Batch::one(heard("kept"))).unwrap();
}

#[test]
fn a_row_says_with_which_entry_it_came() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::of(vec![heard("a"), heard("b")])).unwrap();
    let row = |key: u8| [[key; 16].into(), [key + 100; 16].into(), Value::Entry];
    let batch = Batch::of(vec![heard("c"), heard("d")]).write(DIRECTORY_ADD, row(1)).write(DIRECTORY_ADD, row(2));
    store.append_blocking(batch).unwrap();
    store.append_blocking(Batch::one(heard("e")).write(DIRECTORY_ADD, row(3))).unwrap();
    let since = |entry: u64| {
        let mut keys: Vec<[u8; 16]> =
            store.read(|reader| reader.query(DIRECTORY_SINCE, &[Seq(entry).into()], |row| row.array(0))).unwrap();
        keys.sort_unstable();
        keys.into_iter().map(|key| key[0]).collect::<Vec<_>>()
    };
    assert_eq!(since(0), [1, 2, 3]);
    assert_eq!(since(2), [1, 2, 3]);
    assert_eq!(since(3), [3]);
    assert_eq!(since(5), [0; 0]);
    // Given to anything but a batch it is refused: nobody else knows which entry is meant.
    assert!(store.read(|reader| reader.query(DIRECTORY_SINCE, &[Value::Entry], |_| Ok(()))).is_err());
}
