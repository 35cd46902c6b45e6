//! Batches, and acknowledgements as senders ask for them (MSH-15, MSH-16).

use crate::{Node, adt, answer};
use bytes::Bytes;
use events::Actor;
use feeds::hl7::{Envelope, Message, Outcome, decode};
use feeds::listener::again::{self, AgainError};
use feeds::mllp::{Received, Sender};

/// The messages of the batch that came back.
async fn batch_back(sender: &mut Sender) -> (String, Vec<(String, String)>) {
    let Some(Received::Message(bytes)) = sender.receive().await.unwrap() else { panic!("an answer") };
    let envelope = Envelope::read(&bytes, true).expect("a batch").unwrap();
    let answers = envelope.messages.into_iter().map(|range| {
        let text = decode(&bytes[range]).text.into_owned();
        let read = Message::read(&text).unwrap();
        let field = |number: usize| read.segment("MSA").field(number).raw().to_owned();
        (field(1), field(2))
    });
    (decode(&bytes).text.into_owned(), answers.collect())
}

fn batch(messages: &[Bytes], said: usize) -> Bytes {
    let head = Bytes::from_static(b"BHS|^~\\&|PAS|HGH|HANDRAIL|HGH|20261122||||B7\r");
    Bytes::from([&[head][..], messages, &[Bytes::from(format!("BTS|{said}\r"))]].concat().concat())
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(code, id)| ((*code).to_owned(), (*id).to_owned())).collect()
}

#[tokio::test]
async fn every_message_of_a_batch_has_its_effect_and_its_answer() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    // The second is about the patient of the first, the third cannot be used, and a single message follows close behind.
    let moved = adt("A02", "2", "4711", "3A");
    let messages = [adt("A01", "1", "4711", "EMERG"), moved, adt("A02", "3", "", "3A"), adt("A01", "4", "4712", "ITU")];
    sender.send(batch(&messages, 4)).await.unwrap();
    sender.send(adt("A01", "5", "4713", "ITU")).await.unwrap();
    let (text, answers) = batch_back(&mut sender).await;
    assert_eq!(answers, pairs(&[("AA", "1"), ("AA", "2"), ("AR", "3"), ("AA", "4")]));
    let head: Vec<&str> = text.lines().next().unwrap().split('\r').next().unwrap().split('|').collect();
    assert_eq!((head[2], head[4], head[11]), ("HANDRAIL", "PAS", "B7"), "{text}");
    assert!(text.ends_with("BTS|4\r"), "{text}");
    assert_eq!(answer(sender.receive().await.unwrap()).control_id, "5");
    assert_eq!(node.units("4711"), ["WARD-3A"]);
    assert_eq!(node.leaves("feed.message_rejected").len(), 1);
    // The whole batch once more changes nothing.
    let entries = node.raw().len();
    sender.send(batch(&messages, 4)).await.unwrap();
    assert_eq!(batch_back(&mut sender).await.1, answers);
    assert_eq!(node.raw().len(), entries);
    // One without messages gets one without.
    sender.send(batch(&[], 0)).await.unwrap();
    assert_eq!(batch_back(&mut sender).await.1, []);
}

#[tokio::test]
async fn of_a_batch_that_is_not_whole_nothing_is_used() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    sender.send(batch(&[adt("A01", "1", "4711", "EMERG")], 2)).await.unwrap();
    let (text, answers) = batch_back(&mut sender).await;
    assert_eq!(answers, pairs(&[("AR", "")]));
    assert!(text.contains("another number of messages than it says"), "{text}");
    assert_eq!(node.units("4711"), Vec::<String>::new());
    assert_eq!(node.leaves("feed.message_rejected").len(), 1);
    // What was kept can be put right: not as one message, and it says how.
    let kept = again::list(&node.plane).await.unwrap();
    let tried = again::replay(&node.plane, kept[0].id, None, Actor::local("ada").unwrap()).await;
    assert!(matches!(tried, Err(AgainError::Batch)), "{tried:?}");
}

#[tokio::test]
async fn senders_get_the_acknowledgements_they_ask_for() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    let asking = |message: &Bytes, accept: &str, application: &str| {
        let text = String::from_utf8(message.to_vec()).unwrap();
        Bytes::from(text.replacen("|P|2.5\r", &format!("|P|2.5|||{accept}|{application}\r"), 1))
    };
    let codes = |received: Option<Received>| {
        let Some(Received::Message(bytes)) = received else { panic!("{received:?}") };
        let text = decode(&bytes).text.into_owned();
        let segment = Message::read(&text).unwrap();
        let msa = segment.segment("MSA");
        format!("{} {}", msa.field(1).raw(), msa.field(2).raw())
    };
    let good = |id: &str| adt("A01", id, id, "EMERG");
    let bad = |id: &str| adt("A02", id, "", "3A");
    // The third and the fourth are not answered at all.
    for message in [
        asking(&good("1"), "AL", "NE"),
        asking(&good("2"), "AL", "AL"),
        asking(&good("3"), "NE", "NE"),
        asking(&good("4"), "ER", "ER"),
        asking(&bad("5"), "ER", "NE"),
        asking(&bad("6"), "AL", "ER"),
        asking(&bad("6"), "AL", "ER"),
        good("7"),
    ] {
        sender.send(message).await.unwrap();
    }
    for expected in ["CA 1", "CA 2", "AA 2", "CR 5", "CR 6", "AR 6", "CR 6", "AR 6", "AA 7"] {
        assert_eq!(codes(sender.receive().await.unwrap()), expected);
    }
    for record in ["1", "2", "3", "4", "7"] {
        assert_eq!(node.units(record), ["ED"], "{record}");
    }
    assert_eq!(answer(sender.exchange(good("8")).await.unwrap()).outcome, Outcome::Accepted);
}
