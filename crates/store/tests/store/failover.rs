//! One node over a primary and its synchronous standby: whichever of them is gone, slow or standing still, every answer stands in the log once.

use super::load::{at, holds_together, open_at, under_load, until};
use super::ward::{Remembered, heard, sql, text};
use cluster::{Cluster, Cut, Wire, at_ports};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use store::{AppendError, Batch, Condition, Options, Recorded, Store};

/// How long a commit is watched that must not be answered.
const WATCHED: Duration = Duration::from_millis(700);

/// A primary, its standby, and the address of a database that names both.
fn pair() -> (Cluster, Cluster, String) {
    let primary = Cluster::start(&[], |_| Ok(())).unwrap();
    let standby = primary.standby().unwrap();
    let address = at_ports(&primary.database().unwrap(), &[primary.port(), standby.port()]);
    (primary, standby, address)
}

type Answer = Result<Vec<Recorded<std::sync::Arc<events::Leaf>>>, AppendError>;

/// Appends in a thread of its own; what comes of it.
fn appending(store: &Store, batch: Batch) -> mpsc::Receiver<Answer> {
    let (store, (say, said)) = (store.clone(), mpsc::channel());
    std::thread::spawn(move || say.send(store.append_blocking(batch)));
    said
}

#[test]
fn a_primary_that_is_killed_under_load_is_followed_by_its_standby_with_nothing_lost() {
    let (primary, standby, address) = pair();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &address);
    let answered = under_load(&store, |answered| {
        until("no answers", || answered.load(Ordering::SeqCst) > 100);
        primary.stop().unwrap();
        standby.promote().unwrap();
        let before = answered.load(Ordering::SeqCst);
        until("no answers from the standby", || answered.load(Ordering::SeqCst) > before + 100);
    });
    until("it is not ready", || store.health().condition == Condition::Ready);
    holds_together(dir.path(), store, &folded, &answered);
    // And once more: the standby has one of its own by now.
    let third = standby.standby().unwrap();
    let both = at_ports(&address, &[standby.port(), third.port()]);
    let (store, folded) = open_at(dir.path(), &both);
    let later = under_load(&store, |answered| {
        until("no answers", || answered.load(Ordering::SeqCst) > 20);
        standby.stop().unwrap();
        third.promote().unwrap();
        let before = answered.load(Ordering::SeqCst);
        until("no answers from the third", || answered.load(Ordering::SeqCst) > before + 20);
    });
    assert!(later.is_subset(&folded.leaves().iter().map(|leaf| text(leaf)).collect()));
    holds_together(dir.path(), store, &folded, &answered);
}

#[test]
fn a_primary_that_stands_still_is_left_for_its_standby() {
    let (primary, standby, address) = pair();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &address);
    let answered = under_load(&store, |answered| {
        until("no answers", || answered.load(Ordering::SeqCst) > 50);
        primary.freeze().unwrap();
        standby.promote().unwrap();
        let before = answered.load(Ordering::SeqCst);
        until("no answers from the standby", || answered.load(Ordering::SeqCst) > before + 50);
    });
    holds_together(dir.path(), store, &folded, &answered);
}

#[test]
fn a_commit_whose_answer_died_with_the_primary_is_found_on_the_standby() {
    let primary = Cluster::start(&[], |_| Ok(())).unwrap();
    let standby = primary.standby().unwrap();
    let wire = Wire::to(primary.port()).unwrap();
    let address = at_ports(&primary.database().unwrap(), &[wire.port(), standby.port()]);
    let dir = tempfile::tempdir().unwrap();
    let folded = Remembered::default();
    let options = Options { seal_after: Duration::from_secs(3600), ..at(&address) };
    let store = Store::open(dir.path(), options, Box::new(folded.clone())).unwrap();
    store.append_blocking(Batch::one(heard("before"))).unwrap();
    wire.cut_at_commit(Cut::AfterForGood);
    let batch = Batch::one(heard("lost on the way")).claim("jti", "lost", events::Timestamp::MAX);
    let answer = appending(&store, batch.clone());
    until("it does not commit", || wire.commits_cut() == 1);
    primary.stop().unwrap();
    standby.promote().unwrap();
    // On a slow machine whoever waited was told that it failed; it stands there all the same, and once.
    match answer.recv().unwrap() {
        Ok(recorded) => assert_eq!(recorded[0].seq.0, 1),
        Err(error) => assert!(matches!(error, AppendError::Storage(_)), "{error:?}"),
    }
    until("it is not folded", || folded.len() == 2);
    until("it is not ready", || store.health().condition == Condition::Ready);
    assert!(matches!(store.append_blocking(batch), Err(AppendError::Taken("jti"))));
    let said = BTreeSet::from(["before".to_owned(), "lost on the way".to_owned()]);
    holds_together(dir.path(), store, &folded, &said);
}

