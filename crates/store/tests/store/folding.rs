//! The fold: before the answer, in order, and the same after a restart.

use super::ward::{Remembered, SetClock, bytes_of, heard, open, open_with, sql, text};
use events::{Leaf, LeafError, Seq};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use store::{AppendError, Apply, BATCH_DRAFTS_MAX, Batch, Condition, Options};

#[test]
fn a_leaf_is_applied_before_its_caller_is_answered() {
    struct Counting(Arc<AtomicU64>);
    impl Apply for Counting {
        fn apply(&mut self, leaves: &[Arc<Leaf>]) {
            for leaf in leaves {
                assert_eq!(self.0.swap(leaf.seq.0 + 1, Ordering::SeqCst), leaf.seq.0, "in sequence");
            }
        }

        fn unreadable(&mut self, seq: Seq, why: &LeafError) {
            panic!("{seq}: {why}");
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let applied = Arc::new(AtomicU64::new(0));
    let store = open_with(dir.path(), SetClock::new().options(), Counting(applied.clone())).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let recorded = store.append_blocking(Batch::of(vec![heard("a"), heard("b")])).unwrap();
                    assert!(applied.load(Ordering::SeqCst) > recorded[1].seq.0);
                    assert!(store.head().next > recorded[1].seq);
                    assert_eq!(recorded[1].seq.0, recorded[0].seq.0 + 1, "a batch stays together");
                }
            });
        }
    });
    assert_eq!(applied.load(Ordering::SeqCst), 1600);
}

#[tokio::test]
async fn an_asynchronous_caller_that_stops_waiting_is_recorded_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let recorded = store.append(Batch::one(heard("first"))).await.unwrap();
    assert_eq!(recorded[0].seq, Seq(0));
    let mut waiting = Box::pin(store.append(Batch::one(heard("second"))));
    std::future::poll_fn(|context| {
        let _pending = waiting.as_mut().poll(context);
        std::task::Poll::Ready(())
    })
    .await;
    drop(waiting);
    store.closed().await;
    assert_eq!(folded.leaves().iter().map(|leaf| text(leaf)).collect::<Vec<_>>(), ["first", "second"]);
    assert!(matches!(store.append(Batch::one(heard("third"))).await, Err(AppendError::Closed)));
    assert_eq!(store.health().condition, Condition::Closed);
    let read = store.read(|reader| reader.leaf(Seq(1))).unwrap().unwrap();
    assert_eq!(&read, &*folded.leaves()[1]);
}

#[test]
fn closing_commits_what_was_queued() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let answered = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                loop {
                    match store.append_blocking(Batch::one(heard("a"))) {
                        Ok(_) => *answered.lock().unwrap() += 1,
                        Err(AppendError::Closed) => return,
                        Err(other) => panic!("{other:?}"),
                    }
                }
            });
        }
        while folded.len() < 500 {
            std::thread::yield_now();
        }
        store.close();
    });
    assert_eq!(folded.len(), *answered.lock().unwrap(), "everything let in was committed and answered");
    assert_eq!(store.head().sealed, store.head().next.0, "and sealed");
    let (_again, refolded) = open(dir.path(), SetClock::new().options());
    assert_eq!(refolded.leaves(), folded.leaves());
}

