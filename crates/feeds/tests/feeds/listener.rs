//! What a sender gets back, and what is so by then.

use crate::{Node, adt, answer, start, starter};
use bytes::Bytes;
use charter::Charter;
use events::{Event, FeedName};
use feeds::hl7::Outcome;
use feeds::kept;
use feeds::listener::Settings;
use feeds::mllp::Received;
use std::time::Duration;
use store::statements::REJECTED_MESSAGE_LAST;
use store::{ReadError, Value};

#[tokio::test]
async fn what_is_acknowledged_is_recorded_and_the_world_has_it() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    for (trigger, id, place, units) in [
        ("A01", "1", "EMERG", vec!["ED"]),
        ("A02", "2", "3A", vec!["WARD-3A"]),
        ("A12", "3", "EMERG", vec!["ED"]),
        ("A03", "4", "EMERG", vec![]),
        ("A13", "5", "EMERG", vec!["ED"]),
        ("A11", "6", "EMERG", vec![]),
    ] {
        let back = answer(sender.exchange(adt(trigger, id, "4711", place)).await.unwrap());
        assert_eq!((back.outcome, back.control_id.as_str()), (Outcome::Accepted, id), "{trigger}: {}", back.reason);
        assert_eq!(node.units("4711"), units, "after {trigger}");
    }
    let opened = node.leaves("encounter.opened");
    assert_eq!(opened[0].draft.source.as_ref().unwrap().message, "1");
    assert_eq!(opened[0].draft.actor.to_string(), "feed:adt");
}

#[tokio::test]
async fn answers_come_in_order_however_fast_messages_are_sent() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    // Every sixth is about the same patient, a second later each, and every tenth cannot be used.
    let moved = |at: usize| {
        let message = adt("A02", &format!("m{at}"), "7", if at.is_multiple_of(12) { "3A" } else { "ITU" });
        let time = format!("202611220720{:02}", at / 6);
        Bytes::from(String::from_utf8(message.to_vec()).unwrap().replace("20261122073000", &time))
    };
    let messages: Vec<Bytes> = (0..205)
        .map(|at| match at {
            _ if at % 6 == 0 => moved(at),
            _ if at % 10 == 9 => adt("A02", &format!("m{at}"), "", "3A"),
            _ => adt("A01", &format!("m{at}"), &format!("p{at}"), "EMERG"),
        })
        .collect();
    for message in &messages {
        sender.send(message.clone()).await.unwrap();
    }
    for at in 0..messages.len() {
        let back = answer(sender.receive().await.unwrap());
        assert_eq!(back.control_id, format!("m{at}"));
        assert_eq!(
            back.outcome,
            if at % 10 == 9 && at % 6 != 0 { Outcome::Refused } else { Outcome::Accepted },
            "{}",
            back.reason
        );
    }
    let moves = node.raw().iter().filter(|leaf| String::from_utf8_lossy(leaf).contains("\"message\":\"m")).count();
    assert!(moves >= 200);
    assert_eq!(node.units("7"), ["WARD-3A"], "the last word, m204, counts");
}

#[tokio::test]
async fn a_duplicate_gets_its_answer_again_and_changes_nothing_for_seven_days() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    let message = adt("A01", "1", "4711", "EMERG");
    let refused = adt("A02", "2", "", "EMERG");
    let first = sender.exchange(message.clone()).await.unwrap();
    let no = sender.exchange(refused.clone()).await.unwrap();
    let entries = node.raw().len();
    // At once, twice in flight, and over another connection.
    let mut other = node.sender().await;
    other.send(message.clone()).await.unwrap();
    other.send(message.clone()).await.unwrap();
    assert_eq!(other.receive().await.unwrap(), first);
    assert_eq!(other.receive().await.unwrap(), first);
    assert_eq!(sender.exchange(refused).await.unwrap(), no);
    assert_eq!(node.raw().len(), entries);
    // The same number over another content is another message.
    sender.exchange(adt("A01", "1", "4712", "EMERG")).await.unwrap();
    assert_eq!(node.raw().len(), entries + 1);
    node.clock.set(start() + Duration::from_secs(7 * 24 * 60 * 60 + 1));
    let later = sender.exchange(message).await.unwrap();
    assert_ne!(later, first);
    assert!(node.raw().len() > entries + 1);
}

