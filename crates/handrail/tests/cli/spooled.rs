//! A node whose store is full: what the spool answers for, and how it comes into the log.

use crate::decisions::furnish;
use crate::desk::{Desk, Node};
use serde_json::{Value, json};

/// More requests than it takes to fill the small store.
const REQUESTS_MAX: usize = 2_000;

fn configure(desk: &Desk, more: &str) {
    let text = "data = \"data\"\ncharter = \"charter\"\n[listen]\nhttp = \"127.0.0.1:0\"\nmllp = \"127.0.0.1:0\"\n";
    std::fs::write(desk.path("node.toml"), format!("{text}{more}")).unwrap();
}

/// Asks whether Nora may read the chart, in a workflow.
fn ask(node: &Node, token: &str, workflow: &str) -> (u16, Value) {
    let asked = json!({
        "subject": { "type": "user", "id": "nora" }, "action": { "name": "read_chart" },
        "resource": { "type": "patient", "id": "MRN-1" },
        "context": { "workflow": workflow, "session": { "level": 2, "age_minutes": 1, "method": "passkey" } },
    });
    let (status, body) = node.ask("POST", "/access/v1/evaluation", token, "application/json", &asked.to_string());
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// Tells of people until the store takes no more.
fn fill(node: &Node, token: &str) {
    for request in 0..REQUESTS_MAX {
        let person =
            |number: usize| json!({ "id": format!("filler-{request}-{number}"), "class": "staff", "roles": ["nurse"] });
        let people = json!({ "people": (0..100).map(person).collect::<Vec<_>>() });
        let (status, _) = node.ask("PUT", "/feeds/v1/people", token, "application/json", &people.to_string());
        if status != 200 {
            return;
        }
    }
    panic!("the store never filled");
}

#[test]
fn a_full_store_answers_from_the_spool_where_the_charter_says_so_and_the_answers_come_into_the_log() {
    let desk = Desk::new();
    let workflows = desk.charter_copy().join("workflows.toml");
    let text = std::fs::read_to_string(&workflows).unwrap();
    // The first workflow is `chart-review`.
    std::fs::write(&workflows, text.replacen("store = \"block\"", "store = \"temporary\"", 1)).unwrap();
    configure(&desk, "[store]\nsize_mib_max = 2\n");
    let node = desk.serve_with(&["--config", "node.toml"]);
    furnish(&desk, &node);
    let token = |name: &str| desk.run(&["caller", "add", name]).ended(0).out.trim().to_owned();
    let (ehr, people) = (token("ehr"), token("identity"));
    fill(&node, &people);
    let from_the_spool = (0..REQUESTS_MAX)
        .map(|_| ask(&node, &ehr, "chart-review"))
        .find(|(_, answer)| !answer["context"]["spooled"].is_null());
    let (status, answer) = from_the_spool.expect("an answer from the spool");
    assert_eq!((status, &answer["decision"]), (200, &Value::Bool(true)), "{answer}");
    let context = &answer["context"];
    assert!(context["entry"].is_null() && context["spooled"]["origin"].as_str().unwrap().ends_with("/spool"));
    assert!(context["temporary"]["text"].as_str().unwrap().contains("cannot be written"), "{answer}");
    assert!(context["obligations"].to_string().contains("ask_again"), "{answer}");
    assert_eq!(ask(&node, &ehr, "ed-chart-review").0, 503, "another workflow waits for the log");
    // The node tries to fold it every second, and says why it cannot.
    let says = |done: &crate::desk::Done| {
        done.out.contains("in the spool cannot come into the log: record 0: the store is full")
    };
    let told = (0..600).map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        desk.run(&["doctor", "--config", "node.toml"])
    });
    let told = told.into_iter().find(says).expect("doctor says that the spool is stuck");
    assert!(told.code != 0 && told.out.contains("FAIL  spool"), "{}", told.out);
    assert_eq!(node.stop(), 0);

    configure(&desk, "");
    let node = desk.serve_with(&["--config", "node.toml"]);
    let mut shown = String::new();
    for from in (0..8_000).step_by(1_000) {
        shown += &desk.run(&["ledger", "show", &from.to_string(), "--count", "1000"]).ended(0).out;
    }
    let entries: Vec<Value> = shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let folded: Vec<&Value> = entries.iter().filter(|entry| entry["spooled"] == context["spooled"]).collect();
    assert_eq!(folded.len(), 1, "once, of {} entries", entries.len());
    assert_eq!(folded[0]["body"]["effect"], "permit");
    assert_eq!(ask(&node, &ehr, "ed-chart-review").0, 200);
    assert_eq!(node.stop(), 0);
    desk.run(&["replay"]).ended(0).says(&["reproduced bit for bit"]);
    desk.run(&["ledger", "verify"]).ended(0);
}
