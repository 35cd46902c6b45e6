//! Permits that stay live end with what they rest on, and whoever watches is told.

use crate::house::{
    AMARA, DESK, HOUR, House, MINUTE, PATIENCE, START, TOVE, ehr, ended, feed, id, posture, shift, word,
};
use events::decision::{Effect, EndCause, EndMode, Made};
use events::device::{Posture, Retired};
use events::encounter::Closed;
use events::patient::Merged;
use events::principal;
use events::rota::ShiftWithdrawn;
use events::team::{Joined, Left};
use events::{Actor, Draft, Event, Seq, Timestamp};
use plane::{DecideError, LIVE_MAX, Standing};
use std::time::Duration;
use store::{AppendError, Batch};

/// Time for the keeper to do wrong.
const A_WHILE: Duration = Duration::from_millis(100);

async fn kept() -> House {
    let mut house = House::open().await;
    house.keep();
    house
}

/// The nurse without a shift, on the patient's team.
async fn on_team(house: &House, until: Option<Timestamp>) {
    house.tell(Joined { patient: house.patient, person: id(TOVE), until }).await;
}

/// What the log says of a permit's end: once, followed at once by the deny that found it.
fn deny_after(house: &House, permit: Seq, cause: EndCause) -> Made {
    let ends = house.ends_of(permit);
    assert_eq!(ends.len(), 1);
    assert_eq!(ends[0].1, cause);
    let (_, deny) = &house.log()[usize::try_from(ends[0].0.0 + 1).unwrap()];
    let Event::DecisionMade(made) = &deny.draft.event else { panic!("no decision follows the end") };
    assert_eq!((made.effect, made.supersedes, made.live), (Effect::Deny, Some(permit), false));
    assert_eq!(deny.draft.actor, Actor::handrail("plane"));
    (**made).clone()
}

#[tokio::test]
async fn a_permit_ends_when_the_patient_has_moved_and_the_grace_is_over() {
    let house = kept().await;
    let (permit, mut watched) = house.open_permit(AMARA, "record_observations").await;
    house.moved("WARD-3A").await;
    house.pass(START + 29 * MINUTE).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(permit), "within the grace");
    house.pass(START + 31 * MINUTE).await;
    assert_eq!(ended(&mut watched).await, (EndCause::FactsChanged, EndMode::ReadOnly));
    assert!(!house.is_live(permit));
    deny_after(&house, permit, EndCause::FactsChanged);
}

#[tokio::test]
async fn a_permit_ends_with_the_shift_that_is_withdrawn() {
    let house = kept().await;
    let (permit, mut watched) = house.open_permit(AMARA, "record_observations").await;
    house.tell(ShiftWithdrawn { shift: id("s-amara"), person: id(AMARA) }).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);
    deny_after(&house, permit, EndCause::FactsChanged);
}

#[tokio::test]
async fn a_permit_ends_with_the_shift_whose_time_is_over() {
    let house = kept().await;
    let (permit, mut watched) = house.open_permit(AMARA, "record_observations").await;
    house.pass(START + 11 * HOUR).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::Expired);
    deny_after(&house, permit, EndCause::Expired);
}

#[tokio::test]
async fn a_permit_ends_when_the_shift_is_moved_to_another_ward() {
    let house = kept().await;
    let (_, mut watched) = house.open_permit(AMARA, "record_observations").await;
    house.tell(shift("s-amara", AMARA, "WARD-3B")).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);
}

#[tokio::test]
async fn a_permit_ends_when_the_device_fails_its_check() {
    let house = kept().await;
    let (permit, mut watched) = house.open_permit(AMARA, "record_observations").await;
    house.tell(posture(Posture::Degraded)).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(permit), "a degraded device may go on");
    house.tell(posture(Posture::Failed)).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);
    assert_eq!(deny_after(&house, permit, EndCause::FactsChanged).policies, [id("guard-failed-device")]);
}

#[tokio::test]
async fn a_permit_ends_when_its_holder_leaves_the_team() {
    let house = kept().await;
    on_team(&house, None).await;
    let (permit, mut watched) = house.open_permit(TOVE, "record_observations").await;
    house.tell(Left { patient: house.patient, person: id(TOVE) }).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);
    deny_after(&house, permit, EndCause::FactsChanged);
}