#[tokio::test]
async fn what_cannot_be_used_is_answered_counted_and_kept_where_only_the_key_reads_it() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    let unusable = [
        Bytes::from_static(b"hello, this is Esmeralda Thistlewood"),
        Bytes::from_static(b""),
        Bytes::from_static(b"MSH|^~\\&|PAS||||2026||ADT^A01||P|2.5\rPID|1||4711||Thistlewood^Esmeralda"),
        Bytes::from_static(b"MSH|^~\\&|PAS||||2026||ADT^A01|1|P|2.5\rPID|1||||Thistlewood^Esmeralda"),
        Bytes::from_static(
            b"MSH|^~\\&|PAS||||2026||ADT^A01|1|P|2.5||||||8859/1\rPID|1||4711\\X00\\||Thistlewood^Esmeralda",
        ),
    ];
    for message in &unusable {
        let back = answer(sender.exchange(message.clone()).await.unwrap());
        assert_eq!(back.outcome, Outcome::Refused);
        assert!(!back.reason.is_empty() && !back.reason.contains("Thistlewood"));
    }
    let rejected = node.leaves("feed.message_rejected");
    assert_eq!(rejected.len(), unusable.len());
    let rows = node
        .plane
        .store()
        .read::<_, ReadError>(|reader| {
            reader
                .query(REJECTED_MESSAGE_LAST, &[Value::Int(10)], |row| Ok((row.text(1)?, row.array(2)?, row.bytes(3)?)))
        })
        .unwrap();
    let key = node.plane.store().keys().detail.bytes();
    let mut opened: Vec<Bytes> = rows
        .iter()
        .map(|(feed, sha256, sealed)| kept::open(key, &FeedName::new(feed).unwrap(), sha256, sealed).unwrap())
        .map(|message| Bytes::copy_from_slice(&message))
        .collect();
    opened.reverse();
    assert_eq!(opened, unusable);
    for entry in std::fs::read_dir(node.data.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            assert!(!bytes.windows(11).any(|window| window == b"Thistlewood"), "{}", path.display());
        }
    }
    assert!(matches!(&rejected[0].draft.event, Event::MessageRejected(body) if body.bytes == unusable[0].len() as u64));
}

#[tokio::test]
async fn a_frame_of_two_messages_is_refused_as_a_whole_and_kept() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    for (id, second) in [("a", adt("A02", "b", "4711", "ITU")), ("c", "MSH#*!\\$#PAS#HGH#####ADT*A03#d#P#2.5\r".into())]
    {
        let both = [adt("A01", id, "4711", "3A"), second].concat();
        let back = answer(sender.exchange(both.into()).await.unwrap());
        assert_eq!((back.outcome, back.control_id.as_str()), (Outcome::Refused, id));
        assert_eq!(back.reason, "the frame holds more than one message");
    }
    assert!(node.units("4711").is_empty());
    assert_eq!(node.leaves("feed.message_rejected").len(), 2);
    assert_eq!(kept_digests(&node).len(), 2);
    // One alone is used.
    let back = answer(sender.exchange(adt("A01", "a", "4711", "3A")).await.unwrap());
    assert_eq!(back.outcome, Outcome::Accepted, "{}", back.reason);
}

/// The digests of the messages that are kept, newest first.
fn kept_digests(node: &Node) -> Vec<[u8; 32]> {
    let query = |reader: &store::Reader| reader.query(REJECTED_MESSAGE_LAST, &[Value::Int(1_000)], |row| row.array(2));
    node.plane.store().read::<_, ReadError>(query).unwrap()
}

#[tokio::test]
async fn the_newest_rejected_messages_are_kept_and_repeats_use_up_no_room() {
    let node = Node::with(Settings { rejected_messages_max: 3, ..Settings::default() }).await;
    let mut sender = node.sender().await;
    let bad = |at: usize| adt("A02", &format!("bad{at}"), "", "3A");
    for _ in 0..5 {
        assert_eq!(answer(sender.exchange(bad(0)).await.unwrap()).outcome, Outcome::Refused);
    }
    assert_eq!(kept_digests(&node).len(), 1, "the repeats are duplicates");
    let mut all = kept_digests(&node);
    for at in 1..8 {
        sender.exchange(bad(at)).await.unwrap();
        let kept = kept_digests(&node);
        all.insert(0, kept[0]);
        assert_eq!(kept, all[..kept.len()], "the newest, in order");
        assert_eq!(kept.len(), all.len().min(3));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 8);
}

