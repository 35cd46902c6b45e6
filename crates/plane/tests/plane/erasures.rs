//! An erasure and what happens beside it: a caller who goes away, messages and merges on their way, damage.

use crate::house::{AMARA, House, NUMBER, PATIENCE, START, feed, id, place, sent};
use crate::privacy::{OTHER_NUMBER, erase, jane, merge, named, officer};
use events::encounter::{Class, Opened, Presence};
use events::patient::{Labelled, Merged, Unmerged};
use events::{Draft, Event, PatientPseudonym};
use plane::{Erasure, Identity, Plane, PrivacyError};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::{AppendError, Batch, Kept, ReadError, Store};

/// Erases, and lets something happen once while it is prepared, after what it rests on was looked at.
async fn erase_while(house: &House, happens: impl Fn(&Plane) + Send + Sync + 'static) -> Result<Erasure, PrivacyError> {
    let (plane, happened) = (house.plane.clone(), AtomicBool::new(false));
    let meanwhile = move |_: &Store, _: &[Identity]| -> Result<Vec<i64>, ReadError> {
        if !happened.swap(true, Ordering::SeqCst) {
            happens(&plane);
        }
        Ok(Vec::new())
    };
    house.plane.erase(NUMBER, "asked for in writing", officer(), meanwhile).await
}

fn erasures(house: &House) -> usize {
    house.log().iter().filter(|(_, leaf)| matches!(leaf.draft.event, Event::PatientErased(_))).count()
}

fn new_pseudonym(house: &House) -> PatientPseudonym {
    house.plane.directory().patient_or_new(NUMBER).pseudonym
}

