//! A patient who was erased and whose interfaces go on talking: nothing that comes later leads back to what was erased.

use crate::{Node, adt, answer};
use bytes::Bytes;
use events::Actor;
use feeds::hl7::Outcome;
use plane::PrivacyError;
use std::collections::BTreeSet;

fn officer() -> Actor {
    Actor::local("uid 1000").unwrap()
}

/// A message about the patient of record 4711.
fn about(kind: &str, id: &str, rest: &str) -> Bytes {
    let head = format!("MSH|^~\\&|PAS|HGH|HANDRAIL|HGH|20261122073000||{kind}|{id}|P|2.5");
    Bytes::from(format!("{head}\rPID|1||4711^^^HGH^MR||Quillfeather^Zoë\r{rest}\r"))
}

async fn sent(node: &Node, messages: impl IntoIterator<Item = Bytes>) {
    let mut sender = node.sender().await;
    for message in messages {
        assert_eq!(answer(sender.exchange(message).await.unwrap()).outcome, Outcome::Accepted);
    }
}

/// Every pseudonym in the entries from one on, of patients and of whatever of theirs has a number.
fn pseudonyms(node: &Node, from: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in node.raw().iter().skip(from) {
        let text = String::from_utf8_lossy(entry).into_owned();
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let named = |word: &&str| ["pat_", "enc_", "ord_", "apt_"].iter().any(|prefix| word.starts_with(prefix));
        found.extend(words.filter(named).map(str::to_owned));
    }
    found
}

#[tokio::test]
async fn no_number_of_a_stay_an_order_or_an_appointment_leads_back_to_an_erased_patient() {
    let node = Node::start().await;
    let slot = "SCH||APT-5|||||||||^^^202611230900^202611230930\rAIL|1||3A^1";
    let result = "ORC|RE|ORD-5\rOBR|1|ORD-5||CT||||||||||||||||||20261122072000|||F";
    sent(
        &node,
        [
            adt("A01", "1", "4711", "EMERG"),
            about("ORM^O01", "2", "ORC|NW|ORD-5\rOBR|1|ORD-5||CT"),
            about("SIU^S12", "3", slot),
        ],
    )
    .await;
    let before = pseudonyms(&node, 0);
    assert_eq!(before.len(), 4, "{before:?}");
    let done = node.plane.erase("4711", "asked for in writing", officer(), feeds::kept::naming).await.unwrap();
    assert_eq!(done.erased.numbers, 4, "a record, a visit, an order and an appointment");

    let from = node.raw().len();
    sent(&node, [about("ORU^R01", "4", result), about("SIU^S13", "5", slot), adt("A08", "6", "4711", "EMERG")]).await;
    let after = pseudonyms(&node, from);
    assert_eq!(after.len(), 4, "{after:?}");
    assert_eq!(before.intersection(&after).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn messages_that_keep_coming_while_their_patient_is_erased_are_taken_and_none_goes_to_the_erased_pseudonym() {
    let node = Node::start().await;
    sent(&node, [adt("A01", "0", "4711", "EMERG")]).await;
    let before = pseudonyms(&node, 0);
    let feed = async {
        for id in 1..=60 {
            sent(&node, [adt(if id % 2 == 0 { "A02" } else { "A08" }, &format!("m{id}"), "4711", "3A")]).await;
        }
    };
    let erase = async {
        loop {
            match node.plane.erase("4711", "asked for in writing", officer(), feeds::kept::naming).await {
                Err(PrivacyError::Unsettled) => {}
                done => break done.unwrap(),
            }
        }
    };
    let ((), done) = tokio::join!(feed, erase);
    let after = pseudonyms(&node, usize::try_from(done.entry.0).unwrap() + 1);
    assert_eq!(before.intersection(&after).collect::<Vec<_>>(), [""; 0]);
    sent(&node, [adt("A08", "last", "4711", "3A")]).await;
    assert_eq!(node.units("4711").len(), 1);
}
