//! Senders that break off, dawdle or shout, a store that refuses, and stopping in the middle of it all.

use crate::{Node, adt, answer};
use bytes::Bytes;
use feeds::hl7::Outcome;
use feeds::listener::Settings;
use feeds::mllp::{MllpError, Sender};
use feeds::replay::{Pace, ReplayError, replay};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Everything the listener sends until it closes the connection.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset after the answer is as good as a close.
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut bytes)).await;
    drop(read.expect("the listener closes the connection"));
    bytes
}

async fn reasons(node: &Node, count: usize) -> Vec<String> {
    for _ in 0..500 {
        if node.leaves("feed.message_rejected").len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let leaves = node.leaves("feed.message_rejected");
    leaves.iter().map(|leaf| serde_json::to_value(body(leaf)).unwrap()["reason"].as_str().unwrap().to_owned()).collect()
}

fn body(leaf: &events::Leaf) -> &events::feed::MessageRejected {
    match &leaf.draft.event {
        events::Event::MessageRejected(body) => body,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn messages_begun_and_never_ended_are_kept() {
    let node = Node::start().await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let whole = adt("A01", "1", "4711", "EMERG");
    stream.write_all(b"stray\n\x0bMSH|^~\\&|PAS|started over\x0b").await.unwrap();
    stream.write_all(&whole).await.unwrap();
    stream.write_all(b"\x1cno CR\x0bMSH|^~\\&|PAS|gone").await.unwrap();
    stream.shutdown().await.unwrap();
    let back = rest(&mut stream).await;
    assert_eq!(back.iter().filter(|byte| **byte == 0x0b).count(), 1, "only whole messages are answered");
    let reasons = reasons(&node, 2).await;
    assert!(reasons[0].contains("started a new message") && reasons[1].contains("connection ended"), "{reasons:?}");
    assert_eq!(node.units("4711"), ["ED"]);
}

#[tokio::test]
async fn a_sender_that_only_ever_starts_over_is_cut_off() {
    let node = Node::start().await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let begun: String = (0..200).map(|at| format!("\x0bMSH|^~\\&|PAS|{at}")).collect();
    let _ = stream.write_all(begun.as_bytes()).await;
    assert!(rest(&mut stream).await.is_empty());
    let rejected = reasons(&node, 17).await.len();
    assert_eq!(rejected, 17, "one more than sixteen");
    // With whole messages in between the same sender is heard on.
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    for at in 0..20 {
        let whole = adt("A01", &format!("w{at}"), "4711", "3A");
        stream.write_all(&[format!("\x0bbroken {at}").as_bytes(), b"\x0b", &whole, b"\x1c\r"].concat()).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    assert_eq!(rest(&mut stream).await.iter().filter(|byte| **byte == 0x0b).count(), 20);
}

#[tokio::test]
async fn an_endless_message_is_refused_and_cut_off() {
    let node = Node::with(Settings { frame_bytes_max: 4_096, ..Settings::default() }).await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    stream.write_all(b"\x0bMSH|^~\\&|PAS|HGH|||2026||ADT^A01|big|P|2.5\rOBX|").await.unwrap();
    stream.write_all(&vec![b'x'; 100_000]).await.unwrap();
    let back = String::from_utf8(rest(&mut stream).await).unwrap();
    assert!(back.contains("\rMSA|AR|big|the message is longer than this listener takes\r"), "{back}");
    assert!(reasons(&node, 1).await[0].contains("longer than"));
    assert_eq!(
        answer(node.sender().await.exchange(adt("A01", "2", "1", "3A")).await.unwrap()).outcome,
        Outcome::Accepted
    );
}

#[tokio::test]
async fn a_peer_that_speaks_http_is_cut_off() {
    let node = Node::start().await;
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let _ = stream.write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(400)).await;
    assert!(rest(&mut stream).await.is_empty());
}

#[tokio::test]
async fn slow_and_silent_senders_cannot_hold_connections() {
    let short = Duration::from_millis(150);
    let node = Node::with(Settings { idle_timeout: short, frame_timeout: short, ..Settings::default() }).await;
    let mut silent = TcpStream::connect(node.address).await.unwrap();
    let mut slow = TcpStream::connect(node.address).await.unwrap();
    slow.write_all(b"\x0bMSH|^~\\&|PAS").await.unwrap();
    assert!(rest(&mut silent).await.is_empty());
    assert!(rest(&mut slow).await.is_empty());
    assert_eq!(reasons(&node, 1).await.len(), 1);
}

#[tokio::test]
async fn a_first_whole_message_must_come_soon() {
    let short = Duration::from_millis(150);
    let node = Node::with(Settings { first_message_timeout: short, ..Settings::default() }).await;
    let mut silent = TcpStream::connect(node.address).await.unwrap();
    let mut begun = TcpStream::connect(node.address).await.unwrap();
    begun.write_all(b"\x0bMSH|^~\\&|PAS").await.unwrap();
    let mut sender = node.sender().await;
    sender.exchange(adt("A01", "1", "1", "3A")).await.unwrap();
    assert!(rest(&mut silent).await.is_empty());
    assert!(rest(&mut begun).await.is_empty());
    tokio::time::sleep(short).await;
    let back = answer(sender.exchange(adt("A02", "2", "1", "3A")).await.unwrap());
    assert_eq!(back.outcome, Outcome::Accepted, "who has sent one may be silent");
}

#[tokio::test]
async fn at_the_cap_who_never_sent_a_message_gives_way_and_who_did_stays() {
    let node = Node::with(Settings { connections_max: 2, ..Settings::default() }).await;
    let mut one = node.sender().await;
    assert_eq!(answer(one.exchange(adt("A01", "1", "1", "3A")).await.unwrap()).outcome, Outcome::Accepted);
    let mut silent = TcpStream::connect(node.address).await.unwrap();
    let mut two = node.sender().await;
    assert_eq!(answer(two.exchange(adt("A01", "2", "2", "3A")).await.unwrap()).outcome, Outcome::Accepted);
    assert!(rest(&mut silent).await.is_empty());
    let mut over = TcpStream::connect(node.address).await.unwrap();
    assert!(rest(&mut over).await.is_empty(), "both places are held by senders");
    assert_eq!(answer(one.exchange(adt("A02", "3", "1", "3A")).await.unwrap()).outcome, Outcome::Accepted);
    drop(two);
    let pace = Pace { pause: Duration::from_millis(20), reconnects_max: 200, ..Pace::default() };
    let report = replay(&node.address.to_string(), &[adt("A01", "4", "4", "3A")], &pace, |_| {}).await.unwrap();
    assert_eq!(report.accepted, 1);
}

/// Every place is held from one address: by connections that sent a message nobody can use, or even one that was accepted.
#[tokio::test]
async fn junk_from_one_address_shuts_nobody_out() {
    let node = Node::with(Settings { connections_max: 4, ..Settings::default() }).await;
    let mut crowd = Vec::new();
    for at in 0..4 {
        let mut one = node.sender().await;
        let back = answer(one.exchange(adt("A02", &format!("junk{at}"), "", "3A")).await.unwrap());
        assert_eq!(back.outcome, Outcome::Refused);
        crowd.push(one);
    }
    let mut true_one = node.sender().await;
    assert_eq!(answer(true_one.exchange(adt("A01", "1", "1", "3A")).await.unwrap()).outcome, Outcome::Accepted);
    for at in 4..8 {
        let mut one = node.sender().await;
        answer(one.exchange(adt("A02", &format!("junk{at}"), "", "3A")).await.unwrap());
        crowd.push(one);
    }
    assert_eq!(answer(true_one.exchange(adt("A02", "2", "1", "ITU")).await.unwrap()).outcome, Outcome::Accepted);
    drop((true_one, crowd));

    let node = Node::with(Settings { connections_max: 4, ..Settings::default() }).await;
    let mut crowd = Vec::new();
    for at in 0..4 {
        let mut one = node.sender().await;
        let back = answer(one.exchange(adt("A01", &at.to_string(), &at.to_string(), "3A")).await.unwrap());
        assert_eq!(back.outcome, Outcome::Accepted);
        crowd.push(one);
    }
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut elsewhere = Sender::new(socket.connect(node.address).await.unwrap());
    let back = answer(elsewhere.exchange(adt("A02", "x", "1", "ITU")).await.unwrap());
    assert_eq!(back.outcome, Outcome::Accepted, "another address gets a place of the one that has all");
}

#[tokio::test]
async fn a_store_that_refuses_makes_the_sender_send_again_and_recovers() {
    let node = Node::start().await;
    let limit = |bytes| {
        let store = node.plane.store().clone();
        tokio::task::spawn_blocking(move || store.limit_size(bytes).unwrap())
    };
    limit(Some(1)).await.unwrap();
    let mut sender = node.sender().await;
    let mut refused = None;
    for at in 0..2_000 {
        let message = adt("A01", &format!("f{at}"), &format!("{at}"), "3A");
        let back = answer(sender.exchange(message.clone()).await.unwrap());
        if back.outcome != Outcome::Accepted {
            refused = Some((message, back));
            break;
        }
    }
    let (message, back) = refused.expect("the store fills up");
    assert_eq!(back.outcome, Outcome::Failed);
    assert_eq!(back.reason, "the store is full");
    limit(None).await.unwrap();
    let pace = Pace { pause: Duration::from_millis(20), retries_max: 100, ..Pace::default() };
    let report = replay(&node.address.to_string(), &[message], &pace, |_| {}).await.unwrap();
    assert_eq!((report.accepted, report.failed), (1, 0));
}

#[tokio::test]
async fn stopping_answers_what_is_recorded_and_loses_nothing_that_was_answered() {
    let mut node = Node::start().await;
    let mut sender = node.sender().await;
    for at in 0..2_000 {
        sender.send(adt("A01", &format!("s{at}"), &format!("{at}"), "3A")).await.unwrap();
    }
    assert_eq!(answer(sender.receive().await.unwrap()).control_id, "s0");
    node.stopped().await;
    let mut answered = 1;
    while let Ok(Some(received)) = sender.receive().await {
        assert_eq!(answer(Some(received)).control_id, format!("s{answered}"));
        answered += 1;
    }
    assert_eq!(node.leaves("encounter.opened").len(), answered);
    assert!(TcpStream::connect(node.address).await.is_err(), "nothing listens any more");
}

#[tokio::test]
async fn a_replay_says_when_nobody_listens_or_the_answers_are_not_its_own() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = free.local_addr().unwrap().to_string();
    let confused = tokio::spawn(async move {
        let (mut stream, _) = free.accept().await.unwrap();
        stream.write_all(b"\x0bMSH|^~\\&|X\rMSA|AA|another\x1c\r").await.unwrap();
        let mut sink = Vec::new();
        let _ = stream.read_to_end(&mut sink).await;
    });
    let pace = Pace { pause: Duration::from_millis(1), reconnects_max: 2, ..Pace::default() };
    let messages: Vec<Bytes> = vec![adt("A01", "1", "1", "3A")];
    assert!(matches!(replay(&to, &messages, &pace, |_| {}).await, Err(ReplayError::Mixed { message: 1 })));
    confused.await.unwrap();
    let nobody = replay(&to, &messages, &pace, |_| {}).await;
    assert!(matches!(nobody, Err(ReplayError::Unreachable { answered: 0, source: MllpError::Io(_) })), "{nobody:?}");
}
