//! A store without space: refused clearly, nothing permitted, and well again by itself.

use crate::house::{AMARA, BO, House, word};
use crate::replay::replay;
use plane::{DecideError, Readiness};
use store::{AppendError, Batch};

/// How often in a row nothing may fit until the store counts as full.
const REFUSALS: usize = 20;

/// Records until not even the smallest entry fits.
pub(crate) async fn fill(house: &House) {
    for size in [12_000, 1_000, 1] {
        let mut refused = 0;
        while refused < REFUSALS {
            match house.plane.record(Batch::one(word(&"x".repeat(size)))).await {
                Ok(_) => refused = 0,
                Err(AppendError::Full) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

/// Lets the store grow without limit.
pub(crate) async fn grow(house: &House) {
    let store = house.plane.store().clone();
    tokio::task::spawn_blocking(move || store.limit_size(None)).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_full_store_permits_nothing_and_recovers_when_there_is_space() {
    let house = House::with(Some(4 * 1024 * 1024)).await;
    assert!(house.ask(AMARA, "record_observations").await.permits());
    fill(&house).await;
    let before = (house.plane.store().head().next, house.plane.world(world::World::digest), house.plane.decisions());
    for live in [false, true] {
        let refused = house.asked(house.question(AMARA, "record_observations"), live).await;
        assert!(matches!(refused, Err(DecideError::Record(AppendError::Full))), "{refused:?}");
    }
    assert_eq!(house.plane.readiness(), Readiness::CannotRecord { why: "the store is full".to_owned() });
    let after = (house.plane.store().head().next, house.plane.world(world::World::digest), house.plane.decisions());
    assert_eq!(after, before, "what was refused left nothing behind");
    assert!(house.plane.live().is_empty());

    grow(&house).await;
    assert!(house.ask(AMARA, "record_observations").await.permits());
    assert!(!house.ask(BO, "record_observations").await.permits());
    assert_eq!(house.plane.readiness(), Readiness::Ready);
    let house = house.reopen().await;
    assert_eq!(replay(&house) as u64, house.plane.decisions());
}
