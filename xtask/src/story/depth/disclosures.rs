//! A patient asks who saw their record; the privacy officer answers with an account, and the asking stands in the ledger too.

use crate::peer::{Node, Sender, handrail};
use crate::step::Outcome;
use crate::story::hospital::{Adt, Feeds, request};
use crate::story::{Teller, expect};
use serde_json::Value;

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let charter = crate::step::root().join("charter");
    let node = Node::start(&dir.path().join("data"), &charter)?;
    let feeds = Feeds::of(&node)?;
    feeds.nurse("n-amara", "Amara Osei", "ED")?;
    feeds.nurse("n-celia", "Celia Brandt", "ED")?;
    feeds.nurse("n-bjorn", "Björn Lindqvist", "WARD-3A")?;
    let ehr = node.caller("ehr")?;
    let mut adt = Sender::connect(node.mllp)?;
    let admit = Adt {
        trigger: "A01",
        control: "D1",
        patient: "930001",
        visit: "V1",
        place: "ED",
        before: "",
        merged: None,
        at: -600,
    };
    adt.accepted(&admit.text()?)?;
    for (who, unit, action) in [
        ("n-amara", "ED", "read_chart"),
        ("n-amara", "ED", "record_observations"),
        ("n-celia", "ED", "read_chart"),
        ("n-bjorn", "WARD-3A", "read_chart"),
    ] {
        ehr.tell("POST", "/access/v1/evaluation", &request(who, action, "930001", unit))?;
    }
    teller.step("a patient is in the ED; two of its nurses open the chart, a nurse of another ward is refused");

    let data = node.data.display().to_string();
    let asked = ["audit", "accounting", "--record-number", "930001", "--data", &data];
    let told = handrail(&asked)?;
    for part in ["Amara Osei", "Celia Brandt", "for treatment", "2 times", "under rule", "Björn Lindqvist"] {
        expect(told.contains(part), || format!("the account does not say {part}:\n{told}"))?;
    }
    let refused = told.split("Refused").nth(1).unwrap_or_default();
    expect(refused.contains("Björn") && !refused.contains("Amara"), || told.clone())?;
    teller.step("the account names both nurses, for what and by which rule, and who was refused");

    let again: Value = serde_json::from_str(&handrail(&[&asked[..], &["--json"]].concat())?)?;
    let looks = again.get("looks").and_then(Value::as_array).map_or(0, Vec::len);
    expect(looks >= 2, || format!("the first account is not in the second: {again}"))?;
    let leaves = handrail(&["ledger", "show", "0", "--count", "1000", "--data", &data])?;
    expect(leaves.contains("ledger.searched") && !leaves.contains("930001"), || {
        "the looking is not recorded, or the record number is".to_owned()
    })?;
    teller.step("that somebody looked stands in the ledger and in the next account; the record number stands nowhere");

    let events = handrail(&["ledger", "export", "-", "--format", "fhir", "--data", &data])?;
    let reads = events.lines().filter(|line| line.contains("IHE.BasicAudit.PatientRead")).count();
    expect(reads == 2, || format!("{reads} PatientReads instead of 2"))?;
    let lines = handrail(&["ledger", "export", "-", "--format", "syslog", "--data", &data])?;
    expect(lines.lines().filter(|line| line.contains("answer=\"deny\"")).count() == 1, || lines.clone())?;
    repository(&node)?;
    teller.step("an audit repository reads the same as FHIR AuditEvents and as syslog, each naming its entry");

    std::fs::remove_file(node.data.join("search.sqlite"))?;
    let once_more = handrail(&asked)?;
    expect(once_more.contains("Amara Osei"), || once_more.clone())?;
    teller.step("without its search file the node makes a new one and answers the same");
    node.stop()
}

fn repository(node: &Node) -> Outcome {
    let (status, _) = node.caller("ehr")?.get("/fhir/AuditEvent")?;
    expect(status == 403, || format!("a caller without the right got {status}"))?;
    let (status, body) = node.caller("audit-repository")?.get("/fhir/AuditEvent?agent=n-bjorn&_count=200")?;
    let bundle: Value = serde_json::from_str(&body)?;
    let alerts = bundle.get("entry").and_then(Value::as_array).map_or(0, |entries| {
        entries.iter().filter(|entry| entry.pointer("/resource/outcome") == Some(&Value::from("8"))).count()
    });
    expect(status == 200 && alerts == 1, || format!("{status}: {body}"))
}