/// Commits wait while the standby is down, and are answered when it is back.
fn commits_wait_for(primary: &Cluster, standby: &Cluster, store: &Store, words: &str) {
    standby.stop().unwrap();
    let answer = appending(store, Batch::one(heard(words)));
    let early = answer.recv_timeout(WATCHED);
    assert!(matches!(early, Err(mpsc::RecvTimeoutError::Timeout)), "{words}: {early:?}");
    standby.start_again().unwrap();
    primary.until_it_waits_for_its_standby().unwrap();
    assert_eq!(text(&answer.recv().unwrap().unwrap()[0]), words);
}

#[test]
fn commits_wait_for_a_standby_that_is_down_whatever_the_server_is_told_meanwhile() {
    let (primary, standby, address) = pair();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &address);
    let mut said = BTreeSet::new();
    commits_wait_for(&primary, &standby, &store, "as it was");
    said.insert("as it was".to_owned());
    for lax in ["local", "off", "remote_write"] {
        primary.set("synchronous_commit", lax).unwrap();
        commits_wait_for(&primary, &standby, &store, lax);
        said.insert(lax.to_owned());
    }
    holds_together(dir.path(), store, &folded, &said);
}

#[test]
fn a_commit_that_waited_for_its_standby_in_vain_is_not_answered_and_is_folded_once_the_standby_is_back() {
    let (primary, standby, address) = pair();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &address);
    store.append_blocking(Batch::one(heard("before"))).unwrap();
    standby.stop().unwrap();
    let answer = store.append_blocking(Batch::one(heard("nobody was told")));
    assert!(matches!(answer, Err(AppendError::Storage(_))), "{answer:?}");
    assert!(matches!(store.health().condition, Condition::Failed { .. }));
    assert_eq!(folded.len(), 1, "nothing is folded that could still be lost");
    standby.start_again().unwrap();
    primary.until_it_waits_for_its_standby().unwrap();
    until("it is not ready", || store.health().condition == Condition::Ready);
    store.append_blocking(Batch::one(heard("after"))).unwrap();
    holds_together(dir.path(), store, &folded, &BTreeSet::from(["before".to_owned(), "after".to_owned()]));
}

#[test]
fn over_a_slow_wire_answers_are_late_and_right() {
    let cluster = Cluster::shared();
    let wire = Wire::to(cluster.port()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &at_ports(&cluster.database().unwrap(), &[wire.port()]));
    wire.delay(Duration::from_millis(150));
    let answered = under_load(&store, |answered| until("no answers", || answered.load(Ordering::SeqCst) > 12));
    wire.delay(Duration::ZERO);
    holds_together(dir.path(), store, &folded, &answered);
}

/// The first commit that adds an entry from now on takes so many seconds.
fn the_next_commit_takes(dir: &Path, seconds: u32) {
    sql(
        dir,
        &format!(
            "CREATE SEQUENCE slowed; \
            CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                IF nextval('slowed') = 1 THEN PERFORM pg_sleep({seconds}); END IF; RETURN NULL; END $$; \
            CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON entry DEFERRABLE INITIALLY DEFERRED \
                FOR EACH ROW EXECUTE FUNCTION slow()"
        ),
    );
}

#[test]
fn a_commit_that_takes_longer_than_anybody_waits_is_undone_and_sent_once_more() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &Cluster::shared().database().unwrap());
    the_next_commit_takes(dir.path(), 600);
    let recorded = store.append_blocking(Batch::one(heard("slow"))).unwrap();
    assert_eq!(recorded[0].seq.0, 0);
    assert_eq!(store.health().condition, Condition::Ready);
    holds_together(dir.path(), store, &folded, &BTreeSet::from(["slow".to_owned()]));
}

#[test]
fn a_server_out_of_reach_is_noticed_and_found_again() {
    let cluster = Cluster::shared();
    let wire = Wire::to(cluster.port()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open_at(dir.path(), &at_ports(&cluster.database().unwrap(), &[wire.port()]));
    let answered = under_load(&store, |answered| {
        for stall in [false, true] {
            let before = answered.load(Ordering::SeqCst);
            until("no answers", || answered.load(Ordering::SeqCst) > before + 20);
            if stall {
                wire.stall();
            } else {
                wire.cut();
            }
            until("it is not noticed", || matches!(store.health().condition, Condition::Failed { .. }));
            wire.mend();
        }
        let before = answered.load(Ordering::SeqCst);
        until("no answers after the last", || answered.load(Ordering::SeqCst) > before + 20);
    });
    until("it is not ready", || store.health().condition == Condition::Ready);
    holds_together(dir.path(), store, &folded, &answered);
}
