//! A copy made while a node works, and a store that goes on from it and says so.

use crate::decisions::ward;
use crate::desk::Desk;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_backup_of_a_working_node_is_restored_under_an_origin_that_names_the_old() {
    let (desk, node) = ward();
    let made = desk.run(&["backup", "copy", "--with-keys"]).ended(0).says(&["backed up", "root"]);
    assert_eq!(fs::metadata(desk.path("copy/log.sqlite")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(desk.path("copy/keys/ledger")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!desk.path("copy/log.sqlite-wal").exists());
    drop(made);
    // What happens after the backup is lost, and only that.
    desk.run(&["caller", "add", "late"]).ended(0);
    desk.run(&["ledger", "export", "old"]).ended(0);
    node.stop();
    desk.run(&["ledger", "show", "--count", "1000"]).ended(0).says(&["ledger.backed_up"]);

    let done = desk.run(&["restore", "copy", "--data", "again", "--reason", "the disk died"]);
    done.ended(0).says(&["/restored-", "its key"]).notes(&["do again", "caller list"]);
    desk.run(&["ledger", "verify", "--data", "again"]).ended(0).says(&["verified", "/restored-"]);
    desk.run(&["ledger", "show", "--count", "1000", "--data", "again"]).ended(0).says(&[
        "ledger.restored",
        "the disk died",
        "\"from_origin\":\"handrail.harbour-general.example/ledger\"",
    ]);
    desk.run(&["replay", "--data", "again"]).ended(0);
    let callers = desk.run(&["caller", "list", "--data", "again"]).ended(0);
    assert!(callers.out.contains("rota") && !callers.out.contains("late"), "{}", callers.out);
    // The old name's checkpoint is not taken for the new log's.
    desk.run(&["ledger", "export", "new", "--data", "again"]).ended(0);
    desk.run(&["ledger", "verify", "new", "--key", "old/log.vkey"]).ended(4);
}

#[test]
fn a_backup_without_keys_needs_them_from_elsewhere() {
    let desk = Desk::with_store();
    desk.run(&["backup", "copy"]).ended(0).notes(&["keep a copy of them elsewhere"]);
    assert!(!desk.path("copy/keys").exists());
    desk.run(&["restore", "copy", "--data", "again", "--reason", "a drill"]).ended(1).notes(&["keys"]);
    let done = desk.run(&["restore", "copy", "--data", "third", "--keys", "data", "--reason", "a drill"]);
    done.ended(0);
    desk.run(&["ledger", "verify", "--data", "third"]).ended(0);
    // The first try left nothing in the way, and the folder of keys itself will do.
    desk.run(&["restore", "copy", "--data", "again", "--keys", "data/keys", "--reason", "a drill"]).ended(0);
}

#[test]
fn keys_that_were_rotated_since_bring_an_older_backup_back() {
    let desk = Desk::with_store();
    desk.run(&["backup", "copy"]).ended(0);
    let before = desk.run(&["ledger", "keys", "--json"]).ended(0);
    desk.run(&["ledger", "rotate-key"]).ended(0);
    let vkey = fs::read_to_string(desk.path("copy/log.vkey")).unwrap();
    assert!(before.out.contains(vkey.trim()), "{} {vkey}", before.out);
    let done = desk.run(&["restore", "copy", "--data", "again", "--keys", "data", "--reason", "a drill"]);
    done.ended(0).notes(&["rotated after this backup", vkey.trim()]);
    desk.run(&["ledger", "verify", "--data", "again"]).ended(0);
    // A checkpoint that neither key signed is still refused.
    fs::remove_file(desk.path("copy/log.vkey")).unwrap();
    desk.run(&["restore", "copy", "--data", "third", "--keys", "data", "--reason", "a drill"]).ended(1);
    assert_eq!(fs::read_dir(desk.path("third")).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_restore_that_was_cut_short_is_no_store() {
    let desk = Desk::with_store();
    desk.run(&["backup", "copy", "--with-keys"]).ended(0);
    fs::create_dir_all(desk.path("again/restore.unfinished")).unwrap();
    let charter = crate::desk::starter_charter();
    let serve = ["serve", "--data", "again", "--listen", "127.0.0.1:0", "--charter", charter.to_str().unwrap()];
    desk.run(&serve).ended(1).notes(&["was begun and did not end"]);
    assert!(!desk.path("again/log.sqlite").exists());
    fs::remove_file(desk.path("again/lock")).unwrap();
    desk.run(&["restore", "copy", "--data", "again", "--reason", "a drill"]).ended(0);
    desk.run(&["ledger", "verify", "--data", "again"]).ended(0);
}

#[test]
fn nothing_is_overwritten_and_damage_is_found() {
    let desk = Desk::with_store();
    desk.run(&["backup", "copy", "--with-keys"]).ended(0);
    desk.run(&["backup", "copy", "--with-keys"]).ended(1).notes(&["not empty"]);
    desk.run(&["restore", "copy", "--reason", "a drill"]).ended(1).notes(&["has a store"]);
    desk.run(&["restore", "nowhere", "--data", "again", "--reason", "a drill"]).ended(1).notes(&["no store"]);
    desk.run(&["restore", "copy", "--data", "again", "--reason", " "]).ended(1).notes(&["reason"]);
    // A byte of a sealed entry changed in the backup.
    let path = desk.path("copy/log.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(15).position(|window| window == b"charter.applied").unwrap();
    bytes[at] = b'C';
    fs::write(&path, bytes).unwrap();
    let refused = desk.run(&["restore", "copy", "--data", "again", "--reason", "a drill"]);
    refused.ended(1).notes(&["does not fit"]);
    assert!(!desk.path("again/log.sqlite").exists());
}
