//! The search file: it follows the log, finds what it should, and is made anew whenever it is not what it should be.

use super::ward::{START_MILLIS, SetClock, heard, open};
use events::decision::{Asserted, Effect, Made, Obligation, Question};
use events::{
    Actor, CharterDigest, Draft, EntityRef, PatientPseudonym, PrincipalId, Seq, Timestamp, UnitId, emergency, patient,
};
use std::path::Path;
use std::time::Duration;
use store::search::Wanted;
use store::{Batch, Search, Store};

const LONG: Duration = Duration::from_secs(30);
const ANNA: PatientPseudonym = PatientPseudonym::from_bytes([1; 16]);
const BELA: PatientPseudonym = PatientPseudonym::from_bytes([2; 16]);

fn decided(who: &str, of: PatientPseudonym, effect: Effect, obligations: Vec<Obligation>) -> Draft {
    let entity = |kind: &str, id: &str| EntityRef { kind: kind.parse().unwrap(), id: PrincipalId::new(id).unwrap() };
    let made = Made {
        question: Question {
            session: None,
            principal: entity("Person", who),
            action: "read_chart".parse().unwrap(),
            resource: entity("Patient", &of.to_string()),
            workflow: None,
            asserted: Asserted::default(),
        },
        patient: Some(of),
        effect,
        workflow: Some("chart-review".parse().unwrap()),
        policies: Vec::new(),
        errors: Vec::new(),
        remedies: Vec::new(),
        obligations,
        circumstances: events::decision::Values::default(),
        holds_until: None,
        world_seq: Seq(0),
        charter: CharterDigest([0; 32]),
        decided_at: Timestamp::from_millis(START_MILLIS),
        supersedes: None,
        live: false,
    };
    Draft { place: Some(UnitId::new("ED").unwrap()), ..Draft::new("caller:ehr".parse().unwrap(), Box::new(made)) }
}

fn add(store: &Store, draft: Draft) -> Seq {
    store.append_blocking(Batch::one(draft)).unwrap()[0].seq
}

/// Six entries, a second apart: a message, three decisions, an emergency, a merge.
fn filled(dir: &Path) -> (Store, SetClock) {
    let clock = SetClock::new();
    let (store, _) = open(dir, clock.options());
    let drafts = [
        heard("nothing"),
        decided("amara", ANNA, Effect::Permit, vec![]),
        decided("bjorn", ANNA, Effect::Deny, vec![]),
        decided("amara", BELA, Effect::Permit, vec![Obligation::MarkEmergency]),
        Draft::new(
            Actor::handrail("test"),
            emergency::Declared { unit: UnitId::new("ED").unwrap(), until: Timestamp::from_millis(START_MILLIS) },
        ),
        Draft::new(Actor::handrail("test"), patient::Merged { survivor: ANNA, retired: BELA }),
    ];
    for (draft, second) in drafts.into_iter().zip(0..) {
        clock.set(START_MILLIS + second * 1_000);
        add(&store, draft);
    }
    (store, clock)
}

fn find(search: &Search, store: &Store, wanted: &Wanted) -> Vec<u64> {
    assert!(search.wait_until(store.head().next, LONG));
    search.find(wanted, 100).unwrap().entries.into_iter().map(|seq| seq.0).collect()
}

#[test]
fn entries_are_found_by_everything_they_are_about() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let search = Search::start(dir.path(), store.clone()).unwrap();
    let at = |second: i64| Some(Timestamp::from_millis(START_MILLIS + second * 1_000));
    let amara = Some(PrincipalId::new("amara").unwrap());
    let asked = |wanted: Wanted| find(&search, &store, &wanted);
    assert_eq!(asked(Wanted::default()), [5, 4, 3, 2, 1, 0]);
    assert_eq!(asked(Wanted { patients: vec![ANNA], ..Wanted::default() }), [5, 2, 1]);
    assert_eq!(asked(Wanted { patients: vec![ANNA, BELA], ..Wanted::default() }), [5, 3, 2, 1], "each once");
    assert_eq!(asked(Wanted { person: amara.clone(), ..Wanted::default() }), [3, 1]);
    assert_eq!(asked(Wanted { effect: Some(Effect::Deny), ..Wanted::default() }), [2]);
    assert_eq!(asked(Wanted { emergency: true, ..Wanted::default() }), [4, 3]);
    assert_eq!(asked(Wanted { kind: Some("patient.merged".into()), ..Wanted::default() }), [5]);
    assert_eq!(asked(Wanted { place: Some("ED".parse().unwrap()), ..Wanted::default() }), [4, 3, 2, 1]);
    assert_eq!(asked(Wanted { workflow: Some("chart-review".parse().unwrap()), ..Wanted::default() }), [3, 2, 1]);
    assert_eq!(asked(Wanted { actor: Some("feed:adt".parse().unwrap()), ..Wanted::default() }), [0]);
    assert_eq!(asked(Wanted { from: at(2), until: at(4), ..Wanted::default() }), [3, 2]);
    assert_eq!(asked(Wanted { from: at(60), ..Wanted::default() }), [] as [u64; 0]);
    let both = Wanted { person: amara, patients: vec![BELA], effect: Some(Effect::Permit), ..Wanted::default() };
    assert_eq!(asked(both), [3]);
    let hostile = Wanted { kind: Some("' OR 1=1 --".into()), ..Wanted::default() };
    assert_eq!(asked(hostile), [] as [u64; 0]);
}

