//! A history that holds, and for each rule one that breaks it and is found.

use super::log::Decision;
use super::*;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn told(invoked: u64, returned: u64, id: &str, holds: bool) -> Seen {
    let what = What::Told { id: id.to_owned(), ground: "device d".to_owned(), holds };
    Seen { invoked: millis(invoked), returned: Some(millis(returned)), what }
}

fn asked(invoked: u64, returned: u64, entry: u64, permit: bool) -> Seen {
    let what = What::Asked {
        request: format!("r{entry}"),
        about: "amy reads".to_owned(),
        grounds: vec!["device d".to_owned()],
        answer: Some(Answer { entry, permit }),
    };
    Seen { invoked: millis(invoked), returned: Some(millis(returned)), what }
}

fn released(permit: u64) -> Seen {
    Seen { invoked: millis(95), returned: Some(millis(96)), what: What::Released { permit } }
}

/// What a few clients saw: told, permitted, withdrawn, denied, given back, permitted again and given up.
fn history() -> Vec<Seen> {
    vec![
        told(0, 10, "m0", true),
        asked(11, 20, 1, true),
        asked(12, 19, 2, true),
        told(21, 30, "m1", false),
        asked(31, 40, 5, false),
        told(41, 50, "m2", true),
        asked(51, 60, 7, true),
        released(7),
    ]
}

fn entry(seq: u64, kind: &str, message: Option<&str>, said: Said) -> Entry {
    Entry { seq, kind: kind.to_owned(), message: message.map(str::to_owned), said }
}

fn fact(seq: u64, message: &str, holds: bool) -> Entry {
    entry(seq, "posture", Some(message), Said::Fact { ground: "device d".to_owned(), holds })
}

fn decided(seq: u64, permit: bool, live: bool) -> Entry {
    let made = Decision {
        request: Some(format!("r{seq}")),
        about: "amy reads".to_owned(),
        permit,
        live,
        supersedes: None,
        grounds: vec!["device d".to_owned()],
    };
    entry(seq, "decision", None, Said::Decision(made))
}

fn ended(seq: u64, permit: u64) -> Entry {
    entry(seq, "ended", None, Said::Ended(permit))
}

fn log() -> Vec<Entry> {
    vec![
        fact(0, "m0", true),
        decided(1, true, false),
        decided(2, true, true),
        fact(3, "m1", false),
        ended(4, 2),
        decided(5, false, false),
        fact(6, "m2", true),
        decided(7, true, true),
        ended(8, 7),
    ]
}

/// What is found once history and log were changed.
fn found(change: impl FnOnce(&mut Vec<Seen>, &mut Vec<Entry>)) -> Vec<Broken> {
    let (mut seen, mut log) = (history(), log());
    change(&mut seen, &mut log);
    check(&seen, &[log.clone(), log])
}

fn made(entry: &mut Entry) -> &mut Decision {
    match &mut entry.said {
        Said::Decision(made) => Some(made),
        _ => None,
    }
    .unwrap()
}

#[test]
fn a_history_that_holds_is_found_to_hold() {
    assert_eq!(found(|_, _| ()), []);
    assert_eq!(check(&history(), &[]), [Broken::NoLog]);
}

#[test]
fn what_was_never_answered_may_be_there_or_not() {
    let never = |mut one: Seen| {
        one.returned = None;
        if let What::Asked { answer, .. } = &mut one.what {
            *answer = None;
        }
        one
    };
    let unheard = found(|seen, _| {
        seen.push(never(told(0, 0, "m9", false)));
        seen.push(never(asked(0, 0, 99, true)));
        seen.push(Seen { returned: None, ..released(77) });
        seen[1] = never(seen[1].clone());
    });
    assert_eq!(unheard, []);
}

#[test]
fn a_lost_answer_is_found() {
    assert_eq!(found(|_, log| made(&mut log[5]).permit = true), [Broken::LostAnswer(5)]);
    assert_eq!(found(|_, log| made(&mut log[1]).about = "bob reads".to_owned()), [Broken::LostAnswer(1)]);
    assert_eq!(found(|_, log| made(&mut log[1]).request = None), [Broken::LostAnswer(1)]);
    assert_eq!(found(|_, log| log[5].said = Said::Other), [Broken::LostAnswer(5)]);
    let shorter = found(|seen, log| {
        seen.pop();
        log.truncate(7);
    });
    assert_eq!(shorter, [Broken::LostAnswer(7)]);
}

