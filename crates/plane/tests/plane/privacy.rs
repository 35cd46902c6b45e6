//! Erasure, hold and expiry through the plane: what goes, what stays, and what forbids it.

use crate::house::{AMARA, HOUR, House, NUMBER, START, id, place, sent};
use events::encounter::{Class, Opened, Presence};
use events::patient::Merged;
use events::{Actor, Event, PatientPseudonym, Seq};
use plane::{Ask, Erasure, Identity, Naming, PrivacyError};
use store::{Batch, Kept};

pub(crate) const OTHER_NUMBER: &str = "MRN-0815-QUAYSIDE";

pub(crate) fn officer() -> Actor {
    Actor::local("uid 1000").unwrap()
}

pub(crate) fn jane() -> Identity {
    Identity { numbers: vec![NUMBER.into()], name: Some("Doe, Jane".into()), birth_date: Some("19561103".into()) }
}

/// A message that names a patient.
pub(crate) async fn named(house: &House, number: &str, identity: &Identity) -> (PatientPseudonym, Seq) {
    let patient = house.plane.directory().patient_or_new(number);
    let visit = house.plane.directory().encounter_or_new(&format!("visit of {number}"));
    let opened = Opened {
        encounter: visit.pseudonym,
        patient: patient.pseudonym,
        class: Class::Emergency,
        presence: Presence::Present,
        place: place("ED"),
        attending: Vec::new(),
        participants: Vec::new(),
    };
    let mut batch = Batch::one(sent(opened)).detail(0, identity.detail(patient.pseudonym).unwrap());
    batch.writes.extend(patient.write.into_iter().chain(visit.write));
    let recorded = house.plane.record(batch).await.unwrap();
    (patient.pseudonym, recorded[0].seq)
}

pub(crate) async fn erase(house: &House, number: &str) -> Result<Erasure, PrivacyError> {
    house.plane.erase(number, "asked for in writing", officer(), |_, _| Ok(Vec::new())).await
}

pub(crate) async fn merge(house: &House, survivor: PatientPseudonym, retired: PatientPseudonym) {
    house.tell(Merged { survivor, retired }).await;
}

#[tokio::test]
async fn a_name_is_found_by_pseudonym_whichever_record_was_told_of_last() {
    let house = House::open().await;
    assert_eq!(house.plane.name_of(house.patient).unwrap(), Naming::Unknown);
    named(&house, NUMBER, &jane()).await;
    assert_eq!(house.plane.name_of(house.patient).unwrap(), Naming::Known(jane()));
    let married = Identity { numbers: vec![OTHER_NUMBER.into()], name: Some("Roe, Jane".into()), birth_date: None };
    let (other, _) = named(&house, OTHER_NUMBER, &married).await;
    merge(&house, house.patient, other).await;
    assert_eq!(house.plane.name_of(house.patient).unwrap(), Naming::Known(married));
}

#[tokio::test]
async fn words_of_an_asker_are_kept_beside_the_decision_and_under_the_patients_key() {
    let house = House::open().await;
    let ask = |words: &'static str| {
        let question = house.question(AMARA, "record_observations");
        let ask = Ask { question, actor: officer(), request: None, live: false };
        async { house.plane.decide_with_words(ask, Some(words)).await.unwrap().entry() }
    };
    let (said, silent) = (ask("she asked for me").await, ask("  ").await);
    let Kept::Here(detail) = house.plane.store().detail(said).unwrap() else { panic!("kept") };
    assert_eq!((detail.about, detail.text.as_str()), (Some(house.patient), "she asked for me"));
    assert_eq!(house.plane.store().detail(silent).unwrap(), Kept::Nothing);
    let erased = erase(&house, NUMBER).await.unwrap();
    assert_eq!(house.plane.store().detail(said).unwrap(), Kept::Erased { by: erased.entry });
}

#[tokio::test]
async fn an_erased_patient_is_gone_under_every_number_and_comes_back_as_somebody_else() {
    let house = House::open().await;
    let (_, told) = named(&house, NUMBER, &jane()).await;
    let (other, _) = named(&house, OTHER_NUMBER, &jane()).await;
    merge(&house, other, house.patient).await;
    let numbers = house.plane.directory().len();

    let done = erase(&house, NUMBER).await.unwrap();
    assert_eq!((done.erased.patient, &done.erased.merged[..]), (other, &[house.patient][..]));
    // Two record numbers and three visits.
    assert_eq!((done.erased.details, done.erased.numbers, done.scrubbed), (2, 5, true));
    assert_eq!(house.plane.directory().len(), numbers - 5);
    assert_eq!(house.plane.store().detail(told).unwrap(), Kept::Erased { by: done.entry });
    assert_eq!(house.plane.name_of(other).unwrap(), Naming::Erased { by: done.entry });
    for number in [NUMBER, OTHER_NUMBER] {
        assert!(matches!(erase(&house, number).await, Err(PrivacyError::Nobody)));
    }
    assert!(!house.ask(AMARA, "record_observations").await.permits(), "nobody has a claim to them any more");
    house.plane.store().seal().await.unwrap();
    house.plane.store().verify().unwrap();

    let (again, _) = named(&house, NUMBER, &jane()).await;
    assert!(again != house.patient && again != other);
    assert_eq!(house.plane.name_of(again).unwrap(), Naming::Known(jane()));
    let house = house.reopen().await;
    assert_eq!(house.plane.directory().patient(NUMBER), again);
    assert_eq!(house.plane.name_of(other).unwrap(), Naming::Erased { by: done.entry });
}

