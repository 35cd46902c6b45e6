//! What feeds leave over: messages that could not be used, and patients without a name.

use crate::{Node, adt, answer};
use bytes::Bytes;
use events::{Actor, UnitId};
use feeds::hl7::Outcome;
use feeds::listener::again::{self, AgainError};
use feeds::temporary::{self, TemporaryError};

fn ada() -> Actor {
    Actor::local("ada").unwrap()
}

/// A message that moves nobody anywhere, and the same put right.
fn broken() -> (Bytes, Bytes) {
    let right = adt("A02", "M1", "4711", "3A");
    let text = String::from_utf8(right.to_vec()).unwrap();
    (Bytes::from(text.replace("3A^1^2", "")), right)
}

async fn with_a_rejected_message() -> (Node, Bytes, i64) {
    let node = Node::start().await;
    let (wrong, right) = broken();
    let mut sender = node.sender().await;
    answer(sender.exchange(adt("A01", "M0", "4711", "EMERG")).await.unwrap());
    assert_eq!(answer(sender.exchange(wrong).await.unwrap()).outcome, Outcome::Refused);
    let listed = again::list(&node.plane).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].sender.as_str(), listed[0].message_type.as_str()), ("PAS", "ADT^A02"));
    assert!(listed[0].reason.contains("names no place"));
    (node, right, listed[0].id)
}

#[tokio::test]
async fn a_message_put_right_is_applied_exactly_once() {
    let (node, right, id) = with_a_rejected_message().await;
    let shown = again::show(&node.plane, id, ada()).await.unwrap();
    assert_eq!(shown, broken().0);
    let (one, other) = tokio::join!(
        again::replay(&node.plane, id, Some(right.clone()), ada()),
        again::replay(&node.plane, id, Some(right.clone()), ada())
    );
    assert_eq!(one.is_ok() as u8 + other.is_ok() as u8, 1, "{one:?} {other:?}");
    assert_eq!(node.units("4711"), ["WARD-3A"]);
    assert_eq!(node.leaves("encounter.moved").len(), 1);
    assert!(again::list(&node.plane).await.unwrap().is_empty());
    let handled = node.leaves("feed.rejection_handled");
    assert_eq!(handled.len(), 2, "read once, repaired once");
    // Should the sender come with the same at last, it is known.
    assert_eq!(answer(node.sender().await.exchange(right).await.unwrap()).outcome, Outcome::Accepted);
    assert_eq!(node.leaves("encounter.moved").len(), 1);
}

#[tokio::test]
async fn what_still_cannot_be_used_stays_and_what_is_given_up_goes() {
    let (node, _, id) = with_a_rejected_message().await;
    assert!(matches!(again::replay(&node.plane, id, None, ada()).await, Err(AgainError::Rejected(_))));
    let rubbish = Bytes::from_static(b"rubbish");
    assert!(matches!(again::replay(&node.plane, id, Some(rubbish), ada()).await, Err(AgainError::Rejected(_))));
    assert_eq!(again::list(&node.plane).await.unwrap().len(), 1);
    again::discard(&node.plane, id, "sent by a test system", ada()).await.unwrap();
    assert!(matches!(again::show(&node.plane, id, ada()).await, Err(AgainError::Gone)));
    assert!(matches!(again::discard(&node.plane, id, "again", ada()).await, Err(AgainError::Gone)));
}

#[tokio::test]
async fn a_patient_without_a_name_is_there_at_once_and_merged_later() {
    let node = Node::start().await;
    let given = temporary::admit(&node.plane, UnitId::new("ED").unwrap(), ada()).await.unwrap();
    assert_eq!(node.units(&given.number), ["ED"]);
    // The number works in messages as any other.
    let text = String::from_utf8(adt("A02", "M1", &given.number, "3A").to_vec()).unwrap();
    let moved = Bytes::from(text.replace(&format!(" V-{}", given.number), ""));
    assert_eq!(answer(node.sender().await.exchange(moved).await.unwrap()).outcome, Outcome::Accepted);
    assert_eq!(node.units(&given.number), ["WARD-3A"]);
    let mut sender = node.sender().await;
    assert_eq!(answer(sender.exchange(adt("A04", "M2", "4711", "EMERG")).await.unwrap()).outcome, Outcome::Accepted);
    // Typed from a wristband, without the shift key.
    temporary::merge(&node.plane, &given.number.to_lowercase(), "4711", ada()).await.unwrap();
    assert!(node.units("4711").contains(&"WARD-3A".to_owned()), "{:?}", node.units("4711"));
    temporary::unmerge(&node.plane, &given.number, "4711", ada()).await.unwrap();
    assert_eq!((node.units("4711"), node.units(&given.number)), (vec!["ED".to_owned()], vec!["WARD-3A".to_owned()]));
    let twice = temporary::unmerge(&node.plane, &given.number, "4711", ada()).await;
    assert!(matches!(twice, Err(TemporaryError::NotMerged)), "{twice:?}");
    assert_eq!(node.leaves("patient.unmerged").len(), 1);
}

#[tokio::test]
async fn a_merge_by_hand_takes_a_temporary_number_into_a_known_one_and_nothing_else() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    for (id, record) in [("M1", "4711"), ("M2", "4712")] {
        assert_eq!(answer(sender.exchange(adt("A04", id, record, "EMERG")).await.unwrap()).outcome, Outcome::Accepted);
    }
    let ed = UnitId::new("ED").unwrap();
    let [one, other] = [
        temporary::admit(&node.plane, ed.clone(), ada()).await.unwrap().number,
        temporary::admit(&node.plane, ed, ada()).await.unwrap().number,
    ];
    temporary::merge(&node.plane, &one, "4711", ada()).await.unwrap();
    let mut said = Vec::new();
    for (retired, survivor, why) in [
        ("4711", one.as_str(), "not_temporary"),
        ("4711", "4712", "not_temporary"),
        ("4711", "4711", "not_temporary"),
        ("99", "99", "not_temporary"),
        (&one, &other, "not_temporary"),
        (&other, "99", "unknown"),
        ("TEMP-HR-0000-00001", "4711", "unknown"),
        (&one, "4711", "same"),
    ] {
        let refused = temporary::merge(&node.plane, retired, survivor, ada()).await;
        said.push(refused.unwrap_err().to_string());
        let recorded = node.leaves("patient.merge_refused");
        assert_eq!(recorded.len(), said.len(), "every refusal is recorded");
        let events::Event::PatientMergeRefused(body) = &recorded.last().unwrap().draft.event else { panic!() };
        assert_eq!(serde_json::to_value(body.why).unwrap(), why, "{retired} {survivor}");
    }
    said.dedup();
    assert_eq!(said.len(), 1, "whoever asks is not told what is in the way: {said:?}");
    assert_eq!(node.leaves("patient.merged").len(), 1);
    assert!(node.patient("99").is_none());
}

#[tokio::test]
async fn a_temporary_number_nobody_gave_is_nobodys() {
    let node = Node::start().await;
    let slip = adt("A01", "M1", "TEMP-HR-0000-00001", "EMERG");
    assert_eq!(answer(node.sender().await.exchange(slip).await.unwrap()).outcome, Outcome::Refused);
    assert!(node.patient("TEMP-HR-0000-00001").is_none());
}
