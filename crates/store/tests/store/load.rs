//! Load on a store over a server, and whether everything it answered stands in the log once.

use super::ward::{Remembered, SetClock, heard, open, text};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::{Address, Batch, Options, Store};

/// How often, and how many times, to look whether something has happened.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS_MAX: usize = 1500;

pub(crate) fn at(address: &str) -> Options {
    Options {
        seal_after: Duration::from_millis(50),
        address: Some(Address::parse(address).unwrap()),
        ..SetClock::new().options()
    }
}

pub(crate) fn open_at(dir: &Path, address: &str) -> (Store, Remembered) {
    let folded = Remembered::default();
    (Store::open(dir, at(address), Box::new(folded.clone())).unwrap(), folded)
}

pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if done() {
            return;
        }
        std::thread::sleep(LOOK);
    }
    panic!("{what}");
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Threads that append until told to stop; what was answered, each said once.
pub(crate) fn under_load(store: &Store, meanwhile: impl FnOnce(&AtomicUsize)) -> BTreeSet<String> {
    static LOADS: AtomicUsize = AtomicUsize::new(0);
    let load = LOADS.fetch_add(1, Ordering::SeqCst);
    let (over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let at_work: Vec<_> = (0..4)
            .map(|thread| {
                let (over, answered) = (&over, &answered);
                scope.spawn(move || {
                    let mut said = BTreeSet::new();
                    for number in 0.. {
                        if over.load(Ordering::SeqCst) {
                            break;
                        }
                        let words = format!("{load}/{thread}/{number}");
                        if let Ok(recorded) = store.append_blocking(Batch::one(heard(&words))) {
                            assert_eq!(text(&recorded[0]), words);
                            answered.fetch_add(1, Ordering::SeqCst);
                            said.insert(words);
                        }
                    }
                    said
                })
            })
            .collect();
        // However that ends: a test that fails does not wait for ever.
        let _over = Over(&over);
        meanwhile(&answered);
        over.store(true, Ordering::SeqCst);
        at_work.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Whether the log has every answer, nothing twice and no gap, and verifies.
pub(crate) fn holds_together(dir: &Path, store: Store, folded: &Remembered, answered: &BTreeSet<String>) {
    store.seal_blocking().unwrap();
    let size = store.verify().unwrap().size;
    let folded = folded.leaves();
    drop(store);
    let (store, again) = open(dir, SetClock::new().options());
    let leaves = again.leaves();
    assert_eq!(leaves, folded, "what was folded is what is there");
    assert_eq!(size, leaves.len() as u64);
    assert!((0..).zip(&leaves).all(|(seq, leaf)| leaf.seq.0 == seq));
    let there: Vec<String> = leaves.iter().map(|leaf| text(leaf)).collect();
    let once: BTreeSet<String> = there.iter().cloned().collect();
    assert_eq!(once.len(), there.len(), "nothing is there twice");
    let missing: Vec<_> = answered.difference(&once).collect();
    assert!(missing.is_empty(), "{missing:?}");
    drop(store);
}
