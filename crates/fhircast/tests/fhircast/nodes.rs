//! Several nodes: an application follows at one what the person does at another.

use crate::house::{ALL, House, about, starter};
use cluster::{Cluster, Wire, at_ports};
use events::session::{EndCause, LockCause};
use tempfile::TempDir;

/// A node with the keys of another, of the same database.
async fn beside(one: &House, address: &str) -> House {
    let dir = TempDir::new().unwrap();
    let copied = std::process::Command::new("cp").arg("-a").arg(one.dir.path().join("keys")).arg(dir.path()).status();
    assert!(copied.unwrap().success());
    House::bare(starter(), dir, Some(address)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_person_does_at_one_node_is_told_at_another_and_a_node_that_is_cut_off_tells_nothing_more() {
    let cluster = Cluster::shared();
    let address = cluster.database().unwrap();
    let mut here = House::bare(starter(), TempDir::new().unwrap(), Some(&address)).await;
    here.furnish().await;
    let wire = Wire::to(cluster.port()).unwrap();
    let there = beside(&here, &at_ports(&address, &[wire.port()])).await;
    let token = here.token("pharmacy").await;
    let mut follower = loop {
        // The other node hears of the token and of the session in a moment.
        if there.subscribe(&token, ALL, &[]).await.0 == 202 {
            break there.follow(&token, ALL).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    here.press("read_chart", here.amy).await;
    let event = follower.event("Patient-open").await;
    assert_eq!(about(&event), here.amy.to_string());
    assert_eq!(event["event"]["context"][0]["resource"]["identifier"][0]["value"], "900001");
    here.lock(LockCause::Asked).await;
    follower.event("Patient-close").await;
    follower.event("UserHibernate").await;
    here.end(EndCause::SignedOut).await;
    follower.event("UserLogout").await;
    assert_eq!(follower.denied().await, "the session is over");

    let mut other = here_again(&here, &there, &token).await;
    wire.cut();
    assert_eq!(other.denied().await, "this node cannot say what holds; subscribe at another");
    assert_eq!(there.subscribe(&token, ALL, &[]).await.0, 503);
}

/// The nurse signs in again at one node, and is followed at the other.
async fn here_again(here: &House, there: &House, token: &str) -> crate::house::Follower {
    here.sign_in().await;
    while there.subscribe(token, ALL, &[]).await.0 != 202 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    there.follow(token, ALL).await
}
