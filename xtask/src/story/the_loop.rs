//! A feed admits a patient; who may read the chart follows the patient from ward to ward; the ledger proves all of it elsewhere.

use super::hospital::{Adt, Feeds, hasty_charter, request};
use super::{Teller, expect};
use crate::peer::{Caller, Node, Sender, handrail, pause};
use crate::step::Outcome;
use serde_json::Value;
use std::path::Path;

/// Seconds for which the old ward's claim outlives a transfer in this story.
const GRACE_S: u64 = 3;

/// What the nurses want to do: part of active care, and nothing that late charting leaves to a ward the patient has left.
const ACTION: &str = "record_observations";

/// Asks and says whether it was permitted.
fn asked(ehr: &Caller, who: &str, patient: &str, unit: &str) -> Outcome<(bool, Value)> {
    let answer = ehr.tell("POST", "/access/v1/evaluation", &request(who, ACTION, patient, unit))?;
    Ok((answer.get("decision") == Some(&Value::Bool(true)), answer))
}

fn permitted(ehr: &Caller, who: &str, patient: &str, unit: &str) -> Outcome {
    let (permit, answer) = asked(ehr, who, patient, unit)?;
    expect(permit, || format!("{who} should be permitted: {answer}"))
}

fn denied(ehr: &Caller, who: &str, patient: &str, unit: &str) -> Outcome<Value> {
    let (permit, answer) = asked(ehr, who, patient, unit)?;
    expect(!permit, || format!("{who} should be denied: {answer}"))?;
    Ok(answer)
}

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let charter = hasty_charter(dir.path(), GRACE_S)?;
    let data = dir.path().join("data");
    let node = Node::start(&data, &charter)?;
    teller.step("a node starts on an empty directory with the starter charter");

    let feeds = Feeds::of(&node)?;
    feeds.nurse("n-amara", "Amara Osei", "ED")?;
    feeds.nurse("n-bjorn", "Björn Lindqvist", "WARD-3A")?;
    let ehr = node.caller("ehr")?;
    let mut adt = Sender::connect(node.mllp)?;
    teller
        .step("people, shifts and devices are told through the API; two nurses are on shift, in the ED and on ward 3A");

    let admit = Adt {
        trigger: "A01",
        control: "S1",
        patient: "900001",
        visit: "V1",
        place: "ED",
        before: "",
        merged: None,
        at: -600,
    };
    adt.accepted(&admit.text()?)?;
    teller.step("the feed admits patient 900001 to the ED, acknowledged");

    permitted(&ehr, "n-amara", "900001", "ED")?;
    teller.step("the ED nurse may record observations");
    let answer = denied(&ehr, "n-bjorn", "900001", "WARD-3A")?;
    explained(&answer)?;
    teller.step("the ward 3A nurse may not, and is told why, what would help and who is accountable");
    let unknown = denied(&ehr, "n-bjorn", "nobody-knows-this", "WARD-3A")?;
    expect(alike(&answer) == alike(&unknown), || {
        format!("an unknown patient answers differently:\n{answer}\n{unknown}")
    })?;
    teller.step("a record number nobody knows gets the same answer as one that is not hers");

    moved(teller, &ehr, &mut adt)?;
    merged(teller, &ehr, &mut adt)?;
    evidence(teller, &node, &answer, dir.path())?;
    node.stop()?;
    teller.step("the node stops and loses nothing");
    Ok(())
}

fn explained(answer: &Value) -> Outcome {
    let context = answer.get("context").ok_or("no context")?;
    let count = |name: &str| context.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    expect(context.get("reason").is_some_and(Value::is_string), || format!("no reason: {answer}"))?;
    expect(count("remedies") > 0, || format!("no remedy: {answer}"))?;
    expect(count("accountable") > 0, || format!("nobody accountable: {answer}"))
}

/// An answer without what names this one answer.
fn alike(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(context) = answer.get_mut("context").and_then(Value::as_object_mut) {
        for name in ["entry", "evaluation_id", "decided_at", "holds_until"] {
            context.remove(name);
        }
        if let Some(request) = context.get_mut("access_request").and_then(Value::as_object_mut) {
            // Each answer has its own; that both have one is compared.
            for name in ["binding_token", "expires_at"] {
                if let Some(value) = request.get_mut(name) {
                    *value = Value::Null;
                }
            }
        }
    }
    answer
}

