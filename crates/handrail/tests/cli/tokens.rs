//! Callers' tokens, sign-in links, and a data directory that is not there, not ours or not writable.

use crate::crowd::exchange;
use crate::desk::{Desk, done, starter_charter};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;

#[test]
fn a_new_token_is_printed_alone() {
    let desk = Desk::with_store();
    let said = desk.run(&["caller", "add", "ehr"]).ended(0);
    let token = said.out.strip_suffix('\n').unwrap();
    assert!(token.len() >= 32 && token.chars().all(|c| c.is_ascii_graphic()), "{:?}", said.out);
    assert_eq!(said.err, "");
}

#[test]
fn a_name_the_charter_does_not_have_is_noted_beside_the_token() {
    let desk = Desk::with_store();
    let said = desk.run(&["caller", "add", "somebody"]).ended(0).notes(&["somebody", "`default`"]);
    assert_eq!(said.out.lines().count(), 1);
    desk.run(&["caller", "list"]).ended(0).says(&["ehr\n", "somebody\n"]);
}

#[test]
fn a_revoked_caller_is_gone() {
    let desk = Desk::with_store();
    desk.run(&["caller", "revoke", "ehr"]).ended(0).notes(&["ehr"]);
    desk.run(&["caller", "list"]).ended(0).says(&["no caller has a token"]);
    desk.run(&["caller", "revoke", "ehr"]).ended(1).notes(&["ehr", "no live token"]);
    desk.run(&["caller", "add", "Süd / 2?"]).ended(0);
    desk.run(&["caller", "revoke", "Süd / 2?"]).ended(0);
    desk.run(&["caller", "add", "two\nlines"]).ended(1).notes(&["two\\nlines", "cannot be a caller's name"]);
    desk.run(&["operator", "link", " "]).ended(1).notes(&["cannot be an operator's name"]);
}

#[test]
fn before_there_is_a_store_it_says_how_to_begin_one() {
    let desk = Desk::new();
    desk.run(&["caller", "add", "ehr"]).ended(1).notes(&["`data` does not exist", "handrail serve", "--charter"]);
    assert!(!desk.data().exists());
    std::fs::create_dir(desk.data()).unwrap();
    desk.run(&["caller", "add", "ehr"]).ended(1).notes(&["no store in it yet", "--charter"]);
}

#[test]
fn a_charter_that_does_not_load_begins_no_store() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.run(&["caller", "add", "ehr", "--charter", "empty"]).ended(1).notes(&["hospital.toml", "does not load"]);
    assert!(!desk.data().exists());
}

#[test]
fn tokens_are_not_in_the_store_as_they_are() {
    let desk = Desk::with_store();
    let token = desk.run(&["caller", "add", "ehr"]).ended(0).out;
    // `hr_ID_SECRET`: the id is no secret, the rest is, and may have underscores itself.
    let secret = token.trim().splitn(3, '_').nth(2).unwrap().as_bytes().to_vec();
    assert!(secret.len() >= 40);
    for file in std::fs::read_dir(desk.data()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file())
    {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
    }
}

#[test]
fn a_sign_in_link_is_printed_alone() {
    let desk = Desk::with_store();
    let said = desk.run(&["operator", "link", "ana"]).ended(0);
    assert!(said.out.starts_with("http://127.0.0.1:") && said.out.lines().count() == 1, "{}", said.out);
}