#[tokio::test]
async fn an_erasure_is_brought_to_its_end_though_whoever_asked_has_gone() {
    let house = House::open().await;
    named(&house, NUMBER, &jane()).await;
    let gone = tokio::time::timeout(Duration::ZERO, erase(&house, NUMBER)).await;
    assert!(gone.is_err(), "asked once and never again");
    let done = async {
        while house.plane.store().erased(house.patient).unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.expect("it goes on by itself");
    // Folded with the commit: nothing that comes later finds the old pseudonym.
    assert!(!house.plane.directory().knows(NUMBER));
    assert_ne!(new_pseudonym(&house), house.patient);
}

#[tokio::test]
async fn what_was_on_its_way_when_its_patient_was_erased_is_refused_and_says_so() {
    let house = House::open().await;
    let patient = house.plane.directory().patient_or_new(NUMBER).pseudonym;
    // Messages that were read before the erasure and come to be committed after it.
    let late = Batch::one(Draft::new(officer(), Labelled { patient, labels: Vec::new() }));
    let late = late.detail(0, jane().detail(patient).unwrap());
    let ask = plane::Ask {
        question: house.question(AMARA, "record_observations"),
        actor: feed(),
        request: None,
        live: false,
    };
    let done = erase(&house, NUMBER).await.unwrap();
    let next = house.plane.store().head().next;
    let refused = house.plane.record(late).await;
    assert!(matches!(refused, Err(AppendError::Erased)), "{refused:?}");
    assert_eq!(house.plane.store().head().next, next);
    // A question is answered and recorded as any other; its words go where the patient's key went.
    let asked = house.plane.decide_with_words(ask, Some("she asked for me")).await.unwrap();
    assert!(!asked.permits());
    assert_eq!(house.plane.store().detail(asked.entry()).unwrap(), Kept::Erased { by: done.entry });
}

#[tokio::test]
async fn a_hold_that_arrives_by_a_merge_stops_an_erasure_in_hand() {
    let house = House::open().await;
    let (_, told) = named(&house, NUMBER, &jane()).await;
    let (other, _) = named(&house, OTHER_NUMBER, &jane()).await;
    house.plane.place_hold(OTHER_NUMBER, "case 7", id("privacy"), officer()).await.unwrap();
    let merged = Draft::new(feed(), Merged { survivor: other, retired: house.patient });
    let refused = erase_while(&house, move |plane| {
        plane.store().append_blocking(Batch::one(merged.clone())).unwrap();
    });
    let refused = refused.await;
    assert!(matches!(refused, Err(PrivacyError::Held(_))), "{refused:?}");
    assert_eq!(erasures(&house), 0);
    assert!(matches!(house.plane.store().detail(told).unwrap(), Kept::Here(_)));
}

#[tokio::test]
async fn records_and_stays_that_come_while_an_erasure_is_prepared_are_erased_with_it() {
    let house = House::open().await;
    named(&house, NUMBER, &jane()).await;
    let (other, told) = named(&house, OTHER_NUMBER, &jane()).await;
    let (patient, numbers) = (house.patient, house.plane.directory().len());
    let done = erase_while(&house, move |plane| {
        let visit = plane.directory().encounter_or_new("VISIT-LATE");
        let opened = Opened {
            encounter: visit.pseudonym,
            patient,
            class: Class::Emergency,
            presence: Presence::Present,
            place: place("ED"),
            attending: Vec::new(),
            participants: Vec::new(),
        };
        let drafts = vec![sent(opened), sent(Merged { survivor: patient, retired: other })];
        let writes = visit.write.into_iter().collect();
        plane.store().append_blocking(Batch { drafts, writes, ..Batch::default() }).unwrap();
    });
    let done = done.await.unwrap();
    assert_eq!((done.erased.merged.len(), erasures(&house)), (1, 1), "one entry says all of it");
    assert_eq!(house.plane.store().detail(told).unwrap(), Kept::Erased { by: done.entry });
    // Both records, the visit of each, the house's own, and the late one.
    assert_eq!(done.erased.numbers, 6);
    assert_eq!(house.plane.directory().len(), numbers + 1 - 6);
}

#[tokio::test]
async fn of_two_who_erase_the_same_patient_one_finds_nobody() {
    let house = House::open().await;
    named(&house, NUMBER, &jane()).await;
    let (one, other) = tokio::join!(erase(&house, NUMBER), erase(&house, NUMBER));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!([one, other].iter().any(|done| matches!(done, Err(PrivacyError::Nobody))));
    assert_eq!(erasures(&house), 1);
}

#[tokio::test]
async fn taking_two_records_apart_takes_neither_out_from_under_their_hold() {
    let house = House::open().await;
    named(&house, NUMBER, &jane()).await;
    let (other, _) = named(&house, OTHER_NUMBER, &jane()).await;
    merge(&house, other, house.patient).await;
    house.plane.place_hold(OTHER_NUMBER, "case 7", id("privacy"), officer()).await.unwrap();
    house.tell(Unmerged { survivor: other, retired: house.patient }).await;
    for number in [NUMBER, OTHER_NUMBER] {
        assert!(matches!(erase(&house, number).await, Err(PrivacyError::Held(_))), "{number}");
    }
    let house = house.reopen().await;
    house.plane.lift_hold(OTHER_NUMBER, "settled", officer()).await.unwrap();
    assert!(matches!(erase(&house, NUMBER).await, Err(PrivacyError::Held(_))), "each is lifted by itself");
    erase(&house, OTHER_NUMBER).await.unwrap();
    house.plane.lift_hold(NUMBER, "settled", officer()).await.unwrap();
    erase(&house, NUMBER).await.unwrap();
}

#[tokio::test]
async fn a_hold_that_is_on_both_records_of_one_patient_again_is_lifted_at_once() {
    let house = House::open().await;
    let (other, _) = named(&house, OTHER_NUMBER, &jane()).await;
    merge(&house, other, house.patient).await;
    house.plane.place_hold(NUMBER, "case 7", id("privacy"), officer()).await.unwrap();
    house.tell(Unmerged { survivor: other, retired: house.patient }).await;
    merge(&house, other, house.patient).await;
    assert_eq!(house.plane.world(|world| world.holds().count()), 2);
    house.plane.lift_hold(NUMBER, "settled", officer()).await.unwrap();
    assert_eq!(house.plane.world(|world| world.holds().count()), 0);
}

#[tokio::test]
async fn a_piece_of_detail_that_is_damaged_does_not_keep_its_patient_from_being_erased() {
    let house = House::open().await;
    let (patient, damaged) = named(&house, NUMBER, &jane()).await;
    let before = Identity { name: Some("Roe, Jane".into()), ..jane() };
    let (_, whole) = named(&house, NUMBER, &before).await;
    house.plane.store().closed().await;
    // In the table a row has its time between its sort and the ciphertext; the first is the older.
    let row = [&patient.to_bytes()[..], b"identity", &START.as_millis().to_be_bytes()[2..]].concat();
    let file = house.dir().join("log.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    let rows: Vec<usize> =
        bytes.windows(row.len()).enumerate().filter(|(_, found)| *found == row).map(|(at, _)| at).collect();
    assert_eq!(rows.len(), 2);
    // Rows are put into a page from its end.
    bytes[rows.iter().max().unwrap() + row.len() + 20] ^= 1;
    fs::write(&file, bytes).unwrap();

    let house = house.reopen().await;
    assert!(house.plane.store().detail(damaged).is_err() && house.plane.store().detail(whole).is_ok());
    let person = house.plane.person(NUMBER).unwrap();
    assert_eq!((person.identities, person.unreadable), (vec![before], 1));
    let placed = house.plane.place_hold(NUMBER, "case 7", id("privacy"), officer()).await;
    placed.unwrap();
    house.plane.lift_hold(NUMBER, "settled", officer()).await.unwrap();
    let done = erase(&house, NUMBER).await.unwrap();
    assert_eq!((done.unreadable, done.erased.details), (1, 2));
    for entry in [damaged, whole] {
        assert_eq!(house.plane.store().detail(entry).unwrap(), Kept::Erased { by: done.entry });
    }
}
