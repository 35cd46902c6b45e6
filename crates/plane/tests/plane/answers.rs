//! One request: permitted, denied, recorded.

use crate::house::{AMARA, BO, DESK, House, MINUTE, START, TOVE, ehr, id, word};
use events::decision::{Effect, Remedy};
use events::{Event, Seq};
use plane::Readiness;

#[tokio::test]
async fn a_nurse_on_shift_where_the_patient_is_may_record_observations() {
    let house = House::open().await;
    let answer = house.ask(AMARA, "record_observations").await;
    let made = answer.made().unwrap();
    assert!(answer.permits());
    assert_eq!(made.policies, [id("care-unit")]);
    assert_eq!(made.patient, Some(house.patient));
    assert!(made.remedies.is_empty() && made.errors.is_empty() && !made.live);
}

#[tokio::test]
async fn a_nurse_of_another_ward_is_denied_with_what_would_help() {
    let house = House::open().await;
    let answer = house.ask(BO, "record_observations").await;
    let made = answer.made().unwrap();
    assert!(!answer.permits());
    assert!(made.remedies.contains(&Remedy::BreakGlass), "{:?}", made.remedies);
    assert!(made.obligations.is_empty());
}

#[tokio::test]
async fn when_the_patient_moves_the_answers_swap_after_the_grace() {
    let house = House::open().await;
    house.moved("WARD-3A").await;
    assert!(house.ask(AMARA, "record_observations").await.permits(), "within the grace");
    assert!(house.ask(BO, "record_observations").await.permits(), "they have arrived");
    house.pass(START + 29 * MINUTE).await;
    assert!(house.ask(AMARA, "record_observations").await.permits(), "still within the grace");
    house.pass(START + 30 * MINUTE).await;
    assert!(!house.ask(AMARA, "record_observations").await.permits(), "the grace is over");
    assert!(house.ask(BO, "record_observations").await.permits());
}

#[tokio::test]
async fn an_answer_is_in_the_log_with_its_circumstances_before_it_is_given() {
    let house = House::open().await;
    let before = house.plane.store().head().next;
    let answer = house.ask(AMARA, "record_observations").await;
    assert_eq!(answer.entry(), before);
    let kept = house.plane.store().read(|reader| reader.leaf(answer.entry())).unwrap().unwrap();
    assert_eq!(&kept, &***answer.leaf());
    assert_eq!(kept.draft.actor, ehr());
    assert_eq!(kept.draft.on_behalf_of, Some(id(AMARA)));
    assert_eq!(kept.draft.request, Some(id("req-1")));
    assert_eq!((kept.draft.device, kept.draft.place), (Some(id(DESK)), Some(id("ED"))));
    let Event::DecisionMade(made) = kept.draft.event else { panic!("another kind") };
    assert_eq!((made.effect, made.world_seq, made.decided_at), (Effect::Permit, before, START));
    assert_eq!(made.circumstances["care"]["unit"], true);
}

#[tokio::test]
async fn nobody_unknown_is_permitted_anything() {
    let house = House::open().await;
    assert!(!house.ask("n-nobody", "read_chart").await.permits());
    let mut elsewhere = house.question(AMARA, "record_observations");
    elsewhere.resource.id = id(&house.plane.directory().patient("MRN-0000-NOWHERE").to_string());
    assert!(!house.asked(elsewhere, false).await.unwrap().permits());
    let mut odd = house.question(AMARA, "fly");
    assert!(!house.asked(odd.clone(), false).await.unwrap().permits());
    odd.resource.kind = id("Moon");
    assert!(!house.asked(odd, false).await.unwrap().permits());
}

#[tokio::test]
async fn a_clock_set_back_does_not_take_authority_back_in_time() {
    let house = House::open().await;
    house.moved("WARD-3A").await;
    house.pass(START + 31 * MINUTE).await;
    house.clock.set(START - 600 * MINUTE);
    assert_eq!(house.plane.now(), START + 31 * MINUTE);
    assert!(!house.ask(AMARA, "record_observations").await.permits());
    assert_eq!(house.ask(TOVE, "record_observations").await.made().unwrap().decided_at, START + 31 * MINUTE);
}

#[tokio::test]
async fn a_node_reads_its_own_writes() {
    let house = House::open().await;
    for round in 0..50 {
        let leaf = house.record(word(&format!("word {round}"))).await;
        assert_eq!(house.plane.world(world::World::next_seq), Seq(leaf.seq.0 + 1));
    }
    assert_eq!(house.plane.readiness(), Readiness::Ready);
}

#[tokio::test]
async fn a_closed_node_answers_nothing() {
    let house = House::open().await;
    house.plane.store().closed().await;
    let refused = house.asked(house.question(AMARA, "record_observations"), false).await;
    assert!(refused.is_err());
    assert!(matches!(house.plane.readiness(), Readiness::CannotRecord { .. }));
}
