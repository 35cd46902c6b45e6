//! Crashes lose nothing that was answered; anything else done to the file is refused by name.

use super::ward::{SetClock, copy, heard, open, text};
use events::Seq;
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use store::{AppendError, Batch, MigrationError, OpenError, RecoveryError, Store, VerifyError};

/// A closed store of `entries` sealed entries, and its file.
fn sealed(entries: usize) -> (tempfile::TempDir, Connection) {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::of((0..entries).map(|n| heard(&format!("{n}"))).collect())).unwrap();
    store.close();
    let database = Connection::open(dir.path().join("log.sqlite")).unwrap();
    (dir, database)
}

fn reopen(dir: &Path) -> Result<Store, OpenError> {
    Store::open(dir, SetClock::new().options(), Box::new(()))
}

#[test]
fn a_torn_tail_of_the_write_ahead_log_costs_only_what_was_not_synced() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    for n in 0..60 {
        store.append_blocking(Batch::one(heard(&n.to_string()))).unwrap();
    }
    let whole = fs::read(dir.path().join("log.sqlite-wal")).unwrap();
    let leaves = folded.leaves();
    let mut lengths = std::collections::BTreeSet::new();
    for cut in [0, 1, 24, 4096, 4119, 4120, 4121, 20_000, whole.len() / 2, whole.len() - 1, whole.len()] {
        for garbage in [false, true] {
            let torn = tempfile::tempdir().unwrap();
            copy(dir.path(), torn.path());
            let mut wal = whole[..whole.len() - cut].to_vec();
            if garbage {
                // The blocks were allocated but never written.
                wal.resize(whole.len(), 0xa5);
            }
            fs::write(torn.path().join("log.sqlite-wal"), wal).unwrap();
            // What is torn here was synced, and may have been signed: no power loss takes that, so the checkpoint beside the store would object.
            let _none_yet = fs::remove_file(torn.path().join("last-checkpoint"));
            let (store, survived) = open(torn.path(), SetClock::new().options());
            let survived = survived.leaves();
            assert_eq!(survived, leaves[..survived.len()], "a beginning of the log, without gaps");
            lengths.insert(survived.len());
            let next = store.append_blocking(Batch::one(heard("after"))).unwrap();
            assert_eq!(next[0].seq, Seq(survived.len() as u64));
            store.seal_blocking().unwrap();
            assert_eq!(store.verify().unwrap().size, survived.len() as u64 + 1);
        }
    }
    assert!(lengths.len() > 3 && lengths.contains(&60), "{lengths:?}");
}

#[test]
fn an_entry_that_was_changed_is_named() {
    let (dir, database) = sealed(1000);
    database
        .execute("UPDATE entry SET leaf = CAST(replace(leaf, 'ORU^R01', 'ORU^R02') AS BLOB) WHERE seq = 777", [])
        .unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::Recovery(RecoveryError::Changed(Seq(777))))));
}

#[test]
fn an_entry_that_was_removed_is_named() {
    let (dir, database) = sealed(1000);
    database.execute("DELETE FROM entry WHERE seq = 400", []).unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::Recovery(RecoveryError::Missing(Seq(400))))));
}

#[test]
fn a_log_that_was_cut_short_is_refused() {
    let (dir, database) = sealed(1000);
    database.execute("DELETE FROM entry WHERE seq >= 990", []).unwrap();
    let refused = reopen(dir.path());
    assert!(matches!(refused, Err(OpenError::Recovery(RecoveryError::Shorter { entries: 990, sealed: 1000 }))));
}

#[test]
fn tiles_that_do_not_give_the_signed_root_are_refused() {
    let (dir, database) = sealed(1000);
    database.execute("UPDATE tile SET bytes = zeroblob(length(bytes)) WHERE level = 1", []).unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::Recovery(RecoveryError::Root { size: 1000 }))));
}

#[test]
fn a_checkpoint_by_another_key_is_refused() {
    let (dir, _database) = sealed(10);
    let (other, _database) = sealed(10);
    fs::copy(other.path().join("keys/ledger"), dir.path().join("keys/ledger")).unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::Recovery(RecoveryError::Checkpoint(_)))));
}