#[tokio::test]
async fn a_permit_ends_when_its_holder_does_or_the_patient_has_left_for_good() {
    let house = kept().await;
    let (_, mut one) = house.open_permit(AMARA, "record_observations").await;
    house.tell(principal::Ended { principal: id(AMARA) }).await;
    assert_eq!(ended(&mut one).await.0, EndCause::FactsChanged);

    house.tell(shift("s-tove", TOVE, "ED")).await;
    let (other, mut two) = house.open_permit(TOVE, "record_observations").await;
    house.tell(Closed { encounter: house.visit, patient: house.patient }).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(other), "within the grace of a discharge");
    house.pass(START + 4 * HOUR + MINUTE).await;
    assert_eq!(ended(&mut two).await.0, EndCause::FactsChanged);
}

#[tokio::test]
async fn a_permit_on_a_record_follows_it_when_it_is_merged_into_another() {
    let house = kept().await;
    on_team(&house, None).await;
    let (permit, mut watched) = house.open_permit(TOVE, "record_observations").await;
    let survivor = house.plane.directory().patient_or_new("MRN-OTHER").pseudonym;
    house.tell(Merged { survivor, retired: house.patient }).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(permit), "they are one patient, with one team");
    house.tell(Left { patient: survivor, person: id(TOVE) }).await;
    house.tell(Left { patient: house.patient, person: id(TOVE) }).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);
}

#[tokio::test]
async fn no_permit_lives_longer_than_twelve_hours() {
    let house = kept().await;
    on_team(&house, None).await;
    let (permit, mut watched) = house.open_permit(TOVE, "record_observations").await;
    assert_eq!(house.plane.live().find(permit).unwrap().expires_at, START + LIVE_MAX);
    house.pass(START + LIVE_MAX - MINUTE).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(permit));
    house.clock.set(START + LIVE_MAX);
    assert_eq!(ended(&mut watched).await, (EndCause::Expired, EndMode::ReadOnly));
    let ends = house.ends_of(permit);
    assert_eq!(ends.iter().map(|(_, cause)| *cause).collect::<Vec<_>>(), [EndCause::Expired]);
}

#[tokio::test]
async fn a_permit_is_given_back_once_and_by_its_holder_alone() {
    let house = kept().await;
    let (permit, mut watched) = house.open_permit(AMARA, "record_observations").await;
    let stranger = house.plane.release(permit, &Actor::local("somebody").unwrap()).await;
    assert!(matches!(stranger, Err(DecideError::NoSuchPermit)));
    assert_eq!(*watched.borrow(), Standing::Holds);
    house.plane.release(permit, &ehr()).await.unwrap();
    assert_eq!(ended(&mut watched).await.0, EndCause::Released);
    assert!(matches!(house.plane.release(permit, &ehr()).await, Err(DecideError::NoSuchPermit)));
    assert_eq!(house.ends_of(permit).len(), 1);
}

#[tokio::test]
async fn a_permit_given_back_twice_at_once_or_while_it_falls_ends_once() {
    let house = kept().await;
    for round in 0..20 {
        on_team(&house, None).await;
        let (permit, mut watched) = house.open_permit(TOVE, "record_observations").await;
        let holder = ehr();
        let (one, other) = (house.plane.release(permit, &holder), house.plane.release(permit, &holder));
        if round % 2 == 0 {
            let (one, other) = tokio::join!(one, other);
            assert_eq!((one.is_ok(), other.is_ok()), (true, false), "{one:?} {other:?}");
        } else {
            let (_, one) = tokio::join!(house.tell(Left { patient: house.patient, person: id(TOVE) }), one);
            assert!(matches!(one, Ok(()) | Err(DecideError::NoSuchPermit)), "{one:?}");
        }
        ended(&mut watched).await;
        house.plane.store().append(Batch::one(word("ORU^R01"))).await.unwrap();
        assert_eq!(house.ends_of(permit).len(), 1);
    }
}

#[tokio::test]
async fn what_does_not_bear_on_a_permit_does_not_end_it() {
    let house = kept().await;
    let (permit, watched) = house.open_permit(AMARA, "record_observations").await;
    house.record(word("ORU^R01")).await;
    house.tell(shift("s-else", TOVE, "ED")).await;
    on_team(&house, None).await;
    house.tell(Retired { device: id("ws-elsewhere") }).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(permit) && *watched.borrow() == Standing::Holds);
    assert!(house.ends_of(permit).is_empty());
}

