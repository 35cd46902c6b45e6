//! What the tests append and fold.

use events::{Actor, Draft, FeedName, Leaf, LeafError, Seq, Timestamp, feed::Heard};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use store::{Apply, Options, Store};

/// The instant the tests begin at.
pub(crate) const START_MILLIS: i64 = 1_790_000_000_000;

/// A fold that remembers every leaf it was given.
#[derive(Clone, Default)]
pub(crate) struct Remembered(pub(crate) Arc<Mutex<Vec<Arc<Leaf>>>>);

impl Remembered {
    pub(crate) fn leaves(&self) -> Vec<Arc<Leaf>> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Apply for Remembered {
    fn apply(&mut self, leaves: &[Arc<Leaf>]) {
        self.0.lock().unwrap().extend_from_slice(leaves);
    }

    fn unreadable(&mut self, seq: Seq, why: &LeafError) {
        panic!("entry {seq}: {why}");
    }
}

/// A clock the test sets.
#[derive(Clone)]
pub(crate) struct SetClock(Arc<AtomicI64>);

impl SetClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START_MILLIS)))
    }

    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::SeqCst);
    }

    pub(crate) fn options(&self) -> Options {
        let clock = self.0.clone();
        Options {
            clock_jump_max: None,
            ..Options::new("test.example/log", Arc::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst))))
        }
    }
}

/// An entry that says `text`.
pub(crate) fn heard(text: &str) -> Draft {
    let feed = FeedName::new("adt").unwrap();
    Draft::new(Actor::feed(&feed), Heard { feed, message_type: "ORU^R01".into(), sha256: text.into() })
}

/// What an entry made by [`heard`] says.
pub(crate) fn text(leaf: &Leaf) -> String {
    match &leaf.draft.event {
        events::Event::FeedHeard(heard) => heard.sha256.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A store in `dir`, and what it folds.
pub(crate) fn open(dir: &Path, options: Options) -> (Store, Remembered) {
    let folded = Remembered::default();
    (Store::open(dir, options, Box::new(folded.clone())).unwrap(), folded)
}