#[tokio::test]
async fn nothing_is_erased_under_a_hold_of_any_record_and_all_of_it_after() {
    let house = House::open().await;
    named(&house, NUMBER, &jane()).await;
    let (other, _) = named(&house, OTHER_NUMBER, &jane()).await;
    let placed = house.plane.place_hold(OTHER_NUMBER, "case 7", id("privacy"), officer()).await.unwrap();
    merge(&house, house.patient, other).await;
    let refused = erase(&house, NUMBER).await.unwrap_err();
    assert!(matches!(&refused, PrivacyError::Held(hold) if hold.entry == placed), "{refused:?}");
    assert_eq!(
        refused.to_string(),
        format!(
            "the patient is under a legal hold since entry {placed}, placed for privacy (case 7); release it first"
        )
    );
    assert_eq!(house.plane.name_of(other).unwrap(), Naming::Known(jane()));
    let house = house.reopen().await;
    assert!(matches!(erase(&house, NUMBER).await, Err(PrivacyError::Held(_))), "after a restart too");
    house.plane.lift_hold(NUMBER, "settled", officer()).await.unwrap();
    let twice = house.plane.lift_hold(NUMBER, "settled", officer()).await;
    assert!(matches!(twice, Err(PrivacyError::NotHeld)));
    erase(&house, NUMBER).await.unwrap();
}

#[tokio::test]
async fn a_reason_that_names_the_patient_is_refused_and_nothing_is_done() {
    let house = House::open().await;
    named(&house, NUMBER, &jane()).await;
    let (before, nobody) = (house.plane.store().head().next, |_: &store::Store, _: &[Identity]| Ok(Vec::new()));
    for reason in ["Jane wants it", "record MRN-4711-HARBOUR", ""] {
        assert!(house.plane.erase(NUMBER, reason, officer(), nobody).await.is_err(), "{reason}");
        assert!(house.plane.place_hold(NUMBER, reason, id("privacy"), officer()).await.is_err(), "{reason}");
    }
    assert!(matches!(erase(&house, "MRN-UNKNOWN").await, Err(PrivacyError::Nobody)));
    assert_eq!(house.plane.store().head().next, before);
}

#[tokio::test]
async fn detail_expires_when_it_is_old_enough_but_not_under_a_hold() {
    let house = House::open().await;
    let (_, held) = named(&house, NUMBER, &jane()).await;
    let (_, free) = named(&house, OTHER_NUMBER, &jane()).await;
    house.plane.place_hold(NUMBER, "case 7", id("privacy"), officer()).await.unwrap();
    let days = house.plane.engine().charter().hospital().retention.detail_days.duration();
    house.clock.set(START + days - HOUR);
    assert_eq!(house.plane.expire_detail().await.unwrap(), 0, "not yet");
    house.clock.set(START + days + HOUR);
    let (_, young) = named(&house, OTHER_NUMBER, &jane()).await;
    assert_eq!(house.plane.expire_detail().await.unwrap(), 1);
    let kept = |entry| house.plane.store().detail(entry).unwrap();
    assert_eq!(kept(free), Kept::Expired);
    assert!(matches!(kept(held), Kept::Here(_)) && matches!(kept(young), Kept::Here(_)));
    let (before, _) = (house.plane.store().head().next, house.plane.expire_detail().await.unwrap());
    assert_eq!(house.plane.store().head().next, before, "where nothing expires nothing is recorded");
    house.plane.lift_hold(NUMBER, "settled", officer()).await.unwrap();
    assert_eq!(house.plane.expire_detail().await.unwrap(), 1);
    assert_eq!(kept(held), Kept::Expired);
    let counts: Vec<u64> = house
        .log()
        .iter()
        .filter_map(|(_, leaf)| match &leaf.draft.event {
            Event::DetailExpired(expired) => Some(expired.details),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [1, 1]);
}
