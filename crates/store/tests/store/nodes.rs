//! Several nodes over one database: one order, nobody records on what they do not know, one of them seals.

use super::load::{at, until};
use super::ward::{Remembered, SetClock, heard, text};
use cluster::Cluster;
use events::{Draft, Leaf, LeafError, Seq, Timestamp};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{AppendError, Apply, Batch, CUT_OFF_AFTER, Condition, OpenError, Options, Store};

/// A directory with the keys of another: what it takes to be a node of the same database.
fn beside(other: &Path) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp").arg("-a").arg(other.join("keys")).arg(dir.path()).status();
    assert!(copied.unwrap().success());
    dir
}

fn open(dir: &Path, options: Options) -> (Store, Remembered) {
    let folded = Remembered::default();
    (Store::open(dir, options, Box::new(folded.clone())).unwrap(), folded)
}

/// Two nodes of one new database.
fn two() -> (String, [(tempfile::TempDir, Store, Remembered); 2]) {
    let address = Cluster::shared().database().unwrap();
    let one = tempfile::tempdir().unwrap();
    let (first, first_folded) = open(one.path(), at(&address));
    let other = beside(one.path());
    let (second, second_folded) = open(other.path(), at(&address));
    (address, [(one, first, first_folded), (other, second, second_folded)])
}

fn texts(folded: &Remembered) -> Vec<String> {
    folded.leaves().iter().map(|leaf| text(leaf)).collect()
}