#[tokio::test]
async fn nothing_rejected_is_forgotten_under_a_legal_hold() {
    let charter = starter_with("hospital.toml", "legal_hold = false", "legal_hold = true");
    let node = Node::under(charter, Settings { rejected_messages_max: 2, ..Settings::default() }).await;
    let mut sender = node.sender().await;
    for at in 0..4 {
        sender.exchange(adt("A02", &format!("bad{at}"), "", "3A")).await.unwrap();
    }
    assert_eq!((kept_digests(&node).len(), node.leaves("feed.message_rejected").len()), (2, 4));
}

#[tokio::test]
async fn rejected_messages_have_a_budget_of_bytes() {
    const BUDGET: u64 = 300_000;
    let node = Node::with(Settings { rejected_bytes_max: BUDGET, ..Settings::default() }).await;
    let kept = || {
        let query = |reader: &store::Reader| {
            reader.query(store::statements::REJECTED_MESSAGE_COUNT, &[], |row| Ok((row.int(0)?, row.int(1)?)))
        };
        let (rows, bytes) = node.plane.store().read(query).unwrap()[0];
        (rows, u64::try_from(bytes).unwrap())
    };
    let large = |id: usize, bytes: usize| {
        let text = String::from_utf8(adt("A02", &format!("m{id}"), "", "3A").to_vec()).unwrap();
        Bytes::from(format!("{text}NTE|1||{}\r", "x".repeat(bytes)))
    };
    let mut sender = node.sender().await;
    for id in 0..12 {
        let back = answer(sender.exchange(large(id, 50_000)).await.unwrap());
        assert_eq!(back.outcome, Outcome::Refused);
        let (rows, bytes) = kept();
        assert!(bytes <= BUDGET && (rows > 0), "{rows} messages of {bytes} bytes after message {id}");
    }
    assert!(kept().0 >= 4, "as many as there is room for: {:?}", kept());
    // The newest is among them, and one that alone is too large pushes nothing out.
    let before = kept();
    assert_eq!(answer(sender.exchange(large(99, 400_000)).await.unwrap()).outcome, Outcome::Refused);
    assert_eq!(kept(), before);
    let listed = feeds::listener::again::list(&node.plane).await.unwrap();
    assert_eq!(listed.len() as i64, before.0);
    assert!(listed.iter().all(|message| message.message_type == "ADT^A02" && message.bytes > 50_000), "{listed:?}");
    let log = node.raw().concat();
    assert_eq!(node.leaves("feed.message_rejected").len(), 13, "each is recorded: {} bytes", log.len());
}

