//! A hospital moves from the embedded store to PostgreSQL in one command and goes on answering.

use crate::peer::{Caller, Node, Sender, handrail, until};
use crate::step::{Outcome, root};
use crate::story::hospital::{Adt, Feeds, request};
use crate::story::{Teller, expect};
use cluster::Cluster;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// How long a node may take to find a server again that came back.
const BACK: Duration = Duration::from_secs(30);

/// A decision about the one patient, which has to be a permit: its entry.
fn permitted(ehr: &Caller) -> Outcome<u64> {
    let answer = ehr.tell("POST", "/access/v1/evaluation", &request("n-amara", "read_chart", "4711", "ED"))?;
    expect(answer.get("decision") == Some(&Value::Bool(true)), || answer.to_string())?;
    Ok(answer.pointer("/context/entry").and_then(Value::as_u64).ok_or("the answer names no entry")?)
}

/// How many decisions are reproduced; that they were looked at is itself an entry.
fn replayed(data: &str) -> Outcome<String> {
    let said = handrail(&["replay", "--data", data])?;
    let (reproduced, _) = said.split_once(", from").filter(|_| said.contains("bit for bit")).ok_or(said.as_str())?;
    Ok(reproduced.to_owned())
}

fn admit(node: &Node) -> Outcome {
    let adt = Adt {
        trigger: "A01",
        control: "M1",
        patient: "4711",
        visit: "V4711",
        place: "ED",
        before: "",
        merged: None,
        at: -60,
    };
    Sender::connect(node.mllp)?.accepted(&adt.text()?)
}

/// Tells it.
pub(super) fn tell(teller: &mut Teller) -> Outcome {
    let cluster = Cluster::start(&[], |_| Ok(()))?;
    let dir = tempfile::tempdir()?;
    let (path, charter) = (dir.path().join("data"), root().join("charter"));
    let data = path.display().to_string();
    let node = Node::start(&path, &charter)?;
    Feeds::of(&node)?.nurse("n-amara", "Amara Osei", "ED")?;
    admit(&node)?;
    let ehr = node.caller("ehr")?;
    let last = permitted(&ehr)?;
    node.stop()?;
    let before = replayed(&data)?;
    teller.step(
        "a hospital works on the embedded store: a nurse is permitted, and every decision is reproduced from the log",
    );

    let address = cluster.database()?;
    let moved = handrail(&["store", "move", "--to", &address, "--data", &data])?;
    expect(moved.contains("moved to postgres://"), || moved.clone())?;
    let after = replayed(&data)?;
    expect(before == after, || format!("before:\n{before}\nafter:\n{after}"))?;
    teller.step("one command moves it into PostgreSQL; rows, root and every decision judged again are the same");

    let node = Node::start(&path, &charter)?;
    let there = ehr.at(node.http);
    let next = permitted(&there)?;
    expect(next > last, || format!("entry {next} after entry {last}"))?;
    let counted = cluster.sql_at(&address, "SELECT count(*) FROM entry")?.parse::<u64>()?;
    expect(counted > next, || format!("{counted} entries in PostgreSQL, and entry {next} was answered"))?;
    teller
        .step("the same node, started as before, answers from there: the token, the nurse and the patient came along");

    cluster.stop()?;
    let down = ehr_asks(&there);
    expect(down != Some(true) || spooled(&path), || "a permit was answered that nothing recorded".to_owned())?;
    cluster.start_again()?;
    until("an answer after the server came back", BACK, || Ok(permitted(&there).is_ok()))?;
    teller.step("PostgreSQL crashes and comes back: the node goes on by itself");

    node.kill()?;
    let node = Node::start(&path, &charter)?;
    let last = permitted(&ehr.at(node.http))?;
    node.stop()?;
    teller.step("the node is killed and started again: it takes its place at the database at once");

    handrail(&["store", "move", "--to", "file", "--data", &data])?;
    let verified = handrail(&["ledger", "verify", "--data", &data])?;
    expect(verified.starts_with("verified"), || verified.clone())?;
    replayed(&data)?;
    let node = Node::start(&path, &charter)?;
    expect(permitted(&ehr.at(node.http))? > last, || "the log did not go on".to_owned())?;
    node.stop()?;
    teller.step("and back into a file: the ledger verifies, and the next decision follows the last");
    Ok(())
}

/// What is answered while nothing can be recorded in the log, if anything.
fn ehr_asks(ehr: &Caller) -> Option<bool> {
    let (_, answer) =
        ehr.send("POST", "/access/v1/evaluation", &request("n-amara", "read_chart", "4711", "ED")).ok()?;
    answer.get("decision")?.as_bool()
}

/// Whether the spool has a record.
fn spooled(data: &Path) -> bool {
    std::fs::read(data.join("spool").join("records")).is_ok_and(|bytes| bytes.starts_with(b"HRs1"))
}