#[test]
fn verify_names_what_was_changed_under_a_running_store() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path(), SetClock::new().options());
    store.append_blocking(Batch::of((0..7000).map(|n| heard(&format!("{n}"))).collect())).unwrap();
    store.seal_blocking().unwrap();
    assert_eq!(store.verify().unwrap().size, 7000);
    let database = Connection::open(dir.path().join("log.sqlite")).unwrap();
    let changed = |change: &str, back: &str| {
        database.execute_batch(change).unwrap();
        let found = store.verify().unwrap_err();
        database.execute_batch(back).unwrap();
        found
    };
    let found = changed(
        "UPDATE entry SET leaf = CAST(replace(leaf, 'ORU^R01', 'ORU^R02') AS BLOB) WHERE seq = 300",
        "UPDATE entry SET leaf = CAST(replace(leaf, 'ORU^R02', 'ORU^R01') AS BLOB) WHERE seq = 300",
    );
    assert!(matches!(found, VerifyError::Changed(Seq(300))), "{found:?}");
    let found = changed(
        "CREATE TABLE kept AS SELECT * FROM tile WHERE level = 1; UPDATE tile SET bytes = zeroblob(length(bytes)) WHERE level = 1",
        "UPDATE tile SET bytes = (SELECT bytes FROM kept) WHERE level = 1",
    );
    assert!(matches!(found, VerifyError::Tile { level: 1, index: 0 }), "{found:?}");
    let found = changed("DELETE FROM entry WHERE seq = 6999", "");
    assert!(matches!(found, VerifyError::Missing(Seq(6999))), "{found:?}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (dir, database) = sealed(10);
    drop(database);
    let path = dir.path().join("log.sqlite");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, vec![0xa5; whole.len()]).unwrap();
    assert!(matches!(reopen(dir.path()), Err(OpenError::Corrupt(_))));
    let mut damaged = whole;
    damaged[4096..].fill(0xa5);
    fs::write(&path, damaged).unwrap();
    let refused = reopen(dir.path());
    assert!(matches!(refused, Err(OpenError::Corrupt(_))), "{refused:?}");
}

#[test]
fn a_newer_or_changed_schema_is_refused() {
    let (dir, database) = sealed(1);
    database.execute("INSERT INTO migration VALUES (1000, 'later', x'00', 0)", []).unwrap();
    let refused = reopen(dir.path());
    assert!(matches!(refused, Err(OpenError::Migration(MigrationError::Newer { stored: 1000, .. }))), "{refused:?}");
    database.execute("DELETE FROM migration WHERE number = 1000", []).unwrap();
    database.execute("UPDATE migration SET checksum = x'00' WHERE number = 1", []).unwrap();
    let refused = reopen(dir.path());
    assert!(matches!(refused, Err(OpenError::Migration(MigrationError::Changed { number: 1, .. }))), "{refused:?}");
}

#[test]
fn a_database_that_fails_is_opened_again_and_what_it_kept_is_folded() {
    let dir = tempfile::tempdir().unwrap();
    let (store, folded) = open(dir.path(), SetClock::new().options());
    let first = store.append_blocking(Batch::one(heard("first"))).unwrap();
    // Somebody else holds the file: the writer's commit fails, and, for all the writer knows, was kept.
    let intruder = Connection::open(dir.path().join("log.sqlite")).unwrap();
    intruder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let kept = events::Leaf::bytes(Seq(1), first[0].recorded_at, &heard("kept").tail().unwrap());
    intruder.execute("INSERT INTO entry (seq, leaf) VALUES (1, ?1)", [&kept]).unwrap();
    let refused = store.append_blocking(Batch::one(heard("refused")));
    assert!(matches!(refused, Err(AppendError::Storage(_))), "{refused:?}");
    assert!(store.health().trouble().unwrap().contains("locked"));
    intruder.execute_batch("COMMIT").unwrap();
    drop(intruder);
    let next = store.append_blocking(Batch::one(heard("next"))).unwrap();
    assert_eq!(next[0].seq, Seq(2));
    assert_eq!(store.health().trouble(), None);
    assert_eq!(folded.leaves().iter().map(|leaf| text(leaf)).collect::<Vec<_>>(), ["first", "kept", "next"]);
    store.seal_blocking().unwrap();
    assert_eq!(store.verify().unwrap().size, 3);
}
