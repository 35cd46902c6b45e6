//! Two nodes of one database, each told by its own sender.

use super::{Node, adt, answer};
use cluster::Cluster;
use events::patient::Labelled;
use events::{Actor, Draft, Event, Label, PatientPseudonym};
use feeds::hl7::Outcome;
use std::collections::{BTreeMap, BTreeSet};
use store::Batch;

/// How many patients both hear of at the same moment.
const PATIENTS: usize = 40;

async fn two() -> (Node, Node) {
    let address = Cluster::shared().database().unwrap();
    let one = Node::of(&address, None).await;
    let other = Node::of(&address, Some(&one)).await;
    (one, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_both_hear_of_first_is_one_patient_and_nobody_is_told_otherwise() {
    let (one, other) = two().await;
    let (mut here, mut there) = (one.sender().await, other.sender().await);
    for patient in 0..PATIENTS {
        let record = format!("90{patient:04}");
        // The same visit from two senders, which number their messages differently.
        let (first, second) = tokio::join!(
            here.exchange(adt("A01", &format!("a{patient}"), &record, "3A")),
            there.exchange(adt("A01", &format!("b{patient}"), &record, "3A")),
        );
        for told in [first, second] {
            assert_eq!(answer(told.unwrap()).outcome, Outcome::Accepted, "{record}");
        }
        assert_eq!(one.plane.directory().patient(&record), other.plane.directory().patient(&record), "{record}");
    }
    let mut visits: BTreeMap<_, BTreeSet<PatientPseudonym>> = BTreeMap::new();
    for leaf in one.leaves("encounter.opened") {
        let event = &leaf.draft.event;
        visits.entry(event.encounter().unwrap()).or_default().extend(event.patient());
    }
    assert_eq!(visits.len(), PATIENTS, "each visit has one pseudonym");
    assert!(visits.values().all(|patients| patients.len() == 1), "{visits:?}");
    let (mine, theirs) = (one.plane.directory(), other.plane.directory());
    assert_eq!((mine.fresh(), theirs.fresh()), (0, 0), "nothing made up is left");
    assert_eq!(mine.len(), theirs.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_one_node_is_told_is_not_lost_by_a_message_the_other_reads_at_that_moment() {
    let (one, other) = two().await;
    let mut sender = other.sender().await;
    sender.exchange(adt("A01", "first", "900001", "3A")).await.unwrap();
    let patient = other.plane.directory().patient("900001");
    for round in 0..12 {
        // What the message says of VIP is said together with every other label there is.
        let known = Label::new(&format!("kept{round}")).unwrap();
        let labels = vec![known.clone()];
        let labelled = Draft::new(Actor::handrail("test"), Labelled { patient, labels });
        let vip = if round % 2 == 0 { "VIP" } else { "\"\"" };
        let message = String::from_utf8(adt("A08", &format!("m{round}"), "900001", "3A").to_vec()).unwrap();
        let message = message.replace("|||||||||||| V-", &format!("|||||||||{vip}||| V-"));
        let (told, recorded) = tokio::join!(sender.exchange(message.into()), one.plane.record(Batch::one(labelled)));
        assert_eq!(answer(told.unwrap()).outcome, Outcome::Accepted);
        let recorded = recorded.unwrap()[0].seq;
        // Whoever came last said it knowing what the other had said.
        let last = one.leaves("patient.labelled").pop().unwrap();
        let Event::PatientLabelled(said) = &last.draft.event else { panic!("{last:?}") };
        assert!(last.seq == recorded || said.labels.contains(&known), "round {round}: {last:?}");
    }
    let by_message = one.leaves("patient.labelled").len();
    assert!(by_message > 12, "messages changed labels too: {by_message}");
}
