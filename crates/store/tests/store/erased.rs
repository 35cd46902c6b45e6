//! What the writer refuses because somebody was erased or told of meanwhile, and an erasure whose commit was kept though it seemed to fail.

use super::ward::{SetClock, heard, open};
use events::patient::{Erased, Labelled, Merged};
use events::{Actor, Draft, Event, Leaf, PatientPseudonym, Seq, Timestamp};
use std::time::Duration;
use store::{AppendError, Batch, Detail, DetailSort, Options, Store};

const JANE: PatientPseudonym = PatientPseudonym::from_bytes([1; 16]);
const OMAR: PatientPseudonym = PatientPseudonym::from_bytes([2; 16]);
/// How often something is looked at that is to come about by itself, 5 ms apart; only a test that fails looks so often.
const LOOKS_MAX: usize = 6_000;

fn told(event: impl Into<Event>) -> Draft {
    Draft::new(Actor::handrail("test"), event)
}

fn labelled(patient: PatientPseudonym) -> Draft {
    told(Labelled { patient, labels: Vec::new() })
}

fn erasure(patient: PatientPseudonym) -> Draft {
    let (merged, reason) = (Vec::new(), "asked".into());
    told(Erased { patient, merged, reason, details: 0, numbers: 0, messages: 0 })
}

fn erased(store: &Store, patient: PatientPseudonym) {
    store.append_blocking(Batch { erases: vec![patient], ..Batch::one(erasure(patient)) }).unwrap();
}

#[test]
fn no_fact_is_told_of_a_patient_after_their_erasure_and_nothing_of_the_batch_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::one(labelled(JANE))).unwrap();
    erased(&store, JANE);
    let kept = folded.len();
    for draft in
        [labelled(JANE), told(Merged { survivor: OMAR, retired: JANE }), told(Merged { survivor: JANE, retired: OMAR })]
    {
        let refused = store.append_blocking(Batch::of(vec![labelled(OMAR), draft]));
        assert!(matches!(refused, Err(AppendError::Erased)), "{refused:?}");
    }
    assert_eq!(folded.len(), kept);
    // That they are asked for is no fact about them.
    store.append_blocking(Batch::of(vec![labelled(OMAR), heard(&JANE.to_string())])).unwrap();
}

#[test]
fn what_was_prepared_is_refused_once_a_fact_was_told_of_any_of_its_patients() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::one(labelled(JANE))).unwrap();
    let since = store.head().next;
    let prepared = || Batch::one(heard("prepared")).untold(since, vec![OMAR, JANE]);
    store.append_blocking(Batch::one(labelled(PatientPseudonym::from_bytes([3; 16])))).unwrap();
    store.append_blocking(prepared()).unwrap();
    store
        .append_blocking(Batch::one(told(Merged { survivor: PatientPseudonym::from_bytes([3; 16]), retired: JANE })))
        .unwrap();
    let refused = store.append_blocking(prepared());
    assert!(matches!(&refused, Err(AppendError::Conflict(_))), "{refused:?}");
    store.append_blocking(prepared().untold(store.head().next, vec![OMAR, JANE])).unwrap();
}

#[test]
fn an_erasure_whose_commit_was_kept_though_it_seemed_to_fail_is_folded_and_leaves_the_write_ahead_log() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { seal_after: Duration::from_millis(5), ..SetClock::new().options() };
    let (store, folded) = open(dir.path(), options);
    let text = zeroize::Zeroizing::new("Doe, Jane".to_owned());
    let detail = Detail { about: Some(JANE), sort: DetailSort::Identity, text };
    store.append_blocking(Batch::one(heard("a")).detail(0, detail)).unwrap();

    // Somebody else at the file does what the writer's own commit would have done, and the writer's fails.
    let other = rusqlite::Connection::open(dir.path().join("log.sqlite")).unwrap();
    let sealed: Vec<u8> = other.query_row("SELECT sealed FROM detail", [], |row| row.get(0)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let recorded_at: Timestamp = store.head().recorded_at;
    let leaf = Leaf::bytes(Seq(1), recorded_at, &erasure(JANE).tail().unwrap());
    other.execute("INSERT INTO entry (seq, leaf) VALUES (1, ?1)", [leaf]).unwrap();
    other.execute("UPDATE detail SET sealed = x''", []).unwrap();
    other.execute("UPDATE detail_subject SET erased_by = 1 WHERE patient = ?1", [JANE.to_bytes()]).unwrap();
    let failed = store.append_blocking(Batch::one(heard("b")));
    assert!(matches!(failed, Err(AppendError::Storage(_))), "{failed:?}");
    other.execute_batch("COMMIT").unwrap();
    drop(other);

    // The store finds out by itself that it can be written again, and what became of the commit.
    let is_left = || {
        let wal = std::fs::read(dir.path().join("log.sqlite-wal")).unwrap();
        wal.windows(sealed.len()).any(|window| window == sealed)
    };
    assert!(is_left(), "there is something to get rid of");
    let done = || folded.len() == 2 && !is_left();
    for _ in 0..LOOKS_MAX {
        if done() {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(done(), "{} entries, and left: {}", folded.len(), is_left());
    assert!(matches!(&folded.leaves()[1].draft.event, Event::PatientErased(erased) if erased.patient == JANE));
    assert_eq!(store.erased(JANE).unwrap(), Some(Seq(1)));
    let recorded = store.append_blocking(Batch::one(heard("c"))).unwrap();
    assert_eq!(recorded[0].seq, Seq(2));
    store.seal_blocking().unwrap();
    store.verify().unwrap();
}
