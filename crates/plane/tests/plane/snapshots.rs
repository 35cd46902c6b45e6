//! A node that starts from a snapshot knows what it would know from the log.

use crate::house::{AMARA, House, PATIENCE, TOVE, ended, id};
use events::Seq;
use events::decision::EndCause;
use events::rota::ShiftWithdrawn;
use events::team::Joined;
use std::path::Path;
use std::time::Duration;
use world::World;

/// Waits until there is a snapshot over at least so many entries.
async fn snapshot_over(dir: &Path, entries: Seq) {
    let there = || {
        let Ok(files) = std::fs::read_dir(dir.join("snapshots")) else { return false };
        files
            .filter_map(|file| file.unwrap().file_name().to_str()?.split('.').next()?.parse().ok())
            .any(|n: u64| n >= entries.0)
    };
    let made = tokio::time::timeout(PATIENCE, async {
        while !there() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    made.await.expect("a snapshot is made");
}

#[tokio::test]
async fn a_node_goes_on_from_a_snapshot_as_from_the_log() {
    let house = House::open().await.reopen_keeping(Some(1)).await;
    house.tell(Joined { patient: house.patient, person: id(TOVE), until: None }).await;
    let (ends, _) = house.open_permit(AMARA, "record_observations").await;
    let (stays, _) = house.open_permit(TOVE, "record_observations").await;
    house.plane.store().seal().await.unwrap();
    snapshot_over(house.dir(), house.plane.store().head().next).await;
    // The tail: folded on top of the snapshot.
    house.ask(AMARA, "read_chart").await;
    let (digest, decisions) = (house.plane.world(World::digest), house.plane.decisions());

    let mut house = house.reopen().await;
    assert_eq!(house.plane.world(World::digest), digest);
    assert_eq!(house.plane.decisions(), decisions);
    assert!(house.is_live(ends) && house.is_live(stays));
    let mut watched = house.plane.live().watch(ends).unwrap();
    house.keep();
    house.tell(ShiftWithdrawn { shift: id("s-amara"), person: id(AMARA) }).await;
    assert_eq!(ended(&mut watched).await.0, EndCause::FactsChanged);
    assert!(house.is_live(stays) && !house.is_live(ends));
}

#[tokio::test]
async fn a_permit_that_was_given_back_does_not_come_back_with_a_snapshot() {
    let house = House::open().await.reopen_keeping(Some(1)).await;
    let (permit, _) = house.open_permit(AMARA, "record_observations").await;
    house.plane.store().seal().await.unwrap();
    snapshot_over(house.dir(), house.plane.store().head().next).await;
    house.plane.release(permit, &crate::house::ehr()).await.unwrap();
    assert!(!house.reopen().await.is_live(permit));
}
