//! The world and every decision come out of the log again, bit for bit.

use crate::house::{AMARA, BO, House, MINUTE, START, TOVE, id};
use decision::Engine;
use events::decision::Made;
use events::team::Joined;
use events::{Draft, Event, Leaf, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use world::{Facts, World};

/// Judges a recorded decision again in this world, at its own time or at another.
pub(crate) fn judge(engine: &Engine, world: &World, made: &Made, at: Timestamp) -> (Made, Facts) {
    let facts = world.facts(&engine.subject(&made.question), at);
    let judgement = engine.decide(&made.question, &facts, at);
    let again = judgement.into_made(made.question.clone(), facts.world_seq, engine.charter().digest(), at);
    (Made { supersedes: made.supersedes, live: made.live, ..again }, facts)
}

/// A decision's bytes, leaf and body.
type Recorded<'a> = (&'a [u8], &'a Leaf, &'a Made);

/// Folds the log anew and judges every decision in the world it was judged in. Says how many there were.
pub(crate) fn replay(house: &House) -> usize {
    let log = house.log();
    let mut waiting: BTreeMap<u64, Vec<Recorded<'_>>> = BTreeMap::new();
    for (bytes, leaf) in &log {
        if let Event::DecisionMade(made) = &leaf.draft.event {
            waiting.entry(made.world_seq.0).or_default().push((bytes, leaf, made));
        }
    }
    let mut world = World::new();
    let mut judged = 0;
    for (_, leaf) in &log {
        for (bytes, decision, made) in waiting.remove(&world.next_seq().0).unwrap_or_default() {
            let engine: Arc<Engine> = house.plane.engine_of(made.charter).unwrap();
            let (mut again, _) = judge(&engine, &world, made, made.decided_at);
            if decision.draft.spooled.is_some() {
                plane::spooling::shorten(&mut again);
            }
            let draft = Draft { event: Box::new(again).into(), ..decision.draft.clone() };
            let rewritten = Leaf::bytes(decision.seq, decision.recorded_at, &draft.tail().unwrap());
            assert_eq!(String::from_utf8(rewritten).unwrap(), std::str::from_utf8(bytes).unwrap());
            judged += 1;
        }
        world.apply(leaf);
    }
    assert!(waiting.is_empty(), "a decision was judged in a world that never was");
    assert_eq!(world.digest(), house.plane.world(World::digest));
    judged
}

#[tokio::test]
async fn after_reopening_world_and_decisions_are_the_same() {
    let mut house = House::open().await;
    house.keep();
    for (who, action) in
        [(AMARA, "record_observations"), (BO, "read_chart"), (TOVE, "administer_medication"), (AMARA, "fly")]
    {
        house.ask(who, action).await;
    }
    house.tell(Joined { patient: house.patient, person: id(TOVE), until: Some(START + 20 * MINUTE) }).await;
    let (permit, mut watched) = house.open_permit(TOVE, "record_observations").await;
    house.ask(TOVE, "read_chart").await;
    house.moved("WARD-3A").await;
    house.pass(START + 40 * MINUTE).await;
    crate::house::ended(&mut watched).await;
    house.ask(AMARA, "record_observations").await;
    let (digest, answered) = (house.plane.world(World::digest), house.plane.decisions());
    // Six answered, and the deny that ended the permit.
    assert!(answered >= 8, "{answered}");

    let house = house.reopen().await;
    assert_eq!(house.plane.world(World::digest), digest);
    assert_eq!(house.plane.decisions(), answered);
    assert_eq!(replay(&house) as u64, answered);
    assert!(!house.is_live(permit));
    assert!(
        !house.ask(AMARA, "record_observations").await.permits(),
        "the patient has been away for longer than the grace"
    );
}
