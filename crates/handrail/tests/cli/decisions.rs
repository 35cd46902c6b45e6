//! `decide`, `who` and `replay`: a small ward, told through the feeds, and what people there may do.

use crate::desk::{Desk, Node};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

#[expect(clippy::disallowed_methods, reason = "a node goes by the real time, so its shifts must")]
fn hours_from_now(hours: i64) -> String {
    (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(hours)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Sends one message over MLLP and waits for its acknowledgement.
pub(crate) fn send(node: &Node, message: &str) -> String {
    let mut stream = TcpStream::connect(&node.mllp).unwrap();
    stream.write_all(format!("\u{b}{message}\u{1c}\r").as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while byte[0] != 0x1c {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

/// An admission to a unit.
pub(crate) fn admission(id: &str, record: &str, unit: &str) -> String {
    let at = hours_from_now(-1).replace(['-', ':', 'T', 'Z'], "");
    format!(
        "MSH|^~\\&|ADT|HG|HANDRAIL|HG|{at}+0000||ADT^A01|{id}|P|2.5\rEVN|A01|{at}+0000\r\
         PID|1||{record}^^^HG^MR||Doe^Jane||19700101|F\rPV1|1|I|{unit}^1^1||||||||||||||||V-{record}^^^HG\r"
    )
}

/// A desk with a node on which Nora is a nurse on shift in the ED and Iris one on Ward 3A, and a patient is in the ED.
pub(crate) fn ward() -> (Desk, Node) {
    let desk = Desk::new();
    let node = desk.serve();
    furnish(&desk, &node);
    (desk, node)
}

/// Tells a node of those people and that patient.
pub(crate) fn furnish(desk: &Desk, node: &Node) {
    let token = |name: &str| desk.run(&["caller", "add", name]).ended(0).out.trim().to_owned();
    let (people, rota) = (token("identity"), token("rota"));
    let nurse = |id: &str| json!({ "id": id, "class": "staff", "roles": ["nurse"] });
    node.tell("/feeds/v1/people", &people, &json!({ "people": [nurse("nora"), nurse("iris")] }));
    let shift = |person: &str, unit: &str| {
        json!({ "shift": format!("shift-{person}"), "person": person, "unit": unit,
            "from": hours_from_now(-4), "until": hours_from_now(4) })
    };
    node.tell("/feeds/v1/rota", &rota, &json!({ "shifts": [shift("nora", "ED"), shift("iris", "WARD-3A")] }));
    assert!(send(node, &admission("m1", "MRN-1", "EMERG")).contains("MSA|AA|m1"));
}

const READ: [&str; 8] = ["decide", "--action", "read_chart", "--on", "MRN-1", "--session", "2", "--as"];

fn read_as<'a>(who: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    READ.into_iter().chain([who]).chain(more.iter().copied()).collect()
}

#[test]
fn a_nurse_in_the_unit_may_and_one_from_elsewhere_may_not() {
    let (desk, node) = ward();
    let yes = desk.run(&read_as("nora", &[])).ended(0);
    yes.says(&["YES: nora may", "care-unit", "on shift in ED", "Accountable", "handrail ledger prove"]);
    let no = desk.run(&read_as("iris", &[])).ended(3);
    assert_eq!(no.err, "", "a deny is an answer, not an error");
    let no = no.says(&["NO: iris may not", "What would help", "Turn to", "on shift in WARD-3A", "none permits this"]);
    let (bedside, audit) = no.out.split_once("For whoever has to answer for it").unwrap();
    assert!(bedside.contains("Why") && audit.contains("Accountable"), "{}", no.out);

    let known = desk.run(&read_as("iris", &["--json"])).ended(3).json();
    assert_eq!(known["permitted"], false);
    assert!(!known["explanation"]["accountable"].as_array().unwrap().is_empty());
    // A record nobody knows is answered in the very same words.
    let unknown =
        desk.run(&["decide", "--action", "read_chart", "--on", "MRN-NONE", "--session", "2", "--as", "iris", "--json"]);
    let unknown = unknown.ended(3).json();
    assert_eq!(
        (&known["answer"], &known["explanation"]["remedies"]),
        (&unknown["answer"], &unknown["explanation"]["remedies"])
    );
    drop(node);
}

#[test]
fn who_names_the_people_behind_an_entry() {
    let (desk, node) = ward();
    let entry = desk.run(&read_as("iris", &["--json"])).ended(3).json()["entry"].as_u64().unwrap().to_string();
    let said = desk.run(&["who", &entry]).ended(0);
    said.says(&[
        &format!("Entry {entry}: iris may not"),
        "accepts the clinical risk",
        "operates the control",
        "owns the policies",
    ]);
    // An entry that is no decision has people behind it too.
    desk.run(&["who", "0"]).ended(0).says(&["charter.applied", "handrail:seed", "operates the control"]);
    desk.run(&["who", "999999"]).ended(1).notes(&["there is no entry 999999"]);
    // Without a node the same is read from the store.
    assert_eq!(node.stop(), 0);
    desk.run(&["who", &entry]).ended(0).says(&["iris may not"]);
    // Whoever read of a patient's decision stands in that patient's account.
    desk.run(&["ledger", "prove", &entry]).ended(0);
    let account = desk.run(&["audit", "accounting", "--record-number", "MRN-1", "--json"]).ended(0);
    account.says(&[&format!("who, entry {entry}"), &format!("prove, entry {entry}")]);
}

#[test]
fn what_the_charter_does_not_know_is_denied_and_said_so() {
    let desk = Desk::with_store();
    desk.run(&["decide", "--action", "fly", "--on", "MRN-1", "--as", "nora"])
        .ended(3)
        .says(&["NO: nora may not", "fly"]);
    desk.run(&["decide", "--action", "read_chart", "--on", "MRN-1", "--as", ""]).ended(1).notes(&["id"]);
    desk.run(&["decide", "--action", "read_chart", "--on", "MRN-1", "--as", "nora", "--session", "4"])
        .ended(1)
        .notes(&["1..=3"]);
}

#[test]
fn every_decision_is_reproduced_from_the_log_with_and_without_a_node() {
    let (desk, node) = ward();
    for who in ["nora", "iris", "nobody"] {
        desk.run(&read_as(who, &[]));
    }
    // The world moves on: the earlier decisions must be judged in the world of then.
    let moved = admission("m2", "MRN-1", "W3A").replace("ADT^A01", "ADT^A02").replace("EVN|A01", "EVN|A02");
    assert!(send(&node, &moved).contains("MSA|AA|m2"));
    for who in ["nora", "iris"] {
        desk.run(&read_as(who, &["--device", "ws-1", "--purpose", "TREAT"]));
    }
    desk.run(&["replay"]).ended(0).says(&["5 decisions reproduced bit for bit"]);
    assert_eq!(node.stop(), 0);
    let again = desk.run(&["replay", "--json"]).ended(0).json();
    assert_eq!((again["decisions"].as_u64(), again["different"].as_u64()), (Some(5), Some(0)));
}