#[test]
fn a_lost_message_and_a_lost_release_are_found() {
    assert_eq!(found(|_, log| log[3].message = None), [Broken::LostMessage("m1".to_owned())]);
    assert_eq!(found(|_, log| log[8].said = Said::Other), [Broken::LostRelease(7)]);
}

#[test]
fn a_gap_and_a_node_that_tells_another_log_are_found() {
    let gap = found(|_, log| log[8].seq = 9);
    assert_eq!(gap, [Broken::Gap { node: 0, at: 8 }, Broken::Gap { node: 1, at: 8 }]);
    let mut other = log();
    other[5] = decided(5, true, false);
    assert_eq!(check(&history(), &[log(), other]), [Broken::Differs { node: 1, at: 5 }]);
    let mut shorter = log();
    shorter.pop();
    assert_eq!(check(&history(), &[log(), shorter]), [Broken::Differs { node: 1, at: 8 }]);
}

#[test]
fn an_entry_before_one_that_was_over_when_it_began_is_found() {
    // The two permits overlap: either order is right.
    let swapped = |second_begins: u64| {
        found(|seen, log| {
            seen[2].invoked = millis(second_begins);
            seen[2].returned = Some(millis(second_begins + 1));
            seen[2].what = asked(0, 0, 1, true).what;
            seen[1].what = asked(0, 0, 2, true).what;
            log.swap(1, 2);
            (log[1].seq, log[2].seq) = (1, 2);
            for seq in [1, 2] {
                made(&mut log[seq]).request = Some(format!("r{seq}"));
            }
            log[4].said = Said::Ended(1);
        })
    };
    assert_eq!(swapped(12), []);
    assert_eq!(swapped(20), [], "at the same moment is not after");
    assert_eq!(swapped(21), [Broken::OutOfOrder { earlier: 1, later: 2 }]);
}

#[test]
fn whatever_is_there_twice_is_found() {
    assert_eq!(found(|seen, _| seen.push(asked(11, 20, 1, true))), [Broken::AnsweredTwice(1)]);
    assert_eq!(found(|_, log| log.push(ended(9, 7))), [Broken::EndedTwice(7)]);
    let twice = found(|_, log| log.push(fact(9, "m2", true)));
    assert!(twice.contains(&Broken::MessageTwice("m2".to_owned())), "{twice:?}");
    let again = |supersedes| {
        found(|_, log| {
            log.push(decided(9, false, false));
            let again = made(&mut log[9]);
            again.request = Some("r7".to_owned());
            again.supersedes = supersedes;
        })
    };
    assert_eq!(again(Some(7)), []);
    assert_eq!(again(None), [Broken::DecidedTwice { before: 7, again: 9 }]);
    assert_eq!(again(Some(5)), [Broken::DecidedTwice { before: 7, again: 9 }]);
}

#[test]
fn a_permit_asked_for_after_its_grounds_withdrawal_was_acknowledged_is_found() {
    let permitted = |asked_at: u64| {
        found(|seen, log| {
            seen[4].what = asked(0, 0, 5, true).what;
            seen[4].invoked = millis(asked_at);
            made(&mut log[5]).permit = true;
        })
    };
    let ground = "device d".to_owned();
    let recorded = Broken::WithdrawnWhenRecorded { entry: 5, ground: ground.clone() };
    assert_eq!(permitted(31), [Broken::WithdrawnWhenAsked { entry: 5, ground }, recorded.clone()]);
    // Asked before that: only the order of the log tells.
    assert_eq!(permitted(30), [recorded]);
}

