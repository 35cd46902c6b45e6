//! An unknown, unconscious patient is treated under a temporary number and later found to be somebody the house knows.

use crate::peer::{Caller, Node, Sender, handrail};
use crate::step::{Outcome, root};
use crate::story::hospital::{Adt, Feeds, request};
use crate::story::{Teller, expect};
use serde_json::Value;

fn may(ehr: &Caller, patient: &str) -> Outcome<bool> {
    let answer =
        ehr.tell("POST", "/access/v1/evaluation", &request("n-amara", "record_observations", patient, "ED"))?;
    Ok(answer.get("decision") == Some(&Value::Bool(true)))
}

fn merge(control: &'static str, patient: &'static str, merged: &str) -> Outcome<String> {
    Adt { trigger: "A40", control, patient, visit: "", place: "", before: "", merged: Some(merged), at: 0 }.text()
}

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let node = Node::start(&dir.path().join("data"), &root().join("charter"))?;
    let feeds = Feeds::of(&node)?;
    feeds.nurse("n-amara", "Amara Osei", "ED")?;
    let ehr = node.caller("ehr")?;
    let mut adt = Sender::connect(node.mllp)?;
    let known = Adt {
        trigger: "A31",
        control: "U0",
        patient: "800001",
        visit: "",
        place: "",
        before: "",
        merged: None,
        at: -90_000,
    };
    adt.accepted(&known.text()?)?;
    expect(!may(&ehr, "800001")?, || "nobody should be permitted on a patient who is not in the house".to_owned())?;
    teller.step("the house knows patient 800001, who is not in it: the ED nurse may not write in that record");

    let data = node.data.display().to_string();
    let number = handrail(&["patient", "temporary", "--unit", "EMERG", "--data", &data])?.trim().to_owned();
    expect(number.starts_with("TEMP-HR-"), || format!("no temporary number: {number}"))?;
    expect(may(&ehr, &number)?, || "the ED nurse should be permitted on the temporary number".to_owned())?;
    teller.step(
        "somebody comes in unconscious; one command gives them a number, and the ED nurse may treat them at once",
    );

    let slip = adt.send(&merge("U1", "800001", "TEMP-HR-0000-00001")?)?;
    expect(slip.contains("MSA|AR"), || format!("a number nobody gave was taken: {slip}"))?;
    let kept = handrail(&["feed", "rejected", "list", "--data", &data])?;
    expect(kept.contains("never given out") && !kept.contains("800001"), || kept.clone())?;
    teller
        .step("a number with a slip in it is refused; it stands in the list of rejected messages, which names nobody");

    adt.accepted(&merge("U2", "800001", &number)?)?;
    expect(may(&ehr, "800001")?, || "the merged record should be open to the ED nurse".to_owned())?;
    expect(may(&ehr, &number)?, || "the temporary number should still find the patient".to_owned())?;
    teller.step("they turn out to be patient 800001: the records are merged, and either number opens the one patient");

    let split = Adt { trigger: "A37", control: "U3", patient: "800001", merged: Some(&number), ..known };
    adt.accepted(&split.text()?)?;
    expect(!may(&ehr, "800001")? && may(&ehr, &number)?, || "the unmerge should swap the answers".to_owned())?;
    handrail(&["patient", "merge", &number, "--into", "800001", "--yes", "--data", &data])?;
    expect(may(&ehr, "800001")?, || "merging at the console should do the same".to_owned())?;
    teller.step("a mistaken merge is taken back and made again at the console, and access follows each time");
    let replayed = handrail(&["replay", "--data", &data])?;
    expect(replayed.contains("reproduced"), || replayed.clone())?;
    teller.step("every decision is reproduced from the log");
    node.stop()
}
