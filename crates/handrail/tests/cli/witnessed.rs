//! The evidence convinces others: receipts, keys that change, witnesses, and the log over HTTP as any client of such logs reads it.

use crate::desk::{Desk, Node};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command};

/// The verifier that stands alone, built beside the binary under test.
fn verifies(desk: &Desk, args: &[&str]) -> crate::desk::Done {
    let verifier = Path::new(env!("CARGO_BIN_EXE_handrail")).with_file_name("handrail-verify");
    // It belongs to another crate: a run of this crate's tests alone does not build it, and `ledger`'s own tests run it.
    if verifier.exists() {
        crate::desk::done(Command::new(verifier).args(args).current_dir(desk.path(".")))
    } else {
        desk.run(&[&["ledger", "verify"], args].concat())
    }
}

fn asked(node: &Node, token: &str) -> u64 {
    let body = r#"{"subject":{"type":"user","id":"n-1"},"action":{"name":"read_chart"},"resource":{"type":"patient","id":"P1"}}"#;
    let (status, answer) = node.ask("POST", "/access/v1/evaluation", token, "application/json", body);
    assert_eq!(status, 200, "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["context"]["entry"].as_u64().unwrap()
}

/// GET, again while it is not ready yet.
fn got(node: &Node, path: &str, token: &str) -> (u16, String) {
    for _ in 0..400 {
        let (status, body) = node.ask("GET", path, token, "text/plain", "");
        if status != 503 {
            return (status, body);
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    panic!("{path} is never ready");
}

#[test]
fn a_receipt_convinces_somebody_who_has_only_the_key() {
    let desk = Desk::with_store();
    desk.run(&["decide", "--action", "read_chart", "--on", "MRN-4711", "--as", "nora"]).ended(3);
    desk.run(&["ledger", "export", "copy"]).ended(0);
    desk.run(&["ledger", "prove", "2", "--out", "two.tlog-proof", "--entry-out", "two.json"]).ended(0);
    let receipt = std::fs::read_to_string(desk.path("two.tlog-proof")).unwrap();
    assert!(receipt.starts_with("c2sp.org/tlog-proof@v1\nindex 2\n") && !receipt.contains("decision.made"));
    let proven = ["--proof", "two.tlog-proof", "--entry", "two.json", "--key", "copy/log.vkey"];
    if Path::new(env!("CARGO_BIN_EXE_handrail")).with_file_name("handrail-verify").exists() {
        verifies(&desk, &proven).ended(0).says(&["verified: this is entry 2 of"]);
    }
    // A receipt is never written over another.
    desk.run(&["ledger", "prove", "2", "--out", "two.tlog-proof"]).ended(1).notes(&["two.tlog-proof"]);
    let size = std::fs::read_to_string(desk.path("copy/checkpoint")).unwrap().lines().nth(1).unwrap().to_owned();
    desk.run(&["ledger", "growth", &size, "--out", "growth"]).ended(0);
    assert!(std::fs::read_to_string(desk.path("growth")).unwrap().starts_with(&format!("old {size}\n")));
    desk.run(&["ledger", "growth", "999999", "--out", "more"]).ended(1).notes(&["entries, not 999999"]);
}

#[test]
fn after_the_key_was_changed_whoever_held_the_old_one_still_verifies() {
    let desk = Desk::with_store();
    desk.run(&["ledger", "export", "before"]).ended(0);
    desk.run(&["ledger", "keys"]).ended(0).says(&["the beginning", "in force"]);
    let new = desk.run(&["ledger", "rotate-key", "--out", "record"]).ended(0).out;
    let keys = desk.run(&["ledger", "keys", "--json"]).ended(0).json();
    assert_eq!((keys.as_array().unwrap().len(), keys[1]["key"].as_str()), (2, Some(new.trim())));
    desk.run(&["ledger", "export", "after"]).ended(0);
    for key in ["before/log.vkey", new.trim()] {
        let said = verifies(&desk, &["after", "--key", key, "--retained", "before/checkpoint"]).ended(0);
        said.says(&["replaced 1 time", "begins with"]);
    }
    desk.run(&["ledger", "verify"]).ended(0);
    desk.run(&["ledger", "show", "0", "--count", "100"]).ended(0).says(&["ledger.key_rotated"]);
    std::fs::remove_dir_all(desk.path("after/rotations")).unwrap();
    desk.run(&["ledger", "verify", "after", "--key", new.trim()])
        .ended(4)
        .says(&["rotations/1.tlog-proof: is missing"]);
}

/// Ends a process when the test ends.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

#[test]
fn a_witness_cosigns_each_checkpoint_and_one_that_is_down_stops_nothing() {
    let desk = Desk::with_store();
    desk.run(&["ledger", "export", "first"]).ended(0);
    let witness_key = desk.run(&["witness", "init", "--state", "witness", "--name", "witness.example/1"]).ended(0).out;
    let witness_key = witness_key.trim().to_owned();
    desk.run(&["witness", "init", "--state", "witness", "--name", "witness.example/1"])
        .ended(1)
        .notes(&["never replaced"]);
    let (child, address) = desk.witness("first/log.vkey", &[]);
    let witness = Ending(child);
    let configured = format!("[[witness]]\nurl = \"http://{address}\"\nkey = \"{witness_key}\"\n");
    let node = desk.serve_configured(&crate::desk::starter_charter(), &configured);
    desk.run(&["ledger", "export", "cosigned"]).ended(0);
    verifies(&desk, &["cosigned", "--key", "first/log.vkey", "--witness", &witness_key])
        .ended(0)
        .says(&["cosigned by witness.example/1"]);
    desk.run(&["ledger", "verify", "first", "--key", "first/log.vkey", "--witness", &witness_key])
        .ended(4)
        .says(&["cosigned by 0 of the 1"]);
    desk.run(&["doctor"]).ended(0).says(&["witness.example/1 cosigned"]);
    // Down: decisions go on, and the doctor says so.
    drop(witness);
    let token = desk.run(&["caller", "add", "ehr"]).ended(0).out;
    asked(&node, token.trim());
    desk.run(&["ledger", "export", "alone"]).ended(0);
    desk.run(&["doctor"]).ended(0).says(&["look", "did not cosign: it cannot be reached"]);
    assert_eq!(node.stop(), 0);
}

#[test]
fn any_client_of_such_logs_reads_it_but_entries_only_who_may() {
    let desk = Desk::new();
    let charter = desk.charter_copy();
    let systems = charter.join("systems.toml");
    let auditor = "\n[callers.log-mirror]\ntitle = \"Mirror of the log\"\nowner = \"ehr-team\"\nmay = [\"read_ledger\"]\nrate_per_s = 100\n";
    std::fs::write(&systems, std::fs::read_to_string(&systems).unwrap() + auditor).unwrap();
    let node = desk.serve_configured(&charter, "");
    let ehr = desk.run(&["caller", "add", "ehr"]).ended(0).out;
    let other = desk.run(&["caller", "add", "other"]).ended(0).out;
    let auditor = desk.run(&["caller", "add", "log-mirror"]).ended(0).out;
    let (ehr, other, auditor) = (ehr.trim(), other.trim(), auditor.trim());
    let entry = asked(&node, ehr);
    // The receipt is for the caller that was answered, once it is sealed.
    let (status, receipt) = got(&node, &format!("/access/v1/receipt/{entry}"), ehr);
    assert_eq!(status, 200, "{receipt}");
    let text = receipt.clone();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\n") && text.contains(&format!("index {entry}\n")), "{text}");
    for (path, token, expected) in [
        (format!("/access/v1/receipt/{entry}"), other, 404),
        (format!("/access/v1/receipt/{entry}"), "nobody", 401),
        ("/access/v1/receipt/0".to_owned(), ehr, 404),
        ("/access/v1/receipt/999999".to_owned(), ehr, 404),
    ] {
        assert_eq!(got(&node, &path, token).0, expected, "{path}");
    }
    // The checkpoint that the receipt carries says how wide the tiles are.
    let (status, note) = got(&node, "/checkpoint", "");
    assert_eq!(status, 200);
    let size: usize = note.lines().nth(1).unwrap().parse().unwrap();
    assert!(size > usize::try_from(entry).unwrap() && size < 256, "{note}");
    assert_eq!(got(&node, &format!("/tile/0/000.p/{size}"), "").0, 200);
    for wrong in [
        "/tile/0/000",
        "/tile/0/001.p/1",
        "/tile/8/000.p/1",
        "/tile/0/x000/000.p/1",
        "/tile/1/000.p/1",
        "/tile/0/000.p/0",
    ] {
        assert_eq!(got(&node, wrong, "").0, 404, "{wrong}");
    }
    let bundle = format!("/tile/entries/000.p/{size}");
    assert_eq!(got(&node, &bundle, "").0, 401);
    assert_eq!(got(&node, &bundle, ehr).0, 403);
    let (status, entries) = got(&node, &bundle, auditor);
    assert!(status == 200 && entries.contains("decision.made"));
    assert_eq!(got(&node, "/tile/entries/009", auditor).0, 404);
    desk.run(&["ledger", "show", "0", "--count", "100"]).ended(0).says(&["\"how\":\"tiles\""]);
    assert_eq!(node.stop(), 0);
}
