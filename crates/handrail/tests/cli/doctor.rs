//! `doctor`: what it finds, and that each fix it names is the one that helps.

use crate::desk::{Desk, done};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_healthy_directory_passes_with_and_without_a_node() {
    let desk = Desk::with_store();
    let said = desk.run(&["doctor"]).ended(0);
    said.says(&[
        " 2. ok    data directory",
        " 3. ok    keys",
        "no node runs here",
        "ok    ledger verifies",
        "ok    charter",
        "look  makers of keys",
        "people of class `vendor` can register nothing",
        "ok    clock",
    ]);
    desk.run(&["doctor", "--ready"]).ended(2).notes(&["no node runs"]);
    let node = desk.serve();
    desk.run(&["doctor", "--ready"]).ended(0);
    let said = desk.run(&["doctor"]).ended(0);
    said.says(&[
        "a node runs and its local socket answers",
        "look  feeds",
        "patients never heard",
        "fix: see that the ADT sender",
        "look  spool",
        "is on the store's own disk",
    ]);
    let listed = desk.run(&["doctor", "--json"]).ended(0).json();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 15);
    assert!((1..).zip(listed).all(|(number, check): (u64, _)| check["number"] == number));
    assert_eq!(node.stop(), 0);
}

#[test]
fn a_directory_that_is_not_there_is_told_how_to_begin() {
    let desk = Desk::new();
    desk.run(&["doctor"]).ended(1).says(&[
        "FAIL  data directory",
        "does not exist",
        "fix: ",
        "handrail serve --charter",
    ]);
    assert!(!desk.data().exists(), "looking makes nothing");
}

#[test]
fn exposed_and_missing_keys_are_found() {
    let desk = Desk::with_store();
    let key = desk.data().join("keys/token");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let said = desk.run(&["doctor"]).ended(1);
    said.says(&["FAIL  keys", "mode 644", "fix: chmod 600 data/keys/token"]).notes(&["1 of 15 checks failed"]);
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    desk.run(&["doctor"]).ended(0);
    std::fs::rename(&key, desk.path("elsewhere")).unwrap();
    desk.run(&["doctor"]).ended(1).says(&["FAIL  keys", "data/keys/token", "fix: restore it from the backup"]);
}

#[test]
fn a_directory_open_to_others_is_found() {
    let desk = Desk::with_store();
    std::fs::set_permissions(desk.data(), PermissionsExt::from_mode(0o755)).unwrap();
    desk.run(&["doctor"]).ended(1).says(&["FAIL  data directory", "mode 755", "fix: chmod 700 data"]);
}

#[test]
fn a_process_without_a_socket_is_found() {
    let desk = Desk::with_store();
    let mut holding = std::process::Command::new("flock");
    let lock = desk.data().join("lock");
    let mut child = holding.args([lock.to_str().unwrap(), "cat"]).stdin(std::process::Stdio::piped()).spawn().unwrap();
    // The lock may be taken between two of the doctor's own checks: only a whole look at a held lock counts.
    let looks = std::iter::repeat_with(|| done(&mut desk.command(&["doctor"]))).take(500);
    let said = looks.into_iter().find(|said| said.out.contains("FAIL  one process")).unwrap();
    said.ended(1).says(&["FAIL  one process", "its local socket does not answer", "fix: wait"]);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_configuration_that_is_wrong_is_one_of_the_checks() {
    let desk = Desk::with_store();
    std::fs::write(desk.path("handrail.toml"), "data = \"data\"\n[listen]\nhtpp = \"127.0.0.1:0\"\n").unwrap();
    desk.run(&["doctor", "--config", "handrail.toml"]).ended(1).says(&[
        " 1. FAIL  configuration",
        "line 3",
        "did you mean `http`?",
        "fix: ",
    ]);
    std::fs::write(
        desk.path("handrail.toml"),
        "data = \"data\"\ncharter = \"nowhere\"\n[listen]\nhttp = \"127.0.0.1:0\"\n",
    )
    .unwrap();
    desk.run(&["doctor", "--config", "handrail.toml"]).ended(1).says(&["FAIL  configuration", "nowhere"]);
}

#[test]
fn a_providers_secret_that_others_may_read_is_one_of_the_checks() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::with_store();
    let secret = desk.path("id.secret");
    std::fs::write(&secret, "a secret of some length\n").unwrap();
    std::fs::write(
        desk.path("handrail.toml"),
        "data = \"data\"\n[listen]\nhttp = \"127.0.0.1:0\"\n[[federation]]\nname = \"hospital-id\"\n\
         issuer = \"https://id.hospital.example\"\nclient_id = \"handrail\"\nclient_secret = \"id.secret\"\n",
    )
    .unwrap();
    let mode = |mode| std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o644);
    let said = desk.run(&["doctor", "--config", "handrail.toml"]).ended(1);
    let said = said.says(&["FAIL  configuration", "`hospital-id`", "others than its owner may use", "mode 644"]);
    assert!(!said.out.contains("a secret of"), "{}", said.out);
    mode(0o600);
    desk.run(&["doctor", "--config", "handrail.toml"]).says(&[" 1. ok    configuration"]);
}