fn moved(teller: &mut Teller, ehr: &Caller, adt: &mut Sender) -> Outcome {
    let transfer = Adt {
        trigger: "A02",
        control: "S2",
        patient: "900001",
        visit: "V1",
        place: "WARD-3A",
        before: "ED",
        merged: None,
        at: 0,
    };
    adt.accepted(&transfer.text()?)?;
    permitted(ehr, "n-bjorn", "900001", "WARD-3A")?;
    permitted(ehr, "n-amara", "900001", "ED")?;
    teller.step("the patient moves to ward 3A: its nurse may at once, and for the grace the ED nurse still may");
    pause((GRACE_S + 1) * 1000);
    denied(ehr, "n-amara", "900001", "ED")?;
    permitted(ehr, "n-bjorn", "900001", "WARD-3A")?;
    teller.step("after the grace the ED nurse may not any more");

    let undo = Adt { trigger: "A12", control: "S3", ..transfer };
    adt.accepted(&undo.text()?)?;
    permitted(ehr, "n-amara", "900001", "ED")?;
    denied(ehr, "n-bjorn", "900001", "WARD-3A")?;
    teller.step("the transfer is cancelled: the answers swap back");
    Ok(())
}

fn merged(teller: &mut Teller, ehr: &Caller, adt: &mut Sender) -> Outcome {
    denied(ehr, "n-amara", "900002", "ED")?;
    let merge = Adt {
        trigger: "A40",
        control: "S4",
        patient: "900002",
        visit: "",
        place: "",
        before: "",
        merged: Some("900001"),
        at: 0,
    };
    adt.accepted(&merge.text()?)?;
    permitted(ehr, "n-amara", "900002", "ED")?;
    permitted(ehr, "n-amara", "900001", "ED")?;
    teller.step("records 900001 and 900002 are merged: either number finds the patient");
    let again = adt.send(&merge.text()?)?;
    expect(again.contains("MSA|AA"), || format!("a duplicate was not acknowledged again: {again}"))?;
    teller.step("the same message again is acknowledged again and changes nothing");
    Ok(())
}

fn evidence(teller: &mut Teller, node: &Node, denial: &Value, dir: &Path) -> Outcome {
    let data = node.data.display().to_string();
    let entry = denial.pointer("/context/entry").ok_or("the answer names no entry")?.to_string();
    let who = handrail(&["who", &entry, "--data", &data])?;
    expect(who.contains("accountable") || who.contains("Accountable"), || format!("`who` names nobody:\n{who}"))?;
    teller.step("`handrail who` names who is accountable for the denial");

    let export = dir.join("export").display().to_string();
    handrail(&["ledger", "export", &export, "--data", &data])?;
    let key = std::fs::read_to_string(Path::new(&export).join("log.vkey"))?;
    let verified = handrail(&["ledger", "verify", &export, "--key", key.trim()])?;
    expect(verified.starts_with("verified"), || verified.clone())?;
    teller.step("the ledger is exported and verified elsewhere, with nothing but the public key");

    let bundle = Path::new(&export).join("tile").join("entries");
    let file =
        std::fs::read_dir(&bundle)?.flatten().map(|entry| entry.path()).next().ok_or("no bundle was exported")?;
    let file = if file.is_dir() {
        std::fs::read_dir(file)?.flatten().map(|e| e.path()).next().ok_or("no bundle")?
    } else {
        file
    };
    let mut bytes = std::fs::read(&file)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    std::fs::write(&file, bytes)?;
    let tampered = handrail(&["ledger", "verify", &export, "--key", key.trim()]);
    expect(tampered.is_err(), || "a changed byte was not noticed".to_owned())?;
    teller.step("one changed byte in it is found");

    let replayed = handrail(&["replay", "--data", &data])?;
    expect(replayed.contains("reproduced"), || replayed.clone())?;
    teller.step("every recorded decision is reproduced from log, charter and time");
    Ok(())
}