#[tokio::test]
async fn a_permit_that_needs_no_device_outlives_the_one_it_was_asked_at() {
    let house = kept().await;
    let (permit, _) = house.open_permit(AMARA, "record_observations").await;
    let before = house.plane.live().find(permit).unwrap();
    assert!(before.question().unwrap().asserted.context.contains_key("device"), "asked at {DESK}");
    house.tell(Retired { device: id(DESK) }).await;
    tokio::time::sleep(A_WHILE).await;
    assert!(house.is_live(permit), "charting needs no device here");
}

#[tokio::test]
async fn a_deny_does_not_stay_live() {
    let house = kept().await;
    let answer = house.asked(house.question(TOVE, "record_observations"), true).await.unwrap();
    assert!(!answer.permits() && !answer.made().unwrap().live);
    assert!(house.plane.live().is_empty());
}

#[tokio::test]
async fn live_permits_survive_a_restart_and_end_after_it() {
    let mut house = House::open().await;
    on_team(&house, None).await;
    let (ends, _) = house.open_permit(AMARA, "record_observations").await;
    let (given_back, _) = house.open_permit(AMARA, "record_observations").await;
    let (stays, _) = house.open_permit(TOVE, "record_observations").await;
    house.plane.release(given_back, &ehr()).await.unwrap();

    house = house.reopen().await;
    assert!(house.is_live(ends) && house.is_live(stays) && !house.is_live(given_back));
    let mut watched = house.plane.live().watch(ends).unwrap();
    house.keep();
    house.tell(ShiftWithdrawn { shift: id("s-amara"), person: id(AMARA) }).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);

    house = house.reopen().await;
    assert!(house.is_live(stays) && !house.is_live(ends));
    assert_eq!(house.plane.live().len(), 1);
    // What time withdrew while the node was down ends as soon as it is kept true again.
    house.clock.set(START + LIVE_MAX);
    let mut watched = house.plane.live().watch(stays).unwrap();
    house.keep();
    assert_eq!(ended(&mut watched).await.0, EndCause::Expired);
}

#[tokio::test]
async fn a_permit_recorded_behind_a_change_of_its_facts_ends_though_nobody_asks_again() {
    let house = kept().await;
    on_team(&house, None).await;
    let answer = house.ask(TOVE, "record_observations").await;
    // As if whoever asked had hung up while it was being recorded, and somebody had left the team just before.
    let behind = Made { live: true, ..answer.made().unwrap().clone() };
    let left = Left { patient: house.patient, person: id(TOVE) };
    let batch = Batch::of(vec![Draft::new(feed(), left), Draft::new(ehr(), Box::new(behind))]);
    let permit = house.plane.record(batch).await.unwrap()[1].seq;
    let gone = tokio::time::timeout(PATIENCE, async {
        while house.is_live(permit) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    gone.await.expect("it ends");
    deny_after(&house, permit, EndCause::FactsChanged);
}

#[tokio::test]
async fn whoever_watches_is_cut_even_if_the_end_cannot_be_recorded() {
    let mut house = House::with(Some(4 * 1024 * 1024)).await;
    on_team(&house, None).await;
    let (permit, mut watched) = house.open_permit(TOVE, "record_observations").await;
    crate::full::fill(&house).await;
    house.keep();
    house.clock.set(START + LIVE_MAX);
    assert_eq!(ended(&mut watched).await.0, EndCause::Expired);
    let cut = house.plane.live().find(permit).expect("its end is not recorded yet");
    assert!(matches!(cut.standing(), Standing::Ended { cause: EndCause::Expired, .. }));
    assert!(house.ends_of(permit).is_empty());
    let refused = house.plane.release(permit, &ehr()).await;
    assert!(matches!(refused, Err(DecideError::Record(AppendError::Full))), "{refused:?}");

    crate::full::grow(&house).await;
    let recorded = tokio::time::timeout(PATIENCE, async {
        while house.is_live(permit) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    recorded.await.expect("the end is recorded as soon as it can be");
    assert_eq!(house.ends_of(permit).len(), 1);
    assert!(!house.reopen().await.is_live(permit));
}
