//! `patient`: shown, held, released and erased by somebody at a terminal.

use crate::decisions::{admission, send};
use crate::desk::{Desk, Node};
use std::io::Write as _;
use std::process::Stdio;

/// A desk with a node and a patient in the ED.
fn admitted() -> (Desk, Node) {
    let desk = Desk::new();
    let node = desk.serve();
    let answer = send(&node, &admission("a", "MRN-77", "ER"));
    assert!(answer.contains("MSA|AA"), "{answer}");
    (desk, node)
}

/// Runs a command with lines to read; its exit code and what it said to the terminal.
fn typed(desk: &Desk, args: &[&str], lines: &str) -> (i32, String, String) {
    let mut command = desk.command(args);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_patient_is_shown_held_released_and_erased() {
    let (desk, node) = admitted();
    let of = ["--record-number", "MRN-77"];
    let shown = desk.run(&[&["patient", "show"], &of[..]].concat()).ended(0);
    let shown = shown.says(&["pat_", "Doe, Jane, born 19700101, numbers MRN-77"]);
    desk.run(&["ledger", "show", "--count", "100", "--detail"]).ended(0).says(&["\"detail_of\"", "Doe, Jane"]);
    // Whoever looked at who somebody is stands in that patient's account.
    let account = desk.run(&[&["audit", "accounting", "--json"], &of[..]].concat()).ended(0).json();
    let looks = account["looks"].as_array().unwrap().iter().map(|look| look["how"].as_str().unwrap());
    assert_eq!(looks.collect::<Vec<_>>(), ["identity", "detail", "account"], "{account}");
    desk.run(&[&["audit", "accounting"], &of[..]].concat()).ended(0).says(&["Name     Doe, Jane", "4 times"]);

    let because = [&of[..], &["--reason", "case 7"]].concat();
    desk.run(&[&["patient", "hold", "--owner", "nobody-at-all"], &because[..]].concat())
        .ended(1)
        .notes(&["neither a team nor a person"]);
    desk.run(&[&["patient", "hold", "--owner", "privacy-office"], &because[..]].concat())
        .ended(0)
        .says(&["held: entry"]);
    desk.run(&["patient", "holds"]).ended(0).says(&["privacy-office", "case 7"]);
    desk.run(&[&["patient", "erase", "--yes"], &because[..]].concat()).ended(1).notes(&[
        "under a legal hold since entry",
        "privacy-office",
        "case 7",
    ]);
    desk.run(&[&["patient", "release"], &because[..]].concat()).ended(0).says(&["released: entry"]);
    desk.run(&["patient", "holds"]).ended(0).says(&["no patient is under a hold"]);

    let erase = ["patient", "erase", "--record-number", "-", "--reason", "asked for in writing"];
    let (code, _, said) = typed(&desk, &erase, "MRN-77\nMRN-78\n");
    assert!(code == 1 && said.contains("not the same number; nothing was erased"), "{said}");
    let (code, told, said) = typed(&desk, &erase, "MRN-77\nMRN-77\n");
    assert!(code == 0 && said.contains("Doe, Jane") && said.contains("for ever"), "{said}");
    assert!(told.contains("erased: entry") && told.contains("1 record") && told.contains("2 numbers"), "{told}");
    desk.run(&[&["patient", "show"], &of[..]].concat()).ended(1).notes(&["no patient is known by this number"]);
    let entries =
        desk.run(&["ledger", "show", "--count", "100", "--detail"]).ended(0).says(&["erased on ", "by local:uid"]);
    assert!(!entries.out.contains("Doe"), "{}", entries.out);
    desk.run(&["ledger", "verify"]).ended(0).says(&["verified:"]);
    assert!(!shown.out.is_empty());
    assert_eq!(node.stop(), 0);
    // Without a node too.
    desk.run(&[&["patient", "show"], &of[..]].concat()).ended(1).notes(&["no patient is known by this number"]);
}

#[test]
fn a_reason_that_names_the_patient_is_refused_before_anything_goes() {
    let (desk, node) = admitted();
    let erase = ["patient", "erase", "--yes", "--record-number", "MRN-77", "--reason"];
    desk.run(&[&erase[..], &["mrs doe asked"]].concat()).ended(1).notes(&["the reason names the patient"]);
    desk.run(&[&erase[..], &[" "]].concat()).ended(1).notes(&["a reason is needed"]);
    desk.run(&["patient", "show", "--record-number", "MRN-77"]).ended(0).says(&["Doe, Jane"]);
    drop(node);
}

#[test]
fn a_temporary_patient_is_merged_into_a_known_one_after_both_were_shown_and_taken_out_again() {
    let (desk, node) = admitted();
    let given = desk.run(&["patient", "temporary", "--unit", "ER"]).ended(0).out.trim().to_owned();
    let into = |record: &'static str| ["patient", "merge", &given, "--into", record].map(str::to_owned);
    let run = |args: &[String], lines: &str| typed(&desk, &args.iter().map(String::as_str).collect::<Vec<_>>(), lines);

    // One digit too many.
    let (code, _, said) = run(&into("MRN-777"), "MRN-777\n");
    assert!(code == 1 && said.contains("`MRN-777`: no patient is known by this number"), "{said}");
    let (code, _, said) = run(&into("MRN-77"), "MRN-7\n");
    assert!(code == 1 && said.contains("not the same number; nothing was merged"), "{said}");
    let (code, _, said) = run(&into("MRN-77"), "MRN-77\n");
    assert!(code == 0 && said.contains("Doe, Jane") && said.contains(&given), "{said}");
    let shown = desk.run(&["patient", "show", "--record-number", &given]).ended(0).says(&["Doe, Jane"]);
    assert!(shown.out.contains(", pat_"), "two records: {}", shown.out);
    desk.run(&["patient", "merge", &given, "--into", "MRN-77", "--yes"])
        .ended(1)
        .notes(&["cannot be made one patient"]);

    let part = ["patient", "unmerge", &given, "--from", "MRN-77"];
    let (code, _, said) = typed(&desk, &part, "MRN-77\n");
    assert!(code == 1 && said.contains("nothing was taken back"), "{said}");
    let (code, _, said) = typed(&desk, &part, &format!("{given}\n"));
    assert!(code == 0 && said.contains("two patients again"), "{said}");
    assert!(!desk.run(&["patient", "show", "--record-number", &given]).ended(0).out.contains("Doe"));
    desk.run(&[&part[..], &["--yes"]].concat()).ended(1).notes(&["were not merged with each other"]);
    desk.run(&["patient", "merge", "MRN-77", "--into", "MRN-77", "--yes"]).ended(1).notes(&["a temporary number"]);
    drop(node);
}
