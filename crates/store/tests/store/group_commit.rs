//! Many callers, one transaction.

use super::ward::{SetClock, heard, open, text};
use store::Batch;

#[test]
fn every_answered_append_is_present_and_the_log_has_no_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let threads: Vec<_> = (0..32)
        .map(|thread| {
            let store = store.clone();
            std::thread::spawn(move || {
                (0..50)
                    .map(|turn| {
                        let wanted = format!("{thread}/{turn}");
                        let recorded = store.append_blocking(Batch::one(heard(&wanted))).unwrap();
                        assert_eq!(text(&recorded[0]), wanted);
                        (recorded[0].seq, wanted)
                    })
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut answered: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    answered.sort();
    assert_eq!(answered.len(), 1600);
    store.close();
    drop(store);
    for (place, ((seq, wanted), leaf)) in answered.iter().zip(folded.leaves()).enumerate() {
        assert_eq!((seq.0, leaf.seq.0), (place as u64, place as u64));
        assert_eq!(text(&leaf), *wanted);
    }
    let (_store, again) = open(dir.path(), SetClock::new().options());
    assert_eq!(again.leaves(), folded.leaves());
}
