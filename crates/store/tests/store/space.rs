//! No space: refused clearly, nothing half-kept, and well again by itself.

use super::ward::{SetClock, heard, open};
use std::time::Duration;
use store::{AppendError, Batch, Condition, OpenError, Options, Store};

const LIMIT: u64 = 512 * 1024;

fn limited() -> Options {
    Options { size_bytes_max: Some(LIMIT), seal_after: Duration::from_millis(5), ..SetClock::new().options() }
}

/// Appends until there is no space; how many entries were answered.
fn fill(store: &Store) -> usize {
    let mut answered = 0;
    loop {
        match store.append_blocking(Batch::of(vec![heard(&"x".repeat(4000)); 4])) {
            Ok(recorded) => answered += recorded.len(),
            Err(AppendError::Full) => return answered,
            Err(other) => panic!("{other:?}"),
        }
        assert!(answered < 1000, "the limit holds");
    }
}

#[test]
fn a_full_store_refuses_clearly_and_recovers_when_it_may_grow() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), limited());
    let answered = fill(&store);
    assert!(answered > 20);
    assert_eq!(folded.len(), answered, "what was refused was not folded");
    assert_eq!(store.health().condition, Condition::Full);
    assert_eq!(store.health().trouble().as_deref(), Some("the store is full"));
    // Reading goes on.
    assert_eq!(store.read(|reader| reader.next()).unwrap().0, answered as u64);

    store.limit_size(Some(2 * LIMIT)).unwrap();
    while store.health().trouble().is_some() {
        std::thread::sleep(Duration::from_millis(2));
    }
    let recorded = store.append_blocking(Batch::one(heard("there is space again"))).unwrap();
    assert_eq!(recorded[0].seq.0, answered as u64, "no gap");
    store.seal_blocking().unwrap();
    assert_eq!(store.verify().unwrap().size, answered as u64 + 1);
    drop(store);
    let (_store, again) = open(dir.path(), SetClock::new().options());
    assert_eq!(again.leaves(), folded.leaves());
}

#[test]
fn an_append_is_tried_again_before_anybody_found_out_that_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), Options { seal_after: Duration::from_secs(3600), ..limited() });
    fill(&store);
    store.limit_size(None).unwrap();
    store.append_blocking(Batch::one(heard("a"))).unwrap();
    assert_eq!(store.health().condition, Condition::Ready);
}

#[test]
fn a_full_store_can_be_opened_and_read() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), limited());
    fill(&store);
    drop(store);
    let (store, again) = open(dir.path(), limited());
    assert_eq!(again.leaves(), folded.leaves());
    assert!(matches!(store.append_blocking(Batch::of(vec![heard(&"x".repeat(4000)); 20])), Err(AppendError::Full)));
}

#[test]
fn a_new_store_that_may_not_grow_at_all_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { size_bytes_max: Some(8192), ..SetClock::new().options() };
    assert!(matches!(Store::open(dir.path(), options, Box::new(())), Err(OpenError::Full)));
}
