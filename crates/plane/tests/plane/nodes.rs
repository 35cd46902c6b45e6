//! Two nodes over one database: what one learns the other goes by, and neither records what no longer stands.

use crate::house::{
    AMARA, HOUR, House, MINUTE, NUMBER, START, ehr, ended, feed, id, open_node, place, posture, sent, until,
    with_keys_of,
};
use crate::privacy::{erase, jane, named};
use cluster::Cluster;
use events::device::Posture;
use events::encounter::{Class, Opened, Presence};
use events::{Actor, CallerName, Draft, Event, OwnerId};
use plane::{Plane, PrivacyError, Readiness, SetClock, Settings};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::{AppendError, Batch};
use tempfile::TempDir;

async fn two() -> (House, House) {
    let address = Cluster::shared().database().unwrap();
    let one = House::of(&address).await;
    let other = one.another(&address).await;
    (one, other)
}

/// A visit of the patient of a record number, as a message would have it.
fn visit(house: &House, record: &str, visit: &str) -> Batch {
    let patient = house.plane.directory().patient_or_new(record);
    let encounter = house.plane.directory().encounter_or_new(visit);
    let opened = Opened {
        encounter: encounter.pseudonym,
        patient: patient.pseudonym,
        class: Class::Emergency,
        presence: Presence::Present,
        place: place("ED"),
        attending: Vec::new(),
        participants: Vec::new(),
    };
    let mut batch = Batch::one(sent(opened));
    batch.writes.extend(patient.write.into_iter().chain(encounter.write));
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_one_node_makes_known_stands_for_the_same_patient_on_the_other() {
    let (one, other) = two().await;
    assert_eq!(other.plane.directory().patient(NUMBER), one.patient, "it was there when the other one opened");
    one.plane.record(visit(&one, "MRN-LATER", "VISIT-LATER")).await.unwrap();
    other.knows_as_much_as(&one).await;
    let (mine, theirs) = (one.plane.directory(), other.plane.directory());
    assert_eq!(theirs.patient("MRN-LATER"), mine.patient("MRN-LATER"));
    assert!(theirs.knows("MRN-LATER") && theirs.encounter_or_new("VISIT-LATER").write.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pseudonyms_that_two_nodes_give_one_number_one_stays() {
    let (one, other) = two().await;
    // Both have made one up, and neither has told.
    let (mine, theirs) =
        (one.plane.directory().patient_or_new("MRN-BOTH"), other.plane.directory().patient_or_new("MRN-BOTH"));
    assert_ne!(mine.pseudonym, theirs.pseudonym);
    let late = visit(&other, "MRN-BOTH", "VISIT-BOTH");
    one.plane.record(visit(&one, "MRN-BOTH", "VISIT-BOTH")).await.unwrap();
    let refused = other.plane.record(late.clone()).await.unwrap_err();
    assert!(refused.asks_anew(), "{refused}");
    // What it was refused for is known by then: prepared anew it is right.
    let prepared = AtomicUsize::new(0);
    let first = std::sync::Mutex::new(Some(late));
    let recorded = other.plane.record_prepared(|| {
        prepared.fetch_add(1, Ordering::SeqCst);
        Ok::<_, AppendError>(first.lock().unwrap().take().unwrap_or_else(|| visit(&other, "MRN-BOTH", "VISIT-BOTH")))
    });
    let recorded = recorded.await.unwrap();
    assert_eq!(prepared.into_inner(), 2);
    assert_eq!(recorded[0].draft.event.patient(), Some(mine.pseudonym));
    assert_eq!(other.plane.directory().patient("MRN-BOTH"), mine.pseudonym);
    assert_eq!(other.plane.directory().fresh(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_erased_on_one_node_is_nobody_on_the_other() {
    let (one, mut other) = two().await;
    other.keep();
    named(&one, NUMBER, &jane()).await;
    other.knows_as_much_as(&one).await;
    let (patient, visit) = (one.patient, one.visit);
    let late = Batch::one(sent(other.movement("WARD-3A")));
    erase(&one, NUMBER).await.unwrap();
    assert!(matches!(other.plane.record(late).await, Err(AppendError::Erased)));
    assert!(!other.plane.directory().knows(NUMBER));
    assert_ne!(other.plane.directory().patient_or_new(NUMBER).pseudonym, patient);
    // Which visits were theirs only the database can tell: the directory is read again.
    let forgotten = || other.plane.directory().encounter_or_new("VISIT-1").pseudonym != visit;
    until("the other numbers are forgotten too", forgotten).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_that_one_node_placed_forbids_the_other_to_erase() {
    let (one, other) = two().await;
    named(&one, NUMBER, &jane()).await;
    one.plane.place_hold(NUMBER, "a case is pending", OwnerId::new("privacy").unwrap(), feed()).await.unwrap();
    // At once: it need not have heard of it.
    let refused = erase(&other, NUMBER).await.unwrap_err();
    assert!(matches!(refused, PrivacyError::Held(_)), "{refused:?}");
    other.plane.lift_hold(NUMBER, "it is over", feed()).await.unwrap();
    one.knows_as_much_as(&other).await;
    erase(&one, NUMBER).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_on_facts_that_another_node_has_moved_is_not_recorded() {
    let (one, other) = two().await;
    let answer = other.ask(AMARA, "record_observations").await;
    assert!(answer.permits());
    let before = other.log().len();
    one.tell(posture(Posture::Failed)).await;
    // The same answer once more, as one that was judged before that was heard of.
    let again = other.plane.record(Batch::one(answer.leaf().draft.clone())).await;
    assert!(matches!(again, Err(AppendError::Stale)), "{again:?}");
    assert_eq!(other.log().len(), before + 1, "the report alone");
    // Asked anew it is decided on what is true.
    let anew = other.ask(AMARA, "record_observations").await;
    assert!(!anew.permits());
    assert_eq!(anew.made().unwrap().supersedes, None);
    // Facts that nobody moved stand.
    let denied = other.plane.record(Batch::one(anew.leaf().draft.clone())).await;
    assert!(denied.is_ok(), "{denied:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_ends_once_though_every_node_keeps_it_true() {
    let (mut one, mut other) = two().await;
    let permits: Vec<_> = {
        let mut permits = Vec::new();
        for _ in 0..8 {
            permits.push(one.open_permit(AMARA, "record_observations").await);
        }
        permits
    };
    other.knows_as_much_as(&one).await;
    let mut seen: Vec<_> =
        permits.iter().map(|(entry, _)| other.plane.live().watch(*entry).expect("live on every node")).collect();
    one.keep();
    other.keep();
    one.clock.set(START + 12 * HOUR + MINUTE);
    for (_, mut watched) in permits.clone() {
        ended(&mut watched).await;
    }
    for watched in &mut seen {
        ended(watched).await;
    }
    until("both are done", || one.plane.live().is_empty() && other.plane.live().is_empty()).await;
    // Whoever came second has tried by now.
    one.moved("WARD-3A").await;
    other.moved("ED").await;
    for (entry, _) in &permits {
        assert_eq!(one.ends_of(*entry).len(), 1, "{entry}");
    }
    let given_back = other.plane.release(permits[0].0, &ehr()).await;
    assert!(matches!(given_back, Err(plane::DecideError::NoSuchPermit)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_one_node_has_just_given_is_one_on_the_other() {
    let (one, other) = two().await;
    for _ in 0..20 {
        let (permit, _watched) = one.open_permit(AMARA, "record_observations").await;
        assert!(other.plane.permit(permit).await.unwrap().is_some());
        other.plane.release(permit, &ehr()).await.unwrap();
        assert!(one.plane.permit(permit).await.unwrap().is_none() || one.plane.release(permit, &ehr()).await.is_err());
    }
    assert!(other.plane.permit(events::Seq(1 << 40)).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_revoked_on_one_node_is_cut_on_the_other() {
    let (one, mut other) = two().await;
    other.keep();
    let (_, mut watched) = other.open_permit(AMARA, "record_observations").await;
    let revoked = events::caller::Revoked { caller: CallerName::new("ehr").unwrap() };
    one.tell(revoked).await;
    assert_eq!(ended(&mut watched).await.0, events::decision::EndCause::CallerRevoked);
    assert!(other.plane.tokens().is_ended(&ehr()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_that_begin_an_empty_database_one_seeds_it() {
    let keys = TempDir::new().unwrap();
    drop(
        store::Store::open(keys.path(), store::Options::new("test.example/log", Arc::new(|| START)), Box::new(()))
            .unwrap(),
    );
    for _ in 0..4 {
        let address = Cluster::shared().database().unwrap();
        let (dirs, clock) = ([with_keys_of(keys.path()), with_keys_of(keys.path())], SetClock::new(START));
        let (one, other) =
            tokio::join!(open_node(dirs[0].path(), &clock, &address), open_node(dirs[1].path(), &clock, &address));
        let applied = |plane: &Plane| {
            let mut applied = 0;
            let read = plane.store().read(|reader| {
                reader.scan(events::Seq(0), events::Seq(1000), |_, bytes| {
                    let leaf = events::Leaf::parse(bytes).unwrap();
                    applied += usize::from(matches!(leaf.draft.event, Event::CharterApplied(_)));
                    std::ops::ControlFlow::Continue(())
                })
            });
            read.map(|()| applied).unwrap()
        };
        assert_eq!((applied(&one), applied(&other)), (1, 1));
        assert_eq!(one.engine().charter().digest(), other.engine().charter().digest());
        let by = Actor::handrail("test");
        let told = events::feed::Heard { feed: id("adt"), message_type: "x".into(), sha256: "0".repeat(64).into() };
        other.record(Batch::one(Draft::new(by, told))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_charter_that_one_node_applies_is_in_force_on_the_other_at_once() {
    let address = Cluster::shared().database().unwrap();
    let open = |dir: std::path::PathBuf| {
        let address = store::Address::parse(&address).unwrap();
        tokio::task::spawn_blocking(move || {
            let at = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter");
            let settings = Settings::new(Arc::new(SetClock::new(START)), "test.example/log");
            let settings = Settings { store: Some(address), clock_skew_max: None, ..settings };
            Plane::open_for_development(&dir, Some(charter::Charter::load(&at).unwrap()), settings, None).unwrap()
        })
    };
    let first = TempDir::new().unwrap();
    let one = open(first.path().to_owned()).await.unwrap();
    let second = with_keys_of(first.path());
    let other = open(second.path().to_owned()).await.unwrap();
    assert!(other.proposals().development(), "what it is stands in the log");

    let mut files = crate::changes::files_of(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charter"));
    for (path, text) in &mut files {
        if path == "owners.toml" {
            text.push_str("\n# Read again.\n");
        }
    }
    let changed = charter::Charter::from_files(files).unwrap();
    let digest = changed.digest();
    one.apply_charter(changed, "a note in it", Actor::local("tester").unwrap()).await.unwrap();
    until("it is in force on both", || other.engine().charter().digest() == digest).await;
    assert_eq!(other.readiness(), Readiness::Ready);
    assert_eq!((one.lost(), other.lost()), (None, None));

    // Taken back, applied again and taken back once more, all of it heard of at once, as after a cut.
    let applied: Vec<serde_json::Value> = one
        .store()
        .read(|reader| {
            let mut applied = Vec::new();
            reader.scan(events::Seq(0), events::Seq(1000), |_, bytes| {
                let entry: serde_json::Value = serde_json::from_slice(bytes).unwrap();
                applied.extend(Some(entry).filter(|entry| entry["kind"] == "charter.applied"));
                std::ops::ControlFlow::Continue(())
            })?;
            Ok::<_, store::ReadError>(applied)
        })
        .unwrap();
    let [first, second] = <[_; 2]>::try_from(applied).unwrap();
    let next = one.store().head().next.0;
    let rows = (next..).zip([&first, &second, &first]).map(|(seq, applied)| {
        let mut entry = applied.clone();
        entry["seq"] = seq.into();
        format!("({seq}, convert_to($leaf${entry}$leaf$, 'UTF8'))")
    });
    let rows = rows.collect::<Vec<_>>().join(", ");
    Cluster::shared()
        .sql_at(&address, &format!("INSERT INTO entry (seq, leaf) VALUES {rows}; NOTIFY handrail"))
        .unwrap();
    until("they are known", || [&one, &other].iter().all(|node| node.store().head().next.0 == next + 3)).await;
    assert_eq!((one.readiness(), other.readiness()), (Readiness::Ready, Readiness::Ready));
    assert_eq!(one.engine().charter().digest(), other.engine().charter().digest());
    assert_ne!(other.engine().charter().digest(), digest);
}

/// What a newer build would record: an entry of a kind that this one does not know, after everything that is there.
fn from_a_newer_build(house: &House, address: &str, like: &[u8], bearing: &str) {
    let mut entry: serde_json::Value = serde_json::from_slice(like).unwrap();
    let next = house.plane.store().head().next;
    entry["seq"] = next.0.into();
    entry["kind"] = "ward.levitated".into();
    entry["bearing"] = bearing.into();
    let insert = format!("INSERT INTO entry (seq, leaf) VALUES ({next}, convert_to($leaf${entry}$leaf$, 'UTF8'))");
    Cluster::shared().sql_at(address, &format!("{insert}; NOTIFY handrail")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_meets_facts_of_a_newer_build_answers_nothing_and_one_that_meets_mere_records_goes_on() {
    let address = Cluster::shared().database().unwrap();
    let house = House::of(&address).await;
    assert!(house.ask(AMARA, "record_observations").await.permits());
    let (like, _) = house.log().pop().unwrap();
    let known = house.plane.store().head().next;
    from_a_newer_build(&house, &address, &like, "record");
    until("the record is heard of", || house.plane.store().head().next > known).await;
    assert_eq!(house.plane.readiness(), Readiness::Ready);
    assert!(house.ask(AMARA, "record_observations").await.permits());

    from_a_newer_build(&house, &address, &like, "fact");
    until("it knows that it knows too little", || matches!(house.plane.readiness(), Readiness::CannotRead { .. }))
        .await;
    let refused = house.asked(house.question(AMARA, "record_observations"), false).await;
    assert!(matches!(refused, Err(plane::DecideError::NotReady)), "{refused:?}");
    let nodes = || house.plane.store().read(|reader| reader.nodes()).unwrap();
    until("it says so to the others", || nodes().iter().any(|node| node.condition.contains("cannot be read"))).await;
}