#[test]
fn a_fold_that_panics_stops_the_store_and_everybody_hears_of_it() {
    struct Panicking;
    impl Apply for Panicking {
        fn apply(&mut self, _leaves: &[Arc<Leaf>]) {
            panic!("the fold is wrong (this message is part of a test)");
        }

        fn unreadable(&mut self, _seq: Seq, _why: &LeafError) {}
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open_with(dir.path(), SetClock::new().options(), Panicking).unwrap();
    assert!(matches!(store.append_blocking(Batch::one(heard("a"))), Err(AppendError::NotApplied)));
    assert!(matches!(store.append_blocking(Batch::one(heard("b"))), Err(AppendError::Closed)));
    assert!(store.health().trouble().unwrap().contains("the fold panicked"));
    drop(store);
    let (_again, folded) = open(dir.path(), SetClock::new().options());
    assert_eq!(folded.len(), 1, "what was recorded is folded by a build whose fold is right");
}

#[test]
fn more_than_the_queue_holds_is_refused_as_busy() {
    struct Slow(Arc<Mutex<()>>);
    impl Apply for Slow {
        fn apply(&mut self, _leaves: &[Arc<Leaf>]) {
            drop(self.0.lock().unwrap());
        }

        fn unreadable(&mut self, _seq: Seq, _why: &LeafError) {}
    }
    let dir = tempfile::tempdir().unwrap();
    let gate = Arc::new(Mutex::new(()));
    let options = Options { queue_batches_max: 2, ..SetClock::new().options() };
    let store = open_with(dir.path(), options, Slow(gate.clone())).unwrap();
    let held = gate.lock().unwrap();
    let (answers, answered) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..16 {
            let (store, answers) = (&store, answers.clone());
            scope.spawn(move || answers.send(store.append_blocking(Batch::one(heard("a")))).unwrap());
        }
        // The writer holds what it took and two wait: somebody is refused while nobody can be answered.
        assert!(matches!(answered.recv().unwrap(), Err(AppendError::Busy)));
        drop(held);
    });
    drop(answers);
    let recorded = answered.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(store.head().next, Seq(recorded as u64));
}

#[test]
fn entries_that_cannot_be_written_never_reach_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let long = "x".repeat(events::LEAF_BYTES_MAX);
    assert!(matches!(store.append_blocking(Batch::one(heard(&long))), Err(AppendError::TooLong { .. })));
    let many = Batch::of(vec![heard("a"); BATCH_DRAFTS_MAX + 1]);
    assert!(
        matches!(store.append_blocking(many), Err(AppendError::TooMany { drafts }) if drafts == BATCH_DRAFTS_MAX + 1)
    );
    assert_eq!(folded.len(), 0);
}

#[test]
fn what_a_caller_is_given_is_what_the_log_says() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    let recorded = store.append_blocking(Batch::of((0..300).map(|n| heard(&n.to_string())).collect())).unwrap();
    for leaf in &recorded {
        assert_eq!(store.read(|reader| reader.leaf(leaf.seq)).unwrap().as_ref(), Some(&***leaf));
    }
    let mut seen = Vec::new();
    let scanned = store.read(|reader| {
        reader.scan(Seq(100), Seq(250), |seq, bytes| {
            seen.push((seq, Leaf::parse(bytes).unwrap()));
            if seq == Seq(199) { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        })
    });
    scanned.unwrap();
    assert_eq!(seen.len(), 100);
    assert!(seen.iter().zip(&recorded[100..]).all(|((seq, read), leaf)| *seq == leaf.seq && *read == ***leaf));
}

#[test]
fn an_entry_of_a_newer_build_is_reported_if_it_may_bear_facts() {
    #[derive(Clone, Default)]
    struct Watching(Remembered, Arc<Mutex<Vec<Seq>>>);
    impl Apply for Watching {
        fn apply(&mut self, leaves: &[Arc<Leaf>]) {
            self.0.apply(leaves);
        }

        fn unreadable(&mut self, seq: Seq, _why: &LeafError) {
            assert_eq!(self.0.len() as u64, if seq == Seq(1) { 1 } else { 2 }, "in its place among the others");
            self.1.lock().unwrap().push(seq);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::one(heard("first"))).unwrap();
    store.close();
    drop(store);
    let newer = |seq: i64, bearing: &str| {
        let leaf = format!(
            r#"{{"v":1,"seq":{seq},"recorded_at":"2100-01-01T00:00:00.000Z","kind":"new.thing","kv":9,"bearing":"{bearing}","actor":"local:amy","body":{{}}}}"#
        );
        sql(dir.path(), &format!("INSERT INTO entry (seq, leaf) VALUES ({seq}, {})", bytes_of(&leaf)));
    };
    newer(1, "fact");
    newer(2, "record");
    let watching = Watching::default();
    let store = open_with(dir.path(), SetClock::new().options(), watching.clone()).unwrap();
    assert_eq!(*watching.1.lock().unwrap(), [Seq(1)]);
    let recorded = store.append_blocking(Batch::one(heard("after"))).unwrap();
    assert_eq!((recorded[0].seq, recorded[0].recorded_at.to_string()), (Seq(3), "2100-01-01T00:00:00.000Z".to_owned()));
}
