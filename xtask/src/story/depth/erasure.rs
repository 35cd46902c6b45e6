//! A privacy officer erases a test patient: held first, then gone from every file of the node, under a log that verifies as before.

use crate::peer::{Node, Sender, binary, handrail};
use crate::step::{Outcome, root};
use crate::story::hospital::{Adt, Feeds, request};
use crate::story::{Teller, expect};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// The test patient's record number: nothing else has these digits.
const NUMBER: &str = "7741990263";
/// What messages call the patient.
const FAMILY: &str = "Quillfeather";
/// What the nurse wrote when asking.
const WORDS: &str = "she asked for me by name";

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let node = Node::start(&data, &root().join("charter"))?;
    let mut adt = Sender::connect(node.mllp)?;
    adt.accepted(&message("A01", "E1")?)?;
    let unusable = message("A01", "E2")?.replace("|||||||||||||E-1", "").replace(&format!("{NUMBER}^^^HARBOUR^MR"), "");
    expect(adt.send(&unusable)?.contains("MSA|AR"), || "a message without a number was taken".to_owned())?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    let mut asked = request("n-amara", "record_observations", NUMBER, "ED");
    if let Some(context) = asked.get_mut("context").and_then(Value::as_object_mut) {
        context.insert("reason".to_owned(), json!(WORDS));
    }
    node.caller("ehr")?.tell("POST", "/access/v1/evaluation", &asked)?;
    teller.step("a test patient is admitted, a message about them cannot be used, and a nurse asks and says why");

    nowhere(dir.path())?;
    let shown = patient(&data, &["show", "--record-number", NUMBER])?;
    expect(shown.contains(FAMILY), || format!("who is it? {shown}"))?;
    teller.step("no file of the node has number, name or words in clear, and yet the officer sees who it is");

    held(&data)?;
    teller.step("under a legal hold the patient cannot be erased, and who placed it and why is said");
    erased(&data, teller)?;

    nowhere(dir.path())?;
    adt.accepted(&message("A08", "E3")?)?;
    let again = patient(&data, &["show", "--record-number", NUMBER])?;
    let known = |text: &str| text.lines().next().map(str::to_owned);
    expect(known(&again) != known(&shown), || format!("the same pseudonym as before: {again}"))?;
    teller.step("a later message about the same number is about somebody nobody knew");
    node.stop()?;
    nowhere(dir.path())?;
    teller.step("when the node has stopped, its files and its log have nothing of it either");
    Ok(())
}

fn message(trigger: &str, control: &str) -> Outcome<String> {
    let adt = Adt { trigger, control, patient: NUMBER, visit: "E-1", place: "ED", before: "", merged: None, at: -600 };
    Ok(adt.text()?.replace("Sample^Story", &format!("{FAMILY}^Ottoline")))
}

fn patient(data: &Path, args: &[&str]) -> Outcome<String> {
    let data = data.display().to_string();
    handrail(&[&["patient"], args, &["--data", &data]].concat())
}

fn held(data: &Path) -> Outcome {
    let reason = ["--record-number", NUMBER, "--reason", "case 7"];
    patient(data, &[&["hold", "--owner", "privacy-office"], &reason[..]].concat())?;
    let refused = patient(data, &[&["erase", "--yes"], &reason[..]].concat());
    let said = refused.err().map(|error| error.to_string()).unwrap_or_default();
    expect(said.contains("legal hold") && said.contains("case 7"), || format!("erased under a hold: {said}"))?;
    patient(data, &[&["release"], &reason[..]].concat())?;
    Ok(())
}

fn erased(data: &Path, teller: &mut Teller) -> Outcome {
    let at = data.display().to_string();
    let before = handrail(&["ledger", "verify", "--data", &at])?;
    let export = data.with_extension("before");
    handrail(&["ledger", "export", &export.display().to_string(), "--data", &at])?;
    let args = ["patient", "erase", "--record-number", "-", "--reason", "asked for in writing", "--data", &at];
    typed(&args, &format!("{NUMBER}\nsomething else\n"), false)?;
    let told = typed(&args, &format!("{NUMBER}\n{NUMBER}\n"), true)?;
    expect(told.contains("1 kept message"), || format!("the message nobody could use is still there: {told}"))?;
    teller.step("the officer erases the patient; a number typed wrongly the second time erased nobody");

    let after = handrail(&["ledger", "verify", "--data", &at])?;
    expect(before.contains("verified") && after.contains("verified"), || format!("{before}{after}"))?;
    let kept = export.display().to_string();
    let key = export.join("log.vkey").display().to_string();
    handrail(&["ledger", "verify", &kept, "--key", &key])?;
    let entries = handrail(&["ledger", "show", "--count", "1000", "--detail", "--data", &at])?;
    expect(entries.contains("erased on ") && entries.contains(" by local:uid"), || entries.clone())?;
    expect(!entries.contains(WORDS) && !entries.contains(NUMBER), || "something is left".to_owned())?;
    teller.step(
        "the log verifies, so does the export made before, and the entries say when and by whom the detail was erased",
    );
    Ok(())
}

/// Runs the binary with lines to read; its standard output.
fn typed(args: &[&str], lines: &str, well: bool) -> Outcome<String> {
    let mut child = Command::new(binary())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().ok_or("no standard input")?.write_all(lines.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    expect(output.status.success() == well, || format!("handrail {}: {}: {said}", args.join(" "), output.status))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// No file under a directory has anything that tells who the patient is, written in any way a program would.
fn nowhere(dir: &Path) -> Outcome {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            nowhere(&path)?;
            continue;
        }
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path)?.to_ascii_lowercase();
        for secret in [NUMBER, FAMILY, "Ottoline", WORDS] {
            for written in ways(secret) {
                let found = bytes.windows(written.len()).any(|window| window == written);
                expect(!found, || format!("`{}` tells who the patient is", path.display()))?;
            }
        }
    }
    Ok(())
}

/// A text as bytes, as UTF-16, and in hexadecimal; all in lower case.
fn ways(text: &str) -> [Vec<u8>; 3] {
    let text = text.to_ascii_lowercase();
    let wide = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let hexadecimal: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    [text.into_bytes(), wide, hexadecimal.into_bytes()]
}