#[test]
fn an_operators_ways_in_are_listed_and_ended_at_once() {
    let desk = Desk::new();
    let node = desk.serve();
    let (used, unused) =
        (desk.run(&["operator", "link", "ana"]).ended(0), desk.run(&["operator", "link", "bo"]).ended(0));
    let secret = |said: &crate::desk::Done| said.out.trim().rsplit('/').next().unwrap().to_owned();
    let origin = format!("http://{}", node.address());
    let sign_in = |secret: &str| {
        let form = format!("form_token={secret}");
        format!(
            "POST /sign-in HTTP/1.1\r\nhost: {}\r\norigin: {origin}\r\ncontent-type: application/x-www-form-urlencoded\r\n\
             content-length: {}\r\n\r\n{form}",
            node.address(),
            form.len()
        )
    };
    let mut browser = node.connect_from(1);
    let (status, head) = exchange(&mut browser, &sign_in(&secret(&used)));
    assert_eq!(status, 303, "{head}");
    let cookie = head.split_once("set-cookie: ").and_then(|(_, rest)| rest.split(';').next()).unwrap();
    let now = format!("GET / HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\n\r\n", node.address());
    assert_eq!(exchange(&mut browser, &now).0, 200);

    let listed = desk.run(&["operator", "list", "--json"]).ended(0).json();
    let told: Vec<_> = listed.as_array().unwrap().iter().map(|live| (&live["operator"], &live["has"])).collect();
    assert_eq!(told, [(&"ana".into(), &"session".into()), (&"bo".into(), &"link".into())]);
    assert!(listed[0]["last_used"].is_string() && listed[1]["last_used"].is_null(), "{listed}");
    desk.run(&["operator", "list"]).ended(0).says(&["ana", "session", "bo", "link", "last used"]);

    desk.run(&["operator", "revoke", "ana"]).ended(0).notes(&["all links and sessions of `ana` are ended"]);
    desk.run(&["operator", "revoke", "bo"]).ended(0);
    assert_eq!(exchange(&mut browser, &now).0, 401);
    assert_eq!(exchange(&mut browser, &sign_in(&secret(&unused))).0, 410);
    desk.run(&["operator", "list"]).ended(0).says(&["nobody has an unused link or a session"]);
    desk.run(&["operator", "revoke", "ana"]).ended(1).notes(&["`ana` has no unused link and no session"]);
    desk.run(&["ledger", "show", "--count", "100"]).ended(0).says(&["operator.revoked", "local:uid"]);
    assert_eq!(node.stop(), 0);
}

#[test]
fn a_second_node_is_told_that_the_directory_is_taken() {
    let desk = Desk::new();
    let node = desk.serve();
    let charter = starter_charter();
    desk.run(&["serve", "--data", "data", "--charter", charter.to_str().unwrap(), "--listen", "127.0.0.1:0"])
        .ended(1)
        .notes(&["`data` is in use by another process"]);
    assert_eq!(node.stop(), 0);
    desk.run(&["ledger", "verify"]).ended(0).says(&["verified"]);
}

#[test]
fn commands_reach_a_running_node() {
    let desk = Desk::new();
    let node = desk.serve();
    let token = desk.run(&["caller", "add", "ehr"]).ended(0).out;
    let (status, answer) = node.ask("POST", "/access/v1/evaluation", token.trim(), "application/json", "{}");
    assert_eq!(status, 400, "known, but it asked nothing: {answer}");
    let (status, _) = node.ask("POST", "/access/v1/evaluation", "hr_nobody_nothing", "application/json", "{}");
    assert_eq!(status, 401);
    assert_eq!(node.stop(), 0);
}

/// Gives everything to somebody who is not root, who then has less rights than the tests may have.
fn give_to(path: &Path, user: u32) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            give_to(&entry.unwrap().path(), user);
        }
    }
    chown(path, Some(user), Some(user)).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_refused_clearly() {
    const NOBODY: u32 = 65_534;
    let desk = Desk::with_store();
    let root = std::fs::metadata("/proc/self").unwrap();
    let root = std::os::unix::fs::MetadataExt::uid(&root) == 0;
    if root {
        give_to(&desk.path(""), NOBODY);
    }
    std::fs::set_permissions(desk.data(), PermissionsExt::from_mode(0o500)).unwrap();
    std::fs::set_permissions(desk.data().join("log.sqlite"), PermissionsExt::from_mode(0o400)).unwrap();
    std::fs::set_permissions(desk.data().join("lock"), PermissionsExt::from_mode(0o400)).unwrap();
    let as_nobody = |args: &[&str]| {
        let mut command = desk.command(args);
        if root {
            command.uid(NOBODY).gid(NOBODY);
        }
        done(&mut command)
    };
    as_nobody(&["ledger", "verify"]).ended(1).notes(&["cannot be written"]);
    as_nobody(&["doctor"]).ended(1).says(&["FAIL  data directory", "cannot be written", "fix: chmod 700 data"]);
    std::fs::set_permissions(desk.data(), PermissionsExt::from_mode(0o700)).unwrap();
    std::fs::set_permissions(desk.data().join("log.sqlite"), PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::set_permissions(desk.data().join("lock"), PermissionsExt::from_mode(0o600)).unwrap();
    as_nobody(&["ledger", "verify"]).ended(0).says(&["verified"]);
}