#[test]
fn a_ground_that_may_have_been_given_back_in_between_is_no_withdrawal() {
    let back = |invoked: u64, returned: Option<u64>| {
        let mut one = told(invoked, 0, "m9", true);
        one.returned = returned.map(millis);
        let asked = asked(31, 40, 5, true);
        let mut broken = Vec::new();
        withdrawn_when_asked(&[told(21, 30, "m1", false), one, asked], &mut broken);
        broken.is_empty()
    };
    assert!(back(25, Some(29)), "it overlaps the withdrawal");
    assert!(back(35, Some(60)), "it overlaps the question");
    assert!(back(5, None), "it may happen at any time");
    assert!(!back(5, Some(20)), "it was over before");
    assert!(!back(41, Some(60)), "it began after");
}

#[test]
fn a_permit_whose_ground_was_not_in_force_at_its_place_is_found() {
    let ground = "device d".to_owned();
    let moved = found(|_, log| {
        log.swap(2, 3);
        (log[2].seq, log[3].seq) = (2, 3);
        made(&mut log[3]).request = Some("r2".to_owned());
    });
    assert!(moved.contains(&Broken::LostAnswer(2)), "{moved:?}");
    let never = found(|_, log| made(&mut log[7]).grounds.push("patient p".to_owned()));
    assert_eq!(never, [Broken::WithdrawnWhenRecorded { entry: 7, ground: "patient p".to_owned() }]);
    let late = found(|seen, log| {
        seen.remove(0);
        log[0].said = Said::Other;
    });
    let wanted = |entry| Broken::WithdrawnWhenRecorded { entry, ground: ground.clone() };
    assert_eq!(late, [wanted(1), wanted(2)]);
}

#[test]
fn a_permit_that_was_to_stay_true_and_did_not_end_is_found() {
    let ground = "device d".to_owned();
    let withdrawn = |log: &mut Vec<Entry>| log.push(fact(9, "m3", false));
    let stays = found(|seen, log| {
        withdrawn(log);
        seen.pop();
        log[8].said = Said::Other;
    });
    assert_eq!(stays, [Broken::NotEnded { permit: 7, ground, withdrawn: 9 }]);
    assert_eq!(found(|_, log| withdrawn(log)), []);
    // Whoever is decided again only after the ground was given back holds once more.
    assert_eq!(found(|_, log| log[4].said = Said::Other), []);
}

#[test]
fn leaves_are_read_for_what_matters() {
    let posture = r#"{"v":1,"seq":6,"kind":"device.posture_reported","actor":"caller:mdm","body":{"device":"ws-1","posture":"failed","reason":"P1"}}"#;
    let said = Said::Fact { ground: "device ws-1".to_owned(), holds: false };
    assert_eq!(read(posture).unwrap(), entry(6, "device.posture_reported", Some("P1"), said));
    let opened = r#"{"v":1,"seq":7,"kind":"encounter.opened","patient":"pat_a1","source":{"feed":"adt","message":"M1"},"body":{"encounter":"enc_e1","patient":"pat_a1"}}"#;
    let said = Said::Fact { ground: "patient pat_a1".to_owned(), holds: true };
    assert_eq!(read(opened).unwrap(), entry(7, "encounter.opened", Some("M1"), said));
    let permit = r#"{"v":1,"seq":8,"kind":"decision.made","patient":"pat_a1","device":"ws-1","request":"q-1","body":{"question":{"principal":{"type":"Person","id":"n-amara"},"action":"read_chart","resource":{"type":"Patient","id":"pat_a1"},"asserted":{"context":{"device":"ws-1"}}},"effect":"permit","supersedes":3,"live":true}}"#;
    let made = Decision {
        request: Some("q-1".to_owned()),
        about: "n-amara read_chart ws-1".to_owned(),
        permit: true,
        live: true,
        supersedes: Some(3),
        grounds: vec!["device ws-1".to_owned(), "patient pat_a1".to_owned()],
    };
    assert_eq!(read(permit).unwrap(), entry(8, "decision.made", None, Said::Decision(made)));
    let end = r#"{"v":1,"seq":9,"kind":"permit.ended","body":{"permit":8,"cause":"released","mode":"now"}}"#;
    assert_eq!(read(end).unwrap(), entry(9, "permit.ended", None, Said::Ended(8)));
    assert_eq!(read(r#"{"v":1,"seq":10,"kind":"rota.shift_set","body":{}}"#).unwrap().said, Said::Other);
    assert!(read("{}").is_err());
}
