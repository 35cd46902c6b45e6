//! A radiologist with an open order is permitted, wherever they are; not for another patient, and not a day after it is done.

use crate::peer::{Caller, Node, Sender};
use crate::step::{Outcome, root};
use crate::story::hospital::{Feeds, hl7_instant, request};
use crate::story::{Teller, expect};
use serde_json::{Value, json};

const WHO: &str = "d-rosalind";

fn order(control: &str, kind: &str, patient: &str, number: &str, what: &str, at: i64, rest: &str) -> Outcome<String> {
    let (now, at) = (hl7_instant(0)?, hl7_instant(at)?);
    Ok([
        format!("MSH|^~\\&|STORY|HARBOUR|HANDRAIL|HARBOUR|{now}||{kind}|{control}|P|2.5.1"),
        format!("PID|1||{patient}^^^HARBOUR^MR||Sample^Story||19700101|F"),
        format!("ORC|{what}|{number}^EHR|||||||{at}|||D7^Orders^Otto"),
        format!("OBR|1|{number}^EHR||CT^CT head^L{rest}"),
    ]
    .join("\r")
        + "\r")
}

/// OBR-22 to -34 of a result, and who interprets it.
fn result(status: &str, at: i64) -> Outcome<String> {
    Ok(format!("{}{}|||{status}|||||||R9&Radiologist", "|".repeat(18), hl7_instant(at)?))
}

fn may(ehr: &Caller, action: &str, patient: &str) -> Outcome<(bool, Value)> {
    let answer = ehr.tell("POST", "/access/v1/evaluation", &request(WHO, action, patient, "RADIOLOGY"))?;
    Ok((answer.get("decision") == Some(&Value::Bool(true)), answer))
}

fn permitted(ehr: &Caller, action: &str, patient: &str) -> Outcome {
    let (permit, answer) = may(ehr, action, patient)?;
    expect(permit, || format!("{action} of {patient} should be permitted: {answer}"))
}

fn denied(ehr: &Caller, action: &str, patient: &str) -> Outcome {
    let (permit, answer) = may(ehr, action, patient)?;
    expect(!permit, || format!("{action} of {patient} should be denied: {answer}"))
}

/// Tells it.
pub(crate) fn tell(teller: &mut Teller) -> Outcome {
    let dir = tempfile::tempdir()?;
    let node = Node::start(&dir.path().join("data"), &root().join("charter"))?;
    let feeds = Feeds::of(&node)?;
    let person =
        json!({ "id": WHO, "class": "staff", "roles": ["radiologist"], "name": "Rosalind Yalow", "aliases": ["R9"] });
    feeds.identity.tell("PUT", "/feeds/v1/people", &json!({ "people": [person] }))?;
    let ehr = node.caller("ehr")?;
    let mut sender = Sender::connect(node.mllp)?;
    denied(&ehr, "read_chart", "700001")?;
    denied(&ehr, "report_images", "700001")?;
    teller.step("a radiologist at home, on no rota, may neither read the chart of patient 700001 nor report for them");

    let performer = format!("{}R9&Radiologist", "|".repeat(28));
    sender.accepted(&order("R1", "ORM^O01", "700001", "CT-1", "NW", -600, &performer)?)?;
    permitted(&ehr, "read_chart", "700001")?;
    permitted(&ehr, "report_images", "700001")?;
    denied(&ehr, "prescribe", "700001")?;
    denied(&ehr, "read_chart", "700002")?;
    teller.step("a CT is ordered of them: now they read and report; they do not prescribe, and no other patient is open to them");

    sender.accepted(&order("R2", "ORU^R01", "700001", "CT-1", "RE", -300, &result("P", -300)?)?)?;
    permitted(&ehr, "report_images", "700001")?;
    sender.accepted(&order("R3", "ORU^R01", "700001", "CT-1", "RE", -60, &result("F", -60)?)?)?;
    permitted(&ehr, "report_images", "700001")?;
    teller.step("a preliminary result leaves it open; the final one completes it, and for the grace they still may");

    sender.accepted(&order("R4", "ORM^O01", "700003", "CT-3", "NW", -200_000, &performer)?)?;
    permitted(&ehr, "read_chart", "700003")?;
    sender.accepted(&order("R5", "ORU^R01", "700003", "CT-3", "RE", -90_000, &result("F", -90_000)?)?)?;
    denied(&ehr, "read_chart", "700003")?;
    denied(&ehr, "report_images", "700003")?;
    teller.step("an order that was completed more than a day ago, as its late result says, opens nothing any more");

    sender.accepted(&order("R6", "ORM^O01", "700004", "CT-4", "NW", -60, &performer)?)?;
    permitted(&ehr, "read_chart", "700004")?;
    sender.accepted(&order("R7", "ORM^O01", "700004", "CT-4", "CA", -30, "")?)?;
    denied(&ehr, "read_chart", "700004")?;
    teller.step("a cancelled order closes at once");
    node.stop()
}
