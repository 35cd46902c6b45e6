//! Record numbers and their pseudonyms.

use crate::house::{AMARA, BO, House, NUMBER, id, place, sent};
use events::encounter::{Class, Opened, Presence};
use events::{EncounterPseudonym, PatientPseudonym};
use plane::Directory;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::Batch;
use world::Subject;

fn arrival(patient: PatientPseudonym, encounter: EncounterPseudonym) -> Opened {
    Opened {
        encounter,
        patient,
        class: Class::Inpatient,
        presence: Presence::Present,
        place: place("WARD-3A"),
        attending: Vec::new(),
        participants: Vec::new(),
    }
}

fn is_known(house: &House, patient: PatientPseudonym) -> bool {
    let subject = Subject { principal: id(AMARA), patient: Some(patient), device: None, session: None };
    house.plane.world(|world| world.facts(&subject, house.plane.now()).patient.is_some())
}

#[tokio::test]
async fn a_number_keeps_its_pseudonym_across_a_restart() {
    let house = House::open().await;
    assert_eq!(house.plane.directory().patient(NUMBER), house.patient);
    assert_eq!(house.plane.directory().encounter_or_new("VISIT-1").pseudonym, house.visit);
    let (patient, visit, known) = (house.patient, house.visit, house.plane.directory().len());
    let house = house.reopen().await;
    assert_eq!(house.plane.directory().patient(NUMBER), patient);
    let again = house.plane.directory().patient_or_new(NUMBER);
    assert_eq!(again.pseudonym, patient);
    assert!(again.write.is_none(), "it is in the store already");
    assert_eq!(house.plane.directory().encounter_or_new("VISIT-1").pseudonym, visit);
    assert_eq!(house.plane.directory().len(), known);
    assert!(is_known(&house, patient));
}

#[tokio::test]
async fn unknown_numbers_are_stable_different_and_in_no_world() {
    let house = House::open().await;
    let numbers: Vec<String> = (0..200).map(|n| format!("UNKNOWN-{n}")).collect();
    let told = |directory: &Directory| numbers.iter().map(|number| directory.patient(number)).collect::<Vec<_>>();
    let (first, known) = (told(house.plane.directory()), house.plane.directory().len());
    assert_eq!(first.iter().collect::<HashSet<_>>().len(), numbers.len());
    assert_eq!(told(house.plane.directory()), first, "asking again");
    assert_eq!(house.plane.directory().len(), known, "asking makes nothing known");
    assert!(first.iter().all(|patient| !is_known(&house, *patient)));
    let house = house.reopen().await;
    assert_eq!(told(house.plane.directory()), first, "after a restart");
    // Once they are somebody, they are somebody else than the nobody they were.
    let named = house.plane.directory().patient_or_new(&numbers[0]);
    assert_ne!(named.pseudonym, first[0]);
    // A record number and a visit number with the same digits have nothing in common.
    let visit = house.plane.directory().encounter_or_new(&numbers[0]).pseudonym;
    assert_ne!(visit.to_bytes(), named.pseudonym.to_bytes());
}

#[tokio::test]
async fn two_houses_call_the_same_number_differently() {
    let (one, other) = (House::open().await, House::open().await);
    assert_ne!(one.patient, other.patient);
    assert_ne!(one.plane.directory().patient("UNKNOWN-1"), other.plane.directory().patient("UNKNOWN-1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_use_a_number_first_at_once_get_one_pseudonym() {
    let house = Arc::new(House::open().await);
    let known = house.plane.directory().len();
    for round in 0..20 {
        let number = format!("AT-ONCE-{round}");
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let (house, number) = (Arc::clone(&house), number.clone());
                tokio::spawn(async move {
                    let patient = house.plane.directory().patient_or_new(&number);
                    let visit = house.plane.directory().encounter_or_new(&number);
                    let mut batch = Batch::one(sent(arrival(patient.pseudonym, visit.pseudonym)));
                    batch.writes.extend(patient.write.into_iter().chain(visit.write));
                    house.plane.record(batch).await.unwrap();
                    assert_eq!(house.plane.directory().patient(&number), patient.pseudonym);
                    patient.pseudonym
                })
            })
            .collect();
        let mut named = HashSet::new();
        for task in tasks {
            named.insert(task.await.unwrap());
        }
        assert_eq!(named.len(), 1);
        assert!(named.iter().all(|patient| is_known(&house, *patient)));
    }
    assert_eq!(house.plane.directory().len(), known + 40);
    let named: Vec<_> = (0..20).map(|round| house.plane.directory().patient(&format!("AT-ONCE-{round}"))).collect();
    let house = Arc::into_inner(house).unwrap().reopen().await;
    let again: Vec<_> = (0..20).map(|round| house.plane.directory().patient(&format!("AT-ONCE-{round}"))).collect();
    assert_eq!(named, again);
}