#[test]
fn pages_go_on_where_the_last_ended_in_both_directions() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let search = Search::start(dir.path(), store.clone()).unwrap();
    assert!(search.wait_until(store.head().next, LONG));
    let page = |wanted: &Wanted| {
        let found = search.find(wanted, 2).unwrap();
        (found.entries.into_iter().map(|seq| seq.0).collect::<Vec<_>>(), found.more)
    };
    assert_eq!(page(&Wanted::default()), (vec![5, 4], true));
    assert_eq!(page(&Wanted { before: Some(Seq(4)), ..Wanted::default() }), (vec![3, 2], true));
    assert_eq!(page(&Wanted { before: Some(Seq(2)), ..Wanted::default() }), (vec![1, 0], false));
    assert_eq!(page(&Wanted { after: Some(Seq(1)), ..Wanted::default() }), (vec![3, 2], true));
    assert_eq!(page(&Wanted { after: Some(Seq(3)), ..Wanted::default() }), (vec![5, 4], false));
    assert_eq!(page(&Wanted { after: Some(Seq(u64::MAX)), ..Wanted::default() }), (vec![], false));
}

#[test]
fn what_is_recorded_later_is_found_too() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let search = Search::start(dir.path(), store.clone()).unwrap();
    let entry = add(&store, decided("celia", ANNA, Effect::Permit, vec![]));
    let celia = Wanted { person: Some("celia".parse().unwrap()), ..Wanted::default() };
    assert_eq!(find(&search, &store, &celia), [entry.0]);
    drop(search);
    let later = add(&store, decided("celia", BELA, Effect::Permit, vec![]));
    let search = Search::start(dir.path(), store.clone()).unwrap();
    assert_eq!(find(&search, &store, &celia), [later.0, entry.0], "it goes on from its watermark");
}

#[test]
fn a_file_that_is_deleted_or_damaged_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    let file = dir.path().join("search.sqlite");
    let everything = [5, 4, 3, 2, 1, 0];
    drop(Search::start(dir.path(), store.clone()).unwrap());
    std::fs::write(&file, b"this is no database, but long enough to look like a beginning of one").unwrap();
    let search = Search::start(dir.path(), store.clone()).unwrap();
    assert_eq!(find(&search, &store, &Wanted::default()), everything);
    // Under a running node.
    std::fs::remove_file(&file).unwrap();
    while !file.exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    while search.find(&Wanted::default(), 100).map(|found| found.entries.len()).unwrap_or(0) < everything.len() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(find(&search, &store, &Wanted::default()), everything);
}

#[test]
fn a_file_left_from_another_log_is_not_believed() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, _) = filled(dir.path());
    let search = Search::start(dir.path(), store.clone()).unwrap();
    assert!(search.wait_until(store.head().next, LONG));
    drop(search);
    let clock = SetClock::new();
    let (restored, _) = open(other.path(), clock.options());
    for text in ["a", "b", "c", "d", "e", "f", "g"] {
        add(&restored, heard(text));
    }
    for end in ["", "-wal"] {
        let name = format!("search.sqlite{end}");
        if dir.path().join(&name).exists() {
            std::fs::copy(dir.path().join(&name), other.path().join(&name)).unwrap();
        }
    }
    let search = Search::start(other.path(), restored.clone()).unwrap();
    assert_eq!(find(&search, &restored, &Wanted { patients: vec![ANNA], ..Wanted::default() }), [] as [u64; 0]);
    assert_eq!(find(&search, &restored, &Wanted::default()), [6, 5, 4, 3, 2, 1, 0]);
}

#[test]
fn where_the_file_cannot_be_kept_decisions_go_on_and_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = filled(dir.path());
    // A directory of that name is in the way, even of the superuser.
    std::fs::create_dir(dir.path().join("search.sqlite")).unwrap();
    let search = Search::start(dir.path(), store.clone()).unwrap();
    while search.trouble().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(search.complete_to(), Seq(0));
    add(&store, heard("still recorded"));
    assert!(search.find(&Wanted::default(), 10).is_err());
}