#[test]
fn two_nodes_under_load_record_in_one_order_and_know_the_same() {
    let (address, [(one, first, first_folded), (_other, second, second_folded)]) = two();
    let answered: BTreeSet<String> = std::thread::scope(|scope| {
        let at_work: Vec<_> = (0..6)
            .map(|thread| {
                let store = if thread % 2 == 0 { &first } else { &second };
                scope.spawn(move || {
                    let mut said = BTreeSet::new();
                    for number in 0..60 {
                        let words = format!("{thread}/{number}");
                        let recorded = store.append_blocking(Batch::one(heard(&words))).unwrap();
                        assert_eq!(text(&recorded[0]), words);
                        // Everything before it is known where it was answered.
                        assert!(store.head().next > recorded[0].seq);
                        said.insert(words);
                    }
                    said
                })
            })
            .collect();
        at_work.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    until("they do not come to the same", || first_folded.len() == 360 && second_folded.len() == 360);
    assert_eq!(first_folded.leaves(), second_folded.leaves());
    assert!((0..).zip(first_folded.leaves()).all(|(seq, leaf)| leaf.seq.0 == seq));
    assert_eq!(texts(&first_folded).into_iter().collect::<BTreeSet<_>>(), answered);
    until("it is not sealed", || first.head().sealed == 360 && second.head().sealed == 360);
    assert_eq!(second.verify().unwrap().size, 360);
    // What was sealed, now by one and now by the other, is what a node that starts finds.
    first.close();
    let (again, folded) = open(one.path(), Options { address: None, ..at(&address) });
    assert_eq!(folded.leaves(), second_folded.leaves());
    assert_eq!(again.verify().unwrap().size, 360);
}

#[test]
fn a_node_that_records_nothing_hears_of_what_others_record() {
    let (_, [(_one, first, _), (_other, second, second_folded)]) = two();
    for number in 0..20 {
        first.append_blocking(Batch::one(heard(&number.to_string()))).unwrap();
        until("it does not hear", || second_folded.len() == number + 1);
    }
    assert_eq!(second.head(), store::Head { sealed: second.head().sealed, ..first.head() });
    assert!(second.health().contact.is_some_and(|contact| contact < CUT_OFF_AFTER));
}

/// A fold in which an entry does not stand once another said the same.
#[derive(Clone, Default)]
struct Once {
    folded: Remembered,
    beside: Arc<std::sync::Mutex<Vec<(Seq, usize, usize)>>>,
}

impl Apply for Once {
    fn apply(&mut self, leaves: &[Arc<Leaf>]) {
        self.folded.apply(leaves);
    }

    fn unreadable(&mut self, seq: Seq, why: &LeafError) {
        self.folded.unreadable(seq, why);
    }

    fn beside(&mut self, _: &store::Reader<'_>, from: Seq, leaves: &[Arc<Leaf>]) -> Result<(), store::ReadError> {
        self.beside.lock().unwrap().push((from, leaves.len(), self.folded.len()));
        Ok(())
    }

    fn stands(&self, draft: &Draft) -> bool {
        let leaf = Leaf { seq: Seq(0), recorded_at: Timestamp::MIN, draft: draft.clone() };
        !texts(&self.folded).contains(&text(&leaf))
    }
}

#[test]
fn what_does_not_stand_after_what_others_recorded_is_not_recorded() {
    let address = Cluster::shared().database().unwrap();
    let one = tempfile::tempdir().unwrap();
    let (first, _) = open(one.path(), at(&address));
    let (other, once) = (beside(one.path()), Once::default());
    let second = Store::open(other.path(), at(&address), Box::new(once.clone())).unwrap();
    let mut refused = 0;
    // Whether the second node knows of the first one's entry when it is asked is a race; that it is not recorded twice is none.
    for round in 0..50 {
        let words = format!("round {round}");
        let (mine, others) = std::thread::scope(|scope| {
            let others = scope.spawn(|| first.append_blocking(Batch::one(heard(&words))));
            (second.append_blocking(Batch::one(heard(&words))), others.join().unwrap())
        });
        others.unwrap();
        match mine {
            Err(AppendError::Stale) => refused += 1,
            Err(error) => panic!("{error}"),
            Ok(_) => {}
        }
    }
    first.append_blocking(Batch::one(heard("last"))).unwrap();
    until("it does not hear", || texts(&once.folded).iter().any(|text| text == "last"));
    // Once only, where the other was first.
    let told = texts(&once.folded);
    assert_eq!(told.len(), 101 - refused);
    assert!(refused > 0, "the race went one way fifty times");
    // What lies beside was read before anything of it was folded, from where the node was.
    assert!(once.beside.lock().unwrap().iter().all(|(from, leaves, known)| from.0 == *known as u64 && *leaves > 0));
}

#[test]
fn another_node_seals_when_the_one_that_did_is_gone() {
    let (_, [(_one, first, _), (_other, second, _)]) = two();
    first.append_blocking(Batch::one(heard("a"))).unwrap();
    first.seal_blocking().unwrap();
    until("it does not notice", || second.head().sealed == 1);
    first.close();
    second.append_blocking(Batch::one(heard("b"))).unwrap();
    until("nobody seals", || second.head().sealed == 2);
    assert_eq!(second.verify().unwrap().size, 2);
}

#[test]
fn a_key_that_is_changed_on_one_node_signs_there_alone_and_is_believed_everywhere() {
    let (address, [(one, first, _), (other, second, _)]) = two();
    second.append_blocking(Batch::one(heard("a"))).unwrap();
    second.seal_blocking().unwrap();
    let rotation = first.rotate_key_blocking(events::Actor::handrail("test")).unwrap();
    until("it is not believed", || second.verifying_key().to_string() == rotation.to);
    let refused = {
        second.append_blocking(Batch::one(heard("b"))).unwrap();
        second.seal_blocking()
    };
    assert!(matches!(second.rotate_key_blocking(events::Actor::handrail("test")), Err(AppendError::Retired)));
    until("the other does not seal", || first.head().sealed == 3 && second.head().sealed == 3);
    assert!(matches!(refused, Err(AppendError::Retired) | Ok(())), "{refused:?}");
    assert_eq!((second.verify().unwrap().size, first.verify().unwrap().size), (3, 3));
    second.close();
    // With the old key it does not start any more; with the new one it does.
    let refused = Store::open(other.path(), at(&address), Box::new(()));
    assert!(matches!(refused, Err(OpenError::OtherKeys { which: "ledger", .. })), "{refused:?}");
    std::fs::copy(one.path().join("keys/ledger"), other.path().join("keys/ledger")).unwrap();
    let (second, _) = open(other.path(), at(&address));
    first.close();
    second.append_blocking(Batch::one(heard("c"))).unwrap();
    until("it does not seal with the new key", || second.head().sealed == 4);
}

#[test]
fn a_node_whose_clock_is_wrong_records_nothing_until_it_is_right() {
    let address = Cluster::shared().database().unwrap();
    let (dir, clock) = (tempfile::tempdir().unwrap(), SetClock::new());
    let now = || {
        let said = Cluster::shared().sql("postgres", "SELECT (extract(epoch FROM now()) * 1000)::bigint").unwrap();
        said.parse::<i64>().unwrap()
    };
    clock.set(now() + 3_600_000);
    let options = Options {
        address: at(&address).address,
        seal_after: Duration::from_millis(50),
        clock_skew_max: Some(Duration::from_secs(60)),
        ..clock.options()
    };
    let (store, _) = open(dir.path(), options);
    let refused = store.append_blocking(Batch::one(heard("from the future")));
    assert!(matches!(refused, Err(AppendError::Storage(_))), "{refused:?}");
    let told = matches!(store.health().condition, Condition::Failed { why } if why.contains("seconds ahead of the database's"));
    assert!(told, "{:?}", store.health());
    clock.set(now());
    until("it is not ready", || store.health().condition == Condition::Ready);
    store.append_blocking(Batch::one(heard("now"))).unwrap();
    assert_eq!(store.head().next, Seq(1));
}

#[test]
fn a_node_knows_that_it_is_cut_off_and_comes_back_without_a_gap() {
    let cluster = Cluster::start(&[], |_| Ok(())).unwrap();
    let address = cluster.database().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), at(&address));
    store.append_blocking(Batch::one(heard("a"))).unwrap();
    cluster.freeze().unwrap();
    until("it does not know", || store.health().is_cut_off());
    assert!(store.health().trouble().is_some());
    cluster.thaw().unwrap();
    until("it is not back", || store.health().trouble().is_none());
    store.append_blocking(Batch::one(heard("b"))).unwrap();
    assert_eq!(texts(&folded), ["a", "b"]);
}

#[test]
fn a_store_does_not_move_while_a_node_is_in_it() {
    let (_, [(one, first, _), (_other, second, _)]) = two();
    first.append_blocking(Batch::one(heard("a"))).unwrap();
    first.close();
    let refused = store::move_store(one.path(), None, Timestamp::MIN);
    let told = format!("{:?}", refused.unwrap_err());
    assert!(told.contains("handrail writer"), "{told}");
    second.append_blocking(Batch::one(heard("b"))).unwrap();
}

#[test]
fn each_node_says_once_a_second_how_it_is() {
    let (_, [(_one, first, _), (_other, second, _)]) = two();
    first.append_blocking(Batch::one(heard("a"))).unwrap();
    first.seal_blocking().unwrap();
    let nodes = || second.read(|reader| reader.nodes()).unwrap();
    until("they do not say", || {
        let said = nodes();
        said.len() == 2 && said.iter().all(|node| node.beats() && node.entries == 1)
    });
    until("nobody says who seals", || nodes().iter().filter(|node| node.sealed == 1).count() == 1);
    assert!(nodes().iter().all(|node| node.condition.is_empty() && node.process.contains('@')));
}