/// Made-up numbers in messages that are refused do not stay, and are nobody's at any moment.
#[tokio::test]
async fn numbers_that_nothing_came_of_are_let_go_of() {
    let house = House::open().await;
    let directory = house.plane.directory();
    let (known, fresh) = (directory.len(), directory.fresh());
    let asked = directory.patient("MADE-UP-0");
    for at in 0..1_000 {
        let named = directory.patient_or_new(&format!("MADE-UP-{at}"));
        assert!(named.write.is_some());
        assert!(!directory.knows(&format!("MADE-UP-{at}")), "nothing was recorded of it");
    }
    assert_eq!((directory.len(), directory.fresh()), (known, fresh + 1_000));
    // One of which something was recorded, though nobody who prepared it heard of that.
    let used = directory.patient_or_new("MADE-UP-7");
    let mut batch = Batch::one(sent(arrival(used.pseudonym, house.visit)));
    batch.writes.extend(used.write);
    house.plane.store().append(batch).await.unwrap();

    for _ in 0..3 {
        house.clock.set(house.plane.now() + Duration::from_secs(301));
        house.plane.record(Batch::one(sent(arrival(house.patient, house.visit)))).await.unwrap();
        // It works beside what is recorded.
        for _ in 0..500 {
            if directory.fresh() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    assert_eq!((directory.len(), directory.fresh()), (known + 1, 0));
    assert!(directory.knows("MADE-UP-7") && directory.patient("MADE-UP-7") == used.pseudonym);
    assert!(!directory.knows("MADE-UP-8"));
    assert_eq!(directory.patient("MADE-UP-0"), asked, "as a number nobody ever heard of");
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Which files hold these bytes.
fn holding(dir: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| std::fs::read(path).unwrap().windows(bytes.len()).any(|window| window == bytes);
    files(dir).into_iter().filter(holds).collect()
}

#[tokio::test]
async fn no_record_number_is_in_any_file() {
    let house = House::open().await;
    let numbers = [NUMBER, "VISIT-1", "MRN-0815-NOBODY", "MRN-0816-REFUSED"];
    house.ask(AMARA, "record_observations").await;
    house.ask(BO, "read_chart").await;
    let mut nobody = house.question(AMARA, "read_chart");
    nobody.resource.id = id(&house.plane.directory().patient(numbers[2]).to_string());
    house.asked(nobody, true).await.unwrap();
    // A batch that is refused: its number was named and never kept.
    let named = house.plane.directory().patient_or_new(numbers[3]);
    let mut batch = Batch::one(sent(arrival(named.pseudonym, house.visit))).expect("some/stream", 7);
    batch.writes.extend(named.write);
    assert!(house.plane.record(batch).await.is_err());

    for closed in [false, true] {
        if closed {
            house.plane.store().closed().await;
        }
        for number in numbers {
            assert_eq!(holding(house.dir(), number.as_bytes()), Vec::<PathBuf>::new(), "{number}, closed: {closed}");
        }
        // The search does find what is there.
        assert!(!holding(house.dir(), house.patient.to_string().as_bytes()).is_empty(), "closed: {closed}");
        assert!(!holding(house.dir(), b"record_observations").is_empty(), "closed: {closed}");
    }
}