#[tokio::test]
async fn rejected_messages_are_forgotten_after_the_days_the_charter_says() {
    let mut node = Node::start().await;
    node.sender().await.exchange(adt("A02", "bad", "", "3A")).await.unwrap();
    for (days, left) in [(29, 1), (31, 0)] {
        node.clock.set(start() + Duration::from_secs(days * 24 * 60 * 60));
        node.listens_anew().await;
        // Which are too old is looked up beside the messages that come.
        for _ in 0..500 {
            if kept_digests(&node).len() == left {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(kept_digests(&node).len(), left, "after {days} days");
    }
}

#[tokio::test]
async fn no_name_or_number_of_a_patient_reaches_the_log() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    for (at, trigger) in ["A01", "A08", "A02", "A40", "A03", "R01"].iter().enumerate() {
        let text = format!(
            "MSH|^~\\&|PAS|HGH|||20261122073000||ADT^{trigger}|x{at}|P|2.5\rPID|1||88001234^^^HGH^MR||Thistlewood^Esmeralda||19800101\r\
             NK1|1|Thistlewood^Ignatius\rMRG|77005678||||||Thistlewood^E\rPV1|1|I|3A||||D7^Moorcroft^Vera|||||||||VIP|||V88009999"
        );
        assert_eq!(answer(sender.exchange(text.into()).await.unwrap()).outcome, Outcome::Accepted);
    }
    for leaf in node.raw() {
        let text = String::from_utf8(leaf).unwrap();
        for secret in [
            "88001234",
            "77005678",
            "88009999",
            "Thistlewood",
            "Esmeralda",
            "Ignatius",
            "Moorcroft",
            "19800101",
            "1980-01",
        ] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn odd_encodings_and_delimiters_are_answered_in_kind() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    let mut latin = b"\r\nMSH#*!\\$#P\xc4S#HGH###20261122073000##ADT*A01#\xe41#P#2.3######8859/1\nPID#1##M\xfc7***HGH*MR\nPV1#1#I#3A".to_vec();
    let Some(Received::Message(back)) = sender.exchange(latin.clone().into()).await.unwrap() else { panic!() };
    assert!(back.starts_with(b"MSH#*!\\$#HANDRAIL##P\xc4S#HGH#"), "{back:?}");
    assert!(
        back.windows(10).any(|window| window == b"MSA#AA#\xe41\r\n" || window.starts_with(b"MSA#AA#\xe41")),
        "{back:?}"
    );
    assert_eq!(node.units("Mü7"), ["WARD-3A"]);
    // The same patient in UTF-8, with a byte-order mark, is the same patient.
    latin = b"\xef\xbb\xbfMSH|^~\\&|PAS|HGH|||20261122073001||ADT^A02|2|P|2.3\rPID|1||M\xc3\xbc7^^^HGH^MR\rPV1|1|I|ITU"
        .to_vec();
    assert_eq!(answer(sender.exchange(latin.into()).await.unwrap()).outcome, Outcome::Accepted);
    node.clock.set(start() + Duration::from_secs(5));
    assert_eq!(node.units("Mü7"), ["ICU"]);
}

#[tokio::test]
async fn numbers_of_another_authority_are_not_taken_for_ours_when_the_charter_says_whose_are() {
    let charter = charter_with("applications = []", "applications = []\nrecord_authorities = [\"HGH\"]");
    let node = Node::under(charter, Settings::default()).await;
    let mut sender = node.sender().await;
    let named = |id: &str, record: &str| {
        let text = String::from_utf8(adt("A01", id, "4711", "3A").to_vec()).unwrap();
        Bytes::from(text.replace("4711^^^HGH^MR", record))
    };
    let back = answer(sender.exchange(named("1", "4711^^^OTHER^MR")).await.unwrap());
    assert_eq!(back.outcome, Outcome::Refused);
    assert!(back.reason.contains("authority") && !back.reason.contains("4711"), "{}", back.reason);
    assert!(node.units("4711").is_empty());
    for (id, record, ours) in [("2", "1^^^OTHER^MR~2^^^HGH^MR", "2"), ("3", "3", "3"), ("4", "4^^^HGH&1.2&ISO", "4")] {
        let back = answer(sender.exchange(named(id, record)).await.unwrap());
        assert_eq!(back.outcome, Outcome::Accepted, "{record}: {}", back.reason);
        assert!(node.patient(ours).is_some(), "{record}");
    }
    assert!(node.patient("1").is_none());
}

#[tokio::test]
async fn an_update_about_a_stay_never_heard_of_opens_it_once_and_not_after_it_was_undone() {
    let node = Node::start().await;
    let mut sender = node.sender().await;
    for (trigger, id, place, units) in [
        ("A08", "1", "EMERG", vec!["ED"]),
        ("A08", "2", "3A", vec!["ED"]),
        ("A11", "3", "EMERG", vec![]),
        ("A08", "4", "3A", vec![]),
    ] {
        let back = answer(sender.exchange(adt(trigger, id, "4711", place)).await.unwrap());
        assert_eq!(back.outcome, Outcome::Accepted, "{}", back.reason);
        assert_eq!(node.units("4711"), units, "after {id}");
    }
    assert_eq!(node.leaves("encounter.opened").len(), 1);
}

/// The starter charter with one text put for another in `systems.toml`.
fn charter_with(old: &str, new: &str) -> Charter {
    starter_with("systems.toml", old, new)
}

fn starter_with(file: &str, old: &str, new: &str) -> Charter {
    let mut files: Vec<(String, String)> = Vec::new();
    let mut folders = vec![starter()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(starter()).unwrap().to_str().unwrap().to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            files.push((name.clone(), if name == file { text.replace(old, new) } else { text }));
        }
    }
    Charter::from_files(files).unwrap()
}

#[tokio::test]
async fn only_applications_that_the_charter_lists_are_heard_when_it_lists_any() {
    let charter = charter_with("applications = []", "applications = [\"PAS\"]");
    let node = Node::under(charter, Settings::default()).await;
    let mut sender = node.sender().await;
    assert_eq!(answer(sender.exchange(adt("A01", "1", "4711", "3A")).await.unwrap()).outcome, Outcome::Accepted);
    let other = Bytes::from_static(b"MSH|^~\\&|EVE|||||ADT^A01|1|P|2.3||||||\rPID|1||4711\rPV1|1|I|ITU");
    let back = answer(sender.exchange(other).await.unwrap());
    assert_eq!(back.outcome, Outcome::Refused);
    assert!(back.reason.contains("MSH-3"), "{}", back.reason);
    assert_eq!(node.units("4711"), ["WARD-3A"]);
}
