//! What the binary exports as FHIR, read by somebody else's model of FHIR: `fhir.resources` from PyPI, which knows R4B, whose AuditEvent is R4's.

use crate::peer::{Node, handrail};
use crate::step::{Outcome, root, say};
use crate::story::hospital::{Feeds, request};
use crate::tools;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Exports a small log with permits, denies, sign-ins and searches, and has every AuditEvent read.
pub(crate) fn run() -> Outcome {
    let python = tools::fhir_model()?;
    let dir = tempfile::tempdir()?;
    let node = Node::start(&dir.path().join("data"), &root().join("charter"))?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    let ehr = node.caller("ehr")?;
    for action in ["read_chart", "view_unit_list", "change_configuration"] {
        ehr.tell("POST", "/access/v1/evaluation", &request("n-amara", action, "940001", "ED"))?;
    }
    let data = node.data.display().to_string();
    handrail(&["operator", "link", "m.keller", "--data", &data])?;
    handrail(&["audit", "accounting", "--record-number", "940001", "--data", &data])?;
    let events = handrail(&["ledger", "export", "-", "--format", "fhir", "--data", &data])?;
    node.stop()?;
    let script = root().join("xtask").join("src").join("fhir_model.py");
    let mut reader = Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    reader.stdin.take().ok_or("the model takes no input")?.write_all(events.as_bytes())?;
    let read = reader.wait_with_output()?;
    let told = String::from_utf8_lossy(&read.stdout);
    if !read.status.success() {
        return Err(format!("FHIR AuditEvents do not fit the model: {told}").into());
    }
    say(&format!("FHIR: {}", told.trim()));
    Ok(())
}
